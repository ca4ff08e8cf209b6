package flow_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/flow"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/sigma"
)

const (
	base = int64(1_767_312_000) * 1e6 // 2026-01-02T00:00:00Z
	sec  = int64(1e6)
)

// rec is a flow of the instance i-1 at 10.0.0.5.
func rec(src string, sport int64, dst string, dport, proto, packets, bytes, flags, at int64) ocsf.Event {
	var ev ocsf.Event
	ev.Reset()
	ev.Time, ev.End = base+at*sec, base+(at+30)*sec
	ev.Account, ev.Region = "111122223333", "us-east-1"
	ev.Device.Instance, ev.Device.Interface, ev.Device.VPC = "i-1", "eni-1", "vpc-1"
	ev.Src.IP, ev.Src.Port, ev.Dst.IP, ev.Dst.Port = src, sport, dst, dport
	ev.Traffic.Protocol, ev.Traffic.Packets, ev.Traffic.Bytes, ev.Traffic.Flags = proto, packets, bytes, flags
	ev.Action, ev.Traffic.Sampling = "ACCEPT", "OK"
	ev.UID = fmt.Sprintf("%s:%d>%s:%d@%d", src, sport, dst, dport, at)
	return ev
}

func syn(dst string, dport, at int64) ocsf.Event {
	return rec("10.0.0.5", 40000+at%20000, dst, dport, 6, 1, 44, 2, at)
}

func reject(ev ocsf.Event) ocsf.Event {
	ev.Action = "REJECT"
	return ev
}

func ask(name, code string, at int64, answers ...string) ocsf.Event {
	var ev ocsf.Event
	ev.Reset()
	ev.Time, ev.Account = base+at*sec, "111122223333"
	ev.Src.Instance, ev.Src.IP, ev.Src.VPC = "i-1", "10.0.0.5", "vpc-1"
	ev.DNS.Name, ev.DNS.Code, ev.DNS.Answers = name, code, answers
	return ev
}

// document writes a detector document.
func document(t testing.TB, use, parameters string) *sigma.Document {
	t.Helper()
	text := "title: t\nlevel: high\nlogsource: {product: aws, service: vpcflow}\ndetector: {use: " + use + ", parameters: {" + parameters + "}}\n"
	docs, problems := sigma.Parse("x.yml", "vpcflow/"+strings.TrimPrefix(use, "flow/"), []byte(text))
	if len(docs) != 1 {
		t.Fatal(problems)
	}
	return docs[0]
}

func lists(t testing.TB, specs map[string]string) func() *intel.Lists {
	t.Helper()
	var all []intel.Spec
	for kind, text := range specs {
		path := filepath.Join(t.TempDir(), kind)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, intel.Spec{Name: kind + "-list", Kind: kind, Path: path, Source: "me"})
	}
	l, err := intel.Load(all)
	if err != nil {
		t.Fatal(err)
	}
	return func() *intel.Lists { return l }
}

// run gives the findings, short.
func run(t *testing.T, cfg flow.Config, source string, events []ocsf.Event) []string {
	t.Helper()
	d, err := flow.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range events { // one by one, saved and loaded half way
		if i == len(events)/2 {
			var b bytes.Buffer
			if err := d.Save(&b); err != nil {
				t.Fatal(err)
			}
			if d, err = flow.New(cfg); err != nil {
				t.Fatal(err)
			}
			if err := d.Load(&b); err != nil {
				t.Fatal(err)
			}
		}
		d.Detect(source, events[i:i+1], func(f *yagura.Finding) { out = append(out, brief(f)) })
	}
	return out
}

func brief(f *yagura.Finding) string {
	s := fmt.Sprintf("%s %s x%d", f.Severity, f.Subject.ID, f.Count)
	if f.Attempt {
		s += " attempt"
	}
	for _, fact := range f.Facts {
		if fact.Name == "still learning" {
			s += " learning"
		}
	}
	return s
}

