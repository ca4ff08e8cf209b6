package handler

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"html/template"
	"math/bits"
	"net/http"
	"time"

	"github.com/yagura-sec/yagura"
)

// verifyPath is where solutions go. It belongs to the guard; the application
// never sees a POST to it.
const verifyPath = "/.well-known/yagura-waf/verify"

// puzzleTime is how long a client may take. maxUsed bounds the puzzles that are
// remembered as solved, per period of puzzleTime.
const (
	puzzleTime = 5 * time.Minute
	maxUsed    = 1 << 20
)

// puzzle is a task that costs the client some work.
type puzzle struct {
	sealed string
	bits   int
}

// puzzle gives the answer of a captcha or challenge.
func (g *Guard) puzzle(x *Exchange, status int, action string) *answer {
	a := &answer{status: status, action: action, request: x.Request}
	if g.Tokens != nil {
		a.puzzle = g.Tokens.puzzle(action, hostname(x.Request.Host), g.Now())
	}
	return a
}

// A puzzle is kind, difficulty, time in µs and 16 random bytes, then the host.
const puzzleHead = 1 + 1 + 8 + 16

func (t *Tokens) puzzle(action, host string, now time.Time) *puzzle {
	raw := make([]byte, puzzleHead, puzzleHead+len(host))
	p := &puzzle{bits: t.ChallengeBits}
	if action == "captcha" {
		raw[0], p.bits = 1, t.CaptchaBits
	}
	raw[1] = byte(p.bits)
	binary.BigEndian.PutUint64(raw[2:], uint64(now.UnixMicro())) //nolint:gosec // After 1970.
	_, _ = rand.Read(raw[10:puzzleHead])                         // It never fails.
	p.sealed = t.seal(append(raw, host...), "puzzle")
	return p
}

// page is the interstitial.
func (p *puzzle) page(h http.Header, action, lang string) []byte {
	raw := make([]byte, 16)
	_, _ = rand.Read(raw) // It never fails.
	nonce := base64.RawStdEncoding.EncodeToString(raw)
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; connect-src 'self'; "+
		"script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'")
	h.Set("Content-Language", lang)
	return render("puzzle.html", map[string]any{
		"Lang": lang, "Text": puzzleTexts[action][lang], "Captcha": action == "captcha", "Nonce": template.HTMLAttr(`nonce="` + nonce + `"`), //nolint:gosec // Base64.
		"Puzzle": p.sealed, "Bits": p.bits, "Verify": verifyPath,
	})
}

type puzzleText struct{ Title, Body, Button, Working, Failed, NoScript, Note string }

var puzzleTexts = map[string]map[string]puzzleText{
	"challenge": {
		"en": {
			"Checking your browser", "This takes a moment and happens by itself.", "", "Working …", "That did not work. Please reload the page.",
			"This page needs JavaScript.", "Shown by Yagura, the firewall in front of this site. It proves that a browser did some work, and nothing about you.",
		},
		"ja": {
			"ブラウザーを確認しています", "自動で行われます。少しお待ちください。", "", "処理中…", "確認できませんでした。ページを再読み込みしてください。",
			"このページには JavaScript が必要です。", "このサイトの手前にあるファイアウォール Yagura の画面です。ブラウザーが計算を行ったことだけを確かめ、利用者については何も調べません。",
		},
	},
	"captcha": {
		"en": {
			"One step before you go on", "Press the button. Your browser then computes for a moment.", "Continue", "Working …",
			"That did not work. Please reload the page.", "This page needs JavaScript.",
			"Shown by Yagura, the firewall in front of this site. It asks for a click and some work of the browser; it is no picture puzzle and not that of AWS WAF.",
		},
		"ja": {
			"続ける前に一つだけ", "ボタンを押してください。ブラウザーが少しの間、計算を行います。", "続ける", "処理中…",
			"確認できませんでした。ページを再読み込みしてください。", "このページには JavaScript が必要です。",
			"このサイトの手前にあるファイアウォール Yagura の画面です。クリックとブラウザーの計算だけを求めます。画像のパズルではなく、AWS WAF のものでもありません。",
		},
	},
}

// verify takes a solution and gives a token for it.
func (t *Tokens) verify(w http.ResponseWriter, r *http.Request, now time.Time) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	host := hostname(r.Host)
	sealed := r.PostFormValue("puzzle")
	raw, ok := t.solved(sealed, r.PostFormValue("answer"), host, now)
	if !ok {
		http.Error(w, "the puzzle is not solved, too old, used, or another host's", http.StatusForbidden)
		return
	}
	q := &yagura.Request{Host: r.Host, Time: now.UnixMicro(), Headers: fields(r)}
	k := t.Check(q) // What was solved before still counts.
	k.Domain = t.domain(host)
	if k.Challenge = now.UnixMicro(); raw[0] == 1 {
		k.Captcha = now.UnixMicro()
	}
	secure := r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
	http.SetCookie(w, t.cookie(k, host, secure, now))
	w.WriteHeader(http.StatusNoContent)
}

// solved checks a solution: SHA-256 of puzzle, full stop and answer begins with
// as many zero bits as the puzzle says. Each puzzle counts once.
func (t *Tokens) solved(sealed, answer, host string, now time.Time) ([]byte, bool) {
	raw, ok := t.open(sealed, "puzzle")
	if !ok || len(raw) < puzzleHead || string(raw[puzzleHead:]) != host || answer == "" || len(answer) > 20 {
		return nil, false
	}
	age := now.Sub(time.UnixMicro(int64(binary.BigEndian.Uint64(raw[2:])))) //nolint:gosec // Written as such.
	if age < 0 || age > puzzleTime || !zeroBits(sealed+"."+answer, int(raw[1])) {
		return nil, false
	}
	return raw, t.use(string(raw[10:puzzleHead]), now)
}

func zeroBits(s string, want int) bool {
	sum := sha256.Sum256([]byte(s))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:])) >= want
}

// use says whether a puzzle was not used before.
func (t *Tokens) use(id string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.turned) > puzzleTime {
		t.old, t.used, t.turned = t.used, map[string]bool{}, now
	}
	if t.used[id] || t.old[id] || len(t.used) >= maxUsed {
		return false
	}
	t.used[id] = true
	return true
}
