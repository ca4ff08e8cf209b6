// Package waf runs AWS WAF web ACLs anywhere: before an application, inside a
// proxy, over logs. It decides as AWS WAF documents it; docs/ref/waf-semantics.md
// lists what is documented, what is not, what was chosen, and the test of each.
//
//	bundle, err := (&acl.Reader{}).Read("web-acl.json", "ip-sets/")
//	gate, err := waf.Compile(bundle, waf.Options{Live: true})
//	verdict := gate.Decide(request)
//
// The decision is a function of the web ACL, the request and the counters of
// rate-based rules, which move on the requests' own clock: there is no other
// clock, no network and no randomness, so that a replay gives the same again.
//
// # Three values
//
// A record of a request may lack parts (yagura.Request.Missing, Redacted). Then a
// statement may be neither true nor false but unknown, and the decision follows
// all worlds at once: a rule that may end the evaluation adds a possible ending
// and the walk goes on; labels that it would have set are possible labels. If all
// endings have the same action, that is the verdict, and Reasons say what else
// could have ended it; if not, it is Undecided and Possible lists the endings.
// Where two statements depend on the same missing part, more endings may be
// listed than there are; never fewer.
//
// # Managed rule groups
//
// The content of AWS's managed rule groups is not public. [Slots] tells for each
// of their rules what serves it here, if anything.
package waf

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/transform"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
	"github.com/yagura-sec/yagura/prevent/waf/crs"
)

// Options say where a web ACL runs. The zero value is for replay.
type Options struct {
	// Name of the web ACL; may be empty when the bundle has one.
	Name string
	// Resource is ALB, APPSYNC, CLOUDFRONT, API_GATEWAY, COGNITO_USER_POOL,
	// APP_RUNNER_SERVICE or VERIFIED_ACCESS_INSTANCE: it sets how much of a body is
	// inspected. Default CLOUDFRONT or ALB, by the web ACL's scope.
	Resource string
	// BodyLimit in bytes overrides that.
	BodyLimit int
	// Live says that requests are decided to be acted on: rules that nothing serves
	// do not match then (see Warnings) instead of being unknown.
	Live bool
	// Places tells countries and autonomous systems; nil: only what the request says.
	Places Places
	// Tokens reads the token of a request; nil: there is none, or in a record
	// without cookies it is unknown.
	Tokens func(*yagura.Request) Token
	// CRS runs the Core Rule Set over a request, once for all slots: a *crs.Engine.
	// nil: the slots it serves are not served, unless Signatures is set.
	CRS interface {
		Inspect(r *yagura.Request) *crs.Result
	}
	// Signatures is another engine in the place of CRS.
	Signatures func(*yagura.Request) (hits []Signature, score int)
	// Lists are the operator's address lists, one address or prefix a line, by the
	// name of the managed rule that they serve, as AWSManagedIPReputationList.
	Lists map[string]io.Reader
}

// Token is what a handler knows of a request's token. It vouches for the
// signature; domain and immunity are judged here.
type Token struct {
	// Failure is empty for a genuine token, else TOKEN_MISSING or TOKEN_INVALID.
	Failure string
	Domain  string // for which it was given
	// Captcha and Challenge are when each was solved, in µs since the epoch; 0: never.
	Captcha, Challenge int64
	// Unknown says that the record does not tell.
	Unknown bool
}

// Signature is one rule of the Core Rule Set that matched.
type Signature struct {
	ID int
	// Variable is where, as ARGS:q, REQUEST_HEADERS:User-Agent, REQUEST_BODY.
	Variable string
	Value    string
}

// ACL is a compiled web ACL with the counters of its rate-based rules. It is a
// [yagura.Gate], safe for concurrent use.
type ACL struct {
	options    Options
	source     *acl.WebACL
	components []component
	streams    []stream
	pointers   map[*acl.Field][][]string
	rules      []*rule
	byDefault  effect
	bodyLimit  int
	rates      map[string]*rate
	lists      map[string]*addressSet
	warnings   []string
	usesCRS    bool
	pool       sync.Pool
}

// stream is a component after a chain of transformations.
type stream struct {
	component int
	chain     []transform.Func
	names     []string
}

// urlDecode is used where a transformation is not asked for by name.
var urlDecode, _ = transform.Named("URL_DECODE")

