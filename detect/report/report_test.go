package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Whatever a finding holds, both forms are JSON with the required members, and
// ASFF keeps the bounds beyond which Security Hub refuses a finding.
func TestHostileFindings(t *testing.T) {
	long := strings.Repeat("あ\xff\x00", 4_000)
	f := &yagura.Finding{
		ID: "1", Rule: "r/x", Author: long, Severity: yagura.High, Title: yagura.Text{EN: long, JA: long},
		Subject: yagura.Entity{Type: "principal", ID: long}, Status: "suppressed: " + long, Count: 3, First: 1, Last: 2,
		Events: []yagura.EventRef{{UID: long}}, Related: make([]yagura.Entity, 20),
	}
	for range 100 {
		f.Facts = append(f.Facts, yagura.Fact{Name: long, Value: long})
	}
	d := &sigma.Document{}
	d.Description, d.Do = yagura.Text{EN: long}, yagura.Text{EN: long}
	for _, doc := range []*sigma.Document{nil, d} {
		asff, err := json.Marshal(ASFF(f, doc, "ja"))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Title, Description, GeneratorID, AwsAccountID, ProductArn, CreatedAt string
			ProductFields                                                        map[string]string
			Resources                                                            []struct{ ID string }
			Severity                                                             struct{ Label string }
			Workflow                                                             struct{ Status string }
		}
		if err := json.Unmarshal(asff, &got); err != nil {
			t.Fatal(err)
		}
		if len(asff) > 240<<10 || len(got.Title) > 4*256 || len(got.ProductFields) > 50 || len(got.Resources) > 32 ||
			got.Severity.Label != "HIGH" || got.Workflow.Status != "SUPPRESSED" || got.Description == "" || got.AwsAccountID != "unknown" {
			t.Errorf("%d bytes, %d fields, %d resources, %+v", len(asff), len(got.ProductFields), len(got.Resources), got.Severity)
		}
		ocsf, err := json.Marshal(OCSF(f, doc, "en"))
		if err != nil {
			t.Fatal(err)
		}
		var class struct {
			ClassUID   int `json:"class_uid"`
			TypeUID    int `json:"type_uid"`
			SeverityID int `json:"severity_id"`
			StatusID   int `json:"status_id"`
		}
		if err := json.Unmarshal(ocsf, &class); err != nil || class.ClassUID != 2004 || class.TypeUID != 200401 || class.SeverityID != 4 || class.StatusID != 3 {
			t.Errorf("%v %+v", err, class)
		}
	}
}
