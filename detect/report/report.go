// Package report writes findings in the formats of other tools: OCSF Detection
// Finding (https://schema.ocsf.io/1.6.0/classes/detection_finding) and AWS
// Security Finding Format
// (https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format-syntax.html).
package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Bounds of ASFF.
const (
	asffTitle       = 256
	asffDescription = 1024
	asffRemediation = 512
	asffValue       = 1024
	asffFields      = 50
)

type m = map[string]any

// OCSF gives the finding as a Detection Finding of OCSF 1.6. The document is its
// rule's and may be nil; lang is en or ja.
func OCSF(f *yagura.Finding, d *sigma.Document, lang string) any {
	info := m{
		"uid": f.ID, "title": f.Title.In(lang), "types": compact(f.Type, f.Rule), "first_seen_time": f.First / 1000, "last_seen_time": f.Last / 1000,
		"analytic":       m{"uid": f.Rule, "name": f.Title.EN, "type_id": 1, "type": "Rule"},
		"related_events": events(f),
	}
	if f.Author != "" {
		info["product"] = m{"name": "Yagura", "vendor_name": "Yagura"}
		info["tags"] = []m{{"name": "author", "value": f.Author}}
	}
	if d != nil {
		info["desc"] = d.Description.In(lang)
	}
	var attacks, resources, evidence []m
	for _, t := range f.Techniques {
		attacks = append(attacks, m{"technique": m{"uid": t}, "version": "17"})
	}
	for _, e := range append([]yagura.Entity{f.Subject}, f.Related...) {
		resources = append(resources, m{"uid": e.ID, "type": e.Type, "owner": m{"account": m{"uid": e.Account}}})
	}
	for _, x := range f.Facts {
		evidence = append(evidence, m{"name": x.Name, "data": x.Value})
	}
	out := m{
		"category_uid": 2, "class_uid": 2004, "class_name": "Detection Finding", "activity_id": 1, "type_uid": 200401,
		"time": f.Last / 1000, "count": f.Count, "severity_id": int(f.Severity), "severity": caption(f.Severity),
		"status_id": status(f), "confidence_id": 0, "finding_info": info, "resources": resources, "evidences": evidence,
		"cloud":    m{"provider": "AWS", "region": f.Region, "account": m{"uid": f.Account}},
		"metadata": m{"version": "1.6.0", "product": m{"name": "Yagura", "vendor_name": "Yagura"}},
	}
	if len(attacks) > 0 {
		info["attacks"] = attacks
	}
	if f.Status != "" {
		out["status_detail"] = f.Status
	}
	if d != nil {
		out["remediation"] = m{"desc": d.Do.In(lang)}
		out["risk_details"] = d.Why.In(lang)
	}
	return out
}

// ASFF gives the finding in AWS Security Finding Format, for BatchImportFindings
// of the account that it belongs to.
func ASFF(f *yagura.Finding, d *sigma.Document, lang string) any {
	account, region := cmp.Or(f.Account, "unknown"), cmp.Or(f.Region, "unknown")
	description := f.Title.In(lang)
	if d != nil {
		description = cmp.Or(d.Description.In(lang), description)
	}
	fields := m{"yagura/Rule": f.Rule, "yagura/Author": cut(f.Author, asffValue), "yagura/Attempt": fmt.Sprint(f.Attempt)}
	if f.Status != "" {
		fields["yagura/Status"] = cut(f.Status, asffValue)
	}
	for i, x := range f.Facts {
		if len(fields) < asffFields {
			fields[fmt.Sprintf("yagura/%02d %s", i, cut(x.Name, 100))] = cut(x.Value, asffValue)
		}
	}
	var resources []m
	for _, e := range append([]yagura.Entity{f.Subject}, f.Related...) {
		resources = append(resources, m{"Type": resourceType(e), "Id": cut(cmp.Or(e.ID, "unknown"), 512), "Partition": "aws", "Region": region})
	}
	out := m{
		"SchemaVersion": "2018-10-08", "Id": f.ID, "GeneratorId": "yagura/" + f.Rule, "AwsAccountId": account, "Region": region,
		"ProductArn": "arn:aws:securityhub:" + region + ":" + account + ":product/" + account + "/default",
		"Types":      types(f), "CreatedAt": stamp(f.First), "UpdatedAt": stamp(f.Last),
		"FirstObservedAt": stamp(f.First), "LastObservedAt": stamp(f.Last),
		"Severity":    m{"Label": strings.ToUpper(f.Severity.String())},
		"Title":       cut(f.Title.In(lang), asffTitle),
		"Description": cut(description, asffDescription), "ProductFields": fields, "Resources": resources,
		"Workflow": m{"Status": workflow(f)}, "RecordState": "ACTIVE",
	}
	if d != nil && d.Do.In(lang) != "" {
		out["Remediation"] = m{"Recommendation": m{"Text": cut(d.Do.In(lang), asffRemediation)}}
	}
	return out
}

// resourceType names a subject's kind as ASFF does.
func resourceType(e yagura.Entity) string {
	switch e.Type {
	case "instance":
		return "AwsEc2Instance"
	case "interface":
		return "AwsEc2NetworkInterface"
	case "bucket":
		return "AwsS3Bucket"
	case "account":
		return "AwsAccount"
	}
	if strings.Contains(e.ID, ":role/") {
		return "AwsIamRole"
	}
	if strings.Contains(e.ID, ":user/") {
		return "AwsIamUser"
	}
	return "Other"
}

// types gives ASFF's namespace for the finding.
func types(f *yagura.Finding) []string {
	if f.Type == "" {
		return []string{"TTPs"}
	}
	return []string{"TTPs/" + strings.ReplaceAll(strings.Replace(f.Type, "/", "-", 1), ":", "/")}
}

func workflow(f *yagura.Finding) string {
	if strings.HasPrefix(f.Status, "suppressed") {
		return "SUPPRESSED"
	}
	return "NEW"
}

func status(f *yagura.Finding) int {
	if strings.HasPrefix(f.Status, "suppressed") {
		return 3
	}
	return 1
}

func caption(s yagura.Severity) string {
	name := s.String()
	return strings.ToUpper(name[:1]) + name[1:]
}

func events(f *yagura.Finding) (out []m) {
	for _, e := range f.Events {
		out = append(out, m{"uid": e.UID, "type": e.Source, "first_seen_time": e.Time / 1000})
	}
	return out
}

func compact(texts ...string) (out []string) {
	for _, t := range texts {
		if t != "" {
			out = append(out, t)
		}
	}
	return out
}

func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }

// cut bounds a text without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
