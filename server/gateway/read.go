package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Read reads and checks a configuration file. The error names each problem with
// its line.
func Read(path string) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("gateway configuration: %w", err)
	}
	return parse(raw, path)
}

func parse(raw []byte, path string) (*Config, error) {
	c := &Config{path: path}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.setDefaults()
	c.place(filepath.Dir(path))
	k := &checker{root: &root, path: path}
	k.config(c)
	return c, errors.Join(k.errs...)
}

// place makes paths relative to the file's folder.
func (c *Config) place(dir string) {
	at := func(paths ...*string) {
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(dir, *p)
			}
		}
	}
	for i := range c.Listen {
		for j := range c.Listen[i].Certificates {
			at(&c.Listen[i].Certificates[j].Cert, &c.Listen[i].Certificates[j].Key)
		}
	}
	at(&c.Token.KeyFile, &c.Log.File.Path)
	for i := range c.Sites {
		s := &c.Sites[i]
		at(&s.WAF.CRS.Dir, &s.WAF.Geo.Country, &s.WAF.Geo.ASN)
		for j := range s.WAF.ACL {
			at(&s.WAF.ACL[j])
		}
		for j := range s.WAF.CRS.Exclusions {
			if strings.ContainsAny(s.WAF.CRS.Exclusions[j], "./\\") { // Else it is a name.
				at(&s.WAF.CRS.Exclusions[j])
			}
		}
		for j := range s.Backends {
			at(&s.Backends[j].CA)
		}
		for name, p := range s.WAF.Lists {
			at(&p)
			s.WAF.Lists[name] = p
		}
	}
}

// checker gathers what is wrong.
type checker struct {
	root *yaml.Node
	path string
	bare bool // sites may have no backends
	errs []error
}

// wrong notes a problem at a place such as "sites.0.mode".
func (k *checker) wrong(at, format string, args ...any) {
	k.errs = append(k.errs, fmt.Errorf("%s:%d: %s: %s", k.path, k.line(at), at, fmt.Sprintf(format, args...)))
}

// line finds the line of a place, or of the nearest one around it.
func (k *checker) line(at string) int {
	node := k.root
	if len(node.Content) > 0 {
		node = node.Content[0]
	}
	for part := range strings.SplitSeq(at, ".") {
		var next *yaml.Node
		switch node.Kind {
		case yaml.MappingNode:
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == part {
					next = node.Content[i+1]
				}
			}
		case yaml.SequenceNode:
			if i, err := strconv.Atoi(part); err == nil && i < len(node.Content) {
				next = node.Content[i]
			}
		}
		if next == nil {
			break
		}
		node = next
	}
	return max(1, node.Line)
}

// oneOf checks a word.
func (k *checker) oneOf(at, got string, words ...string) {
	if !slices.Contains(words, got) {
		k.wrong(at, "%q is not %s", got, strings.Join(words, ", "))
	}
}

func (k *checker) config(c *Config) {
	for i, l := range c.Listen {
		at := fmt.Sprintf("listen.%d", i)
		if _, _, err := net.SplitHostPort(l.Address); err != nil {
			k.wrong(at+".address", "%q is not host:port, such as 127.0.0.1:8080", l.Address)
		}
		if l.HTTP3 && len(l.Certificates) == 0 {
			k.wrong(at+".http3", "HTTP/3 needs certificates")
		}
		if l.H2C && len(l.Certificates) > 0 {
			k.wrong(at+".h2c", "with certificates HTTP/2 is always on; h2c is for addresses without")
		}
		for j, cert := range l.Certificates {
			if cert.Cert == "" || cert.Key == "" {
				k.wrong(fmt.Sprintf("%s.certificates.%d", at, j), "cert and key are both needed")
			}
		}
	}
	if c.Admin != "" && !loopback(c.Admin) {
		k.wrong("admin", "%q is not a loopback address with port, such as 127.0.0.1:9091; metrics have no login", c.Admin)
	}
	if c.ExtAuthz != "" && !loopback(c.ExtAuthz) {
		k.wrong("ext_authz", "%q is not a loopback address with port, such as 127.0.0.1:9092; it has no login", c.ExtAuthz)
	}
	k.bare = c.ExtAuthz != ""
	if _, err := c.trusted(); err != nil {
		k.wrong("trusted_proxies", "%v", err)
	}
	if c.RulesToken != "" && len(c.RulesToken) < 16 {
		k.wrong("rules_token", "it has %d bytes and needs 16", len(c.RulesToken))
	}
	if c.Drain < 0 {
		k.wrong("drain", "is negative")
	}
	k.limits(&c.Limits)
	if len(c.Sites) == 0 {
		k.wrong("sites", "no site is there, so there is nothing to serve")
	}
	hosts := map[string]int{}
	for i := range c.Sites {
		k.site(fmt.Sprintf("sites.%d", i), &c.Sites[i])
		for j, h := range c.Sites[i].Hosts {
			h = strings.ToLower(h)
			if at, twice := hosts[h]; twice {
				k.wrong(fmt.Sprintf("sites.%d.hosts.%d", i, j), "%s is already a host of site %d", h, at)
			}
			hosts[h] = i
		}
	}
}

