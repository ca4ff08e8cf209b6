package gateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	grpchealth "google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// gRPC passes with trailers, over TLS in front and in clear behind; unary calls
// and streams, and an attack in the first message is blocked.
func TestGRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := grpc.NewServer()
	h := grpchealth.NewServer()
	h.SetServingStatus("good", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(backend, h)
	go func() { _ = backend.Serve(l) }()
	t.Cleanup(backend.Stop)
	g := run(t, fmt.Sprintf(`
listen: [{address: "127.0.0.1:0", certificates: [{cert: cert.pem, key: key.pem}]}]
watch: -1s
sites: [{hosts: [shop.test], backends: [{url: "h2c://%s"}]}]
`, l.Addr()))
	c, err := grpc.NewClient(g.addr, grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(rootsOf(t, g.dir), "shop.test")))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	client := healthpb.NewHealthClient(c)
	if res, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "good"}); err != nil || res.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Errorf("unary: %v %v", res, err)
	}
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "none"}); status.Code(err) != codes.NotFound {
		t.Errorf("an error in the trailer became %v", err)
	}
	if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{Service: "attack"}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("attack: %v", err)
	}
	stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{Service: "good"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING} {
		res, err := stream.Recv()
		if err != nil || res.GetStatus() != want {
			t.Fatalf("stream: %v %v, want %v", res, err, want)
		}
		h.SetServingStatus("good", healthpb.HealthCheckResponse_NOT_SERVING)
	}
	cancel()
	if _, err := stream.Recv(); err == nil || err == io.EOF {
		t.Error("a cancelled stream goes on")
	}
}
