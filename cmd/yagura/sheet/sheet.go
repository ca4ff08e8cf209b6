// Package sheet writes rows in three forms: a table for people, JSON with one
// object a line, and CSV.
//
// Log text is hostile. A table shows control and bidirectional characters as
// escapes and never lets a cell break its line; JSON writes them as \u escapes;
// a CSV cell that a spreadsheet would take for a formula gets an apostrophe
// before it (https://owasp.org/www-community/attacks/CSV_Injection).
package sheet

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Column is one column of a sheet.
type Column struct {
	Key   string // JSON key and CSV heading
	Head  string // heading of the table
	Right bool   // numbers stand at the right and are not shortened
	Whole bool   // not shortened either
	Spare int    // where the width does not do, the column with the highest is left out first; 0: never
}

// Options say how a table is shown.
type Options struct {
	Width int            // columns of the terminal; 0: cells are never shortened
	Zone  *time.Location // for times in tables; default UTC
}

// Writer takes rows, one cell for each column. A nil cell is absent. Cells may
// be text, numbers, bool, [time.Time], [time.Duration], []string,
// [json.RawMessage] or anything that marshals to JSON.
type Writer interface {
	Row(cells ...any) error
	Close() error // ends the sheet; does not close what is below it
}

// New gives a writer: format is table, json or csv.
func New(format string, w io.Writer, columns []Column, o Options) (Writer, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	switch format {
	case "table":
		return newTable(w, columns, o), nil
	case "json":
		return newLines(w, columns), nil
	case "csv":
		return newCSV(w, columns), nil
	}
	return nil, fmt.Errorf("there is no format %q: use table, json or csv", format)
}

// text gives a cell as one text.
func text(cell any, zone *time.Location) string {
	switch v := cell.(type) {
	case nil:
		return ""
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.In(zone).Format(time.RFC3339)
	case []string:
		return strings.Join(v, ", ")
	case json.RawMessage:
		return string(v)
	case fmt.Stringer:
		return v.String()
	}
	raw, err := marshal(cell)
	if err != nil {
		return fmt.Sprint(cell)
	}
	return strings.Trim(string(raw), `"`)
}
