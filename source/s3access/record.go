package s3access

import (
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/internal/lines"
)

// record is a line cut into fields; "" is a field that the line does not have.
type record struct {
	fields [fieldCount]string
	us     int64 // time of the request, µs
	rest   string
	more   []string // after the last known field
}

const maxMore = 64

// cut reads a whole line.
func (r *record) cut(line string) error {
	if err := r.front(line); err != nil {
		return err
	}
	if err := r.request(); err != nil {
		return err
	}
	return r.tail()
}

// front reads the fields up to the key.
func (r *record) front(line string) error {
	r.fields = [fieldCount]string{}
	r.more = r.more[:0]
	r.rest = line
	for i := fieldOwner; i <= fieldKey; i++ {
		if i == fieldTime {
			inner, rest, ok := strings.Cut(r.rest, "] ")
			if !ok || inner == "" || inner[0] != '[' {
				return errors.New("the third field is not a time in brackets")
			}
			if r.us, ok = lines.CLF(inner[1:]); !ok {
				return fmt.Errorf("the third field is %.40q, not a time such as 06/Feb/2019:00:00:38 +0000", inner)
			}
			r.fields[i], r.rest = inner[1:], rest
			continue
		}
		word, rest, ok := strings.Cut(r.rest, " ")
		if !ok || word == "" {
			return fmt.Errorf("the line ends before field %s", names[i])
		}
		r.fields[i], r.rest = word, rest
	}
	return nil
}

// request reads the request and the six fields after it.
func (r *record) request() error {
	if !strings.HasPrefix(r.rest, `"`) {
		word, rest, _ := strings.Cut(r.rest, " ")
		r.fields[fieldRequest] = word
		return r.numbers(rest)
	}
	s := r.rest[1:]
	fallback := -1
	for at := 0; ; {
		i := strings.Index(s[at:], `" `)
		if i < 0 {
			break
		}
		end := at + i
		if r.numbers(s[end+2:]) == nil {
			// A target has no space, so a quote inside it is not followed by one
			// and then by a version: what has a version is the request.
			if whole(s[:end]) {
				r.fields[fieldRequest] = s[:end]
				return nil
			}
			if fallback < 0 {
				fallback = end
			}
		}
		at = end + 1
	}
	if fallback < 0 {
		return errors.New("no status, error code and four numbers follow the quoted request")
	}
	r.fields[fieldRequest] = s[:fallback]
	return r.numbers(s[fallback+2:])
}

// whole says that a request ends with its version.
func whole(request string) bool {
	last := request[strings.LastIndexByte(request, ' ')+1:]
	return strings.HasPrefix(last, "HTTP/") || request == "-"
}

// numbers reads status, error code and four numbers.
func (r *record) numbers(s string) error {
	for i := fieldStatus; i <= fieldTurn; i++ {
		word, rest, _ := strings.Cut(s, " ")
		if _, _, ok := lines.Number(word); word == "" || !ok && word != "-" && i != fieldError || i == fieldStatus && ok && len(word) != 3 {
			return fmt.Errorf("field %s is %.40q", names[i], word)
		}
		r.fields[i], s = word, rest
	}
	r.rest = s
	return nil
}

// tail reads referrer and user agent, and what S3 added later.
func (r *record) tail() error {
	s := r.rest
	end := strings.LastIndexByte(s, '"') // the tail has no quotes
	switch {
	case end < 0:
		s = r.words(s, fieldReferrer, fieldAgent)
	case s[0] != '"':
		s = r.words(s, fieldReferrer, fieldReferrer)
		end = strings.LastIndexByte(s, '"')
		if end < 1 || s[0] != '"' {
			return errors.New("the user agent is not in quotes as a whole")
		}
		r.fields[fieldAgent], s = s[1:end], s[end+1:]
	case end == 0:
		return errors.New("the referrer's quote is not closed")
	default:
		quoted := s[1:end]
		s = s[end+1:]
		referrer, agent, both := strings.Cut(quoted, `" "`)
		r.fields[fieldReferrer], r.fields[fieldAgent] = referrer, agent
		if !both {
			s = r.words(strings.TrimPrefix(s, " "), fieldAgent, fieldAgent)
		}
	}
	if r.fields[fieldAgent] == "" && r.fields[fieldReferrer] == "" {
		return errors.New("the line ends before the referrer and the user agent")
	}
	s = r.words(strings.TrimPrefix(s, " "), fieldVersionID, fieldSourceRegion)
	for s != "" && len(r.more) < maxMore {
		var word string
		word, s, _ = strings.Cut(s, " ")
		r.more = append(r.more, word)
	}
	return nil
}

// words reads the fields from first to last, as far as there are any.
func (r *record) words(s string, first, last int) string {
	for i := first; i <= last && s != ""; i++ {
		r.fields[i], s, _ = strings.Cut(s, " ")
	}
	return s
}

// operation says that a word has the form of an operation.
func operation(s string) bool {
	prefix, rest, ok := strings.Cut(s, ".")
	if !ok || rest == "" {
		return false
	}
	switch prefix {
	case "REST", "BATCH", "WEBSITE", "SOAP", "S3":
		return true
	}
	return false
}
