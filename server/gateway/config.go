package gateway

import (
	"time"
)

// Config is the configuration file, strict YAML. A field that is not written has
// the default of its comment. Relative paths are relative to the file.
type Config struct {
	Listen []listen `yaml:"listen"` // default one: 127.0.0.1:8080 without TLS
	// Admin is where metrics and health are, a loopback address; default none.
	Admin string `yaml:"admin"`
	// ExtAuthz is where Envoy's external authorization (gRPC) asks, a loopback
	// address; default none. Sites that only Envoy serves need no backends.
	ExtAuthz string `yaml:"ext_authz"`
	// TrustedProxies are prefixes whose X-Forwarded-For is believed; default none.
	TrustedProxies []string `yaml:"trusted_proxies"`
	Token          token    `yaml:"token"`
	// RulesToken is a secret of at least 16 bytes; who sends it in
	// X-Yagura-Rules-Token sees the matched rules. For tests; default off.
	RulesToken string        `yaml:"rules_token"`
	Log        logging       `yaml:"log"`
	Limits     limits        `yaml:"limits"`
	Drain      time.Duration `yaml:"drain"` // how long requests may end after TERM; default 30s
	// Watch is how often files are looked at for changes; default 2s, off with a
	// negative time. SIGHUP reloads at once.
	Watch time.Duration `yaml:"watch"`
	Sites []Site        `yaml:"sites"` // at least one

	path string // of the file
}

// listen is an address.
type listen struct {
	Address string `yaml:"address"`
	// Certificates make it TLS; the first that fits the name asked for is used.
	Certificates []certificate `yaml:"certificates"`
	HTTP3        bool          `yaml:"http3"` // also on the UDP port of the same number; default false
	H2C          bool          `yaml:"h2c"`   // HTTP/2 without TLS; default false
}

type certificate struct {
	Cert string `yaml:"cert"` // PEM file, the chain included
	Key  string `yaml:"key"`  // PEM file
}

// token is the cookie of captcha and challenge. Without a key nobody can solve
// one.
type token struct {
	KeyFile  string        `yaml:"key_file"` // at least 32 bytes, the same in every instance
	Domains  []string      `yaml:"domains"`  // for which a token holds, with subdomains; default the host alone
	Lifetime time.Duration `yaml:"lifetime"` // default 24h
	// ChallengeBits and CaptchaBits are the difficulty; defaults 15 and 17.
	ChallengeBits int `yaml:"challenge_bits"`
	CaptchaBits   int `yaml:"captcha_bits"`
}

// logging is where decisions are logged, in the format of AWS WAF.
type logging struct {
	File struct {
		Path   string `yaml:"path"`
		SizeMB int64  `yaml:"size_mb"` // default 128
		Keep   int    `yaml:"keep"`    // rotated files; default 8
		Gzip   bool   `yaml:"gzip"`    // default false
	} `yaml:"file"`
	HTTP struct {
		URL      string            `yaml:"url"`
		Header   map[string]string `yaml:"header"`
		Timeout  time.Duration     `yaml:"timeout"`  // default 10s
		Attempts int               `yaml:"attempts"` // default 4
	} `yaml:"http"`
	Redact  []string           `yaml:"redact"`   // uri, query, method, cookie, header:NAME
	Sample  map[string]float64 `yaml:"sample"`   // share kept by action, e.g. ALLOW: 0.1; default all
	QueueMB int                `yaml:"queue_mb"` // lines that may wait for a sink; default 16
}

// limits bound clients.
type limits struct {
	TargetBytes  int `yaml:"target_bytes"`  // default 16384
	HeaderBytes  int `yaml:"header_bytes"`  // default 65536
	HeaderFields int `yaml:"header_fields"` // default 200
	// BodyBytes bounds a body; longer ones are 413. Default 0, no limit.
	BodyBytes int64 `yaml:"body_bytes"`

	HeaderTime time.Duration `yaml:"header_time"` // from the first byte of a head to its end; default 10s
	// BodyTime and BodyRate: the time spent waiting for a body may be BodyTime and
	// one second for each BodyRate bytes received. Defaults 20s and 500.
	BodyTime time.Duration `yaml:"body_time"`
	BodyRate int64         `yaml:"body_rate"`
	// WriteTime is how long a client may take no bytes; default 60s.
	WriteTime  time.Duration `yaml:"write_time"`
	IdleTime   time.Duration `yaml:"idle_time"`   // between requests; default 75s
	TunnelTime time.Duration `yaml:"tunnel_time"` // a WebSocket without bytes from the client; default 1h
	Handshake  time.Duration `yaml:"handshake"`   // TLS; default 10s

	Connections int `yaml:"connections"` // at once; default 50000
	// PerIP is connections of one address (of an IPv6 /64); trusted proxies are
	// exempt. Default 1000, which does not count loopback; negative: no limit.
	PerIP      int `yaml:"per_ip"`
	Handshakes int `yaml:"handshakes"` // TLS handshakes at once; default 1024

	Streams       int `yaml:"http2_streams"`       // at once on a connection; default 100
	Resets        int `yaml:"http2_resets"`        // per connection and minute; default 200
	Continuations int `yaml:"http2_continuations"` // CONTINUATION frames per header; default 16
	Control       int `yaml:"http2_control"`       // SETTINGS, PING, PRIORITY, empty DATA per minute; default 1000

	// Inspections is how many requests are decided at once, default 8 per CPU, and
	// InspectionWait how long one waits for that; default 500ms.
	Inspections    int           `yaml:"inspections"`
	InspectionWait time.Duration `yaml:"inspection_wait"`
}

