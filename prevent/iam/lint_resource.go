package iam

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

var lintPartitions = []string{"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}

func (l *linting) resources(i int, s *policy.Statement) {
	element := "Resource"
	if s.NotResource {
		element = "NotResource"
	}
	if s.HasResource && len(s.Resources) == 0 {
		l.add(s.Offset, lintSuggestion, "EMPTY_ARRAY_RESOURCE", lintPath(i, element), "an empty %s does nothing", element)
	}
	seen := map[string]bool{}
	for j, r := range s.Resources {
		path := lintPath(i, element, j)
		l.variables(r, path)
		if seen[r.Value] {
			l.add(r.Offset, lintSuggestion, "REDUNDANT_RESOURCE", path, "%s stands twice", lintQuoted(r.Value))
		}
		seen[r.Value] = true
		if r.Value != "*" {
			l.arn(r, path)
		}
	}
}

// arn checks one resource against the grammar and the service's ARN formats.
func (l *linting) arn(r policy.Text, path string) {
	fail := func(code, format string, args ...any) {
		l.add(r.Offset, lintError, code, path, "%s: "+format, append([]any{lintQuoted(r.Value)}, args...)...)
	}
	parts := lintSplitARN(r.Value)
	if parts[0] != "arn" {
		fail("INVALID_ARN_PREFIX", `a resource is "*" or starts with arn:`)
		return
	}
	if len(parts) < 6 {
		fail("MISSING_ARN_FIELD", "an ARN has six fields, arn:partition:service:region:account:resource")
		return
	}
	partition, service, region, account := parts[1], parts[2], parts[3], parts[4]
	if !lintFuzzy(partition) && !slices.Contains(lintPartitions, partition) {
		fail("INVALID_PARTITION", "partition %s; known are %s", lintQuoted(partition), strings.Join(lintPartitions, ", "))
	}
	if account != "" && !lintFuzzy(account) && account != "aws" && account != "cloudfront" && !lintIsAccount(account) {
		fail("INVALID_ARN_ACCOUNT", "account %s; an account has 12 digits", lintQuoted(account))
	}
	if lintFuzzy(service) {
		return
	}
	if service != strings.ToLower(service) {
		fail("INVALID_ARN_SERVICE_CASE", "write the service as %s", strings.ToLower(service))
		return
	}
	known := l.index.byService[service]
	if len(known) == 0 || !l.afford(len(known)*len(r.Value)*64) {
		return // No resource type of any service has such ARNs.
	}
	last := lintGlobOf(r.Value, parts[5])
	var same [][]string // formats whose last field fits
	for _, f := range known {
		if lintOverlap(last, f.last) {
			same = append(same, f.parts)
		}
	}
	all := func(field int) bool {
		return len(same) > 0 && !slices.ContainsFunc(same, func(parts []string) bool { return parts[field] != "" })
	}
	switch {
	case all(3) && region != "" && !lintFuzzy(region):
		fail("ARN_REGION_NOT_ALLOWED", "such resources have no region in their ARN; leave the field empty")
	case region == "" && len(same) > 0 && !slices.ContainsFunc(same, func(parts []string) bool { return parts[3] == "" }):
		fail("MISSING_ARN_REGION", "such resources have a region in their ARN; name it or write *")
	case all(4) && account != "" && !lintFuzzy(account):
		fail("ARN_ACCOUNT_NOT_ALLOWED", "such resources have no account in their ARN; leave the field empty")
	case len(same) == 0:
		fail("INVALID_ARN_RESOURCE", "no resource type of %s has such an ARN; one that has is %s", service, strings.Join(known[0].parts, ":"))
	}
}

// lintFormat is the ARN format of a resource type.
type lintFormat struct {
	parts []string
	last  []lintToken
	whole []lintToken
}

// lintIndex holds the ARN formats of all services.
type lintIndex struct {
	byService map[string][]*lintFormat // by the ARN's service field, whichever service lists it
	byARN     map[string]*lintFormat
}

func newLintIndex(table *actions.Table) *lintIndex {
	index := &lintIndex{map[string][]*lintFormat{}, map[string]*lintFormat{}}
	for _, s := range table.Services() {
		for _, r := range table.Resources(s.Prefix) {
			parts := lintSplitARN(r.ARN)
			if len(parts) != 6 || index.byARN[r.ARN] != nil {
				continue
			}
			f := &lintFormat{parts: parts, last: lintGlob(parts[5]), whole: lintGlob(r.ARN)}
			index.byARN[r.ARN] = f
			index.byService[parts[2]] = append(index.byService[parts[2]], f)
		}
	}
	return index
}

// maxLintWork bounds the comparisons of ARNs for one document, in steps; a real
// document takes a thousandth of it.
const maxLintWork = 100_000_000

// afford reports whether so much more work may be done. The first refusal is
// itself reported: what was not checked must not look fine.
func (l *linting) afford(steps int) bool {
	if l.work > maxLintWork {
		return false
	}
	if l.work += steps; l.work > maxLintWork {
		l.add(0, lintWarning, "+INCOMPLETE", "", "too many resources and actions to compare all of them; split the document")
		return false
	}
	return true
}

// fit reports actions to which none of the statement's resources can apply: such
// an Allow grants nothing, and such a Deny denies nothing.
func (l *linting) fit(i int, s *policy.Statement, known lintActions) {
	if s.NotAction || s.NotResource || !s.HasResource || slices.ContainsFunc(s.Resources, lintCoversAll) || len(s.Resources) > 200 {
		return
	}
	var globs []lintResource
	for _, r := range s.Resources {
		parts := lintSplitARN(r.Value)
		if len(parts) < 6 {
			return // Reported already; IAM takes the missing fields for stars.
		}
		globs = append(globs, lintResource{parts[2], strings.Trim(parts[5], "*") == "", lintGlob(r.Value)})
	}
	fits := map[string]bool{} // by ARN format
	level, effect := lintWarning, "grants nothing"
	if s.Deny {
		level, effect = lintSecurity, "denies nothing"
	}
	for j, a := range s.Actions {
		if known.sets[j].Len() == 0 || known.sets[j].Len() > 2000 {
			continue
		}
		bare, fit := true, false
		for id := range known.sets[j].All() {
			takes := l.table.Action(id).Resources
			bare = bare && len(takes) == 0
			if fit = slices.ContainsFunc(takes, func(r actions.Resource) bool { return l.fits(r.ARN, globs, fits) }); fit {
				break
			}
		}
		switch {
		case fit || l.work > maxLintWork || bare && l.everything(a.Value, globs):
		case bare:
			l.add(a.Offset, level, "+ACTION_WITHOUT_RESOURCES", lintPath(i, "Action", j),
				`%s takes no resource, so with this Resource it %s; write "*" in a statement of its own`, lintQuoted(a.Value), effect)
		default:
			l.add(a.Offset, level, "+RESOURCE_MISMATCH", lintPath(i, "Action", j), "%s %s here: %s", lintQuoted(a.Value), effect, l.wanted(known.sets[j]))
		}
	}
}

// everything reports whether a resource stands for all of the action's service, as
// arn:aws:s3:::* does; services that take no resource for an action accept that.
func (l *linting) everything(action string, globs []lintResource) bool {
	prefix, _, _ := strings.Cut(action, ":")
	return slices.ContainsFunc(globs, func(g lintResource) bool {
		return g.all && (strings.EqualFold(g.service, prefix) || lintFuzzy(g.service))
	})
}

// lintResource is a resource of the statement.
type lintResource struct {
	service string
	all     bool // its last field is a star
	tokens  []lintToken
}

// fits reports whether one of the resources can be of the type with this ARN
// format; seen keeps the answers.
func (l *linting) fits(arn string, globs []lintResource, seen map[string]bool) bool {
	answer, known := seen[arn]
	if known {
		return answer
	}
	f := l.index.byARN[arn]
	answer = f == nil || slices.ContainsFunc(globs, func(g lintResource) bool {
		other := g.service != f.parts[2] && !lintFuzzy(g.service) && !lintFuzzy(f.parts[2])
		return !other && (!l.afford(len(g.tokens)*len(f.whole)) || lintOverlap(g.tokens, f.whole))
	})
	seen[arn] = answer
	return answer
}

// wanted names the resource types that the first of the actions takes.
func (l *linting) wanted(set actions.Set) string {
	for id := range set.All() {
		a := l.table.Action(id)
		if len(a.Resources) == 0 {
			continue
		}
		var formats []string
		for _, r := range a.Resources[:min(len(a.Resources), 3)] {
			formats = append(formats, r.Name+" "+r.ARN)
		}
		return fmt.Sprintf("%s takes %s", l.table.Name(id), strings.Join(formats, ", "))
	}
	return ""
}

// lintCoversAll holds for resources that match whatever an action takes.
func lintCoversAll(r policy.Text) bool {
	return r.Value != "" && strings.Trim(r.Value, "*:") == "" || strings.Trim(strings.TrimPrefix(r.Value, "arn"), "*:") == "" && r.Value != "arn"
}

// lintSplitARN cuts at the first five colons that are not inside a variable.
func lintSplitARN(arn string) []string {
	var parts []string
	start, inside := 0, false
	for i := range len(arn) {
		switch c := arn[i]; {
		case c == '{':
			inside = true
		case c == '}':
			inside = false
		case c == ':' && !inside && len(parts) < 5:
			parts = append(parts, arn[start:i])
			start = i + 1
		}
	}
	return append(parts, arn[start:])
}

// lintFuzzy holds for a field whose value is not fixed.
func lintFuzzy(field string) bool { return strings.ContainsAny(field, "*?$") }

func lintIsAccount(text string) bool {
	return len(text) == 12 && strings.Trim(text, "0123456789") == ""
}

// lintToken is one element of a glob: a character, any one, or any number.
type lintToken int16

const (
	lintOne  lintToken = -1
	lintMany lintToken = -2
)

// lintGlob reads a resource pattern or an ARN format; ${...} stands for anything.
func lintGlob(text string) []lintToken {
	tokens := make([]lintToken, 0, min(len(text), 2048))
	for i := 0; i < len(text) && len(tokens) < 2048; i++ {
		switch {
		case strings.HasPrefix(text[i:], "${"):
			if end := strings.IndexByte(text[i:], '}'); end > 0 {
				i += end
			}
			tokens = append(tokens, lintMany)
		case text[i] == '*':
			tokens = append(tokens, lintMany)
		case text[i] == '?':
			tokens = append(tokens, lintOne)
		default:
			tokens = append(tokens, lintToken(text[i]))
		}
	}
	return tokens
}

// lintGlobOf is the glob of the last field. A star before it may run into it.
func lintGlobOf(arn, last string) []lintToken {
	if strings.ContainsAny(strings.TrimSuffix(arn, last), "*") && !strings.Contains(arn, "${Partition}") {
		return append([]lintToken{lintMany}, lintGlob(last)...)
	}
	return lintGlob(last)
}

// lintOverlap reports whether some text matches both globs, in len(a)*len(b) steps.
func lintOverlap(a, b []lintToken) bool {
	// reach[j]: the part of a so far and b[:j] have a text in common.
	reach := make([]bool, len(b)+1)
	reach[0] = true
	for j := 0; j < len(b) && b[j] == lintMany; j++ {
		reach[j+1] = true
	}
	for _, t := range a {
		next := make([]bool, len(b)+1)
		next[0] = t == lintMany && reach[0]
		for j, u := range b {
			switch {
			case t == lintMany:
				next[j+1] = reach[j+1] || next[j]
			case u == lintMany:
				next[j+1] = next[j] || reach[j+1]
			default:
				next[j+1] = reach[j] && (t == u || t == lintOne || u == lintOne)
			}
		}
		reach = next
	}
	return reach[len(b)]
}
