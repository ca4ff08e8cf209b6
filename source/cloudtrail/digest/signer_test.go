package digest

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// A signer writes bucket copies as CloudTrail would have delivered them, with a key of its own.
type signer struct {
	key         *rsa.PrivateKey
	fingerprint string
}

var testKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newSigner() *signer {
	return &signer{key: testKey(), fingerprint: "31e8b5433410dfb61a9dc45cc65b22ff"}
}

// otherKeys is a key that signed nothing, under the fingerprint of the one that did.
func otherKeys() []byte {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return (&signer{key: k, fingerprint: newSigner().fingerprint}).keysJSON(nil, nil)
}

func (s *signer) keysJSON(from, to any) []byte {
	b, err := json.Marshal(map[string]any{"PublicKeyList": []any{map[string]any{
		"Value":       base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&s.key.PublicKey)),
		"Fingerprint": s.fingerprint, "ValidityStartTime": from, "ValidityEndTime": to,
	}}})
	if err != nil {
		panic(err)
	}
	return b
}

// A bucket is a copy under construction.
type bucket struct {
	name, prefix, org string
	files             map[string][]byte
	meta              map[string]map[string]string
	signer            *signer
}

func newBucket(prefix, org string) *bucket {
	return &bucket{
		name: "logs-of-acme", prefix: prefix, org: org, files: map[string][]byte{}, meta: map[string]map[string]string{},
		signer: newSigner(),
	}
}

// A trail writes one chain of digests.
type trail struct {
	b                     *bucket
	account, region, name string
	backfill              bool
	previous              string // key of the last digest
	logs                  int
}

func (b *bucket) trail(account, region, name string) *trail {
	return &trail{b: b, account: account, region: region, name: name}
}

func gz(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func gunzip(b []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if _, err := out.ReadFrom(r); err != nil {
		panic(err)
	}
	return out.Bytes()
}

func (t *trail) base() string {
	p := "AWSLogs/"
	if t.b.prefix != "" {
		p = t.b.prefix + "/" + p
	}
	if t.b.org != "" {
		p += t.b.org + "/"
	}
	return p + t.account
}

func (t *trail) logKey(folder string, at time.Time) string {
	t.logs++
	return fmt.Sprintf("%s/%s/%s/%s/%s_%s_%s_%s_%s%012d.json.gz", t.base(), folder, t.region, at.Format("2006/01/02"),
		t.account, folder, t.region, at.Format("20060102T1504Z"), t.name, t.logs)
}

// hour writes count log files and the digest of [start, start+1h); it returns the digest's key and the log keys.
func (t *trail) hour(start time.Time, count int) (string, []string) {
	var logs []string
	entries := []any{}
	for i := range count {
		at := start.Add(time.Duration(5*(i+1)) * time.Minute)
		folder := "CloudTrail"
		if i == 2 {
			folder = "CloudTrail-Insight"
		}
		key := t.logKey(folder, at)
		body := fmt.Appendf(nil, `{"Records":[{"eventID":"%s-%s-%d","eventTime":"%s"}]}`, t.region, t.name, t.logs, at.Format(time.RFC3339))
		t.b.files[key] = gz(body)
		logs = append(logs, key)
		entries = append(entries, logEntry(t.b.name, key, sha256Hex(body), at))
	}
	return t.digest(start, start.Add(time.Hour), entries), logs
}

func logEntry(bucket, key, sum string, at time.Time) any {
	return map[string]any{
		"s3Bucket": bucket, "s3Object": key, "hashValue": sum, "hashAlgorithm": "SHA-256",
		"oldestEventTime": at.Add(-4 * time.Minute).Format(time.RFC3339), "newestEventTime": at.Add(-time.Minute).Format(time.RFC3339),
	}
}

func (t *trail) digest(start, end time.Time, entries []any) string {
	suffix := ""
	if t.backfill {
		suffix = "_backfill"
	}
	key := fmt.Sprintf("%s/CloudTrail-Digest/%s/%s/%s_CloudTrail-Digest_%s_%s_us-east-1_%s%s.json.gz", t.base(), t.region,
		end.Format("2006/01/02"), t.account, t.region, t.name, end.Format("20060102T150405Z"), suffix)
	d := map[string]any{
		"awsAccountId": t.account, "digestStartTime": start.Format(time.RFC3339), "digestEndTime": end.Format(time.RFC3339),
		"digestS3Bucket": t.b.name, "digestS3Object": key, "digestPublicKeyFingerprint": t.b.signer.fingerprint,
		"digestSignatureAlgorithm": "SHA256withRSA", "newestEventTime": nil, "oldestEventTime": nil,
		"previousDigestS3Bucket": nil, "previousDigestS3Object": nil, "previousDigestHashValue": nil,
		"previousDigestHashAlgorithm": nil, "previousDigestSignature": nil, "logFiles": entries,
	}
	if t.previous != "" {
		d["previousDigestS3Bucket"] = t.b.name
		d["previousDigestS3Object"] = t.previous
		d["previousDigestHashValue"] = sha256Hex(gunzip(t.b.files[t.previous]))
		d["previousDigestHashAlgorithm"] = "SHA-256"
		d["previousDigestSignature"] = t.b.meta[t.previous]["signature"]
	}
	t.b.seal(key, d)
	t.previous = key
	return key
}

// seal signs the digest d and puts it at key. The text under the signature is written here by hand, apart from the package's own.
func (b *bucket) seal(key string, d map[string]any) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}
	previous := "null"
	if s, ok := d["previousDigestSignature"].(string); ok {
		previous = s
	}
	plain := sha256.Sum256(body)
	under := strings.Join([]string{
		d["digestEndTime"].(string), d["digestS3Bucket"].(string) + "/" + d["digestS3Object"].(string), hex.EncodeToString(plain[:]), previous,
	}, "\n")
	sum := sha256.Sum256([]byte(under))
	signature, err := rsa.SignPKCS1v15(rand.Reader, b.signer.key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	b.files[key] = gz(body)
	b.meta[key] = map[string]string{"signature": hex.EncodeToString(signature), "signature-algorithm": "SHA256withRSA"}
	if strings.HasSuffix(key, "_backfill.json.gz") {
		end, err := time.Parse(time.RFC3339, d["digestEndTime"].(string))
		if err != nil {
			panic(err)
		}
		b.meta[key]["backfill-generation-timestamp"] = end.Add(48 * time.Hour).Format(time.RFC3339)
	}
}