// A record whose time cannot be right, first or in between, hides nothing that
// follows.
func TestClockJumps(t *testing.T) {
	far := map[string]int64{"2099": 4_070_908_800*sec - base, "1970": 1*sec - base}
	for name, c := range map[string]struct {
		use, parameters string
		n               int
		event           func(i int64) ocsf.Event
		want            string
	}{
		"scan":       {"flow/port-scan", "", 15, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }, "high i-1 x15"},
		"volume":     {"flow/exfiltration", "", 21, func(i int64) ocsf.Event { return rec("10.0.0.5", 40000, "198.51.100.9", 443, 6, 1e6, 1e9, 3, i*60) }, "high i-1 x1 learning"},
		"connection": {"flow/long-connection", "", 90, func(i int64) ocsf.Event { return rec("10.0.0.5", 40000, "198.51.100.9", 443, 6, 50, 5000, 16, i*600) }, "high i-1 x1"},
		"beacon":     {"flow/beacon", "", 80, func(i int64) ocsf.Event { return rec("10.0.0.5", 40000+i, "198.51.100.9", 443, 6, 10, 1000, 3, i*600) }, "high i-1 x1"},
	} {
		for year, shift := range far {
			for _, at := range []int{0, 30} { // before and behind records of another host
				wrong := c.event(3)
				wrong.Time, wrong.End = base+shift, base+shift+30*sec
				others := many(40, func(i int64) ocsf.Event { return rec("10.0.0.6", 40000, "10.0.0.7", 443, 6, 10, 1000, 3, i-40) })
				events := slices.Insert(append(others, many(c.n, c.event)...), at, wrong)
				got := run(t, flow.Config{Documents: []*sigma.Document{document(t, c.use, c.parameters)}}, "vpcflow", events)
				if len(got) == 0 || got[0] != c.want {
					t.Errorf("%s, %s at %d: %q, want %s", name, year, at, got, c.want)
				}
			}
		}
	}
}

// many repeats a record.
func many(n int, f func(i int64) ocsf.Event) (out []ocsf.Event) {
	for i := range n {
		out = append(out, f(int64(i)))
	}
	return out
}

