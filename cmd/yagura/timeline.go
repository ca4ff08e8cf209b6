package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/lake/ask"
)

func (p *program) timelineCommand() *cobra.Command {
	var s selection
	var bars int
	c := &cobra.Command{
		Use: "timeline [QUERY | -]", Short: p.say("short.timeline"), Long: p.say("long.timeline"),
		Example: "  yagura timeline 'errorCode:AccessDenied' --from -7d --bars 28",
		Args:    p.arguments(0, 1, "QUERY"),
		RunE: func(c *cobra.Command, args []string) error {
			if bars < 1 || bars > 10_000 {
				return p.wrong("bad-bars", bars)
			}
			return p.ask(c.Context(), &s, args, func(a *asked) error { return p.timeline(c.Context(), a, bars) })
		},
	}
	s.flags(p, c)
	c.Flags().IntVar(&bars, "bars", 50, p.say("flag.bars"))
	return c
}

// bucket is one bar of a timeline.
type bucket struct {
	Start  time.Time        `json:"start" table:"whole" doc:"begin of the bar"`
	Width  int64            `json:"width_seconds" table:"-" doc:"length of the bar"`
	Count  int64            `json:"count" doc:"events in the bar"`
	Counts map[string]int64 `json:"counts" table:"-" doc:"the same by source"`
	Bar    string           `json:"bar" table:"only"`
}

// barColumns is how long the longest bar is.
const barColumns = 40

func (p *program) timeline(ctx context.Context, a *asked, n int) error {
	width, found, err := a.lake.Histogram(ctx, a.filter, n)
	if err != nil {
		return err
	}
	var rows []bucket
	var most int64
	for _, b := range found {
		// Bars without events are part of the picture.
		for len(rows) > 0 && rows[len(rows)-1].Start.Add(width).Before(b.Start) && len(rows) <= 2*n {
			rows = append(rows, bar(ask.Bucket{Start: rows[len(rows)-1].Start.Add(width)}, width))
		}
		rows = append(rows, bar(b, width))
		most = max(most, rows[len(rows)-1].Count)
	}
	if p.format != "table" {
		return printAll(p, rows)
	}
	for i := range rows {
		rows[i].Bar = strings.Repeat("█", int((rows[i].Count*barColumns+most-1)/max(most, 1)))
	}
	return printAll(p, rows)
}

func bar(b ask.Bucket, width time.Duration) bucket {
	out := bucket{Start: b.Start, Width: int64(width / time.Second), Counts: b.Counts}
	if out.Counts == nil {
		out.Counts = map[string]int64{}
	}
	for _, n := range b.Counts {
		out.Count += n
	}
	return out
}
