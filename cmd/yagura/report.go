package main

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
)

// report writes rows of one kind in the form that was asked for. The fields of
// T say everything: the json tag is the key in JSON and CSV and finds the
// heading in the catalogue, the doc tag explains it in docs/ref/json.md;
// table:"-" keeps a field out of the table, "only" out of the other forms, and
// "whole" from being shortened; spare says
// which columns a narrow terminal does without. An embedded pointer may be nil.
type report[T any] struct {
	w      sheet.Writer
	fields []reflect.StructField // of T that this form shows
	json   bool
}

func newReport[T any](p *program) (*report[T], error) {
	r := &report[T]{json: p.format == "json"}
	var columns []sheet.Column
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		mode := f.Tag.Get("table")
		if f.Anonymous || p.format == "table" && (mode == "-" || len(f.Index) > 1) || p.format != "table" && mode == "only" {
			continue
		}
		r.fields = append(r.fields, f)
		k := f.Type.Kind()
		spare, _ := strconv.Atoi(f.Tag.Get("spare")) // no tag is 0: never
		columns = append(columns, sheet.Column{
			Key: key(f), Head: p.head(key(f)), Whole: mode == "whole" || f.Type == reflect.TypeFor[time.Time](),
			Right: k == reflect.Int64 || k == reflect.Int || k == reflect.Float64, Spare: spare,
		})
	}
	var err error
	r.w, err = sheet.New(p.format, p.stdout, columns, sheet.Options{Width: p.width(), Zone: p.zone})
	return r, err
}

// key gives the JSON key of a field.
func key(f reflect.StructField) string {
	k, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return k
}

func (r *report[T]) add(row T) error {
	v := reflect.ValueOf(row)
	cells := make([]any, len(r.fields))
	for i, f := range r.fields {
		x, err := v.FieldByIndexErr(f.Index)
		if err != nil {
			continue // an embedded pointer is nil
		}
		cells[i] = cell(x, strings.HasSuffix(f.Tag.Get("json"), ",omitempty"), r.json)
	}
	return r.w.Row(cells...)
}

func (r *report[T]) close() error { return r.w.Close() }

// cell gives a field's value; what is absent is nil.
func cell(v reflect.Value, omit, asJSON bool) any {
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return nil
		}
		return x
	case json.RawMessage:
		if len(x) == 0 {
			return nil
		}
		return x
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		if !asJSON {
			return v.Elem().Interface()
		}
	}
	if omit && v.IsZero() {
		return nil
	}
	return v.Interface()
}

// printAll writes all rows at once.
func printAll[T any](p *program, rows []T) error {
	r, err := newReport[T](p)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := r.add(row); err != nil {
			return err
		}
	}
	return r.close()
}
