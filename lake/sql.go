package lake

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/lake/ask"
)

// Rows is the result of an SQL query, to be read row by row and closed.
type Rows struct {
	Columns []string
	Types   []string // DuckDB's names: VARCHAR, BIGINT, TIMESTAMP …
	rows    *sql.Rows
	cancel  context.CancelFunc
	left    int
	more    bool
}

// SQL runs one SELECT over the views events, cloudtrail, vpcflow and so on.
// Anything but a SELECT over these views is refused before it runs ([Refused]).
// It may take so long and give so many rows; zero means a minute and 100,000.
func (l *Lake) SQL(ctx context.Context, text string, maxTime time.Duration, maxRows int) (*Rows, error) {
	if maxTime <= 0 {
		maxTime = time.Minute
	}
	if maxRows <= 0 {
		maxRows = 100_000
	}
	if err := l.admit(ctx, text); err != nil {
		return nil, err
	}
	if err := l.views(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	rows, err := l.db.Query(ctx, text)
	if err != nil {
		cancel()
		return nil, l.explain(ctx, err, maxTime)
	}
	r := &Rows{rows: rows, cancel: cancel, left: maxRows}
	types, err := rows.ColumnTypes()
	if err != nil {
		r.Close()
		return nil, err
	}
	for _, t := range types {
		r.Columns = append(r.Columns, t.Name())
		r.Types = append(r.Types, t.DatabaseTypeName())
	}
	return r, nil
}

func (l *Lake) explain(ctx context.Context, err error, maxTime time.Duration) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("the query took longer than %s: bound it in time (eventTime >= …) or raise the limit", maxTime)
	}
	if strings.Contains(err.Error(), "Out of Memory") {
		return fmt.Errorf("the query needs more memory than %d MiB: select fewer columns or a shorter time: %w", l.cfg.Memory>>20, err)
	}
	return err
}

// Next gives the next row, or nil at the end.
func (r *Rows) Next() ([]any, error) {
	if r.left == 0 {
		r.more = r.rows.Next()
		return nil, nil
	}
	if !r.rows.Next() {
		return nil, r.rows.Err()
	}
	r.left--
	row := make([]any, len(r.Columns))
	dest := make([]any, len(row))
	for i := range row {
		dest[i] = &row[i]
	}
	return row, r.rows.Scan(dest...)
}

// Truncated says, after the last row, that the limit left out rows.
func (r *Rows) Truncated() bool { return r.more }

// Close ends the query.
func (r *Rows) Close() error {
	err := r.rows.Close()
	r.cancel()
	return err
}

// views makes the views over the files of this moment.
func (l *Lake) views(ctx context.Context) error {
	ok, err := l.ready(ctx)
	if err != nil {
		return err
	}
	generation := int64(-1)
	files := map[string][]ask.File{}
	if ok {
		if generation, err = l.cat.Generation(ctx); err != nil {
			return err
		}
	}
	l.viewsMu.Lock()
	defer l.viewsMu.Unlock()
	if l.viewsAt != nil && *l.viewsAt == generation {
		return nil
	}
	if ok {
		all, err := l.cat.Files(ctx, "")
		if err != nil {
			return err
		}
		for _, f := range all {
			files[f.Source] = append(files[f.Source], ask.File{Path: l.path(f.Name)})
		}
	}
	for _, v := range ask.Views(l.cfg.Schemas, files) {
		if err := l.db.Exec(ctx, v); err != nil {
			return fmt.Errorf("view: %w", err)
		}
	}
	l.viewsAt = &generation
	return nil
}

// Refused says why a statement may not run.
type Refused struct{ Reason string }

// Error gives the reason.
func (e *Refused) Error() string {
	return e.Reason + "; only SELECT over events and the sources' views is allowed"
}

// tableFunctions are the only ones that a query may call: they read nothing.
var tableFunctions = []string{"range", "generate_series", "unnest", "json_each", "json_tree"}

// admit lets the engine parse the text and looks at every table, function and
// file that the parse tree names.
func (l *Lake) admit(ctx context.Context, text string) error {
	if len(text) > 64<<10 {
		return &Refused{"the query is longer than 64 KiB"}
	}
	if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
		return &Refused{"the query holds bytes that are no text"}
	}
	rows, err := l.db.Query(ctx, "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)", text)
	if err != nil {
		return err
	}
	defer rows.Close()
	var tree string
	for rows.Next() {
		if err := rows.Scan(&tree); err != nil {
			return err
		}
	}
	var parsed struct {
		Error      bool   `json:"error"`
		Message    string `json:"error_message"`
		Statements []any  `json:"statements"`
	}
	if err := json.Unmarshal([]byte(tree), &parsed); err != nil {
		return fmt.Errorf("parse tree: %w", err)
	}
	switch {
	case parsed.Error && strings.Contains(parsed.Message, "Only SELECT"):
		return &Refused{"this is not a SELECT"}
	case parsed.Error:
		return fmt.Errorf("SQL: %s", parsed.Message)
	case len(parsed.Statements) != 1:
		return &Refused{fmt.Sprintf("there are %d statements", len(parsed.Statements))}
	}
	a := admission{views: []string{"events"}}
	for _, s := range l.cfg.Schemas {
		a.views = append(a.views, s.Source)
	}
	if err := a.collect(parsed.Statements[0]); err != nil {
		return err
	}
	return a.walk(parsed.Statements[0])
}

