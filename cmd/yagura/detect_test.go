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
