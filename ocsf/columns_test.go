package ocsf

import (
	"testing"
)

func TestEveryColumnHasOneAccessorAndAUniqueName(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Columns() {
		if seen[c.Name] {
			t.Errorf("column %s stands twice in the table", c.Name)
		}
		seen[c.Name] = true
		var want string
		switch c.Kind {
		case Text, ID, IP:
			want = "Str"
		case Int, Time:
			want = "Num"
		case Bool:
			want = "Tri"
		case Texts:
			want = "List"
		}
		got := map[string]bool{"Str": c.Str != nil, "Num": c.Num != nil, "Tri": c.Tri != nil, "List": c.List != nil}
		for name, set := range got {
			if set != (name == want) {
				t.Errorf("column %s of kind %d: accessor %s set=%v", c.Name, c.Kind, name, set)
			}
		}
		if c.Doc == "" {
			t.Errorf("column %s has no doc", c.Name)
		}
		if Lookup(c.Path) != c || Lookup(c.Name) != c {
			t.Errorf("column %s is not found by its path %s and name", c.Name, c.Path)
		}
	}
}

// Two columns that share a field would overwrite each other.
func TestColumnsDoNotShareFields(t *testing.T) {
	var e Event
	where := map[any]string{}
	for _, c := range Columns() {
		var p any
		switch {
		case c.Str != nil:
			p = c.Str(&e)
		case c.Num != nil:
			p = c.Num(&e)
		case c.Tri != nil:
			p = c.Tri(&e)
		default:
			p = c.List(&e)
		}
		if other, ok := where[p]; ok {
			t.Errorf("columns %s and %s share a field", other, c.Name)
		}
		where[p] = c.Name
	}
}

func TestResetMakesEverythingAbsent(t *testing.T) {
	e := Event{Time: 1, Code: "x", Labels: []string{"l"}}
	e.Reset()
	for _, c := range Columns() {
		switch c.Kind {
		case Text, ID, IP:
			if *c.Str(&e) != "" {
				t.Errorf("%s = %q after Reset", c.Name, *c.Str(&e))
			}
		case Bool:
			if *c.Tri(&e) != Unknown {
				t.Errorf("%s = %d after Reset", c.Name, *c.Tri(&e))
			}
		case Texts:
			if *c.List(&e) != nil {
				t.Errorf("%s not nil after Reset", c.Name)
			}
		}
	}
	for _, name := range []string{"end_time", "src_endpoint_port", "dst_endpoint_port", "traffic_bytes", "http_response_code", "severity_id", "finding_info_count"} {
		if got := *Lookup(name).Num(&e); got != Null {
			t.Errorf("%s = %d after Reset, want Null", name, got)
		}
	}
}
