package yaguratest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// toy is a sound source of lines such as {"toy":1,"t":1700000000,"who":"me"}.
// Its fields break it in one way each.
type toy struct {
	schema  ocsf.Schema
	after   func(*ocsf.Event, error) error  // changes what Next gives
	open    func(yagura.Input) yagura.Input // changes what it reads
	match   func(key string, head []byte) yagura.Match
	noReset bool
}

func (s *toy) Schema() *ocsf.Schema { return &s.schema }

func (s *toy) Match(key string, head []byte) yagura.Match {
	if s.match != nil {
		return s.match(key, head)
	}
	m := yagura.NoMatch
	if strings.Contains(string(head), `"toy"`) {
		m = yagura.ByContent
	}
	if strings.Contains(key, "toys/") {
		m++
		if m == yagura.ByContent+1 {
			m = yagura.ByBoth
		}
	}
	return m
}

func (s *toy) Open(in yagura.Input) (yagura.Decoder, error) {
	if s.open != nil {
		in = s.open(in)
	}
	return &toyDecoder{s: s, records: jsonscan.NewRecords(in.Body, in.MaxRecord)}, nil
}

type toyDecoder struct {
	s       *toy
	records *jsonscan.Records
}

func (d *toyDecoder) Next(ev *ocsf.Event) error {
	err := d.next(ev)
	if d.s.after != nil {
		err = d.s.after(ev, err)
	}
	return err
}

func (d *toyDecoder) next(ev *ocsf.Event) error {
	if !d.s.noReset {
		ev.Reset()
	}
	rec, err := d.records.Next()
	if bad, ok := errors.AsType[*jsonscan.BadRecord](err); ok {
		return &yagura.RecordError{Record: bad.Number, Offset: bad.Offset, Reason: bad.Reason, Raw: bad.Raw}
	}
	if err != nil {
		return err
	}
	var s jsonscan.Scanner
	s.Reset(rec.Raw)
	s.Object()
	for s.Next() {
		switch s.Key() {
		case "t":
			t, _ := s.Int()
			ev.Time = t * 1e6
		case "who":
			ev.User.Name, _ = s.Str()
		}
	}
	if err := s.End(); err != nil || ev.Time <= 0 {
		return &yagura.RecordError{Record: rec.Number, Reason: "no time", Raw: rec.Raw}
	}
	ev.Raw, ev.Provenance.Record = rec.Text(), rec.Number
	return nil
}

// reporter collects what a check says.
type reporter struct {
	testing.TB
	said []string
}

func (r *reporter) Helper() {}

func (r *reporter) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *reporter) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }

// The kit passes the sound source and catches each broken one for the reason
// that it is broken.
func TestKitCatches(t *testing.T) {
	content := strings.Repeat("{\"toy\":1,\"t\":1700000000,\"who\":\"somebody with a name\"}\n", 5) + "{\"toy\":2}\n{\"toy\":3,\"t\":1700000001}\n"
	cases := []struct {
		name  string
		fault func(*toy)
		want  string // part of a complaint; empty: nothing to complain about
	}{
		{"sound", func(*toy) {}, ""},
		{"leaves the record before in the event", func(s *toy) { s.noReset = true }, "which the schema does not declare"},
		{"fills an undeclared column", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Code = "x"; return err }
		}, "fills status_code"},
		{"forgets the time", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Time = 0; return err }
		}, "has time 1970"},
		{"forgets raw", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Raw = ""; return err }
		}, "has no raw record"},
		{"cuts raw", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Raw = strings.TrimSuffix(ev.Raw, "}"); return err }
		}, "alone gives 0 events"},
		{"adds to raw", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error {
				ev.Raw = strings.Replace(ev.Raw, "somebody", "nobody", 1)
				return err
			}
		}, "alone gives another event"},
		{"invents a request", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Request = "{}"; return err }
		}, "Request is not text of the raw record"},
		{"numbers every record 0", func(s *toy) {
			s.after = func(ev *ocsf.Event, err error) error { ev.Provenance.Record = 0; return err }
		}, "has record number 0 after 0"},
		{"never ends", func(s *toy) {
			s.after = func(_ *ocsf.Event, err error) error {
				if err == io.EOF {
					return &yagura.RecordError{Reason: "again"}
				}
				return err
			}
		}, "errors have record number"},
		{"says nothing of cut input", func(s *toy) {
			s.after = func(_ *ocsf.Event, err error) error {
				var bad *yagura.RecordError
				if err != nil && !errors.As(err, &bad) {
					return io.EOF
				}
				return err
			}
		}, "is lost and nobody says so"},
		{"takes a failing reader for the end", func(s *toy) {
			s.open = func(in yagura.Input) yagura.Input { in.Body = &deaf{in.Body}; return in }
		}, "a reader that fails ends the object with <nil>"},
		{"reads once only", func(s *toy) {
			s.open = func(in yagura.Input) yagura.Input {
				b := make([]byte, 1<<20)
				n, _ := in.Body.Read(b)
				in.Body = strings.NewReader(string(b[:n]))
				return in
			}
		}, "byte by byte"},
		{"knows no limit", func(s *toy) {
			s.open = func(in yagura.Input) yagura.Input { in.MaxRecord = 1 << 30; return in }
		}, "passes a limit of 48"},
		{"gives reasonless errors", func(s *toy) {
			s.after = func(_ *ocsf.Event, err error) error {
				if bad, ok := errors.AsType[*yagura.RecordError](err); ok {
					bad.Reason = ""
				}
				return err
			}
		}, "has no reason"},
		{"does not know itself", func(s *toy) {
			s.match = func(string, []byte) yagura.Match { return yagura.NoMatch }
		}, "Match by content alone = 0"},
		{"claims by key what it has not read", func(s *toy) {
			s.match = func(string, []byte) yagura.Match { return yagura.ByBoth }
		}, "alone = 3, want ByKey"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			src := &toy{schema: toySchema("toy")}
			c.fault(src)
			f := &fixture{name: "toy.jsonl", content: []byte(content), stored: []byte(content), key: "toys/a.jsonl"}
			full := Decode(src, f.input(nil), f.limit())
			r := &reporter{TB: t}
			checkFixture(r, src, f, &full, nil)
			expect(t, r, c.want)
		})
	}
}

