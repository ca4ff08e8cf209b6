package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/yagura-sec/yagura/prevent/waf/handler"
	"github.com/yagura-sec/yagura/prevent/waf/waflog"
)

// metrics are the gateway's. Labels have few values: what clients send is none.
type metrics struct {
	registry    *prometheus.Registry
	requests    *prometheus.CounterVec
	decisions   *prometheus.CounterVec
	uninspected *prometheus.CounterVec
	malforms    *prometheus.CounterVec
	failures    *prometheus.CounterVec
	refusals    *prometheus.CounterVec
	abuses      *prometheus.CounterVec
	took        prometheus.Histogram
	reloads     prometheus.Counter
	stale       prometheus.Gauge
}

func newMetrics(g *Gateway) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	vec := func(name, text string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "yagura_gateway_" + name, Help: text}, labels)
		m.registry.MustRegister(v)
		return v
	}
	m.requests = vec("requests_total", "Requests that have come, malformed ones too.", "http")
	m.decisions = vec("decisions_total", "Requests that a gate has decided, by its action; passed tells whether they went on.", "site", "action", "passed")
	m.uninspected = vec("uninspected_total", "ALARM: requests that could not be decided.", "site", "reason", "passed")
	m.malforms = vec("malformed_total", "Requests refused as malformed.", "reason")
	m.failures = vec("failures_total", "Requests without an answer of the application.", "reason")
	m.refusals = vec("refused_connections_total", "Connections that were not served.", "reason")
	m.abuses = vec("abused_connections_total", "Connections cut for what came on them.", "reason")
	m.took = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "yagura_gateway_decision_seconds", Help: "Time that a gate took.",
		Buckets: []float64{1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1},
	})
	m.reloads = prometheus.NewCounter(prometheus.CounterOpts{Name: "yagura_gateway_reloads_total", Help: "Reloads of the configuration that worked."})
	m.stale = prometheus.NewGauge(prometheus.GaugeOpts{Name: "yagura_gateway_reload_failed", Help: "ALARM: 1 when the last reload failed and an old configuration serves."})
	m.registry.MustRegister(m.took, m.reloads, m.stale, live{g}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) request(major int)    { m.requests.WithLabelValues(strconv.Itoa(major)).Inc() }
func (m *metrics) malformed(why string) { m.malforms.WithLabelValues(why).Inc() }
func (m *metrics) failed(why string)    { m.failures.WithLabelValues(why).Inc() }
func (m *metrics) refused(why string)   { m.refusals.WithLabelValues(why).Inc() }
func (m *metrics) abused(reason string) { m.abuses.WithLabelValues(reason).Inc() }
func (m *metrics) reloaded(failed error) {
	if failed != nil {
		m.stale.Set(1)
		return
	}
	m.stale.Set(0)
	m.reloads.Inc()
}

// observe counts and logs a decision.
func (g *Gateway) observe(s *Site, source waflog.Source, x *handler.Exchange) {
	passed := strconv.FormatBool(x.Status == 0)
	e := &waflog.Entry{Request: x.Request, Verdict: x.Verdict, Status: x.Status, Reason: x.Malformed, Source: source}
	if x.Uninspected != "" {
		g.metrics.uninspected.WithLabelValues(s.name(), x.Uninspected, passed).Inc()
		g.deps.Log.Error("a request could not be decided", "site", s.name(), "reason", x.Uninspected, "passed", passed, "request", x.Request.ID)
		e.Reason = x.Uninspected
	}
	if x.Verdict != nil {
		g.metrics.decisions.WithLabelValues(s.name(), x.Verdict.Action.String(), passed).Inc()
		g.metrics.took.Observe(x.Took.Seconds())
	}
	if l := g.logs.Load(); l != nil {
		l.Write(e)
	}
}

// live is what is counted when it is asked for.
type live struct{ g *Gateway }

var (
	descOpen    = prometheus.NewDesc("yagura_gateway_connections", "Open TCP connections.", nil, nil)
	descTunnels = prometheus.NewDesc("yagura_gateway_tunnels", "Open WebSockets.", nil, nil)
	descBackend = prometheus.NewDesc("yagura_gateway_backend_up", "1 when the backend gets requests.", []string{"site", "backend"}, nil)
	descBusy    = prometheus.NewDesc("yagura_gateway_backend_requests", "Requests at the backend.", []string{"site", "backend"}, nil)
	descLog     = prometheus.NewDesc("yagura_gateway_log_records_total", "Log records by what became of them; dropped and failed are lost.", []string{"outcome"}, nil)
	descQueue   = prometheus.NewDesc("yagura_gateway_log_queue_bytes", "Log bytes that wait for a sink.", nil, nil)
)

// Describe is for Prometheus.
func (live) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descOpen, descTunnels, descBackend, descBusy, descLog, descQueue} {
		ch <- d
	}
}

// Collect is for Prometheus.
func (l live) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if l.g.conns == nil {
		return
	}
	gauge(descOpen, float64(l.g.conns.open()))
	gauge(descTunnels, float64(l.g.tunnels.count()))
	seen := map[*member]bool{}
	for _, s := range l.g.state.Load().sites {
		for _, m := range s.pool.members {
			if seen[m] {
				continue
			}
			seen[m] = true
			up := 0.0
			if m.up(time.Now(), s.Health.Path != "") {
				up = 1
			}
			gauge(descBackend, up, s.name(), m.url.Host)
			gauge(descBusy, float64(m.busy.Load()), s.name(), m.url.Host)
		}
	}
	if log := l.g.logs.Load(); log != nil {
		c := log.Counts()
		for outcome, n := range map[string]int64{"written": c.Written, "sampled": c.Sampled, "dropped": c.Dropped, "failed": c.Failed} {
			ch <- prometheus.MustNewConstMetric(descLog, prometheus.CounterValue, float64(n), outcome)
		}
		gauge(descQueue, float64(c.Queued))
	}
}

// admin serves metrics and health.
type admin struct {
	l   net.Listener
	srv *http.Server
}

func (g *Gateway) serveAdmin(ctx context.Context, addr string) (*admin, error) {
	if addr == "" {
		return nil, nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("gateway: admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if g.drains.Load() {
			plain(w, http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ok\n")) // Whoever asked has gone.
	})
	a := &admin{l: l, srv: &http.Server{Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}}
	go func() { _ = a.srv.Serve(l) }() // It ends by close.
	return a, nil
}

func (a *admin) address() string {
	if a == nil {
		return ""
	}
	return a.l.Addr().String()
}

func (a *admin) close() {
	if a != nil {
		_ = a.srv.Close() // Nothing is lost.
	}
}
