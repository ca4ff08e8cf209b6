package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
)

func TestFindingsAndPass(t *testing.T) {
	ctx, s := t.Context(), open(t, t.TempDir())
	if p, err := s.Pass(ctx); err != nil || p != (Pass{}) {
		t.Fatal(p, err)
	}
	begun := Pass{From: 10, To: 20}
	if err := s.BeginPass(ctx, begun, []int64{1, 2, -3}); err != nil {
		t.Fatal(err)
	}
	a := &yagura.Finding{ID: "a", Rule: "x/y", Severity: yagura.High, First: 11, Last: 12, Count: 1, Subject: yagura.Entity{Type: "principal", ID: "arn:a"}}
	b := &yagura.Finding{ID: "b", Rule: "x/z", Severity: yagura.Low, First: 11, Last: 19, Count: 1, Status: "dry-run"}
	at := Pass{Open: true, From: 10, To: 20, Time: 12, Object: 1, Record: 7, State: "s1"}
	if err := s.AdvancePass(ctx, at, []*yagura.Finding{a, b}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Pass(ctx); err != nil || got != at {
		t.Fatal(got, err)
	}
	if got, err := s.Detected(ctx, true); err != nil || len(got) != 3 || !got[-3] {
		t.Fatal(got, err)
	}
	a.Count, a.Last = 5, 18
	at.Open = false
	if err := s.AdvancePass(ctx, at, []*yagura.Finding{a}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Detected(ctx, false); err != nil || len(got) != 3 {
		t.Fatal(got, err)
	}
	for q, want := range map[FindingQuery][]string{
		{}: {"a", "b"}, {Least: yagura.Medium}: {"a"}, {Active: true}: {"a"}, {Rule: "x/z"}: {"b"},
		{Subject: "arn:a"}: {"a"}, {From: 19}: {"b"}, {To: 11}: nil, {Limit: 1}: {"a"},
	} {
		found, err := s.Findings(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, f := range found {
			ids = append(ids, f.ID)
		}
		if d := cmp.Diff(want, ids); d != "" {
			t.Errorf("%+v: %s", q, d)
		}
		counted, err := s.CountFindings(ctx, q)
		var n int64
		for _, c := range counted {
			n += c
		}
		if err != nil || q.Limit == 0 && n != int64(len(want)) {
			t.Errorf("%+v: counted %v, %v", q, counted, err)
		}
	}
	if got, err := s.Finding(ctx, "a"); err != nil || got.Count != 5 {
		t.Error(got, err)
	}
	if _, err := s.Finding(ctx, "c"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if err := s.ForgetDetection(ctx); err != nil {
		t.Fatal(err)
	}
	if found, err := s.Findings(ctx, FindingQuery{}); err != nil || found != nil {
		t.Error(found, err)
	}
}