func expect(t *testing.T, r *reporter, want string) {
	t.Helper()
	all := strings.Join(r.said, "\n")
	if want == "" && all != "" {
		t.Errorf("a sound source is refused:\n%s", all)
	}
	if !strings.Contains(all, want) {
		t.Errorf("no complaint with %q, but:\n%.2000s", want, all)
	}
}

// deaf turns every failure into the end.
type deaf struct{ r io.Reader }

func (d *deaf) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func TestKitCatchesARivalThatClaimsTheSameObject(t *testing.T) {
	f := &fixture{name: "toy.jsonl", content: []byte(`{"toy":1,"t":1700000000}`)}
	r := &reporter{TB: t}
	checkMatch(r, &toy{schema: toySchema("toy")}, f, []yagura.Source{&toy{schema: toySchema("toy")}, &toy{schema: toySchema("rival")}})
	expect(t, r, "source rival matches as surely")
	if len(r.said) != 1 {
		t.Errorf("%q", r.said)
	}
}

func TestKitCatchesABadSchema(t *testing.T) {
	for want, fault := range map[string]func(*ocsf.Schema){
		"":                            func(*ocsf.Schema) {},
		"lacks its source":            func(s *ocsf.Schema) { s.Version = 0 },
		"column nonsense does not":    func(s *ocsf.Schema) { s.Columns = append(s.Columns, "nonsense") },
		"column status_code stands":   func(s *ocsf.Schema) { s.Columns = []string{"actor_user_name", "status_code", "status_code"} },
		"Identity names metadata_uid": func(s *ocsf.Schema) { s.Identity = []string{"metadata_uid"} },
		"needs either columns or":     func(s *ocsf.Schema) { s.Native = []ocsf.Native{{Name: "who"}} },
		"is empty or stands twice":    func(s *ocsf.Schema) { s.Native = append(s.Native, s.Native...) },
		"leads to src_endpoint_ip":    func(s *ocsf.Schema) { s.Native[0].Columns = []string{"src_endpoint_ip"} },
	} {
		src := &toy{schema: toySchema("toy")}
		fault(&src.schema)
		r := &reporter{TB: t}
		checkSchema(r, src)
		expect(t, r, want)
	}
}

func TestKitCatchesAWrongRebuild(t *testing.T) {
	src := &toy{schema: toySchema("toy")}
	src.schema.Raw = ocsf.RawText
	src.schema.Rebuild = func(*ocsf.Event) string { return "something else" }
	src.after = func(ev *ocsf.Event, err error) error { ev.Rebuildable = true; return err }
	f := &fixture{content: []byte("{\"toy\":1,\"t\":1700000000}\n")}
	full := Decode(src, f.input(nil), 10)
	r := &reporter{TB: t}
	checkRaw(r, src, f, &full)
	expect(t, r, "is rebuilt as")
}

func toySchema(name string) ocsf.Schema {
	return ocsf.Schema{
		Source: name, Title: "Toys", Version: 1, Columns: []string{"actor_user_name"}, Raw: ocsf.RawJSON,
		Native: []ocsf.Native{{Name: "who", Columns: []string{"actor_user_name"}}},
	}
}
