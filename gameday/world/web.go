package world

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

var wafGroups = []string{"AWS#AWSManagedRulesAmazonIpReputationList", "AWS#AWSManagedRulesCommonRuleSet", "AWS#AWSManagedRulesKnownBadInputsRuleSet"}

var visitors = []string{
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	"Storefront/4.12.1 (iOS 18.6; iPhone15,2) CFNetwork/3826.600.41 Darwin/24.6.0",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
	"Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
}

// visit is one client connection to the shop.
type visit struct {
	client, country, agent string
	port                   int
	node                   node
	cookie                 string
}

// web records an hour of the shop: customers by the clock of Tokyo, crawlers at all times, scanners whom the web ACL mostly stops.
func (e *emitter) web(s *site, hour int64) {
	b, t0 := s.balancer, hour*3600
	if b == nil {
		return
	}
	e.rng = s.key.Sub("web").At(hour).Rand()
	local := (hour + 9) % 24
	curve := []float64{5, 3, 1.5, 1, 1, 1.5, 3, 6, 8, 8, 9, 10, 14, 11, 9, 9, 9, 10, 12, 14, 17, 19, 16, 10}[local]
	if day := (hour/24 + 4) % 7; day == 0 || day == 6 {
		curve *= 1.35
	}
	for range e.rng.Poisson(curve * 1.1) {
		v := e.visitor(b)
		t := (t0 + int64(e.rng.IntN(3500))) * 1000
		for n := range 1 + min(30, int(e.rng.LogNorm(2.4, 0.9))) {
			if n > 0 {
				t += int64(e.rng.LogNorm(1800, 1.5))
			}
			h := e.request(s, v, t)
			e.hit(s, h, v)
		}
	}
	for range e.rng.Poisson(0.5) {
		e.prober(s, t0+int64(e.rng.IntN(3400)))
	}
}

func (e *emitter) visitor(b *balancer) visit {
	r := e.rng
	v := visit{country: "JP", client: publicIP(r, homeNets), port: r.Between(20000, 65000), node: b.nodes[r.IntN(len(b.nodes))], agent: visitors[r.Zipf(5)]}
	switch x := r.Float(); {
	case x < 0.08:
		v.agent, v.country, v.client = visitors[5+r.IntN(2)], "US", publicIP(r, []string{"66.249.", "157.55."})
	case x < 0.16:
		f := foreign[r.IntN(len(foreign))]
		v.client, v.country = publicIP(r, []string{f.net}), f.country
	case x < 0.4:
		v.client = publicIP(r, mobileNets)
	}
	if r.Bool(0.6) {
		v.cookie = "sid=" + string(r.Alnum(nil, 22)) + "; lang=ja"
	}
	return v
}

var words = []string{"傘", "弁当箱", "coat", "ノート", "lamp", "靴下", "mug", "カーテン", "bag", "時計"}

// request draws an ordinary request.
func (e *emitter) request(s *site, v visit, at int64) *wire.Hit {
	r := e.rng
	h := e.blank(s, v, at)
	h.Method, h.Status, h.Took = "GET", 200, 4+int64(r.LogNorm(38, 0.9))
	switch x := r.Float(); {
	case x < 0.3:
		h.Path, h.Out = "/items/"+strconv.Itoa(10000+r.Zipf(5000)), int64(r.LogNorm(21000, 0.5))
	case x < 0.42:
		h.Path, h.Query, h.Out = "/search", "q="+url.QueryEscape(words[r.IntN(len(words))])+"&page="+strconv.Itoa(1+r.Zipf(9)), int64(r.LogNorm(30000, 0.5))
	case x < 0.52:
		h.Path, h.Out = "/", int64(r.LogNorm(42000, 0.2))
	case x < 0.7:
		h.Path, h.Out = "/api/v1/cart", int64(r.LogNorm(900, 0.6))
		if r.Bool(0.3) {
			h.Method, h.Status, h.In = "POST", 201, 700+int64(r.IntN(800))
		}
	case x < 0.76:
		h.Path, h.Method, h.In, h.Out = "/api/v1/session", "POST", 640, 410
		if r.Bool(0.12) {
			h.Status = 401
		}
	case x < 0.8:
		h.Path, h.Query, h.Out = "/api/v1/preview", "url="+url.QueryEscape("https://img."+e.org.domain+"/u/"+string(r.Hex(nil, 12))+".jpg"), int64(r.LogNorm(16000, 0.6))
	case x < 0.97:
		h.Path, h.Out = "/static/js/app."+[]string{"8f3a91c2", "1d77b0e4"}[r.IntN(2)]+".js", 84210
		if r.Bool(0.5) {
			h.Status, h.Out = 304, 180
		}
	default:
		h.Path, h.Status, h.Out = "/apple-touch-icon-precomposed.png", 404, 1130
	}
	if r.Bool(0.004) {
		h.Status, h.Took = 500+r.IntN(5)%4, 3000+int64(r.IntN(9000))
	}
	if v.cookie != "" && r.Bool(0.6) {
		h.Referer = "https://" + h.Host + "/"
	}
	return h
}

