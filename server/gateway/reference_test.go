package gateway

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Every field and metric stands in the reference.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "ref", "gateway.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	var keys func(typ reflect.Type)
	keys = func(typ reflect.Type) {
		for typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			return
		}
		for i := range typ.NumField() {
			f := typ.Field(i)
			key := f.Tag.Get("yaml")
			if key == "" {
				continue
			}
			if !strings.Contains(page, "`"+key+"`") && !strings.Contains(page, "."+key+"`") && !strings.Contains(page, "\n"+key+":") && !strings.Contains(page, key+"[]") && !strings.Contains(page, "`"+key+".") && !strings.Contains(page, "."+key+".") {
				t.Errorf("docs/ref/gateway.md does not name %s (%s)", key, typ.Name())
			}
			keys(f.Type)
		}
	}
	keys(reflect.TypeFor[Config]())
	g := &Gateway{}
	metrics := newMetrics(g)
	metrics.failed("x")
	families, err := metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name, ours := strings.CutPrefix(f.GetName(), "yagura_gateway_"); ours && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/ref/gateway.md does not name the metric %s", name)
		}
	}
}
