// Package sequence joins findings on one principal, or on one resource, within
// 24 hours to one critical finding that tells the story in order, as GuardDuty's
// Extended Threat Detection does
// (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty-extended-threat-detection.html).
//
// Only findings of medium severity or more count towards a sequence, of which at
// least one is high; they must be of three rules, or of two rules and two
// tactics, and not all of one event. Suppressed findings, reverts and mere attempts do not count; attempts
// and low findings on the same chain are told as steps. Findings
// on a resource make a sequence of their own only when they come from more than
// one chain of sessions: else the principal's sequence tells them.
package sequence

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
)

// Rule is the id that sequences cite.
const Rule = "threat/attack-sequence"

// Chain is the type of the related entity that names the begin of a session
// chain. Detectors add it where it is not the subject.
const Chain = "chain"

// Config is what sequences need to know.
type Config struct {
	// Tactics gives the ATT&CK tactics of a rule, as in its tags:
	// defense-evasion. May be nil.
	Tactics func(rule string) []string
	// MaxThreads bounds the principals and resources that are followed; 0 =
	// 50,000.
	MaxThreads int
}

// Sequencer follows findings. Not safe for concurrent use.
type Sequencer struct {
	cfg     Config
	threads map[string]*thread
	dirty   []*thread
	told    []*yagura.Finding // sequences that ended before the next flush
	Evicted int64             // threads given up for lack of room
}

// thread is what is known of one principal or resource. Exported fields are
// saved.
type thread struct {
	Key     string
	Kind    string // principal or resource
	ID      string
	Account string
	Parts   []*part
	Touched int64
	Live    []live // sequences that have begun
	dirty   bool
}

// live is a sequence that has begun.
type live struct {
	ID     string
	Opener int64
}

// part is one finding.
type part struct {
	ID, Rule, Chain string
	Title           yagura.Text
	Severity        yagura.Severity
	Attempt         bool
	Count           int64
	First, Last     int64
	Subject         yagura.Entity
	Account, Region string
	Tactics         []string
	Techniques      []string
	Related         []yagura.Entity
	Event           yagura.EventRef
}

// Bounds.
const (
	window         = 24 * 3600 * 1_000_000
	defaultThreads = 50_000
	maxParts       = 60
	maxRelated     = 20
)

// New makes a sequencer.
func New(cfg Config) *Sequencer {
	if cfg.MaxThreads <= 0 {
		cfg.MaxThreads = defaultThreads
	}
	return &Sequencer{cfg: cfg, threads: map[string]*thread{}}
}

// Add takes a finding, each time that it has changed.
func (s *Sequencer) Add(f *yagura.Finding) {
	if f.Status != "" || f.Severity <= yagura.Informational || f.Rule == Rule {
		return
	}
	chain := chainOf(f)
	for _, k := range keysOf(f, chain) {
		t := s.threads[k.Key]
		if t == nil {
			t = &thread{Key: k.Key, Kind: k.Kind, ID: k.ID, Account: k.Account}
			s.threads[k.Key] = t
			if len(s.threads) > s.cfg.MaxThreads {
				s.shrink()
			}
		}
		s.put(t, f, chain)
	}
}

// chainOf gives the begin of the session chain.
func chainOf(f *yagura.Finding) string {
	for _, r := range f.Related {
		if r.Type == Chain {
			return r.ID
		}
	}
	if f.Subject.Type == "principal" {
		return f.Subject.ID
	}
	return ""
}

// keysOf lists the threads of a finding.
func keysOf(f *yagura.Finding, chain string) (out []thread) {
	add := func(kind, id, account string) {
		k := kind + "\x00" + id
		if id != "" && !slices.ContainsFunc(out, func(t thread) bool { return t.Key == k }) {
			out = append(out, thread{Key: k, Kind: kind, ID: id, Account: account})
		}
	}
	if chain != "" {
		add("principal", chain, accountOf(chain, f.Account))
	}
	for _, r := range append([]yagura.Entity{f.Subject}, f.Related...) {
		switch r.Type {
		case Chain, "principal", "role-session", "session", "account", "address", "country", "user_agent", "":
		default:
			if len(out) < 6 {
				add("resource", r.ID, cmp.Or(r.Account, f.Account))
			}
		}
	}
	return out
}

func accountOf(arn, otherwise string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && len(parts[4]) == 12 {
		return parts[4]
	}
	return otherwise
}

