// Package extauthz answers Envoy's external authorization,
// envoy.service.auth.v3.Authorization/Check
// (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/ext_authz_filter),
// with the guards of package prevent/waf/handler: what Envoy proxies is inspected
// as if it went through the gateway.
//
// Envoy sends the body only with with_request_body; without it what depends on a
// body is unknown, and a verdict that depends on it is Undecided, so that the
// site's on_error decides. max_request_bytes should not be less than what the web
// ACL inspects. With encode_raw_headers Envoy tells the order of headers and bytes
// that are not UTF-8; without, the order is unknown.
//
// Malformed requests never come here: Envoy has refused them.
package extauthz

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	auth "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/handler"
)

// Server answers checks. Safe for concurrent use.
type Server struct {
	auth.UnimplementedAuthorizationServer
	guard func(host string) *handler.Guard
}

// New makes a server. Guard gives the guard of a host, nil when there is none,
// which is a denial with 421.
func New(guard func(host string) *handler.Guard) (*Server, error) {
	if guard == nil {
		return nil, errors.New("ext_authz: no guards")
	}
	return &Server{guard: guard}, nil
}

// maxMessage bounds one check: headers and the part of the body that is sent.
const maxMessage = 8 << 20

// Serve serves on a listener until the context ends; running checks may end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	g := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(1000))
	auth.RegisterAuthorizationServer(g, s)
	stop := context.AfterFunc(ctx, g.GracefulStop)
	defer stop()
	if err := g.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// Check decides on one request.
func (s *Server) Check(ctx context.Context, in *auth.CheckRequest) (*auth.CheckResponse, error) {
	h := in.GetAttributes().GetRequest().GetHttp()
	if h == nil {
		return denied(&recorder{status: http.StatusBadRequest, header: http.Header{}}), nil
	}
	r, q := request(ctx, in, h)
	guard := s.guard(q.Host)
	if guard == nil {
		return denied(&recorder{status: http.StatusMisdirectedRequest, header: http.Header{}}), nil
	}
	before := maps.Clone(r.Header)
	out := &recorder{header: http.Header{}}
	var passed http.Header
	guard.Serve(out, r, q, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { passed = r.Header }))
	if passed == nil {
		return denied(out), nil
	}
	return allowed(before, passed, out), nil
}

// request builds the request twice: as net/http's, and as the gate sees it.
func request(ctx context.Context, in *auth.CheckRequest, h *auth.AttributeContext_HttpRequest) (*http.Request, *yagura.Request) {
	q := &yagura.Request{
		ID: h.GetId(), Method: h.GetMethod(), URI: h.GetPath(), Version: h.GetProtocol(), Scheme: h.GetScheme(), Host: h.GetHost(),
		Fragment: h.GetFragment(), Body: nil, BodySize: -1, Missing: yagura.PartFingerprint,
	}
	if query := h.GetQuery(); query != "" && !strings.Contains(q.URI, "?") {
		q.URI += "?" + query
	}
	q.URI = strings.ReplaceAll(q.URI, "#", "%23") // Envoy passes it on, and few servers end the target there.
	q.Headers = headers(h, q)
	body := h.GetRawBody()
	if len(body) == 0 {
		body = []byte(h.GetBody())
	}
	r := &http.Request{
		Method: q.Method, Proto: q.Version, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Host: q.Host, RequestURI: q.URI,
		Body: http.NoBody,
	}
	if strings.HasPrefix(q.Version, "HTTP/2") || strings.HasPrefix(q.Version, "HTTP/3") {
		r.ProtoMajor = int(q.Version[5] - '0')
	}
	r.URL = &url.URL{Path: q.URI}
	if u, err := url.ParseRequestURI(q.URI); err == nil {
		r.URL = u
	}
	for _, f := range q.Headers {
		r.Header.Add(f.Name, f.Value)
	}
	delete(r.Header, "Host")
	if a := in.GetAttributes().GetSource().GetAddress().GetSocketAddress(); a != nil {
		r.RemoteAddr = net.JoinHostPort(a.GetAddress(), strconv.Itoa(int(a.GetPortValue())))
	}
	if q.Scheme == "https" || in.GetAttributes().GetTlsSession() != nil {
		q.Scheme, r.TLS = "https", &tls.ConnectionState{}
	}
	size, sized := h.GetSize(), h.GetSize() >= 0 && !(h.GetSize() == 0 && len(body) > 0)
	if declared, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil && declared > 0 {
		size, sized = declared, true
	}
	switch {
	case len(body) > 0:
		r.Body, r.ContentLength = readCloser{bytes.NewReader(body)}, int64(len(body))
		if q.BodySize = int64(len(body)); r.Header.Get("X-Envoy-Auth-Partial-Body") == "true" {
			if q.BodySize = size; !sized || size <= int64(len(body)) {
				// Only this tells the gate that it does not get the whole.
				q.BodySize, q.Body, q.Missing = -1, body, q.Missing|yagura.PartBody
			}
		}
	case sized && size == 0 && r.Header.Get("Transfer-Encoding") == "":
		q.BodySize = 0
	default: // There is one, or may be, and it was not sent.
		q.Missing |= yagura.PartBody
		if sized {
			q.BodySize = size
		}
	}
	return r.WithContext(ctx), q
}

