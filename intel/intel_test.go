package intel_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
)

// file writes a file of the test and gives its path.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Feeds as they are published (records invented). want are indicators, "-" before
// those that must not be there.
func TestFeedsInTheWild(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"tor exit addresses", "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-05-01 10:00:00\nLastStatus 2026-05-01 11:00:00\nExitAddress 8.8.4.4 2026-05-01 11:10:00\n", "8.8.4.4"},
		{"urlhaus", "################\n# URLhaus\n#\n# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\"3\",\"2026-05-01 10:00:00\",\"http://8.8.4.4:8080/x.sh\",\"online\",\"\",\"malware_download\",\"elf\",\"https://urlhaus.abuse.ch/url/3/\",\"me.example.org\"\n\"4\",\"2026-05-01 10:00:00\",\"http://[broken\",\"online\",\"\",\"x\",\"y\",\"https://urlhaus.abuse.ch/url/4/\",\"me\"\n", "8.8.4.4 -urlhaus.abuse.ch -me.example.org"},
		{"threatfox", "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"reference\"\r\n\"2026-05-01 10:00:00\", \"17\", \"8.8.4.4:443\", \"ip:port\", \"botnet_cc\", \"win.cobalt_strike\", \"https://bazaar.abuse.ch/x\"\r\n\"2026-05-01 10:00:00\", \"18\", \"d41d8cd98f00b204e9800998ecf8427e\", \"md5_hash\", \"payload\", \"win.emotet\", \"https://bazaar.abuse.ch/y\"\r\n", "8.8.4.4 -bazaar.abuse.ch -win.emotet -win.cobalt_strike"},
		{"feodo, CRLF", "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\r\n\"2026-05-01 10:00:00\",\"8.8.4.4\",\"443\",\"online\",\"2026-05-02\",\"Emotet\"\r\n# END\r\n", "8.8.4.4"},
		{"feodo, JSON", `[{"ip_address": "8.8.4.4", "port": 443, "status": "online", "hostname": null}]`, "8.8.4.4"},
		{"spamhaus drop", "; Spamhaus DROP List\n1.10.16.0/20 ; SBL256894\n", "1.10.16.9"},
		{"spamhaus drop, JSON lines", "{\"cidr\":\"1.10.16.0/20\",\"sblid\":\"SBL256894\",\"rir\":\"apnic\"}\n{\"type\":\"metadata\",\"timestamp\":1,\"copyright\":\"(c)\"}\n", "1.10.16.9"},
		{"firehol netset", "#\n# firehol_level1\n#\n0.0.0.0/8\n1.10.16.0/20\n10.0.0.0/8\n224.0.0.0/3\n", "1.10.16.9 -8.8.8.8"},
		{"hosts file", "# hosts\n127.0.0.1\tbad.example.net\n0.0.0.0 worse.example.net # x\n", "bad.example.net worse.example.net"},
		{"blocker's list", "! title\n||bad.example.net^\n", "bad.example.net"},
		{"MISP", "uuid,event_id,category,type,value,comment,to_ids,date\n\"a\",1,\"Network activity\",\"ip-dst|port\",\"8.8.4.4|443\",\"\",1,20260501\n\"b\",1,\"Network activity\",\"domain|ip\",\"bad.example.net|8.8.4.5\",\"\",1,20260501\n", "8.8.4.4 bad.example.net 8.8.4.5"},
		{"byte order mark, csv without header", "\ufeff8.8.4.4,5\r\n8.8.4.5,6\r\n", "8.8.4.4 8.8.4.5"},
		{"byte order mark, STIX", "\ufeff{\"type\":\"bundle\",\"objects\":[{\"type\":\"indicator\",\"pattern\":\"[ipv4-addr:value = '8.8.4.4']\"}]}", "8.8.4.4"},
		{"STIX, quotes and brackets", `{"type":"bundle","objects":[{"type":"indicator","pattern":"[url:value = 'http://bad.example.net/a(b)\\'c' OR ipv4-addr:value IN ('8.8.4.4', '8.8.4.5')] AND [domain-name:value != 'good.example.net']"},
			{"type":"indicator","pattern":"[domain-name:value IN ('a)b', 'worse.example.net')]"}]}`, "bad.example.net 8.8.4.4 8.8.4.5 worse.example.net -good.example.net"},
		{"defanged URL", "hxxps://bad[.]example[.]net/x\nhxxp[://]worse.example[.]net\n", "bad.example.net worse.example.net"},
		{"all of the Internet", "0.0.0.0/0\n::/0\n8.8.4.4\n", "8.8.4.4 -9.9.9.9 -2001:4860::1"},
	} {
		for _, kind := range []string{"threat", "trusted"} {
			l, err := intel.Load([]intel.Spec{{Name: "x", Kind: kind, Path: file(t, "list", c.text)}})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			for _, want := range strings.Fields(c.want) {
				name, absent := strings.CutPrefix(want, "-")
				found := len(l.Domain(name)) > 0
				if a, err := netip.ParseAddr(name); err == nil {
					found = l.Has(a)
				}
				if found == absent {
					t.Errorf("%s, read as %s: %s is found: %t", c.name, l.All()[0].Format, name, found)
				}
			}
		}
	}
	utf16 := "\xff\xfe8\x00.\x008\x00.\x004\x00.\x004\x00\n\x00"
	if _, err := intel.Load([]intel.Spec{{Name: "x", Path: file(t, "list", utf16)}}); err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("UTF-16: %v", err)
	}
}

