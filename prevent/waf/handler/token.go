package handler

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/yagura-sec/yagura"
)

// cookieName is that of the token. It is not AWS's, whose tokens Yagura can
// neither make nor read.
const cookieName = "yagura-waf-token"

// TokenConfig is how tokens are made.
type TokenConfig struct {
	Key []byte // signs; at least 32 bytes, the same in every instance
	// Domains are those for which a token may hold, as in a web ACL's
	// TokenDomains; a token for example.com holds for its subdomains too. Without
	// a domain that fits, a token holds for one host.
	Domains  []string
	Lifetime time.Duration // of a token; default 24 h. Immunity times end earlier.
	// ChallengeBits and CaptchaBits are the leading zero bits that a solution's
	// hash must have: each doubles the client's work. Defaults 15 and 17, about
	// 33,000 and 131,000 hashes; at most 30.
	ChallengeBits, CaptchaBits int
}

// The states of a token, by the names of AWS's token labels.
const (
	absent   = "absent"
	accepted = "accepted"
	invalid  = "rejected:invalid"
	expired  = "rejected:expired"
	mismatch = "rejected:domain_mismatch"
)

// Token is a client's token, checked.
type Token struct {
	// State is absent, accepted, rejected:invalid, rejected:expired or
	// rejected:domain_mismatch, as in AWS's token labels.
	State string
	// Captcha and Challenge are when the client solved one, in µs since the epoch;
	// 0 for never. Only an accepted token has them.
	Captcha, Challenge int64
	Domain             string
}

// Tokens makes and checks tokens. Safe for concurrent use.
type Tokens struct {
	TokenConfig
	mu        sync.Mutex
	used, old map[string]bool // solved puzzles of this period and the last
	turned    time.Time
}

// NewTokens makes the maker of tokens.
func NewTokens(cfg TokenConfig) (*Tokens, error) {
	if len(cfg.Key) < 32 {
		return nil, fmt.Errorf("waf tokens: the key has %d bytes and needs 32; make one with: openssl rand -base64 32", len(cfg.Key))
	}
	if cfg.Lifetime < 0 || cfg.ChallengeBits < 0 || cfg.CaptchaBits < 0 || cfg.ChallengeBits > 30 || cfg.CaptchaBits > 30 {
		return nil, errors.New("waf tokens: a lifetime is negative, or a difficulty is not within 0 and 30 bits")
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 24 * time.Hour
	}
	if cfg.ChallengeBits == 0 {
		cfg.ChallengeBits = 15
	}
	if cfg.CaptchaBits == 0 {
		cfg.CaptchaBits = 17
	}
	cfg.Domains = slices.Clone(cfg.Domains)
	for i, d := range cfg.Domains {
		cfg.Domains[i] = strings.ToLower(strings.TrimPrefix(d, "."))
	}
	return &Tokens{TokenConfig: cfg, used: map[string]bool{}}, nil
}

// Check finds and checks the token among a request's cookies, under the
// request's clock. Of several tokens the first counts.
func (t *Tokens) Check(q *yagura.Request) Token {
	for _, h := range q.Headers {
		if !strings.EqualFold(h.Name, "cookie") {
			continue
		}
		for part := range strings.SplitSeq(h.Value, ";") {
			if value, ok := strings.CutPrefix(strings.TrimSpace(part), cookieName+"="); ok {
				return t.read(value, hostname(q.Host), time.UnixMicro(q.Time))
			}
		}
	}
	return Token{State: absent}
}

// tokenVersion is the first byte of a token: captcha and challenge times and
// expiry follow in µs, eight bytes each, then the domain.
const tokenVersion = 1

const tokenHead = 1 + 3*8

func (t *Tokens) read(value, host string, now time.Time) Token {
	raw, ok := t.open(value, "token")
	if !ok || len(raw) < tokenHead || raw[0] != tokenVersion {
		return Token{State: invalid}
	}
	k := Token{
		State: accepted, Domain: string(raw[tokenHead:]),
		Captcha: int64(binary.BigEndian.Uint64(raw[1:])), Challenge: int64(binary.BigEndian.Uint64(raw[9:])), //nolint:gosec // Written as such.
	}
	switch {
	case now.UnixMicro() >= int64(binary.BigEndian.Uint64(raw[17:])): //nolint:gosec // Written as such.
		return Token{State: expired, Domain: k.Domain}
	case host != k.Domain && !(slices.Contains(t.Domains, k.Domain) && strings.HasSuffix(host, "."+k.Domain)):
		return Token{State: mismatch, Domain: k.Domain}
	}
	return k
}

// cookie makes the cookie of a token.
func (t *Tokens) cookie(k Token, host string, secure bool, now time.Time) *http.Cookie {
	raw := make([]byte, tokenHead, tokenHead+len(k.Domain))
	raw[0] = tokenVersion
	expiry := now.Add(t.Lifetime)
	for i, v := range []int64{k.Captcha, k.Challenge, expiry.UnixMicro()} {
		binary.BigEndian.PutUint64(raw[1+8*i:], uint64(v)) //nolint:gosec // Times after 1970.
	}
	raw = append(raw, k.Domain...)
	c := &http.Cookie{
		Name: cookieName, Value: t.seal(raw, "token"), Path: "/", Expires: expiry,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if k.Domain != host || slices.Contains(t.Domains, host) {
		c.Domain = k.Domain
	}
	return c
}

// domain gives the domain for which a token of this host holds.
func (t *Tokens) domain(host string) string {
	for _, d := range t.Domains {
		if host == d || strings.HasSuffix(host, "."+d) {
			return d
		}
	}
	return host
}

// seal signs. The purpose keeps a puzzle from being a token.
func (t *Tokens) seal(raw []byte, purpose string) string {
	enc := base64.RawURLEncoding
	return enc.EncodeToString(raw) + "." + enc.EncodeToString(t.mac(raw, purpose))
}

func (t *Tokens) open(s, purpose string) ([]byte, bool) {
	if len(s) > 1024 {
		return nil, false
	}
	text, sum, ok := strings.Cut(s, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	got, err2 := base64.RawURLEncoding.Strict().DecodeString(sum)
	if !ok || err != nil || err2 != nil || !hmac.Equal(got, t.mac(raw, purpose)) {
		return nil, false
	}
	return raw, true
}

func (t *Tokens) mac(raw []byte, purpose string) []byte {
	m := hmac.New(sha256.New, t.Key)
	m.Write([]byte("yagura-waf " + purpose + "\x00"))
	m.Write(raw)
	return m.Sum(nil)
}

// hostname gives a Host without port, in small letters.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(strings.ToLower(strings.TrimSuffix(host, ".")), "[]")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.String()
	}
	return host
}