func TestFlows(t *testing.T) {
	threat := map[string]string{"c2": "198.51.100.66\n2001:db9::66\n", "trusted": "203.0.113.99\n", "threat": "203.0.113.99\n"}
	day := int64(86400)
	for _, c := range []struct {
		name, use, parameters string
		events                []ocsf.Event
		want                  []string
	}{
		{"ports of one host", "flow/port-scan", "", many(15, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }), []string{"high i-1 x15"}},
		{"twice the ports say it again", "flow/port-scan", "", many(30, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }), []string{"high i-1 x15", "high i-1 x15"}},
		{"IPv6", "flow/port-scan", "", many(15, func(i int64) ocsf.Event {
			return rec("2a05:d014::5", 40000+i, "2a05:d014::9", 100+i, 6, 1, 64, 2, i)
		}), []string{"high i-1 x15"}},
		{"from the Internet it is noise", "flow/port-scan", "", many(15, func(i int64) ocsf.Event {
			return reject(rec("203.0.113.5", 40000, "10.0.0.5", 100+i, 6, 1, 44, 2, i))
		}), []string{"low i-1 x15"}},
		{"the same port again and again", "flow/port-scan", "", many(50, func(i int64) ocsf.Event { return syn("10.0.9.9", 443, i) }), nil},
		{"answered connections", "flow/port-scan", "", many(50, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 40000+i, "10.0.9.9", 100+i, 6, 12, 4000, 3, i)
		}), nil},
		{"too slow", "flow/port-scan", "", many(30, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i*60) }), nil},
		{"across a boundary of clock windows", "flow/port-scan", "", many(15, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, 290+i) }), []string{"high i-1 x15"}},
		{"late records complete it", "flow/port-scan", "", append(many(14, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }), syn("10.0.9.8", 1, 500), syn("10.0.9.9", 999, 20)), []string{"high i-1 x15"}},
		{"without flags, by size", "flow/port-scan", "", many(15, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 40000+i, "10.0.9.9", 100+i, 6, 2, 88, ocsf.Null, i)
		}), []string{"high i-1 x15"}},
		{"sweep", "flow/port-sweep", "", many(25, func(i int64) ocsf.Event { return syn(fmt.Sprintf("10.0.8.%d", i), 445, i) }), []string{"high i-1 x25"}},
		{"brute force outward", "flow/brute-force", "", many(20, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 40000+i, "203.0.113.7", 22, 6, 20, 4000, 3, i)
		}), []string{"high i-1 x20"}},
		{"one long SSH session", "flow/brute-force", "", many(40, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 40000, "203.0.113.7", 22, 6, 2000, 400_000, 0, i*60)
		}), nil},
		{"open database", "flow/port-probe", "", many(3, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 5432, fmt.Sprintf("203.0.113.%d", i), 40000, 6, 5, 800, 18, i)
		}), []string{"high i-1 x3"}},
		{"spam", "flow/spam", "", many(30, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 40000+i, fmt.Sprintf("203.0.113.%d", i), 25, 6, 30, 9000, 3, i)
		}), []string{"high i-1 x30"}},
		{"UDP flood", "flow/flood", "kind: udp", many(1, func(int64) ocsf.Event {
			return rec("10.0.0.5", 4000, "203.0.113.7", 7777, 17, 2_000_000, 120_000_000, 0, 0)
		}), []string{"high i-1 x1"}},
		{"video call", "flow/flood", "kind: udp", many(10, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 4000, "203.0.113.7", 7777, 17, 20_000, 20_000_000, 0, i*60)
		}), nil},
		{"beacon", "flow/beacon", "", many(60, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 20000+i, "203.0.113.7", 443, 6, 8, 1200, 3, i*600)
		}), []string{"high i-1 x1", "high i-1 x1", "high i-1 x1", "high i-1 x1", "high i-1 x1"}},
		{"one long connection is no beacon", "flow/beacon", "", many(300, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 20000, "203.0.113.7", 443, 6, 8, 1200, 0, i*60)
		}), nil},
		{"long connection", "flow/long-connection", "duration: 4h", many(30, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 20000, "203.0.113.7", 443, 6, 8, 1200, 0, i*600)
		}), []string{"high i-1 x1"}},
		{"listed address, v6", "flow/threat-list", "kinds: [c2]", []ocsf.Event{rec("10.0.0.5", 4000, "2001:db9::66", 443, 6, 10, 4000, 3, 0)}, []string{"high i-1 x1"}},
		{"refused", "flow/threat-list", "kinds: [c2]", []ocsf.Event{reject(rec("198.51.100.66", 4000, "10.0.0.5", 443, 6, 1, 44, 2, 0))}, []string{"low i-1 x1 attempt"}},
		{"on a trusted list, too", "flow/threat-list", "kinds: [threat]", []ocsf.Event{rec("10.0.0.5", 4000, "203.0.113.99", 443, 6, 10, 4000, 3, 0)}, nil},
		{"mining pool", "flow/mining-port", "", many(3, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 4000, "203.0.113.7", 3333, 6, 10, 4000, 0, i*600)
		}), []string{"high i-1 x3"}},
		{"gap", "flow/coverage-gap", "", []ocsf.Event{func() ocsf.Event {
			ev := rec("", 0, "", 0, 0, 0, 0, 0, 0)
			ev.Traffic.Sampling = "SKIPDATA"
			return ev
		}()}, []string{"high eni-1 x1"}},
		{"port never used", "flow/unusual-port", "learn: 7d", append(many(20, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 4000+i, "203.0.113.7", 443, 6, 10, 4000, 3, i*day/2)
		}), rec("10.0.0.5", 4000, "203.0.113.8", 4444, 6, 10, 4000, 3, 11*day)), []string{"high i-1 x1"}},
		{"young host", "flow/unusual-port", "learn: 7d", []ocsf.Event{rec("10.0.0.5", 4000, "203.0.113.8", 4444, 6, 10, 4000, 3, 0)}, nil},
		{"other resolver, learning", "flow/resolver", "kind: dns", []ocsf.Event{rec("10.0.0.5", 4000, "203.0.113.8", 53, 17, 1, 60, 0, 0)}, []string{"low i-1 x1 learning"}},
		{"DNS over HTTPS", "flow/resolver", "kind: doh, learn: 1h", []ocsf.Event{
			rec("10.0.0.5", 4000, "8.8.8.8", 443, 6, 10, 4000, 3, 0), rec("10.0.0.5", 4000, "9.9.9.9", 443, 6, 10, 4000, 3, 7300), rec("10.0.0.5", 4000, "203.0.113.1", 443, 6, 10, 4000, 3, 7400),
		}, []string{"low i-1 x1 learning", "high i-1 x1"}},
		{"a host that suddenly sends much", "flow/exfiltration", "", append(many(60, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 4000, "203.0.113.7", 443, 6, 1000, 5_000_000, 0, i*3600)
		}), rec("10.0.0.5", 4000, "203.0.113.8", 443, 6, 1_000_000, 3_000_000_000, 0, 61*3600)), []string{"high i-1 x1"}},
		{"a backup host always does", "flow/exfiltration", "", many(80, func(i int64) ocsf.Event {
			return rec("10.0.0.5", 4000, "203.0.113.7", 443, 6, 1_000_000, 3_000_000_000, 0, i*3600)
		}), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := flow.Config{Documents: []*sigma.Document{document(t, c.use, c.parameters)}, Lists: lists(t, threat)}
			if d := cmp.Diff(c.want, run(t, cfg, "vpcflow", c.events)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz234567"[r.IntN(32)]
		}
		return string(b)
	}
	for _, c := range []struct {
		name, use, parameters string
		events                []ocsf.Event
		want                  []string
	}{
		{"tunnel", "flow/dns-tunnel", "", many(100, func(i int64) ocsf.Event { return ask(random(50)+".t.example.com", "NOERROR", i) }), []string{"high i-1 x100"}},
		{"many short names", "flow/dns-tunnel", "", many(300, func(i int64) ocsf.Event { return ask(fmt.Sprintf("host-%d.example.com", i), "NOERROR", i) }), nil},
		{"names of AWS", "flow/dns-tunnel", "", many(300, func(i int64) ocsf.Event { return ask(random(50)+".s3.amazonaws.com", "NOERROR", i) }), nil},
		{"generated", "flow/dns-generated", "", many(10, func(i int64) ocsf.Event { return ask(random(16)+".com", "NXDOMAIN", i) }), []string{"high i-1 x10"}},
		{"typing errors", "flow/dns-generated", "", many(40, func(i int64) ocsf.Event {
			return ask([]string{"internationalbank", "wonderfulgarden", "kawaguchikosuisha", "understanding", "shinagawastation", "computersolution", "onlinemarketing", "accountpayable"}[i%8]+fmt.Sprint(i/8)+".com", "NXDOMAIN", i)
		}), nil},
		{"rebinding", "flow/dns-rebind", "", []ocsf.Event{ask("a.evil.example", "NOERROR", 0, "169.254.169.254")}, []string{"high i-1 x1"}},
		{"the name of the metadata service", "flow/dns-rebind", "", []ocsf.Event{ask("instance-data.ec2.internal", "NOERROR", 0, "169.254.169.254")}, nil},
		{"listed domain", "flow/dns-threat-list", "kinds: [c2]", []ocsf.Event{ask("x.c2.example", "NOERROR", 0)}, []string{"high i-1 x1"}},
		{"answer on a list", "flow/dns-threat-list", "kinds: [c2]", []ocsf.Event{ask("good.example", "NOERROR", 0, "198.51.100.66")}, []string{"high i-1 x1"}},
		{"pool", "flow/dns-name", "names: [pool.example]", []ocsf.Event{ask("eu.pool.example", "NOERROR", 0), ask("spool.example", "NOERROR", 0)}, []string{"high i-1 x1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := flow.Config{Documents: []*sigma.Document{document(t, c.use, c.parameters)}, Lists: lists(t, map[string]string{"c2": "c2.example\n198.51.100.66\n"})}
			if d := cmp.Diff(c.want, run(t, cfg, "route53", c.events)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBadDocuments(t *testing.T) {
	for _, c := range [][3]string{
		{"flow/nothing", "", "no detector"},
		{"flow/port-scan", "port: 3", "no parameter port"},
		{"flow/port-scan", "window: soon", "not a duration"},
		{"flow/flood", "kind: noise", "one of udp"},
		{"flow/brute-force", "ports: [0]", "a port"},
		{"flow/dns-name", "", "a list of domains"},
	} {
		_, err := flow.New(flow.Config{Documents: []*sigma.Document{document(t, c[0], c[1])}})
		if err == nil || !strings.Contains(err.Error(), c[2]) || !strings.Contains(err.Error(), "x.yml:") {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestTrustedIsCounted(t *testing.T) {
	d, err := flow.New(flow.Config{
		Documents: []*sigma.Document{document(t, "flow/threat-list", "kinds: [threat]")},
		Lists:     lists(t, map[string]string{"threat": "203.0.113.99\n", "trusted": "203.0.113.0/24\n"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	events := []ocsf.Event{rec("10.0.0.5", 4000, "203.0.113.99", 443, 6, 10, 4000, 3, 0)}
	d.Detect("vpcflow", events, func(f *yagura.Finding) { t.Error(brief(f)) })
	if d.Trusted()["trusted-list"] != 1 {
		t.Error(d.Trusted())
	}
}

func TestDamagedState(t *testing.T) {
	cfg := flow.Config{Documents: []*sigma.Document{document(t, "flow/port-scan", "")}}
	d, err := flow.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	d.Detect("vpcflow", many(5, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }), func(*yagura.Finding) {})
	var b bytes.Buffer
	if err := d.Save(&b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Bytes() {
		bad := bytes.Clone(b.Bytes())
		bad[i] ^= 0x40
		again, _ := flow.New(cfg)
		if again.Load(bytes.NewReader(bad)) == nil {
			t.Fatalf("byte %d changed, and no error", i)
		}
	}
	if err := d.Load(bytes.NewReader(b.Bytes()[:b.Len()-1])); err == nil {
		t.Error("cut off, and no error")
	}
}

// The state stays bounded whatever comes.
func TestBounded(t *testing.T) {
	cfg := flow.Config{Groups: 1000, Documents: []*sigma.Document{document(t, "flow/port-scan", ""), document(t, "flow/beacon", ""), document(t, "flow/exfiltration", "")}}
	d, err := flow.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int64(50_000) {
		src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String()
		batch := []ocsf.Event{rec(src, 40000, "203.0.113.7", 443, 6, 1, 44, 2, i)}
		d.Detect("vpcflow", batch, func(*yagura.Finding) {})
	}
	n := counter(0)
	if err := d.Save(&n); err != nil {
		t.Fatal(err)
	}
	if n > 2<<20 {
		t.Errorf("a state of %d bytes for 1,000 groups", n)
	}
}

type counter int64

func (c *counter) Write(b []byte) (int, error) { *c += counter(len(b)); return len(b), nil }

var _ io.Writer = (*counter)(nil)

func TestScoreOfRegularAndRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var clock, people, sizes, talk []int32
	at := int32(0)
	for i := range int32(100) {
		clock, sizes = append(clock, i*600+int32(r.IntN(20))), append(sizes, 75)
		at += int32(r.ExpFloat64() * 600)
		people, talk = append(people, at), append(talk, int32(r.IntN(5000)))
	}
	if s := flow.Score(clock, sizes); s.Total < 0.95 {
		t.Errorf("a clock scores %+v", s)
	}
	if s := flow.Score(people, talk); s.Total > 0.7 {
		t.Errorf("people score %+v", s)
	}
	if s := flow.Score(clock[:3], sizes[:3]); s.Total != 0 {
		t.Errorf("three sessions score %+v", s)
	}
}

func BenchmarkDetect(b *testing.B) {
	var docs []*sigma.Document
	for use := range flow.Uses() {
		p := ""
		if use == "flow/dns-name" {
			p = "names: [x.example]"
		}
		docs = append(docs, document(b, use, p))
	}
	d, err := flow.New(flow.Config{Documents: docs, Lists: lists(b, map[string]string{"threat": "198.51.100.0/24\n"})})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	batch := make([]ocsf.Event, 4096)
	for i := range batch {
		host, other := fmt.Sprintf("10.0.%d.%d", r.IntN(4), r.IntN(256)), fmt.Sprintf("203.0.%d.%d", r.IntN(4), r.IntN(256))
		at := int64(i) / 2
		switch r.IntN(10) {
		case 0:
			batch[i] = reject(rec(other, 40000, host, int64(r.IntN(10000)), 6, 1, 44, 2, at))
		case 1, 2, 3:
			batch[i] = rec(host, 32768+int64(r.IntN(20000)), other, 443, 6, 20, 9000, 3, at)
		case 4, 5, 6:
			batch[i] = rec(other, 443, host, 32768+int64(r.IntN(20000)), 6, 20, 90000, 19, at)
		default:
			batch[i] = rec(host, 32768+int64(r.IntN(20000)), fmt.Sprintf("10.0.%d.%d", r.IntN(4), r.IntN(256)), 5432, 6, 20, 9000, 3, at)
		}
	}
	start := time.Now()
	n := 0
	for b.Loop() {
		d.Detect("vpcflow", batch, func(*yagura.Finding) {})
		n += len(batch)
		for i := range batch {
			batch[i].Time += 3600 * sec
			batch[i].End += 3600 * sec
		}
	}
	b.ReportMetric(float64(n)/time.Since(start).Seconds(), "records/s")
}

// What is loaded replaces what was there.
func TestLoadForgets(t *testing.T) {
	d, err := flow.New(flow.Config{Documents: []*sigma.Document{document(t, "flow/port-scan", "")}})
	if err != nil {
		t.Fatal(err)
	}
	var blank bytes.Buffer
	if err := d.Save(&blank); err != nil {
		t.Fatal(err)
	}
	d.Detect("vpcflow", many(14, func(i int64) ocsf.Event { return syn("10.0.9.9", 100+i, i) }), func(*yagura.Finding) {})
	if err := d.Load(&blank); err != nil {
		t.Fatal(err)
	}
	d.Detect("vpcflow", []ocsf.Event{syn("10.0.9.9", 999, 15)}, func(f *yagura.Finding) { t.Error(brief(f)) })
}
