// Package crs runs the OWASP Core Rule Set over requests: it reads SecLang, the
// language of ModSecurity, and compiles it into an engine that gives the same answers
// as Coraza 3.8.1 (with its regular-expression prefilter off) for a fraction of the CPU.
//
// The rules: https://coreruleset.org/docs/ The language:
// https://github.com/owasp-modsecurity/ModSecurity/wiki/Reference-Manual-(v3.x)
//
// What it does: the phases 1 and 2 of a request, with urlencoded, multipart, JSON and
// XML bodies. What it refuses: directives, actions, operators and variables that no
// rule set for requests uses, with file and line; nothing is skipped in silence. Rules
// of responses and of logging (phases 3 to 5) are read and left out. expirevar and
// initcol have no effect, as in Coraza: there is no storage between requests.
//
// Where it departs from Coraza on purpose: a JSON body that was cut at BodyLimit is no
// error of the sender (REQBODY_ERROR stays 0); arguments of a form whose names differ
// in case only are all looked at, where Coraza keeps one of them by chance; members of
// collections come in the order sent, where Coraza's come in random order, which
// decides what MATCHED_VAR is after several matches; an address that cannot be read in
// @ipMatch is an error; of a rule at most 64 targets and 256 bytes of each value are
// told. TX:json_request_body is not set.
//
// The engine is a data flow. Every distinct text of a request is scanned once for the
// literals and bytes that rules need; a rule is evaluated only on texts that it could
// match. Each such shortcut only ever says "cannot match", is derived from the
// expression by a recursive proof (see require.go), and is compared with the plain
// evaluation and with Coraza by fuzz tests.
package crs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"

	"github.com/yagura-sec/yagura"
)

// Source is SecLang text; Name stands in errors.
type Source struct{ Name, Text string }

// Options choose the rules and what they do.
type Options struct {
	// FS holds the rules as CRS ships them: crs-setup.conf (or .example), rules/*.conf
	// and, if there are some, plugins/. Nil: the CRS that is built in.
	FS fs.FS
	// Paranoia is the level up to which rules count towards blocking, 1 to 4.
	// Zero leaves it to crs-setup.conf, whose default is 1.
	Paranoia int
	// Detection is the level up to which rules run; at least Paranoia. Zero: Paranoia.
	Detection int
	// Threshold is the inbound anomaly score that blocks. Zero: crs-setup.conf's, 5.
	Threshold int
	// Sampling is the percentage of requests that are looked at. Zero: all.
	Sampling int
	// Blocking stops at the first rule that denies; else all rules run.
	Blocking bool
	// BodyLimit is the number of bytes of a body that are looked at. Zero: 128 KiB.
	BodyLimit int
	// Before and After are more rules, before and after CRS's own: exclusion packages.
	Before, After []Source
	// Remove are ids of rules, or ranges FIRST-LAST, that are taken out.
	Remove []string
	// Plain evaluates without shortcuts, for comparison.
	Plain bool
}

// Validate says what is wrong with the options.
func (o *Options) Validate() error {
	for _, n := range []struct {
		name     string
		value    int
		low, top int
	}{
		{"Paranoia", o.Paranoia, 0, 4},
		{"Detection", o.Detection, 0, 4},
		{"Threshold", o.Threshold, 0, 1 << 20},
		{"Sampling", o.Sampling, 0, 100},
		{"BodyLimit", o.BodyLimit, 0, 1 << 30},
	} {
		if n.value < n.low || n.value > n.top {
			return fmt.Errorf("%s is %d, want %d to %d", n.name, n.value, n.low, n.top)
		}
	}
	if o.Detection != 0 && o.Detection < max(o.Paranoia, 1) {
		return fmt.Errorf("Detection %d is below Paranoia %d", o.Detection, o.Paranoia)
	}
	return nil
}

