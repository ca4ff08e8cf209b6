package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// bars are what issue and documentation promise.
var bars = map[string]float64{"get": 5, "json": 10, "attack": 5}

func named(servers []*server, name string) *server {
	for _, s := range servers {
		if s.name == name {
			return s
		}
	}
	return nil
}

func tableOfCPU(servers []*server) {
	proxy, coraza := named(servers, "proxy"), named(servers, "gateway-coraza")
	fmt.Println("\nProcessor time of the server per request in µs, median of the turns (least to greatest):")
	fmt.Printf("\n| server | GET | JSON 1 KiB | attack |\n|---|---|---|---|\n")
	for _, s := range servers {
		fmt.Printf("| %s |", s.name)
		for _, kind := range []string{"get", "json", "attack"} {
			var all []string
			for _, r := range s.runs[kind] {
				all = append(all, fmt.Sprintf("%6.0f", r.each()))
			}
			slices.Sort(all)
			fmt.Printf(" %.0f (%s–%s) |", s.cost(kind), strings.TrimSpace(all[0]), strings.TrimSpace(all[len(all)-1]))
		}
		fmt.Println()
	}
	for _, name := range []string{"gateway-crs", "gateway-acl20-crs"} {
		s := named(servers, name)
		if s == nil || coraza == nil {
			continue
		}
		for _, kind := range sortedKeys(bars) {
			whole := coraza.cost(kind) / s.cost(kind)
			verdict := "met"
			if whole < bars[kind] {
				verdict = "MISSED"
			}
			fmt.Printf("%s, %s: 1/%.1f of Coraza in the same gateway; bar 1/%.0f: %s", name, kind, whole, bars[kind], verdict)
			if off := named(servers, "gateway-off"); off != nil && s.cost(kind) > off.cost(kind) {
				fmt.Printf("; rules alone (less the gateway without rules) 1/%.1f", (coraza.cost(kind)-off.cost(kind))/(s.cost(kind)-off.cost(kind)))
			}
			if proxy != nil {
				fmt.Printf("; %.1f times the plain proxy", s.cost(kind)/proxy.cost(kind))
			}
			fmt.Println()
		}
	}
	if acl, off := named(servers, "gateway-acl20"), named(servers, "gateway-off"); acl != nil && off != nil {
		fmt.Printf("web ACL of 20 rules, log and inspection together: %.0f µs more than the gateway without rules\n", acl.cost("get")-off.cost("get"))
	}
}

func tableOfMemory(servers []*server) {
	fmt.Printf("\n| server | start to first answer, ms | resident after start, MB (own + files) | after the load |\n|---|---|---|---|\n")
	for _, s := range servers {
		least := slices.Min(s.load)
		fmt.Printf("| %s | %d | %s | %s |\n", s.name, least.Milliseconds(), s.fresh, s.used)
	}
}

func (m memory) String() string {
	return fmt.Sprintf("%.1f (%.1f + %.1f)", float64(m.own+m.files)/1000, float64(m.own)/1000, float64(m.files)/1000)
}

// tableOfLatency drives servers at half of what the slowest of the fast ones can do
// with benign GETs, in turns of a quarter second so that all see the same noise.
func tableOfLatency(servers []*server, took time.Duration) {
	var fastOnes []*server
	rate := 1e9
	for _, s := range servers {
		if s.counts["get"] < fast["get"] {
			continue
		}
		fastOnes = append(fastOnes, s)
		var best float64
		for _, r := range s.runs["get"] {
			best = max(best, float64(r.n)/r.took.Seconds())
		}
		rate = min(rate, best)
	}
	if len(fastOnes) == 0 {
		return
	}
	rate /= 2
	all := map[string][]time.Duration{}
	const turn = 500 * time.Millisecond
	for range max(1, int(took/turn)) {
		for _, s := range fastOnes {
			all[s.name] = append(all[s.name], paced(s, kinds["get"], rate, turn)...)
		}
	}
	fmt.Printf("\nLatency of GETs at %.0f requests/s, half of what the slowest of these can do, in ms:\n\n| server | p50 | p90 | p99 | p99 more than the proxy |\n|---|---|---|---|---|\n", rate)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	var base time.Duration
	for _, s := range fastOnes {
		list := all[s.name]
		slices.Sort(list)
		p99 := percentile(list, 0.99)
		if s.name == "proxy" {
			base = p99
		}
		fmt.Printf("| %s | %.2f | %.2f | %.2f | %.2f |\n", s.name, ms(percentile(list, 0.5)), ms(percentile(list, 0.9)), ms(p99), ms(p99-base))
	}
}
