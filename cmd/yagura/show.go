package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
)

func (p *program) showCommand() *cobra.Command {
	var s selection
	var around int
	var raw bool
	c := &cobra.Command{
		Use: "show EVENT_ID", Short: p.say("short.show"), Long: p.say("long.show"),
		Example: "  yagura show 8feee4c2-5e27-4857-8475-bfa7e7b6d791\n" +
			"  yagura show 8feee4c2-5e27-4857-8475-bfa7e7b6d791 --around 20\n" +
			"  yagura show 8feee4c2-5e27-4857-8475-bfa7e7b6d791 --raw | jq .requestParameters",
		Args: p.arguments(1, 1, "EVENT_ID"),
		RunE: func(c *cobra.Command, args []string) error {
			if around < 0 {
				return p.wrong("bad-around", around)
			}
			ctx := c.Context()
			return p.reading(ctx, func(l *lake.Lake) error {
				hits, err := l.Event(ctx, strings.TrimSpace(args[0]))
				if errors.Is(err, lake.ErrNotFound) || err == nil && len(hits) == 0 {
					return p.failed("no-event", args[0], p.data)
				}
				if err != nil {
					return err
				}
				switch {
				case raw:
					return p.rawRecords(hits)
				case around > 0:
					f, err := p.filter(&s, "", nil)
					if err != nil {
						return err
					}
					return p.around(ctx, l, f, hits[0], around)
				}
				return p.show(ctx, l, hits)
			})
		},
	}
	s.flags(p, c)
	c.Flags().IntVar(&around, "around", 0, p.say("flag.around"))
	c.Flags().BoolVar(&raw, "raw", false, p.say("flag.raw-only"))
	return c
}

// rawRecords writes records as their source wrote them, one after the other.
func (p *program) rawRecords(hits []ask.Hit) error {
	for _, h := range hits {
		if _, err := fmt.Fprintln(p.stdout, h.Event.Raw); err != nil {
			return err
		}
	}
	return nil
}

// around shows the event among its neighbours.
func (p *program) around(ctx context.Context, l *lake.Lake, f ask.Filter, hit ask.Hit, n int) error {
	near, err := l.Around(ctx, f, hit, n)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(near, func(h ask.Hit) bool { return after(h.Key(), hit.Key()) })
	if at < 0 {
		at = len(near)
	}
	out, err := p.newEvents(nil, false, nil)
	if err != nil {
		return err
	}
	for _, h := range slices.Insert(near, at, hit) {
		if err := out.add(&h); err != nil {
			return err
		}
	}
	return out.close()
}

func after(a, b ask.Key) bool {
	if a.Time != b.Time {
		return a.Time > b.Time
	}
	if a.Object != b.Object {
		return a.Object > b.Object
	}
	return a.Record > b.Record
}

// evidence says where a record stands and whether that is proved.
type evidence struct {
	Object     string    `json:"object" doc:"id of the object that holds the record"`
	Record     int64     `json:"record" doc:"number of the record in the object, from 0"`
	Bucket     string    `json:"bucket,omitempty" doc:"bucket of the object"`
	Key        string    `json:"key" doc:"key of the object, or its path"`
	SHA256     string    `json:"sha256" doc:"of the object's decompressed bytes, in hex"`
	IngestedAt time.Time `json:"ingested_at" doc:"when the object came into the lake"`
	Proof      string    `json:"proof,omitempty" doc:"proved, failed or unknown; absent when the source has no digests"`
	Reason     string    `json:"proof_reason,omitempty" doc:"why it is not proved"`
	By         string    `json:"proof_by,omitempty" doc:"key of the digest that proves it"`
}

func (p *program) evidence(ctx context.Context, l *lake.Lake, h *ask.Hit) (*evidence, error) {
	at := h.Event.Provenance
	e := &evidence{Object: objectID(at.Object), Record: at.Record}
	o, err := l.Object(ctx, at.Object)
	if err != nil {
		return e, err
	}
	e.Bucket, e.Key, e.SHA256, e.IngestedAt = o.Bucket, o.Key, o.SHA256, time.UnixMicro(o.IngestedAt).UTC()
	e.Proof, e.Reason, e.By = o.Proof, o.ProofReason, o.ProofBy
	return e, nil
}

