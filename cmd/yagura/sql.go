package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
	"github.com/yagura-sec/yagura/lake"
)

func (p *program) sqlCommand() *cobra.Command {
	var rows int
	var limit time.Duration
	c := &cobra.Command{
		Use: "sql SELECT…", Short: p.say("short.sql"), Long: p.say("long.sql"),
		Example: "  yagura sql 'select eventname, count(*) n from cloudtrail group by 1 order by n desc limit 10'\n" +
			"  yagura sql - --format csv < report.sql > report.csv",
		Args: p.arguments(1, 1, "SELECT"),
		RunE: func(c *cobra.Command, args []string) error {
			if rows < 1 || limit <= 0 {
				return p.wrong("bad-sql-limit")
			}
			text, err := p.argument(args)
			if err != nil {
				return err
			}
			if text == "" {
				return p.wrong("empty-sql")
			}
			return p.reading(c.Context(), func(l *lake.Lake) error { return p.sql(c.Context(), l, text, limit, rows) })
		},
	}
	c.Flags().IntVar(&rows, "max-rows", 10_000, p.say("flag.max-rows"))
	c.Flags().DurationVar(&limit, "timeout", time.Minute, p.say("flag.timeout"))
	return c
}

func (p *program) sql(ctx context.Context, l *lake.Lake, text string, limit time.Duration, most int) error {
	rows, err := l.SQL(ctx, text, limit, most)
	if err != nil {
		return p.sqlError(err)
	}
	defer rows.Close()
	columns := make([]sheet.Column, len(rows.Columns))
	for i, n := range rows.Columns {
		columns[i] = sheet.Column{Key: n, Head: sheet.Safe(n), Right: numeric(rows.Types[i]), Whole: strings.HasPrefix(rows.Types[i], "TIMESTAMP")}
	}
	w, err := sheet.New(p.format, p.stdout, columns, sheet.Options{Width: p.width()})
	if err != nil {
		return err
	}
	for {
		row, err := rows.Next()
		if err != nil {
			return p.sqlError(err)
		}
		if row == nil {
			break
		}
		for i := range row {
			row[i] = sqlCell(row[i])
		}
		if err := w.Row(row...); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if rows.Truncated() {
		p.note("truncated", most)
	}
	return nil
}

// sqlError tells wrong SQL from SQL that failed.
func (p *program) sqlError(err error) error {
	if _, ok := errors.AsType[*lake.Refused](err); ok {
		return &codedError{exitUsage, err}
	}
	for _, kind := range []string{"SQL:", "Parser Error", "Binder Error", "Catalog Error"} {
		if strings.Contains(err.Error(), kind) {
			return &codedError{exitUsage, err}
		}
	}
	return err
}

func numeric(kind string) bool {
	switch kind, _, _ := strings.Cut(kind, "("); kind {
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL":
		return true
	}
	return false
}

// sqlCell turns the engine's values into what a sheet takes.
func sqlCell(v any) any {
	switch v := v.(type) {
	case nil, string, bool, int64, time.Time:
		return v
	case []byte:
		if len(v) == 16 {
			return fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:])
		}
		return string(v)
	case *big.Int:
		return json.RawMessage(v.String())
	case fmt.Stringer:
		return v.String()
	case float64:
		if raw, err := json.Marshal(v); err == nil {
			return json.RawMessage(raw)
		}
		return fmt.Sprint(v) // NaN and infinities are no JSON numbers
	}
	return sqlNested(reflect.ValueOf(v))
}

// sqlNested turns lists, structs and maps into ones that JSON can write.
func sqlNested(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = sqlCell(v.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			out[fmt.Sprint(it.Key().Interface())] = sqlCell(it.Value().Interface())
		}
		return out
	default:
		return v.Interface()
	}
}
