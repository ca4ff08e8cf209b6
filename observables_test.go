package yagura_test

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

func observe(raw string, kind ocsf.RawKind) []string {
	var ev ocsf.Event
	ev.Reset()
	ev.Raw = raw
	var out []string
	for _, o := range yagura.Observables(&ev, kind) {
		out = append(out, o.Type+": "+o.Value)
	}
	return out
}

func TestObservablesOfJSON(t *testing.T) {
	for name, c := range map[string]struct {
		raw  string
		want []string
	}{
		"addresses": {
			`{"a":"198.51.100.7","b":"2001:DB8:0::1","c":"10.0.0.0/8","d":"https://203.0.113.9:8443/x?y=1","e":"[2001:db8::2]:443","f":"192.0.2.1, 192.0.2.2","g":"198.51.100.8:53"}`,
			[]string{
				"IP Address: 10.0.0.0", "IP Address: 192.0.2.1", "IP Address: 192.0.2.2", "IP Address: 198.51.100.7", "IP Address: 198.51.100.8",
				"IP Address: 2001:db8::1", "IP Address: 2001:db8::2", "IP Address: 203.0.113.9", "Subnet: 10.0.0.0/8",
			},
		},
		"no addresses": {
			`{"userAgent":"Mozilla/5.0 Chrome/120.0.0.0","engineVersion":"10.0.1.2","t":"05:06:07","type":"AWS::EC2::Instance","when":"2026-03-04T05:06:07Z","v":"1.2.3"}`,
			[]string{"HTTP User-Agent: Mozilla/5.0 Chrome/120.0.0.0"},
		},
		"an ARN gives its account and bucket": {
			`{"x":"arn:aws:iam::111122223333:role/shop","y":"arn:aws:s3:::shop-invoices/2026/a.csv"}`,
			[]string{
				"Account UID: 111122223333", "Bucket Name: shop-invoices",
				"Resource UID: arn:aws:iam::111122223333:role/shop", "Resource UID: arn:aws:s3:::shop-invoices/2026/a.csv",
			},
		},
		"ids": {
			`{"k":"AKIAEXAMPLEEXAMPLE01","p":"AROAEXAMPLEEXAMPLE001:i-0123456789abcdef0","m":"see eni-0a1b2c3d and (sg-0123456789abcdef0)","no":"i-xyz vpc-12 ami-0123456789abcdef01 AKIA"}`,
			[]string{
				"Resource UID: eni-0a1b2c3d", "Resource UID: i-0123456789abcdef0", "Resource UID: sg-0123456789abcdef0",
				"User Credential ID: AKIAEXAMPLEEXAMPLE01", "User UID: AROAEXAMPLEEXAMPLE001",
			},
		},
		"names only where names stand": {
			`{"hostName":"Web.Shop.Example.","title":"not.a.host","userName":"kim","displayName":"not a user","bucketName":"logs","name":"not-a-bucket","recipientAccountId":111122223333,"size":444455556666,"eventSource":"s3.amazonaws.com"}`,
			[]string{"Account UID: 111122223333", "Bucket Name: logs", "Hostname: web.shop.example", "User Name: kim"},
		},
		"URL and e-mail": {
			`{"u":"go to https://User:pw@Evil.Example:8443/a.b/c?d=e.","m":"kim@shop.example, <ops@mail.shop.example>","bad":"@x a@b user@"}`,
			[]string{"Email Address: kim@shop.example", "Email Address: ops@mail.shop.example", "Hostname: evil.example"},
		},
		"hashes": {
			`{"hash":"` + strings.Repeat("aB", 32) + `","owner":{"id":"` + strings.Repeat("0", 64) + `"},"image":"r.example/app@sha256:` + strings.Repeat("c1", 32) + `","short":"abcdef"}`,
			[]string{"Hash: " + strings.Repeat("ab", 32), "Hash: " + strings.Repeat("c1", 32)},
		},
		"JSON inside text": {
			`{"configuration":"{\"accountId\":\"111122223333\",\"inner\":\"{\\\"ip\\\":\\\"198.51.100.7\\\"}\"}"}`,
			[]string{"Account UID: 111122223333", "IP Address: 198.51.100.7"},
		},
		"headers by name and value": {
			`{"headers":[{"name":"Host","value":"shop.example"},{"name":"User-Agent","value":"curl/8.0.0.1"},{"name":"X-Real-IP","value":"198.51.100.7"}]}`,
			[]string{"HTTP User-Agent: curl/8.0.0.1", "Hostname: shop.example", "IP Address: 198.51.100.7"},
		},
		"hidden users and dashes": {
			`{"userName":"HIDDEN_DUE_TO_SECURITY_REASONS","userAgent":"-","user":"-"}`,
			nil,
		},
		"not JSON after all": {`{"ip":"198.51.100.7`, []string{"IP Address: 198.51.100.7"}},
	} {
		if diff := gocmp.Diff(c.want, observe(c.raw, ocsf.RawJSON)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestObservablesOfALine(t *testing.T) {
	line := "2 111122223333 eni-0a1b2c3d4e5f60718 10.20.1.15 198.51.100.77 443 51122 6 10 840 1772600767 1772600827 ACCEPT OK"
	want := []string{"IP Address: 10.20.1.15", "IP Address: 198.51.100.77", "Resource UID: eni-0a1b2c3d4e5f60718"}
	if diff := gocmp.Diff(want, observe(line, ocsf.RawText)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestObservablesOfColumns(t *testing.T) {
	var ev ocsf.Event
	ev.Reset()
	ev.Account = "111122223333"
	ev.Src.IP, ev.Src.Name = "198.51.100.7", "ec2.amazonaws.com" // a service, no host
	ev.Dst.Name = "db.shop.example"
	ev.DNS.Name, ev.DNS.Answers = "a.example", []string{"b.example.", "203.0.113.1"}
	ev.User.Name, ev.HTTP.Agent = "kim", "curl/8"
	want := []yagura.Observable{
		{Type: yagura.ObservedAccount, Value: "111122223333"},
		{Type: yagura.ObservedAgent, Value: "curl/8"},
		{Type: yagura.ObservedHost, Value: "a.example"},
		{Type: yagura.ObservedHost, Value: "b.example"},
		{Type: yagura.ObservedHost, Value: "db.shop.example"},
		{Type: yagura.ObservedIP, Value: "198.51.100.7"},
		{Type: yagura.ObservedIP, Value: "203.0.113.1"},
		{Type: yagura.ObservedUser, Value: "kim"},
	}
	if diff := gocmp.Diff(want, yagura.Observables(&ev, ocsf.RawText)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestObservablesAreBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"list":[`)
	for i := range 5000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"10.` + strconv.Itoa(i>>8) + "." + strconv.Itoa(i&255) + `.1"`)
	}
	b.WriteString(`]}`)
	if n := len(observe(b.String(), ocsf.RawJSON)); n != 1000 {
		t.Errorf("%d observables of one record, want 1000", n)
	}
}

func FuzzObservables(f *testing.F) {
	f.Add(`{"a":"198.51.100.7","b":{"hostName":"x.example"},"c":["arn:aws:s3:::b/k","a@b.cd"]}`, true)
	f.Add("1.2.3.4 [::1]:80 https://u@h.example:1/ sha256:", false)
	f.Add("://; x://@ :// @ : / . arn: ::", true)
	f.Add(`{"a":"{\"b\":\"[[[[\"}","name":"Host","value":"::/0"}`, true)
	f.Fuzz(func(t *testing.T, raw string, json bool) {
		var ev ocsf.Event
		ev.Reset()
		ev.Raw = raw
		kind := ocsf.RawText
		if json {
			kind = ocsf.RawJSON
		}
		got := yagura.Observables(&ev, kind)
		if len(got) > 1000 {
			t.Errorf("%d observables", len(got))
		}
		ordered := func(a, b yagura.Observable) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
		}
		if !slices.IsSortedFunc(got, ordered) || len(slices.CompactFunc(slices.Clone(got), func(a, b yagura.Observable) bool { return a == b })) != len(got) {
			t.Errorf("not in order or not unique: %v", got)
		}
		for _, o := range got {
			switch o.Type {
			case yagura.ObservedIP:
				if a, err := netip.ParseAddr(o.Value); err != nil || a.String() != o.Value {
					t.Errorf("%q is not a canonical address", o.Value)
				}
			case yagura.ObservedSubnet:
				if _, err := netip.ParsePrefix(o.Value); err != nil {
					t.Errorf("%q is not a subnet", o.Value)
				}
			default:
				if o.Value == "" || len(o.Value) > 2048 {
					t.Errorf("%s of %d bytes", o.Type, len(o.Value))
				}
			}
		}
	})
}

func BenchmarkObservables(b *testing.B) {
	var ev ocsf.Event
	ev.Reset()
	ev.Raw = `{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE001:kim","arn":"arn:aws:sts::111122223333:assumed-role/shop/kim",` +
		`"accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE01"},"eventTime":"2026-03-04T05:06:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject",` +
		`"awsRegion":"ap-northeast-1","sourceIPAddress":"198.51.100.7","userAgent":"aws-cli/2.15","requestParameters":{"bucketName":"shop-invoices","key":"2026/03/a.csv"},` +
		`"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::shop-invoices/2026/03/a.csv"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::shop-invoices"}]}`
	b.SetBytes(int64(len(ev.Raw)))
	for b.Loop() {
		yagura.Observables(&ev, ocsf.RawJSON)
	}
}