// blank is a request with everything that does not depend on what is asked for.
func (e *emitter) blank(s *site, v visit, at int64) *wire.Hit {
	b, r := s.balancer, e.rng
	h := &wire.Hit{At: at, Account: s.account.id, Region: s.region, Balancer: b.id, Group: b.group, ACL: b.acl, Client: v.client, Port: v.port, Country: v.country, Host: b.host, Agent: v.agent, Cookie: v.cookie, In: 380 + int64(r.IntN(500)), TLS13: len(v.agent)%4 != 1, Groups: wafGroups}
	h.ConnID = "TID_" + string(seed.New(uint64(v.port)).Sub(v.client, v.node.eni).Rand().Hex(nil, 32))
	h.TraceID = fmt.Sprintf("Root=1-%08x-%s", at/1000, r.Hex(nil, 24))
	return h
}

// hit writes a request to WAF, ALB and the flow logs of the balancer and the target. A blocked request reaches no target.
func (e *emitter) hit(s *site, h *wire.Hit, v visit) {
	sec := h.At / 1000
	targets := s.running("web", sec-180)
	if h.Blocked() {
		h.Status, h.Out, h.Took = 403, 520, 0
	} else if len(targets) > 0 {
		t := targets[e.rng.IntN(len(targets))]
		if t.alive(sec) {
			h.Target = t.ip + ":8080"
			port := 10000 + int(sec/600*7+int64(v.node.ip[len(v.node.ip)-1]))%50000
			e.flows.talk(e.rng, talk{eni: v.node.eni, local: v.node.ip, remote: t.ip, lport: port, rport: 8080, out: h.In + 300, in: h.Out, at: sec, took: h.Took / 1000, action: e.act})
			e.flows.talk(e.rng, talk{eni: t.eni, local: t.ip, remote: v.node.ip, lport: 8080, rport: port, out: h.Out, in: h.In + 300, at: sec, took: h.Took / 1000, action: e.act})
		}
	}
	if h.Target == "" && !h.Blocked() {
		h.Status, h.Out = 503, 610
	}
	e.flows.talk(e.rng, talk{eni: v.node.eni, local: v.node.ip, remote: v.client, lport: 443, rport: v.port, out: h.Out + 2600, in: h.In + 900, at: sec, took: h.Took / 1000, action: e.act})
	acl := strings.Split(h.ACL, "/")
	if b := e.out.batch(stream{kind: srcWAF, account: s.account.id, region: s.region, sub: acl[2]}); b != nil {
		off := len(b.data)
		b.data = h.AppendWAF(b.data)
		b.add(h.At, off, record{action: e.act})
	}
	sub := strings.ReplaceAll(h.Balancer, "/", ".") + "|" + v.node.public
	if b := e.out.batch(stream{kind: srcALB, account: s.account.id, region: s.region, sub: sub}); b != nil {
		off := len(b.data)
		b.data = h.AppendALB(b.data)
		b.add(h.At+h.Took, off, record{action: e.act})
	}
}

// prober is somebody who tries known holes: most of it is stopped by the managed rules, some of it is merely not there.
func (e *emitter) prober(s *site, t int64) {
	r := e.rng
	src := e.org.scanners[r.IntN(len(e.org.scanners))]
	v := visit{client: src.ip, country: src.country, agent: []string{"python-requests/2.32.5", "Mozilla/5.0 zgrab/0.x", "curl/8.14.1", "Go-http-client/2.0"}[r.IntN(4)], port: r.Between(20000, 65000), node: s.balancer.nodes[r.IntN(2)]}
	at := t * 1000
	for range 3 + r.IntN(25) {
		at += 150 + int64(r.LogNorm(500, 1))
		h := e.blank(s, v, at)
		h.Method, h.Status, h.Took, h.Out = "GET", 404, 5+int64(r.IntN(20)), 1130
		switch r.IntN(6) {
		case 0:
			h.Path = "/.env"
		case 1:
			h.Path = "/wp-login.php"
		case 2:
			h.Path, h.Query = "/index.php", "s=/Index/%5Cthink%5Capp/invokefunction"
			stopBy(h, 2, "Log4JRCE_QUERYSTRING", "known-bad-inputs:Log4JRCE_QueryString")
		case 3:
			h.Path, h.Query = "/search", "q=1%27%20OR%201%3D1--"
			stopBy(h, 1, "GenericRFI_QUERYARGUMENTS", "core-rule-set:GenericRFI_QueryArguments")
		case 4:
			h.Path, h.Query = "/api/v1/preview", "url=http%3A%2F%2F169.254.169.254%2Flatest%2Fmeta-data%2F"
			stopBy(h, 1, "EC2MetaDataSSRF_QUERYARGUMENTS", "core-rule-set:EC2MetaDataSSRF_QueryArguments")
		default:
			h.Path = "/" + string(r.Hex(nil, 6)) + ".php"
			stopBy(h, 0, "AWSManagedIPReputationList", "amazon-ip-list:AWSManagedIPReputationList")
		}
		e.hit(s, h, v)
	}
}