func TestFormats(t *testing.T) {
	for _, c := range []struct {
		name, text        string
		format            string
		addresses, others int // found
		skipped           int
		hit               string // an address that must match
	}{
		{"plain", "# Tor exits\n198.51.100.7\n\n203.0.113.0/24 ; comment\n2001:db9::/32\nbad.example.net\n", "plain", 3, 1, 0, "198.51.100.7"},
		{"defanged and URLs", "hxxp://no\nhttps://c2.example.org:8443/x\n192.0.2[.]9\n", "plain", 1, 1, 1, "192.0.2.9"},
		{"csv with header", "first_seen_utc,dst_ip,dst_port\n2026-01-01,198.51.100.8,443\n", "csv", 1, 0, 0, "198.51.100.8"},
		{"quoted csv, comments before", "# feed\n\"id\",\"ioc_value\",\"threat\"\n1,\"198.51.100.9:447\",x\n2,evil.example.com,y\n", "csv", 1, 1, 0, "198.51.100.9"},
		{"csv without header", "198.51.100.10,5,2026-01-01\n", "csv", 1, 0, 0, "198.51.100.10"},
		{"alienvault", "198.51.100.11#4#2#Malicious Host#US##37.7,-97.8#3\n", "alienvault", 1, 0, 0, "198.51.100.11"},
		{"stix bundle", `{"type":"bundle","objects":[
			{"type":"indicator","pattern_type":"stix","pattern":"[ipv4-addr:value = '198.51.100.12' OR domain-name:value = 'a.example.net']"},
			{"type":"indicator","pattern":"[ipv4-addr:value ISSUBSET '203.0.113.0/25']"},
			{"type":"indicator","revoked":true,"pattern":"[ipv4-addr:value = '9.9.9.9']"},
			{"type":"indicator","pattern":"[file:hashes.MD5 = 'd41d8cd98f00b204e9800998ecf8427e']"},
			{"type":"ipv6-addr","value":"2001:db9::1"}]}`, "stix", 3, 1, 1, "198.51.100.12"},
		{"aws", `{"syncToken":"1","prefixes":[{"ip_prefix":"198.51.100.0/24","service":"EC2"}],"ipv6_prefixes":[{"ipv6_prefix":"2001:db9::/40"}]}`, "aws", 2, 0, 0, "198.51.100.200"},
		{"mapped", "::ffff:198.51.100.13\n", "plain", 1, 0, 0, "198.51.100.13"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := intel.Load([]intel.Spec{{Name: "x", Path: file(t, "list", c.text)}})
			if err != nil {
				t.Fatal(err)
			}
			got := l.All()[0]
			if got.Format != c.format || got.Addresses != c.addresses || got.Domains != c.others || got.Skipped != c.skipped {
				t.Errorf("%s: %d addresses, %d domains, %d skipped (%s)", got.Format, got.Addresses, got.Domains, got.Skipped, got.First)
			}
			if len(l.Address(netip.MustParseAddr(c.hit))) != 1 {
				t.Errorf("%s is not found", c.hit)
			}
			if len(l.Address(netip.MustParseAddr("8.8.8.8"))) != 0 {
				t.Error("8.8.8.8 is found")
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"<stix:STIX_Package/>":    "STIX 1",
		"hello world\nno\n":       "no address or domain found",
		`{"type":"bundle","objec`: "byte",
	} {
		_, err := intel.Load([]intel.Spec{{Name: "x", Path: file(t, "list", text)}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "list x") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := intel.Load([]intel.Spec{{Path: "/nowhere/at/all.txt"}}); err == nil {
		t.Error("a missing file is no error")
	}
	if _, err := intel.Load([]intel.Spec{{Kind: "evil", Path: file(t, "l", "1.2.3.4\n")}}); err == nil {
		t.Error("an unknown kind is no error")
	}
}

// The index agrees with comparing every block.
func TestIndexAgainstPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var blocks [3][]netip.Prefix
		specs := make([]intel.Spec, 3)
		for i := range blocks {
			var text strings.Builder
			for range 1 + r.IntN(20) {
				p := randomPrefix(r)
				blocks[i] = append(blocks[i], p)
				fmt.Fprintln(&text, p)
			}
			specs[i] = intel.Spec{Name: fmt.Sprint(i), Path: file(t, "l", text.String())}
		}
		l, err := intel.Load(specs)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			a := randomAddr(r)
			var want, got []string
			for i := range blocks {
				for _, p := range blocks[i] {
					if p.Contains(a) {
						want = append(want, fmt.Sprint(i))
						break
					}
				}
			}
			for _, m := range l.Address(a) {
				got = append(got, m.List.Name)
			}
			if d := cmp.Diff(want, got); d != "" || l.Has(a) != (len(want) > 0) {
				t.Fatalf("%s in %v: %s", a, blocks, d)
			}
		}
	}
}

// randomAddr stays in few blocks so that prefixes nest and touch.
func randomAddr(r *rand.Rand) netip.Addr {
	if r.IntN(3) == 0 {
		return netip.AddrFrom16([16]byte{0x2a, 0, byte(r.IntN(2)), byte(r.IntN(3)), 15: byte(r.IntN(8))})
	}
	return netip.AddrFrom4([4]byte{198, byte(50 + r.IntN(3)), byte(r.IntN(3) * 127), byte(r.IntN(256))})
}

func randomPrefix(r *rand.Rand) netip.Prefix {
	a := randomAddr(r)
	least := 8
	p, _ := a.Prefix(least + r.IntN(a.BitLen()-least+1))
	return p
}

func TestDomainsMatchBelow(t *testing.T) {
	l, err := intel.Load([]intel.Spec{{Name: "c2", Kind: "c2", Path: file(t, "l", "*.Evil.example\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"evil.example": 1, "a.b.EVIL.example.": 1, "notevil.example": 0, "": 0} {
		if got := len(l.Domain(name)); got != want {
			t.Errorf("%q: %d matches, want %d", name, got, want)
		}
	}
}

func TestPrivateIsOnNoList(t *testing.T) {
	l, err := intel.Load([]intel.Spec{{Path: file(t, "l", "8.0.0.0/8\n10.0.0.0/8\n100.0.0.0/8\n127.0.0.0/8\n169.0.0.0/8\n224.0.0.0/8\n2600::/12\nfc00::/12\n::/16\n")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"10.0.0.1", "169.254.169.254", "127.0.0.1", "fc00::1", "100.64.0.1", "::1", "224.0.0.1"} {
		if l.Has(netip.MustParseAddr(a)) {
			t.Errorf("%s is on a list", a)
		}
	}
	if !l.Has(netip.MustParseAddr("::ffff:8.8.8.8")) || !l.Has(netip.MustParseAddr("2606:4700::1111")) {
		t.Error("a public address is not found")
	}
}

func TestReloadFollowsTheFile(t *testing.T) {
	path := file(t, "l.txt", "198.51.100.1\n")
	w, err := intel.Watch([]intel.Spec{{Path: path}})
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := w.Reload(); changed || err != nil {
		t.Fatal(changed, err)
	}
	if err := os.WriteFile(path, []byte("198.51.100.1\n198.51.100.2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := w.Reload(); !changed || err != nil || w.Lists().All()[0].Addresses != 2 {
		t.Fatal(changed, err)
	}
	if err := os.WriteFile(path, []byte("nothing here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Reload(); err == nil || !w.Lists().Has(netip.MustParseAddr("198.51.100.2")) {
		t.Error("a broken list must be an error and leave the former one in force:", err)
	}
	if age := w.Lists().All()[0].Age(time.Now().Add(time.Hour)); age < time.Hour {
		t.Error(age)
	}
}

func TestCentroids(t *testing.T) {
	jp, us := place(t, "JP"), place(t, "us")
	if d := intel.Kilometres(jp, us); d < 9500 || d > 11000 {
		t.Errorf("Japan and the United States are %.0f km apart", d)
	}
	if d := intel.Kilometres(jp, jp); d > 1e-6 || math.IsNaN(d) {
		t.Error(d)
	}
	if _, _, ok := intel.Centroid("XX"); ok {
		t.Error("XX is no country")
	}
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if lat, lon, ok := intel.Centroid(string([]rune{a, b})); ok {
				n++
				if math.Abs(lat) > 90 || math.Abs(lon) > 180 {
					t.Errorf("%c%c lies at %v, %v", a, b, lat, lon)
				}
			}
		}
	}
	if n < 240 {
		t.Errorf("only %d countries", n)
	}
}

func place(t *testing.T, country string) intel.Place {
	lat, lon, ok := intel.Centroid(country)
	if !ok {
		t.Fatal(country)
	}
	return intel.Place{Lat: lat, Lon: lon, Known: true}
}

func TestInventory(t *testing.T) {
	v := intel.NewInventory()
	mine, other := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	if v.Owns("i-1", mine) != ocsf.Unknown {
		t.Error("nothing is known yet")
	}
	if err := v.ReadInventory(file(t, "a.csv", "owner,address\ni-1,198.51.100.1\n*,203.0.113.9\n")); err != nil {
		t.Fatal(err)
	}
	if err := v.ReadInventory(file(t, "a.jsonl", `{"owner":"i-2","address":"198.51.100.2"}`)); err != nil {
		t.Fatal(err)
	}
	check := func(v *intel.Inventory) {
		t.Helper()
		for a, want := range map[netip.Addr]ocsf.Tri{mine: ocsf.True, other: ocsf.False, netip.MustParseAddr("203.0.113.9"): ocsf.True} {
			if got := v.Owns("i-1", a); got != want {
				t.Errorf("%s: %v", a, got)
			}
		}
	}
	check(v)
	var saved bytes.Buffer
	if err := v.Save(&saved); err != nil {
		t.Fatal(err)
	}
	again := intel.NewInventory()
	if err := again.Load(&saved); err != nil {
		t.Fatal(err)
	}
	check(again)
	for name, text := range map[string]string{"x.csv": "instance,ip\n", "y.csv": "owner,address\ni-1,nope\n", "z.jsonl": `{"owner":"i","addr":"1.2.3.4"}`} {
		if err := v.ReadInventory(file(t, name, text)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestInventoryLearns(t *testing.T) {
	v := intel.NewInventory()
	var ev ocsf.Event
	ev.Reset()
	ev.ResourceType, ev.Resource, ev.ResourceAlt = "AWS::EC2::Instance", "arn:aws:ec2:us-east-1:111122223333:instance/i-1", "i-1"
	ev.Raw = `{"configuration":{"privateIpAddress":"10.0.0.5","publicIpAddress":"198.51.100.5"}}`
	v.Observe("awsconfig", &ev)
	ev.Reset()
	ev.ResourceType, ev.Raw = "AWS::EC2::NatGateway", `{"configuration":{"natGatewayAddresses":[{"publicIp":"198.51.100.6"}]}}`
	v.Observe("awsconfig", &ev)
	ev.Reset()
	ev.Device.Instance, ev.Traffic.Direction, ev.Src.IP = "i-1", "egress", "10.0.0.6"
	v.Observe("vpcflow", &ev)
	for _, a := range []string{"10.0.0.5", "198.51.100.5", "198.51.100.6", "10.0.0.6"} {
		if v.Owns("i-1", netip.MustParseAddr(a)) != ocsf.True {
			t.Errorf("%s was not learned", a)
		}
	}
	if v.Owns("i-1", netip.MustParseAddr("198.51.100.77")) != ocsf.False {
		t.Error("an address of nobody is not the instance's")
	}
	v.Learn("i-2", netip.MustParseAddr("10.0.0.9"))
	if v.Owns("i-2", netip.MustParseAddr("198.51.100.77")) != ocsf.Unknown {
		t.Error("who is known by a private address may have any public one")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("198.51.100.7\n203.0.113.0/24\n")
	f.Add("a,b\n\"")
	f.Add(`{"objects":[{"type":"bundle","objects":[{"type":"url","value":"http://[::1"}]}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		l, err := intel.Load([]intel.Spec{{Path: file(t, "l", text)}})
		if err != nil {
			return
		}
		l.Address(netip.MustParseAddr("198.51.100.7"))
		l.Domain("a.b.example")
	})
}

func BenchmarkAddress(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	var text strings.Builder
	for range 100_000 {
		fmt.Fprintln(&text, netip.AddrFrom4([4]byte{byte(1 + r.IntN(223)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))}))
	}
	l, err := intel.Load([]intel.Spec{{Path: file(b, "l", text.String())}})
	if err != nil {
		b.Fatal(err)
	}
	addrs := make([]netip.Addr, 4096)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{byte(1 + r.IntN(223)), byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(256))})
	}
	i := 0
	for b.Loop() {
		l.Has(addrs[i&4095])
		i++
	}
}