// readCloser is a body in memory.
type readCloser struct{ *bytes.Reader }

// Close does nothing.
func (readCloser) Close() error { return nil }

// headers lists the header: in order where Envoy tells it.
func headers(h *auth.AttributeContext_HttpRequest, q *yagura.Request) []yagura.Header {
	out := []yagura.Header{}
	add := func(name, value string) {
		switch {
		case name == ":authority":
			out = append(out, yagura.Header{Name: "host", Value: value})
		case name != "" && name[0] != ':':
			out = append(out, yagura.Header{Name: name, Value: value})
		}
	}
	if list := h.GetHeaderMap().GetHeaders(); len(list) > 0 {
		for _, f := range list {
			if raw := f.GetRawValue(); len(raw) > 0 {
				add(f.GetKey(), string(raw))
			} else {
				add(f.GetKey(), f.GetValue())
			}
		}
		return out
	}
	q.Missing |= yagura.PartOrder
	all := h.GetHeaders()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		add(name, all[name])
	}
	return out
}

// allowed lets a request pass, with the headers that the gate inserts, and
// without those of the client that look like a gate's.
func allowed(before, after http.Header, out *recorder) *auth.CheckResponse {
	ok := &auth.OkHttpResponse{ResponseHeadersToAdd: options(out.header, core.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD)}
	set := http.Header{}
	for name, values := range after {
		if !slices.Equal(before[name], values) {
			set[name] = values
		}
	}
	ok.Headers = options(set, core.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD)
	for name := range before {
		if _, kept := after[name]; !kept {
			ok.HeadersToRemove = append(ok.HeadersToRemove, strings.ToLower(name))
		}
	}
	slices.Sort(ok.HeadersToRemove)
	return &auth.CheckResponse{Status: &status.Status{Code: int32(codes.OK)}, HttpResponse: &auth.CheckResponse_OkResponse{OkResponse: ok}}
}

// denied answers in place of the application.
func denied(out *recorder) *auth.CheckResponse {
	code := out.status
	if code == 0 {
		code = http.StatusForbidden
	}
	out.header.Del("Content-Length") // Envoy's own.
	return &auth.CheckResponse{
		Status: &status.Status{Code: int32(codes.PermissionDenied)},
		HttpResponse: &auth.CheckResponse_DeniedResponse{DeniedResponse: &auth.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode(code)}, //nolint:gosec // Within 200 and 599.
			Headers: options(out.header, core.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD), Body: out.body.String(),
		}},
	}
}

func options(h http.Header, action core.HeaderValueOption_HeaderAppendAction) (out []*core.HeaderValueOption) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			out = append(out, &core.HeaderValueOption{
				Header: &core.HeaderValue{Key: strings.ToLower(name), Value: value}, AppendAction: action,
			})
		}
	}
	return out
}

// recorder keeps a guard's answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the header.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader keeps the status.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Write keeps the body.
func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(p)
}
