package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// quicHello is what TLS told on an HTTP/3 connection.
type quicHello struct{ ja3, ja4 string }

type quicKey struct{}

// quicServer serves HTTP/3 on one UDP port.
type quicServer struct {
	server *http3.Server
	socket net.PacketConn
	done   sync.WaitGroup
}

// serveQUIC serves HTTP/3 on the UDP port of the number of a TCP one. Streams are
// bounded as with HTTP/2; quic-go bounds what one connection may make it keep.
// There is no 0-RTT, whose requests can be replayed.
func (g *Gateway) serveQUIC(ctx context.Context, addr net.Addr, certs *certificates, l *limits, srv *http.Server) (*quicServer, error) {
	var lc net.ListenConfig
	socket, err := lc.ListenPacket(ctx, "udp", addr.String())
	if err != nil {
		return nil, err
	}
	var hellos sync.Map // by remote address, between hello and connection
	conf := certs.config()
	conf.MinVersion = tls.VersionTLS13
	choose := conf.GetCertificate
	conf.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.Conn != nil {
			q := &quicHello{}
			q.ja3, q.ja4 = fingerprints(hello, 'q')
			hellos.Store(hello.Conn.RemoteAddr().String(), q)
		}
		return choose(hello)
	}
	q := &quicServer{socket: socket}
	q.server = &http3.Server{
		Handler: srv.Handler, TLSConfig: http3.ConfigureTLSConfig(conf), MaxHeaderBytes: l.HeaderBytes, IdleTimeout: l.IdleTime,
		QUICConfig: &quic.Config{
			MaxIncomingStreams: int64(l.Streams), HandshakeIdleTimeout: l.Handshake, MaxIdleTimeout: l.IdleTime,
		},
		ConnContext: func(ctx context.Context, c *quic.Conn) context.Context {
			if hello, ok := hellos.LoadAndDelete(c.RemoteAddr().String()); ok {
				return context.WithValue(ctx, quicKey{}, hello)
			}
			return ctx
		},
	}
	q.done.Go(func() {
		if err := q.server.Serve(socket); err != nil && !isClosed(err) {
			g.deps.Log.Debug("HTTP/3 has ended", "error", err)
		}
	})
	return q, nil
}

// drainQUIC lets HTTP/3 requests end.
func (l *listeners) drainQUIC(ctx context.Context) {
	for _, q := range l.quic {
		if q.server.Shutdown(ctx) != nil {
			_ = q.server.Close() // The grace is over.
		}
		_ = q.socket.Close()
		q.done.Wait()
	}
}

// quicPorts tells on which port the address of a connection has HTTP/3 too.
func (s *state) quicPorts(c *accepted) []string {
	if c == nil || c.tls == nil {
		return nil
	}
	local, ok := c.LocalAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	for _, l := range s.config.Listen {
		if _, port, err := net.SplitHostPort(l.Address); err == nil && l.HTTP3 && (port == strconv.Itoa(local.Port) || port == "0") {
			return []string{fmt.Sprint(local.Port)}
		}
	}
	return nil
}
