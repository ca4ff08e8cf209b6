package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/ocsf"
)

// Object is a source object and what became of it.
type Object = catalog.Object

// spillAt is the size of a batch in memory at which it is written out in
// parts; only objects of tens of megabytes reach it.
const spillAt = 48 << 20

// groupRows bounds a row group of a fresh file.
const groupRows = 50_000

// Batch is one or more consecutive source objects that become part of the lake
// together or not at all. Batches of a writer are committed in the order in
// which they were begun, whatever the order in which they are filled: so it
// does not depend on timing which of two copies of an event stays, and a rerun
// after a crash continues where the committed prefix ends.
//
// A batch is used by one goroutine. It must end with Commit or Abort.
type Batch struct {
	w             *Writer
	number        int64
	prev          *Batch        // nil for the first
	deduped, done chan struct{} // closed when the next batch may dedupe, commit

	objects    []catalog.Object
	quarantine []catalog.Quarantined
	parts      map[partKey]*part
	memory     int
	inTurn     bool // earlier batches have noted their identities
	passed     bool // later batches may note theirs
	ended      bool
	buf        []byte
	copied     []bool   // by object: it has the content of another one
	noted      []string // contents that the writer remembers until the end of this batch

	// Sum gives the hash of the whole content of the object that is being
	// appended, for [Batch.End]. It is asked only when a batch must be written
	// in parts before the object has ended.
	Sum func() (string, error)
}

type partKey struct {
	source string
	day    int64 // days since the epoch
}

// part is the rows of one source and day in a batch.
type part struct {
	day      string
	schema   *ocsf.Schema
	identity []*ocsf.Column
	rows     *table.Builder
	ids      []identity // of the rows, when the source has identities
	has      []bool
	object   []int32 // index of the row's object in the batch

	file        *table.File
	tmp         string
	memory      int64
	first, last int64
	written     map[int32]int64 // rows in the file by object
}

// Begin starts the next batch.
func (w *Writer) Begin() *Batch {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
	b := &Batch{w: w, number: w.begun, prev: w.last, deduped: make(chan struct{}), done: make(chan struct{}), parts: map[partKey]*part{}}
	w.last = b
	return b
}

// Object begins the next object of the batch; events and records in
// quarantine belong to it until the next call. Of o only name, size, time and
// source are read.
func (b *Batch) Object(o Object) {
	o.ID = o.Identity()
	o.Status = catalog.StatusOK
	o.Batch = b.number
	b.objects = append(b.objects, o)
}

// Append takes events of the object. Their provenance is set here, but for the
// record number.
func (b *Batch) Append(ctx context.Context, schema *ocsf.Schema, events []ocsf.Event) error {
	at := int32(len(b.objects) - 1)
	o := &b.objects[at]
	for i := range events {
		ev := &events[i]
		ev.Provenance.Object = o.ID
		p := b.part(schema, ev.Time)
		before := p.rows.Bytes()
		p.rows.Append(ev)
		b.memory += p.rows.Bytes() - before
		p.object = append(p.object, at)
		if len(p.identity) > 0 {
			id, buf, ok := identify(p.identity, ev, b.buf)
			b.buf = buf
			p.ids, p.has = append(p.ids, id), append(p.has, ok)
		}
		o.Records++
	}
	if b.memory >= spillAt {
		return b.w.lake.full(b.spill(ctx))
	}
	return nil
}

// spareBuilders is how many empty builders a writer keeps for later batches.
const spareBuilders = 64

// builder gives an empty builder, if possible one with memory.
func (w *Writer) builder(schema *ocsf.Schema) *table.Builder {
	w.mu.Lock()
	defer w.mu.Unlock()
	free := w.spare[schema.Source]
	if len(free) == 0 {
		return table.NewBuilder(schema)
	}
	b := free[len(free)-1]
	w.spare[schema.Source] = free[:len(free)-1]
	w.spares--
	return b
}

// reuse takes the builders of a batch that is done; large ones are let go.
func (w *Writer) reuse(parts map[partKey]*part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k, p := range parts {
		if w.spares < spareBuilders && p.rows.Bytes() < 4<<20 {
			p.rows.Reset()
			w.spare[k.source] = append(w.spare[k.source], p.rows)
			w.spares++
		}
	}
}

const usPerDay = int64(24 * time.Hour / time.Microsecond)

func (b *Batch) part(schema *ocsf.Schema, at int64) *part {
	day := at / usPerDay
	if at < 0 && at%usPerDay != 0 {
		day--
	}
	k := partKey{schema.Source, day}
	p, ok := b.parts[k]
	if !ok {
		p = &part{day: dayName(day), schema: schema, identity: identityColumns(schema), rows: b.w.builder(schema), written: map[int32]int64{}}
		b.parts[k] = p
	}
	return p
}