// Site is what is behind some hosts.
type Site struct {
	// Hosts are names, "*.name" for its subdomains, or "*" for all others.
	Hosts []string `yaml:"hosts"`
	Mode  string   `yaml:"mode"` // off, count or block; default block
	// OnError is what happens to a request that could not be decided: closed
	// answers 503, open lets it pass. Default closed. Both raise the metric
	// yagura_gateway_uninspected_total.
	OnError string `yaml:"on_error"`
	WAF     WAF    `yaml:"waf"`

	Backends []backend `yaml:"backends"`
	Balance  string    `yaml:"balance"` // least-connections (default) or round-robin
	Health   health    `yaml:"health"`
	// HostHeader is which Host the application sees: client (default) or backend.
	HostHeader string `yaml:"host_header"`
	// Upgrades are protocols that a connection may change to; default websocket.
	Upgrades []string      `yaml:"upgrades"`
	Connect  time.Duration `yaml:"connect"`  // to a backend; default 5s
	Response time.Duration `yaml:"response"` // until a backend's header; default 60s
	// GRPCBody is what of a gRPC request is inspected: first-message (default) or
	// none.
	GRPCBody string `yaml:"grpc_body"`
}

// WAF is what inspects a site's requests; the program compiles it.
type WAF struct {
	ACL      []string `yaml:"acl"`      // files and folders with a web ACL and what it refers to
	Name     string   `yaml:"name"`     // of the web ACL, when there are several
	Resource string   `yaml:"resource"` // ALB, CLOUDFRONT …: sets the body limit; default by scope
	// BodyLimit in bytes overrides that of the resource.
	BodyLimit int               `yaml:"body_limit"`
	Lists     map[string]string `yaml:"lists"` // files of addresses by the managed rule that they serve
	Geo       geo               `yaml:"geo"`
	CRS       CRS               `yaml:"crs"`
}

// geo is the operator's MMDB files.
type geo struct {
	Country string `yaml:"country"` // countries or cities
	ASN     string `yaml:"asn"`     // autonomous systems
}

// CRS is the OWASP Core Rule Set, behind managed rule groups or by itself.
type CRS struct {
	// On blocks by the rule set itself, besides serving the web ACL's managed
	// groups; default false, or true when there is no web ACL.
	On       *bool  `yaml:"on"`
	Dir      string `yaml:"dir"`      // default: the one in the program
	Paranoia int    `yaml:"paranoia"` // 1 (default) to 4
	// Threshold is the anomaly score that blocks; default 5.
	Threshold int `yaml:"threshold"`
	// Detection is the level up to which rules run and are told without counting
	// towards the threshold; default: the paranoia level.
	Detection int `yaml:"detection"`
	// Sampling is the percentage of requests that the rule set looks at; default
	// all of them.
	Sampling int    `yaml:"sampling"`
	Engine   string `yaml:"engine"` // yagura (default) or coraza
	// Exclusions are SecLang files, read behind the set-up and before the rules, or
	// names of packages that are built in: prose, wiki, graphql, analytics, uploads.
	Exclusions []string `yaml:"exclusions"`
}

type backend struct {
	URL string `yaml:"url"` // http://, https:// or h2c:// (HTTP/2 without TLS, for gRPC), host and port
	// CA is a PEM file of the authorities that may sign an https backend's
	// certificate; default the system's.
	CA string `yaml:"ca"`
}

// health is how backends are asked whether they live. Without a path only
// failing connections tell: after Fails of them a backend rests for Interval.
type health struct {
	Path     string        `yaml:"path"`
	Interval time.Duration `yaml:"interval"` // default 5s
	Timeout  time.Duration `yaml:"timeout"`  // default 2s
	Fails    int           `yaml:"fails"`    // in a row until it is down; default 2
	Passes   int           `yaml:"passes"`   // in a row until it is up again; default 2
}

// orDefault fills in zero values.
func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func (c *Config) setDefaults() {
	if len(c.Listen) == 0 {
		c.Listen = []listen{{Address: "127.0.0.1:8080"}}
	}
	orDefault(&c.Drain, 30*time.Second)
	orDefault(&c.Watch, 2*time.Second)
	l := &c.Limits
	orDefault(&l.TargetBytes, 16<<10)
	orDefault(&l.HeaderBytes, 64<<10)
	orDefault(&l.HeaderFields, 200)
	orDefault(&l.HeaderTime, 10*time.Second)
	orDefault(&l.BodyTime, 20*time.Second)
	orDefault(&l.BodyRate, 500)
	orDefault(&l.WriteTime, time.Minute)
	orDefault(&l.IdleTime, 75*time.Second)
	orDefault(&l.TunnelTime, time.Hour)
	orDefault(&l.Handshake, 10*time.Second)
	orDefault(&l.Connections, 50_000)
	orDefault(&l.Handshakes, 1024)
	orDefault(&l.Streams, 100)
	for i := range c.Sites {
		c.Sites[i].setDefaults()
	}
}

func (s *Site) setDefaults() {
	orDefault(&s.Mode, "block")
	orDefault(&s.OnError, "closed")
	orDefault(&s.Balance, "least-connections")
	orDefault(&s.HostHeader, "client")
	orDefault(&s.GRPCBody, "first-message")
	orDefault(&s.Connect, 5*time.Second)
	orDefault(&s.Response, time.Minute)
	orDefault(&s.Health.Interval, 5*time.Second)
	orDefault(&s.Health.Timeout, 2*time.Second)
	orDefault(&s.Health.Fails, 2)
	orDefault(&s.Health.Passes, 2)
	orDefault(&s.WAF.CRS.Paranoia, 1)
	orDefault(&s.WAF.CRS.Threshold, 5)
	orDefault(&s.WAF.CRS.Engine, "yagura")
	if s.Upgrades == nil {
		s.Upgrades = []string{"websocket"}
	}
}

// name is the site's in logs and metrics.
func (s *Site) name() string { return s.Hosts[0] }
