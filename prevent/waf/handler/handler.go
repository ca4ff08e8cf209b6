// Package handler puts a yagura.Gate in front of a net/http handler.
//
// A Guard builds a yagura.Request from each *http.Request, reads the first
// BodyLimit bytes of its body, asks the gate, and acts: a block or custom
// response, a captcha (405) or challenge (202), or the application with the
// verdict's headers inserted. What was read of the body goes to the application
// again, and the rest streams through without being kept.
//
// # Captcha and challenge
//
// They are Yagura's own and not those of AWS. Both are a proof of work: a page
// whose script finds a number, which costs the client a moment of CPU and proves
// that it runs scripts. A captcha asks for a click besides. Neither proves that a
// person sits there. Who has solved one gets a cookie, signed with the
// operator's key, with separate times for captcha and challenge. The status and
// the header x-amzn-waf-action are as AWS documents them
// (https://docs.aws.amazon.com/waf/latest/developerguide/waf-captcha-and-challenge-how-it-works.html):
// the page is only sent when Accept has text/html.
//
// # What it does not see
//
// net/http gives no header order, and refuses malformed requests itself. A
// server with a parser of its own may set Config.Prepare and call Guard.Refuse.
// Of gRPC only the first message is inspected, and of a WebSocket only the
// request that opens it.
package handler

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/yagura-sec/yagura"
)

// Mode is what a guard does with verdicts.
type Mode string

// The modes. Off asks no gate; Count asks, reports, and lets everything pass.
const (
	Off   Mode = "off"
	Count Mode = "count"
	Block Mode = "block"
)

// Config is how a guard works.
type Config struct {
	Gate yagura.Gate // required, unless the mode is off
	Mode Mode        // default block
	// FailOpen lets a request pass that could not be decided: the gate panicked,
	// too many requests wait for it, or the verdict is Undecided. Otherwise it is
	// answered 503. Both are an alarm: Exchange.Uninspected.
	FailOpen bool
	// Trusted are the proxies whose X-Forwarded-For is believed.
	Trusted []netip.Prefix
	// Tokens signs and checks the cookies of captcha and challenge; without it
	// nobody can solve one.
	Tokens *Tokens
	// Concurrent is how many requests the gate may decide at once, default 8 for
	// each CPU; Wait is how long one waits for its turn, default 500 ms.
	Concurrent int
	Wait       time.Duration
	// HeadersOnly does not wait for the first message of a gRPC request.
	HeadersOnly bool
	// Secret, if set, lets a client that sends it in X-Yagura-Rules-Token see the
	// matched rules in the answer's X-Yagura-Rules. For tests.
	Secret string
	// Prepare, if set, completes the request for the gate: header order, what TLS
	// tells.
	Prepare func(*http.Request, *yagura.Request)
	// BodyError, if set, says how a body that cannot be read is refused; default
	// 413 when it is too large, else 400.
	BodyError func(error) (status int, reason string)
	// Observe, if set, is told every decision. It must not keep the exchange.
	Observe func(*Exchange)
	Now     func() time.Time // default time.Now
}

// Validate says what is missing or out of range.
func (c *Config) Validate() error {
	switch c.Mode {
	case "", Block, Count:
		if c.Gate == nil {
			return errors.New("waf handler: no gate, and the mode is not off")
		}
	case Off:
	default:
		return fmt.Errorf("waf handler: the mode %q is not off, count or block", c.Mode)
	}
	if c.Concurrent < 0 || c.Wait < 0 {
		return errors.New("waf handler: a limit is negative")
	}
	if c.Secret != "" && len(c.Secret) < 16 {
		return errors.New("waf handler: the token that shows matched rules is shorter than 16 bytes")
	}
	return nil
}

// Exchange is one decision and what came of it.
type Exchange struct {
	Request *yagura.Request
	Verdict *yagura.Verdict // nil when there is none
	// Status is that of the guard's own answer; 0 when the request passed.
	Status int
	// Uninspected says why the request was not decided: "panic", "overload",
	// "undecided"; empty when it was.
	Uninspected string
	// Malformed is why the server would not pass the request on, whatever the
	// verdict.
	Malformed string
	Token     Token         // of the client
	Took      time.Duration // by the gate
}

// Guard is a gate at its post. Safe for concurrent use.
type Guard struct {
	Config
	turns   chan struct{}
	buffers sync.Pool
}

// New makes a guard.
func New(cfg Config) (*Guard, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Guard{Config: cfg}
	if g.Mode == "" {
		g.Mode = Block
	}
	if g.Concurrent == 0 {
		g.Concurrent = 8 * runtime.GOMAXPROCS(0)
	}
	if g.Wait == 0 {
		g.Wait = 500 * time.Millisecond
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	if g.BodyError == nil {
		g.BodyError = bodyError
	}
	g.turns = make(chan struct{}, g.Concurrent)
	return g, nil
}

// Handler guards next.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.Serve(w, r, nil, next) })
}

