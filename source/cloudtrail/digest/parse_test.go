package digest

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample = `{"awsAccountId":"111122223333","digestStartTime":"2026-03-02T09:01:31Z","digestEndTime":"2026-03-02T10:01:31Z",
"digestS3Bucket":"b","digestS3Object":"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/x.json.gz",
"digestPublicKeyFingerprint":"ABCD","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,
"previousDigestS3Bucket":null,"previousDigestS3Object":null,"previousDigestHashValue":null,"previousDigestHashAlgorithm":null,
"previousDigestSignature":null,"logFiles":[]}`

func TestParse(t *testing.T) {
	d, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if !d.starting() || d.Fingerprint != "abcd" || !d.End.Equal(time.Date(2026, 3, 2, 10, 1, 31, 0, time.UTC)) {
		t.Errorf("%+v", d)
	}
	want := "2026-03-02T10:01:31Z\nb/AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/02/x.json.gz\n" + sha256Hex([]byte(sample)) + "\nnull"
	if diff := cmp.Diff(want, string(d.signed())); diff != "" {
		t.Errorf("signed text (-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ from, to, say string }{
		{`"digestEndTime":"2026-03-02T10:01:31Z",`, ``, "lacks digestEndTime"},
		{`"digestStartTime":"2026-03-02T09:01:31Z",`, ``, "lacks digestStartTime"},
		{`"digestS3Bucket":"b",`, ``, "lacks digestS3Bucket"},
		{`"digestPublicKeyFingerprint":"ABCD",`, `"digestPublicKeyFingerprint":null,`, "lacks digestPublicKeyFingerprint"},
		{`"previousDigestSignature":null,`, ``, "lacks previousDigestSignature"},
		{`"previousDigestSignature":null,`, `"previousDigestSignature":7,`, "previousDigestSignature"},
		{`"previousDigestS3Bucket":null`, `"previousDigestS3Bucket":"b"`, "only one of"},
		{`T10:01:31Z"`, `T08:01:31Z"`, "before it starts"},
		{`T10:01:31Z"`, `"`, "digestEndTime"},
		{`"logFiles":[]`, `"logFiles":{}`, "want a list"},
		{`"logFiles":[]`, `"logFiles":[{"s3Object":""}]`, "log file 1: no s3Object"},
		{`"logFiles":[]`, `"logFiles":[{"s3Object":"` + strings.Repeat("x", 1025) + `"}]`, "too long"},
		{`"logFiles":[]`, `"logFiles":[` + strings.Repeat("{},", maxLogFiles) + `{}]`, "list of more than"},
		{`"logFiles":[]}`, `"logFiles":[]} x`, "not the JSON expected"},
	} {
		text := strings.Replace(sample, c.from, c.to, 1)
		if text == sample {
			t.Fatalf("%s changes nothing", c.from)
		}
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%.60s: %v, want %q", c.to, err, c.say)
		}
	}
	if _, err := Parse(make([]byte, maxDigestBytes+1)); err == nil {
		t.Error("a giant passed")
	}
}

func TestVerifyByItself(t *testing.T) {
	w := newWorld("p", "")
	key := w.tokyo[0]
	d, err := Parse(gunzip(w.files[key]))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ParseKeys(w.signer.keysJSON(nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	signature := w.meta[key]["signature"]
	for _, c := range []struct {
		name, key string
		keys      *Keys
		meta      map[string]string
		want      string
	}{
		{"plain names", key, keys, w.meta[key], "valid "},
		{"header names", key, keys, map[string]string{"X-Amz-Meta-Signature": strings.ToUpper(signature), "X-Amz-Meta-Signature-Algorithm": "SHA256withRSA"}, "valid "},
		{"no keys", key, nil, w.meta[key], "unknown unknown_key"},
		{"no metadata", key, keys, nil, "unknown missing_metadata"},
		{"elsewhere", strings.Replace(key, "111122223333", "444455556666", 1), keys, w.meta[key], "invalid moved"},
		{"nowhere", "", keys, w.meta[key], "invalid moved"},
		{"short signature", key, keys, map[string]string{"signature": signature[2:], "signature-algorithm": "SHA256withRSA"}, "invalid bad_signature"},
		{"odd hex", key, keys, map[string]string{"signature": signature[1:], "signature-algorithm": "SHA256withRSA"}, "invalid bad_signature"},
	} {
		r := d.Verify(c.keys, c.meta, c.key)
		if got := r.Status + " " + r.Reason; got != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, got, r.Detail, c.want)
		}
	}
}

