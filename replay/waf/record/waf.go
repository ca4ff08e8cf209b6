package record

import (
	"errors"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// WAF reads records of AWS WAF. The zero value is ready; it is for one goroutine.
type WAF struct{ scan jsonscan.Scanner }

// errNoWAF is a record of something else.
var errNoWAF = errors.New("no timestamp, webaclId or httpRequest: not a record of AWS WAF")

// Read fills r with a record; the texts of r alias raw.
func (d *WAF) Read(raw string, r *Record) error {
	r.reset("waf")
	r.Raw = raw
	r.Missing = yagura.PartBody | yagura.PartFingerprint | yagura.PartOrder
	s := &d.scan
	s.ResetText(raw)
	if !s.Object() {
		return errNoWAF
	}
	request := false
	for s.Next() {
		switch s.Key() {
		case "timestamp":
			n, _ := s.Int()
			r.Time = n * 1000
		case "webaclId":
			r.ACL, _ = s.Str()
		case "terminatingRuleId":
			r.Rule, _ = s.Str()
		case "terminatingRuleType":
			r.RuleType, _ = s.Str()
		case "action":
			name, _ := s.Str()
			r.Action = actions[name]
		case "ruleGroupList":
			r.groups(s)
		case "responseCodeSent":
			r.Status, _ = s.Int()
		case "httpRequest":
			request = s.Kind() == '{'
			r.request(s)
		default:
			r.rest(s)
		}
	}
	if err := s.End(); err != nil {
		return err
	}
	if r.Time <= 0 || r.ACL == "" || !request {
		return errNoWAF
	}
	if r.BodySize < 0 && r.emptyBody() {
		r.BodySize = 0
	}
	return nil
}

// rest reads the members that many records do not have.
func (r *Record) rest(s *jsonscan.Scanner) {
	switch s.Key() {
	case "ja3Fingerprint":
		if r.JA3, _ = s.Str(); r.JA3 != "" {
			r.Missing &^= yagura.PartFingerprint
		}
	case "ja4Fingerprint":
		if r.JA4, _ = s.Str(); r.JA4 != "" {
			r.Missing &^= yagura.PartFingerprint
		}
	case "requestBodySize":
		if n, ok := s.Int(); ok {
			r.BodySize = n
		}
	case "clientAsn":
		r.ASN, _ = s.Int()
	case "captchaResponse":
		r.token(s, &r.Token.Captcha)
	case "challengeResponse":
		r.token(s, &r.Token.Challenge)
	case "oversizeFields":
		if s.Array() {
			for s.Next() {
				if name, _ := s.Str(); name == "REQUEST_HEADERS" || name == "REQUEST_COOKIES" {
					r.Missing |= yagura.PartHeaders
				}
			}
		}
	}
}

func (r *Record) token(s *jsonscan.Scanner, solved *int64) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch s.Key() {
		case "solveTimestamp":
			n, _ := s.Int()
			*solved = n * 1e6
		case "failureReason":
			r.Token.Failure, _ = s.Str()
		}
	}
}

func (r *Record) request(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	path, args, client, country := "", "", "", ""
	for s.Next() {
		switch s.Key() {
		case "clientIp":
			client, _ = s.Str()
		case "country":
			country, _ = s.Str()
		case "headers":
			r.headers(s)
		case "uri":
			path, _ = s.Str()
		case "args":
			args, _ = s.Str()
		case "httpVersion":
			r.Version, _ = s.Str()
		case "httpMethod":
			r.Method, _ = s.Str()
		case "requestId":
			r.ID, _ = s.Str()
		case "fragment":
			r.Fragment, _ = s.Str()
		case "scheme":
			r.Scheme, _ = s.Str()
		case "host":
			r.Host, _ = s.Str()
		}
	}
	r.client(client)
	r.country(country)
	if path == hidden {
		r.Redacted = append(r.Redacted, "uri")
	}
	if args == hidden {
		r.Redacted = append(r.Redacted, "query")
	}
	if r.Method == hidden {
		r.Redacted = append(r.Redacted, "method")
	}
	r.URI = join(path, args)
}

func (r *Record) headers(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Next() {
		if !s.Object() {
			continue
		}
		var h yagura.Header
		for s.Next() {
			switch s.Key() {
			case "name":
				h.Name, _ = s.Str()
			case "value":
				h.Value, _ = s.Str()
			}
		}
		r.Headers = append(r.Headers, h)
		if h.Value == hidden {
			r.Redacted = append(r.Redacted, "header:"+strings.ToLower(h.Name))
		}
		if r.Host == "" && len(h.Name) == 4 && strings.EqualFold(h.Name, "host") {
			r.Host = h.Value
		}
	}
}

// groups finds the rule inside a group that ended the evaluation.
func (r *Record) groups(s *jsonscan.Scanner) {
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
				group, _ = s.Str()
			case "terminatingRule":
				if s.Object() {
					for s.Next() {
						if s.Key() == "ruleId" {
							rule, _ = s.Str()
						}
					}
				}
			}
		}
		if rule != "" && r.Inner == "" {
			r.Group, r.Inner = group, rule
		}
	}
}
