package threat

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/source"
)

// detector compiles documents, by file name.
func detector(t testing.TB, cfg Config, files map[string]string) *Detector {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree["cloudtrail/"+name+".yml"] = &fstest.MapFile{Data: []byte(text), Mode: fs.ModePerm}
	}
	docs, problems := sigma.Read(tree, ".")
	fields := NewFields(cfg)
	set, more := rule.Compile(docs, rule.Config{Schemas: source.Schemas(), Fields: fields.Map()})
	d, last := New(set, fields)
	for _, p := range slices.Concat(problems, more, last) {
		if !p.Warning {
			t.Fatal(p.Error())
		}
	}
	return d
}

// document writes a rule.
func document(title, level, logic, extension string) string {
	return fmt.Sprintf("title: %s\nauthor: Yagura\nlevel: %s\nlogsource: {product: aws, service: cloudtrail}\n%s\nyagura: {%s}\n", title, level, logic, extension)
}

func detection(selection string) string {
	return "detection: {selection: {" + selection + "}, condition: selection}"
}

// coded are documents of all coded detectors.
func coded() map[string]string {
	out := map[string]string{}
	for _, use := range []string{useOutside, useInside, useTravel, useSpread} {
		out[strings.TrimPrefix(use, "threat/")] = document(use, "high", "detector: {use: "+use+"}", "window: 24h")
	}
	return out
}

// hits gives the findings of events, one a text.
func hits(d *Detector, events []ocsf.Event) []*yagura.Finding {
	var out []*yagura.Finding
	d.Detect("cloudtrail", events, func(f *yagura.Finding) { out = append(out, f) })
	return out
}

func names(list []*yagura.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, strings.TrimPrefix(f.Rule, "cloudtrail/"))
	}
	return strings.Join(out, " ")
}

// use is one use of an instance's session.
func use(minute int, key, ip, agent string, extra ...string) string {
	who := fmt.Sprintf(`{"type":"AssumedRole","principalId":"AROAWEB:i-0abcdef1234567890","arn":"arn:aws:sts::111122223333:assumed-role/web/i-0abcdef1234567890","accountId":"111122223333","accessKeyId":"%s","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::111122223333:role/web","userName":"web"}}}`, key)
	return at(minute, record(who, "s3", "ListBuckets", "", append([]string{`"sourceIPAddress":"` + ip + `"`, `"userAgent":"` + agent + `"`}, extra...)...))
}

// at gives a record a time and an id of its own.
func at(minute int, rec string) string {
	stamp := fmt.Sprintf("2026-05-%02dT%02d:%02d:00Z", 4+minute/1440, minute/60%24, minute%60)
	rec = strings.Replace(rec, "2026-05-04T10:00:00Z", stamp, 1)
	return strings.Replace(rec, `"eventID":"e-1"`, fmt.Sprintf(`"eventID":"e-%d-%d"`, minute, len(rec)), 1)
}

const ssm = "aws-sdk-go/1.41.4 (go1.18.3; linux; amd64) amazon-ssm-agent/"

func TestInstanceCredentials(t *testing.T) {
	own := intel.NewInventory()
	own.Learn("i-0abcdef1234567890", netip.MustParseAddr("203.0.113.5"))
	for _, c := range []struct {
		name    string
		cfg     Config
		records []string
		want    string
	}{
		{"its agent's address is its own", Config{}, []string{use(0, "ASIA1", "3.225.16.109", ssm), use(5, "ASIA1", "3.225.16.109", "aws-cli/2 Linux")}, ""},
		{"another address than its agent's", Config{}, []string{use(0, "ASIA1", "3.225.16.109", ssm), use(5, "ASIA1", "198.51.100.9", "aws-cli/2 Linux")}, "instance-credential-exfiltration-outside"},
		{"another address under the same key", Config{}, []string{use(0, "ASIA1", "3.225.16.109", "Boto3/1 Linux"), use(5, "ASIA1", "198.51.100.9", "aws-cli/2 Linux")}, "instance-credential-exfiltration-outside"},
		{"a new address with a new key", Config{}, []string{use(0, "ASIA1", "3.225.16.109", "Boto3/1 Linux"), use(500, "ASIA2", "3.1.1.1", "Boto3/1 Linux")}, ""},
		{"through an endpoint", Config{}, []string{use(0, "ASIA1", "3.225.16.109", ssm), use(5, "ASIA1", "10.0.0.9", "aws-cli/2 Linux", `"vpcEndpointId":"vpce-1"`)}, ""},
		{"both families", Config{}, []string{use(0, "ASIA1", "3.225.16.109", "Boto3/1 Linux"), use(5, "ASIA1", "2001:db8::9", "Boto3/1 Linux")}, ""},
		{"in the inventory", Config{Addresses: own}, []string{use(0, "ASIA1", "203.0.113.5", "aws-cli/2")}, ""},
		{"not in the inventory", Config{Addresses: own}, []string{use(0, "ASIA1", "198.51.100.9", "aws-cli/2")}, "instance-credential-exfiltration-outside"},
		{"not in the inventory, after its own", Config{Addresses: own}, []string{use(0, "ASIA1", "203.0.113.5", "aws-cli/2"), use(1, "ASIA1", "198.51.100.9", "aws-cli/2")}, "instance-credential-exfiltration-outside"},
		{"from another account's host", Config{Addresses: own, Places: world{}}, []string{use(0, "ASIA1", "54.1.1.1", "aws-cli/2")}, "instance-credential-exfiltration-inside"},
		{"a service with its rights", Config{Addresses: own}, []string{use(0, "ASIA1", "cloudformation.amazonaws.com", "cloudformation.amazonaws.com")}, ""},
		{"a new elastic address", Config{}, []string{
			use(0, "ASIA1", "3.225.16.109", ssm), at(3, record(alice, "ec2", "AssociateAddress", `{"instanceId":"i-0abcdef1234567890","publicIp":"3.3.3.3"}`)), use(5, "ASIA1", "3.3.3.3", "aws-cli/2"),
		}, ""},
	} {
		list := hits(detector(t, c.cfg, coded()), decode(t, c.records...))
		if got := names(list); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		// An inventory alone may lack a gateway.
		for _, f := range list {
			if low := c.cfg.Addresses != nil && len(c.records) == 1; (f.Severity == yagura.Low) != low {
				t.Errorf("%s: %s", c.name, f.Severity)
			}
		}
	}
}

