package sheet

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// sample is the number of rows that settle the widths of a table.
const sample = 1000

// Widths of columns that are shortened: readable while another column can be
// spared instead, and the least at all.
const (
	readable = 10
	least    = 4
)

type table struct {
	w       *bufio.Writer
	columns []Column
	options Options
	rows    [][]string
	widths  []int // nil until settled
}

func newTable(w io.Writer, columns []Column, o Options) *table {
	return &table{w: bufio.NewWriter(w), columns: columns, options: o}
}

func (t *table) Row(cells ...any) error {
	row := make([]string, len(t.columns))
	for i := range row {
		if i < len(cells) {
			row[i] = Safe(text(cells[i], t.options.Zone))
		}
	}
	if t.widths != nil {
		return t.line(row)
	}
	if t.rows = append(t.rows, row); len(t.rows) >= sample {
		return t.flush()
	}
	return nil
}

func (t *table) Close() error {
	if t.widths == nil {
		if err := t.flush(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

// flush settles the widths and writes what was held back.
func (t *table) flush() error {
	natural := make([]int, len(t.columns))
	head := make([]string, len(t.columns))
	for i, c := range t.columns {
		head[i] = c.Head
		natural[i] = runewidth.StringWidth(c.Head)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			natural[i] = max(natural[i], runewidth.StringWidth(cell))
		}
	}
	t.widths = fit(natural, t.columns, t.options.Width)
	if strings.Join(head, "") != "" {
		if err := t.line(head); err != nil {
			return err
		}
	}
	for _, row := range t.rows {
		if err := t.line(row); err != nil {
			return err
		}
	}
	t.rows = nil
	return nil
}

// gap is the space between columns.
const gap = 2

// fit narrows columns until they stand side by side in the width. Columns that
// can be spared are left out (width 0) when the others would become narrower
// than readable; if that does not do, everything is shortened, and at last
// columns at the right are left out.
func fit(natural []int, columns []Column, width int) []int {
	w := slices.Clone(natural)
	if width <= 0 {
		return w
	}
	for needs(w, columns, readable) > width {
		spare := -1
		for i, c := range columns {
			if w[i] > 0 && c.Spare > 0 && (spare < 0 || c.Spare > columns[spare].Spare) {
				spare = i
			}
		}
		if spare < 0 {
			break
		}
		w[spare] = 0
	}
	for i := len(w) - 1; i > 0 && needs(w, nil, least) > width; i-- {
		w[i] = 0
	}
	for _, step := range []struct {
		least  int
		spared bool // columns that should stay whole
	}{{readable, true}, {least, true}, {least, false}} {
		narrow(w, columns, width, step.least, step.spared)
	}
	return w
}

// needs gives the width that columns take when each that may be shortened has
// only so much; without columns each may be.
func needs(w []int, columns []Column, most int) int {
	sum := -gap
	for i, n := range w {
		if n == 0 {
			continue
		}
		if columns == nil || !columns[i].Whole && !columns[i].Right {
			n = min(n, most)
		}
		sum += n + gap
	}
	return sum
}

// narrow takes from the widest columns what is too much, down to a least width.
func narrow(w []int, columns []Column, width, least int, spared bool) {
	for over := needs(w, nil, math.MaxInt) - width; over > 0; over-- {
		widest := -1
		for i, c := range columns {
			if w[i] > least && (widest < 0 || w[i] > w[widest]) && !(spared && (c.Whole || c.Right)) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		w[widest]--
	}
}

func (t *table) line(row []string) error {
	var b strings.Builder
	for i, cell := range row {
		if t.widths[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(strings.Repeat(" ", gap))
		}
		// After the sample a longer cell may come; without a limit of width it
		// stays whole and only the line is longer.
		if t.options.Width > 0 {
			cell = Fit(cell, t.widths[i])
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-runewidth.StringWidth(cell)))
		if t.columns[i].Right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	_, err := t.w.WriteString(strings.TrimRight(b.String(), " ") + "\n")
	return err
}

// Fit shortens text to so many columns of a terminal, with … at its end.
func Fit(s string, width int) string {
	if runewidth.StringWidth(s) <= width {
		return s
	}
	return runewidth.Truncate(s, width, "…")
}

// Size gives the columns that a text takes on a terminal.
func Size(s string) int { return runewidth.StringWidth(s) }
