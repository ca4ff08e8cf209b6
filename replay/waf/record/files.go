package record

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/elb"
)

// Files reads files and folders, packed or not, each by its content.
type Files struct {
	// Fields are the columns of CloudFront's real-time logs, in order; nil: RealTime.
	Fields []string
	// Damaged is told of every file that could not be read to its end, Refused of
	// every record that could not be read. Either may be nil.
	Damaged func(path string, err error)
	Refused func(path string, line int64, err error)
	Counts  Counts

	waf   WAF
	front CloudFront
}

// Counts say what was read.
type Counts struct {
	Files, Other, Damaged     int // Other are no logs of requests
	Records, Refused          int64
	WAF, ALB, CloudFront, HAR int64
}

// headBytes is what is looked at to recognise a file.
const headBytes = 64 << 10

// Read calls visit with every record below the paths, file by file in their order.
func (f *Files) Read(ctx context.Context, paths []string, visit func(*Record) error) error {
	return file.Walk(ctx, paths, func(e file.Entry) error {
		err := f.one(ctx, e, visit)
		var own *visitError
		switch {
		case errors.As(err, &own):
			return own.err
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			f.Counts.Damaged++
			if f.Damaged != nil {
				f.Damaged(e.Path, err)
			}
		}
		return nil
	})
}

// visitError is an error of the visitor, which ends everything.
type visitError struct{ err error }

// Error is that of the visitor.
func (e *visitError) Error() string { return e.err.Error() }

func (f *Files) one(ctx context.Context, e file.Entry, visit func(*Record) error) error {
	in, err := os.Open(e.Path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // It was only read.
	z, err := unpack.NewReader(in, unpack.Limits{})
	if err != nil {
		return err
	}
	defer z.Close()
	body := bufio.NewReaderSize(z, 256<<10)
	head, err := body.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return err
	}
	return f.Stream(ctx, e.Object, body, head, visit)
}

// Stream reads one unpacked log; head is its beginning.
func (f *Files) Stream(ctx context.Context, o yagura.Object, body io.Reader, head []byte, visit func(*Record) error) error {
	r := &Record{File: o.Key}
	give := func(r *Record) error {
		f.Counts.Records++
		if err := visit(r); err != nil {
			return &visitError{err}
		}
		return ctx.Err()
	}
	kind := recognise(o.Key, head)
	if kind == "" {
		f.Counts.Other++
		return nil
	}
	f.Counts.Files++
	before := f.Counts.Records
	var err error
	switch kind {
	case "waf":
		err = f.objects(body, r, f.waf.Read, give)
		f.Counts.WAF += f.Counts.Records - before
	case "cloudfront json":
		err = f.objects(body, r, f.front.JSON, give)
		f.Counts.CloudFront += f.Counts.Records - before
	case "har":
		err = HAR(body, r, give, func(err error) { f.refuse(r, err) })
		f.Counts.HAR += f.Counts.Records - before
	case "alb":
		err = f.balancer(o, body, r, give)
		f.Counts.ALB += f.Counts.Records - before
	default:
		err = f.front.lines(body, kind == "real-time", f, r, give)
		f.Counts.CloudFront += f.Counts.Records - before
	}
	return err
}

func (f *Files) refuse(r *Record, err error) {
	f.Counts.Refused++
	if f.Refused != nil {
		f.Refused(r.File, r.Line, err)
	}
}

// recognise tells what a file is.
func recognise(key string, head []byte) string {
	text := bytes.TrimLeft(head, "\ufeff \t\r\n")
	has := func(s string) bool { return bytes.Contains(text, []byte(s)) }
	switch {
	case len(text) == 0:
		return ""
	case text[0] == '{' || text[0] == '[':
		switch {
		case has(`"webaclId"`):
			return "waf"
		case has(`"cs-method"`):
			return "cloudfront json"
		case has(`"log"`) && (has(`"entries"`) || has(`"creator"`)):
			return "har"
		}
		return ""
	case bytes.HasPrefix(text, []byte("#Version")) || bytes.HasPrefix(text, []byte("#Fields")):
		return "cloudfront"
	}
	for first := range bytes.Lines(text) {
		if first[0] == '#' {
			continue
		}
		if words := strings.Split(string(first), "\t"); len(words) >= 5 {
			if strings.Count(words[0], "-") == 2 && strings.Count(words[1], ":") == 2 {
				return "cloudfront"
			}
			return "real-time"
		}
		break
	}
	if elb.New().Match(key, withoutRemarks(text))&yagura.ByContent != 0 {
		return "alb"
	}
	return ""
}

// withoutRemarks drops lines before the first record that begin with #.
func withoutRemarks(text []byte) []byte {
	for len(text) > 0 && text[0] == '#' {
		_, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return text
}

// objects reads JSON objects, one a line or glued together.
func (f *Files) objects(body io.Reader, r *Record, read func(string, *Record) error, give func(*Record) error) error {
	all := jsonscan.NewRecords(body, 0, "Records", "records")
	for {
		one, err := all.Next()
		var bad *jsonscan.BadRecord
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			r.Line = bad.Number + 1
			f.refuse(r, err)
			continue
		case err != nil:
			return err
		}
		r.Line = one.Number + 1
		if err := read(one.Text(), r); err != nil {
			f.refuse(r, err)
			continue
		}
		if err := give(r); err != nil {
			return err
		}
	}
}

func (f *Files) balancer(o yagura.Object, body io.Reader, r *Record, give func(*Record) error) error {
	in, err := elb.New().Open(yagura.Input{Object: o, Body: body})
	if err != nil {
		return err
	}
	var ev ocsf.Event
	for {
		err := in.Next(&ev)
		r.Line = ev.Provenance.Record + 1
		var bad *yagura.RecordError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			f.refuse(r, err)
			continue
		case err != nil:
			return err
		}
		if !Balancer(&ev, r) {
			continue
		}
		if err := give(r); err != nil {
			return err
		}
	}
}

// lines reads the lines of a CloudFront log.
func (d *CloudFront) lines(body io.Reader, realTime bool, f *Files, r *Record, give func(*Record) error) error {
	d.Fields = strings.Fields(Legacy)
	if realTime {
		if d.Fields = f.Fields; len(d.Fields) == 0 {
			d.Fields = strings.Fields(RealTime)
		}
	}
	in := lines.NewReader(body, 0)
	r.Line = 0
	for {
		line, _, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if r.Line++; errors.Is(err, lines.ErrTooLong) {
			f.refuse(r, err)
			continue
		}
		if err != nil {
			return err
		}
		if line[0] == '#' {
			d.Directive(line)
			continue
		}
		if err := d.Read(line, r); err != nil {
			f.refuse(r, err)
			continue
		}
		if err := give(r); err != nil {
			return err
		}
	}
}
