package ingest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/ocsf"
)

// do ingests the objects of a unit and commits its batch.
func (r *run) do(ctx context.Context, u unit) error {
	var paths []string
	for _, e := range u.entries {
		taken, err := r.object(ctx, u.batch, e)
		if err != nil {
			u.batch.Abort()
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		if taken {
			paths = append(paths, e.Path)
		}
		r.tell(func(p *Progress) { p.Files++; p.Bytes += e.Object.Size })
	}
	res, err := u.batch.Commit(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, o := range res.Objects {
		r.summary.object(o, paths[i])
	}
	r.summary.Files += int64(res.Files)
	r.summary.Bytes += res.Bytes
	return nil
}

const headBytes = 64 << 10

// bodies are used again: most objects are smaller than one.
var bodies = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, headBytes) }}

// opened is an object ready to be decoded.
type opened struct {
	f    *os.File
	body *bufio.Reader
	sum  hash.Hash
	in   yagura.Input
	src  yagura.Source
	done func()

	byName bool // only its name says that it is of the source
}

// open opens an object and finds its source; nil without an error when no
// source claims it.
func (r *run) open(e file.Entry) (*opened, error) {
	f, err := os.Open(e.Path)
	if err != nil {
		return nil, err
	}
	o := &opened{f: f, sum: sha256.New(), done: func() { f.Close() }}
	z, err := unpack.NewReader(f, r.cfg.Limits)
	if err != nil {
		f.Close()
		return nil, err
	}
	o.body = bodies.Get().(*bufio.Reader)
	o.body.Reset(io.TeeReader(z, o.sum))
	o.done = func() {
		o.body.Reset(nil)
		bodies.Put(o.body)
		z.Close()
		f.Close()
	}
	head, err := o.body.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		o.done()
		return nil, err
	}
	var sure yagura.Match
	o.src, sure = r.claim(e.Object.Key, head)
	o.byName = sure == yagura.ByKey && len(head) > 0
	if o.src == nil {
		o.done()
		return nil, nil
	}
	o.in = yagura.Input{
		Object: e.Object, Body: o.body, MaxRecord: r.cfg.MaxRecord,
		Options: r.cfg.Options[o.src.Schema().Source],
	}
	if strings.HasPrefix(string(head), "PAR1") {
		o.in.At, o.in.Size = f, e.Object.Size
	}
	return o, nil
}

// claim gives the source that is surest of the object, and how sure it is.
func (r *run) claim(key string, head []byte) (best yagura.Source, sure yagura.Match) {
	if r.cfg.Force != nil {
		return r.cfg.Force, yagura.ByBoth
	}
	for _, s := range r.cfg.Sources {
		if m := s.Match(key, head); m > sure {
			best, sure = s, m
		}
	}
	return best, sure
}

const unclaimed = "no source recognises it; `yagura ingest --source NAME` forces one"

// object puts one object into the batch; false when it is gone.
func (r *run) object(ctx context.Context, b *lake.Batch, e file.Entry) (bool, error) {
	object := lake.Object{Bucket: e.Object.Bucket, Key: e.Object.Key, Size: e.Object.Size, Modified: e.Modified}
	o, err := r.open(e)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.note(&r.summary.Damaged, e, "it is gone since it was listed")
		return false, nil
	case err != nil:
		r.note(&r.summary.Damaged, e, err.Error())
		b.Object(object) // noted, so that the batches of a rerun are the same
		b.End("", err.Error(), lake.Proof{})
		return true, nil
	case o == nil:
		r.note(&r.summary.Unclaimed, e, unclaimed)
		b.Object(object)
		b.End("", unclaimed, lake.Proof{})
		return true, nil
	}
	defer o.done()
	object.Source = o.src.Schema().Source
	b.Object(object)
	if len(o.src.Schema().Identity) == 0 {
		b.Sum = func() (string, error) {
			sum, _, err := r.content(e)
			return sum, err
		}
	}
	records, reason, err := r.decode(ctx, b, o)
	if err != nil {
		return false, err
	}
	if records == 0 && reason == "" && o.byName {
		reason = "its name is that of a " + object.Source + " log, but no record was found in it"
	}
	if _, err := io.Copy(io.Discard, o.body); err != nil && reason == "" {
		reason = err.Error()
	}
	sum := hex.EncodeToString(o.sum.Sum(nil))
	var proof lake.Proof
	if r.cfg.Proofs != nil {
		proof = r.cfg.Proofs.Prove(e.Path, sum)
	}
	b.End(sum, reason, proof)
	return true, nil
}

func (r *run) note(list *[]Note, e file.Entry, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, Note{Path: e.Path, Reason: reason})
}

// group is events on their way from the decoder to the lake.
type group struct {
	events []ocsf.Event
	bad    []*yagura.RecordError
	reason string // why the object ended early; with the last group
}

const groupEvents = 512

// groups are kept from object to object: most objects hold a few records.
var groups = sync.Pool{New: func() any { return &group{events: make([]ocsf.Event, 0, groupEvents)} }}

// decode moves the object's records into the batch. The reason says why the
// object ended early.
func (r *run) decode(ctx context.Context, b *lake.Batch, o *opened) (records int, reason string, err error) {
	schema := o.src.Schema()
	reason, err = r.groups(o, func(g *group) error {
		for _, bad := range g.bad {
			b.Quarantine(bad)
		}
		records += len(g.events) + len(g.bad)
		if len(g.events) == 0 {
			return nil
		}
		return b.Append(ctx, schema, g.events)
	})
	return records, reason, err
}

