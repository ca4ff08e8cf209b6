package sheet

import (
	"encoding/csv"
	"io"
	"strings"
	"time"
)

type comma struct {
	w       *csv.Writer
	columns []Column
	begun   bool
}

func newCSV(w io.Writer, columns []Column) *comma {
	return &comma{w: csv.NewWriter(w), columns: columns}
}

func (c *comma) head() error {
	if c.begun {
		return nil
	}
	c.begun = true
	row := make([]string, len(c.columns))
	for i, col := range c.columns {
		row[i] = guard(col.Key)
	}
	return c.w.Write(row)
}

func (c *comma) Row(cells ...any) error {
	if err := c.head(); err != nil {
		return err
	}
	row := make([]string, len(c.columns))
	for i := range row {
		if i >= len(cells) {
			break
		}
		switch v := cells[i].(type) {
		case int, int64, float64, bool:
			row[i] = text(v, time.UTC)
		case time.Time:
			if !v.IsZero() {
				row[i] = v.UTC().Format(time.RFC3339Nano)
			}
		default:
			row[i] = guard(text(v, time.UTC))
		}
	}
	return c.w.Write(row)
}

func (c *comma) Close() error {
	if err := c.head(); err != nil {
		return err
	}
	c.w.Flush()
	return c.w.Error()
}

// guard keeps spreadsheets from taking a cell for a formula. A NUL would end
// the cell in some of them.
func guard(s string) string {
	s = strings.ReplaceAll(s, "\x00", `\x00`)
	if s != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", []rune(s)[0]) {
		return "'" + s
	}
	return s
}
