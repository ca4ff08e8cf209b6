package sigma

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// Bounds of the tests in a document.
const (
	maxTests       = 200
	maxTestRecords = 20_000
	maxTestBytes   = 64 << 20
)

// Test is a test in a document: native records, and how many findings they make.
type Test struct {
	Place
	Name string
	// Want is the number of findings: 0 none, -1 at least one.
	Want   int
	Header string // first line of a text log that needs one
	steps  []step
	first  string // the first test's event, which changes refer to
}

// step is one record or several alike.
type step struct {
	at     Place
	event  string // "" = the first test's
	line   string // record of a text log, instead of an event
	change []change
	times  int
	every  time.Duration
	shift  time.Duration
}

type change struct {
	path  []string
	value any // nil removes the member
}

// Records gives the test's records in native form: the document's texts with
// their changes made, repetitions written out and times shifted.
func (t *Test) Records() ([]string, error) {
	var records []string
	size := 0
	for _, s := range t.steps {
		event := s.event
		if event == "" {
			event = t.first
		}
		if s.line == "" && len(s.change) == 0 && s.times == 1 && s.shift == 0 {
			records = append(records, strings.TrimSpace(numbered(event, 0)))
			continue
		}
		for i := range s.times {
			record, err := numbered(s.line, i), error(nil)
			if s.line == "" {
				record, err = s.record(numbered(event, i), i)
			}
			if err != nil {
				return nil, fmt.Errorf("%v: test %q: %w", s.at, t.Name, err)
			}
			if size += len(record); size > maxTestBytes || len(records) >= maxTestRecords {
				return nil, fmt.Errorf("%v: test %q: more than %d records or %d bytes", s.at, t.Name, maxTestRecords, maxTestBytes)
			}
			records = append(records, record)
		}
	}
	return records, nil
}

// number is a place in a record that is repeated: {n}, {n+100}, {n*60},
// {n*60+100} stand for the repetition's number from 0.
var number = regexp.MustCompile(`\{n(?:\*(\d{1,9}))?(?:\+(\d{1,12}))?\}`)

// numbered fills in the repetition's number.
func numbered(text string, n int) string {
	if !strings.Contains(text, "{n") {
		return text
	}
	return number.ReplaceAllStringFunc(text, func(place string) string {
		part, value := number.FindStringSubmatch(place), n
		if part[1] != "" {
			factor, _ := strconv.Atoi(part[1])
			value *= factor
		}
		if part[2] != "" {
			more, _ := strconv.Atoi(part[2])
			value += more
		}
		return strconv.Itoa(value)
	})
}

