package vpcflow

import (
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

const maxKept = 64 << 10 // bytes of a bad record that are kept

// decoder reads text.
type decoder struct {
	mapper
	in      *lines.Reader
	plain   *format // of lines without a timestamp
	stamped *format // of lines with one
	record  int64
	first   string // the line that Open has read, when it is a record
	firstAt int64
	bounded int // MaxRecord
	pending bool
	failed  error // what Open met on the first line
	words   []string
}

func openText(in yagura.Input, b base) (yagura.Decoder, error) {
	d := &decoder{mapper: mapper{base: b}, in: lines.NewReader(in.Body, in.MaxRecord), bounded: in.MaxRecord}
	if option := in.Options["format"]; option != "" {
		f, err := configured(option)
		if err != nil {
			return nil, err
		}
		d.use(f)
	}
	line, at, err := d.in.Next()
	if errors.Is(err, lines.ErrTooLong) && d.plain == nil {
		return nil, fmt.Errorf("the first line is longer than %d bytes and may have been the header: set the source's option \"format\"", d.bound())
	}
	if err != nil {
		d.first, d.firstAt, d.failed, d.pending = line, at, err, true
		return d, nil
	}
	if strings.HasPrefix(line, string(parquetMagic)) {
		return nil, errors.New("a Parquet file was opened as a stream: it needs random access")
	}
	f, err := header(line)
	switch {
	case err != nil:
		return nil, err
	case f != nil:
		d.use(f)
		return d, nil
	}
	d.first, d.firstAt, d.pending = line, at, true
	if d.plain == nil {
		n := len(strings.Fields(line))
		if stamped(line) {
			n--
		}
		if n != len(defaultFormat.steps) {
			return nil, fmt.Errorf("the first line is no header and has %d fields, not the %d of the default format: set the source's option \"format\" to the flow log's field list", n, len(defaultFormat.steps))
		}
		d.plain, d.stamped = defaultFormat, defaultStamped
	}
	return d, nil
}

func (d *decoder) use(f *format) { d.plain, d.stamped = f, f.stamped() }

// Next fills ev with the next record; see [yagura.Decoder].
func (d *decoder) Next(ev *ocsf.Event) error {
	line, at, err := d.line()
	if err != nil {
		if errors.Is(err, lines.ErrTooLong) {
			return d.bad(line, at, fmt.Sprintf("line is longer than %d bytes", d.bound()))
		}
		return err
	}
	f := d.plain
	if stamped(line) {
		f = d.stamped
	}
	var single bool
	d.words, single = split(d.words[:0], line)
	if len(d.words) != len(f.steps) {
		return d.bad(line, at, fmt.Sprintf("line has %d fields, the format has %d (%.200s): if the file has another format, set the source's option \"format\"", len(d.words), len(f.steps), f.text))
	}
	ev.Reset()
	if err := d.fill(ev, f, d.words); err != nil {
		return d.bad(line, at, err.Error())
	}
	ev.Raw = line
	ev.Rebuildable = ev.Rebuildable && single && ascii(line)
	ev.Provenance.Record = d.record
	d.record++
	return nil
}

// line gives the next line that is a record, and follows headers on the way.
func (d *decoder) line() (string, int64, error) {
	for {
		line, at, err := d.first, d.firstAt, d.failed
		if !d.pending {
			line, at, err = d.in.Next()
		}
		d.pending, d.first, d.failed = false, "", nil
		if err != nil || line[0] < 'a' || line[0] > 'z' {
			return line, at, err
		}
		f, err := header(line)
		if err != nil || f == nil { // a header that is wrong is a record that is wrong
			return line, at, nil
		}
		if d.plain == nil || f.text != d.plain.text {
			d.use(f)
		}
	}
}

func (d *decoder) bound() int {
	if d.bounded > 0 {
		return d.bounded
	}
	return lines.DefaultMax
}

func (d *decoder) bad(line string, at int64, reason string) error {
	e := &yagura.RecordError{Record: d.record, Offset: at, Reason: reason, Raw: []byte(line[:min(len(line), maxKept)])}
	d.record++
	return e
}

// split cuts a line at spaces; single says that no space stands alone, before
// or after a field. At most maxFields+2 words are cut: more is too many anyway.
func split(words []string, line string) (_ []string, single bool) {
	single = true
	for len(words) < maxFields+2 {
		i := strings.IndexByte(line, ' ')
		switch {
		case i > 0:
			words = append(words, line[:i])
			line = line[i+1:]
		case i == 0:
			single = false
			line = line[1:]
		case line != "":
			return append(words, line), single
		default:
			return words, false // the line ended with a space
		}
	}
	return words, false
}
