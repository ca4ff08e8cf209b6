package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/prevent/waf"
	"github.com/yagura-sec/yagura/replay/waf/record"
	"github.com/yagura-sec/yagura/replay/waf/request"
)

// checking is what `yagura waf check` was asked.
type checking struct {
	firewall
	explain         bool
	client, country string
}

func (p *program) wafCheckCommand() *cobra.Command {
	var k checking
	c := &cobra.Command{
		Use: "check FILE | - | curl …", Short: p.say("short.waf-check"), Long: p.say("long.waf-check"),
		Example: "  yagura waf check --acl web-acl.json \"curl 'https://shop.example/?q=1' -H 'User-Agent: x'\"\n" +
			"  yagura waf check --crs --paranoia 2 request.http --explain\n" +
			"  yagura waf check --acl acls/ --crs --format json - < requests.jsonl",
		Args: p.arguments(1, unlimited, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error { return p.wafCheck(&k, args) },
	}
	f := c.Flags()
	f.StringArrayVar(&k.acl, "acl", nil, p.say("flag.waf-acl"))
	p.crsFlags(c, &k.firewall)
	p.placeFlags(c, &k.firewall)
	f.BoolVar(&k.explain, "explain", false, p.say("flag.waf-explain"))
	f.StringVar(&k.client, "client", "", p.say("flag.waf-client"))
	f.StringVar(&k.country, "country", "", p.say("flag.waf-country"))
	return c
}

func (p *program) wafCheck(k *checking, args []string) error {
	args, err := p.settle(&k.firewall, args)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		return p.wrong("waf-no-request")
	}
	if p.format == "csv" {
		return p.wrong("bad-format", p.format)
	}
	g, err := p.gate(&k.firewall)
	if err != nil {
		return err
	}
	if args[0] == "-" && p.format == "json" {
		return p.checkLines(k, g, p.stdin)
	}
	all, err := p.requests(args)
	if err != nil {
		return err
	}
	stopped := false
	for i, r := range all {
		if err := request.Place(r, k.client, k.country); err != nil {
			return &codedError{exitUsage, err}
		}
		if i > 0 && p.format == "table" {
			fmt.Fprintln(p.stdout)
		}
		a := k.answer(g, r)
		if err := p.tellAnswer(k, r, a); err != nil {
			return err
		}
		stopped = stopped || a.verdict.Action != yagura.Allow
	}
	if stopped {
		return ended(exitFound)
	}
	return nil
}

// maxRequest bounds what is read of one request, or of a HAR file.
const maxRequest = 256 << 20

// requests reads the requests of an argument: a curl command, or a file with one,
// a HAR archive, requests as JSON Lines, or as they go over the wire.
func (p *program) requests(args []string) ([]*yagura.Request, error) {
	one := func(r *yagura.Request, err error) ([]*yagura.Request, error) {
		if err != nil {
			return nil, &codedError{exitUsage, err}
		}
		return []*yagura.Request{r}, nil
	}
	switch {
	case args[0] == "curl" && len(args) > 1:
		return one(request.CurlWords(args[1:]))
	case len(args) > 1:
		return nil, p.wrong("too-many", "yagura waf check", "FILE", args[1])
	case strings.HasPrefix(args[0], "curl "):
		return one(request.Curl(args[0]))
	}
	in := p.stdin
	if args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, p.wrong("no-path", args[0], cause(err))
		}
		defer f.Close() // read only: nothing can be lost
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxRequest+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxRequest {
		return nil, p.wrong("waf-too-big", args[0], maxRequest>>20)
	}
	switch text := bytes.TrimLeft(raw, "\ufeff \t\r\n"); {
	case bytes.HasPrefix(text, []byte("curl ")):
		return one(request.Curl(string(text)))
	case !bytes.HasPrefix(text, []byte("{")):
		return one(request.Raw(raw))
	default:
		return p.requestLines(args[0], text)
	}
}

// requestLines reads a HAR archive, one request as JSON, or JSON Lines.
func (p *program) requestLines(name string, text []byte) (all []*yagura.Request, err error) {
	if r, err := request.JSON(text); err == nil {
		return []*yagura.Request{r}, nil
	}
	if start := text[:min(len(text), 4096)]; bytes.Contains(start, []byte(`"log"`)) && !bytes.Contains(start, []byte(`"uri"`)) {
		return p.archive(name, text)
	}
	n := 0
	for l := range bytes.Lines(text) {
		n++
		if l = bytes.TrimSpace(l); len(l) == 0 {
			continue
		}
		r, err := request.JSON(l)
		if err != nil {
			return nil, p.wrong("waf-bad-request", name, n, err.Error())
		}
		all = append(all, r)
	}
	return all, nil
}

// archive reads the requests of a HAR archive, which have no id but their place.
func (p *program) archive(name string, text []byte) (all []*yagura.Request, err error) {
	r := &record.Record{}
	err = record.HAR(bytes.NewReader(text), r, func(r *record.Record) error {
		one := r.Request
		one.Headers, one.ID = slices.Clone(r.Headers), strconv.FormatInt(r.Line, 10)
		all = append(all, &one)
		return nil
	}, func(err error) { p.note("waf-refused", name, r.Line, err.Error()) })
	if err != nil {
		return nil, p.wrong("waf-no-har", name, err.Error())
	}
	return all, nil
}

