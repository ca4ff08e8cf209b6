package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/lake/ask"
)

func TestCover(t *testing.T) {
	at := func(h int) time.Time { return time.Date(2026, 11, 1, h, 0, 0, 0, time.UTC) }
	cells := []ask.Cell{
		{Source: "cloudtrail", Account: "1", Region: "eu-west-1", Hour: at(1), Events: 5},
		{Source: "cloudtrail", Account: "1", Region: "eu-west-1", Hour: at(4), Events: 1},
		{Source: "cloudtrail", Account: "2", Region: "eu-west-1", Hour: at(0), Events: 2},
		{Source: "vpcflow", Account: "1", Region: "eu-west-1", Hour: at(9), Events: 3, Skipped: 1},
	}
	// The open ends are the source's own: account 1 fell silent at 02:00 and
	// came late, and account 2 is silent after the first hour.
	got := cover(cells, time.Time{}, time.Time{})
	want := []covered{
		{
			Source: "cloudtrail", Account: "1", Region: "eu-west-1", From: at(0), To: at(5), Hours: 5, Seen: 2, Missing: 3, Events: 6,
			Gaps: gaps{{at(0), at(1), 1}, {at(2), at(4), 2}}, Skips: gaps{},
		},
		{
			Source: "cloudtrail", Account: "2", Region: "eu-west-1", From: at(0), To: at(5), Hours: 5, Seen: 1, Missing: 4, Events: 2,
			Gaps: gaps{{at(1), at(5), 4}}, Skips: gaps{},
		},
		{
			Source: "vpcflow", Account: "1", Region: "eu-west-1", From: at(9), To: at(10), Hours: 1, Seen: 1, Events: 3, Skipped: 1,
			Gaps: gaps{}, Skips: gaps{{at(9), at(10), 1}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("open ends (-want +got):\n%s", diff)
	}
	// With a range, all of it is looked at, part hours as whole ones.
	got = cover(cells[3:], at(8).Add(time.Minute), at(11).Add(time.Minute))
	if got[0].Hours != 4 || got[0].Missing != 3 || got[0].Gaps.String() != "2026-11-01T08Z (1h), 2026-11-01T10Z (2h)" {
		t.Errorf("range: %+v", got[0])
	}
	if r := cover([]ask.Cell{{Hour: time.Unix(0, 0).UTC()}, {Hour: at(0)}}, time.Time{}, time.Time{}); r[0].Hours != maxHours {
		t.Errorf("a wrong date gave %d hours, want the bound %d", r[0].Hours, int64(maxHours))
	}
}
