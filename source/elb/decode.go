package elb

import (
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

const (
	maxKept  = 64 << 10 // bytes of a bad record that are kept
	maxWords = 128      // fields of a line
)

type decoder struct {
	mapper
	in     *lines.Reader
	bound  int
	record int64
	words  []string
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
	words, ok := split(d.words[:0], line)
	d.words = words
	k := kindOf(words)
	switch {
	case k == nil:
		return d.bad(line, at, "line begins like no load balancer log: want a time, a type and a time, or tls, a version and a time")
	case !ok && len(words) >= maxWords:
		return d.bad(line, at, fmt.Sprintf("line has more than %d fields", maxWords))
	case !ok:
		return d.bad(line, at, fmt.Sprintf("field %d opens a quote that nothing closes", len(words)))
	case len(words) < k.least:
		return d.bad(line, at, fmt.Sprintf("line has %d fields, %s logs have at least %d", len(words), k.code, k.least))
	}
	ev.Reset()
	if err := d.fill(ev, k, words); err != nil {
		return d.bad(line, at, err.Error())
	}
	ev.Raw = line
	ev.Provenance.Record = d.record
	d.record++
	return nil
}

func (d *decoder) bad(line string, at int64, reason string) error {
	e := &yagura.RecordError{Record: d.record, Offset: at, Reason: reason, Raw: []byte(line[:min(len(line), maxKept)])}
	d.record++
	return e
}

// split cuts a line into fields; ok is false when the last one is a quote that
// is not closed, or when there are too many. Quotes are taken off.
func split(words []string, line string) (_ []string, ok bool) {
	for len(words) < maxWords {
		line = strings.TrimLeft(line, " ")
		if line == "" {
			return words, true
		}
		if line[0] == '"' {
			end := closing(line)
			if end < 0 {
				return append(words, line[1:]), false
			}
			words = append(words, unescape(line[1:end]))
			line = line[end+1:]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words = append(words, word)
		line = rest
	}
	return words, line == ""
}

// closing finds the quote that closes the one at s[0]: it is not escaped and
// ends the field. When there is none, a last backslash of the value may have
// looked like an escape, so escapes are not counted.
func closing(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if i+1 == len(s) || s[i+1] == ' ' {
				return i
			}
		}
	}
	if i := strings.Index(s[1:], `" `); i >= 0 {
		return i + 1
	}
	if len(s) > 1 && s[len(s)-1] == '"' {
		return len(s) - 1
	}
	return -1
}

var escapes = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\x22`, `"`, `\x5C`, `\`, `\x5c`, `\`)

func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	return escapes.Replace(s)
}