// sentence says in words whether the record is proved.
func (p *program) sentence(e *evidence) string {
	switch e.Proof {
	case "proved":
		return p.say("proof-proved", e.By)
	case "failed":
		return p.say("proof-failed", e.Reason)
	case "unknown":
		return p.say("proof-unknown", e.Reason)
	}
	return p.say("proof-none")
}

// show writes everything that is known of the events.
func (p *program) show(ctx context.Context, l *lake.Lake, hits []ask.Hit) error {
	if p.format != "table" {
		return p.showRows(ctx, l, hits)
	}
	if len(hits) > 1 {
		p.note("same-id", len(hits))
	}
	for i := range hits {
		if i > 0 {
			fmt.Fprintln(p.stdout)
		}
		e, err := p.evidence(ctx, l, &hits[i])
		if err != nil {
			return err
		}
		if err := p.page(&hits[i], e); err != nil {
			return err
		}
	}
	return nil
}

// showRows is show in JSON and CSV.
func (p *program) showRows(ctx context.Context, l *lake.Lake, hits []ask.Hit) error {
	inner := &events{}
	columns := fullColumns(inner, true)
	w, err := sheet.New(p.format, p.stdout, columns, sheet.Options{})
	if err != nil {
		return err
	}
	for i := range hits {
		e, err := p.evidence(ctx, l, &hits[i])
		if err != nil {
			return err
		}
		cells := inner.cells(&hits[i])
		cells[slices.IndexFunc(columns, func(c sheet.Column) bool { return c.Key == "provenance" })] = e
		if err := w.Row(cells...); err != nil {
			return err
		}
	}
	return w.Close()
}

// page is one event for people.
func (p *program) page(h *ask.Hit, e *evidence) error {
	ev := &h.Event
	fmt.Fprintln(p.stdout, sheet.Safe(fmt.Sprintf("%s  %s  %s", ev.At().In(p.zone).Format(time.RFC3339Nano), h.Source, what(ev))))
	fmt.Fprintln(p.stdout, sheet.Safe(h.ID()))
	pairs := [][2]string{}
	for _, c := range ocsf.Columns() {
		if own[c.Name] && c.Name != "time" {
			continue
		}
		if v := value(c, ev); v != nil {
			pairs = append(pairs, [2]string{c.Path, p.plain(v)})
		}
	}
	if err := p.section("section.attributes", pairs); err != nil {
		return err
	}
	pairs = nil
	for _, o := range observables(h) {
		pairs = append(pairs, [2]string{o.Type, o.Value})
	}
	if err := p.section("section.observables", pairs); err != nil {
		return err
	}
	if err := p.section("section.raw", nil); err != nil {
		return err
	}
	if err := pretty(p.stdout, ev.Raw); err != nil {
		return err
	}
	return p.section("section.provenance", [][2]string{
		{p.head("object"), strings.TrimPrefix(e.Bucket+"/"+e.Key, "/")},
		{p.head("record"), strconv.FormatInt(e.Record, 10)},
		{"SHA-256", e.SHA256},
		{p.head("ingested_at"), e.IngestedAt.In(p.zone).Format(time.RFC3339)},
		{p.head("proof"), p.sentence(e)},
	})
}

func (p *program) plain(v any) string {
	switch v := v.(type) {
	case time.Time:
		return v.In(p.zone).Format(time.RFC3339Nano)
	case []string:
		return strings.Join(v, ", ")
	case json.RawMessage:
		return string(v)
	}
	return fmt.Sprint(v)
}

// section writes a heading and pairs below it; values are never cut.
func (p *program) section(heading string, pairs [][2]string) error {
	fmt.Fprintf(p.stdout, "\n%s\n", p.say(heading))
	w, err := sheet.New("table", p.stdout, []sheet.Column{{}, {}}, sheet.Options{})
	if err != nil {
		return err
	}
	for _, pair := range pairs {
		if err := w.Row("  "+pair[0], pair[1]); err != nil {
			return err
		}
	}
	return w.Close()
}

// pretty writes a record for people: JSON indented, anything else as it is,
// and every line made safe.
func pretty(w io.Writer, raw string) error {
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(raw), "  ", "  "); err != nil {
		b.Reset()
		b.WriteString(raw)
	}
	for l := range strings.SplitSeq(b.String(), "\n") {
		if _, err := fmt.Fprintln(w, "  "+sheet.Safe(strings.TrimPrefix(l, "  "))); err != nil {
			return err
		}
	}
	return nil
}
