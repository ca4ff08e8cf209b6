// Package book gives findings their identity: the same rule on the same subject
// within the rule's window is one finding, whose count and times grow. It makes
// one finding of a thousand hits.
//
// A finding is opened by a hit and takes every hit of its rule and subject up to
// one window later; hits that arrive late and happened before the opener join,
// too, if they are less than a window older. Its id is made of rule, subject and
// the opener's time, so that the same events in the same order give the same
// ids. A rule with a threshold opens a finding only when so many hits lie within
// one window; windows slide, so that none is missed at a boundary.
//
// What is suppressed, dry-run, or a revert has findings of its own: it never
// hides what is active, nor counts as such.
//
// Memory is bounded by Config.MaxSubjects; what was not touched for longest is
// given up first and counted. A finding that is given up stays what was last
// reported.
package book

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
)

// Policy is how hits of a rule become findings.
type Policy struct {
	Window    time.Duration // 0 = 24 h
	Threshold int           // 0 = 1
}

// Config is what a book needs to know.
type Config struct {
	// Policy gives a rule's policy; nil = the defaults for all.
	Policy func(rule string) Policy
	// MaxSubjects bounds how many pairs of rule and subject are open; 0 = 50,000.
	MaxSubjects int
}

// Stats counts what a book did.
type Stats struct {
	Hits    int64 // taken
	Opened  int64 // findings opened
	Held    int64 // hits waiting for a threshold
	Dropped int64 // hits that waited in vain
	Evicted int64 // pairs of rule and subject given up for lack of room
}

// Book holds the open findings. Not safe for concurrent use.
type Book struct {
	cfg   Config
	pages map[string]*page
	dirty []*entry
	stats Stats
}

// page is what is open for one rule and subject. Exported fields are saved.
type page struct {
	Key     string
	Open    []*entry         // by opener, at most maxOpen
	Pending []yagura.Finding // hits below the threshold, by time
	Touched int64            // newest event time
}

// entry is one finding.
type entry struct {
	F         yagura.Finding
	Opener    int64
	Attempts  int64            // hits that failed
	Denied    int64            // of which for lack of rights
	DeniedAt  int64            // the first of them
	SuccessAt int64            // the last success
	Base      yagura.Severity  // severity before it is raised
	Parts     map[string]int64 // counts of cumulative hits by their id
	dirty     bool
}

// Bounds of one page and finding.
const (
	defaultSubjects = 50_000
	maxOpen         = 8
	maxPending      = 1000
	maxEvents       = 20
	maxRelated      = 20
	maxFacts        = 30
	maxParts        = 64
	manyDenied      = 10
	maxText         = 4 << 10
)

// New makes an empty book.
func New(cfg Config) *Book {
	if cfg.MaxSubjects <= 0 {
		cfg.MaxSubjects = defaultSubjects
	}
	return &Book{cfg: cfg, pages: map[string]*page{}}
}

// Stats gives the counts so far.
func (b *Book) Stats() Stats { return b.stats }

func (b *Book) policy(rule string) (window int64, threshold int) {
	p := Policy{}
	if b.cfg.Policy != nil {
		p = b.cfg.Policy(rule)
	}
	if p.Window <= 0 {
		p.Window = 24 * time.Hour
	}
	return p.Window.Microseconds(), min(max(p.Threshold, 1), maxPending)
}

// Add takes a hit: a finding of one event with First, Last, Rule and Subject. It
// gives the finding that the hit belongs to, nil while its rule waits for more;
// the finding is the book's, to read until the next call.
//
// A hit with an ID is cumulative: its detector reports it again and again with a
// higher count, and only what is new is added.
func (b *Book) Add(hit *yagura.Finding) *yagura.Finding {
	b.stats.Hits++
	window, threshold := b.policy(hit.Rule)
	key := identity(hit)
	p := b.pages[key]
	if p == nil {
		p = &page{Key: key}
		b.pages[key] = p
		if len(b.pages) > b.cfg.MaxSubjects {
			b.shrink()
		}
	}
	p.Touched = max(p.Touched, hit.Last)
	if e := p.find(hit, window); e != nil {
		e.take(hit)
		b.mark(e)
		return &e.F
	}
	if threshold > 1 {
		return b.wait(p, hit, window, threshold)
	}
	return &b.open(p, hit, window).F
}

// Flush reports the findings that have changed since the last flush, in the
// order in which they changed first. What is reported is the receiver's.
func (b *Book) Flush(report func(*yagura.Finding)) {
	for _, e := range b.dirty {
		e.dirty = false
		report(e.copy())
	}
	b.dirty = b.dirty[:0]
}

