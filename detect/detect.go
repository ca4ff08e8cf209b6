// Package detect puts detectors together: events go in, findings come out.
//
// A [Pipeline] passes over events that were delivered twice, gives the rest to
// its detectors (package threat for rules over every source, package flow for
// network and DNS traffic), enters what they hit in a book (package book: one
// finding for the same rule, subject and window), and joins findings on one
// session chain to attack sequences (package sequence). It is a
// [yagura.Detector] itself: it cannot tell history from now, and the same events
// in the same order give the same findings, however they are cut into batches
// and whether or not it was saved and loaded in between.
//
// Findings that are suppressed (by a filter or a trusted list) or
// in dry run are reported like others, with the reason in Status. What known
// automation does is counted in the statistics of package threat.
package detect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/book"
	"github.com/yagura-sec/yagura/detect/sequence"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
)

// Config is what a pipeline is made of.
type Config struct {
	// Rules gives windows, thresholds and tactics of the rules that the detectors
	// cite.
	Rules *rule.Set
	// Schemas tell what identifies an event of a source. Events of a source
	// without identity are taken as they come.
	Schemas   []*ocsf.Schema
	Detectors []yagura.Detector

	MaxEvents   int // events remembered to know duplicates; 0 = 1,048,576
	MaxSubjects int // pairs of rule and subject with an open finding; 0 = 50,000
	MaxThreads  int // principals and resources followed for sequences; 0 = 50,000
}

// Stats counts what a pipeline did.
type Stats struct {
	Events     int64 // read, without duplicates
	Duplicates int64
	Book       book.Stats
	Reports    int64 // findings reported, the same one each time that it changed
	Lost       int64 // principals and resources that sequences gave up for lack of room
}

// Pipeline is a detector made of detectors. Not safe for concurrent use.
type Pipeline struct {
	cfg        Config
	identities map[string][]*ocsf.Column
	seen       *book.Seen
	book       *book.Book
	sequences  *sequence.Sequencer
	events     int64
	reports    int64
}

// New makes a pipeline.
func New(cfg Config) *Pipeline {
	p := &Pipeline{cfg: cfg, identities: map[string][]*ocsf.Column{}, seen: book.NewSeen(cfg.MaxEvents)}
	for _, s := range cfg.Schemas {
		for _, name := range s.Identity {
			if c := ocsf.Lookup(name); c != nil {
				p.identities[s.Source] = append(p.identities[s.Source], c)
			}
		}
	}
	p.book = book.New(book.Config{MaxSubjects: cfg.MaxSubjects, Policy: p.policy})
	p.sequences = sequence.New(sequence.Config{MaxThreads: cfg.MaxThreads, Tactics: p.tactics})
	return p
}

func (p *Pipeline) policy(id string) book.Policy {
	if p.cfg.Rules != nil {
		if r := p.cfg.Rules.Lookup(id); r != nil {
			return book.Policy{Window: r.Doc.Window, Threshold: r.Doc.Threshold}
		}
	}
	return book.Policy{}
}

