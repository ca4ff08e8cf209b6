package lake

import (
	"container/list"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"

	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/ocsf"
)

// identity is what makes two records the same event: a hash of the values of
// the schema's Identity columns.
type identity [16]byte

// identify gives the identity of an event; false when the source has none or
// the event lacks the first of its columns.
func identify(cols []*ocsf.Column, ev *ocsf.Event, buf []byte) (identity, []byte, bool) {
	if len(cols) == 0 {
		return identity{}, buf, false
	}
	buf = buf[:0]
	for i, c := range cols {
		n := len(buf)
		switch {
		case c.Str != nil:
			buf = append(buf, *c.Str(ev)...)
		case c.Num != nil:
			buf = fmt.Appendf(buf, "%d", *c.Num(ev))
		}
		if i == 0 && len(buf) == n {
			return identity{}, buf, false
		}
		buf = append(buf, 0)
	}
	sum := sha256.Sum256(buf)
	return identity(sum[:16]), buf, true
}

func identityColumns(s *ocsf.Schema) []*ocsf.Column {
	var out []*ocsf.Column
	for _, name := range s.Identity {
		out = append(out, ocsf.Lookup(name))
	}
	return out
}

// identities remembers which events the lake has, by source and day. Sets are
// loaded from the files when a day is first written to; the least used ones
// are forgotten when they grow too large together.
type identities struct {
	lake *Lake
	cat  *catalog.Catalog
	days map[string]*list.Element
	used *list.List // of *daySet, most recently used first
	held int
}

type daySet struct {
	key string
	ids map[identity]struct{}
}

// maxIdentities bounds all sets together: about 300 MB.
const maxIdentities = 6 << 20

func newIdentities(l *Lake, cat *catalog.Catalog) *identities {
	return &identities{lake: l, cat: cat, days: map[string]*list.Element{}, used: list.New()}
}

// day gives the set of a source and day.
func (s *identities) day(ctx context.Context, schema *ocsf.Schema, day string) (*daySet, error) {
	key := schema.Source + "/" + day
	if e, ok := s.days[key]; ok {
		s.used.MoveToFront(e)
		return e.Value.(*daySet), nil
	}
	d := &daySet{key: key, ids: map[identity]struct{}{}}
	if err := s.load(ctx, schema, day, d); err != nil {
		return nil, err
	}
	s.days[key] = s.used.PushFront(d)
	s.held += len(d.ids)
	for s.held > maxIdentities && s.used.Len() > 1 {
		old := s.used.Remove(s.used.Back()).(*daySet)
		delete(s.days, old.key)
		s.held -= len(old.ids)
	}
	return d, nil
}

// add notes an identity; false if it was there.
func (s *identities) add(d *daySet, id identity) bool {
	if _, ok := d.ids[id]; ok {
		return false
	}
	d.ids[id] = struct{}{}
	s.held++
	return true
}

func (s *identities) load(ctx context.Context, schema *ocsf.Schema, day string, d *daySet) error {
	files, err := s.cat.Files(ctx, schema.Source)
	if err != nil {
		return err
	}
	cols := identityColumns(schema)
	var buf []byte
	for _, f := range files {
		if f.Day != day {
			continue
		}
		rows, err := readColumns(s.lake.path(f.Name), schema, schema.Identity)
		if err != nil {
			return fmt.Errorf("events of %s: %w; run `yagura lake check`", day, err)
		}
		var ev ocsf.Event
		for i := range rows.Rows() {
			rows.Event(i, &ev)
			var id identity
			var ok bool
			if id, buf, ok = identify(cols, &ev, buf); ok {
				d.ids[id] = struct{}{}
			}
		}
	}
	return nil
}

// readColumns reads only the given columns of a file.
func readColumns(path string, schema *ocsf.Schema, names []string) (*table.Builder, error) {
	r, err := table.Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := table.NewBuilder(schema, names...)
	if err := r.AppendTo(b); err != nil {
		return nil, err
	}
	return b, nil
}

// dedupe gives the rows to keep, by part. Objects whose content another object
// already brought lose all their rows.
func (b *Batch) dedupe(ctx context.Context) ([][]int32, error) {
	copies, err := b.copies(ctx)
	if err != nil {
		return nil, err
	}
	var out [][]int32
	for _, p := range b.sorted() {
		keep := make([]int32, 0, p.rows.Rows())
		var set *daySet
		if len(p.identity) > 0 && p.rows.Rows() > 0 {
			if set, err = b.w.ids.day(ctx, p.schema, p.day); err != nil {
				return nil, err
			}
		}
		for i := range p.rows.Rows() {
			at := p.object[i]
			if copies[at] || set != nil && p.has[i] && !b.w.ids.add(set, p.ids[i]) {
				b.objects[at].Duplicates++
				continue
			}
			keep = append(keep, int32(i))
		}
		out = append(out, keep)
	}
	return out, nil
}

// copies marks objects with the content of an object that the lake has, or
// that stands earlier in the batch.
func (b *Batch) copies(ctx context.Context) ([]bool, error) {
	for len(b.copied) < len(b.objects) {
		b.copied = append(b.copied, false)
	}
	for i := range b.objects {
		o := &b.objects[i]
		if o.Source == "" || o.SHA256 == "" || o.Records == 0 || b.copied[i] {
			continue
		}
		first, ok, err := b.original(ctx, o)
		if err != nil {
			return nil, err
		}
		if b.copied[i] = ok; !ok {
			continue
		}
		if o.Status == catalog.StatusOK {
			o.Status = catalog.StatusDuplicate
		}
		if o.Reason != "" {
			o.Reason += "; "
		}
		o.Reason += "same content as " + strconv.Quote(first)
	}
	return b.copied, nil
}

// original gives the key of another object with the content of o: one of an
// earlier batch, which need not be committed yet, or an earlier one of this.
func (b *Batch) original(ctx context.Context, o *catalog.Object) (key string, ok bool, err error) {
	content := o.Source + " " + o.SHA256
	b.w.mu.Lock()
	key, ok = b.w.contents[content]
	b.w.mu.Unlock()
	if ok {
		return key, key != o.Key, nil
	}
	other, ok, err := b.w.cat.ObjectBySHA(ctx, o.Source, o.SHA256)
	if err != nil || ok {
		return other.Key, ok, err
	}
	b.w.mu.Lock()
	b.w.contents[content] = o.Key
	b.w.mu.Unlock()
	b.noted = append(b.noted, content)
	return "", false, nil
}