// admission walks a parse tree.
type admission struct {
	views []string // and names of common table expressions
}

// collect notes the names that WITH gives.
func (a *admission) collect(n any) error {
	switch n := n.(type) {
	case map[string]any:
		if m, ok := n["cte_map"].(map[string]any); ok {
			entries, _ := m["map"].([]any)
			for _, e := range entries {
				if e, ok := e.(map[string]any); ok {
					name, _ := e["key"].(string)
					if !ownName(name) {
						return &Refused{fmt.Sprintf("WITH %.60q: use a name of letters, digits and _ that is not the engine's own", name)}
					}
					a.views = append(a.views, strings.ToLower(name))
				}
			}
		}
		for _, v := range n {
			if err := a.collect(v); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range n {
			if err := a.collect(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownName says that a name cannot stand for a file or for a table of the
// engine's: a name that WITH gives counts everywhere in the query, also where
// the engine would look for something else under it.
func ownName(name string) bool {
	for _, p := range []string{"duckdb_", "pg_", "pragma_", "sqlite_", "information_schema"} {
		if strings.HasPrefix(strings.ToLower(name), p) {
			return false
		}
	}
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0
}

func (a *admission) walk(n any) error {
	switch n := n.(type) {
	case map[string]any:
		if err := a.node(n); err != nil {
			return err
		}
		for _, v := range n {
			if err := a.walk(v); err != nil {
				return err
			}
		}
	case []any:
		for _, v := range n {
			if err := a.walk(v); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *admission) node(n map[string]any) error {
	text := func(key string) string { s, _ := n[key].(string); return s }
	switch text("type") {
	case "BASE_TABLE":
		name := strings.ToLower(text("table_name"))
		if text("schema_name") != "" || text("catalog_name") != "" || !slices.Contains(a.views, name) {
			return &Refused{fmt.Sprintf("there is no table %q here; the tables are %s", text("table_name"), strings.Join(a.views, ", "))}
		}
	case "TABLE_FUNCTION":
		f, _ := n["function"].(map[string]any)
		name, _ := f["function_name"].(string)
		if !slices.Contains(tableFunctions, strings.ToLower(name)) {
			return &Refused{fmt.Sprintf("the table function %q is not allowed", name)}
		}
	case "SHOW_REF":
		if q := text("show_type"); q != "DESCRIBE" && q != "SUMMARY" {
			return &Refused{"SHOW is not allowed"}
		}
		if name := strings.Trim(strings.ToLower(text("table_name")), `"`); name != "" && !slices.Contains(a.views, name) {
			return &Refused{fmt.Sprintf("there is no table %q here", text("table_name"))}
		}
	}
	if text("class") == "FUNCTION" {
		return call(strings.ToLower(text("function_name")), n["children"])
	}
	return nil
}

// refused functions look outside the views, change something, or may give a
// text of any length.
var refused = []string{
	"getenv", "read_blob", "read_text", "query", "query_table", "raw_match", "current_setting", "getvariable", "which_secret", "write_log", "nextval", "currval", "setseed",
	"json_serialize_sql", "json_serialize_plan", "json_deserialize_sql", "json_execute_serialized_sql", "sleep_ms", "printf", "format",
}

// sized functions make as much as a number says; in one step, that no limit of
// time or memory interrupts. The number must be written out.
var sized = map[string]int64{
	"lpad": 10_000, "rpad": 10_000, "repeat": 10_000, "bar": 10_000, "list_resize": 10_000, "array_resize": 10_000, "array_repeat": 10_000, "list_repeat": 10_000,
	"range": 10_000_000, "generate_series": 10_000_000,
}

// call looks at a function and its arguments.
func call(name string, arguments any) error {
	if slices.Contains(refused, name) {
		return &Refused{fmt.Sprintf("the function %q is not allowed", name)}
	}
	limit, ok := sized[name]
	args, _ := arguments.([]any)
	for i, arg := range args {
		if !ok {
			break
		}
		arg, _ := arg.(map[string]any)
		value, _ := arg["value"].(map[string]any)
		switch n := value["value"].(type) {
		case float64:
			if n > float64(limit) || n < -float64(limit) {
				return &Refused{fmt.Sprintf("%s with %.0f: at most %d", name, n, limit)}
			}
		case string:
		default:
			if i > 0 || limit > 10_000 { // the first is the text
				return &Refused{fmt.Sprintf("%s: its size must be a number that is written out, at most %d", name, limit)}
			}
		}
	}
	return nil
}