// stopBy makes the web ACL end the request by a rule of one of its managed groups.
func stopBy(h *wire.Hit, group int, rule, label string) {
	h.Rule, h.RuleKind, h.Group2, h.SubRule = strings.TrimPrefix(wafGroups[group], "AWS#"), "MANAGED_RULE_GROUP", wafGroups[group], rule
	h.Labels = []string{"awswaf:managed:aws:" + label}
}

// names are what the machines of the house look up, with the time to live that the resolver's cache keeps an answer.
var names = []struct {
	name string
	ttl  int64
	nets []string
}{
	{"s3.%s.amazonaws.com.", 5, s3Nets}, {"sqs.%s.amazonaws.com.", 60, apiNets}, {"secretsmanager.%s.amazonaws.com.", 60, nil}, {"logs.%s.amazonaws.com.", 60, apiNets},
	{"sts.%s.amazonaws.com.", 60, apiNets}, {"monitoring.%s.amazonaws.com.", 60, apiNets}, {"api.paygate-jp.net.", 300, []string{"54.187."}}, {"registry.npmjs.org.", 300, []string{"104.16."}},
	{"cdn.amazonlinux.com.", 60, []string{"18.64."}}, {"deb.debian.org.", 600, []string{"151.101."}}, {"intake.logs.vendor-metrics.io.", 30, []string{"3.233."}},
}

// lookups records what a site's machines asked the resolver and did not find in its cache.
func (e *emitter) lookups(s *site, hour int64) {
	t0 := hour * 3600
	for _, i := range s.instances {
		from, to := max(t0, i.born+45), min(t0+3600, i.died)
		if from >= to {
			continue
		}
		r := s.key.Sub("dns", i.id).At(hour).Rand()
		asked := map[string][]int64{}
		for range r.Poisson(7) {
			n := names[r.Zipf(len(names))]
			name := n.name
			if strings.Contains(name, "%s") {
				name = fmt.Sprintf(name, s.region)
			}
			at := from + int64(r.IntN(int(to-from)))
			if slices.ContainsFunc(asked[name], func(last int64) bool { return at < last+n.ttl && at > last-n.ttl }) {
				continue
			}
			asked[name] = append(asked[name], at)
			e.lookup(s, i, name, at, n.nets, r)
			if r.Bool(0.05) { // the search domain comes first for short names
				e.lookup(s, i, strings.TrimSuffix(name, ".")+"."+s.region+".compute.internal.", at, nil, r)
			}
		}
	}
}

func (e *emitter) lookup(s *site, i *instance, name string, at int64, nets []string, r *seed.Rand) {
	b := e.out.batch(stream{kind: srcDNS, account: s.account.id, region: s.region, sub: s.pool["vpc"][0]})
	if b == nil {
		return
	}
	q := wire.Query{At: at, Account: s.account.id, Region: s.region, VPC: s.pool["vpc"][0], Name: name, Type: "A", Code: "NOERROR", Src: i.ip, Port: r.Between(32768, 60999), Instance: i.id}
	switch {
	case strings.HasSuffix(name, ".compute.internal."):
		q.Code = "NXDOMAIN"
	case nets == nil:
		q.Answers = []wire.Answer{{Data: "10.20.6.41", Type: "A"}, {Data: "10.20.7.118", Type: "A"}}
	default:
		for range 1 + r.IntN(3) {
			q.Answers = append(q.Answers, wire.Answer{Data: publicIP(r, nets), Type: "A"})
		}
	}
	if r.Bool(0.3) && q.Code == "NOERROR" {
		six := q
		six.Type, six.Answers, six.Port = "AAAA", nil, q.Port+1
		off := len(b.data)
		b.data = six.Append(b.data)
		b.add(at*1000, off, record{action: e.act})
	}
	off := len(b.data)
	b.data = q.Append(b.data)
	b.add(at*1000, off, record{action: e.act})
}