// Engine holds compiled rules. Safe for concurrent use.
type Engine struct {
	library       *library
	phases        [phaseRequestBody][]*rule
	rules         []*rule
	slots         map[string]int
	names         []string
	initial       []slot
	argumentLimit int
	jsonDepth     int
	bodyLimit     int
	blocking      bool
	plain         bool
	tracing       bool
	scores        scoreSlots
	level         int // slot of the paranoia level up to which rules run
	expected      int // its value, unless a rule raises it for a request
	filter        *prefilter
	pool          sync.Pool
}

const (
	defaultBodyLimit     = 128 << 10
	defaultArgumentLimit = 1000
	defaultJSONDepth     = 1024
)

// Compile reads the rules and compiles them.
func Compile(o Options) (*Engine, error) { return compile(o, newLibrary()) }

// With compiles the rules with other options, for another route; compiled expressions
// are shared.
func (e *Engine) With(o Options) (*Engine, error) { return compile(o, e.library) }

func compile(o Options, l *library) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("options: %w", err)
	}
	c := &compiler{
		library: l, defaults: map[int][]rawAction{}, slots: map[string]int{},
		argumentLimit: defaultArgumentLimit, jsonDepth: defaultJSONDepth,
	}
	for i := range 11 {
		c.slot(strconv.Itoa(i)) // captures come first
	}
	if err := c.loadAll(&o); err != nil {
		return nil, err
	}
	ranges, err := parseRanges(o.Remove)
	if err != nil {
		return nil, fmt.Errorf("options: Remove: %w", err)
	}
	c.remove(func(r *rule) bool { return inRanges(ranges, r.id) })
	e := &Engine{
		library: l, rules: c.rules, argumentLimit: c.argumentLimit, jsonDepth: c.jsonDepth,
		bodyLimit: o.BodyLimit, blocking: o.Blocking, plain: o.Plain,
	}
	if e.bodyLimit == 0 {
		e.bodyLimit = defaultBodyLimit
	}
	e.scores.find(c)
	e.level = c.slot(levelName)
	e.slots, e.names = c.slots, c.names
	e.initial = make([]slot, len(c.names))
	for i := range 11 {
		e.initial[i].set = true
	}
	e.arrange()
	e.resolve()
	e.expect()
	e.filter = newPrefilter(e)
	l.forget()
	e.pool.New = func() any {
		return &transaction{e: e, slots: make([]slot, len(e.initial)), severity: 255}
	}
	return e, nil
}

// settings are the directives that Options stand for; their ids are out of the way.
func (o *Options) settings() Source {
	var b strings.Builder
	id := 90099900
	set := func(name string, value int) {
		if value != 0 {
			id++
			fmt.Fprintf(&b, "SecAction \"id:%d,phase:1,pass,nolog,t:none,setvar:tx.%s=%d\"\n", id, name, value)
		}
	}
	set("blocking_paranoia_level", o.Paranoia)
	set("detection_paranoia_level", max(o.Detection, o.Paranoia))
	set("inbound_anomaly_score_threshold", o.Threshold)
	set("sampling_percentage", o.Sampling)
	return Source{"options", b.String()}
}

// loadAll reads the rules in their order: setup, options, Before, CRS, After.
func (c *compiler) loadAll(o *Options) error {
	fsys, setup, rules := o.FS, []string{"crs-setup.conf", "crs-setup.conf.example"}, "rules/*.conf"
	if fsys == nil {
		fsys, setup, rules = coreruleset.FS, []string{"@crs-setup.conf.example"}, "@owasp_crs/*.conf"
	}
	if err := c.text(fsys, "base", baseRules); err != nil {
		return err
	}
	for i, name := range setup {
		err := c.load(fsys, name)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || i == len(setup)-1 {
			return err
		}
	}
	for _, s := range slices.Concat([]Source{o.settings()}, o.Before) {
		if err := c.text(fsys, s.Name, s.Text); err != nil {
			return err
		}
	}
	for _, pattern := range []string{"plugins/*-config.conf", "plugins/*-before.conf", rules, "plugins/*-after.conf"} {
		if names, _ := fs.Glob(fsys, pattern); len(names) == 0 && pattern != rules {
			continue // plugins are a choice
		}
		c.includes = 0
		if err := c.include(fsys, pattern); err != nil {
			return err
		}
	}
	for _, s := range o.After {
		if err := c.text(fsys, s.Name, s.Text); err != nil {
			return err
		}
	}
	return nil
}

