package main

import (
	"reflect"
	"testing"
)

// Every column of the firewall's tables has a heading in both languages.
func TestWAFHeadings(t *testing.T) {
	for _, r := range []any{step{}, moved{}, flaw{}, different{}, tuned{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(r)) {
			if f.Tag.Get("table") == "-" {
				continue
			}
			if h := heads[key(f)]; h.en == "" || h.ja == "" {
				t.Errorf("%T: column %q has no heading", r, key(f))
			}
		}
	}
}
