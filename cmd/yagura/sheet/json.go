package sheet

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

type lines struct {
	w    *bufio.Writer
	keys [][]byte // with quotation marks and colon
	buf  []byte
}

func newLines(w io.Writer, columns []Column) *lines {
	l := &lines{w: bufio.NewWriter(w)}
	for _, c := range columns {
		key, _ := marshal(c.Key)
		l.keys = append(l.keys, append(key, ':'))
	}
	return l
}

func (l *lines) Row(cells ...any) error {
	l.buf = append(l.buf[:0], '{')
	for i, key := range l.keys {
		if i >= len(cells) || cells[i] == nil {
			continue
		}
		raw, err := marshal(cells[i])
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if len(l.buf) > 1 {
			l.buf = append(l.buf, ',')
		}
		l.buf = append(append(l.buf, key...), raw...)
	}
	l.buf = append(l.buf, '}', '\n')
	_, err := l.w.Write(l.buf)
	return err
}

func (l *lines) Close() error { return l.w.Flush() }

// JSON writes one value as one line.
func JSON(w io.Writer, v any) error {
	raw, err := marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(raw, '\n'))
	return err
}

// marshal gives JSON on one line in which nothing can trouble a terminal.
func marshal(v any) ([]byte, error) {
	if t, ok := v.(time.Time); ok {
		v = t.UTC().Format(time.RFC3339Nano)
		if t.IsZero() {
			v = nil
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return harmless(bytes.TrimRight(b.Bytes(), "\n")), nil
}

// harmless writes dangerous characters, which stand only in texts and keys, as
// \u escapes.
func harmless(raw []byte) []byte {
	ascii := true
	for _, c := range raw {
		if c >= 0x7F {
			ascii = false
			break
		}
	}
	if ascii {
		return raw
	}
	out := make([]byte, 0, len(raw)+16)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		switch {
		case !dangerous(r) || r == utf8.RuneError:
			out = append(out, raw[:size]...)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF)
		}
		raw = raw[size:]
	}
	return out
}
