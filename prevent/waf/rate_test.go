package waf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
)

func rateOf(limit, window int, keys string) string {
	return fmt.Sprintf(`{"RateBasedStatement":{"Limit":%d,"EvaluationWindowSec":%d,%s}}`, limit, window, keys)
}

const byIP = `"AggregateKeyType":"IP"`

// send sends n requests evenly over the seconds from..to and gives the last verdict.
func send(a *ACL, n, from, to int, words ...string) *yagura.Verdict {
	var v *yagura.Verdict
	for i := range n {
		r := request(words...)
		r.Time += int64(from)*1e6 + int64(to-from)*1e6*int64(i)/int64(n)
		v = a.Decide(r)
	}
	return v
}

func testRate(t *testing.T) {
	for _, window := range []int{60, 120, 300, 600} {
		a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(100, window, byIP))}))
		if v := send(a, 101, 0, 5); v.Action != yagura.Allow {
			t.Error("limited before the first evaluation")
		}
		if v := send(a, 1, 11, 12, "client=192.0.2.2"); v.Action != yagura.Allow {
			t.Error("another client is limited")
		}
		v := send(a, 1, 11, 12)
		if v.Action != yagura.Block || v.Rule != "rate" || v.RuleType != "RATE_BASED" {
			t.Errorf("window %d: %+v", window, v)
		}
		if v := send(a, 1, window-5, window-4); v.Action != yagura.Block {
			t.Errorf("window %d: released too early", window)
		}
		if v := send(a, 1, window+25, window+26); v.Action != yagura.Allow {
			t.Errorf("window %d: still limited", window)
		}
	}
	a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(100, 60, byIP))}))
	if v := send(a, 1000, 0, 1000); v.Action != yagura.Allow {
		t.Error("60 requests a minute exceed no limit of 100")
	}
	if v := send(a, 1000, 2000, 2500); v.Action != yagura.Block {
		t.Error("120 requests a minute do not exceed 100")
	}
	t.Run("missing key part", func(t *testing.T) {
		keys := `"AggregateKeyType":"CUSTOM_KEYS","CustomKeys":[{"IP":{}},{"Header":{"Name":"x-user","TextTransformations":[{"Priority":0,"Type":"LOWERCASE"}]}}]`
		a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(10, 60, keys))}))
		if v := send(a, 100, 0, 30); v.Action != yagura.Allow {
			t.Error("requests without the header are limited")
		}
		send(a, 100, 100, 130, "X-User: A")
		if v := send(a, 1, 131, 132, "X-User: a"); v.Action != yagura.Block {
			t.Error("the key is not transformed")
		}
		if v := send(a, 1, 131, 132, "X-User: b"); v.Action != yagura.Allow {
			t.Error("another user is limited")
		}
	})
	t.Run("constant", func(t *testing.T) {
		keys := `"AggregateKeyType":"CONSTANT","ScopeDownStatement":` + path("/login")
		a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(10, 60, keys))}))
		for i := range 20 {
			send(a, 1, i/4, i/4+1, "/login", fmt.Sprintf("client=192.0.2.%d", i+1))
		}
		if v := send(a, 1, 11, 12, "/login", "client=192.0.2.99"); v.Action != yagura.Block {
			t.Error(v.Action)
		}
	})
	t.Run("changed settings", func(t *testing.T) {
		text := doc([]string{rule1("rate", 1, "Block", rateOf(10, 60, byIP))})
		old, same := compiled(t, text), compiled(t, text)
		send(old, 20, 0, 9)
		same.Adopt(old)
		if v := send(same, 1, 11, 12); v.Action != yagura.Block {
			t.Error("a reload forgot the counts")
		}
		changed := compiled(t, strings.Replace(text, `"Limit":10`, `"Limit":11`, 1))
		changed.Adopt(old)
		if v := send(changed, 1, 11, 12); v.Action != yagura.Allow {
			t.Error("counts of other settings were taken over")
		}
	})
}