// tactics reads the ATT&CK tactics of a rule's tags.
func (p *Pipeline) tactics(id string) (out []string) {
	if p.cfg.Rules == nil {
		return nil
	}
	r := p.cfg.Rules.Lookup(id)
	if r == nil {
		return nil
	}
	for _, tag := range r.Doc.Tags {
		name, ok := strings.CutPrefix(strings.ToLower(tag), "attack.")
		name = strings.ReplaceAll(name, "_", "-")
		technique := len(name) > 1 && (name[0] == 't' || name[0] == 's' || name[0] == 'g') && name[1] >= '0' && name[1] <= '9'
		if ok && name != "" && !technique && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// Stats gives the counts so far.
func (p *Pipeline) Stats() Stats {
	return Stats{Events: p.events, Duplicates: p.seen.Duplicates, Book: p.book.Stats(), Reports: p.reports, Lost: p.sequences.Evicted}
}

// Detect reads a batch.
func (p *Pipeline) Detect(source string, batch []ocsf.Event, report func(*yagura.Finding)) {
	columns := p.identities[source]
	from := 0
	if columns != nil {
		for i := range batch {
			if d, ok := digest(source, columns, &batch[i]); ok && p.seen.Before(d) {
				p.detect(source, batch[from:i])
				from = i + 1
			}
		}
	}
	p.detect(source, batch[from:])
	p.flush(report)
}

// Finish decides what still waits for later events, at the end of all logs.
func (p *Pipeline) Finish(report func(*yagura.Finding)) {
	for _, d := range p.cfg.Detectors {
		if f, ok := d.(interface{ Finish(func(*yagura.Finding)) }); ok {
			f.Finish(p.take)
		}
	}
	p.flush(report)
}

func (p *Pipeline) flush(report func(*yagura.Finding)) {
	count := func(f *yagura.Finding) {
		p.reports++
		report(f)
	}
	p.book.Flush(count)
	p.sequences.Flush(count)
}

func (p *Pipeline) detect(source string, batch []ocsf.Event) {
	if len(batch) == 0 {
		return
	}
	p.events += int64(len(batch))
	for _, d := range p.cfg.Detectors {
		d.Detect(source, batch, p.take)
	}
}

func (p *Pipeline) take(hit *yagura.Finding) {
	if f := p.book.Add(hit); f != nil {
		p.sequences.Add(f)
	}
}

// digest identifies an event; false when it has no identity.
func digest(source string, columns []*ocsf.Column, ev *ocsf.Event) (uint64, bool) {
	h := mix(0x9e3779b97f4a7c15, source)
	for _, c := range columns {
		switch {
		case c.Name == "metadata_uid" && ev.UID == "":
			return 0, false
		case c.Str != nil:
			h = mix(h, *c.Str(ev))
		case c.Tri != nil:
			h = mix(h, "\x00\x01\x02"[*c.Tri(ev):])
		case c.List != nil:
			for _, v := range *c.List(ev) {
				h = mix(h, v)
			}
		case c.Num != nil:
			h = (h ^ uint64(*c.Num(ev))) * 0xd6e8feb86659fd93
		}
	}
	return h, true
}

// mix hashes a text. The numbers are fixed: digests outlive the process.
func mix(h uint64, s string) uint64 {
	h ^= uint64(len(s)) * 0xff51afd7ed558ccd
	for len(s) >= 8 {
		v := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		hi, lo := bits.Mul64(h^v, 0xd6e8feb86659fd93)
		h, s = hi^lo^0x9e3779b97f4a7c15, s[8:]
	}
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return (h ^ h>>32) * 0xd6e8feb86659fd93
}

// magic begins a saved state.
const magic = "yagura detect 1\n"

// maxSection bounds a section of a saved state, in bytes.
const maxSection = 4 << 30

// Save writes the state: its sections, each behind its length.
func (p *Pipeline) Save(w io.Writer) error {
	if _, err := io.WriteString(w, magic); err != nil {
		return fmt.Errorf("saving detection: %w", err)
	}
	var counts [16]byte
	binary.BigEndian.PutUint64(counts[:], uint64(p.events))
	binary.BigEndian.PutUint64(counts[8:], uint64(p.reports))
	if _, err := w.Write(counts[:]); err != nil {
		return fmt.Errorf("saving detection: %w", err)
	}
	var section bytes.Buffer
	for _, s := range p.sections() {
		section.Reset()
		if err := s.Save(&section); err != nil {
			return fmt.Errorf("saving detection: %w", err)
		}
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(section.Len()))
		if _, err := w.Write(size[:]); err != nil {
			return fmt.Errorf("saving detection: %w", err)
		}
		if _, err := w.Write(section.Bytes()); err != nil {
			return fmt.Errorf("saving detection: %w", err)
		}
	}
	return nil
}

// state is what can be saved.
type state interface {
	Save(w io.Writer) error
	Load(r io.Reader) error
}

func (p *Pipeline) sections() []state {
	out := []state{p.seen, p.book, p.sequences}
	for _, d := range p.cfg.Detectors {
		out = append(out, d)
	}
	return out
}

// Load makes the pipeline an equal of the saved one. After an error it must not
// be used.
func (p *Pipeline) Load(r io.Reader) error {
	head := make([]byte, len(magic)+16)
	if _, err := io.ReadFull(r, head); err != nil {
		return fmt.Errorf("loading detection: %w", err)
	}
	if string(head[:len(magic)]) != magic {
		return errors.New("loading detection: this is no saved state of this version; remove the file to begin anew")
	}
	p.events = int64(binary.BigEndian.Uint64(head[len(magic):]))
	p.reports = int64(binary.BigEndian.Uint64(head[len(magic)+8:]))
	for i, s := range p.sections() {
		var size [8]byte
		if _, err := io.ReadFull(r, size[:]); err != nil {
			return fmt.Errorf("loading detection: section %d: %w", i, err)
		}
		n := binary.BigEndian.Uint64(size[:])
		if n > maxSection {
			return fmt.Errorf("loading detection: section %d has %d bytes, which is too much", i, n)
		}
		part := io.LimitReader(r, int64(n))
		if err := s.Load(part); err != nil {
			return fmt.Errorf("loading detection: section %d: %w", i, err)
		}
		if _, err := io.Copy(io.Discard, part); err != nil {
			return fmt.Errorf("loading detection: section %d: %w", i, err)
		}
	}
	return nil
}
