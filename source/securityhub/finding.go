package securityhub

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

var format = &yagura.JSONLog{
	Names:     names,
	Finish:    finish,
	Arrays:    []string{"Findings", "findings"},
	Envelopes: true,
	Inner:     []string{"findings", "Findings"},
	Hooks: map[string]yagura.JSONHook{
		"Network.Protocol":                                   protocol,
		"Network.Direction":                                  direction,
		"Action.NetworkConnectionAction.Protocol":            protocol,
		"Action.NetworkConnectionAction.ConnectionDirection": direction,
	},
}

func protocol(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch strings.ToUpper(yagura.JSONText(s)) {
	case "TCP", "6":
		ev.Traffic.Protocol = 6
	case "UDP", "17":
		ev.Traffic.Protocol = 17
	case "ICMP", "1":
		ev.Traffic.Protocol = 1
	}
}

func direction(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch strings.ToUpper(yagura.JSONText(s)) {
	case "IN", "INBOUND":
		ev.Traffic.Direction = "ingress"
	case "OUT", "OUTBOUND":
		ev.Traffic.Direction = "egress"
	}
}

// finish needs an id, a time, and of ASFF the product: without it the id is not
// unique.
func finish(ev *ocsf.Event, _ *yagura.Object) error {
	about := outline(ev.Raw)
	switch {
	case ev.Finding.UID == "":
		return errors.New("no Id and no finding_info.uid: not a finding")
	case ev.Time == 0 && !about.ocsf:
		return errors.New("no UpdatedAt")
	case ev.Time == 0:
		return errors.New("no time")
	case !about.ocsf && about.product == "":
		return errors.New("no ProductArn: not an ASFF finding")
	case about.ocsf && (ev.Class < 2000 || ev.Class > 2999):
		return fmt.Errorf("class_uid %d is not a finding", ev.Class)
	}
	ev.UID = fmt.Sprintf("%s@%s~%016x", ev.Finding.UID, ev.At().Format("2006-01-02T15:04:05.000000Z"), about.digest)
	if !about.ocsf {
		finishASFF(ev, about)
	}
	switch strings.ToUpper(ev.Finding.Compliance) {
	case "PASSED", "PASS":
		ev.Status = ocsf.StatusSuccess
	case "FAILED", "FAIL":
		ev.Status = ocsf.StatusFailure
	}
	if len(ev.ResourceNames) > 0 {
		ev.Resource = ev.ResourceNames[0]
	}
	return nil
}

func finishASFF(ev *ocsf.Event, about about) {
	ev.Severity = severity(ev.Finding.Severity)
	// arn:aws:securityhub:<region>:<account>:product/aws/inspector
	if arn := strings.SplitN(about.product, ":", 6); len(arn) == 6 {
		if ev.Region == "" {
			ev.Region = arn[3]
		}
		if ev.Finding.Product == "" {
			ev.Finding.Product = strings.TrimPrefix(arn[5], "product/")
		}
	}
	inspector := strings.HasSuffix(about.product, "/inspector")
	switch {
	case len(ev.Finding.CVEs) > 0:
		ev.Class = ocsf.VulnerabilityFinding
	case ev.Finding.Compliance != "" || ev.Finding.Control != "":
		ev.Class = ocsf.ComplianceFinding
	case inspector:
		ev.Class = ocsf.VulnerabilityFinding
	default:
		ev.Class = ocsf.DetectionFinding
	}
	archived := ev.Category == "ARCHIVED"
	if open := ev.Finding.State == "NEW" || ev.Finding.State == "NOTIFIED" || ev.Finding.State == ""; archived && open {
		ev.Finding.State = "ARCHIVED"
	}
	switch {
	case archived || ev.Finding.State == "RESOLVED" || ev.Finding.State == "SUPPRESSED":
		ev.Activity = ocsf.FindingClose
	case about.created != "" && about.created == about.updated:
		ev.Activity = ocsf.FindingCreate
	default:
		ev.Activity = ocsf.FindingUpdate
	}
	for _, r := range ev.ResourceNames {
		if key, ok := strings.CutPrefix(r, "AWS::IAM::AccessKey:"); ok && ev.User.Credential == "" {
			ev.User.Credential = key
		}
		if _, id, ok := strings.Cut(r, ":instance/"); ok && ev.Dst.Instance == "" {
			ev.Dst.Instance = id
		}
	}
}

// severity reads a label or, where only that is given, the normalized number.
func severity(text string) int64 {
	switch text {
	case "INFORMATIONAL":
		return 1
	case "LOW":
		return 2
	case "MEDIUM":
		return 3
	case "HIGH":
		return 4
	case "CRITICAL":
		return 5
	}
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(f >= 0 && f <= 100):
		return 0
	case f >= 90:
		return 5
	case f >= 70:
		return 4
	case f >= 40:
		return 3
	case f >= 1:
		return 2
	}
	return 1
}

// about is what the top level of a finding says beside its columns.
type about struct {
	ocsf             bool
	product          string
	created, updated string
	digest           uint64 // of the members that change while UpdatedAt does not
}

// changeable are the members that BatchUpdateFindings, automation rules and
// Security Hub itself change without a new UpdatedAt or time.
var changeable = map[string]bool{
	"Confidence": true, "Criticality": true, "Note": true, "RelatedFindings": true, "Severity": true, "Types": true,
	"UserDefinedFields": true, "VerificationState": true, "Workflow": true, "WorkflowState": true, "RecordState": true,
	"activity_id": true, "comment": true, "severity_id": true, "status_id": true, "status": true,
}

func outline(raw string) (out about) {
	var s jsonscan.Scanner
	s.Reset([]byte(raw))
	if !s.Object() {
		return out
	}
	for s.Next() {
		key := s.Key()
		if changeable[key] {
			out.digest += digest(&s, key)
			continue
		}
		switch key {
		case "class_uid":
			out.ocsf = true
		case "ProductArn":
			out.product = yagura.JSONText(&s)
		case "CreatedAt":
			out.created = yagura.JSONText(&s)
		case "UpdatedAt":
			out.updated = yagura.JSONText(&s)
		}
	}
	return out
}

// digest sums over the leaves of a value, each with its path, because deliveries
// differ in white space, in the order of members and in whether they write null.
func digest(s *jsonscan.Scanner, path string) (sum uint64) {
	switch {
	case s.Object():
		for s.Next() {
			sum += digest(s, path+"."+s.Key())
		}
	case s.Array():
		for i := 0; s.Next(); i++ {
			sum += digest(s, path+"."+strconv.Itoa(i))
		}
	default:
		v := yagura.JSONText(s)
		if v == "" {
			return 0
		}
		if f, err := strconv.ParseFloat(v, 64); err == nil {
			v = strconv.FormatFloat(f, 'g', -1, 64) // 70 and 70.0
		}
		h := fnv.New64a()
		h.Write([]byte(path + "=" + v))
		sum = h.Sum64()
	}
	return sum
}