func TestMetadataForms(t *testing.T) {
	want := sealed{signature: "ab", algorithm: "SHA256withRSA", generated: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}
	for _, s := range []string{
		`{"ContentLength":7,"Metadata":{"signature":"AB","signature-algorithm":"SHA256withRSA","backfill-generation-timestamp":"2026-03-04T00:00:00Z"}}`,
		`{"metadata":{"x-amz-meta-signature":"ab","X-Amz-Meta-Signature-Algorithm":"SHA256withRSA","x-amz-meta-backfill-generation-timestamp":"1772582400"}}`,
		`{"x-amz-meta-signature":"ab","x-amz-meta-signature-algorithm":"SHA256withRSA","BACKFILL_GENERATION_TIMESTAMP":"2026-03-04T00:00:00Z"}`,
	} {
		got, err := parseMetadata([]byte(s))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", s, got, err)
		}
	}
	for _, s := range []string{`[]`, `{"Metadata":[]}`, `{"Metadata":{"signature":7}}`, `{"signature":"a","Metadata":{"signature":"b"}}`, strings.Repeat(" ", maxMetadataBytes+1)} {
		if got, err := parseMetadata([]byte(s)); err == nil {
			t.Errorf("%.40s passed: %+v", s, got)
		}
	}
}

func TestBadMetadataLines(t *testing.T) {
	w := newWorld("", "")
	tree := w.lines()
	lines := bytes.SplitAfter(tree["metadata.jsonl"].Data, []byte("\n"))
	bad := [][]byte{[]byte("{\n"), []byte("\n"), []byte(`{"key":"x","metadata":{}}` + "\n"), []byte(`{"metadata":{}}` + "\n")}
	set(tree, "metadata.jsonl", bytes.Join(append(bad, lines...), nil))
	r := check(t, tree, Options{})
	if r.Failed() || r.noticed("bad_metadata") != 3 {
		t.Errorf("failed %v, notices %+v", r.Failed(), r.Notices)
	}
	set(tree, "metadata.jsonl", append(bytes.Repeat([]byte("x"), maxMetadataBytes+10), tree["metadata.jsonl"].Data...))
	if r := check(t, tree, Options{}); !r.Failed() || r.noticed("bad_metadata") != 1 || r.Totals.DigestsUnknown != 10 {
		t.Errorf("%+v %+v", r.Totals, r.Notices)
	}
}

func TestParseKeysForms(t *testing.T) {
	s := newSigner()
	one := s.keysJSON("2026-01-01T00:00:00Z", 1798675200)
	var doc struct{ PublicKeyList json.RawMessage }
	if err := json.Unmarshal(one, &doc); err != nil {
		t.Fatal(err)
	}
	for name, documents := range map[string][][]byte{
		"one": {one}, "two documents": {one, one}, "two texts": {append(append(bytes.Clone(one), '\n'), one...)},
		"the list alone": {doc.PublicKeyList}, "offset": {s.keysJSON("2026-01-01T09:00:00+09:00", "1798675200.0")},
	} {
		k, err := ParseKeys(documents...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		found := k.find(strings.ToUpper(s.fingerprint))
		if len(found) != 1 || stamp(found[0].start) != "2026-01-01T00:00:00Z" || stamp(found[0].end) != "2026-12-31T00:00:00Z" {
			t.Errorf("%s: %+v", name, found)
		}
	}
	value := func(v string) []byte { return []byte(`{"PublicKeyList":[{"Fingerprint":"a","Value":"` + v + `"}]}`) }
	for _, b := range [][]byte{
		nil, []byte("{}"), []byte(`{"PublicKeyList":[{}]}`), value("%"), value("aGVsbG8="), s.keysJSON("yesterday", nil), s.keysJSON(-1, nil),
		[]byte(`{"PublicKeyList":[]} {`), make([]byte, maxKeyFileBytes+1),
	} {
		if _, err := ParseKeys(b); err == nil {
			t.Errorf("%.60q passed", b)
		}
	}
}

func TestPlaces(t *testing.T) {
	p, ok := parsePlace("b/pre/AWSLogs/o-ab12/111122223333/CloudTrail-Digest/eu-west-1/2026/03/02/" +
		"111122223333_CloudTrail-Digest_eu-west-1_my_own-trail_us-east-1_20260302T100131Z_backfill.json")
	at := time.Date(2026, 3, 2, 10, 1, 31, 0, time.UTC)
	if !ok || p.trail != "my_own-trail" || p.home != "us-east-1" || !p.backfill || !p.at.Equal(at) ||
		p.area != (area{"b/pre", "o-ab12", "111122223333", "eu-west-1"}) || !strings.HasSuffix(p.key, "_backfill.json.gz") {
		t.Errorf("%+v %v", p, ok)
	}
	for _, s := range []string{
		"", "AWSLogs", "AWSLogs/1/CloudTrail/x.json.gz", "AWSLogs/1/Config/us-east-1/x.json.gz", "AWSLogs/1/CloudTrail/us-east-1/x.txt",
		"xAWSLogs/1/CloudTrail/us-east-1/x.json.gz",
	} {
		if p, ok := parsePlace(s); ok {
			t.Errorf("%q is %+v", s, p)
		}
	}
}