// groups gives the object's records, group by group; decoding and the taker's
// side run at the same time. An error of take ends it. The reason says why the
// object ended early.
func (r *run) groups(o *opened, take func(*group) error) (reason string, err error) {
	full, free := make(chan *group, 2), make(chan *group, 3)
	for range 3 {
		free <- groups.Get().(*group)
	}
	stop := make(chan struct{})
	defer func() { // the decoder must have ended before the file is closed
		close(stop)
		for range full { //nolint:revive // what it still gives is not wanted
		}
		for len(free) > 0 {
			groups.Put(<-free)
		}
	}()
	go func() {
		defer close(full)
		decodeObject(o, full, free, stop)
	}()
	for g := range full {
		if err := take(g); err != nil {
			return "", err
		}
		r.tell(func(p *Progress) {
			p.Records += int64(len(g.events) + len(g.bad))
			p.Quarantined += int64(len(g.bad))
		})
		if g.reason != "" {
			reason = g.reason
		}
		clear(g.events)
		g.events, g.bad, g.reason = g.events[:0], nil, ""
		free <- g
	}
	return reason, nil
}

// decodeObject fills groups until the object ends. A panic of the decoder ends
// the object and nothing else.
func decodeObject(o *opened, full chan<- *group, free <-chan *group, stop <-chan struct{}) {
	var g *group
	var before int // records in earlier groups
	take := func() bool {
		select {
		case g = <-free:
			return true
		case <-stop:
			return false
		}
	}
	if !take() {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			g.events = g.events[:len(g.events)-min(1, len(g.events))] // what it was filling
			g.reason = fmt.Sprintf("the decoder failed at record %d: %v; please report this (%s)", before+len(g.events)+len(g.bad), p, firstFrame())
		}
		full <- g
	}()
	dec, err := o.src.Open(o.in)
	if err != nil {
		g.reason = err.Error()
		return
	}
	for {
		if n := len(g.events) + len(g.bad); n >= groupEvents {
			before += n
			full <- g
			if !take() {
				g = &group{}
				return
			}
		}
		g.events = g.events[:len(g.events)+1]
		err := dec.Next(&g.events[len(g.events)-1])
		if err == nil {
			continue
		}
		g.events = g.events[:len(g.events)-1]
		var bad *yagura.RecordError
		switch {
		case errors.As(err, &bad):
			g.bad = append(g.bad, bad)
		case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return
		default:
			g.reason = err.Error()
			return
		}
	}
}

// firstFrame names the place of a panic.
func firstFrame() string {
	for line := range strings.SplitSeq(string(debug.Stack()), "\n") {
		if strings.Contains(line, "/source/") {
			return strings.TrimSpace(line)
		}
	}
	return "unknown place"
}

// revisit looks at the objects whose size or time differs from what the lake
// knows, where only the content decides, and at those of which nothing could be
// read: a newer program may.
func (r *run) revisit(ctx context.Context) error {
	for i, e := range slices.Concat(r.failed, r.changed) {
		take := r.readable(e)
		if take && i >= len(r.failed) {
			var err error
			if take, err = r.take(ctx, e); err != nil {
				return err
			}
		}
		if !take {
			r.skip(e, "")
			continue
		}
		if err := r.writer.Forget(ctx, e.Object.Bucket, e.Object.Key); err != nil {
			return err
		}
		if err := r.do(ctx, unit{batch: r.writer.Begin(), entries: []file.Entry{e}}); err != nil {
			return err
		}
	}
	return nil
}

// take says whether the object is to be ingested anew: its content is another
// one, and the lake has only a part of it, or the operator wants it.
func (r *run) take(ctx context.Context, e file.Entry) (bool, error) {
	sum, ends, err := r.content(e)
	if err != nil {
		r.note(&r.summary.Damaged, e, err.Error())
		return false, nil
	}
	same, whole, err := r.writer.Same(ctx, e.Object.Bucket, e.Object.Key, sum, e.Object.Size, e.Modified)
	switch {
	case err != nil:
		return false, err
	case same:
		r.mu.Lock()
		r.summary.Known++
		r.mu.Unlock()
	case r.cfg.Replace:
		return true, nil
	case whole:
		r.note(&r.summary.Changed, e, "its content differs from what was ingested; the first content was kept; --replace takes the new one")
	case !ends:
		r.note(&r.summary.Damaged, e, "it still ends early; what was read of it was kept; run ingest again when it is whole")
	default:
		return true, nil
	}
	return false, nil
}

// readable says whether a source takes the object, and notes it if not.
func (r *run) readable(e file.Entry) bool {
	o, err := r.open(e)
	switch {
	case err != nil:
		r.note(&r.summary.Damaged, e, err.Error())
		return false
	case o == nil:
		r.note(&r.summary.Unclaimed, e, unclaimed)
		return false
	}
	o.done()
	return true
}

// content gives the hash of an object's decompressed bytes, and whether they
// end where they should. A damaged end is no error: the bytes before it are
// the content.
func (r *run) content(e file.Entry) (sum string, ends bool, err error) {
	f, err := os.Open(e.Path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	z, err := unpack.NewReader(f, r.cfg.Limits)
	if err != nil {
		return "", false, err
	}
	defer z.Close()
	h := sha256.New()
	n, err := io.Copy(h, z)
	if err != nil && n == 0 {
		return "", false, err
	}
	return hex.EncodeToString(h.Sum(nil)), err == nil, nil
}
