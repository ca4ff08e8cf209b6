package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/cmd/yagura/sheet"
)

// At a terminal of 80 columns every line of the table fits, and severity and
// title are still there, in both languages.
func TestDetectAtNarrowTerminal(t *testing.T) {
	dir := t.TempDir()
	record := `{"Records":[{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/mallory-with-a-long-name-that-goes-on","accountId":"111122223333","userName":"mallory"},"eventTime":"2026-05-04T10:00:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2","requestParameters":{"name":"t"},"responseElements":null,"eventID":"e-1","eventType":"AwsApiCall","recipientAccountId":"111122223333"}]}`
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte(record), 0o600); err != nil {
		t.Fatal(err)
	}
	for lang, title := range map[string]string{"en": "CloudTrail", "ja": "CloudTrail …"} {
		var out, notes bytes.Buffer
		p := &program{stdout: &sheet.Terminal{W: &out}, stderr: &notes, lang: lang, format: "table", zone: time.UTC, now: time.Now}
		err := p.detect(t.Context(), detecting{least: "medium"}, []string{dir})
		if fmt.Sprint(err) != fmt.Sprint(ended(exitFound)) {
			t.Fatalf("%v\n%s", err, notes.String())
		}
		lines := strings.Split(strings.TrimRight(out.String(), "\n"), "\n")
		if len(lines) < 2 || !strings.HasPrefix(lines[1], "high") || !strings.Contains(lines[1], title) {
			t.Errorf("%s:\n%s", lang, out.String())
		}
		for _, l := range lines {
			if w := sheet.Size(l); w > 80 {
				t.Errorf("%s: %d columns: %s", lang, w, l)
			}
		}
	}
}

// example gives the first YAML block of a page.
func example(t *testing.T, page string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "\n```yaml\n")
	block, _, ok := strings.Cut(rest, "\n```\n")
	if !ok {
		t.Fatalf("%s has no example", page)
	}
	return block + "\n"
}

// The rule that docs/add-a-rule.md shows is sound and passes its tests, and the
// configuration of docs/detection.md is one.
func TestExamplesOfDetection(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "cloudtrail", "database-deleted-for-good.yml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(example(t, "add-a-rule.md")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func(*program, []string) error{(*program).testRules, (*program).lintRules} {
		var out, notes bytes.Buffer
		p := &program{stdout: &out, stderr: &notes, lang: "en", format: "table", zone: time.UTC, now: time.Now}
		if err := do(p, []string{dir}); err != nil {
			t.Errorf("%v\n%s%s", err, out.String(), notes.String())
		}
		if text := notes.String(); !strings.Contains(text, "3 tests: 0 failed") && !strings.Contains(text, "0 errors, 0 warnings") {
			t.Error(text)
		}
	}
	config := filepath.Join(dir, "yagura.yaml")
	if err := os.WriteFile(config, []byte(example(t, "detection.md")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{config: config}
	if err := p.readSettings(); err != nil || len(p.settings.Detection.Lists) != 2 || !p.settings.Detection.OnIngest {
		t.Errorf("%v %+v", err, p.settings.Detection)
	}
}
