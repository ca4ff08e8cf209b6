package waf

import (
	"strings"

	"github.com/yagura-sec/yagura"
)

// read asks the handler for the token, once.
func (e *evaluation) readToken() *Token {
	if e.hasToken {
		return &e.token
	}
	e.hasToken = true
	switch {
	case e.acl.options.Tokens != nil:
		e.token = e.acl.options.Tokens(e.request)
	case e.request.Missing&yagura.PartHeaders != 0 || e.redactedHeader("cookie"):
		e.token.Unknown = true
	default:
		e.token.Failure = "TOKEN_MISSING"
	}
	if e.token.Failure == "" && !e.token.Unknown && !e.domainFits(e.token.Domain) {
		e.token.Failure = "TOKEN_DOMAIN_MISMATCH"
	}
	return &e.token
}

// domainFits says whether a token of this domain counts: it must be one of
// TokenDomains or below one; without them, the host of the request.
func (e *evaluation) domainFits(domain string) bool {
	domain = strings.ToLower(domain)
	domains := e.acl.source.TokenDomains
	if len(domains) == 0 {
		host := e.request.Host
		if host == "" {
			var v values
			if e.header("host", &v); len(v.list) > 0 {
				host = textOf(v.list[0].data)
			}
		}
		if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
			host = host[:colon]
		}
		return domain == strings.ToLower(host)
	}
	for _, d := range domains {
		if d = strings.ToLower(d); domain == d || strings.HasSuffix(domain, "."+d) {
			return true
		}
	}
	return false
}

// passes says whether the token satisfies a rule's Captcha or Challenge.
func (e *evaluation) passes(r *rule) truth {
	t := e.readToken()
	if t.Unknown {
		return unknown
	}
	failure := t.Failure
	if failure == "" {
		solved, immunity := t.Challenge, r.challenge
		if r.effect.kind == yagura.Captcha {
			solved, immunity = t.Captcha, r.captcha
		}
		failure = fresh(solved, immunity, e.request.Time)
	}
	if failure != "" {
		e.verdict.Token = failure
	}
	return truthOf(failure == "")
}

// fresh judges when a puzzle was solved. One solved in the future is invalid.
func fresh(solved, immunity, now int64) string {
	switch {
	case solved <= 0:
		return "TOKEN_MISSING"
	case solved > now+60e6:
		return "TOKEN_INVALID"
	case now-solved >= immunity:
		return "TOKEN_EXPIRED"
	}
	return ""
}

// rejections are the label of each failure.
var rejections = map[string]string{
	"TOKEN_EXPIRED": "rejected:expired", "TOKEN_INVALID": "rejected:invalid", "TOKEN_DOMAIN_MISMATCH": "rejected:domain_mismatch",
	"TOKEN_MISSING": "rejected:not_solved",
}

// tokenLabels adds the labels of the token's state, as the groups do that manage
// tokens.
func (e *evaluation) tokenLabels() {
	t := e.readToken()
	const token, captcha = "awswaf:managed:token:", "awswaf:managed:captcha:"
	switch {
	case t.Unknown:
		e.anyOf = append(e.anyOf, token, captcha)
		return
	case t.Failure == "TOKEN_MISSING":
		e.label(token+"absent", yes)
		return
	}
	a := e.acl.source
	for _, one := range []struct {
		prefix   string
		solved   int64
		immunity int64
	}{{token, t.Challenge, orDefault(a.Challenge)}, {captcha, t.Captcha, orDefault(a.Captcha)}} {
		failure := t.Failure
		if failure == "" {
			failure = fresh(one.solved, one.immunity*1e6, e.request.Time)
		}
		if failure == "" {
			e.label(one.prefix+"accepted", yes)
			continue
		}
		e.label(one.prefix+"rejected", yes)
		e.label(one.prefix+rejections[failure], yes)
	}
}

func orDefault(seconds int64) int64 {
	if seconds == 0 {
		return defaultImmunity
	}
	return seconds
}

// response is what the client gets when a rule ends the request. For Captcha and
// Challenge ContentType is text/html when the client takes a page, and empty when
// it gets the status alone; the page itself is the handler's.
func (e *evaluation) response(r *rule) *yagura.Response {
	status, name := 405, "captcha"
	switch r.effect.kind {
	case yagura.Captcha:
	case yagura.Challenge:
		status, name = 202, "challenge"
	default:
		return r.effect.response
	}
	response := &yagura.Response{Status: status, Headers: []yagura.Header{{Name: "x-amzn-waf-action", Value: name}}}
	for i := range e.request.Headers {
		h := &e.request.Headers[i]
		if strings.EqualFold(h.Name, "accept") && strings.Contains(strings.ToLower(h.Value), "text/html") {
			response.ContentType = "text/html"
		}
	}
	return response
}