// put updates or adds the finding's part.
func (s *Sequencer) put(t *thread, f *yagura.Finding, chain string) {
	t.Touched = max(t.Touched, f.Last)
	var p *part
	for _, old := range t.Parts {
		if old.ID == f.ID {
			p = old
		}
	}
	if p == nil {
		p = &part{ID: strings.Clone(f.ID), Rule: f.Rule, Title: f.Title, Account: strings.Clone(f.Account), Region: strings.Clone(f.Region)}
		p.Subject = f.Subject
		if s.cfg.Tactics != nil {
			p.Tactics = s.cfg.Tactics(f.Rule)
		}
		s.settle(t, f.First-2*window)
		if len(t.Parts) >= maxParts {
			t.drop()
		}
		t.Parts = append(t.Parts, p)
	}
	if p.First == f.First && p.Severity == f.Severity && p.Attempt == f.Attempt && len(p.Techniques) == len(f.Techniques) && len(p.Related) == len(f.Related) {
		p.Count, p.Last = f.Count, f.Last
		s.again(t, p)
		return
	}
	p.Severity, p.Attempt, p.Count, p.First, p.Last, p.Chain = f.Severity, f.Attempt, f.Count, f.First, f.Last, strings.Clone(chain)
	p.Techniques, p.Related = f.Techniques, f.Related
	if len(f.Events) > 0 {
		p.Event = f.Events[0]
	}
	slices.SortStableFunc(t.Parts, func(a, b *part) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.ID, b.ID)) })
	s.begin(t, p)
}

// settle gives up the parts before an instant, and the sequences that they
// belong to: what those have become is told first.
func (s *Sequencer) settle(t *thread, before int64) {
	old := func(p *part) bool { return p.Last < before }
	if !slices.ContainsFunc(t.Parts, old) {
		return
	}
	t.Live = slices.DeleteFunc(t.Live, func(l live) bool {
		if !slices.ContainsFunc(t.Parts, func(p *part) bool { return old(p) && l.holds(p) }) {
			return false
		}
		if f := t.tell(l); t.dirty && f != nil {
			s.told = append(s.told, f)
		}
		return true
	})
	t.Parts = slices.DeleteFunc(t.Parts, old)
}

// holds says whether the part belongs to the sequence.
func (l live) holds(p *part) bool { return p.First >= l.Opener-window && p.First < l.Opener+window }

// drop gives up the least of the parts.
func (t *thread) drop() {
	least := 0
	for i, p := range t.Parts {
		if p.Severity < t.Parts[least].Severity {
			least = i
		}
	}
	t.Parts = slices.Delete(t.Parts, least, least+1)
}

// again marks the sequence that the part belongs to; false when there is none.
func (s *Sequencer) again(t *thread, p *part) bool {
	for i := range t.Live {
		if t.Live[i].holds(p) {
			s.mark(t)
			return true
		}
	}
	return false
}

// begin sees whether the parts around a changed one make a sequence.
func (s *Sequencer) begin(t *thread, p *part) {
	if s.again(t, p) {
		return
	}
	for _, from := range t.Parts { // windows that hold the part
		if from.First > p.First || p.First-from.First >= window || !from.counts() {
			continue
		}
		if !t.makes(from.First) {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", Rule, t.Key, from.First))
		t.Live = append(t.Live, live{ID: hex.EncodeToString(sum[:12]), Opener: from.First})
		s.mark(t)
		return
	}
}

func (p *part) counts() bool { return p.Severity >= yagura.Medium && !p.Attempt }

// makes says whether the parts within a window from an instant on are a
// sequence.
func (t *thread) makes(from int64) bool {
	rules, tactics, chains, high := map[string]bool{}, map[string]bool{}, map[string]bool{}, false
	events := map[yagura.EventRef]bool{}
	for _, p := range t.Parts {
		if p.First < from || p.First >= from+window || !p.counts() {
			continue
		}
		rules[p.Rule], chains[p.Chain], events[p.Event] = true, true, true
		high = high || p.Severity >= yagura.High
		for _, name := range p.Tactics {
			tactics[name] = true
		}
	}
	if len(events) < 2 || t.Kind == "resource" && len(chains) < 2 {
		return false
	}
	return high && (len(rules) >= 3 || len(rules) >= 2 && len(tactics) >= 2)
}

func (s *Sequencer) mark(t *thread) {
	if !t.dirty {
		t.dirty = true
		s.dirty = append(s.dirty, t)
	}
}

// Flush reports the sequences that have changed since the last flush.
func (s *Sequencer) Flush(report func(*yagura.Finding)) {
	for _, f := range s.told {
		report(f)
	}
	s.told = nil
	for _, t := range s.dirty {
		t.dirty = false
		for _, l := range t.Live {
			if f := t.tell(l); f != nil {
				report(f)
			}
		}
	}
	s.dirty = s.dirty[:0]
}

// shrink gives up the quarter of the threads that was not touched for longest.
func (s *Sequencer) shrink() {
	list := make([]*thread, 0, len(s.threads))
	for _, t := range s.threads {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *thread) int { return cmp.Or(cmp.Compare(a.Touched, b.Touched), cmp.Compare(a.Key, b.Key)) })
	for _, t := range list[:max(len(list)/4, 1)] {
		delete(s.threads, t.Key)
		s.Evicted++
	}
}
