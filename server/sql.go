package server

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"
)

// table is the result of an SQL query.
type table struct {
	Columns   []sqlColumn `json:"columns"`
	Rows      [][]any     `json:"rows"`
	Truncated bool        `json:"truncated"` // the limit left out rows
	Took      string      `json:"took"`      // Go duration
}

type sqlColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // DuckDB's
}

// Numeric says that the column's values stand right-aligned.
func (c sqlColumn) Numeric() bool {
	return strings.Contains(c.Type, "INT") || strings.HasPrefix(c.Type, "DECIMAL") || c.Type == "DOUBLE" || c.Type == "FLOAT"
}

// maxResult bounds the bytes of text in one SQL result.
const maxResult = 64 << 20

func (d *desk) sql(c *call, text string, most int) (*table, error) {
	began := time.Now()
	if strings.TrimSpace(text) == "" {
		return nil, bad("sql", "there is no query", "write one SELECT")
	}
	rows, err := d.Lake.SQL(c.ctx(), text, d.SQLTime, most)
	if err != nil {
		return nil, sqlFailure(err)
	}
	defer rows.Close()
	t := &table{Rows: [][]any{}, Columns: []sqlColumn{}}
	for i, name := range rows.Columns {
		t.Columns = append(t.Columns, sqlColumn{name, rows.Types[i]})
	}
	size := 0
	for {
		row, err := rows.Next()
		if err != nil {
			return nil, sqlFailure(err)
		}
		if row == nil {
			break
		}
		for i := range row {
			row[i] = plain(row[i], t.Columns[i].Type)
			if s, ok := row[i].(string); ok {
				size += len(s)
			}
		}
		t.Rows = append(t.Rows, row)
		if size > maxResult {
			return nil, &failure{status: http.StatusBadRequest, code: "too-large", what: "the result is larger than 64 MiB", where: "sql", fix: "select fewer columns or add LIMIT"}
		}
	}
	t.Truncated = rows.Truncated()
	t.Took = time.Since(began).Round(time.Millisecond).String()
	return t, nil
}

// sqlFailure gives what the engine says about a query as the user's error: the
// lake's own mistakes look the same to it.
func sqlFailure(err error) error {
	if f := explain(err); f.status != http.StatusInternalServerError {
		return f
	}
	return &failure{
		status: http.StatusBadRequest, code: "sql", what: "the query cannot be run", where: strings.ToValidUTF8(err.Error(), "?"),
		fix: "DESCRIBE cloudtrail names the columns of a view", err: err,
	}
}

// plain turns a value of the engine into what JSON and tables can show.
func plain(v any, kind string) any {
	switch v := v.(type) {
	case nil, bool, string, int64, int32, int16, int8, uint64, uint32, uint16, uint8, int, float32, float64:
		return v
	case time.Time:
		if kind == "DATE" {
			return v.Format(time.DateOnly)
		}
		return v.UTC().Format(time.RFC3339Nano)
	case *big.Int:
		return v.String()
	case []byte:
		if kind == "UUID" && len(v) == 16 {
			h := hex.EncodeToString(v)
			return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		}
		if utf8.Valid(v) {
			return string(v)
		}
		return `\x` + hex.EncodeToString(v)
	case fmt.Stringer:
		return v.String()
	}
	if text, err := json.Marshal(v); err == nil {
		return string(text)
	}
	return fmt.Sprint(v)
}

func (d *desk) apiSQL(c *call) error {
	var asked struct {
		SQL  string `json:"sql"`
		Rows int    `json:"rows"`
	}
	if err := c.body(&asked); err != nil {
		return err
	}
	if asked.Rows < 0 || asked.Rows > d.SQLRows {
		return bad("rows", fmt.Sprintf("it is not a number from 0 to %d", d.SQLRows), "leave it out for the most")
	}
	if asked.Rows == 0 {
		asked.Rows = d.SQLRows
	}
	t, err := d.sql(c, asked.SQL, asked.Rows)
	if err != nil {
		return err
	}
	return c.reply(t)
}

type sqlView struct {
	Frame    frame
	SQL      string
	Problem  *failureView
	Table    *table
	Cells    [][]sqlCell
	Waiting  bool // another site led here: the user decides whether to run it
	Examples []exampleView
	Views    []string
	Rows     int
	Time     string
}

type sqlCell struct {
	Text    string
	Numeric bool
	Null    bool
}

type exampleView struct{ Text, SQL, URL string }

// pageRows bounds the rows of the SQL page.
const pageRows = 1000

var sqlExamples = []struct{ id, sql string }{
	{"sql.example.calls", "SELECT eventname, count(*) AS calls, count(DISTINCT useridentity.arn) AS who\nFROM cloudtrail\nGROUP BY eventname\nORDER BY calls DESC\nLIMIT 20"},
	{"sql.example.denied", "SELECT useridentity.arn, sourceipaddress, eventname, errorcode, count(*) AS n\nFROM cloudtrail\nWHERE errorcode IS NOT NULL\nGROUP BY ALL\nORDER BY n DESC\nLIMIT 50"},
	{"sql.example.request", "SELECT eventtime, useridentity.arn, requestparameters->>'$.bucketName' AS bucket\nFROM cloudtrail\nWHERE eventsource = 's3.amazonaws.com' AND eventname LIKE 'Put%'\nORDER BY eventtime DESC\nLIMIT 50"},
	{"sql.example.flows", "SELECT srcaddr, dstaddr, dstport, sum(bytes) AS bytes\nFROM vpcflow\nWHERE action = 'ACCEPT'\nGROUP BY ALL\nORDER BY bytes DESC\nLIMIT 20"},
}

func (d *desk) pageSQL(c *call) error {
	v := &sqlView{Frame: c.frame(), SQL: c.params.Get("sql"), Views: append([]string{"events"}, d.sourceNames()...), Rows: pageRows, Time: d.SQLTime.String()}
	for _, e := range sqlExamples {
		v.Examples = append(v.Examples, exampleView{e.id, e.sql, c.here("sql", e.sql)})
	}
	v.Waiting = v.SQL != "" && fromElsewhere(c.r)
	if v.SQL == "" || v.Waiting {
		return d.show(c, http.StatusOK, "sql", v)
	}
	t, err := d.sql(c, v.SQL, pageRows)
	if err != nil {
		f := explain(err)
		v.Problem = c.view(f)
		return d.show(c, f.status, "sql", v)
	}
	v.Table = t
	for _, row := range t.Rows {
		var cells []sqlCell
		for i, value := range row {
			cell := sqlCell{Text: fmt.Sprint(value), Null: value == nil}
			cell.Numeric = t.Columns[i].Numeric()
			cells = append(cells, cell)
		}
		v.Cells = append(v.Cells, cells)
	}
	return d.show(c, http.StatusOK, "sql", v)
}
