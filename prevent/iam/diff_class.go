package iam

import (
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

// actionClass are actions that no statement tells apart.
type actionClass struct {
	names         []string
	service       string // of the first; of all where AWS treats the service in its own way
	takesResource bool
	needsResource bool
	statements    []*statement // that match the action
	formats       []string     // ARN formats of the first action's resources
}

// ownWays are services of which single actions are decided in their own way.
var ownWays = []string{"sts", "kms", "iam"}

// classify sorts all known actions, and those that only the policies name, into
// classes.
func classify(all []*Policy) ([]actionClass, error) {
	table, err := actions.Embedded()
	if err != nil {
		return nil, err
	}
	var classes []actionClass
	index := map[string]int{}
	numbers := map[*statement]int{}
	for _, p := range all {
		for i := range p.statements {
			numbers[&p.statements[i]] = len(numbers)
		}
	}
	e := new(evaluation)
	file := func(name string) {
		if e.readAction(name) != "" {
			return
		}
		var matched []*statement
		var id strings.Builder
		for _, p := range all {
			for _, rules := range [2][]rule{p.general, p.byService[e.service]} {
				for i := range rules {
					if s := rules[i].statement; rules[i].matchAction(e) {
						matched = append(matched, s)
						id.WriteString(strconv.Itoa(numbers[s]) + " ")
					}
				}
			}
		}
		if len(matched) == 0 {
			return
		}
		c := actionClass{service: strings.Clone(e.service), takesResource: !e.known || e.fact.takesResource, needsResource: e.fact.needsResource, statements: matched}
		for _, flag := range []bool{c.takesResource, c.needsResource, e.fact.rcp || !e.known && rcpService(e.service), e.known} {
			id.WriteByte("01"[btoi(flag)])
		}
		if slices.Contains(ownWays, e.service) {
			id.WriteString(e.service + e.action)
		}
		at, ok := index[id.String()]
		if !ok {
			at = len(classes)
			index[id.String()] = at
			if found, known := table.ID(name); known {
				for _, r := range table.Action(found).Resources {
					c.formats = append(c.formats, r.ARN)
				}
			}
			classes = append(classes, c)
		}
		classes[at].names = append(classes[at].names, name)
	}
	for _, service := range table.Services() {
		set, err := table.Expand(service.Prefix + ":*")
		if err != nil {
			return nil, err
		}
		for id := range set.All() {
			file(table.Name(id))
		}
	}
	for _, name := range unlisted(table, all) {
		file(name)
	}
	return classes, nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// unlisted are actions that the table lacks but the policies name, and one of a
// service that nobody knows.
func unlisted(table *actions.Table, all []*Policy) []string {
	names := []string{"example-service:Example"}
	for _, p := range all {
		for i := range p.doc.Statements {
			for _, a := range p.doc.Statements[i].Actions {
				if set, err := table.Expand(a.Value); err == nil && set.Len() == 0 {
					if name := fill(a.Value, true); !slices.Contains(names, name) {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// variables reports whether some resource of the statement holds a variable.
func (s *statement) variables() (has bool) {
	for i := range s.resources {
		s.resources[i].Keys(func(string) { has = true })
	}
	return has
}

// everyValue is for variables of which nothing is known.
type everyValue struct{}

func (everyValue) Variable(string) (value string, isAbsent bool, known truth) { return "", false, open }

// lifelike puts names that look like real ones in place of samples that the
// patterns cannot tell from them.
func (c *actionClass) lifelike(samples []string, patterns []*pattern.ARN, partition string) []string {
	answers := func(text string) string {
		name := pattern.ParseName(text)
		b := make([]byte, len(patterns))
		for i, p := range patterns {
			b[i] = '0' + byte(p.Match(&name, everyValue{}))
		}
		return string(b)
	}
	better := map[string]string{}
	offer := func(text string) {
		if n := pattern.ParseName(text); n.IsARN && n.Segments[1] == partition {
			if id := answers(text); better[id] == "" {
				better[id] = text
			}
		}
	}
	for _, s := range c.statements {
		for i := range s.resources {
			offer(fill(s.source.Resources[i].Value, true))
		}
	}
	for _, f := range c.formats {
		offer(fillFormat(f, partition))
	}
	out := make([]string, len(samples))
	for i, s := range samples {
		out[i] = s
		if nice := better[answers(s)]; nice != "" {
			out[i] = nice
		}
	}
	return out
}

// fillFormat makes a name of an ARN format of the service data.
func fillFormat(format, partition string) string {
	format = strings.NewReplacer("${Partition}", partition, "${Region}", "us-east-1", "${Account}", nowhere).Replace(format)
	return fill(format, true)
}

// somebody is a principal of the comparison.
type somebody struct {
	text  string
	free  bool // the keys that follow from the principal are not fixed
	knows []string
}

func (s somebody) request() *access.Request {
	r := &access.Request{Principal: s.text, Unknown: []string{"*", "aws:ResourceAccount"}, Known: s.knows}
	if s.free {
		r.Unknown = append(r.Unknown, "aws:PrincipalArn", "aws:username", "aws:PrincipalType", "aws:PrincipalAccount")
	}
	return r
}

// serviceKeys are never there for callers with credentials of an account.
var serviceKeys = []string{"aws:PrincipalServiceName", "aws:PrincipalServiceNamesList"}

// principals lists one caller of each kind that the policies tell apart.
func (d *differ) principals(partition string) []somebody {
	anyone := somebody{text: "arn:" + partition + ":iam::" + nowhere + ":user/" + spare, free: true, knows: serviceKeys}
	if !d.kind.HasPrincipal() {
		return []somebody{anyone}
	}
	out := []somebody{
		anyone,
		{text: "anonymous", knows: principalKeys},
		{text: "example.amazonaws.com"},
		{text: "arn:" + partition + ":iam::" + nowhere + ":saml-provider/" + spare, free: true},
	}
	seen := map[string]bool{}
	add := func(s somebody) {
		if !seen[s.text] {
			seen[s.text] = true
			out = append(out, s)
		}
	}
	for _, p := range d.all {
		for i := range p.statements {
			for j := range p.statements[i].principals {
				for _, s := range p.statements[i].principals[j].examples(partition) {
					add(s)
				}
			}
		}
	}
	return out
}

// examples are callers whom the entry names.
func (p *principal) examples(partition string) []somebody {
	within := func(account string) []somebody {
		head := "arn:" + partition + ":"
		return []somebody{
			{text: head + "iam::" + account + ":user/" + spare, free: true, knows: serviceKeys},
			{text: head + "iam::" + account + ":root", knows: serviceKeys},
		}
	}
	switch p.kind {
	case anAccount:
		return within(p.account)
	case anARN:
		out := []somebody{{text: p.text, knows: serviceKeys}}
		n := pattern.ParseName(p.text)
		if name, ok := strings.CutPrefix(n.Segments[5], "role/"); ok && n.Segments[2] == "iam" {
			name = name[strings.LastIndexByte(name, '/')+1:]
			out = append(out, somebody{text: "arn:" + n.Segments[1] + ":sts::" + n.Segments[4] + ":assumed-role/" + name + "/" + spare, free: true, knows: serviceKeys})
		}
		if isAccount(n.Segments[4]) {
			out = append(out, within(n.Segments[4])...)
		}
		return out
	case aService, aProvider, aCanonicalUser:
		return []somebody{{text: p.text}}
	case everyone, nobody:
	}
	return nil
}

// formatsOf are the ARN formats of an action's resources; for an action that is
// not known, any.
func formatsOf(name string) (formats []string) {
	table, err := actions.Embedded()
	if err != nil {
		return []string{"*"}
	}
	id, ok := table.ID(name)
	if !ok {
		return []string{"*"}
	}
	for _, r := range table.Action(id).Resources {
		formats = append(formats, r.ARN)
	}
	return formats
}
