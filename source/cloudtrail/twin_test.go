package cloudtrail

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/ocsf"
)

// twin decodes a record slowly, with encoding/json and without the scanner; it
// shares with the decoder only the tables of verbs and targets.
func twin(raw string) (ev ocsf.Event, ok bool) {
	ev.Reset()
	var m map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &m) != nil || m == nil {
		return ev, false
	}
	ev.Raw = raw
	ev.Version, ev.API.Service, ev.API.Operation = str(m["eventVersion"]), str(m["eventSource"]), str(m["eventName"])
	ev.Region, ev.HTTP.Agent, ev.Code, ev.Message = str(m["awsRegion"]), str(m["userAgent"]), str(m["errorCode"]), str(m["errorMessage"])
	ev.Request, ev.Response = rawValue(m["requestParameters"]), rawValue(m["responseElements"])
	ev.API.Request, ev.UID, ev.EventType, ev.API.Version = str(m["requestID"]), str(m["eventID"]), str(m["eventType"]), str(m["apiVersion"])
	ev.API.ReadOnly, ev.Account, ev.Correlation = boolean(m["readOnly"]), str(m["recipientAccountId"]), str(m["sharedEventID"])
	ev.VPCE, ev.Category = str(m["vpcEndpointId"]), str(m["eventCategory"])
	tls := object(m["tlsDetails"])
	ev.TLS, ev.HTTP.Host = str(tls["tlsVersion"]), str(tls["clientProvidedHostHeader"])
	from := str(m["sourceIPAddress"])
	if a, err := netip.ParseAddr(from); err == nil && a.Zone() == "" {
		ev.Src.IP = a.Unmap().String()
	} else {
		ev.Src.Name = from
	}
	twinResources(&ev, m["resources"])
	twinIdentity(&ev, object(m["userIdentity"]))
	insight := rawValue(m["insightDetails"])
	at, good := twinTime(str(m["eventTime"]))
	major, _, _ := strings.Cut(ev.Version, ".")
	if !good || (ev.API.Operation == "" && insight == "") || (ev.Version != "" && major != "1") {
		return ev, false
	}
	ev.Time = at
	ev.Account = cmp.Or(ev.Account, ev.User.Account)
	switch {
	case insight != "":
		twinInsight(&ev, object(m["insightDetails"]))
	case twinSignIn(&ev):
		twinLogon(&ev, m)
	default:
		ev.Class, ev.Activity, ev.Status = ocsf.APIActivity, activity(ev.API.Operation), ocsf.StatusSuccess
		if ev.EventType == "AwsServiceEvent" {
			ev.Status = ocsf.StatusUnknown
		}
	}
	if ev.Class != ocsf.DetectionFinding && ev.Code+ev.Message != "" {
		ev.Status = ocsf.StatusFailure
	}
	if ev.Resource == "" {
		params := object(m["requestParameters"])
		for _, p := range targets[ev.API.Service] {
			if v := justString(params[p.name]); v != "" {
				ev.Resource, ev.ResourceType = v, p.kind
				break
			}
		}
	}
	return ev, true
}

func twinSignIn(ev *ocsf.Event) bool {
	portal := map[string]bool{"Authenticate": true, "Federate": true, "Logout": true}
	switch ev.API.Service {
	case "sso.amazonaws.com":
		return portal[ev.API.Operation]
	case "signin.amazonaws.com":
		return true
	}
	return strings.EqualFold(ev.EventType, "awsconsolesignin")
}

