package extauthz_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/server/extauthz"
)

// gate blocks the word attack and needs bodies.
type gate struct{ seen *yagura.Request }

func (*gate) BodyLimit() int { return 64 }

func (g *gate) Decide(q *yagura.Request) *yagura.Verdict {
	c := *q
	c.Body = bytes.Clone(q.Body)
	g.seen = &c
	v := &yagura.Verdict{Action: yagura.Allow, Insert: []yagura.Header{{Name: "x-amzn-waf-ok", Value: "1"}}}
	switch {
	case strings.Contains(q.URI, "attack"), bytes.Contains(q.Body, []byte("attack")):
		v.Action = yagura.Block
	case q.Missing&yagura.PartBody != 0:
		v.Action = yagura.Undecided
	case strings.HasPrefix(q.URI, "/captcha"):
		v.Action = yagura.Captcha
	}
	return v
}

// dial serves a guard for a.test and gives a client.
func dial(t *testing.T, g *gate) auth.AuthorizationClient {
	t.Helper()
	guard, err := handler.New(handler.Config{Gate: g})
	if err != nil {
		t.Fatal(err)
	}
	s, err := extauthz.New(func(host string) *handler.Guard {
		if host == "a.test" {
			return guard
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	c, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Close()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return auth.NewAuthorizationClient(c)
}

func check(t *testing.T, c auth.AuthorizationClient, h *auth.AttributeContext_HttpRequest) *auth.CheckResponse {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res, err := c.Check(ctx, &auth.CheckRequest{Attributes: &auth.AttributeContext{
		Source: &auth.AttributeContext_Peer{Address: &core.Address{Address: &core.Address_SocketAddress{SocketAddress: &core.SocketAddress{
			Address: "198.51.100.9", PortSpecifier: &core.SocketAddress_PortValue{PortValue: 4242},
		}}}},
		Request: &auth.AttributeContext_Request{Http: h},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		http   *auth.AttributeContext_HttpRequest
		status int // of a denial; 0: allowed
	}{
		{"allowed", &auth.AttributeContext_HttpRequest{Method: "GET", Path: "/", Host: "a.test", Protocol: "HTTP/2"}, 0},
		{"blocked", &auth.AttributeContext_HttpRequest{Method: "GET", Path: "/attack", Host: "a.test", Protocol: "HTTP/1.1"}, 403},
		{"body", &auth.AttributeContext_HttpRequest{Method: "POST", Path: "/", Host: "a.test", Size: 8, Body: "x=attack"}, 403},
		{"raw body", &auth.AttributeContext_HttpRequest{Method: "POST", Path: "/", Host: "a.test", Size: 8, RawBody: []byte("x=attack")}, 403},
		{"good body", &auth.AttributeContext_HttpRequest{Method: "POST", Path: "/", Host: "a.test", Size: 3, Body: "x=y"}, 0},
		{"body not sent", &auth.AttributeContext_HttpRequest{Method: "POST", Path: "/", Host: "a.test", Size: -1, Headers: map[string]string{"content-length": "9"}}, 503},
		{"captcha", &auth.AttributeContext_HttpRequest{Method: "GET", Path: "/captcha", Host: "a.test"}, 405},
		{"unknown host", &auth.AttributeContext_HttpRequest{Method: "GET", Path: "/", Host: "b.test"}, 421},
		{"nothing", nil, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &gate{}
			res := check(t, dial(t, g), c.http)
			if got := int(res.GetDeniedResponse().GetStatus().GetCode()); got != c.status || (res.GetStatus().GetCode() == int32(codes.OK)) != (c.status == 0) {
				t.Errorf("denied with %d (%v), want %d", got, res, c.status)
			}
		})
	}
}

func TestCheckSeesAndChangesHeaders(t *testing.T) {
	g := &gate{}
	res := check(t, dial(t, g), &auth.AttributeContext_HttpRequest{
		Id: "7", Method: "POST", Path: "/a?b", Host: "a.test", Scheme: "https", Protocol: "HTTP/1.1", Size: 1000,
		HeaderMap: &core.HeaderMap{Headers: []*core.HeaderValue{
			{Key: ":authority", RawValue: []byte("a.test")},
			{Key: "x-b", RawValue: []byte("\xff")},
			{Key: "x-amzn-waf-ok", RawValue: []byte("forged")},
			{Key: "x-amzn-waf-two", RawValue: []byte("forged")},
			{Key: "x-a", RawValue: []byte("1")},
			{Key: "x-envoy-auth-partial-body", RawValue: []byte("true")},
		}},
		RawBody: bytes.Repeat([]byte("x"), 100),
	})
	want := &yagura.Request{
		ID: "7", Method: "POST", URI: "/a?b", Version: "HTTP/1.1", Scheme: "https", Host: "a.test", BodySize: 1000, Body: bytes.Repeat([]byte("x"), 64),
		Missing: yagura.PartFingerprint,
		Headers: []yagura.Header{
			{Name: "host", Value: "a.test"},
			{Name: "x-b", Value: "\xff"},
			{Name: "x-amzn-waf-ok", Value: "forged"},
			{Name: "x-amzn-waf-two", Value: "forged"},
			{Name: "x-a", Value: "1"},
			{Name: "x-envoy-auth-partial-body", Value: "true"},
		},
	}
	if g.seen.Client.String() != "198.51.100.9" {
		t.Errorf("client %s", g.seen.Client)
	}
	g.seen.Time, g.seen.Client = 0, want.Client
	if diff := cmp.Diff(want, g.seen, cmp.Comparer(func(a, b interface{ IsValid() bool }) bool { return a == b })); diff != "" {
		t.Errorf("the gate saw (-want +got):\n%s", diff)
	}
	ok := res.GetOkResponse()
	if len(ok.GetHeaders()) != 1 || ok.GetHeaders()[0].GetHeader().GetKey() != "x-amzn-waf-ok" || ok.GetHeaders()[0].GetHeader().GetValue() != "1" {
		t.Errorf("headers to set: %v", ok.GetHeaders())
	}
	if diff := cmp.Diff([]string{"x-amzn-waf-two"}, ok.GetHeadersToRemove()); diff != "" {
		t.Errorf("headers to remove (-want +got):\n%s", diff)
	}
}

// Envoy may send the beginning of a body without saying how long it is: a gate
// must not take that for the whole.
func TestPartOfBody(t *testing.T) {
	for size, missing := range map[int64]yagura.Part{-1: yagura.PartBody, 900: 0} {
		g := &gate{}
		check(t, dial(t, g), &auth.AttributeContext_HttpRequest{
			Method: "POST", Path: "/", Host: "a.test", Size: size, Body: "x=y", Headers: map[string]string{"x-envoy-auth-partial-body": "true"},
		})
		if q := g.seen; q == nil || string(q.Body) != "x=y" || q.BodySize != size || q.Missing&yagura.PartBody != missing {
			t.Errorf("the gate saw %+v", q)
		}
	}
}
