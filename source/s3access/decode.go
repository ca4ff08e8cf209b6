package s3access

import (
	"errors"
	"fmt"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

const maxKept = 64 << 10 // bytes of a bad record that are kept

type decoder struct {
	mapper
	in     *lines.Reader
	bound  int
	number int64
	cut    record
}

// Next fills ev with the next line; see [yagura.Decoder].
func (d *decoder) Next(ev *ocsf.Event) error {
	line, at, err := d.in.Next()
	if errors.Is(err, lines.ErrTooLong) {
		return d.bad(line, at, fmt.Sprintf("line is longer than %d bytes", d.bound))
	}
	if err != nil {
		return err
	}
	if err := d.cut.cut(line); err != nil {
		return d.bad(line, at, err.Error())
	}
	ev.Reset()
	d.fill(ev, &d.cut)
	ev.Raw = line
	ev.Provenance.Record = d.number
	d.number++
	return nil
}

func (d *decoder) bad(line string, at int64, reason string) error {
	e := &yagura.RecordError{Record: d.number, Offset: at, Reason: reason, Raw: []byte(line[:min(len(line), maxKept)])}
	d.number++
	return e
}
