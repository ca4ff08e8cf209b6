package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"crypto/sha256"

	_ "modernc.org/sqlite"

	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/source"
)

// trail gives a CloudTrail document of the events with the given numbers.
func trail(numbers ...int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, n := range numbers {
		if i > 0 {
			b.WriteByte(',')
		}
		at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 17 * time.Minute)
		fmt.Fprintf(&b, `{"eventVersion":"1.08","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1","sourceIPAddress":"10.0.%d.%d",`+
			`"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/u%d"},"eventID":"00000000-0000-4000-8000-%012x","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`,
			at.Format(time.RFC3339), n/250%250, n%250, n%7, n)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// flows gives a flow log of n records that begin at a number, some minutes apart.
func flows(first, n int) []byte { return flowsEvery(613, first, n) }

func flowsEvery(seconds, first, n int) []byte {
	var b bytes.Buffer
	b.WriteString("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n")
	for i := first; i < first+n; i++ {
		start := 1790812800 + seconds*i
		fmt.Fprintf(&b, "2 111122223333 eni-0a1b2c3d 10.0.%d.%d 203.0.113.9 %d 443 6 %d %d %d %d ACCEPT OK\n", i/250%250, i%250, 1024+i%60000, 1+i%9, 40+i, start, start+60)
	}
	return b.Bytes()
}

func zip(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(content)
	_ = z.Close()
	return b.Bytes()
}

func trailKey(account, day, n int) string {
	return fmt.Sprintf("AWSLogs/%012d/CloudTrail/us-east-1/2026/10/%02d/%012d_CloudTrail_us-east-1_202610%02dT0000Z_%04d.json.gz", account, day, account, day, n)
}

func flowKey(n int) string {
	return fmt.Sprintf("AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/10/01/111122223333_vpcflowlogs_us-east-1_fl-1_20261001T0000Z_%04d.log.gz", n)
}

// put writes a file below the root with a fixed modification time.
func put(t testing.TB, root, key string, content []byte) string {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(key))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// tree writes about 40 objects of several sources over several days, with
// events that overlap, a copy, files that end early and files that are no logs.
func tree(t testing.TB, root string) {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 5))
	for i := range 22 {
		var numbers []int
		for range 20 + r.IntN(60) {
			numbers = append(numbers, r.IntN(400)) // the same events stand in several objects
		}
		put(t, root, trailKey(1+i%3, 1+i%4, i), zip(trail(numbers...)))
	}
	for i := range 12 {
		put(t, root, flowKey(i), zip(flows(i*100, 150)))
	}
	put(t, root, flowKey(12), zip(flows(0, 150))) // a copy of the first
	whole := zip(trail(1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007))
	put(t, root, trailKey(4, 1, 0), whole[:len(whole)-30])
	put(t, root, "AWSLogs/notes.txt", []byte("nothing that a source knows\n"))
	put(t, root, "AWSLogs/000000000001/broken.gz", []byte{0x1f, 0x8b, 0x08, 0xff})
	put(t, root, trailKey(4, 1, 1), zip(append(trail(2000, 2001)[:500], []byte(`{"Records":[broken`)...)))
	put(t, root, trailKey(4, 1, 2), []byte{})
	for _, s := range []string{"elb/testdata/alb.log", "waf/testdata/s3.log", "s3access/testdata/flat.log", "route53/testdata/s3.log", "guardduty/testdata/s3.jsonl", "awsconfig/testdata/history.json"} {
		b, err := os.ReadFile(filepath.Join("..", "source", s))
		if err != nil {
			t.Fatal(err)
		}
		put(t, root, "other/"+s, b)
	}
}

func openLake(t testing.TB, dir string, now func() time.Time) *lake.Lake {
	t.Helper()
	l, err := lake.Open(context.Background(), lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// take ingests and fails the test on an error.
func take(t testing.TB, l *lake.Lake, cfg ingest.Config) *ingest.Summary {
	t.Helper()
	if cfg.Sources == nil {
		cfg.Sources = source.All()
	}
	s, err := ingest.Run(context.Background(), l, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func count(t testing.TB, l *lake.Lake, sources ...string) int64 {
	t.Helper()
	n, err := l.Count(context.Background(), ask.Filter{Sources: sources})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sound fails the test if the lake does not agree with its catalogue.
func sound(t testing.TB, l *lake.Lake) *lake.Report {
	t.Helper()
	r, err := l.Check(context.Background(), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %s %s: %s", p.Code, p.Subject, p.Detail)
	}
	return r
}

// state gives what a lake consists of: the hash of each file that counts, and
// the rows of the catalogue but for clocks and numbers that a crash may move.
func state(t testing.TB, dir string) []string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "catalog.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var out []string
	for _, q := range []string{
		`SELECT 'object', bucket, key, id, size, sha256, source, status, reason, records, rows, duplicates, quarantined, expired, first, last, proof FROM object ORDER BY key`,
		`SELECT 'file', source, day, name, compacted, rows, bytes, words, memory, first, last, sha256, schema FROM file ORDER BY name`,
		`SELECT 'part', file.name, object, part.rows FROM part JOIN file ON file.id = part.file ORDER BY file.name, object`,
		`SELECT 'quarantine', object, record, offset, reason, hex(raw) FROM quarantine ORDER BY object, record`,
		`SELECT 'lost part', count(*) FROM part WHERE file NOT IN (SELECT id FROM file)`,
	} {
		rows, err := db.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		cols, _ := rows.Columns()
		for rows.Next() {
			row := make([]any, len(cols))
			at := make([]any, len(cols))
			for i := range row {
				at[i] = &row[i]
			}
			if err := rows.Scan(at...); err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprint(row...))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
	}
	rows, err := db.Query(`SELECT name, words FROM file`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		var words int64
		if err := rows.Scan(&name, &words); err != nil {
			t.Fatal(err)
		}
		if names = append(names, name); words > 0 {
			names = append(names, strings.TrimSuffix(name, ".parquet")+".words")
		}
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, name+" "+fileSum(t, filepath.Join(dir, name)))
	}
	return out
}

func fileSum(t testing.TB, path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// different tells how two states differ.
func different(want, got []string) string {
	var b strings.Builder
	n := 0
	for _, s := range want {
		if !slices.Contains(got, s) && n < 6 {
			n++
			fmt.Fprintf(&b, "\nlost  %.400s", s)
		}
	}
	for _, s := range got {
		if !slices.Contains(want, s) && n < 12 {
			n++
			fmt.Fprintf(&b, "\nextra %.400s", s)
		}
	}
	return b.String()
}

// size sums the files below a directory.
func size(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if st, err := d.Info(); err == nil {
				n += st.Size()
			}
		}
		return nil
	})
	return n
}
