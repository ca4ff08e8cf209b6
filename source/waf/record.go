package waf

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

var format = &yagura.JSONLog{
	Names:  names,
	Finish: finish,
	Hooks: map[string]yagura.JSONHook{
		"httpRequest.headers": headers,
		"ruleGroupList":       ruleGroups,
	},
}

// headers takes out the four headers that have columns. Of a repeated header the
// first counts, but X-Forwarded-For is joined, as a proxy would read it.
func headers(ev *ocsf.Event, s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Next() {
		name, value := header(s)
		var to *string
		switch strings.ToLower(name) {
		case "host":
			to = &ev.HTTP.Host
		case "user-agent":
			to = &ev.HTTP.Agent
		case "referer":
			to = &ev.HTTP.Referrer
		case "x-forwarded-for":
			if ev.HTTP.Forwarded != "" {
				value = ev.HTTP.Forwarded + ", " + value
			}
			ev.HTTP.Forwarded = value
		}
		if to != nil && *to == "" {
			*to = value
		}
	}
}

func header(s *jsonscan.Scanner) (name, value string) {
	if !s.Object() {
		return "", ""
	}
	for s.Next() {
		switch s.Key() {
		case "name":
			name = yagura.JSONText(s)
		case "value":
			value = yagura.JSONText(s)
		}
	}
	return name, value
}

// ruleGroups finds the rule inside a group that ended the inspection.
func ruleGroups(ev *ocsf.Event, s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Next() {
		if !s.Object() {
			continue
		}
		group, rule := "", ""
		for s.Next() {
			switch s.Key() {
			case "ruleGroupId":
				group = yagura.JSONText(s)
			case "terminatingRule":
				rule = ruleID(s)
			}
		}
		if rule != "" && ev.Finding.Generator == "" {
			ev.Finding.Generator = group + "/" + rule
		}
	}
}

func ruleID(s *jsonscan.Scanner) (id string) {
	if !s.Object() {
		return ""
	}
	for s.Next() {
		if s.Key() == "ruleId" {
			id = yagura.JSONText(s)
		}
	}
	return id
}

// whence is what the object's key says of account and region, for records of
// WAF Classic, whose ACL is a bare id.
func whence(key string) (region, account string) {
	_, rest, ok := strings.Cut(key, "AWSLogs/")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) < 3 || parts[1] != "WAFLogs" {
		return "", ""
	}
	return parts[2], parts[0]
}

// finish needs a time and a web ACL.
func finish(ev *ocsf.Event, from *yagura.Object) error {
	if ev.Time == 0 {
		return errors.New("no timestamp")
	}
	if ev.Policy == "" {
		return errors.New("no webaclId: not a WAF log record")
	}
	ev.Class = ocsf.HTTPActivity
	ev.Activity = activity(ev.HTTP.Method)
	switch ev.Action {
	case "ALLOW":
		ev.Status = ocsf.StatusSuccess
	case "BLOCK", "CAPTCHA", "CHALLENGE":
		ev.Status = ocsf.StatusFailure
	}
	if ev.HTTP.Code == 0 { // A token was accepted: WAF answered nothing.
		ev.HTTP.Code = ocsf.Null
	}
	// arn:aws:wafv2:<region>:<account>:…; of CloudFront's ACLs the region is us-east-1.
	if arn := strings.SplitN(ev.Policy, ":", 6); len(arn) == 6 {
		ev.Region, ev.Account = arn[3], arn[4]
	} else {
		ev.Region, ev.Account = whence(from.Key)
	}
	if host, port, err := net.SplitHostPort(ev.HTTP.Host); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil {
			ev.HTTP.Host, ev.HTTP.Port = host, int64(n)
		}
	}
	return nil
}

// activity gives OCSF's activity_id of HTTP Activity.
func activity(method string) int64 {
	switch strings.ToUpper(method) {
	case "", "REDACTED":
		return ocsf.ActivityUnknown
	case "CONNECT":
		return 1
	case "DELETE":
		return 2
	case "GET":
		return 3
	case "HEAD":
		return 4
	case "OPTIONS":
		return 5
	case "POST":
		return 6
	case "PUT":
		return 7
	case "TRACE":
		return 8
	}
	return ocsf.ActivityOther
}
