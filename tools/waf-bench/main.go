// Command waf-bench measures the gateway beside a plain reverse proxy, Coraza and
// nginx with ModSecurity: processor time per request, resident memory, load time,
// and latency at half load. All servers live in one run on one machine and take
// turns, so that ratios hold even when the machine does other work.
//
//	go run ./waf-bench -yagura ../bin/yagura        (in folder tools)
//
// Everything is on loopback, and only processes started here are ended. nginx is
// measured when it and its modules are installed; nothing is installed here.
package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

func main() {
	program := flag.String("yagura", "bin/yagura", "the program to measure")
	rounds := flag.Int("rounds", 3, "turns of every server; the median counts")
	scale := flag.Float64("scale", 1, "how many requests, as a multiple of the usual")
	half := flag.Duration("half", 8*time.Second, "how long latency at half load is measured, per server; 0 is not")
	only := flag.String("only", "", "servers to measure, by name, with commas; default all")
	proxy := flag.String("proxy", "", "serve as a plain reverse proxy of this URL (used by this program itself)")
	flag.Parse()
	var err error
	if *proxy != "" {
		err = serveProxy(*proxy)
	} else {
		err = measure(&plan{program: *program, rounds: *rounds, scale: *scale, half: *half, only: filled(*only)})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "waf-bench:", err)
		os.Exit(1)
	}
}

func filled(list string) (out []string) {
	for one := range strings.SplitSeq(list, ",") {
		if one != "" {
			out = append(out, one)
		}
	}
	return out
}

// plan is what the flags ask for.
type plan struct {
	program string
	rounds  int
	scale   float64
	half    time.Duration
	only    []string
}

// serveProxy is the plain proxy that all are compared with; it prints its address.
func serveProxy(backend string) error {
	u, err := url.Parse(backend)
	if err != nil {
		return err
	}
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(u) }})
	defer s.Close()
	fmt.Println(s.URL)
	_, _ = io.Copy(io.Discard, os.Stdin) // It ends with its parent.
	return nil
}

// application answers what the servers pass on.
func application(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<!doctype html><title>shop</title><p>"+strings.Repeat("An ordinary page. ", 40))
}

func measure(p *plan) error {
	dir, err := os.MkdirTemp("", "waf-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	app := httptest.NewServer(http.HandlerFunc(application))
	defer app.Close()
	var servers []*server
	defer func() {
		for _, s := range servers {
			s.end()
		}
	}()
	for _, d := range designs(p, dir, app.URL) {
		if len(p.only) > 0 && !slices.Contains(p.only, d.name) {
			continue
		}
		if d.missing != "" {
			fmt.Printf("%s is not measured: %s\n", d.name, d.missing)
			continue
		}
		s, err := d.start(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		servers = append(servers, s)
	}
	for _, s := range servers {
		for name, want := range s.expect { // What is measured must also be right.
			if got := send(s, kinds[name], 1, 1); got.statuses[want] != 1 {
				return fmt.Errorf("%s answers %s with %v, want %d", s.name, name, got.statuses, want)
			}
		}
		s.fresh = s.memory()
	}
	for round := range p.rounds {
		for _, kind := range []string{"get", "json", "attack"} {
			for _, s := range servers {
				n := max(20, int(float64(s.counts[kind])*p.scale))
				if round == 0 {
					send(s, kinds[kind], max(10, n/10), workers)
				}
				s.note(kind, send(s, kinds[kind], n, workers))
			}
		}
	}
	for _, s := range servers {
		s.used = s.memory()
	}
	tableOfCPU(servers)
	tableOfMemory(servers)
	if p.half > 0 {
		tableOfLatency(servers, p.half)
	}
	return nil
}