// world is a small one.
type world struct{}

func (world) Find(a netip.Addr) intel.Place {
	switch a.As4()[0] {
	case 1:
		return intel.Place{Country: "JP", Lat: 35.7, Lon: 139.7, Known: true, Exact: true}
	case 2:
		return intel.Place{Country: "FR", Lat: 48.9, Lon: 2.35, Known: true, Exact: true}
	case 3:
		return intel.Place{Country: "FR", Lat: 46, Lon: 2, Known: true}
	case 4:
		return intel.Place{Country: "JP", Lat: 34.7, Lon: 135.5, Known: true, Exact: true}
	case 54:
		return intel.Place{Country: "US", ASN: 16509, Lat: 39, Lon: -77.5, Known: true, Exact: true}
	}
	return intel.Place{}
}

func from(minute int, who, ip string, extra ...string) string {
	return at(minute, record(who, "s3", "ListBuckets", "", append([]string{`"sourceIPAddress":"` + ip + `"`}, extra...)...))
}

func TestImpossibleTravel(t *testing.T) {
	for _, c := range []struct {
		name    string
		records []string
		want    string
	}{
		{"Tokyo and Paris in an hour", []string{from(0, alice, "1.1.1.1"), from(60, alice, "2.2.2.2")}, "impossible-travel/high"},
		{"by the middle of the country", []string{from(0, alice, "1.1.1.1"), from(60, alice, "3.2.2.2")}, "impossible-travel/high"},
		{"out of order", []string{from(60, alice, "1.1.1.1"), from(0, alice, "2.2.2.2")}, "impossible-travel/high"},
		{"by plane", []string{from(0, alice, "1.1.1.1"), from(900, alice, "2.2.2.2")}, ""},
		{"Tokyo and Osaka in a minute", []string{from(0, alice, "1.1.1.1"), from(1, alice, "4.1.1.1")}, ""},
		{"to a cloud", []string{from(0, alice, "1.1.1.1"), from(60, alice, "54.1.1.1")}, "impossible-travel/low"},
		{"a role of machines", []string{from(0, role, "1.1.1.1"), from(60, role, "2.2.2.2")}, ""},
		{"nobody knows where", []string{from(0, alice, "1.1.1.1"), from(60, alice, "9.9.9.9")}, ""},
		{"a failed call", []string{from(0, alice, "1.1.1.1"), from(60, alice, "2.2.2.2", `"errorCode":"InvalidClientTokenId"`)}, ""},
		{"between two homes", []string{
			from(0, alice, "1.1.1.1"), from(1440, alice, "2.2.2.2"), from(2880, alice, "1.1.1.1"), from(4320, alice, "2.2.2.2"), from(5760, alice, "1.1.1.1"), from(7200, alice, "2.2.2.2"),
			from(7260, alice, "1.1.1.1"),
		}, ""},
	} {
		var got []string
		for _, f := range hits(detector(t, Config{Places: world{}}, coded()), decode(t, c.records...)) {
			if f.Rule == "cloudtrail/impossible-travel" {
				got = append(got, "impossible-travel/"+f.Severity.String())
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSpread(t *testing.T) {
	ua := func(s string) string { return `"userAgent":"` + s + `"` }
	for _, c := range []struct {
		name    string
		records []string
		want    bool
	}{
		{"two countries at once", []string{from(0, role, "1.1.1.1"), from(5, role, "2.2.2.2")}, true},
		{"one after the other", []string{from(0, role, "1.1.1.1"), from(50, role, "2.2.2.2")}, false},
		{"two systems in two networks", []string{from(0, role, "198.51.100.1", ua("aws-cli/2 Darwin/22")), from(5, role, "203.0.113.1", ua("Boto3/1 Linux/5"))}, true},
		{"two systems in one network", []string{from(0, role, "198.51.100.1", ua("aws-cli/2 Darwin/22")), from(5, role, "198.51.100.2", ua("Boto3/1 Linux/5"))}, false},
		{"a provider's hosts", []string{from(0, role, "5.1.1.1"), from(1, role, "6.1.1.1"), from(2, role, "7.1.1.1"), from(3, role, "8.1.1.1")}, false},
		{"three networks and two tools", []string{from(0, role, "5.1.1.1"), from(1, role, "6.1.1.1", ua("Boto3/1 Linux/5")), from(2, role, "7.1.1.1")}, true},
		{"a key of a user", []string{from(0, alice, "1.1.1.1"), from(5, alice, "2.2.2.2")}, false},
		{"through services", []string{from(0, role, "1.1.1.1"), from(5, role, "athena.amazonaws.com")}, false},
	} {
		got := strings.Contains(names(hits(detector(t, Config{Places: world{}}, coded()), decode(t, c.records...))), "session-many-addresses")
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