// maxKept bounds the records of one object that are kept in quarantine: a file
// that is something else altogether may have millions. All are counted.
const maxKept = 1000

// Quarantine notes a record of the object that cannot be read.
func (b *Batch) Quarantine(e *yagura.RecordError) {
	o := &b.objects[len(b.objects)-1]
	o.Records++
	if o.Quarantined++; o.Quarantined > maxKept {
		return
	}
	b.quarantine = append(b.quarantine, catalog.Quarantined{
		Object: o.ID, Record: e.Record, Offset: e.Offset, Reason: e.Reason, Raw: slices.Clone(e.Raw),
		At: b.w.lake.cfg.Now().UnixMicro(),
	})
}

// End ends the object: the hash of its decompressed content, why it ended early
// (empty if it did not), and the proof by digest, if any.
func (b *Batch) End(sum, reason string, proof Proof) {
	o := &b.objects[len(b.objects)-1]
	o.SHA256, o.Reason = sum, reason
	switch {
	case reason != "" && o.Records == o.Quarantined:
		o.Status = catalog.StatusFailed
	case reason != "":
		o.Status = catalog.StatusPartial
	case o.Records > 0 && o.Records == o.Quarantined:
		o.Status, o.Reason = catalog.StatusFailed, "none of its records could be read"
	}
	b.Sum = nil
	o.Proof, o.ProofReason, o.ProofBy = proof.Status, proof.Reason, proof.By
}

// Proof says whether a digest vouches for an object.
type Proof struct {
	Status string // proved, failed, unknown; empty when the source has no digests
	Reason string // why it is not proved
	By     string // key of the digest
}

// Result is what a batch added.
type Result struct {
	Objects []Object // with rows, duplicates and times filled in
	Files   int
	Bytes   int64 // of the files
}

// Commit makes the batch part of the lake.
func (b *Batch) Commit(ctx context.Context) (Result, error) {
	res, err := b.commit(ctx)
	if err = b.w.lake.full(err); err != nil {
		b.fail(err)
	}
	b.finish()
	return res, err
}

// Abort drops the batch. Later batches of the writer cannot be committed,
// because they may have been compared with this one.
func (b *Batch) Abort() {
	if !b.ended {
		b.fail(errors.New("an earlier batch was dropped"))
		b.finish()
	}
}

func (b *Batch) fail(err error) {
	b.w.mu.Lock()
	if b.w.failed == nil {
		b.w.failed = fmt.Errorf("batch %d: %w", b.number, err)
	}
	b.w.mu.Unlock()
	for _, p := range b.parts {
		if p.file != nil {
			p.file.Abort()
		}
	}
}

func (b *Batch) finish() {
	if b.ended {
		return
	}
	b.ended = true
	b.pass()
	b.w.mu.Lock()
	for _, c := range b.noted {
		delete(b.w.contents, c)
	}
	b.w.mu.Unlock()
	close(b.done)
	b.prev = nil
}

// pass lets the next batch note its identities.
func (b *Batch) pass() {
	if !b.passed {
		b.passed = true
		close(b.deduped)
	}
}

