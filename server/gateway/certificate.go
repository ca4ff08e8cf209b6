package gateway

import (
	"crypto/md5" //nolint:gosec // JA3 is defined with it.
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// certificates are those of one address. They can be replaced while it serves.
type certificates struct {
	list  atomic.Pointer[[]tls.Certificate]
	files atomic.Pointer[[]string]
}

// names are the files.
func (c *certificates) names() []string {
	if p := c.files.Load(); p != nil {
		return *p
	}
	return nil
}

// load reads the files; on an error the old certificates stay.
func (c *certificates) load(from []certificate) error {
	var list []tls.Certificate
	var files []string
	for _, f := range from {
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return fmt.Errorf("certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		list, files = append(list, cert), append(files, f.Cert, f.Key)
	}
	c.list.Store(&list)
	c.files.Store(&files)
	return nil
}

// config is TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1.
func (c *certificates) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.choose}
}

// choose takes the first certificate that the client can use, else the first.
func (c *certificates) choose(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	list := *c.list.Load()
	for i := range list {
		if hello.SupportsCertificate(&list[i]) == nil {
			return &list[i], nil
		}
	}
	return &list[0], nil
}

func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// grease says whether a value is one of those that clients send to keep servers
// tolerant (https://www.rfc-editor.org/rfc/rfc8701).
func grease(v uint16) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// fingerprints gives JA3 (https://github.com/salesforce/ja3) and JA4
// (https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md) of a
// client hello. Transport is 't' for TCP and 'q' for QUIC.
func fingerprints(h *tls.ClientHelloInfo, transport byte) (ja3, ja4 string) {
	ciphers := slices.DeleteFunc(slices.Clone(h.CipherSuites), grease)
	extensions := slices.DeleteFunc(slices.Clone(h.Extensions), grease)
	var curves, points []uint16
	for _, c := range h.SupportedCurves {
		if !grease(uint16(c)) {
			curves = append(curves, uint16(c))
		}
	}
	for _, p := range h.SupportedPoints {
		points = append(points, uint16(p))
	}
	version := uint16(0)
	for _, v := range h.SupportedVersions {
		if !grease(v) {
			version = max(version, v)
		}
	}
	// The version that stands in the hello is 1.2 from TLS 1.3 on.
	legacy := min(version, tls.VersionTLS12)
	sum := md5.Sum([]byte(strings.Join([]string{ //nolint:gosec // As above.
		strconv.Itoa(int(legacy)), decimal(ciphers), decimal(extensions), decimal(curves), decimal(points),
	}, ",")))
	return hex.EncodeToString(sum[:]), ja4Of(h, transport, version, ciphers, extensions)
}

// Extensions that JA4 leaves out of its list.
const (
	extensionSNI  = 0x0000
	extensionALPN = 0x0010
)

func ja4Of(h *tls.ClientHelloInfo, transport byte, version uint16, ciphers, extensions []uint16) string {
	versions := map[uint16]string{tls.VersionTLS13: "13", tls.VersionTLS12: "12", tls.VersionTLS11: "11", tls.VersionTLS10: "10"}
	v, ok := versions[version]
	if !ok {
		v = "00"
	}
	sni := "i"
	if slices.Contains(extensions, extensionSNI) {
		sni = "d"
	}
	alpn := "00"
	if len(h.SupportedProtos) > 0 && h.SupportedProtos[0] != "" {
		p := h.SupportedProtos[0]
		if alpn = p[:1] + p[len(p)-1:]; !alnum(alpn) {
			x := hex.EncodeToString([]byte(p))
			alpn = x[:1] + x[len(x)-1:]
		}
	}
	head := fmt.Sprintf("%c%s%s%02d%02d%s", transport, v, sni, min(99, len(ciphers)), min(99, len(extensions)), alpn)
	listed := slices.DeleteFunc(slices.Clone(extensions), func(e uint16) bool { return e == extensionSNI || e == extensionALPN })
	sorted := slices.Clone(ciphers)
	slices.Sort(sorted)
	slices.Sort(listed)
	var algorithms []uint16
	for _, s := range h.SignatureSchemes {
		if !grease(uint16(s)) {
			algorithms = append(algorithms, uint16(s))
		}
	}
	rest := hexes(listed)
	if len(algorithms) > 0 {
		rest += "_" + hexes(algorithms)
	}
	return head + "_" + short(hexes(sorted)) + "_" + short(rest)
}

func alnum(s string) bool {
	for i := range len(s) {
		if c := s[i] | 0x20; !(c >= 'a' && c <= 'z' || s[i] >= '0' && s[i] <= '9') {
			return false
		}
	}
	return true
}

func decimal(list []uint16) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strconv.Itoa(int(v))
	}
	return strings.Join(out, "-")
}

func hexes(list []uint16) string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprintf("%04x", v)
	}
	return strings.Join(out, ",")
}

// short is the truncated hash of JA4.
func short(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
