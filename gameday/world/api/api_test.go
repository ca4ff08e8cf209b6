package api_test

import (
	"encoding/json"
	"testing"

	"github.com/yagura-sec/yagura/gameday/world/api"
)

type one struct{}

func (one) Append(dst []byte, _ string) []byte { return append(dst, '1') }

func TestTableIsJSON(t *testing.T) {
	calls, err := api.Table()
	if err != nil {
		t.Fatal(err)
	}
	names, services := map[string]bool{}, map[string]bool{}
	for _, c := range calls {
		id := c.Service + ":" + c.Name
		if names[id] {
			t.Errorf("%s is listed twice", id)
		}
		names[id], services[c.Service] = true, true
		for _, p := range append(c.Params, c.Response) {
			if len(p) == 0 {
				continue
			}
			if text := p.Append(nil, one{}); !json.Valid(text) {
				t.Errorf("%s: not JSON: %s", id, text)
			}
		}
	}
	if len(names) < 300 || len(services) < 40 {
		t.Errorf("table has %d calls of %d services, want at least 300 of 40", len(names), len(services))
	}
}
