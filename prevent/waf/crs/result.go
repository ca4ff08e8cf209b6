package crs

import (
	"slices"
	"strconv"
	"strings"
)

// Result is what the rules say about a request.
type Result struct {
	// Matches are the rules that matched and log, in order.
	Matches []Match
	Scores  Scores
	// Rule is the first rule that denies the request, 0 when none does; Status is
	// the answer it wants.
	Rule, Status int
	// Blocked says that the rule had its way; false when Options do not block.
	Blocked bool
	// Err says that the evaluation failed: the rest of the result is empty, and the
	// request was not looked at to the end. It is a defect of the engine.
	Err error

	trace []int // all rules that matched, for tests
}

// Match is a rule that matched.
type Match struct {
	ID       int
	Message  string
	Data     string // the rule's log data, cut to 256 bytes
	Severity string // CRITICAL …; empty: none
	Tags     []string
	Paranoia int // level of the rule; 0: none
	// Targets are what matched, at most 64; the first one stands for the match.
	Targets []Target
}

// Target is a value that matched.
type Target struct {
	Variable string // ARGS, REQUEST_HEADERS …
	Key      string // member, as sent
	Value    string // after the rule's transformations, cut to 256 bytes
	Level    int    // place in the chain of the rule, from 0
}

// String names the target as rules do, ARGS:q.
func (g *Target) String() string {
	if g.Key == "" {
		return g.Variable
	}
	return g.Variable + ":" + g.Key
}

// Scores are anomaly scores.
type Scores struct {
	Inbound                                      int    // of the levels that block
	Detection                                    int    // of all levels that run
	Threshold                                    int    // Inbound at which CRS denies
	Level                                        [5]int // by paranoia level, from 1
	SQLi, XSS, RFI, LFI, RCE, PHP, HTTP, Session int
}

const (
	maxValue   = 256
	maxTargets = 64
	maxMatches = 1000
	minOut     = 2048
)

// scoreSlots are the places of the scores in TX.
type scoreSlots struct {
	level                                        [5]int
	threshold                                    int
	inbound, detection                           int
	sqli, xss, rfi, lfi, rce, php, http, session int
}

func (s *scoreSlots) find(c *compiler) {
	for level := 1; level <= 4; level++ {
		s.level[level] = c.slot("inbound_anomaly_score_pl" + strconv.Itoa(level))
	}
	s.threshold = c.slot("inbound_anomaly_score_threshold")
	s.inbound = c.slot("blocking_inbound_anomaly_score")
	s.detection = c.slot("detection_inbound_anomaly_score")
	s.sqli, s.xss = c.slot("sql_injection_score"), c.slot("xss_score")
	s.rfi, s.lfi, s.rce = c.slot("rfi_score"), c.slot("lfi_score"), c.slot("rce_score")
	s.php, s.http, s.session = c.slot("php_injection_score"), c.slot("http_violation_score"), c.slot("session_fixation_score")
}

func (t *transaction) finish() {
	s, at := &t.result.Scores, &t.e.scores
	get := func(slot int) int { return integer(t.slots[slot].value) }
	for level := 1; level <= 4; level++ {
		s.Level[level] = get(at.level[level])
	}
	s.Threshold, s.Inbound, s.Detection = get(at.threshold), get(at.inbound), get(at.detection)
	s.SQLi, s.XSS, s.RFI, s.LFI = get(at.sqli), get(at.xss), get(at.rfi), get(at.lfi)
	s.RCE, s.PHP, s.HTTP, s.Session = get(at.rce), get(at.php), get(at.http), get(at.session)
}

// describeStatically prepares what all matches of the rule share.
func (r *rule) describeStatically() {
	r.match = Match{ID: r.id, Tags: slices.Clip(r.tags)}
	if r.severity >= 0 {
		r.match.Severity = severities[r.severity]
	}
	for _, tag := range r.tags {
		if level, ok := strings.CutPrefix(tag, "paranoia-level/"); ok {
			r.match.Paranoia = integer(level)
		}
	}
}

// record puts a match into the result, with copies of all text.
func (t *transaction) record(r *rule) {
	if t.e.tracing {
		t.result.trace = append(t.result.trace, r.id)
	}
	if !r.log || len(t.result.Matches) >= maxMatches {
		return
	}
	m := r.match
	found := t.found[:min(len(t.found), maxTargets)]
	if t.targets == nil {
		t.targets = make([]Target, 0, max(16, len(found)))
	}
	first := len(t.targets)
	data, message := cutText(t.data), cutText(t.message)
	if r.msg != nil && r.msg.constant() {
		message = "" // the rule's own text stays
	}
	if t.out.Len() == 0 {
		t.out.Grow(minOut)
	}
	// All text of the result stands in one buffer, and all targets in one list.
	keep := func(s string) string {
		start := t.out.Len()
		_, _ = t.out.WriteString(s)
		return t.out.String()[start:]
	}
	m.Data, m.Message = keep(data), keep(message)
	if r.msg != nil && r.msg.constant() {
		m.Message = cutText(r.msg.text)
	}
	for _, f := range found {
		t.targets = append(t.targets, Target{Variable: f.Variable, Key: keep(f.Key), Value: keep(cutText(f.Value)), Level: f.Level})
	}
	m.Targets = t.targets[first:len(t.targets):len(t.targets)]
	if t.result.Matches == nil {
		t.result.Matches = make([]Match, 0, 16)
	}
	t.result.Matches = append(t.result.Matches, m)
}

func cutText(s string) string { return s[:min(len(s), maxValue)] }
