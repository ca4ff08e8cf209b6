package actions

import (
	"fmt"
	"strings"
)

// UnknownError says that the table lacks a name. The name may be misspelt, or
// newer than the table.
type UnknownError struct {
	Kind    string // "service", "action", "resource type", "condition key" or "access level"
	Name    string
	Nearest string // the most similar known name; empty if none comes close
}

func (e *UnknownError) Error() string {
	text := fmt.Sprintf("%s %q is not in the service data", e.Kind, bounded(e.Name))
	if e.Nearest != "" {
		text += fmt.Sprintf("; did you mean %q?", e.Nearest)
	}
	return text
}

// maxName bounds the names that are compared and shown; AWS's longest is shorter.
const maxName = 128

func bounded(name string) string {
	if len(name) > maxName {
		return name[:maxName] + "..."
	}
	return name
}

// Check tells whether an action element of a policy can match a known action. It
// returns nil, an error of grammar, or an *UnknownError with the nearest name.
func (t *Table) Check(pattern string) error {
	set, err := t.Expand(pattern)
	if err != nil || set.Len() > 0 {
		return err
	}
	prefix, name, _ := strings.Cut(pattern, ":")
	i, ok := t.findService(prefix)
	if !ok {
		unknown := &UnknownError{Kind: "service", Name: prefix}
		if nearest, ok := spoken[strings.ToLower(prefix)]; ok {
			unknown.Nearest = nearest
		} else if nearest, ok := t.nearestAction(prefix, name); ok {
			unknown.Nearest, _, _ = strings.Cut(nearest, ":")
		}
		return unknown
	}
	unknown := &UnknownError{Kind: "action", Name: pattern}
	if strings.ContainsAny(name, "*?") {
		unknown.Nearest = t.nearestPattern(i, name)
		return unknown
	}
	unknown.Nearest, _ = t.nearestAction(prefix, name)
	return unknown
}

// CheckKey tells whether the table knows a condition key, with the nearest name
// if not. Keys of identity providers, as "oidc.example.com:sub", are not in any
// table: a caller that finds a dot in the prefix should not complain.
func (t *Table) CheckKey(name string) error {
	if _, ok := t.Key(name); ok {
		return nil
	}
	best := newBest(name)
	for i := range t.keys {
		best.try(t.keys[i].Name)
	}
	return &UnknownError{Kind: "condition key", Name: name, Nearest: best.name}
}

// spoken gives the prefix of services that people, consoles or endpoints call by
// another name.
var spoken = map[string]string{
	"cloudwatch-logs": "logs", "cloudwatchlogs": "logs", "cognito": "cognito-idp",
	"efs": "elasticfilesystem", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "email": "ses",
	"emr": "elasticmapreduce", "eventbridge": "events", "identitycenter": "sso", "keyspaces": "cassandra",
	"monitoring": "cloudwatch", "msk": "kafka", "mwaa": "airflow", "organisations": "organizations",
	"parameterstore": "ssm", "stepfunctions": "states", "systemsmanager": "ssm",
}

// nearestAction looks for a similar name in the service if that is known, else for
// the very same name in services with a similar prefix, then in the one service
// that has it, and last for a similar prefix alone, which it returns with its
// colon.
func (t *Table) nearestAction(prefix, name string) (string, bool) {
	service, known := t.findService(prefix)
	if known {
		s := &t.services[service]
		best := newBest(name)
		for id := s.action; id < s.action1; id++ {
			best.try(t.actions[id].name)
		}
		if best.name != "" {
			return s.prefix + ":" + best.name, true
		}
	}
	similar, prefixes := newBest(prefix), newBest(prefix)
	var only string
	same := 0
	for i := range t.services {
		s := &t.services[i]
		if id, has := t.findAction(i, name); has {
			same++
			only = t.Name(id)
			similar.try(s.prefix)
		}
		prefixes.try(s.prefix)
	}
	switch {
	case similar.name != "":
		return similar.name + ":" + name, true
	case same == 1:
		return only, true
	case known:
	case prefixes.name != "":
		return prefixes.name + ":", true
	}
	return "", false
}

// nearestPattern suggests the action that is nearest to the fixed text of a
// pattern: s3:Lst* gives s3:List*.
func (t *Table) nearestPattern(service int, pattern string) string {
	fixed, _, _ := strings.Cut(pattern, "*")
	if fixed == "" || strings.Contains(fixed, "?") {
		return ""
	}
	s := &t.services[service]
	best := newBest(fixed)
	for id := s.action; id < s.action1; id++ {
		name := t.actions[id].name
		for n := max(1, len(fixed)-1); n <= min(len(name), len(fixed)+1); n++ {
			best.try(name[:n])
		}
	}
	if best.name == "" {
		return ""
	}
	return s.prefix + ":" + best.name + "*"
}

// best keeps the nearest of the names it is shown; of equals the first in order.
type best struct {
	want, name string
	distance   int
}

func newBest(want string) *best {
	want = strings.ToLower(bounded(want))
	return &best{want: want, distance: allowed(want) + 1}
}

func (b *best) try(name string) {
	d := distance(b.want, strings.ToLower(name), b.distance+1) // One more, to know a tie.
	if d < b.distance || d == b.distance && b.name != "" && name < b.name {
		b.name, b.distance = name, d
	}
}

// allowed is how many edits away a name may be and still be meant.
func allowed(name string) int { return 1 + len(name)/4 }

// distance counts the insertions, deletions, replacements and swaps of neighbours
// that turn one name into the other (optimal string alignment); limit or more
// is not counted out.
func distance(a, b string, limit int) int {
	if len(a) > maxName+3 || len(b) > maxName+3 || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	var rows [3][maxName + 4]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			replace := above[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > limit {
			return limit
		}
	}
	return min(rows[len(a)%3][len(b)], limit)
}