// baseRules choose the processor of a body and deny one that cannot be read. They are
// the ones that engines recommend beside CRS, under the same numbers.
const baseRules = `
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%{reqbody_error_msg}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart request body failed strict validation.'"
`

// expect finds the paranoia level that the setup gives, by running it.
func (e *Engine) expect() {
	t := &transaction{e: e, slots: make([]slot, len(e.initial)), severity: 255, plain: true}
	e.expected = 4
	t.begin(&yagura.Request{Method: "GET", URI: "/", Version: "HTTP/1.1", Time: 1})
	t.plain = true
	t.collectHeaders()
	t.run(phaseRequestHeaders, nil)
	e.expected = integer(t.slots[e.level].value)
}

// arrange sorts the rules by phase and finds where skipAfter leads.
func (e *Engine) arrange() {
	for phase := range e.phases {
		var list []*rule
		for _, r := range e.rules {
			if r.marker != "" {
				m := *r // a marker stands in every phase
				list = append(list, &m)
			} else if r.phase == phase+1 {
				list = append(list, r)
			}
		}
		for i, r := range list {
			r.index = i
			if r.skipAfter == "" {
				continue
			}
			r.jump = -1
			if n := slices.IndexFunc(list[i:], func(m *rule) bool { return m.marker == r.skipAfter }); n >= 0 {
				r.jump = i + n
			}
		}
		e.phases[phase] = list
	}
	for _, r := range e.rules {
		r.describeStatically()
	}
}

// resolve finds the rules that controls name.
func (e *Engine) resolve() {
	for _, r := range e.rules {
		for link := r; link != nil; link = link.next {
			for _, x := range link.effects {
				if x.ctl == nil || x.ctl.kind == "ruleremovebyid" || !strings.HasPrefix(x.ctl.kind, "ruleremove") {
					continue
				}
				x.ctl.named = nil
				for _, other := range e.rules {
					if other.marker == "" && other.phase < responsePhase && x.ctl.names(other) {
						x.ctl.named = append(x.ctl.named, other)
					}
				}
			}
		}
	}
}

// BodyLimit is the number of bytes of a body that Inspect looks at.
func (e *Engine) BodyLimit() int { return e.bodyLimit }

// Inspect evaluates the rules over a request. The result is the caller's. A panic of a
// rule or decoder is contained and told in Result.Err.
func (e *Engine) Inspect(r *yagura.Request) (result *Result) {
	t := e.pool.Get().(*transaction) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer func() {
		if p := recover(); p != nil {
			result = &Result{Err: fmt.Errorf("crs: the evaluation of request %q failed: %v", r.ID, p)}
			return // the transaction is not used again
		}
		t.release()
	}()
	t.begin(r)
	t.collectHeaders()
	t.phaseRun(phaseRequestHeaders)
	if !t.result.Blocked && !t.engineOff {
		t.collectBody()
		t.phaseRun(phaseRequestBody)
	}
	t.finish()
	return t.result
}

// begin readies a transaction for a request.
func (t *transaction) begin(r *yagura.Request) {
	t.reset()
	t.request, t.result = r, &Result{}
	t.plain = t.e.plain
	body := r.Body
	t.cut = r.BodySize > int64(len(body))
	if len(body) >= t.e.bodyLimit {
		body, t.cut = body[:t.e.bodyLimit], true
	}
	t.body = view(body)
}

// phaseRun evaluates a phase; without shortcuts when the engine is plain.
func (t *transaction) phaseRun(phase int) {
	if t.plain {
		t.run(phase, nil)
		return
	}
	t.run(phase, t.candidates(phase))
}

// maxKept bounds the memory that a transaction takes back to the pool.
const maxKept = 1 << 20

func (t *transaction) release() {
	t.reset()
	if cap(t.arena) > maxKept || len(t.fast.texts) > 1<<14 {
		return
	}
	t.e.pool.Put(t)
}
