package lake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/lake/internal/words"
	"github.com/yagura-sec/yagura/ocsf"
)

// compactMemory bounds the rows of one compacted file as they stand in memory.
const compactMemory = 128 << 20

// freshFiles is the number of fresh files from which an open day is compacted.
const freshFiles = 20

// Compact merges fresh files of a day into sorted, indexed ones: of closed
// days, of days with many fresh files, or, if all, of every day. Files are
// grouped in the order in which they were committed until a group is full, so
// that the outcome does not depend on when compaction runs or is interrupted.
// Progress is told the rows done and to do; it may be nil.
func (w *Writer) Compact(ctx context.Context, all bool, progress func(done, total int64)) error {
	w.release()
	files, err := w.cat.Files(ctx, "")
	if err != nil {
		return err
	}
	today := w.lake.cfg.Now().UTC().Add(-24 * time.Hour).Format(time.DateOnly)
	var groups [][]catalog.File
	var total int64
	for _, day := range byDay(files) {
		fresh := 0
		for _, f := range day {
			if !f.Compacted {
				fresh++
			}
		}
		if fresh == 0 || !all && fresh <= freshFiles && day[0].Day >= today {
			continue
		}
		for _, g := range groupFiles(day) {
			groups = append(groups, g)
			for _, f := range g {
				total += f.Rows
			}
		}
	}
	return w.lake.full(w.compactGroups(ctx, groups, total, progress))
}

// release lets go what only batches need: compaction needs the memory.
func (w *Writer) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids = newIdentities(w.lake, w.cat)
	w.spare, w.spares = map[string][]*table.Builder{}, 0
}

// byDay cuts files, which are sorted by source and day, into days.
func byDay(files []catalog.File) [][]catalog.File {
	var out [][]catalog.File
	for i, f := range files {
		if i == 0 || f.Source != files[i-1].Source || f.Day != files[i-1].Day {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], f)
	}
	return out
}

// groupFiles gives the files of a day that are to become one each. A compacted
// file that is at least half full stays as it is.
func groupFiles(day []catalog.File) [][]catalog.File {
	var out [][]catalog.File
	var group []catalog.File
	var memory int64
	flush := func() {
		if len(group) > 1 || len(group) == 1 && !group[0].Compacted {
			out = append(out, group)
		}
		group, memory = nil, 0
	}
	for _, f := range day {
		if f.Compacted && f.Memory >= compactMemory/2 {
			continue
		}
		if memory > 0 && memory+f.Memory > compactMemory {
			flush()
		}
		group = append(group, f)
		memory += f.Memory
	}
	flush()
	return out
}

