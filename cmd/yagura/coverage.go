package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake/ask"
)

func (p *program) coverageCommand() *cobra.Command {
	var s selection
	c := &cobra.Command{
		Use: "coverage", Short: p.say("short.coverage"), Long: p.say("long.coverage"),
		Example: "  yagura coverage --source cloudtrail --from -7d\n  yagura coverage --format json | jq 'select(.hours_missing > 0)'",
		Args:    p.arguments(0, 0, ""),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.ask(c.Context(), &s, nil, func(a *asked) error { return p.coverage(c.Context(), a) })
		},
	}
	s.flags(p, c)
	return c
}

// covered is what the lake has of one source in one account and region.
type covered struct {
	Source  string    `json:"source" doc:"name of the source"`
	Account string    `json:"account" doc:"account id; empty when the records do not say"`
	Region  string    `json:"region" doc:"region; empty when the records do not say"`
	From    time.Time `json:"from" table:"-" doc:"begin of the time looked at, a whole hour"`
	To      time.Time `json:"to" table:"-" doc:"its end, exclusive"`
	Hours   int64     `json:"hours" spare:"1" doc:"hours looked at"`
	Seen    int64     `json:"hours_seen" doc:"hours of these with events"`
	Missing int64     `json:"hours_missing" doc:"hours of these without events"`
	Events  int64     `json:"events" doc:"events"`
	Skipped int64     `json:"skipped" doc:"records that say that AWS skipped data (SKIPDATA): gaps although the hour has events"`
	Gaps    gaps      `json:"gaps" doc:"hours without events, joined to ranges: from, to (exclusive), hours"`
	Skips   gaps      `json:"skips" table:"-" doc:"hours with SKIPDATA records, joined to ranges"`
}

// gap is a range of hours.
type gap struct {
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Hours int64     `json:"hours"`
}

// gaps are ranges in order of time.
type gaps []gap

// shownGaps is how many gaps a table names.
const shownGaps = 3

// String names the first gaps; the hours are UTC, as coverage counts them.
func (g gaps) String() string {
	var parts []string
	for i, x := range g {
		if i == shownGaps {
			parts = append(parts, fmt.Sprintf("+%d", len(g)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s (%dh)", x.From.UTC().Format("2006-01-02T15Z"), x.Hours))
	}
	return strings.Join(parts, ", ")
}

// add adds an hour, which must not be before the last one.
func (g *gaps) add(hour time.Time) {
	if n := len(*g); n > 0 && (*g)[n-1].To.Equal(hour) {
		(*g)[n-1].To = hour.Add(time.Hour)
		(*g)[n-1].Hours++
		return
	}
	*g = append(*g, gap{hour, hour.Add(time.Hour), 1})
}

func (p *program) coverage(ctx context.Context, a *asked) error {
	cells, err := a.lake.Coverage(ctx, a.filter)
	if err != nil {
		return err
	}
	rows := cover(cells, a.filter.From, a.filter.To)
	if err := printAll(p, rows); err != nil {
		return err
	}
	for _, r := range rows {
		if r.Missing > 0 {
			p.note("quiet-hours")
			break
		}
	}
	return nil
}

// cover judges cells, which stand in order of source, account, region and hour.
// The hours looked at are those from from to to; an open end is where the
// source itself begins or ends in any account or region, so that an account
// that fell silent has a gap.
func cover(cells []ask.Cell, from, to time.Time) []covered {
	type span struct{ from, to time.Time }
	spans := map[string]span{}
	for _, c := range cells {
		s, ok := spans[c.Source]
		if !ok || c.Hour.Before(s.from) {
			s.from = c.Hour
		}
		if end := c.Hour.Add(time.Hour); end.After(s.to) {
			s.to = end
		}
		spans[c.Source] = s
	}
	rows := []covered{}
	for i := 0; i < len(cells); {
		j := i + 1
		for j < len(cells) && cells[j].Source == cells[i].Source && cells[j].Account == cells[i].Account && cells[j].Region == cells[i].Region {
			j++
		}
		s := spans[cells[i].Source]
		if !from.IsZero() {
			s.from = from.UTC().Truncate(time.Hour)
		}
		if !to.IsZero() {
			s.to = to.UTC().Add(time.Hour - 1).Truncate(time.Hour)
		}
		rows = append(rows, coverOne(cells[i:j], s.from, s.to))
		i = j
	}
	return rows
}

// maxHours bounds a row: a record with a wrong date must not make a million
// missing hours.
const maxHours = 24 * 366 * 20

func coverOne(cells []ask.Cell, from, to time.Time) covered {
	c := covered{Source: cells[0].Source, Account: cells[0].Account, Region: cells[0].Region, From: from, To: to, Gaps: gaps{}, Skips: gaps{}}
	if to.Sub(from) > maxHours*time.Hour {
		from = to.Add(-maxHours * time.Hour)
		c.From = from
	}
	for hour := from; hour.Before(to); hour = hour.Add(time.Hour) {
		c.Hours++
		for len(cells) > 0 && cells[0].Hour.Before(hour) {
			cells = cells[1:]
		}
		if len(cells) == 0 || !cells[0].Hour.Equal(hour) {
			c.Missing++
			c.Gaps.add(hour)
			continue
		}
		c.Events += cells[0].Events
		c.Skipped += cells[0].Skipped
		if cells[0].Skipped > 0 {
			c.Skips.add(hour)
		}
		if cells[0].Events > 0 {
			c.Seen++
		} else {
			c.Missing++
			c.Gaps.add(hour)
		}
	}
	return c
}
