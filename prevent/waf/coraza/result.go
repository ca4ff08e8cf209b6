package coraza

import (
	"strings"

	"github.com/corazawaf/coraza/v3/types"
)

// Result is what the rules say about a request.
type Result struct {
	Matches      []Match // rules that matched and log, in order
	Scores       Scores
	Rule, Status int  // that denied the request
	Blocked      bool // by the rule
	// All are the numbers of all rules that matched, also of those that do not log.
	All []int
}

// Match is a rule that matched.
type Match struct {
	ID       int
	Message  string
	Data     string // log data, cut to 256 bytes
	Severity string
	Tags     []string
	Paranoia int
	Targets  []Target // at most 64
}

// Target is a value that matched.
type Target struct {
	Variable, Key string
	Value         string // after transformations, cut to 256 bytes
	Level         int    // place in the chain
}

// Scores are anomaly scores.
type Scores struct {
	Inbound, Detection, Threshold                int
	Level                                        [5]int
	SQLi, XSS, RFI, LFI, RCE, PHP, HTTP, Session int
}

const (
	maxValue   = 256
	maxTargets = 64
)

// logged is what Coraza's matched rules show beside their interface.
type logged interface{ Log() bool }

func (out *Result) add(m types.MatchedRule) {
	rule := m.Rule()
	out.All = append(out.All, rule.ID())
	if l, ok := m.(logged); ok && !l.Log() {
		return
	}
	match := Match{
		ID: rule.ID(), Message: cut(m.Message()), Data: cut(m.Data()), Tags: rule.Tags(),
		Paranoia: paranoia(rule.Tags()),
	}
	if s := rule.Severity(); s >= 0 {
		match.Severity = strings.ToUpper(s.String())
	}
	for _, d := range m.MatchedDatas() {
		if len(match.Targets) == maxTargets {
			break
		}
		match.Targets = append(match.Targets, Target{d.Variable().Name(), d.Key(), cut(d.Value()), d.ChainLevel()})
	}
	out.Matches = append(out.Matches, match)
}

func cut(s string) string { return s[:min(len(s), maxValue)] }

// paranoia reads the level of a rule from its tags; 0: it has none.
func paranoia(tags []string) int {
	for _, tag := range tags {
		if level, ok := strings.CutPrefix(tag, "paranoia-level/"); ok && len(level) == 1 {
			return int(level[0] - '0')
		}
	}
	return 0
}
