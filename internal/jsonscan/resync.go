package jsonscan

import (
	"bytes"
	"fmt"
)

// overlap is how much of a searched buffer is kept for a boundary that spans two.
const overlap = 4 << 10

// resync reports the value at hand as bad and goes to where the next record
// plausibly begins. Rewinding is rationed, so that hostile input cannot make the
// splitter read the same bytes over and over.
func (r *Records) resync(reason string) error {
	raw, offset, from := r.longRaw, r.longFrom, r.pos
	if !r.long {
		offset = r.in.base + int64(r.start)
		if r.mayRewind() {
			from = r.start + 1
		}
	}
	key := r.firstKey()
	failed := r.in.base + int64(r.pos)
	for {
		j := r.boundary(from, key)
		end := j
		if j < 0 {
			end = len(r.in.buf)
		}
		if !r.long && len(raw) < maxRaw {
			raw = r.in.buf[r.start:min(end, r.start+maxRaw)]
		}
		if j >= 0 {
			r.rewound += max(0, failed-r.in.base-int64(j))
			return r.resume(j, r.bad(raw, offset, reason))
		}
		if r.in.err != nil {
			break
		}
		from = max(from, len(r.in.buf)-overlap)
		keep := from
		if !r.long && len(raw) < maxRaw {
			keep = r.start
		}
		before := r.in.base
		r.more(keep)
		from -= int(r.in.base - before)
	}
	r.pos = len(r.in.buf)
	if r.place != top && r.in.ended() {
		r.err = fmt.Errorf("damaged from byte %d on: no further record found up to the end at byte %d", offset, r.in.base+int64(r.pos))
	}
	return r.bad(raw, offset, reason+"; no further record found behind it")
}

func (r *Records) mayRewind() bool {
	return r.rewound <= 4*(r.in.base+int64(r.pos))+fullChunk
}

// resume goes on at j after the bad value e.
func (r *Records) resume(j int, e error) error {
	r.pos = j
	r.long, r.longRaw = false, nil
	if r.place == tail {
		r.place = top
	}
	return e
}

// unfinished is called at the end of the stream inside a value. If a record
// seems to begin inside it, the value only lacks its end: it is bad and the rest
// goes on. Else the stream is cut.
func (r *Records) unfinished() error {
	if !r.long && r.in.ended() && r.mayRewind() && r.boundary(r.start+1, r.firstKey()) >= 0 {
		return r.resync("does not end")
	}
	if r.place == top {
		r.place = tail // the end comes inside a value
	}
	r.end()
	return r.err
}

// boundary finds where a record plausibly begins, from index from on.
func (r *Records) boundary(from int, key []byte) int {
	b := r.in.buf
	if r.place == top || r.place == tail {
		if j := bytes.Index(b[min(from, len(b)):], []byte("\n{")); j >= 0 {
			return from + j + 1
		}
		return -1
	}
	if len(key) == 0 {
		return -1
	}
	for from < len(b) {
		j := bytes.Index(b[from:], key)
		if j < 0 {
			return -1
		}
		j += from
		if open := back(b, j-1); open >= from && b[open] == '{' {
			if sep := back(b, open-1); sep >= 0 && (b[sep] == ',' || b[sep] == '[') {
				return open
			}
		}
		from = j + 1
	}
	return -1
}

// back returns the index of the last byte up to i that is not space.
func back(b []byte, i int) int {
	for i >= 0 && b[i] <= ' ' {
		i--
	}
	return i
}

// firstKey gives, quoted, the first key of the value at hand or else of the last
// good record.
func (r *Records) firstKey() []byte {
	if !r.long {
		if k := firstKey(r.in.buf[r.start:]); k != nil {
			return k
		}
	} else if k := firstKey(r.longRaw); k != nil {
		return k
	}
	return firstKey(r.last)
}

func firstKey(b []byte) []byte {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	i := space(b, 1)
	if i >= len(b) || b[i] != '"' {
		return nil
	}
	end, _ := stringEnd(b, i+1)
	if end < 0 || end-i > maxName {
		return nil
	}
	return bytes.Clone(b[i : end+1])
}

// junk reports the bytes up to one of stops as bad.
func (r *Records) junk(stops, reason string) error {
	r.begin()
	offset := r.in.base + int64(r.start)
	var raw []byte
	r.pos++
	for {
		j := bytes.IndexAny(r.in.buf[r.pos:], stops)
		if j >= 0 {
			r.pos += j
		} else {
			r.pos = len(r.in.buf)
		}
		if r.start >= 0 && len(raw) < maxRaw {
			raw = r.in.buf[r.start:min(r.pos, r.start+maxRaw)]
		}
		if j >= 0 || r.in.err != nil {
			return r.bad(raw, offset, reason)
		}
		keep := r.start
		if keep < 0 || r.pos-keep > maxRaw {
			keep = r.pos
		}
		r.more(keep)
	}
}

// element reports an array element that is not an object.
func (r *Records) element(c byte) error {
	const reason = "an element of the record array is not an object"
	if c != '[' && c != '"' {
		return r.junk(",]{", reason)
	}
	r.begin()
	r.w.begin(false)
	if c == '"' {
		r.pos++
		r.w.inString, r.w.str = true, r.pos
	}
	last := r.last
	rec, ok, err := r.value()
	if ok {
		r.number--
		r.last = last
		return r.bad(rec.Raw, rec.Offset, reason)
	}
	return err
}