func testRateByUse(t *testing.T) {
	g := group1("g", []string{rule1("rate", 1, "Block", rateOf(10, 60, byIP))})
	first := strings.Replace(rule1("first", 1, "override Count", refer("g")), "", "", 1)
	a := compiled(t, doc([]string{first, rule1("second", 2, "override None", refer("g"))}, g))
	if len(a.rates) != 2 || a.rates["first/rate"] == a.rates["second/rate"] {
		t.Fatalf("%v", a.rates)
	}
	send(a, 20, 0, 9)
	for _, name := range []string{"first/rate", "second/rate"} {
		if len(a.rates[name].counts.instances) != 1 {
			t.Errorf("%s counts nothing", name)
		}
	}
}

func testListed(t *testing.T) {
	a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(1, 60, byIP))}))
	for i := range 10_050 {
		r := request()
		r.Client = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		a.Decide(r)
		a.Decide(r)
		r.Time += 11e6
		if v := a.Decide(r); v.Action != yagura.Block {
			t.Fatalf("address %d: %s", i, v.Action)
		}
	}
	keys, err := a.Limited("rate")
	if err != nil || len(keys) != 10_000 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	if _, err := a.Limited("no"); err == nil {
		t.Error("an unknown rule lists something")
	}
}

func testRateScope(t *testing.T) {
	keys := byIP + `,"ScopeDownStatement":` + path("/login")
	a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(10, 60, keys))}))
	send(a, 50, 0, 9, "/other")
	if v := send(a, 1, 11, 12, "/login"); v.Action != yagura.Allow {
		t.Error("requests out of scope are counted")
	}
	send(a, 50, 20, 29, "/login")
	if v := send(a, 1, 31, 32, "/login"); v.Action != yagura.Block {
		t.Error("not limited")
	}
	if v := send(a, 1, 31, 32, "/other"); v.Action != yagura.Allow {
		t.Error("a request out of scope is limited")
	}
}

// TestRateBounded sends more keys than are kept.
func TestRateBounded(t *testing.T) {
	c := newCounts()
	for i := range maxInstances + 5000 {
		c.instance(fmt.Sprint(i), int64(i/1000), 7).latest = int64(i / 1000)
	}
	if len(c.instances) != maxInstances || len(c.order) != maxInstances {
		t.Errorf("%d instances, %d in order", len(c.instances), len(c.order))
	}
	for key, i := range c.instances {
		if i.key != key || c.order[i.slot] != i {
			t.Fatal("the index is broken")
		}
	}
}

// TestRateUnknown counts requests whose client the record does not name as
// anybody's.
func TestRateUnknown(t *testing.T) {
	a := compiled(t, doc([]string{rule1("rate", 1, "Block", rateOf(10, 60, byIP))}))
	for i := range 20 {
		r := request()
		r.Time += int64(i) * 1e5
		r.Client, r.Missing = netip.Addr{}, yagura.PartClient
		want := yagura.Undecided
		if i <= 10 { // All of them together do not exceed the limit.
			want = yagura.Allow
		}
		if v := a.Decide(r); v.Action != want {
			t.Fatalf("request %d: %s", i, v.Action)
		}
	}
	if v := send(a, 1, 11, 12); v.Action != yagura.Undecided {
		t.Errorf("%s: the first request that names the client need not be its first", v.Action)
	}
	if v := send(a, 1, 21, 22); v.Action != yagura.Undecided {
		t.Errorf("%s: some of the 20 may have been its own", v.Action)
	}
}

// TestRateOfUnknownClients is certain while all requests together are too few for
// anybody to be limited, and unknown from then on.
func TestRateOfUnknownClients(t *testing.T) {
	a := compiled(t, doc([]string{rule1("flood", 1, "Block", `{"RateBasedStatement":{"Limit":10,"EvaluationWindowSec":60,"AggregateKeyType":"IP"}}`)}))
	ask := func(second int64) yagura.Action {
		r := request()
		r.Client, r.Missing = netip.Addr{}, yagura.PartClient
		r.Time += second * 1_000_000
		return a.Decide(r).Action
	}
	for i := range int64(11) {
		if got := ask(i); got != yagura.Allow {
			t.Fatalf("request %d: %s", i, got)
		}
	}
	if got := ask(20); got != yagura.Undecided {
		t.Errorf("the twelfth: %s", got)
	}
	if got := ask(500); got != yagura.Allow {
		t.Errorf("after the window: %s", got)
	}
	a.Forget()
	if got := ask(0); got != yagura.Allow {
		t.Errorf("after Forget: %s", got)
	}
}
