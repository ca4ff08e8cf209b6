package gateway

import (
	"strings"
	"testing"
)

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"sites:\n- hosts: [a]\n  mod: block\n", "line 3: field mod not found"},
		{"sites:\n- hosts: [a]\n  mode: maybe\n  backends: [{url: \"http://a:1\"}]\n", `g.yaml:3: sites.0.mode: "maybe" is not off, count, block`},
		{"sites:\n- hosts: [a]\n  backends:\n  - url: ftp://a\n", "g.yaml:4: sites.0.backends.0.url"},
		{"sites:\n- hosts: [a]\n  backends: [{url: \"http://a:1/path\"}]\n", "g.yaml:3: sites.0.backends.0.url"},
		{"sites: []\n", "g.yaml:1: sites: no site is there"},
		{"", "no site is there"},
		{"admin: 0.0.0.0:9\nsites:\n- {hosts: [a], backends: [{url: \"http://a:1\"}]}\n", "g.yaml:1: admin"},
		{"sites:\n- {hosts: [a], backends: [{url: \"http://a:1\"}]}\n- {hosts: [A], backends: [{url: \"http://a:1\"}]}\n", "already a host of site 0"},
		{"limits: {header_time: -1s}\nsites:\n- {hosts: [a], backends: [{url: \"http://a:1\"}]}\n", "g.yaml:1: limits.header_time: is negative"},
		{"listen:\n- address: here\nsites:\n- {hosts: [a], backends: [{url: \"http://a:1\"}]}\n", "g.yaml:2: listen.0.address"},
		{"trusted_proxies: [x]\nsites:\n- {hosts: [a], backends: [{url: \"http://a:1\"}]}\n", `"x" is neither an address nor a prefix`},
	} {
		_, err := parse([]byte(c.text), "g.yaml")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

func TestConfigDefaultsAndPaths(t *testing.T) {
	c, err := parse([]byte("sites:\n- hosts: [a]\n  waf: {acl: [acl.json, /x/y.json]}\n  backends: [{url: \"h2c://a:1\"}]\n"), "/etc/yagura/g.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sites[0]
	if c.Listen[0].Address != "127.0.0.1:8080" || s.Mode != "block" || s.WAF.ACL[0] != "/etc/yagura/acl.json" || s.WAF.ACL[1] != "/x/y.json" {
		t.Errorf("configuration %+v", c)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(plainSite))
	f.Add([]byte(tlsSite))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := parse(raw, "g.yaml")
		if err == nil && (len(c.Sites) == 0 || c.Sites[0].name() == "" && len(c.Sites[0].Hosts) == 0) {
			t.Errorf("taken without a site: %q", raw)
		}
	})
}

func TestFindSite(t *testing.T) {
	a, b, c := &site{}, &site{}, &site{}
	s := &state{sites: map[string]*site{"a.test": a, "*.a.test": b, "*": c}}
	for host, want := range map[string]*site{
		"a.test": a, "A.TEST:443": a, "a.test.": a, "x.a.test": b, "y.x.a.test": b, "b.test": c, "": c, "[::1]:80": c,
	} {
		if got := s.find(host); got != want {
			t.Errorf("%q: another site", host)
		}
	}
}
