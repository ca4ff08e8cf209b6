package waf

import (
	"cmp"
	"encoding/json"
	"errors"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/replay/waf/record"
)

// Tuner looks for rules that hit ordinary clients. It sees the logs three times:
//
//	t := waf.NewTuner(minClients, webACL)
//	files.Read(ctx, paths, t.Outcome) // access logs: what the application answered
//	files.Read(ctx, paths, t.Learn)   // logs of AWS WAF: who matched what
//	err := t.Propose()
//	files.Read(ctx, paths, t.Verify)  // what the proposals would have spared
//	tuning := t.Tuning()
//
// A client is its address. It is suspicious when it matched three or more rules,
// or when most of its five or more requests matched on five or more paths. It is
// ordinary when it is not, and at least as many of its requests, and two, passed
// without a match; or when it matched a single rule and the application answered
// such a request well. Everybody else, and who is masked, is neither and counts
// for nothing.
type Tuner struct {
	least    int
	source   []byte
	seed     maphash.Seed
	answered map[uint64]bool // by request: answered well
	clients  map[string]*clientele
	hits     map[hitKey]*hitting
	tuning   Tuning
	probes   []*probe
}

// clientele is what is known of one client.
type clientele struct {
	requests, matched, clean, good int32
	rules, paths                   [5]uint64 // the first distinct ones, as hashes
}

// hitKey is rule × path × argument.
type hitKey struct{ group, rule, path, location, field string }

// hitting is what is known of a combination.
type hitting struct {
	count, passed, joined, good int64
	clients                     map[string]int64
	methods                     []string
	example                     string
}

const (
	// maxAnswers, maxClients, maxHits and maxPerHit bound the memory.
	maxAnswers = 4_000_000
	maxClients = 500_000
	maxHits    = 20_000
	maxPerHit  = 2_000
)

// NewTuner begins. A combination is proposed when at least so many ordinary
// clients matched it (0: 5). Of webACL, the JSON of the deployed web ACL, whole
// rules are given; nil: fragments.
func NewTuner(minClients int, webACL []byte) *Tuner {
	if minClients <= 0 {
		minClients = 5
	}
	return &Tuner{
		least: minClients, source: webACL, seed: maphash.MakeSeed(), answered: map[uint64]bool{},
		clients: map[string]*clientele{}, hits: map[hitKey]*hitting{},
	}
}

func (t *Tuner) hash(s string) uint64 { return maphash.String(t.seed, s) | 1 }

// Outcome keeps what an application answered.
func (t *Tuner) Outcome(r *record.Record) error {
	if r.Kind == "waf" || r.ID == "" || r.Status == 0 || len(t.answered) >= maxAnswers {
		return nil
	}
	t.answered[t.hash(r.Trace())] = r.Status >= 200 && r.Status < 400
	return nil
}

// Learn takes a record of AWS WAF.
func (t *Tuner) Learn(r *record.Record) error {
	if r.Kind != "waf" {
		return nil
	}
	t.tuning.Records++
	if r.Action == yagura.Allow {
		t.tuning.Allowed++
	}
	name := ""
	if r.Client.IsValid() {
		name = r.Client.String()
	} else {
		t.tuning.Masked++
	}
	matches := matchesOf(r)
	good, joined := t.answered[t.hash(r.Trace())]
	c := t.clients[name]
	if c == nil && name != "" && len(t.clients) < maxClients {
		c = &clientele{}
		t.clients[name] = c
	}
	path, _, _ := strings.Cut(r.URI, "?")
	if c != nil {
		c.requests++
		switch {
		case len(matches) > 0:
			c.matched++
			note(&c.paths, t.hash(path))
		case r.Action == yagura.Allow && (!joined || good):
			c.clean++
		}
		if good && r.Action == yagura.Allow {
			c.good++
		}
	}
	for _, m := range matches {
		if c != nil {
			note(&c.rules, t.hash(m.Group+"/"+m.Rule))
		}
		t.hit(r, m, path, name, good, joined)
	}
	return nil
}

// matchesOf gives the signatures that matched: not the rates.
func matchesOf(r *record.Record) []record.Match {
	if r.Rule == "Default_Action" && !strings.Contains(r.Raw, `"ruleId"`) {
		return nil
	}
	all := record.Matches(r.Raw)
	return slices.DeleteFunc(all, func(m record.Match) bool { return r.RuleType == "RATE_BASED" && m.Rule == r.Rule })
}

func note(seen *[5]uint64, h uint64) {
	for i := range seen {
		if seen[i] == h {
			return
		}
		if seen[i] == 0 {
			seen[i] = h
			return
		}
	}
}

func distinct(seen *[5]uint64) (n int) {
	for _, h := range seen {
		if h != 0 {
			n++
		}
	}
	return n
}

func (t *Tuner) hit(r *record.Record, m record.Match, path, client string, good, joined bool) {
	key := hitKey{m.Group, m.Rule, shape(path), m.Location, m.Field}
	h := t.hits[key]
	if h == nil {
		if len(t.hits) >= maxHits {
			t.tuning.LeftOut++
			return
		}
		key = hitKey{strings.Clone(m.Group), strings.Clone(m.Rule), strings.Clone(key.path), strings.Clone(m.Location), strings.Clone(m.Field)}
		h = &hitting{clients: map[string]int64{}, example: clip(r.URI, 256)}
		t.hits[key] = h
	}
	h.count++
	if r.Action == yagura.Allow {
		h.passed++
	}
	if joined {
		h.joined++
		if good {
			h.good++
		}
	}
	if !slices.Contains(h.methods, r.Method) && len(h.methods) < 4 {
		h.methods = append(h.methods, strings.Clone(r.Method))
	}
	if client != "" && (h.clients[client] > 0 || len(h.clients) < maxPerHit) {
		h.clients[client]++
	}
}

