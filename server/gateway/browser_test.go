package gateway

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
)

// asks is a gate that wants a captcha, unless the client has solved one.
type asks struct{ tokens *handler.Tokens }

func (asks) BodyLimit() int { return 0 }

func (a asks) Decide(q *yagura.Request) *yagura.Verdict {
	k := a.tokens.Check(q)
	v := &yagura.Verdict{Action: yagura.Allow, Rule: "Default_Action", RuleType: "REGULAR"}
	switch {
	case strings.HasPrefix(q.URI, "/captcha") && k.Captcha == 0:
		v.Action, v.Rule = yagura.Captcha, "ask"
	case strings.HasPrefix(q.URI, "/challenge") && k.Challenge == 0:
		v.Action, v.Rule = yagura.Challenge, "ask"
	}
	return v
}

// A real browser solves the puzzle by itself, or after a click, and gets through.
func TestPuzzleInABrowser(t *testing.T) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no Chromium here: install the package chromium to solve the puzzle in a browser")
	}
	backend := app(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p id=through>through</p>")
	})
	key := make([]byte, 48)
	_, _ = rand.Read(key) // It never fails.
	file := filepath.Join(t.TempDir(), "token.key")
	if err := os.WriteFile(file, []byte(base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	g := runWith(t, fmt.Sprintf("token: {key_file: %q, challenge_bits: 10, captcha_bits: 11}\n", file)+fmt.Sprintf(plainSite, backend),
		func(_ *WAF, tokens *handler.Tokens, _ yagura.Gate) (yagura.Gate, []string, error) {
			return asks{tokens}, nil, nil
		})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-gpu", true), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	do := func(name string, actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, actions...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	do("challenge", chromedp.Navigate("http://"+g.addr+"/challenge"), chromedp.WaitVisible("#through"))
	do("captcha", chromedp.Navigate("http://"+g.addr+"/captcha"), chromedp.WaitVisible("#go"), chromedp.Click("#go"), chromedp.WaitVisible("#through"))
}
