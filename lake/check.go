package lake

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/yagura-sec/yagura/lake/internal/catalog"
	"github.com/yagura-sec/yagura/lake/internal/table"
	"github.com/yagura-sec/yagura/lake/internal/words"
)

// Problem is something that is not as the catalogue says.
type Problem struct {
	Code     string // missing, damaged, rows, sidecar, object, orphan
	Subject  string // file name or object key
	Detail   string // what is wrong
	Fix      string // what to do, or what was done
	Repaired bool
}

// Report is the outcome of a check.
type Report struct {
	Objects, Files   int
	Rows, Bytes      int64
	Duplicates       int64
	Quarantined      int64
	Expired          int64
	Problems         []Problem
	RetiredRemaining int // files that readers may still need
}

// Sound says that nothing is wrong, or that all was repaired.
func (r *Report) Sound() bool {
	for _, p := range r.Problems {
		if !p.Repaired {
			return false
		}
	}
	return true
}

// Check compares the lake with its catalogue: every file there, its bytes, its
// rows, its sidecar; every object's rows accounted for; no file too many. With
// repair it mends what can be mended without the sources: sidecars and files
// that do not belong.
func (l *Lake) Check(ctx context.Context, repair bool, progress func(done, total int64)) (*Report, error) {
	w, err := l.take(ctx)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	files, err := w.cat.Files(ctx, "")
	if err != nil {
		return nil, err
	}
	r := &Report{Files: len(files)}
	var total, done int64
	for _, f := range files {
		total += f.Bytes
	}
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := w.checkFile(ctx, f, repair, r); err != nil {
			return nil, err
		}
		r.Rows += f.Rows
		r.Bytes += f.Bytes + f.Words
		if done += f.Bytes; progress != nil {
			progress(done, total)
		}
	}
	if err := w.checkObjects(ctx, r); err != nil {
		return nil, err
	}
	return r, w.checkOrphans(ctx, repair, r)
}

func (w *Writer) checkFile(ctx context.Context, f catalog.File, repair bool, r *Report) error {
	bad := func(code, detail, fix string) {
		r.Problems = append(r.Problems, Problem{Code: code, Subject: f.Name, Detail: detail, Fix: fix})
	}
	path := w.lake.path(f.Name)
	sum, size, err := hashFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		bad("missing", "the file is gone", w.advice(ctx, f))
		return nil
	case err != nil:
		bad("damaged", err.Error(), w.advice(ctx, f))
		return nil
	case size != f.Bytes || sum != f.SHA256:
		bad("damaged", fmt.Sprintf("%d bytes with SHA-256 %s, the catalogue says %d bytes with %s", size, sum, f.Bytes, f.SHA256), w.advice(ctx, f))
		return nil
	}
	rd, err := table.Open(path)
	if err != nil {
		bad("damaged", err.Error(), w.advice(ctx, f))
		return nil
	}
	rows := rd.Rows()
	rd.Close()
	if detail, err := w.accounted(ctx, f, rows); err != nil {
		return err
	} else if detail != "" {
		bad("rows", detail, w.advice(ctx, f))
	}
	if f.Words > 0 {
		return w.checkWords(f, repair, r)
	}
	return nil
}

// accounted compares the rows of a file with what the catalogue says of it and
// of the objects in it.
func (w *Writer) accounted(ctx context.Context, f catalog.File, rows int64) (detail string, err error) {
	parts, err := w.cat.Parts(ctx, f.ID)
	if err != nil {
		return "", err
	}
	var sum int64
	want := map[int64]int64{}
	for _, p := range parts {
		sum += p.Rows
		want[p.Object] = p.Rows
	}
	if rows != f.Rows || sum != f.Rows {
		return fmt.Sprintf("%d rows in the file, %d in the catalogue, %d by object", rows, f.Rows, sum), nil
	}
	schema := w.lake.schemas[f.Source]
	if schema == nil {
		return "", nil
	}
	in, err := readColumns(w.lake.path(f.Name), schema, []string{"object_id"})
	if err != nil {
		return err.Error(), nil //nolint:nilerr // what cannot be read is a finding
	}
	for i := range in.Rows() {
		want[in.Number("object_id", i)]--
	}
	for id, n := range want {
		if n != 0 {
			return fmt.Sprintf("object %x: %d rows more in the catalogue than in the file", id, n), nil
		}
	}
	return "", nil
}