// answer is a decision, in the form of one line.
type answer struct {
	ID      string   `json:"id"`
	Action  string   `json:"action"`
	Matched []string `json:"matched"`
	Labels  []string `json:"labels"`
	Score   int      `json:"score"`
	Reasons []string `json:"reasons"`
	// Explanation is only there when it was asked for.
	Explanation *waf.Explanation `json:"explanation,omitempty"`

	verdict *yagura.Verdict
}

// failedAction is the action of a line that is no request.
const failedAction = "ERROR"

// answer decides on one request, which has nothing to do with the one before.
func (k *checking) answer(g *siteGate, r *yagura.Request) *answer {
	if g.acl != nil && r.Time == 0 {
		g.acl.Forget()
	}
	v := g.Decide(r)
	a := &answer{ID: r.ID, Action: v.Action.String(), Matched: []string{}, Labels: v.Labels, Score: v.Score, Reasons: v.Reasons, verdict: v}
	for _, h := range v.Hits {
		if !slices.Contains(a.Matched, h.Rule) {
			a.Matched = append(a.Matched, h.Rule)
		}
	}
	if a.Labels == nil {
		a.Labels = []string{}
	}
	if a.Reasons == nil {
		a.Reasons = []string{}
	}
	if k.explain && g.acl != nil {
		if r.Time == 0 {
			g.acl.Forget()
		}
		a.Explanation = g.acl.Explain(r)
		g.once.Delete(r)
	}
	return a
}

// checkLines answers JSON Lines, each in its place.
func (p *program) checkLines(k *checking, g *siteGate, in io.Reader) error {
	w := bufio.NewWriterSize(p.stdout, 64<<10)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(true)
	source := lines.NewReader(in, maxRequest)
	bad := 0
	for n := 1; ; n++ {
		text, _, err := source.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		var a *answer
		switch {
		case errors.Is(err, lines.ErrTooLong):
			a = wrongLine("", n, err)
		case err != nil:
			return errors.Join(err, w.Flush())
		default:
			r, err := request.JSON([]byte(text))
			if err == nil && r.Missing&yagura.PartClient != 0 {
				err = request.Place(r, k.client, k.country)
			}
			if err != nil {
				a = wrongLine(r.ID, n, err)
			} else {
				a = k.answer(g, r)
			}
		}
		if a.Action == failedAction {
			bad++
		}
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	if bad > 0 {
		p.note("waf-bad-lines", bad)
	}
	return w.Flush()
}

func wrongLine(id string, n int, err error) *answer {
	text := err.Error()
	return &answer{
		ID: id, Action: failedAction, Matched: []string{}, Labels: []string{},
		Reasons: []string{fmt.Sprintf("line %d: %s", n, text[:min(len(text), 500)])},
	}
}

// step is one rule of an explanation.
type step struct {
	Rule    string `json:"rule" table:"whole" doc:"-"`
	Outcome string `json:"outcome" table:"whole" doc:"-"`
	Action  string `json:"action" table:"whole" doc:"-"`
	Field   string `json:"field" doc:"-"`
	Value   string `json:"value" doc:"-"`
	Labels  string `json:"labels" spare:"1" doc:"-"`
	Why     string `json:"why" spare:"2" doc:"-"`
}

// tellAnswer shows one decision.
func (p *program) tellAnswer(k *checking, r *yagura.Request, a *answer) error {
	if p.format == "json" {
		return sheet.JSON(p.stdout, a)
	}
	v := a.verdict
	fmt.Fprintln(p.stdout, p.say("waf-request", r.Method, cutText(r.URI, 200), p.verdictSentence(a)))
	if a.Score > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-score", a.Score))
	}
	if len(a.Labels) > 0 {
		fmt.Fprintln(p.stdout, p.say("waf-labels", join(a.Labels)))
	}
	for _, reason := range a.Reasons {
		fmt.Fprintln(p.stdout, p.say("waf-reason", reason))
	}
	var rows []step
	if a.Explanation != nil {
		rows = stepRows("", a.Explanation.Steps)
	}
	for _, h := range v.Hits {
		if a.Explanation == nil || h.Group == crsGroup {
			rows = append(rows, step{Rule: ruleName(h.Group, h.Rule), Outcome: "match", Action: h.Action.String(), Field: h.Field, Value: h.Value})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return printAll(p, rows)
}

func ruleName(group, rule string) string {
	if group == "" {
		return rule
	}
	return group + "/" + rule
}

// stepRows flattens an explanation.
func stepRows(group string, steps []waf.Step) (rows []step) {
	for _, s := range steps {
		rows = append(rows, step{
			Rule: ruleName(group, s.Rule), Outcome: s.Outcome, Action: s.Action, Field: s.Field, Value: s.Value,
			Labels: join(s.Labels), Why: join(s.Why),
		})
		rows = append(rows, stepRows(s.Rule, s.Steps)...)
	}
	return rows
}

// verdictSentence says a decision in one sentence.
func (p *program) verdictSentence(a *answer) string {
	if v := a.verdict; v.Group == crsGroup {
		return p.say("waf-by-crs", v.Action.String(), v.Rule, a.Score)
	}
	x := a.Explanation
	if x == nil {
		x = &waf.Explanation{Verdict: a.verdict, Decides: a.verdict.Rule}
	}
	return x.Sentence(p.lang)
}

func cutText(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
