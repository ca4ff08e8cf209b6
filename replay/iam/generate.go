package iam

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/replay/iam/call"
)

// Generator writes the policy that one principal would have needed for what it
// did. It serves one goroutine.
type Generator struct {
	principal string
	mapper    *call.Mapper

	names    map[string]bool       // principals that the name stands for
	used     map[string]*resources // by action
	passed   map[string]*resources // iam:PassRole, by service; "" if not known
	refused  map[string]int64      // by action
	unmapped map[string]int64      // by operation
	from, to time.Time
	calls    int64
	bad      int64
	via      map[string]bool // actions that services called for the principal
}

// Generated is a policy with what must be known beside it.
type Generated struct {
	Principal string          `json:"principal"`
	Policy    json.RawMessage `json:"policy"`
	Comments  []string        `json:"comments"`
	Calls     int64           `json:"calls"` // that the policy rests on
	From      time.Time       `json:"from"`
	To        time.Time       `json:"to"`
}

// NewGenerator prepares for a role or user, by its ARN or by its name if only
// one has it.
func NewGenerator(t *actions.Table, principal string) (*Generator, error) {
	m, err := call.New(t)
	if err != nil {
		return nil, err
	}
	return &Generator{
		principal: principal, mapper: m, names: map[string]bool{}, used: map[string]*resources{}, passed: map[string]*resources{},
		refused: map[string]int64{}, unmapped: map[string]int64{}, via: map[string]bool{},
	}, nil
}

// maxNames bounds what is remembered by name.
const maxNames = 10_000

// AddText takes the calls of the principal from a CloudTrail record.
func (g *Generator) AddText(text string) error {
	rec, err := call.Read(text)
	if err != nil {
		g.bad++
		return fmt.Errorf("record: %w", err)
	}
	c, why := g.mapper.Map(&rec)
	if !g.means(c.Name) && !g.means(c.Principal) || len(g.names) >= maxNames {
		return nil
	}
	switch {
	case why == call.NotACall || why == call.NoPermission:
		return nil
	case why != "":
		bump(g.unmapped, rec.Source+":"+rec.Name)
		return nil
	}
	g.names[strings.Clone(c.Name)] = true
	if g.from.IsZero() || rec.Time.Before(g.from) {
		g.from = rec.Time
	}
	if rec.Time.After(g.to) {
		g.to = rec.Time
	}
	if rec.Denied() {
		bump(g.refused, c.Needs[0].Action)
		return nil
	}
	g.calls++
	for i := range c.Needs {
		n := &c.Needs[i]
		if n.Action == "sts:GetCallerIdentity" {
			continue // needs no permission
		}
		into, key := g.used, n.Action
		if n.Inferred {
			into, key = g.passed, n.Service
		}
		if into[key] == nil {
			into[strings.Clone(key)] = &resources{}
		}
		into[key].add(n.Resource)
		if !n.Inferred && strings.HasSuffix(rec.Identity.InvokedBy, ".amazonaws.com") {
			g.via[n.Action] = true
		}
	}
	return nil
}

func bump(m map[string]int64, key string) {
	if _, ok := m[key]; ok || len(m) < maxNames {
		m[text(key)]++
	}
}

func (g *Generator) means(arn string) bool {
	return arn != "" && (arn == g.principal || !strings.HasPrefix(g.principal, "arn:") && strings.HasSuffix(arn, "/"+g.principal))
}