func (c *clientele) suspicious() bool {
	return distinct(&c.rules) >= 3 || c.matched >= 5 && c.matched*2 > c.requests && distinct(&c.paths) >= 5
}

func (c *clientele) ordinary() bool {
	return !c.suspicious() && (c.clean >= 2 && c.clean >= c.matched || distinct(&c.rules) == 1 && c.good > 0)
}

// Tuning is what a Tuner found.
type Tuning struct {
	Records int64 `json:"records"` // of AWS WAF
	Allowed int64 `json:"allowed"`
	Masked  int64 `json:"masked"` // without the client's address
	LeftOut int64 `json:"leftOut"`
	// Ordinary and Suspicious are numbers of clients.
	Ordinary   int64      `json:"ordinary"`
	Suspicious int64      `json:"suspicious"`
	Proposals  []Proposal `json:"proposals"`
}

// Proposal is a likely false positive with an exclusion for it.
type Proposal struct {
	Group    string `json:"group,omitempty"`
	Rule     string `json:"rule"`
	Path     string `json:"path"` // with * for ids
	Location string `json:"location,omitempty"`
	Field    string `json:"field,omitempty"`
	Example  string `json:"example"`
	Hits     int64  `json:"hits"`
	Ordinary int64  `json:"ordinaryClients"`
	Suspect  int64  `json:"suspiciousClients"`
	// Passed are hits that were let through; Answered those that the access logs
	// have, Good those of them that the application answered well.
	Passed   int64 `json:"passed"`
	Answered int64 `json:"answered"`
	Good     int64 `json:"good"`
	// Spared are hits of ordinary clients that the exclusion covers on these logs,
	// Missed those of suspicious clients: the price; Other of everybody else.
	Spared int64 `json:"spared"`
	Missed int64 `json:"missed"`
	Other  int64 `json:"other"`
	// Override goes into RuleActionOverrides of the managed group; Rule into the
	// web ACL behind the group. For an own rule, Replace is the rule anew, or
	// Condition what its statement is to be joined with by AndStatement.
	Override  json.RawMessage `json:"override,omitempty"`
	NewRule   json.RawMessage `json:"newRule,omitempty"`
	Replace   json.RawMessage `json:"replace,omitempty"`
	Condition json.RawMessage `json:"condition,omitempty"`
}

// Propose picks the likely false positives and compiles their exclusions.
func (t *Tuner) Propose() error {
	for _, c := range t.clients {
		switch {
		case c.suspicious():
			t.tuning.Suspicious++
		case c.ordinary():
			t.tuning.Ordinary++
		}
	}
	for key, h := range t.hits {
		p := Proposal{
			Group: key.group, Rule: key.rule, Path: key.path, Location: key.location, Field: key.field, Example: h.example,
			Hits: h.count, Passed: h.passed, Answered: h.joined, Good: h.good,
		}
		for name := range h.clients {
			switch c := t.clients[name]; {
			case c == nil:
			case c.suspicious():
				p.Suspect++
			case c.ordinary():
				p.Ordinary++
			}
		}
		if p.Ordinary < int64(t.least) || p.Ordinary < p.Suspect || h.joined >= 5 && h.good*2 < h.joined || !printable(key.path) {
			continue
		}
		t.tuning.Proposals = append(t.tuning.Proposals, p)
	}
	slices.SortFunc(t.tuning.Proposals, func(a, b Proposal) int {
		return cmp.Or(cmp.Compare(b.Ordinary, a.Ordinary), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Location, b.Location), cmp.Compare(a.Field, b.Field))
	})
	t.tuning.Proposals = t.tuning.Proposals[:min(len(t.tuning.Proposals), maxRows)]
	var errs []error
	for i := range t.tuning.Proposals {
		p := &t.tuning.Proposals[i]
		h := t.hits[hitKey{p.Group, p.Rule, p.Path, p.Location, p.Field}]
		one, err := t.exclude(p, h)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		t.probes = append(t.probes, one)
	}
	return errors.Join(errs...)
}

// printable says that a path can stand in an expression of AWS WAF.
func printable(path string) bool {
	if path == "" || len(path) > 200 || path[0] != '/' || !utf8.ValidString(path) {
		return false
	}
	return !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// Verify decides with every exclusion on the records that its rule matched.
func (t *Tuner) Verify(r *record.Record) error {
	if r.Kind != "waf" || len(t.probes) == 0 {
		return nil
	}
	matches := matchesOf(r)
	if len(matches) == 0 {
		return nil
	}
	var c *clientele
	if r.Client.IsValid() {
		c = t.clients[r.Client.String()]
	}
	for _, one := range t.probes {
		p := one.proposal
		if !slices.ContainsFunc(matches, func(m record.Match) bool { return m.Group == p.Group && m.Rule == p.Rule }) {
			continue
		}
		if one.gate.decide(r).Action == yagura.Allow {
			continue // The exclusion does not cover it.
		}
		switch {
		case c == nil:
			p.Other++
		case c.suspicious():
			p.Missed++
		case c.ordinary():
			p.Spared++
		default:
			p.Other++
		}
	}
	return nil
}

// Tuning ends the work. Proposals that would spare nobody are left out.
func (t *Tuner) Tuning() *Tuning {
	t.tuning.Proposals = slices.DeleteFunc(t.tuning.Proposals, func(p Proposal) bool { return p.Spared == 0 })
	if t.tuning.Proposals == nil {
		t.tuning.Proposals = []Proposal{}
	}
	return &t.tuning
}