// checkWords makes the sidecar anew and compares.
func (w *Writer) checkWords(f catalog.File, repair bool, r *Report) error {
	schema := w.lake.schemas[f.Source]
	if schema == nil {
		return nil
	}
	rows, err := readColumns(w.lake.path(f.Name), schema, []string{"raw_data"})
	if err != nil {
		return err
	}
	var side words.Writer
	for i := range rows.Rows() {
		side.Add(rows.Text("raw_data", i))
	}
	var want bytes.Buffer
	if _, err := side.WriteTo(&want); err != nil {
		return err
	}
	name := wordsPath(f.Name)
	got, err := os.ReadFile(w.lake.path(name))
	if err == nil && bytes.Equal(got, want.Bytes()) {
		return nil
	}
	p := Problem{Code: "sidecar", Subject: name, Detail: "the word sidecar is missing or differs from its file", Fix: "run `yagura lake check --repair`"}
	if repair {
		order := make([]int32, rows.Rows())
		for i := range order {
			order[i] = int32(i)
		}
		if _, err := w.writeWords(rows, order, name); err != nil {
			return err
		}
		p.Repaired, p.Fix = true, "written anew from its file"
	}
	r.Problems = append(r.Problems, p)
	return nil
}

// advice names the objects that must be ingested again.
func (w *Writer) advice(ctx context.Context, f catalog.File) string {
	parts, err := w.cat.Parts(ctx, f.ID)
	if err != nil || len(parts) == 0 {
		return "restore it from a copy of the lake"
	}
	o, _, err := w.cat.ObjectByID(ctx, parts[0].Object)
	if err != nil {
		return "restore it from a copy of the lake"
	}
	more := ""
	if len(parts) > 1 {
		more = fmt.Sprintf(" and %d more", len(parts)-1)
	}
	return fmt.Sprintf("restore it from a copy of the lake, or build a new lake from the sources; it holds rows of %q%s", o.Key, more)
}

func (w *Writer) checkObjects(ctx context.Context, r *Report) error {
	rows, err := w.cat.RowsByObject(ctx)
	if err != nil {
		return err
	}
	quarantined, err := w.cat.QuarantinedByObject(ctx)
	if err != nil {
		return err
	}
	err = w.cat.Objects(ctx, func(o Object) error {
		r.Objects++
		r.Duplicates += o.Duplicates
		r.Quarantined += o.Quarantined
		r.Expired += o.Expired
		bad := func(detail string) {
			r.Problems = append(r.Problems, Problem{Code: "object", Subject: o.Key, Detail: detail, Fix: "ingest it again with --replace"})
		}
		if o.Records != o.Rows+o.Duplicates+o.Quarantined {
			bad(fmt.Sprintf("%d records, but %d rows, %d duplicates and %d in quarantine", o.Records, o.Rows, o.Duplicates, o.Quarantined))
		}
		if have := rows[o.ID]; have != o.Rows-o.Expired {
			bad(fmt.Sprintf("%d rows in files, %d expected", have, o.Rows-o.Expired))
		}
		if have, want := quarantined[o.ID], min(o.Quarantined, maxKept); have != want {
			bad(fmt.Sprintf("%d records in quarantine, %d expected", have, want))
		}
		delete(rows, o.ID)
		delete(quarantined, o.ID)
		return nil
	})
	for _, lost := range []map[int64]int64{rows, quarantined} {
		for _, id := range slices.Sorted(maps.Keys(lost)) {
			r.Problems = append(r.Problems, Problem{
				Code: "object", Subject: fmt.Sprintf("object %x", id), Detail: fmt.Sprintf("the catalogue does not know the object of %d rows or records in quarantine", lost[id]),
				Fix: "restore the catalogue from a copy of the lake, or build a new lake from the sources",
			})
		}
	}
	return err
}

func (w *Writer) checkOrphans(ctx context.Context, repair bool, r *Report) error {
	orphans, err := w.orphans(ctx)
	if err != nil {
		return err
	}
	// A file that nobody knows may be the one that other problems are about.
	lost := slices.ContainsFunc(r.Problems, func(p Problem) bool { return p.Code == "object" || p.Code == "rows" })
	for _, name := range orphans {
		p := Problem{Code: "orphan", Subject: name, Detail: "a file that the catalogue does not know", Fix: "run `yagura lake check --repair`"}
		switch {
		case lost:
			p.Fix = "kept, because the catalogue lacks rows: copy it away before anything writes to this lake"
		case repair:
			if err := os.Remove(w.lake.path(name)); err != nil {
				return err
			}
			p.Repaired, p.Fix = true, "removed"
		}
		r.Problems = append(r.Problems, p)
	}
	return nil
}

func hashFile(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}