// Compile prepares a web ACL of the bundle. The error joins all that AWS WAF or
// this engine would refuse, each with its place.
func Compile(b *acl.Bundle, o Options) (*ACL, error) {
	source, err := b.ACL(o.Name)
	if err != nil {
		return nil, err
	}
	a := &ACL{options: o, source: source, rates: map[string]*rate{}, pointers: map[*acl.Field][][]string{}, lists: map[string]*addressSet{}}
	a.pool.New = func() any { return newEvaluation(a) }
	if o.Signatures == nil && o.CRS != nil {
		a.options.Signatures = func(r *yagura.Request) ([]Signature, int) { return signaturesOf(o.CRS.Inspect(r)) }
	}
	if err := a.setLimit(); err != nil {
		return nil, err
	}
	for name, r := range o.Lists {
		prefixes, err := readPrefixes(r)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", name, err)
		}
		a.lists[name] = newAddressSet(prefixes)
	}
	c := newCompiler(a)
	c.webACL(source)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return a, nil
}

func (a *ACL) setLimit() error {
	kind := a.options.Resource
	if kind == "" {
		kind = "ALB"
		if a.source.Scope == "CLOUDFRONT" {
			kind = "CLOUDFRONT"
		}
	}
	switch kind {
	case "ALB", "APPSYNC":
		a.bodyLimit = 8 << 10
	case "CLOUDFRONT", "API_GATEWAY", "COGNITO_USER_POOL", "APP_RUNNER_SERVICE", "VERIFIED_ACCESS_INSTANCE":
		a.bodyLimit = 16 << 10
		if k := a.source.BodyLimits[kind]; k > 0 {
			a.bodyLimit = k << 10
		}
	default:
		return fmt.Errorf("resource type %q is not known; write ALB, APPSYNC, CLOUDFRONT, API_GATEWAY, COGNITO_USER_POOL, APP_RUNNER_SERVICE or VERIFIED_ACCESS_INSTANCE", kind)
	}
	if a.options.BodyLimit > 0 {
		a.bodyLimit = a.options.BodyLimit
	}
	return nil
}

// maxListLines bounds an operator's list.
const maxListLines = 5_000_000

func readPrefixes(r io.Reader) (prefixes []netip.Prefix, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		text, _, _ = strings.Cut(text, ";") // As in DROP lists.
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if n > maxListLines {
			return nil, fmt.Errorf("more than %d lines", maxListLines)
		}
		p, err := netip.ParsePrefix(text)
		if a, err2 := netip.ParseAddr(text); err2 == nil {
			a = a.Unmap()
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is neither an address nor a prefix", n, text[:min(len(text), 60)])
		}
		prefixes = append(prefixes, p)
	}
	return prefixes, lines.Err()
}

// Name is the web ACL's name.
func (a *ACL) Name() string { return a.source.Name }

// BodyLimit is the number of body bytes that the web ACL inspects.
func (a *ACL) BodyLimit() int { return a.bodyLimit }

// Warnings say what of the web ACL is not served here.
func (a *ACL) Warnings() []string { return a.warnings }

// Adopt takes over the counters of rate-based rules whose settings are the same
// in an older version of the web ACL, for a reload; changed ones begin anew, as
// in AWS. Call it before the first Decide.
func (a *ACL) Adopt(old *ACL) {
	for path, r := range a.rates {
		if o := old.rates[path]; o != nil && o.print == r.print {
			r.counts = o.counts
		}
	}
}

// Forget clears the counters, as for another replay.
func (a *ACL) Forget() {
	for _, r := range a.rates {
		r.counts.mu.Lock()
		r.counts.instances, r.counts.order, r.counts.hand = map[string]*instance{}, nil, 0
		r.counts.stray, r.counts.all = nil, nil
		r.counts.mu.Unlock()
	}
}

// Limited lists the keys that a rate-based rule limits now, at most 10,000, as
// get-rate-based-statement-managed-keys does. Parts of custom keys are joined by
// a zero byte. The rule is named as rule, or as group rule/rule in the group.
func (a *ACL) Limited(rule string) ([]string, error) {
	r := a.rates[rule]
	if r == nil {
		return nil, fmt.Errorf("no rate-based rule %q", rule)
	}
	return r.counts.listed(), nil
}