// turn waits until all earlier batches have noted their identities.
func (b *Batch) turn(ctx context.Context) error {
	if b.inTurn {
		return nil
	}
	if b.prev != nil {
		select {
		case <-b.prev.deduped:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.inTurn = true
	return b.w.broken()
}

func (w *Writer) broken() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

func (b *Batch) commit(ctx context.Context) (Result, error) {
	if err := b.turn(ctx); err != nil {
		return Result{}, err
	}
	keep, err := b.dedupe(ctx)
	b.pass()
	if err != nil {
		return Result{}, err
	}
	for k, p := range b.sorted() {
		if err := b.write(p, keep[k]); err != nil {
			return Result{}, err
		}
	}
	ch, err := b.change()
	if err != nil {
		return Result{}, err
	}
	if b.prev != nil {
		select {
		case <-b.prev.done:
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
	}
	if err := b.w.broken(); err != nil {
		return Result{}, err
	}
	if err := b.w.cat.Commit(ctx, ch); err != nil {
		return Result{}, fmt.Errorf("catalogue: %w", err)
	}
	b.w.reuse(b.parts)
	res := Result{Objects: ch.Objects, Files: len(ch.Add)}
	for _, f := range ch.Add {
		res.Bytes += f.Bytes
	}
	return res, nil
}

// sorted gives the parts in a fixed order.
func (b *Batch) sorted() []*part {
	keys := make([]partKey, 0, len(b.parts))
	for k := range b.parts {
		keys = append(keys, k)
	}
	sort.Slice(keys, func(i, j int) bool {
		if keys[i].source != keys[j].source {
			return keys[i].source < keys[j].source
		}
		return keys[i].day < keys[j].day
	})
	out := make([]*part, len(keys))
	for i, k := range keys {
		out[i] = b.parts[k]
	}
	return out
}

func dayName(day int64) string {
	return time.Unix(day*24*60*60, 0).UTC().Format(time.DateOnly)
}

// spill writes what is in memory to unfinished files. The batch must have its
// turn for that: earlier batches decide first which events are new.
func (b *Batch) spill(ctx context.Context) error {
	if err := b.turn(ctx); err != nil {
		return err
	}
	if o := &b.objects[len(b.objects)-1]; o.SHA256 == "" && b.Sum != nil {
		sum, err := b.Sum()
		if err != nil {
			return err
		}
		o.SHA256 = sum
	}
	keep, err := b.dedupe(ctx)
	if err != nil {
		return err
	}
	for k, p := range b.sorted() {
		if err := b.write(p, keep[k]); err != nil {
			return err
		}
		p.rows.Reset()
		p.ids, p.has, p.object = p.ids[:0], p.has[:0], p.object[:0]
	}
	b.memory = 0
	return nil
}

// write adds the kept rows to the part's unfinished file.
func (b *Batch) write(p *part, keep []int32) error {
	if len(keep) == 0 {
		return nil
	}
	if p.file == nil {
		p.tmp = filepath.Join(b.w.lake.cfg.Dir, "tmp", fmt.Sprintf("%d-%s-%s.parquet", b.number, p.schema.Source, p.day))
		f, err := table.Create(p.tmp, p.schema, table.Profile{})
		if err != nil {
			return err
		}
		p.file = f
	}
	first, last := p.rows.Times(keep)
	if p.memory == 0 || first < p.first {
		p.first = first
	}
	if p.memory == 0 || last > p.last {
		p.last = last
	}
	for _, i := range keep {
		at := p.object[i]
		p.written[at]++
		o, t := &b.objects[at], p.rows.Time(int(i))
		if o.Rows == 0 || t < o.First {
			o.First = t
		}
		if o.Rows == 0 || t > o.Last {
			o.Last = t
		}
		o.Rows++
	}
	p.memory += int64(p.rows.Bytes()) * int64(len(keep)) / int64(p.rows.Rows())
	for len(keep) > 0 {
		n := min(len(keep), groupRows)
		if err := p.file.WriteGroup(p.rows, keep[:n]); err != nil {
			return fmt.Errorf("%s: %w", p.tmp, err)
		}
		keep = keep[n:]
	}
	return nil
}

// change finishes the files and gives what is to be committed.
func (b *Batch) change() (catalog.Change, error) {
	now := b.w.lake.cfg.Now().UnixMicro()
	for i := range b.objects {
		b.objects[i].IngestedAt = now
	}
	ch := catalog.Change{Objects: b.objects, Quarantine: b.quarantine, At: now}
	for _, p := range b.sorted() {
		if p.file == nil {
			continue
		}
		size, sum, err := p.file.Close()
		p.file = nil
		if err != nil {
			return ch, fmt.Errorf("%s: %w", p.tmp, err)
		}
		f := catalog.File{
			Source: p.schema.Source, Day: p.day, Bytes: size, Memory: p.memory,
			First: p.first, Last: p.last, SHA256: sum, Schema: p.schema.Version,
		}
		var parts []catalog.Part
		name := sha256.New()
		fmt.Fprintf(name, "%s %s %d", f.Source, f.Day, f.Schema)
		for at := range b.objects {
			if n := p.written[int32(at)]; n > 0 {
				parts = append(parts, catalog.Part{Object: b.objects[at].ID, Rows: n})
				f.Rows += n
				fmt.Fprintf(name, " %d", b.objects[at].ID)
			}
		}
		fmt.Fprintf(name, " %s", sum) // an object that is replaced keeps its id
		f.Name = fmt.Sprintf("%s/day=%s/fresh/%s.parquet", f.Source, f.Day, hex.EncodeToString(name.Sum(nil)[:12]))
		if err := b.w.lake.place(p.tmp, f.Name); err != nil {
			return ch, err
		}
		ch.Add, ch.Parts = append(ch.Add, f), append(ch.Parts, parts)
	}
	return ch, nil
}
