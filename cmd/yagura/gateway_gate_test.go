package main

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/crs"
	"github.com/yagura-sec/yagura/server/gateway"
)

// Each engine blocks by itself, and lets the same request without the attack pass.
func TestEnginesBlock(t *testing.T) {
	for _, engine := range []string{"yagura", "coraza"} {
		g := &gates{crs: map[string]inspect{}, warn: func(string) {}}
		w := &gateway.WAF{CRS: gateway.CRS{Engine: engine, Paranoia: 1, Threshold: 5}}
		gate, _, err := g.compile(w, nil, nil)
		if err != nil {
			t.Fatal(engine, err)
		}
		for uri, want := range map[string]yagura.Action{
			"/item?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20-": yagura.Block, "/item?id=1": yagura.Allow,
		} {
			q := &yagura.Request{
				ID: "r", Method: "GET", URI: uri, Version: "HTTP/1.1", Host: "shop.test", Client: netip.MustParseAddr("192.0.2.1"),
				Headers: []yagura.Header{{Name: "Host", Value: "shop.test"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}},
			}
			if v := gate.Decide(q); v.Action != want || want == yagura.Block && v.Rule != "949110" {
				t.Errorf("%s: %s: %s by %q, want %s", engine, uri, v.Action, v.Rule, want)
			}
		}
	}
}

// An engine that fails leaves a request undecided, which on_error settles.
func TestFailedEngineDecidesNothing(t *testing.T) {
	g := &siteGate{blocks: true, crs: inspect{run: func(*yagura.Request) (*crs.Result, error) {
		return &crs.Result{}, errors.New("broken")
	}}}
	if v := g.Decide(&yagura.Request{Method: "GET", URI: "/"}); v.Action != yagura.Undecided || len(v.Reasons) != 1 {
		t.Errorf("%s %q", v.Action, v.Reasons)
	}
}
