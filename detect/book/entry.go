package book

import (
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Denied is the name of the fact that a call failed for lack of rights.
const Denied = "denied"

// take adds a hit to the finding.
func (e *entry) take(hit *yagura.Finding) {
	n := max(hit.Count, 1)
	if hit.ID != "" {
		if e.Parts == nil {
			e.Parts = map[string]int64{}
		}
		if before, ok := e.Parts[hit.ID]; ok || len(e.Parts) < maxParts {
			e.Parts[hit.ID] = max(n, before)
			n = max(n-before, 0)
		} else {
			n = 1 // how much of it is new is not known any more: at least this
		}
	}
	f := &e.F
	f.Count += n
	if f.First == 0 || hit.First < f.First {
		f.First = hit.First
	}
	f.Last = max(f.Last, hit.Last)
	e.outcome(hit, n)
	e.Base = max(e.Base, hit.Severity)
	for i := range hit.Events {
		e.event(hit.Events[i])
	}
	for _, r := range hit.Related {
		if len(f.Related) < maxRelated && !slices.Contains(f.Related, r) && r != f.Subject {
			f.Related = append(f.Related, yagura.Entity{Type: text(r.Type), ID: text(r.ID), Account: text(r.Account)})
		}
	}
	for _, x := range hit.Facts {
		e.fact(x)
	}
	for _, t := range hit.Techniques {
		if len(f.Techniques) < maxFacts && !slices.Contains(f.Techniques, t) {
			f.Techniques = append(f.Techniques, text(t))
		}
	}
	e.severity()
}

// outcome counts failures and successes.
func (e *entry) outcome(hit *yagura.Finding, n int64) {
	if !hit.Attempt {
		e.F.Attempt = false
		e.SuccessAt = max(e.SuccessAt, hit.Last)
		return
	}
	e.Attempts += n
	if slices.ContainsFunc(hit.Facts, func(x yagura.Fact) bool { return x.Name == Denied }) {
		e.Denied += n
		if e.DeniedAt == 0 || hit.First < e.DeniedAt {
			e.DeniedAt = hit.First
		}
	}
}

// severity is the highest of the hits; one more when many refused calls went
// before a few that succeeded.
func (e *entry) severity() {
	e.F.Severity = e.Base
	if e.Denied < manyDenied || e.SuccessAt <= e.DeniedAt || e.Denied < e.F.Count-e.Attempts {
		return
	}
	if e.Base > yagura.Informational {
		e.F.Severity = min(e.Base+1, yagura.Critical)
	}
	e.fact(yagura.Fact{Name: "refused calls before a success", Value: fmt.Sprintf("%d or more", manyDenied)})
}

// event adds a reference: the first twenty, and the last.
func (e *entry) event(r yagura.EventRef) {
	r.Source, r.UID, r.Key = text(r.Source), text(r.UID), text(r.Key)
	list := e.F.Events
	if slices.Contains(list, r) {
		return
	}
	switch {
	case len(list) < maxEvents:
		e.F.Events = append(list, r)
	case len(list) == maxEvents:
		e.F.Events = append(list[:maxEvents:maxEvents], r)
	case r.Time >= list[maxEvents].Time:
		e.F.Events = append(list[:maxEvents:maxEvents], r) // a new array: reported copies keep theirs
	}
}

// fact adds a fact once; of facts that say how a thing is, several values may
// stand.
func (e *entry) fact(x yagura.Fact) {
	x = yagura.Fact{Name: text(x.Name), Value: text(x.Value)}
	if len(e.F.Facts) < maxFacts && !slices.Contains(e.F.Facts, x) {
		e.F.Facts = append(e.F.Facts, x)
	}
}

// copy gives a finding that does not change when the entry does.
func (e *entry) copy() *yagura.Finding {
	f := e.F
	f.Events = slices.Clone(f.Events)
	f.Related = slices.Clone(f.Related)
	f.Facts = slices.Clone(f.Facts)
	f.Techniques = slices.Clone(f.Techniques)
	f.Parts = slices.Clone(f.Parts)
	return &f
}

// own copies a hit with its texts, which may be parts of large buffers.
func own(f *yagura.Finding) yagura.Finding {
	c := *f
	c.ID, c.Rule, c.Author, c.Type = text(c.ID), text(c.Rule), text(c.Author), text(c.Type)
	c.Status, c.Account, c.Region = text(c.Status), text(c.Account), text(c.Region)
	c.Subject = yagura.Entity{Type: text(c.Subject.Type), ID: text(c.Subject.ID), Account: text(c.Subject.Account)}
	c.Events = slices.Clone(c.Events)
	for i := range c.Events {
		r := &c.Events[i]
		r.Source, r.UID, r.Key = text(r.Source), text(r.UID), text(r.Key)
	}
	c.Related = slices.Clone(c.Related)
	for i := range c.Related {
		r := &c.Related[i]
		r.Type, r.ID, r.Account = text(r.Type), text(r.ID), text(r.Account)
	}
	c.Facts = slices.Clone(c.Facts)
	for i := range c.Facts {
		c.Facts[i] = yagura.Fact{Name: text(c.Facts[i].Name), Value: text(c.Facts[i].Value)}
	}
	c.Techniques = slices.Clone(c.Techniques)
	return c
}

// text copies and bounds a hostile text.
func text(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.Clone(s)
}
