package lake_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
)

// delivered is one object of the corpus.
type delivered struct {
	source  yagura.Source
	key     string
	content []byte
	options map[string]string
}

// fixtures gives every fixture of every source as an object.
func fixtures(t testing.TB) []delivered {
	t.Helper()
	var out []delivered
	for _, s := range source.All() {
		dir := filepath.Join("..", "source", s.Schema().Source, "testdata")
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			name := e.Name()
			if e.IsDir() || slices.Contains([]string{".golden", ".key", ".options"}, filepath.Ext(name)) {
				continue
			}
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, ".gz") {
				content = gunzip(t, content)
			}
			d := delivered{source: s, key: "fixtures/" + s.Schema().Source + "/" + name, content: content, options: map[string]string{}}
			options, _ := os.ReadFile(filepath.Join(dir, name+".options"))
			for line := range strings.Lines(string(options)) {
				if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
					d.options[k] = v
				}
			}
			if key, err := os.ReadFile(filepath.Join(dir, name+".key")); err == nil {
				d.key = strings.TrimSpace(string(key))
			}
			out = append(out, d)
		}
	}
	return out
}

func gunzip(t testing.TB, b []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// odd are texts that something between the log and the answer may trip over.
// They stand in records as written here, between quotation marks.
var odd = []string{
	`plain`, `two words`, `a/b/c`, `a\/b\/c`, `\u6771\u4eac`, `東京タワー`, `100%`, `under_score`, `star*`, `what?`, `it's`, `semi;colon--`, `quote\"d`,
	`back\\slash`, `\u003cscript\u003e`, `<script>`, `caf\u00e9`, `café`, `ÉCOLE`, `new\nline`, `tab\there`, `nul\u0000l`, `half\ud800surrogate`, `\ud83d\ude00`, `😀`,
	"bad\xff\xfebytes", `10.0.0.1`, `10.0.0.12`, `2001:db8::1`, `arn:aws:s3:::bucket-1/key=a+b`, `00000000-1111-4222-8333-444455556666`,
	`null`, `true`, `TRUE`, `12`, `-7`, `1.5`, `007`, `9223372036854775808`, ` padded `, `K\u212Alvin`, `ſharp`, `İstanbul`, `${jndi:ldap://x}`, `%s%n`, `$1`, `'; DROP TABLE events; --`,
}

// generated gives objects that the fixtures lack: many rows, odd texts, times
// at the edges.
func generated(rows int) []delivered {
	r := rand.New(rand.NewPCG(7, 7))
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	var trail bytes.Buffer
	trail.WriteString(`{"Records":[`)
	names := []string{"GetObject", "PutObject", "AssumeRole", "ConsoleLogin", "RunInstances"}
	for i := range rows {
		if i > 0 {
			trail.WriteByte(',')
		}
		day := r.IntN(4)
		at := fmt.Sprintf("2026-10-%02dT%02d:%02d:%02dZ", 1+day, r.IntN(24), r.IntN(3), r.IntN(3))
		switch i {
		case 5:
			at = "2026-10-01T00:00:00Z"
		}
		address := fmt.Sprintf("10.%d.%d.%d", r.IntN(3), r.IntN(3), r.IntN(20))
		switch r.IntN(6) {
		case 0:
			address = fmt.Sprintf("2001:db8:0:%x::%x", r.IntN(3), r.IntN(20))
		case 1:
			address = pick([]string{"s3.amazonaws.com", "AWS Internal", "::ffff:10.0.0.7", "2001:0DB8:0:0::0001", "10.0.0.1.example.com", ""})
		}
		fmt.Fprintf(&trail, `{"eventVersion":"1.08","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":%q,"awsRegion":%q,"sourceIPAddress":%q,"userAgent":"%s",`+
			`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u%d","accountId":"111122223333","userName":"%s","accessKeyId":"AKIA%016d"},`+
			`"requestParameters":{"bucketName":"%s","size":%d,"ratio":%d.5,"flag":%v,"nested":{"list":[{"k":"%s"},{"k":"%s"},null],"when":"2026-10-0%dT00:00:00Z"},"ip":"%s"},`+
			`"responseElements":null,"eventID":"%08x-0000-4000-8000-%012x","requestID":"R%d","readOnly":%v,"eventType":"AwsApiCall","recipientAccountId":"111122223333"`,
			at, pick(names), pick([]string{"us-east-1", "ap-northeast-1"}), address, pick(odd), r.IntN(5), pick(odd), r.IntN(9),
			pick(odd), r.IntN(200)-50, r.IntN(9), r.IntN(2) == 0, pick(odd), pick(odd), 1+r.IntN(5), pick([]string{"10.0.0.1", "x", "2001:db8::1"}),
			r.Uint32(), i, i, r.IntN(2) == 0)
		if r.IntN(4) == 0 {
			fmt.Fprintf(&trail, `,"errorCode":%q,"errorMessage":"%s"`, pick([]string{"AccessDenied", "Client.UnauthorizedOperation", "100%_x"}), pick(odd))
		}
		trail.WriteByte('}')
	}
	trail.WriteString(`]}`)
	var flows, bare bytes.Buffer
	flows.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags pkt-srcaddr flow-direction\n")
	flow := func(b *bytes.Buffer, more string) {
		start := 1790812800 + r.IntN(3*86400)
		src, dst := fmt.Sprintf("10.0.%d.%d", r.IntN(3), r.IntN(30)), fmt.Sprintf("203.0.113.%d", r.IntN(9))
		if r.IntN(5) == 0 {
			src, dst = fmt.Sprintf("2001:db8::%x", r.IntN(20)), "2001:db8:ffff::1"
		}
		if r.IntN(9) == 0 {
			fmt.Fprintf(b, "2 111122223333 eni-0a1b%d - - - - - - - %d %d - %s%s\n", r.IntN(3), start, start+60, pick([]string{"NODATA", "SKIPDATA"}), strings.Repeat(" -", strings.Count(more, " ")))
			return
		}
		fmt.Fprintf(b, "2 111122223333 eni-0a1b%d %s %s %d %d %d %d %d %d %d %s OK%s\n", r.IntN(3), src, dst, r.IntN(40000), pick2(r), 6, 1+r.IntN(9), r.IntN(5000), start, start+60,
			pick([]string{"ACCEPT", "REJECT"}), more)
	}
	for range rows {
		flow(&flows, fmt.Sprintf(" %d 10.9.0.%d %s", r.IntN(20), r.IntN(9), pick([]string{"ingress", "egress"})))
		flow(&bare, "")
	}
	by := func(name string) yagura.Source { return source.Named(name) }
	return []delivered{
		{source: by("cloudtrail"), key: "generated/trail.json", content: trail.Bytes()},
		{source: by("vpcflow"), key: "generated/custom.log", content: flows.Bytes()},
		{source: by("vpcflow"), key: "generated/AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/10/01/bare.log", content: bare.Bytes()},
	}
}

func pick2(r *rand.Rand) int { return []int{22, 80, 443, 3389}[r.IntN(4)] }

// open opens a lake with every source's schema, for the test or, without one,
// for all of them.
func open(t testing.TB, dir string) *lake.Lake {
	l, err := lake.Open(context.Background(), lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2})
	if err != nil {
		panic(err)
	}
	if t != nil {
		t.Cleanup(func() { l.Close() })
	}
	return l
}