func (w *Writer) compactGroups(ctx context.Context, groups [][]catalog.File, total int64, progress func(done, total int64)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var done atomic.Int64
	work := make(chan []catalog.File)
	var wg sync.WaitGroup
	errs := make(chan error, w.lake.cfg.Threads)
	for range w.lake.cfg.Threads {
		wg.Go(func() {
			for g := range work {
				if err := w.compactGroup(ctx, g); err != nil {
					errs <- err
					cancel()
					return
				}
				for _, f := range g {
					done.Add(f.Rows)
				}
				if progress != nil {
					progress(done.Load(), total)
				}
			}
		})
	}
feed:
	for _, g := range groups {
		select {
		case work <- g:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	if len(all) == 0 {
		all = append(all, ctx.Err())
	}
	return errors.Join(all...)
}

// compactGroup replaces files of one source and day by one.
func (w *Writer) compactGroup(ctx context.Context, group []catalog.File) error {
	schema := w.lake.schemas[group[0].Source]
	if schema == nil {
		return nil // of a newer program: left alone
	}
	rows := table.NewBuilder(schema)
	if schema.Rebuild == nil {
		var memory int64
		for _, f := range group {
			memory += f.Memory
		}
		rows.Reserve(int(memory / 4 * 3)) // raw records are about so much of it
	}
	name := sha256.New()
	fmt.Fprintf(name, "%d", schema.Version)
	for _, f := range group {
		fmt.Fprintf(name, " %s", f.SHA256)
		if err := appendFile(rows, w.lake.path(f.Name)); err != nil {
			return fmt.Errorf("compaction: %w; run `yagura lake check`", err)
		}
	}
	return w.replace(ctx, group, rows, rows.Order(), hex.EncodeToString(name.Sum(nil)[:12]))
}

func appendFile(rows *table.Builder, path string) error {
	r, err := table.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.AppendTo(rows)
}

// replace writes the rows of a builder in the given order as a compacted file
// and puts it in the place of the group in one commit.
func (w *Writer) replace(ctx context.Context, group []catalog.File, rows *table.Builder, order []int32, name string) error {
	ch := catalog.Change{At: w.lake.cfg.Now().UnixMicro()}
	if err := w.swap(&ch, group, rows, order, name); err != nil {
		return err
	}
	if err := w.cat.Commit(ctx, ch); err != nil {
		return fmt.Errorf("catalogue: %w", err)
	}
	return nil
}

// swap writes the rows as [Writer.replace] does and leaves the commit to the
// caller.
func (w *Writer) swap(ch *catalog.Change, group []catalog.File, rows *table.Builder, order []int32, name string) error {
	ch.Remove = append(ch.Remove, group...)
	if len(order) == 0 {
		return nil
	}
	f, err := w.writeCompacted(rows, order, fmt.Sprintf("%s/day=%s/compacted/%s.parquet", rows.Schema().Source, group[0].Day, name))
	if err != nil {
		return err
	}
	f.Day = group[0].Day
	ch.Add, ch.Parts = append(ch.Add, f), append(ch.Parts, partsOf(rows, order))
	return nil
}

func partsOf(rows *table.Builder, order []int32) []catalog.Part {
	counts := map[int64]int64{}
	for _, i := range order {
		counts[rows.Number("object_id", int(i))]++
	}
	out := make([]catalog.Part, 0, len(counts))
	for o, n := range counts {
		out = append(out, catalog.Part{Object: o, Rows: n})
	}
	return out
}

// writeCompacted writes the file and its sidecar under their final names.
func (w *Writer) writeCompacted(rows *table.Builder, order []int32, name string) (catalog.File, error) {
	schema := rows.Schema()
	tmp := filepath.Join(w.lake.cfg.Dir, "tmp", filepath.Base(name))
	_ = os.Remove(tmp) // of an attempt that failed in this process
	f, err := table.Create(tmp, schema, table.Profile{Compacted: true})
	if err != nil {
		return catalog.File{}, err
	}
	for rest := order; len(rest) > 0; {
		n := min(len(rest), table.GroupRows)
		if len(rest)-n < table.GroupRows/2 {
			n = len(rest)
		}
		if err := f.WriteGroup(rows, rest[:n]); err != nil {
			f.Abort()
			return catalog.File{}, fmt.Errorf("%s: %w", tmp, err)
		}
		rest = rest[n:]
	}
	size, sum, err := f.Close()
	if err != nil {
		return catalog.File{}, fmt.Errorf("%s: %w", tmp, err)
	}
	out := catalog.File{
		Source: schema.Source, Name: name, Compacted: true, Rows: int64(len(order)), Bytes: size,
		Memory: int64(rows.Bytes()), SHA256: sum, Schema: schema.Version,
	}
	out.First, out.Last = rows.Times(order)
	if schema.Rebuild == nil {
		if out.Words, err = w.writeWords(rows, order, wordsPath(name)); err != nil {
			return out, err
		}
	}
	return out, w.lake.place(tmp, name)
}

// writeWords writes the sidecar of the rows.
func (w *Writer) writeWords(rows *table.Builder, order []int32, name string) (int64, error) {
	var side words.Writer
	for _, i := range order {
		side.Add(rows.Text("raw_data", int(i)))
	}
	tmp := filepath.Join(w.lake.cfg.Dir, "tmp", filepath.Base(name))
	f, err := os.Create(tmp)
	if err != nil {
		return 0, err
	}
	n, err := side.WriteTo(f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", tmp, err)
	}
	return n, w.lake.place(tmp, name)
}

// Forget removes an object and its rows from the lake, so that it can be
// ingested again.
func (w *Writer) Forget(ctx context.Context, bucket, key string) error {
	o, found, err := w.cat.ObjectByKey(ctx, bucket, key)
	if err != nil || !found {
		return err
	}
	parts, err := w.cat.PartsOf(ctx, o.ID)
	if err != nil {
		return err
	}
	files, err := w.cat.Files(ctx, o.Source)
	if err != nil {
		return err
	}
	ch := catalog.Change{Forget: []int64{o.ID}, At: w.lake.cfg.Now().UnixMicro()}
	for _, p := range parts {
		for _, f := range files {
			if f.ID == p.File {
				if err := w.without(&ch, f, o.ID); err != nil {
					return w.lake.full(err)
				}
			}
		}
	}
	w.ids = newIdentities(w.lake, w.cat)
	return w.lake.full(w.cat.Commit(ctx, ch))
}

// without replaces a file by one without the rows of an object.
func (w *Writer) without(ch *catalog.Change, f catalog.File, object int64) error {
	schema := w.lake.schemas[f.Source]
	if schema == nil {
		return fmt.Errorf("file %s is of source %q, which this program does not know", f.Name, f.Source)
	}
	rows := table.NewBuilder(schema)
	if err := appendFile(rows, w.lake.path(f.Name)); err != nil {
		return err
	}
	var keep []int32
	for _, i := range rows.Order() {
		if rows.Number("object_id", int(i)) != object {
			keep = append(keep, i)
		}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s without %d", f.SHA256, object))
	return w.swap(ch, []catalog.File{f}, rows, keep, hex.EncodeToString(sum[:12]))
}

// Retain removes days of a source that ended before the cutoff, and says how
// many rows that were.
func (w *Writer) Retain(ctx context.Context, schema *ocsf.Schema, cutoff time.Time) (int64, error) {
	files, err := w.cat.Files(ctx, schema.Source)
	if err != nil {
		return 0, err
	}
	day := cutoff.UTC().Truncate(24 * time.Hour).UnixMicro()
	ch := catalog.Change{At: w.lake.cfg.Now().UnixMicro()}
	var n int64
	for _, f := range files {
		if f.Last >= day {
			continue
		}
		parts, err := w.cat.Parts(ctx, f.ID)
		if err != nil {
			return 0, err
		}
		ch.Remove, ch.Expire = append(ch.Remove, f), append(ch.Expire, parts...)
		n += f.Rows
	}
	if n == 0 {
		return 0, nil
	}
	return n, w.cat.Commit(ctx, ch)
}