func twinLogon(ev *ocsf.Event, m map[string]json.RawMessage) {
	kinds := map[string]int64{
		"ConsoleLogin": 1, "SwitchRole": 1, "UserAuthentication": 1, "Authenticate": 1, "Federate": 1,
		"ConsoleLogout": 2, "Logout": 2, "ExitRole": 2,
	}
	ev.Class = ocsf.Authentication
	if ev.Activity = kinds[ev.API.Operation]; ev.Activity == 0 {
		ev.Activity = 99
	}
	said := ""
	if ev.API.Operation != "" {
		said = cmp.Or(justString(object(m["responseElements"])[ev.API.Operation]), justString(object(m["serviceEventDetails"])[ev.API.Operation]))
	}
	ev.Status = map[string]int64{"Success": ocsf.StatusSuccess, "Failure": ocsf.StatusFailure}[said]
	if ev.Session.MFA == ocsf.Unknown {
		ev.Session.MFA = map[string]ocsf.Tri{"Yes": ocsf.True, "No": ocsf.False}[justString(object(m["additionalEventData"])["MFAUsed"])]
	}
}

func twinInsight(ev *ocsf.Event, d map[string]json.RawMessage) {
	ev.Class, ev.Activity = ocsf.DetectionFinding, ocsf.ActivityOther
	f := &ev.Finding
	f.UID, f.Product, f.State, f.Generator = ev.Correlation, "CloudTrail Insights", justString(d["state"]), justString(d["insightType"])
	f.Title = f.Generator
	if op := justString(d["eventName"]); op != "" {
		f.Title += ": " + justString(d["eventSource"]) + " " + op
	}
	if f.Generator != "" {
		f.Types = []string{f.Generator}
	}
	switch f.State {
	case "Start":
		ev.Activity, f.First = ocsf.FindingCreate, ev.Time
	case "End":
		ev.Activity, f.Last = ocsf.FindingClose, ev.Time
	}
}

func twinIdentity(ev *ocsf.Event, u map[string]json.RawMessage) {
	ctx, behalf := object(u["sessionContext"]), object(u["onBehalfOf"])
	attributes, issuer := object(ctx["attributes"]), object(ctx["sessionIssuer"])
	ev.User = ocsf.User{
		Type: str(u["type"]), Name: str(u["userName"]), UID: str(u["arn"]), UIDAlt: cmp.Or(str(u["principalId"]), str(behalf["userId"])),
		Account: str(u["accountId"]), Credential: cmp.Or(str(u["accessKeyId"]), str(u["credentialId"])),
	}
	ev.InvokedBy = str(u["invokedBy"])
	ev.Session = ocsf.Session{
		Issuer: str(issuer["arn"]), IssuerName: str(issuer["userName"]), MFA: boolean(attributes["mfaAuthenticated"]), Created: ocsf.Null,
		Provider: cmp.Or(str(u["identityProvider"]), str(object(ctx["webIdFederationData"])["federatedProvider"]), str(behalf["identityStoreArn"])),
	}
	if at, ok := twinTime(str(attributes["creationDate"])); ok {
		ev.Session.Created = at
	}
	if ev.User.Type == "AssumedRole" || ev.User.Type == "FederatedUser" || strings.HasPrefix(ev.User.UIDAlt, "AROA") {
		if i := strings.IndexByte(ev.User.UIDAlt, ':'); i >= 0 {
			ev.Session.UID = ev.User.UIDAlt[i+1:]
		}
	}
}

func twinResources(ev *ocsf.Event, raw json.RawMessage) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return
	}
	for _, r := range list {
		m := object(r)
		arn := cmp.Or(str(m["ARN"]), str(m["arn"]), str(m["ARNPrefix"]))
		if arn == "" {
			continue
		}
		if ev.ResourceNames == nil {
			ev.Resource, ev.ResourceType = arn, str(m["type"])
		}
		ev.ResourceNames = append(ev.ResourceNames, arn)
	}
}

func twinTime(s string) (int64, bool) {
	for _, layout := range []string{time.RFC3339Nano, "20060102T150405Z0700"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 1970 && len(s) <= 40 {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}

func object(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

func justString(raw json.RawMessage) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	return str(raw)
}

func str(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

func rawValue(raw json.RawMessage) string {
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

func boolean(raw json.RawMessage) ocsf.Tri {
	return map[string]ocsf.Tri{"true": ocsf.True, "false": ocsf.False}[str(raw)]
}