func (b *Book) mark(e *entry) {
	if !e.dirty {
		e.dirty = true
		b.dirty = append(b.dirty, e)
	}
}

// identity is the key of a hit's page.
func identity(f *yagura.Finding) string {
	id := f.Subject.ID
	if len(id) > maxText {
		sum := sha256.Sum256([]byte(id))
		id = id[:64] + hex.EncodeToString(sum[:])
	}
	return f.Rule + "\x00" + class(f) + "\x00" + f.Subject.Type + "\x00" + id + "\x00" + f.Subject.Account
}

// Revert is the name of the fact that marks a finding as taking back what its
// principal had done itself.
const Revert = "revert"

// class keeps apart what must not be counted together.
func class(f *yagura.Finding) string {
	status, _, _ := strings.Cut(f.Status, ":")
	for i := range f.Facts {
		if f.Facts[i].Name == Revert {
			return status + "/revert"
		}
	}
	return status
}

// find gives the open finding that a hit belongs to.
func (p *page) find(hit *yagura.Finding, window int64) *entry {
	var late *entry
	for _, e := range p.Open {
		switch {
		case hit.ID != "" && e.Parts[hit.ID] > 0:
			return e
		case e.Opener <= hit.First && hit.First < e.Opener+window:
			return e
		case hit.First < e.Opener && e.Opener-hit.First < window && late == nil:
			late = e
		}
	}
	return late
}

// open begins a finding with a hit.
func (b *Book) open(p *page, hit *yagura.Finding, window int64) *entry {
	e := &entry{F: own(hit), Opener: hit.First}
	e.F.ID = id(p.Key, hit.First)
	e.F.Count, e.F.Events, e.F.Related, e.F.Facts, e.F.Techniques = 0, nil, nil, nil, nil
	e.F.Attempt = true
	e.take(hit)
	p.Open = slices.DeleteFunc(p.Open, func(o *entry) bool { return o.Opener+2*window < hit.First })
	if len(p.Open) >= maxOpen {
		p.Open = slices.Delete(p.Open, 0, 1)
	}
	p.Open = append(p.Open, e)
	slices.SortStableFunc(p.Open, func(x, y *entry) int { return cmp.Compare(x.Opener, y.Opener) })
	b.stats.Opened++
	b.mark(e)
	return e
}

// id names a finding.
func id(key string, opener int64) string {
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(opener))
	sum := sha256.Sum256(append([]byte(key+"\x00"), at[:]...))
	return hex.EncodeToString(sum[:12])
}

// wait keeps a hit until its rule's threshold is reached within a window.
func (b *Book) wait(p *page, hit *yagura.Finding, window int64, threshold int) *yagura.Finding {
	at, _ := slices.BinarySearchFunc(p.Pending, hit.First+1, func(f yagura.Finding, t int64) int { return cmp.Compare(f.First, t) })
	p.Pending = slices.Insert(p.Pending, at, own(hit))
	b.stats.Held++
	before := len(p.Pending)
	p.Pending = slices.DeleteFunc(p.Pending, func(f yagura.Finding) bool { return f.First-hit.First >= 2*window || hit.First-f.First >= 2*window })
	if len(p.Pending) > 2*threshold {
		p.Pending = slices.Delete(p.Pending, 0, 1)
	}
	b.stats.Held -= int64(before - len(p.Pending))
	b.stats.Dropped += int64(before - len(p.Pending))
	for i := 0; i+threshold <= len(p.Pending); i++ {
		if p.Pending[i+threshold-1].First-p.Pending[i].First >= window {
			continue
		}
		e := b.open(p, &p.Pending[i], window)
		rest := p.Pending[:0:0]
		for j := range p.Pending {
			switch f := &p.Pending[j]; {
			case j == i:
			case f.First >= e.Opener && f.First < e.Opener+window:
				e.take(f)
			default:
				rest = append(rest, *f)
				continue
			}
			b.stats.Held--
		}
		p.Pending = rest
		return &e.F
	}
	return nil
}

// shrink gives up the quarter of the pages that was not touched for longest.
func (b *Book) shrink() {
	list := make([]*page, 0, len(b.pages))
	for _, p := range b.pages {
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y *page) int { return cmp.Or(cmp.Compare(x.Touched, y.Touched), cmp.Compare(x.Key, y.Key)) })
	for _, p := range list[:max(len(list)/4, 1)] {
		delete(b.pages, p.Key)
		b.stats.Evicted++
		b.stats.Held -= int64(len(p.Pending))
	}
}
