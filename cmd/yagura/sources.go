package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/query/field"
	"github.com/yagura-sec/yagura/source"
)

func (p *program) sourcesCommand() *cobra.Command {
	var names bool
	c := &cobra.Command{
		Use: "sources", Short: p.say("short.sources"), Long: p.say("long.sources"),
		Example: "  yagura sources\n  yagura sources --fields | grep -i address",
		Args:    p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			if names {
				return p.fieldNames()
			}
			return p.reading(c.Context(), func(l *lake.Lake) error { return p.sources(c.Context(), l) })
		},
	}
	c.Flags().BoolVar(&names, "fields", false, p.say("flag.list-fields"))
	return c
}

// held is what the lake holds of one source.
type held struct {
	Source      string    `json:"source" doc:"name of the source, also of its SQL view"`
	Title       string    `json:"title" spare:"5" doc:"what AWS calls it"`
	Files       int64     `json:"files" doc:"files that hold its records"`
	Damaged     int64     `json:"damaged" spare:"3" doc:"files of these that could not be read to their end"`
	Rows        int64     `json:"rows" doc:"events in the lake"`
	Duplicates  int64     `json:"duplicates" spare:"4" doc:"events that came more than once and are kept once"`
	Quarantined int64     `json:"quarantined" doc:"records that cannot be read"`
	Expired     int64     `json:"expired" table:"-" doc:"events that retention removed"`
	Proved      int64     `json:"proved" spare:"1" doc:"files that a CloudTrail digest proves"`
	Disproved   int64     `json:"disproved" spare:"2" doc:"files that differ from what a digest states"`
	First       time.Time `json:"first" spare:"7" doc:"time of the first event"`
	Last        time.Time `json:"last" spare:"6" doc:"time of the last event"`
}

func (p *program) sources(ctx context.Context, l *lake.Lake) error {
	bySource := map[string]*held{}
	var rows []*held
	for _, s := range source.Schemas() {
		h := &held{Source: s.Source, Title: s.Title}
		bySource[s.Source] = h
		rows = append(rows, h)
	}
	err := l.Objects(ctx, func(o lake.Object) error {
		h := bySource[o.Source]
		if h == nil {
			return nil
		}
		h.Files++
		h.Rows += o.Rows - o.Expired
		h.Duplicates += o.Duplicates
		h.Quarantined += o.Quarantined
		h.Expired += o.Expired
		if o.Reason != "" && !o.Copy() {
			h.Damaged++
		}
		switch o.Proof {
		case "proved":
			h.Proved++
		case "failed":
			h.Disproved++
		}
		if o.Rows > 0 {
			if first := time.UnixMicro(o.First).UTC(); h.First.IsZero() || first.Before(h.First) {
				h.First = first
			}
			if last := time.UnixMicro(o.Last).UTC(); last.After(h.Last) {
				h.Last = last
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	out := make([]held, len(rows))
	for i, h := range rows {
		out[i] = *h
	}
	return printAll(p, out)
}

// name is a name that a search may use.
type name struct {
	Name    string   `json:"name" doc:"as it is written before the colon in a search"`
	Kind    string   `json:"kind" doc:"string, int, time, ip, bool or list"`
	Sources []string `json:"sources" doc:"sources that have it"`
	Doc     string   `json:"doc,omitempty" spare:"1" doc:"what it is"`
}

func (p *program) fieldNames() error {
	t, err := lake.Fields(source.Schemas(), nil)
	if err != nil {
		return err
	}
	var rows []name
	for _, n := range t.Names() {
		f, _ := t.Lookup(n)
		rows = append(rows, name{n, f.Kind.String(), f.Sources, firstOf(f.Doc, pathDoc(f))})
	}
	return printAll(p, rows)
}

func pathDoc(f field.Field) string {
	if f.Target.Path == "" {
		return ""
	}
	return strings.TrimSpace("raw: " + f.Target.Path)
}