// record writes the n-th repetition. Each has an eventID of its own, because one
// that comes twice is one event.
func (s *step) record(event string, n int) (string, error) {
	shift := s.shift + time.Duration(n)*s.every
	d := json.NewDecoder(strings.NewReader(event))
	d.UseNumber()
	var record map[string]any
	if err := d.Decode(&record); err != nil {
		return "", fmt.Errorf("the event is not a JSON object, as changes need: %w", err)
	}
	for _, c := range s.change {
		if err := c.apply(record); err != nil {
			return "", err
		}
	}
	if id, ok := record["eventID"].(string); ok && n > 0 {
		record["eventID"] = fmt.Sprintf("%s-%d", id, n)
	}
	if shift != 0 {
		if err := move(record, shift); err != nil {
			return "", err
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(record); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()), nil
}

// apply sets or removes a member. Of an array every element is changed.
func (c change) apply(record map[string]any) error {
	at := []map[string]any{record}
	for _, key := range c.path[:len(c.path)-1] {
		var next []map[string]any
		for _, m := range at {
			switch v := m[key].(type) {
			case map[string]any:
				next = append(next, v)
			case []any:
				for _, e := range v {
					if o, ok := e.(map[string]any); ok {
						next = append(next, o)
					}
				}
			case nil:
				o := map[string]any{}
				m[key] = o
				next = append(next, o)
			default:
				return fmt.Errorf("change %s: %s is not an object", strings.Join(c.path, "."), key)
			}
		}
		at = next
	}
	last := c.path[len(c.path)-1]
	for _, m := range at {
		if c.value == nil {
			delete(m, last)
		} else {
			m[last] = c.value
		}
	}
	return nil
}

// timeMembers are the members that say when a record of a JSON source happened.
var timeMembers = []string{"eventTime", "query_timestamp", "timestamp", "UpdatedAt", "updatedAt", "configurationItemCaptureTime"}

// move shifts the record's times.
func move(record map[string]any, by time.Duration) error {
	moved := false
	for _, name := range timeMembers {
		switch v := record[name].(type) {
		case string:
			at, err := time.Parse(time.RFC3339Nano, v)
			if err != nil {
				return fmt.Errorf("%s %q is not a time that can be shifted", name, v)
			}
			record[name] = at.Add(by).Format(time.RFC3339Nano)
			moved = true
		case json.Number: // milliseconds
			n, err := v.Int64()
			if err != nil {
				return fmt.Errorf("%s %q is not a time that can be shifted", name, v)
			}
			record[name] = n + by.Milliseconds()
			moved = true
		}
	}
	if !moved {
		return fmt.Errorf("the event has none of %s to shift", strings.Join(timeMembers, ", "))
	}
	return nil
}

func (r *reader) tests(n *yaml.Node) []Test {
	var tests []Test
	first := ""
	r.elements(n, func(e *yaml.Node) {
		if len(tests) >= maxTests {
			r.fail(e, "too-large", "at most %d tests", maxTests)
			return
		}
		t := r.test(e)
		if len(t.steps) > 0 && first == "" {
			first = t.steps[0].event
		}
		for _, s := range t.steps {
			if s.event == "" && s.line == "" && first == "" {
				r.fail(e, "tests", "change and repeat without an event refer to the first test's event, which there is not")
				return
			}
		}
		t.first = first
		tests = append(tests, t)
	})
	return tests
}

func (r *reader) test(n *yaml.Node) Test {
	t := Test{Place: r.place(n), Want: -2}
	loose := step{at: t.Place, times: 1} // event, change, every and at of the test itself
	has := false
	var list []step
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "name":
			t.Name = r.text(v)
		case "match":
			t.Want = r.want(v)
		case "header":
			t.Header = r.text(v)
		case "lines":
			r.elements(v, func(e *yaml.Node) { t.steps = append(t.steps, r.line(e)) })
		case "events":
			r.elements(v, func(e *yaml.Node) { list = append(list, r.step(e)) })
		case "repeat":
			list = append(list, r.step(v))
		case "event", "change", "at":
			has = true
			r.stepKey(&loose, key, at, v)
		case "every":
			r.stepKey(&loose, key, at, v)
		default:
			r.fail(at, "unknown-key", "a test has no key %s: only name, match, event, events, change, repeat, every, at, lines, header", quote(key))
		}
	})
	if has {
		t.steps = append(t.steps, loose)
	}
	for i, s := range list {
		if loose.every != 0 && s.shift == 0 { // "every" of the test spaces its events
			s.shift = time.Duration(i) * loose.every
		}
		t.steps = append(t.steps, s)
	}
	switch {
	case t.Name == "":
		r.fail(n, "tests", "a test needs a name")
	case t.Want == -2:
		r.fail(n, "tests", "a test needs match: true, false or the number of findings")
	case len(t.steps) == 0:
		r.fail(n, "tests", "a test needs event, events, change, repeat or lines")
	}
	return t
}

func (r *reader) want(n *yaml.Node) int {
	if n != nil && n.ShortTag() == "!!int" {
		return r.whole(n, 0, maxTestRecords)
	}
	if r.flag(n) {
		return -1
	}
	return 0
}

// line reads an element of lines: a text, or {line: text, times: n}.
func (r *reader) line(n *yaml.Node) step {
	s := step{at: r.place(n), times: 1}
	if n != nil && n.Kind == yaml.ScalarNode {
		s.line = r.text(n)
		return s
	}
	r.members(n, func(key string, at, v *yaml.Node) {
		switch key {
		case "line":
			s.line = r.text(v)
		case "times":
			s.times = r.whole(v, 1, maxTestRecords)
		default:
			r.fail(at, "unknown-key", "there is no key %s here: only line and times", quote(key))
		}
	})
	if s.line == "" {
		r.fail(n, "tests", "an element of lines is a text, or a line with times")
	}
	return s
}

// step reads an element of events or a repeat: the record's text, or a mapping.
func (r *reader) step(n *yaml.Node) step {
	s := step{at: r.place(n), times: 1}
	if n != nil && n.Kind == yaml.ScalarNode {
		r.stepKey(&s, "event", n, n)
		return s
	}
	r.members(n, func(key string, at, v *yaml.Node) { r.stepKey(&s, key, at, v) })
	return s
}

func (r *reader) stepKey(s *step, key string, at, v *yaml.Node) {
	switch key {
	case "event":
		s.event = r.text(v)
		if !json.Valid([]byte(s.event)) {
			r.fail(v, "tests", "the event is not valid JSON; records of a text log stand under lines")
		}
	case "change":
		r.members(v, func(path string, at, v *yaml.Node) {
			c := change{path: strings.Split(path, ".")}
			if err := v.Decode(&c.value); err != nil {
				r.fail(at, "type", "%s: %v", quote(path), err)
			}
			s.change = append(s.change, c)
		})
	case "times":
		s.times = r.whole(v, 1, maxTestRecords)
	case "every":
		s.every = r.span(v)
	case "at":
		s.shift = r.span(v)
	default:
		r.fail(at, "unknown-key", "there is no key %s here: only event, change, times, every, at", quote(key))
	}
}