// content returns the digest at key for changing and sealing again.
func (b *bucket) content(key string) map[string]any {
	var d map[string]any
	if err := json.Unmarshal(gunzip(b.files[key]), &d); err != nil {
		panic(err)
	}
	return d
}

func headJSON(meta map[string]string) []byte {
	b, err := json.Marshal(map[string]any{"ContentLength": 1234, "ContentType": "application/json", "Metadata": meta})
	if err != nil {
		panic(err)
	}
	return b
}

// sidecars is the copy with a .head.json beside every digest and the keys at the root.
func (b *bucket) sidecars() fstest.MapFS {
	tree := fstest.MapFS{}
	for key, body := range b.files {
		tree[key] = &fstest.MapFile{Data: body}
	}
	for key, meta := range b.meta {
		tree[key+".head.json"] = &fstest.MapFile{Data: headJSON(meta)}
	}
	tree["public-keys.json"] = &fstest.MapFile{Data: b.signer.keysJSON("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")}
	return tree
}

// lines is the copy with all metadata in one metadata.jsonl.
func (b *bucket) lines() fstest.MapFS {
	tree := b.sidecars()
	var out bytes.Buffer
	for key, meta := range b.meta {
		delete(tree, key+".head.json")
		line, err := json.Marshal(map[string]any{"key": key, "metadata": meta})
		if err != nil {
			panic(err)
		}
		out.Write(append(line, '\n'))
	}
	tree["metadata.jsonl"] = &fstest.MapFile{Data: out.Bytes()}
	return tree
}

func below(tree fstest.MapFS, folder string) fstest.MapFS {
	moved := fstest.MapFS{}
	for p, f := range tree {
		if strings.Contains(p, "AWSLogs/") {
			p = folder + "/" + p
		}
		moved[p] = f
	}
	return moved
}

func clone(tree fstest.MapFS) fstest.MapFS { return maps.Clone(tree) }

func check(t *testing.T, tree fstest.MapFS, o Options) *Report {
	t.Helper()
	r, err := Check(t.Context(), tree, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// find returns the object with this key.
func (r *Report) find(t *testing.T, key string) Object {
	t.Helper()
	for _, o := range r.Objects {
		if o.Key == key {
			return o
		}
	}
	t.Fatalf("report has no object %s", key)
	return Object{}
}

// bad lists what is not valid, as "reason key".
func (r *Report) bad() []string {
	var out []string
	for _, o := range r.Objects {
		if o.Status != valid {
			out = append(out, o.Status+" "+o.Reason+" "+o.Key)
		}
	}
	return out
}

func (r *Report) noticed(code string) int {
	n := 0
	for _, x := range r.Notices {
		if x.Code == code {
			n++
		}
	}
	return n
}
