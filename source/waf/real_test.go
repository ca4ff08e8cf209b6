package waf_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/source/waf"
	"github.com/yagura-sec/yagura/yaguratest"
)

// The records are real; most clients are masked as X.X.X.X, accounts as X….
func TestRealMaskedLog(t *testing.T) {
	dir := os.Getenv("YAGURA_SHARED_DATA")
	if dir == "" {
		t.Skip("YAGURA_SHARED_DATA is not set")
	}
	f, err := os.Open(filepath.Join(dir, "waf-logs", "test_waf_log.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	r := yaguratest.Decode(waf.New(), yagura.Input{Body: z, MaxRecord: 1 << 20}, 1000)
	if r.End != nil || len(r.Errors) > 0 || len(r.Events) != 228 {
		t.Fatalf("%d events, errors %v, end %v; want 228 and none", len(r.Events), r.Errors, r.End)
	}
	actions := map[string]int{}
	for i := range r.Events {
		ev := &r.Events[i]
		actions[ev.Action]++
		if masked := ev.Src.Name == "X.X.X.X"; masked == (ev.Src.IP != "") {
			t.Errorf("record %d: client %q, name %q; want an address or a mask", i, ev.Src.IP, ev.Src.Name)
		}
		if ev.Region != "us-east-1" || ev.HTTP.Path == "" || ev.HTTP.Method == "" || ev.Rule == "" {
			t.Errorf("record %d lacks region, path, method or rule: %.200s", i, ev.Raw)
		}
	}
	if actions["ALLOW"]+actions["BLOCK"] != 228 {
		t.Errorf("actions %v", actions)
	}
}