// Serve guards next for one request. A server that knows more of a request than
// the http.Request tells gives it as q; nil stands for nothing more.
func (g *Guard) Serve(w http.ResponseWriter, r *http.Request, q *yagura.Request, next http.Handler) {
	stripReserved(r)
	if g.Mode == Off {
		next.ServeHTTP(w, r)
		return
	}
	if g.Tokens != nil && r.URL.Path == verifyPath && r.Method == http.MethodPost {
		g.Tokens.verify(w, r, g.Now())
		return
	}
	q = g.request(r, q)
	shown := g.shown(q, r)
	body := g.inspect(q, r)
	if body != nil && body.err != nil && body.err != io.EOF { //nolint:errorlint // As io.Reader has it.
		w.Header().Set("Connection", "close")
		status, reason := g.BodyError(body.err)
		g.refuse(w, q, status, reason, shown)
		body.release()
		return
	}
	x := g.exchange(q)
	a := g.answer(x)
	g.show(w, shown, x.Verdict)
	if a != nil {
		x.Status = a.status
	}
	g.tell(x)
	if a != nil {
		body.release()
		a.write(w)
		return
	}
	if x.Verdict != nil {
		insert(r, x.Verdict.Insert)
	}
	stripTrailer(r)
	next.ServeHTTP(w, r)
	body.release()
}

// Refuse inspects a request that will not be passed on, because it is malformed,
// and answers it: as the gate says when it blocks, else with the status. Reason
// is a short name of what is wrong.
func (g *Guard) Refuse(w http.ResponseWriter, q *yagura.Request, status int, reason string) {
	g.complete(q)
	g.refuse(w, q, status, reason, g.shown(q, nil))
}

func (g *Guard) refuse(w http.ResponseWriter, q *yagura.Request, status int, reason string, shown bool) {
	x := &Exchange{Request: q, Malformed: reason}
	if g.Mode != Off {
		x = g.exchange(q)
		x.Malformed = reason
	}
	a := &answer{status: status, page: "malformed", request: q}
	if g.Mode == Block && x.Verdict != nil && x.Verdict.Action == yagura.Block {
		a = blocked(q, x.Verdict.Response)
	}
	g.show(w, shown, x.Verdict)
	x.Status = a.status
	g.tell(x)
	a.write(w)
}

// exchange asks the gate.
func (g *Guard) exchange(q *yagura.Request) (x *Exchange) {
	x = &Exchange{Request: q}
	if g.Tokens != nil {
		x.Token = g.Tokens.Check(q)
	}
	if !g.turn() {
		x.Uninspected = "overload"
		return x
	}
	defer func() { <-g.turns }()
	begin := time.Now()
	defer func() {
		x.Took = time.Since(begin)
		if recover() != nil {
			x.Verdict, x.Uninspected = nil, "panic"
		}
	}()
	x.Verdict = g.Gate.Decide(q)
	switch {
	case x.Verdict == nil:
		x.Uninspected = "panic" // A gate without a verdict is as broken.
	case x.Verdict.Action == yagura.Undecided:
		x.Uninspected = "undecided"
	}
	return x
}

// turn waits for one of the places at the gate.
func (g *Guard) turn() bool {
	select {
	case g.turns <- struct{}{}:
		return true
	default:
	}
	wait := time.NewTimer(g.Wait)
	defer wait.Stop()
	select {
	case g.turns <- struct{}{}:
		return true
	case <-wait.C:
		return false
	}
}

// answer gives what the client gets in place of the application, nil when the
// request passes.
func (g *Guard) answer(x *Exchange) *answer {
	if g.Mode == Count {
		return nil
	}
	if x.Uninspected != "" {
		if g.FailOpen {
			return nil
		}
		return &answer{status: http.StatusServiceUnavailable, page: "unavailable", request: x.Request}
	}
	switch x.Verdict.Action {
	case yagura.Block:
		return blocked(x.Request, x.Verdict.Response)
	case yagura.Captcha:
		return g.puzzle(x, http.StatusMethodNotAllowed, "captcha")
	case yagura.Challenge:
		return g.puzzle(x, http.StatusAccepted, "challenge")
	}
	return nil
}

// tell reports an exchange. A panic there must not cost the request.
func (g *Guard) tell(x *Exchange) {
	if g.Observe == nil {
		return
	}
	defer func() { _ = recover() }()
	g.Observe(x)
}

// complete fills in what every request has.
func (g *Guard) complete(q *yagura.Request) {
	if q.ID == "" {
		q.ID = newID(g.Now())
	}
	if q.Time == 0 {
		q.Time = g.Now().UnixMicro()
	}
}

// newID makes an id in the form of AWS's trace ids.
func newID(now time.Time) string {
	return fmt.Sprintf("1-%08x-%016x%08x", uint32(now.Unix()), rand.Uint64(), rand.Uint32()) //nolint:gosec // An id, no secret.
}