type statement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// Policy writes the policy. It fails when the history has no call of the
// principal, or of several that the name stands for.
func (g *Generator) Policy() (*Generated, error) {
	names := slices.Sorted(maps.Keys(g.names))
	if len(names) == 0 {
		return nil, fmt.Errorf("no call of %.200q is on record: give the ARN of a role or user as CloudTrail writes it", g.principal)
	}
	if len(names) > 1 {
		return nil, fmt.Errorf("%.200q is the name of several: %s; give the ARN", g.principal, strings.Join(names[:min(len(names), 5)], ", "))
	}
	out := &Generated{Principal: names[0], Calls: g.calls, From: g.from, To: g.to}
	var wide []string
	byResources := map[string]*statement{}
	for _, action := range slices.Sorted(maps.Keys(g.used)) {
		list, notes := g.used[action].list()
		for _, n := range notes {
			wide = append(wide, action+": "+n)
		}
		service, _, _ := strings.Cut(action, ":")
		key := service + "\x00" + strings.Join(list, "\x00")
		s := byResources[key]
		if s == nil {
			s = &statement{Effect: "Allow", Resource: list}
			byResources[key] = s
		}
		s.Action = append(s.Action, action)
	}
	var doc struct {
		Version   string
		Statement []*statement
	}
	doc.Version, doc.Statement = "2012-10-17", []*statement{}
	for _, key := range slices.Sorted(maps.Keys(byResources)) {
		doc.Statement = append(doc.Statement, byResources[key])
	}
	for _, service := range slices.Sorted(maps.Keys(g.passed)) {
		list, notes := g.passed[service].list()
		for _, n := range notes {
			wide = append(wide, "iam:PassRole: "+n)
		}
		s := &statement{Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: list}
		if service != "" {
			s.Condition = map[string]map[string]string{"StringEquals": {"iam:PassedToService": service}}
		}
		doc.Statement = append(doc.Statement, s)
	}
	for i, s := range doc.Statement {
		service, _, _ := strings.Cut(s.Action[0], ":")
		s.Sid = fmt.Sprintf("%s%d", strings.Map(alphanumeric, strings.ToUpper(service[:1])+service[1:]), i+1)
	}
	raw, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, err
	}
	out.Policy = raw
	out.Comments = g.comments(wide, raw)
	return out, nil
}

func alphanumeric(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

// dataPlane are services whose most frequent calls are data events, which a
// trail logs only if told to, with an action of each.
var dataPlane = []struct{ service, action string }{
	{"s3", "s3:GetObject"}, {"s3", "s3:PutObject"}, {"lambda", "lambda:InvokeFunction"}, {"dynamodb", "dynamodb:GetItem"},
	{"dynamodb", "dynamodb:PutItem"}, {"sqs", "sqs:ReceiveMessage"}, {"sns", "sns:Publish"},
}

// maxManaged is what IAM allows of a managed policy, in characters without
// blanks.
const maxManaged = 6144

// comments say what the policy cannot know.
func (g *Generator) comments(wide []string, raw []byte) []string {
	out := []string{fmt.Sprintf("rests on %d calls from %s to %s; what the principal needs less often is not in it",
		g.calls, g.from.UTC().Format(time.RFC3339), g.to.UTC().Format(time.RFC3339))}
	silent := map[string]bool{}
	for _, d := range dataPlane {
		silent[d.service] = silent[d.service] || g.used[d.action] != nil
	}
	for _, service := range slices.Sorted(maps.Keys(silent)) {
		if !silent[service] {
			out = append(out, "no data events of "+service+" are on record: if the trail does not log them, permissions for them are missing")
		}
	}
	if len(g.passed) > 0 {
		out = append(out, "iam:PassRole has no event of its own: it is inferred from the parameters of other calls")
	}
	if len(g.via) > 0 {
		out = append(out, "called by services for the principal: "+strings.Join(slices.Sorted(maps.Keys(g.via)), ", "))
	}
	out = append(out, wide...)
	for _, op := range slices.Sorted(maps.Keys(g.unmapped)) {
		out = append(out, fmt.Sprintf("could not be mapped and is missing: %s, %d calls", op, g.unmapped[op]))
	}
	for _, a := range slices.Sorted(maps.Keys(g.refused)) {
		out = append(out, fmt.Sprintf("was refused on record and is not granted: %s, %d calls", text(a), g.refused[a]))
	}
	if g.bad > 0 {
		out = append(out, fmt.Sprintf("%d records could not be read", g.bad))
	}
	if n := len(strings.Join(strings.Fields(string(raw)), "")); n > maxManaged {
		out = append(out, fmt.Sprintf("%d characters: IAM allows %d in a managed policy, so it must be split", n, maxManaged))
	}
	return out
}
