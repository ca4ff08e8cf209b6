package yagura

import (
	"bytes"
	"io"
	"slices"
)

// stampStripper takes off the time that CloudWatch Logs writes in front of every
// line it exports to S3: 2026-03-04T05:06:07.000Z {…}. Other bytes pass
// unchanged.
type stampStripper struct {
	src   io.Reader
	began bool
	on    bool   // the stream begins with a stamp
	line  bool   // inside a line, behind its stamp
	ready []byte // to be given out
	held  []byte // beginning of a line, not yet decided
	err   error
}

// A stamp is 2026-03-04T05:06:07.000Z and a space.
const stampLen = len("2026-03-04T05:06:07.000Z ")

// Read gives the bytes without stamps.
func (r *stampStripper) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.began && !r.on {
			return r.src.Read(p)
		}
		r.more()
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *stampStripper) more() {
	buf := make([]byte, 32<<10)
	n, err := r.src.Read(buf)
	r.err = err
	in := slices.Concat(r.held, buf[:n])
	r.held = nil
	if !r.began {
		if len(in) < stampLen && err == nil {
			r.held = in
			return
		}
		r.began = true
		if r.on = stamped(in); !r.on {
			r.ready = in
			return
		}
	}
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		if !r.line {
			if len(in) < stampLen && r.err == nil && in[0] != '\n' {
				r.held = in
				break
			}
			if stamped(in) {
				in = in[stampLen:]
			}
			r.line = true
		}
		end := bytes.IndexByte(in, '\n') + 1
		if end == 0 {
			out, in = append(out, in...), nil
			break
		}
		out, in = append(out, in[:end]...), in[end:]
		r.line = false
	}
	r.ready = out
}

// stamped says whether b begins with a stamp.
func stamped(b []byte) bool {
	const form = "0000-00-00T00:00:00.000Z "
	if len(b) < stampLen {
		return false
	}
	for i := range stampLen {
		digit := b[i] >= '0' && b[i] <= '9'
		if form[i] == '0' && !digit || form[i] != '0' && b[i] != form[i] {
			return false
		}
	}
	return true
}
