package waf

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
)

// change is what becomes of a request.
type change string

const (
	same         change = ""
	newlyBlocked change = "newly blocked"
	newlyAllowed change = "newly allowed"
	undecidable  change = "undecidable"
	// otherwise is stopped before and after, by another action.
	otherwise change = "stopped otherwise"
	// unrecorded is stopped now, while the log does not tell what happened.
	unrecorded change = "stopped, before unknown"
)

// Tally counts changes.
type Tally struct {
	NewlyBlocked int64 `json:"newlyBlocked"`
	NewlyAllowed int64 `json:"newlyAllowed"`
	Undecidable  int64 `json:"undecidable"`
	// Otherwise is stopped as before, but by another action.
	Otherwise int64 `json:"stoppedOtherwise"`
	// Unrecorded is stopped now, while the log does not tell what happened then.
	Unrecorded int64 `json:"stoppedBeforeUnknown"`
}

func (t *Tally) add(c change) {
	switch c {
	case newlyBlocked:
		t.NewlyBlocked++
	case newlyAllowed:
		t.NewlyAllowed++
	case undecidable:
		t.Undecidable++
	case otherwise:
		t.Otherwise++
	case unrecorded:
		t.Unrecorded++
	}
}

// Sum is how many requests change, or may.
func (t *Tally) Sum() int64 {
	return t.NewlyBlocked + t.NewlyAllowed + t.Undecidable + t.Otherwise + t.Unrecorded
}

// Row is a tally of what requests have in common.
type Row struct {
	Key string `json:"key"`
	Tally
}

// Actions count what the new web ACL does.
type Actions struct {
	Allow     int64 `json:"allow"`
	Block     int64 `json:"block"`
	Captcha   int64 `json:"captcha"`
	Challenge int64 `json:"challenge"`
	Undecided int64 `json:"undecided"`
}

func (a *Actions) add(one yagura.Action) {
	switch one {
	case yagura.Allow, yagura.Count:
		a.Allow++
	case yagura.Block:
		a.Block++
	case yagura.Captcha:
		a.Captcha++
	case yagura.Challenge:
		a.Challenge++
	default:
		a.Undecided++
	}
}

// Example is one request that changes.
type Example struct {
	Change  string    `json:"change"`
	Rule    string    `json:"rule"`
	Before  string    `json:"before"` // action
	Now     string    `json:"now"`
	Time    time.Time `json:"time"`
	ID      string    `json:"id"`
	Client  string    `json:"client"`
	Country string    `json:"country"`
	Method  string    `json:"method"`
	Host    string    `json:"host"`
	URI     string    `json:"uri"` // cut to 256 bytes
	Field   string    `json:"field,omitempty"`
	Reasons []string  `json:"reasons,omitempty"`
	File    string    `json:"file"`
	Line    int64     `json:"line"`
	// BeforeRule ended the evaluation then.
	BeforeRule string `json:"beforeRule"`
}

// Agreement holds the evaluator's decisions with the deployed web ACL against the
// actions in the log.
type Agreement struct {
	ACL         string `json:"acl"`
	Records     int64  `json:"records"`
	Equal       int64  `json:"equal"`
	SameRule    int64  `json:"sameRule"` // of Equal
	Different   int64  `json:"different"`
	Undecidable int64  `json:"undecidable"`
	// Impossible are the undecidable ones of whose endings none is the logged action.
	Impossible int64 `json:"impossible"`
	// OtherACL are records of web ACLs with another name, which are left out.
	OtherACL int64        `json:"otherACL"`
	Reasons  []Row        `json:"reasons"`
	Examples []Difference `json:"examples"`
}

// Difference is a record where evaluator and log disagree.
type Difference struct {
	File       string `json:"file"`
	Line       int64  `json:"line"`
	ID         string `json:"id"`
	Logged     string `json:"logged"`
	LoggedRule string `json:"loggedRule"`
	Decided    string `json:"decided"`
	Rule       string `json:"rule"`
	URI        string `json:"uri"`
}

