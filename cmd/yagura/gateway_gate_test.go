package main

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
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

// A rule that matches in several fields serves the slots of all of them, and
// nothing is kept of a request once it is decided, also where the web ACL
// inspects less of a body than the rule set.
func TestSlotsOfAllFields(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acl.json")
	text := `{"Name":"a","DefaultAction":{"Allow":{}},"Rules":[{"Name":"win","Priority":0,"OverrideAction":{"None":{}},
"Statement":{"ManagedRuleGroupStatement":{"VendorName":"AWS","Name":"AWSManagedRulesWindowsRuleSet",
"RuleActionOverrides":[{"Name":"WindowsShellCommands_QUERYARGUMENTS","ActionToUse":{"Count":{}}},{"Name":"PowerShellCommands_QUERYARGUMENTS","ActionToUse":{"Count":{}}}]}}}]}`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	on := true
	g := &gates{crs: map[string]inspect{}, warn: func(string) {}}
	compiled, _, err := g.compile(&gateway.WAF{ACL: []string{file}, CRS: gateway.CRS{On: &on}}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	gate, ok := compiled.(*siteGate)
	if !ok {
		t.Fatalf("%T", compiled)
	}
	gate.crs = inspect{limit: 128 << 10, run: func(*yagura.Request) (*crs.Result, error) {
		return &crs.Result{Matches: []crs.Match{{ID: 932120, Targets: []crs.Target{{Variable: "ARGS_GET", Key: "q"}, {Variable: "REQUEST_COOKIES", Key: "c"}}}}}, nil
	}}
	q := &yagura.Request{
		ID: "r", Method: "POST", URI: "/?q=1", Version: "HTTP/1.1", Host: "shop.test", Client: netip.MustParseAddr("192.0.2.1"),
		Headers: []yagura.Header{{Name: "Host", Value: "shop.test"}}, Body: make([]byte, 100<<10), BodySize: 100 << 10,
	}
	if v := gate.Decide(q); v.Action != yagura.Block || v.Rule != "win" {
		t.Errorf("%s by %q: %v", v.Action, v.Rule, v.Hits)
	}
	gate.once.Range(func(key, _ any) bool {
		t.Errorf("%v is kept", key.(*yagura.Request).ID)
		return true
	})
}

// A sample of one percent lets most attacks pass, of a hundred none.
func TestSampling(t *testing.T) {
	for sampling, want := range map[int]bool{1: true, 100: false, 0: false} {
		g := &gates{crs: map[string]inspect{}, warn: func(string) {}}
		gate, _, err := g.compile(&gateway.WAF{CRS: gateway.CRS{Engine: "yagura", Paranoia: 1, Threshold: 5, Sampling: sampling}}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		passed := false
		for i := range 20 {
			v := gate.Decide(&yagura.Request{
				ID: fmt.Sprintf("request-%d-%d", i, i*7919), Method: "GET", URI: "/item?id=1%27%20UNION%20SELECT%20password%20FROM%20users--%20-", Version: "HTTP/1.1", Host: "shop.test",
				Client: netip.MustParseAddr("192.0.2.1"), Headers: []yagura.Header{{Name: "Host", Value: "shop.test"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}},
			})
			passed = passed || v.Action == yagura.Allow
		}
		if passed != want {
			t.Errorf("sampling %d: an attack passed: %v", sampling, passed)
		}
	}
}
