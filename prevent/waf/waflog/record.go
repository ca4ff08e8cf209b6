// Package waflog writes what a gate decided in the log format of AWS WAF: one
// JSON object a line, so that the waf source and any tool for AWS's logs read
// it (https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html).
//
// A Log formats each entry at once, redacts, samples, and hands the line to a
// queue of bounded size. What the queue has no room for is dropped and counted:
// logging never delays a request. Behind the queue stand sinks: a file that
// rotates, an HTTP collector.
//
// As in AWS's logs no body is logged. Bytes that are not UTF-8 become U+FFFD,
// which is the only loss; a replay of such a request may differ.
//
// In a mode that lets everything pass, a request that the web ACL would have
// blocked is logged as ALLOW, and the rule stands among those that do not end
// the evaluation, with action COUNT and its own action in overriddenAction.
package waflog

import (
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Entry is what is known of one request.
type Entry struct {
	Request *yagura.Request
	Verdict *yagura.Verdict // nil when the request could not be decided
	// Status is that of the answer in place of the application's; 0 when the
	// request passed.
	Status int
	// Source, where it is not empty, goes before that of the log.
	Source Source
	// Reason says why the server itself refused the request, or could not inspect
	// it; it becomes the terminating rule "Yagura_<reason>".
	Reason string
}

// Source says which web ACL and which gateway write.
type Source struct {
	WebACL string // ARN or name
	Name   string // httpSourceName; default "YAGURA"
	ID     string // httpSourceId: the site
}

// Append writes an entry as a line of JSON without the line feed.
func Append(dst []byte, e *Entry, s Source, redact *Redaction) []byte {
	w := &writer{b: dst, redact: redact}
	v := e.Verdict
	if v == nil {
		v = &yagura.Verdict{}
	}
	s.WebACL, s.Name, s.ID = orDefault(e.Source.WebACL, s.WebACL), orDefault(e.Source.Name, s.Name), orDefault(e.Source.ID, s.ID)
	o := outcomeOf(e, v)
	q := e.Request
	w.raw(`{"timestamp":`).number(q.Time / 1000).raw(`,"formatVersion":1,"webaclId":`).text(orDefault(s.WebACL, "yagura"))
	w.raw(`,"terminatingRuleId":`).text(o.rule).raw(`,"terminatingRuleType":`).text(o.kind).raw(`,"action":`).text(o.action)
	w.raw(`,"terminatingRuleMatchDetails":`)
	w.details(o.hits)
	w.raw(`,"httpSourceName":`).text(orDefault(s.Name, "YAGURA")).raw(`,"httpSourceId":`).text(orDefault(s.ID, "-"))
	w.groups(o)
	w.rates(o)
	w.raw(`,"nonTerminatingMatchingRules":`)
	w.passing(o.passing)
	w.raw(`,"requestHeadersInserted":`)
	if e.Status == 0 && len(v.Insert) > 0 {
		w.headers(v.Insert, nil)
	} else {
		w.raw("null")
	}
	w.raw(`,"responseCodeSent":`)
	if e.Status > 0 {
		w.number(int64(e.Status))
	} else {
		w.raw("null")
	}
	w.request(q)
	w.rest(e, v)
	return append(w.b, '}')
}

// outcome is a verdict as the log tells it.
type outcome struct {
	rule, kind, action string
	counted            bool             // blocked by the ACL, and passed all the same
	hits               []yagura.RuleHit // of the rule that decided
	passing            []yagura.RuleHit // of the ACL's other rules
	grouped            []yagura.RuleHit // inside rule groups
}

func outcomeOf(e *Entry, v *yagura.Verdict) outcome {
	o := outcome{rule: orDefault(v.Rule, "Default_Action"), kind: orDefault(v.RuleType, "REGULAR"), action: v.Action.String()}
	refused := e.Reason != "" && !(e.Status > 0 && v.Action == yagura.Block)
	passes := e.Status == 0 && v.Action != yagura.Allow
	switch {
	case refused:
		o.rule, o.kind, o.action = "Yagura_"+e.Reason, "REGULAR", "ALLOW"
		if e.Status > 0 {
			o.action = "BLOCK"
		}
	case passes:
		o.counted, o.action, o.rule, o.kind = true, "ALLOW", "Default_Action", "REGULAR"
	}
	for _, h := range v.Hits {
		own := h.Group == ""
		switch {
		case !own:
			o.grouped = append(o.grouped, h)
		case h.Rule == o.rule && !refused && !passes:
			o.hits = append(o.hits, h)
		default:
			if h.Terminates && (o.counted || refused) {
				h.Action, h.Overridden = yagura.Count, h.Action
			}
			o.passing = append(o.passing, h)
		}
		if !own && h.Terminates && o.action != "ALLOW" && !refused && len(o.hits) == 0 {
			o.hits = append(o.hits, h)
		}
	}
	return o
}

// groups writes ruleGroupList: each group with the rule that ended it and the
// others.
func (w *writer) groups(o outcome) {
	w.raw(`,"ruleGroupList":[`)
	done := map[string]bool{}
	for i, first := range o.grouped {
		if done[first.Group] {
			continue
		}
		done[first.Group] = true
		if len(done) > 1 {
			w.raw(",")
		}
		var ended *yagura.RuleHit
		var others, excluded []yagura.RuleHit
		for _, h := range o.grouped[i:] {
			switch {
			case h.Group != first.Group:
			case h.Excluded:
				excluded = append(excluded, h)
			case h.Terminates && ended == nil:
				ended = &h
			default:
				others = append(others, h)
			}
		}
		w.raw(`{"ruleGroupId":`).text(first.Group).raw(`,"terminatingRule":`)
		if ended == nil {
			w.raw("null")
		} else {
			w.raw(`{"ruleId":`).text(ended.Rule).raw(`,"action":`).text(ended.Action.String()).raw(`,"ruleMatchDetails":`)
			w.details([]yagura.RuleHit{*ended})
			w.raw("}")
		}
		w.raw(`,"nonTerminatingMatchingRules":`)
		w.passing(others)
		w.raw(`,"excludedRules":`)
		w.excluded(excluded)
		w.raw(`,"customerConfig":null}`)
	}
	w.raw("]")
}

// excluded writes the rules that the old form of an override counts.
func (w *writer) excluded(hits []yagura.RuleHit) {
	if len(hits) == 0 {
		w.raw("null")
		return
	}
	for i, h := range hits {
		w.raw(map[bool]string{true: "[", false: ","}[i == 0]).raw(`{"exclusionType":"EXCLUDED_AS_COUNT","ruleId":`).text(h.Rule).raw("}")
	}
	w.raw("]")
}

// rates writes rateBasedRuleList.
func (w *writer) rates(o outcome) {
	w.raw(`,"rateBasedRuleList":[`)
	if o.kind == "RATE_BASED" {
		w.raw(`{"rateBasedRuleName":`).text(o.rule).raw(`}`)
	}
	w.raw("]")
}

// passing writes rules that do not end the evaluation; several hits of one rule
// are one.
func (w *writer) passing(hits []yagura.RuleHit) {
	w.raw("[")
	for i := 0; i < len(hits); {
		n := i + 1
		for n < len(hits) && hits[n].Rule == hits[i].Rule && hits[n].Action == hits[i].Action {
			n++
		}
		if i > 0 {
			w.raw(",")
		}
		h := hits[i]
		w.raw(`{"ruleId":`).text(h.Rule).raw(`,"action":`).text(h.Action.String())
		if h.Overridden != 0 && h.Overridden != h.Action {
			w.raw(`,"overriddenAction":`).text(h.Overridden.String())
		}
		w.raw(`,"ruleMatchDetails":`)
		w.details(hits[i:n])
		w.raw("}")
		i = n
	}
	w.raw("]")
}

// details writes what matched where.
func (w *writer) details(hits []yagura.RuleHit) {
	w.raw("[")
	first := true
	for _, h := range hits {
		if h.Field == "" && h.Value == "" {
			continue
		}
		if !first {
			w.raw(",")
		}
		first = false
		location, name := place(h.Field)
		w.raw(`{"conditionType":`).text(orDefault(h.Condition, "REGULAR")).raw(`,"sensitivityLevel":"","location":`).text(location)
		w.raw(`,"matchedFieldName":`).text(name).raw(`,"matchedData":[`)
		if w.redact.hides(location, name) {
			w.text(redacted)
		} else {
			w.text(h.Value)
		}
		w.raw("]}")
	}
	w.raw("]")
}

// place turns "header user-agent" into AWS's location and field name.
func place(field string) (location, name string) {
	lower := strings.ToLower(field)
	for _, p := range [...]struct{ prefix, location string }{
		{"query argument ", "SINGLE_QUERY_ARG"}, {"all query arguments", "ALL_QUERY_ARGS"}, {"query arguments", "ALL_QUERY_ARGS"},
		{"query", "QUERY_STRING"}, {"single header ", "HEADER"}, {"headers", "HEADERS"}, {"header order", "HEADER_ORDER"}, {"header ", "HEADER"},
		{"cookies", "COOKIES"}, {"cookie ", "COOKIES"}, {"json", "JSON_BODY"}, {"body", "BODY"}, {"uri fragment", "URI_FRAGMENT"},
		{"uri", "URI"}, {"method", "METHOD"}, {"ja3", "JA3_FINGERPRINT"}, {"ja4", "JA4_FINGERPRINT"},
	} {
		if strings.HasPrefix(lower, p.prefix) {
			return p.location, strings.TrimSpace(field[len(p.prefix):])
		}
	}
	return strings.ToUpper(field), ""
}

// request writes httpRequest.
func (w *writer) request(q *yagura.Request) {
	path, args, _ := strings.Cut(q.URI, "?")
	w.raw(`,"httpRequest":{"clientIp":`)
	if q.Client.IsValid() {
		w.text(q.Client.String())
	} else {
		w.raw(`"-"`)
	}
	w.raw(`,"country":`).text(orDefault(q.Country, "-")).raw(`,"headers":`)
	w.headers(q.Headers, w.redact)
	w.raw(`,"uri":`).hidden(path, w.redact.hides("URI", "")).raw(`,"args":`).hidden(args, w.redact.hides("QUERY_STRING", ""))
	w.raw(`,"httpVersion":`).text(q.Version).raw(`,"httpMethod":`).hidden(q.Method, w.redact.hides("METHOD", ""))
	w.raw(`,"requestId":`).text(q.ID).raw(`,"fragment":`).text(q.Fragment)
	w.raw(`,"scheme":`).text(q.Scheme).raw(`,"host":`).text(q.Host).raw("}")
}

// rest writes what is only there when there is something to say.
func (w *writer) rest(e *Entry, v *yagura.Verdict) {
	q := e.Request
	if len(v.Labels) > 0 {
		w.raw(`,"labels":[`)
		for i, l := range v.Labels {
			if i > 0 {
				w.raw(",")
			}
			w.raw(`{"name":`).text(l).raw("}")
		}
		w.raw("]")
	}
	for _, p := range [...]struct {
		action yagura.Action
		member string
	}{{yagura.Captcha, "captchaResponse"}, {yagura.Challenge, "challengeResponse"}} {
		if v.Action == p.action && e.Status > 0 {
			w.raw(`,"` + p.member + `":{"responseCode":`).number(int64(e.Status)).raw(`,"solveTimestamp":0,"failureReason":`)
			w.text(orDefault(v.Token, "TOKEN_MISSING")).raw("}")
		}
	}
	for _, p := range [...]struct{ member, value string }{{"ja3Fingerprint", q.JA3}, {"ja4Fingerprint", q.JA4}} {
		if p.value != "" {
			w.raw(`,"` + p.member + `":`).text(p.value)
		}
	}
	if len(v.Oversize) > 0 {
		w.raw(`,"oversizeFields":[`)
		for i, f := range v.Oversize {
			if i > 0 {
				w.raw(",")
			}
			w.text(f)
		}
		w.raw("]")
	}
	if q.BodySize >= 0 {
		w.raw(`,"requestBodySize":`).number(q.BodySize)
	}
	w.raw(`,"requestBodySizeInspectedByWAF":`).number(int64(v.Inspected))
	if q.ASN != 0 {
		w.raw(`,"clientAsn":`).number(q.ASN)
	}
}

func (w *writer) headers(list []yagura.Header, redact *Redaction) {
	w.raw("[")
	for i, h := range list {
		if i > 0 {
			w.raw(",")
		}
		w.raw(`{"name":`).text(h.Name).raw(`,"value":`).hidden(h.Value, redact.hides("HEADER", h.Name)).raw("}")
	}
	w.raw("]")
}

// writer appends JSON.
type writer struct {
	b      []byte
	redact *Redaction
}

func (w *writer) raw(s string) *writer {
	w.b = append(w.b, s...)
	return w
}

func (w *writer) number(n int64) *writer {
	w.b = strconv.AppendInt(w.b, n, 10)
	return w
}

func (w *writer) text(s string) *writer {
	w.b = appendText(w.b, s)
	return w
}

func (w *writer) hidden(s string, hide bool) *writer {
	if hide {
		s = redacted
	}
	return w.text(s)
}

func orDefault(s, d string) string {
	if s == "" {
		return d
	}
	return s
}