// Report is what a replay found. Lists are the 50 longest, by count.
type Report struct {
	ACL        string     `json:"acl"`
	Against    string     `json:"against,omitempty"` // empty: the log
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to"`
	Requests   int64      `json:"requests"`
	Unreadable int64      `json:"unreadable"`
	Same       int64      `json:"same"`
	Total      Tally      `json:"total"`
	Actions    Actions    `json:"actions"`
	Agreement  *Agreement `json:"agreement"` // null: no deployed web ACL was given
	ByRule     []Row      `json:"byRule"`
	ByPath     []Row      `json:"byPath"`
	ByCountry  []Row      `json:"byCountry"`
	ByClient   []Row      `json:"byClient"`
	Reasons    []Row      `json:"reasons"` // why requests are undecidable
	Examples   []Example  `json:"examples"`
	// Warnings are no-allow (the log seems to be filtered: rates are wrong) and
	// disorder (rate-based rules saw records out of order).
	Warnings []string `json:"warnings"`
	// NotServed are parts of the new web ACL that this evaluator cannot decide.
	NotServed []string `json:"notServed"`
	// LeftOut counts requests whose key did not fit in a list any more.
	LeftOut int64 `json:"leftOut"`

	first int64
}

// Report ends the replay.
func (r *Replay) Report() *Report {
	for r.order != nil {
		rec := r.order.take()
		if rec == nil {
			break
		}
		r.add(rec)
	}
	p := &r.report
	if p.Requests > 0 {
		p.From, p.To = time.UnixMicro(p.first).UTC(), time.UnixMicro(r.latest).UTC()
	}
	p.ByRule, p.ByPath, p.ByCountry, p.ByClient, p.Reasons = r.byRule.rows(), r.byPath.rows(), r.byCountry.rows(), r.byClient.rows(), r.reasons.rows()
	p.LeftOut = r.byRule.left + r.byPath.left + r.byCountry.left + r.byClient.left
	if p.Agreement != nil {
		p.Agreement.Reasons = r.agreeWhy.rows()
	}
	p.Warnings = []string{}
	if r.wafRecords > 0 && r.passed == 0 {
		p.Warnings = append(p.Warnings, "no-allow")
	}
	if r.disorder > 0 && r.rates() {
		p.Warnings = append(p.Warnings, "disorder")
	}
	p.NotServed = append([]string{}, r.now.gate.Warnings()...)
	if p.Examples == nil {
		p.Examples = []Example{}
	}
	return p
}

// maxKeys bounds what is told apart.
const maxKeys = 20_000

// maxRows is how much of it is reported.
const maxRows = 50

// tallies are tallies by key.
type tallies struct {
	by   map[string]*Tally
	left int64
	lost Tally
}

func (t *tallies) at(key string) *Tally {
	if n := t.by[key]; n != nil {
		return n
	}
	if len(t.by) >= maxKeys {
		t.left++
		return &t.lost
	}
	if t.by == nil {
		t.by = map[string]*Tally{}
	}
	n := &Tally{}
	t.by[clip(key, 512)] = n
	return n
}

func (t *tallies) rows() []Row {
	rows := make([]Row, 0, len(t.by))
	for _, key := range slices.Sorted(maps.Keys(t.by)) {
		rows = append(rows, Row{key, *t.by[key]})
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(b.Sum(), a.Sum()) })
	return rows[:min(len(rows), maxRows)]
}

// shape makes paths with ids in them alike: segments that are numbers, UUIDs or
// long hexadecimal texts become *.
func shape(path string) string {
	if !strings.ContainsAny(path, "0123456789") {
		return path
	}
	parts := strings.Split(path, "/")
	for i, s := range parts {
		if isID(s) {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

func isID(s string) bool {
	digits := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return digits > 0 && (digits == len(s) || len(s) >= 16)
}
