package server

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/lake/export"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query/field"
)

// sheet is a format of an exported result.
type sheet interface {
	add(h *ask.Hit) error
	end() error
}

var sheetTypes = map[string]string{
	"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8", "parquet": "application/vnd.apache.parquet",
}

// apiExport writes the whole result, oldest first. Nothing of it is kept in
// memory, and a reader that stops reading for a minute ends it. When it fails on
// the way the connection is cut, so that no reader takes a part for the whole.
func (d *desk) apiExport(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	fields, err := d.named(c, "fields")
	if err != nil {
		return err
	}
	format := c.params.Get("format")
	kind, ok := sheetTypes[format]
	if !ok {
		return bad("format", "there is no such format", "write csv, jsonl or parquet")
	}
	ctx, cancel := context.WithCancel(c.ctx())
	defer cancel()
	out := bufio.NewWriterSize(&patient{w: c.w, control: http.NewResponseController(c.w)}, 256<<10)
	s, err := d.sheet(format, out, fields, q.Sources)
	if err != nil {
		return bad("fields", err.Error(), "name each field once, and not id, source or time")
	}
	c.w.Header().Set("Content-Type", kind)
	c.w.Header().Set("Content-Disposition", `attachment; filename="yagura-`+c.now.UTC().Format("20060102-150405")+"."+format+`"`)
	err = d.Lake.Scan(ctx, q.filter, s.add)
	if err == nil {
		err = s.end()
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		return nil
	}
	d.Log.Error("export failed", "error", err)
	// The status is sent: only a cut connection tells the reader.
	panic(http.ErrAbortHandler)
}

// patient writes as long as the reader takes something now and then.
type patient struct {
	w       io.Writer
	control *http.ResponseController
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(time.Minute)) // Not every writer has deadlines.
	return p.w.Write(b)
}

func (d *desk) sheet(format string, w io.Writer, fields []field.Field, sources []string) (sheet, error) {
	switch format {
	case "csv":
		return &commaSheet{w: csv.NewWriter(w), fields: fields}, nil
	case "parquet":
		schemas := slices.DeleteFunc(slices.Clone(d.Schemas), func(s *ocsf.Schema) bool {
			return len(sources) > 0 && !slices.Contains(sources, s.Source)
		})
		p, err := export.NewParquet(w, schemas, fields)
		return parquetSheet{p}, err
	}
	return &lineSheet{enc: json.NewEncoder(w), d: d, fields: fields}, nil
}

type parquetSheet struct{ file *export.Parquet }

func (s parquetSheet) add(h *ask.Hit) error { return s.file.Write(h) }
func (s parquetSheet) end() error           { return s.file.Close() }

// lineSheet writes one JSON object a line, as /api/v1/search gives them, with
// the raw record.
type lineSheet struct {
	enc    *json.Encoder
	d      *desk
	fields []field.Field
}

func (s *lineSheet) add(h *ask.Hit) error { return s.enc.Encode(s.d.record(h, s.fields, true)) }
func (s *lineSheet) end() error           { return nil }

// commaSheet writes CSV (RFC 4180): id, time and source, then the named fields,
// or the summary that the table shows.
type commaSheet struct {
	w      *csv.Writer
	fields []field.Field
	begun  bool
}

var summaryColumns = []string{"event", "who", "from", "on", "outcome", "account", "region"}

func (s *commaSheet) head() error {
	if s.begun {
		return nil
	}
	s.begun = true
	row := []string{"id", "time", "source"}
	for _, f := range s.fields {
		row = append(row, guarded(f.Name))
	}
	if len(s.fields) == 0 {
		row = append(row, summaryColumns...)
	}
	return s.w.Write(row)
}

func (s *commaSheet) add(h *ask.Hit) error {
	if err := s.head(); err != nil {
		return err
	}
	row := []string{guarded(h.ID()), h.Event.At().UTC().Format(time.RFC3339Nano), h.Source}
	for _, f := range s.fields {
		text := strings.Join(h.Values(f.Target), "; ")
		if f.Kind != field.Int {
			text = guarded(text)
		}
		row = append(row, text)
	}
	if len(s.fields) == 0 {
		m := summarise(h)
		for _, text := range []string{m.What, m.Who, m.From, m.On, m.Outcome, h.Event.Account, h.Event.Region} {
			row = append(row, guarded(text))
		}
	}
	return s.w.Write(row)
}

func (s *commaSheet) end() error {
	if err := s.head(); err != nil {
		return err
	}
	s.w.Flush()
	return s.w.Error()
}

// guarded keeps a spreadsheet from taking a cell for a formula
// (https://owasp.org/www-community/attacks/CSV_Injection): an apostrophe before a
// first character that begins one, full-width forms included. A NUL would end
// the cell in some of them.
func guarded(s string) string {
	s = strings.ReplaceAll(s, "\x00", "�")
	if trimmed := strings.TrimLeft(s, " \u00a0\u3000"); trimmed != "" && strings.ContainsRune("=+-@\t\r\n|%＝＋－＠", []rune(trimmed[:min(len(trimmed), 4)])[0]) {
		return "'" + s
	}
	return s
}