var scratch string

// tempDir gives a directory that goes when all tests have run.
func tempDir() string {
	dir, err := os.MkdirTemp(scratch, "lake")
	if err != nil {
		panic(err)
	}
	return dir
}

func TestMain(m *testing.M) {
	var err error
	if scratch, err = os.MkdirTemp("", "yagura-lake"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(scratch)
	os.Exit(code)
}

// fill appends objects to a lake, several to a batch.
func fill(t testing.TB, l *lake.Lake, objects []delivered, perBatch int) []lake.Object {
	t.Helper()
	ctx := context.Background()
	w, err := l.Write(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var out []lake.Object
	for part := range slices.Chunk(objects, perBatch) {
		b := w.Begin()
		for _, d := range part {
			appendObject(t, b, d)
		}
		res, err := b.Commit(ctx)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, res.Objects...)
	}
	return out
}

func appendObject(t testing.TB, b *lake.Batch, d delivered) {
	t.Helper()
	schema := d.source.Schema()
	b.Object(lake.Object{Key: d.key, Size: int64(len(d.content)), Modified: 1, Source: schema.Source})
	events, bad, reason := decode(d)
	for i := range bad {
		b.Quarantine(bad[i])
	}
	if err := b.Append(context.Background(), schema, events); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(d.content)
	b.End(hex.EncodeToString(sum[:]), reason, lake.Proof{})
}

func decode(d delivered) (events []ocsf.Event, bad []*yagura.RecordError, reason string) {
	dec, err := d.source.Open(yagura.Input{
		Object: yagura.Object{Key: d.key, Size: int64(len(d.content))}, Body: bytes.NewReader(d.content),
		At: bytes.NewReader(d.content), Size: int64(len(d.content)), MaxRecord: 1 << 20, Options: d.options,
	})
	if err != nil {
		return nil, nil, err.Error()
	}
	for {
		var ev ocsf.Event
		err := dec.Next(&ev)
		var re *yagura.RecordError
		switch {
		case err == nil:
			events = append(events, ev)
		case errors.As(err, &re):
			bad = append(bad, re)
		case errors.Is(err, io.EOF):
			return events, bad, ""
		default:
			return events, bad, err.Error()
		}
	}
}

// compact merges everything.
func compact(t testing.TB, l *lake.Lake) {
	t.Helper()
	w, err := l.Write(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Compact(t.Context(), true, nil); err != nil {
		t.Fatal(err)
	}
}

// at is where a row stands.
type at struct {
	source         string
	object, record int64
}

func place(h *ask.Hit) at {
	return at{h.Source, h.Event.Provenance.Object, h.Event.Provenance.Record}
}

// everything reads the whole lake with raw records.
func everything(t testing.TB, l *lake.Lake) []ask.Hit {
	t.Helper()
	hits, err := l.Search(t.Context(), ask.Filter{}, ask.Page{Limit: 1 << 20, Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	return hits
}

func schemas() []*ocsf.Schema { return source.Schemas() }

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
