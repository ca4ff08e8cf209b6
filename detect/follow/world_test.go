package follow_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/follow"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/gameday/world"
	"github.com/yagura-sec/yagura/ingest"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/store"
)

// documents are the rules that come with the program.
func documents() ([]*sigma.Document, error) {
	sub, err := fs.Sub(rules.Threat, "threat")
	if err != nil {
		return nil, err
	}
	docs, problems := sigma.Read(sub, ".")
	if len(problems) > 0 {
		return nil, problems[0]
	}
	return docs, nil
}

// pipeline is everything that `yagura detect` runs, with nothing learned.
func pipeline(docs []*sigma.Document) (*detect.Assembly, error) {
	a, problems, err := detect.Assemble(detect.Kit{
		Documents: docs, Schemas: source.Schemas(), World: threat.Config{Accounts: []string{"111122223333"}}, Inventory: intel.NewInventory(),
	})
	for _, p := range problems {
		if err == nil && !p.Warning {
			err = p
		}
	}
	return a, err
}

func house(t testing.TB) *detect.Assembly {
	t.Helper()
	docs, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	a, err := pipeline(docs)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func openLake(t testing.TB, dir string) *lake.Lake {
	t.Helper()
	l, err := lake.Open(context.Background(), lake.Config{Dir: dir, Schemas: source.Schemas(), Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func openStore(t testing.TB, dir string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// put writes a log and has it ingested.
func put(t testing.TB, l *lake.Lake, name string, content []byte) {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, name), content)
	take(t, l, root)
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func take(t testing.TB, l *lake.Lake, root string) {
	t.Helper()
	if _, err := ingest.Run(t.Context(), l, ingest.Config{Roots: []string{root}, Sources: source.All(), Compact: true, Workers: 2}); err != nil {
		t.Fatal(err)
	}
}

// run follows with a new pipeline, as a process does that is started.
func run(t testing.TB, l *lake.Lake, dir string, change func(*follow.Config)) follow.Summary {
	t.Helper()
	cfg := follow.Config{Lake: l, Store: openStore(t, dir), Dir: filepath.Join(dir, "detect")}
	change(&cfg)
	if cfg.Detector == nil {
		cfg.Detector = house(t)
	}
	s, err := follow.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func plain(*follow.Config) {}

// findings gives all findings of a store as one text each, by id.
func findings(t testing.TB, dir string) map[string]string {
	t.Helper()
	list, err := openStore(t, dir).Findings(context.Background(), store.FindingQuery{Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range list {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		out[f.ID] = string(text)
	}
	return out
}

// busy makes a lake in which much is to be found: a day of the sample
// organisation with its intrusion, and every attack in the rules' own tests.
func busy(t testing.TB, dir string) *lake.Lake {
	t.Helper()
	root := t.TempDir()
	if _, err := world.Sample(t.Context(), world.Options{Out: filepath.Join(root, "sample"), Seed: 1, Days: 1}); err != nil {
		t.Fatal(err)
	}
	docs, err := documents()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, d := range docs {
		for i := range d.Tests {
			if d.Tests[i].Want == 0 {
				continue
			}
			if body := log(t, d, &d.Tests[i], &n); body != nil {
				write(t, filepath.Join(root, "attacks", d.ID, fmt.Sprintf("%d.log", i)), body)
			}
		}
	}
	l := openLake(t, dir)
	take(t, l, root)
	return l
}

// log writes a test's records as a log file, each event under an id of its own;
// nil for sources whose tests say too little to be a file.
func log(t testing.TB, d *sigma.Document, test *sigma.Test, n *int) []byte {
	t.Helper()
	records, err := test.Records()
	if err != nil {
		t.Fatal(err)
	}
	if test.Header != "" {
		return []byte(test.Header + "\n" + strings.Join(records, "\n") + "\n")
	}
	if d.Source() != "cloudtrail" {
		return nil
	}
	var trail struct{ Records []map[string]any }
	for _, r := range records {
		var record map[string]any
		dec := json.NewDecoder(strings.NewReader(r))
		dec.UseNumber()
		if dec.Decode(&record) != nil {
			return nil // hostile on purpose
		}
		*n++
		record["eventID"] = fmt.Sprintf("00000000-0000-4000-8000-%012x", *n)
		trail.Records = append(trail.Records, record)
	}
	body, err := json.Marshal(trail)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// call is a CloudTrail record.
func call(n int, at time.Time, user, service, name, parameters string) string {
	return fmt.Sprintf(`{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/%[3]s","accountId":"111122223333","accessKeyId":"AKIAEXAMPLE","userName":"%[3]s"},`+
		`"eventTime":%[2]q,"eventSource":"%[4]s.amazonaws.com","eventName":"%[5]s","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.17.20","requestParameters":%[6]s,"responseElements":null,`+
		`"requestID":"r-%[1]d","eventID":"00000000-0000-4000-9000-%012[1]x","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management"}`,
		n, at.UTC().Format(time.RFC3339), user, service, name, parameters)
}

func trail(records ...string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[` + strings.Join(records, ",") + `]}`)
	return b.Bytes()
}

var _ yagura.Detector = (*detect.Assembly)(nil)
