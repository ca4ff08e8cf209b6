package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/inlet/file"
	"github.com/yagura-sec/yagura/internal/unpack"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// history is where recorded calls come from.
type history struct {
	events string // a path, or "lake"
	when   selection
}

// fromLake is the value of --events that means the lake.
const fromLake = "lake"

// headBytes is what a source sees of a file to recognise it.
const headBytes = 64 << 10

// recordCounts says how many files were read, left out because they are no
// CloudTrail logs, and damaged, and how many records could not be read.
type recordCounts struct{ files, other, damaged, refused int }

// records gives the text of every CloudTrail record of the history.
func (p *program) records(ctx context.Context, h history, visit func(raw string)) (n recordCounts, err error) {
	f := ask.Filter{Sources: []string{cloudtrail.New().Schema().Source}}
	if f.From, f.To, err = p.span(&h.when); err != nil {
		return n, err
	}
	if h.events == fromLake {
		return n, p.reading(ctx, func(l *lake.Lake) error {
			return l.Scan(ctx, f, func(hit *ask.Hit) error {
				visit(hit.Event.Raw)
				return nil
			})
		})
	}
	if err := p.exist([]string{h.events}); err != nil {
		return n, err
	}
	from, to := f.From.UnixMicro(), f.To.UnixMicro()
	bar := p.progress("progress.iam-events")
	defer bar.end()
	var total, done int64
	err = file.Walk(ctx, []string{h.events}, func(e file.Entry) error {
		total += e.Object.Size
		return nil
	})
	if err != nil {
		return n, err
	}
	bar.total(total)
	err = file.Walk(ctx, []string{h.events}, func(e file.Entry) error {
		known, damage := readRecords(ctx, e, &n, func(ev *ocsf.Event) {
			if (f.From.IsZero() || ev.Time >= from) && (f.To.IsZero() || ev.Time < to) {
				visit(ev.Raw)
			}
		})
		done += e.Object.Size
		bar.at(done)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case damage != nil:
			n.damaged++
			p.note("iam-damaged", e.Path, damage.Error())
		case !known:
			n.other++
		default:
			n.files++
		}
		return nil
	})
	return n, err
}

// readRecords reads one file; known says that it is a CloudTrail log.
func readRecords(ctx context.Context, e file.Entry, n *recordCounts, visit func(ev *ocsf.Event)) (known bool, err error) {
	f, err := os.Open(e.Path)
	if err != nil {
		return false, err
	}
	defer f.Close() // read only: nothing can be lost
	z, err := unpack.NewReader(f, unpack.Limits{})
	if err != nil {
		return false, err
	}
	defer z.Close()
	body := bufio.NewReaderSize(z, headBytes)
	head, err := body.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) && len(head) == 0 {
		return false, err
	}
	src := cloudtrail.New()
	if src.Match(e.Object.Key, head) == yagura.NoMatch {
		return false, nil
	}
	in, err := src.Open(yagura.Input{Object: e.Object, Body: body})
	if err != nil {
		return true, err
	}
	var ev ocsf.Event
	for ctx.Err() == nil {
		err := in.Next(&ev)
		var bad *yagura.RecordError
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case errors.As(err, &bad):
			n.refused++
		case err != nil:
			return true, err
		default:
			visit(&ev)
		}
	}
	return true, ctx.Err()
}
