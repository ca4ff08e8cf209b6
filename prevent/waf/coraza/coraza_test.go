package coraza_test

import (
	"slices"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/coraza"
)

func TestInspect(t *testing.T) {
	e, err := coraza.Compile(coraza.Options{Paranoia: 1, Blocking: true})
	if err != nil {
		t.Fatal(err)
	}
	headers := []yagura.Header{{Name: "Host", Value: "shop.example"}, {Name: "User-Agent", Value: "Mozilla/5.0"}, {Name: "Accept", Value: "*/*"}}
	got, err := e.Inspect(&yagura.Request{Method: "GET", URI: "/?q=%27%20or%201%3D1--%20-", Version: "HTTP/1.1", Headers: headers})
	if err != nil {
		t.Fatal(err)
	}
	if !got.Blocked || got.Status != 403 || got.Rule != 949110 || got.Scores.SQLi == 0 {
		t.Errorf("an injection is not blocked: %+v", got)
	}
	i := slices.IndexFunc(got.Matches, func(m coraza.Match) bool { return m.ID == 942100 })
	if i < 0 || len(got.Matches[i].Targets) == 0 || got.Matches[i].Targets[0].Key != "q" || got.Matches[i].Paranoia != 1 || got.Matches[i].Severity != "CRITICAL" {
		t.Errorf("libinjection's rule is not described: %+v", got.Matches)
	}
	got, err = e.Inspect(&yagura.Request{Method: "GET", URI: "/?q=shoes", Version: "HTTP/1.1", Headers: headers})
	if err != nil || got.Blocked || len(got.Matches) > 0 {
		t.Errorf("an ordinary request is %+v, %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	e, err := coraza.Compile(coraza.Options{Remove: []string{"942100", "949110-949111"}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := e.Inspect(&yagura.Request{Method: "GET", URI: "/?q=%27%20or%201%3D1--%20-", Version: "HTTP/1.1", Host: "shop.example"})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(got.All, 942100) || slices.Contains(got.All, 949110) {
		t.Errorf("removed rules match: %v", got.All)
	}
}
