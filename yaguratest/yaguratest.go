// Package yaguratest is the acceptance kit: what every log source must do, and
// the golden files it is held to. Only tests import it.
//
// A source's test is two lines:
//
//	func TestSource(t *testing.T) { yaguratest.Source(t, cloudtrail.New(), "testdata") }
//	func FuzzSource(f *testing.F) { yaguratest.FuzzSource(f, cloudtrail.New(), "testdata") }
//
// The folder holds fixtures, with optional files beside each fixture NAME:
//
//	NAME.golden   what the decoder must give; go test -update writes it
//	NAME.key      the S3 key under which AWS delivers it
//	NAME.options  the operator's options, name=value a line
//
// A fixture that ends in .gz is decompressed first. Files in the folder
// "refused" beside the fixtures must not be matched at all.
//
// The kit registers the flag -update; a package that uses it must not.
package yaguratest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// headSize is how much of an object a source sees to recognise it.
const headSize = 64 << 10

// Result is everything that a decoder said about one object.
type Result struct {
	Events []ocsf.Event
	Errors []*yagura.RecordError
	End    error // what ended the object; nil for io.EOF
}

// Decode reads an object to its end. An error of Open is the Result's End. A
// decoder that says more than limit times something before it ends is cut off
// with an error, so that an endless one fails instead of hanging.
func Decode(src yagura.Source, in yagura.Input, limit int) Result {
	var r Result
	d, err := src.Open(in)
	if err != nil {
		return Result{End: err}
	}
	for range limit {
		ev := dirty()
		err := d.Next(&ev)
		var bad *yagura.RecordError
		switch {
		case err == nil:
			r.Events = append(r.Events, ev)
		case errors.As(err, &bad):
			r.Errors = append(r.Errors, bad)
		case err == io.EOF: //nolint:errorlint // The contract is io.EOF itself.
			return r
		default:
			r.End = err
			return r
		}
	}
	r.End = fmt.Errorf("%w after %d answers", errEndless, limit)
	return r
}

var errEndless = errors.New("the decoder did not end")

// dirty is an event in which everything is set: a decoder must reset it.
func dirty() ocsf.Event {
	var e ocsf.Event
	for _, c := range ocsf.Columns() {
		switch {
		case c.Str != nil:
			*c.Str(&e) = "left over from the record before"
		case c.Num != nil:
			*c.Num(&e) = -77
		case c.Tri != nil:
			*c.Tri(&e) = ocsf.True
		default:
			*c.List(&e) = []string{"left over"}
		}
	}
	e.Request, e.Response, e.Rebuildable = "left over", "left over", true
	return e
}

// fixture is one file of the source with what stands beside it.
type fixture struct {
	name    string
	path    string
	stored  []byte // as delivered
	content []byte // decompressed
	key     string
	options map[string]string
}

// input opens the fixture anew. wrap changes how its bytes arrive.
func (f *fixture) input(wrap func(io.Reader) io.Reader) yagura.Input {
	var body io.Reader = bytes.NewReader(f.content)
	if wrap != nil {
		body = wrap(body)
	}
	return yagura.Input{
		Object: yagura.Object{Key: f.key, Size: int64(len(f.stored))},
		Body:   body, At: bytes.NewReader(f.stored), Size: int64(len(f.stored)),
		MaxRecord: 1 << 20, Options: f.options,
	}
}

// cut is the fixture as it would be if only its first n bytes had come.
func (f *fixture) cut(n int) *fixture {
	c := *f
	c.content = f.content[:n]
	c.stored = c.content
	return &c
}

func (f *fixture) head() []byte { return f.content[:min(len(f.content), headSize)] }

func (f *fixture) limit() int { return 2*len(f.content) + 1000 }

// random says that the format is read at random, not as a stream.
func (f *fixture) random() bool { return strings.HasSuffix(f.name, ".parquet") }

var besides = []string{".golden", ".key", ".options"}

func fixtures(t testing.TB, dir string) []*fixture {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []*fixture
	for _, e := range entries {
		if e.IsDir() || slices.Contains(besides, filepath.Ext(e.Name())) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		list = append(list, load(t, filepath.Join(dir, e.Name())))
	}
	return list
}

func load(t testing.TB, path string) *fixture {
	t.Helper()
	f := &fixture{name: filepath.Base(path), path: path, stored: read(t, path)}
	f.content = f.stored
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(f.stored))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if f.content, err = io.ReadAll(z); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	f.key = strings.TrimSpace(string(optional(t, path+".key")))
	for line := range strings.Lines(string(optional(t, path+".options"))) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok {
			continue
		}
		if f.options == nil {
			f.options = map[string]string{}
		}
		f.options[name] = value
	}
	return f
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func optional(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return b
}