func (k *checker) limits(l *limits) {
	for _, n := range []struct {
		name string
		v    int64
	}{
		{"target_bytes", int64(l.TargetBytes)}, {"header_bytes", int64(l.HeaderBytes)}, {"header_fields", int64(l.HeaderFields)}, {"body_bytes", l.BodyBytes},
		{"header_time", int64(l.HeaderTime)}, {"body_time", int64(l.BodyTime)}, {"body_rate", l.BodyRate}, {"write_time", int64(l.WriteTime)},
		{"idle_time", int64(l.IdleTime)}, {"tunnel_time", int64(l.TunnelTime)}, {"handshake", int64(l.Handshake)}, {"connections", int64(l.Connections)},
		{"handshakes", int64(l.Handshakes)}, {"http2_streams", int64(l.Streams)}, {"http2_resets", int64(l.Resets)},
		{"http2_continuations", int64(l.Continuations)}, {"http2_control", int64(l.Control)}, {"inspections", int64(l.Inspections)},
		{"inspection_wait", int64(l.InspectionWait)},
	} {
		if n.v < 0 {
			k.wrong("limits."+n.name, "is negative")
		}
	}
	if l.TargetBytes > l.HeaderBytes {
		k.wrong("limits.target_bytes", "is more than header_bytes")
	}
}

func (k *checker) site(at string, s *Site) {
	if len(s.Hosts) == 0 {
		s.Hosts = []string{"*"}
		k.wrong(at+".hosts", `no host is there; write "*" for all`)
	}
	for j, h := range s.Hosts {
		name := strings.TrimPrefix(h, "*.")
		if h != "*" && (name == "" || strings.ContainsAny(name, "*/: \t")) {
			k.wrong(fmt.Sprintf("%s.hosts.%d", at, j), `%q is not a name, "*.name" or "*"`, h)
		}
	}
	k.oneOf(at+".mode", s.Mode, "off", "count", "block")
	k.oneOf(at+".on_error", s.OnError, "closed", "open")
	k.oneOf(at+".balance", s.Balance, "least-connections", "round-robin")
	k.oneOf(at+".host_header", s.HostHeader, "client", "backend")
	k.oneOf(at+".grpc_body", s.GRPCBody, "first-message", "none")
	k.oneOf(at+".waf.crs.engine", s.WAF.CRS.Engine, "yagura", "coraza")
	if p := s.WAF.CRS.Paranoia; p < 1 || p > 4 {
		k.wrong(at+".waf.crs.paranoia", "%d is not within 1 and 4", p)
	}
	if d := s.WAF.CRS.Detection; d != 0 && (d < s.WAF.CRS.Paranoia || d > 4) {
		k.wrong(at+".waf.crs.detection", "%d is not within the paranoia level and 4", d)
	}
	if n := s.WAF.CRS.Sampling; n < 0 || n > 100 {
		k.wrong(at+".waf.crs.sampling", "%d is no percentage", n)
	}
	if s.WAF.CRS.Threshold < 1 || s.WAF.BodyLimit < 0 {
		k.wrong(at+".waf", "the threshold is less than 1 or the body limit negative")
	}
	if len(s.Backends) == 0 && !k.bare {
		k.wrong(at+".backends", "no backend is there")
	}
	for j, b := range s.Backends {
		u, err := url.Parse(b.URL)
		if err != nil || !slices.Contains([]string{"http", "https", "h2c"}, u.Scheme) || u.Host == "" || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.User != nil {
			k.wrong(fmt.Sprintf("%s.backends.%d.url", at, j), "%q is not http://, https:// or h2c:// with host and port only", b.URL)
		}
	}
	if s.Health.Path != "" && s.Health.Path[0] != '/' {
		k.wrong(at+".health.path", "does not begin with a slash")
	}
	if s.Health.Interval < 0 || s.Health.Timeout < 0 || s.Health.Fails < 0 || s.Health.Passes < 0 || s.Connect < 0 || s.Response < 0 {
		k.wrong(at, "a time or count is negative")
	}
}

// trusted parses the trusted proxies.
func (c *Config) trusted() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range c.TrustedProxies {
		p, err := netip.ParsePrefix(text)
		if addr, err2 := netip.ParseAddr(text); err2 == nil {
			p, err = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a prefix such as 10.0.0.0/8", text)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// loopback says whether an address to listen on is a loopback one.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
