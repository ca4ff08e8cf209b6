package world

import (
	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// sitting is one stretch of work of a person: a console session, some commands, or an infrastructure run.
type sitting struct {
	p          *person
	account    *account
	key        seed.Key
	start, end int64
	use        byte // c console, i infrastructure as code, a command line
	region     string
}

// sittings plans a person's day. The plan depends on person and day alone.
func (o *org) sittings(p *person, day int64) []sitting {
	var out []sitting
	for h := day * 24; h < day*24+24; h++ {
		r := p.key.Sub("hour").At(h).Rand()
		for i := range r.Poisson(p.busy(h) * 0.33) {
			key := p.key.Sub("sitting").At(h, int64(i))
			k := key.Rand()
			s := sitting{p: p, key: key, account: o.accounts[p.account], region: regions[0], start: h*3600 + int64(k.IntN(3600)), use: 'c'}
			if k.Bool(0.3) {
				s.account = o.accounts[p.second]
			}
			s.end = s.start + 20 + int64(k.LogNorm(900, 1.0))
			s.end = min(s.end, s.start+5*3600)
			switch x := k.Float(); {
			case x < 0.32:
				s.use = 'a'
			case x < 0.40 && p.team != "corp-it":
				s.use = 'i'
				s.end = s.start + 40 + int64(k.IntN(200))
			}
			if k.Bool(0.22) {
				s.region = regions[pick(k, regionWeight)]
			}
			out = append(out, s)
		}
	}
	return out
}

func pick(r *seed.Rand, weights []float64) int {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	x := r.Float() * sum
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// run records the part of the sitting inside [from, to). Every burst has its own generator, so hours can be generated alone.
func (e *emitter) run(s sitting, from, to int64) {
	if s.end < from || s.start >= to || s.start < s.p.joined {
		return
	}
	pace := s.key.Sub("pace").Rand()
	region := s.account.site(s.region)
	if s.start >= from && s.start < to {
		e.rng = s.key.Sub("login").Rand()
		e.login(s)
	}
	if s.use == 'i' {
		if s.start >= from && s.start < to {
			e.rng = s.key.Sub("apply").Rand()
			e.apply(s, region)
		}
		return
	}
	n := int64(0)
	for t := s.start + 3 + int64(pace.IntN(9)); t < s.end; n++ {
		if t >= from && t < to {
			e.rng = s.key.Sub("burst").At(n).Rand()
			if s.use == 'c' {
				e.page(s, region, t, n)
			} else {
				e.command(s, region, t)
			}
		}
		t += 6 + int64(pace.LogNorm(100, 1.2))
	}
	if s.use == 'c' {
		for t := s.start + 20; t < s.end; t += 300 + int64(pace.IntN(3)) {
			if t >= from && t < to {
				e.rng = s.key.Sub("poll").At(t).Rand()
				e.poll(s, t)
			}
		}
	}
}

// identity returns who the sitting acts as, with the n-th of the keys that the console uses behind one session.
func (e *emitter) identity(s sitting, n int64) *session {
	k := s.key.Sub("key").At(n).Rand().KeyID("ASIA", s.account.num)
	var out *session
	switch {
	case s.p.iamUser && s.use == 'c':
		out = s.account.asUser(s.account.user(s.p.name), k, s.start, s.p.mfa, "")
	case s.p.iamUser:
		long := s.p.key.Sub("akia", s.account.id).Rand().KeyID("AKIA", s.account.num)
		out = s.account.asUser(s.account.user(s.p.name), long, 0, false, "")
	default:
		out = s.account.assume(assumed{role: s.account.permissionSet(s.p.team), name: s.p.name, key: k, start: s.start, noCtx: n%3 == 0})
	}
	out.ip, out.agent, out.console = s.p.where(e.org, s.start), s.p.browser(e.org, s.start), s.use == 'c'
	if s.use != 'c' {
		out.agent = s.p.agents[1]
		out.tls13 = true
	}
	return out
}

// permissionSet is the role that Identity Center made for a team.
func (a *account) permissionSet(team string) *role {
	name := map[string]string{"platform": "AdministratorAccess", "sre": "PowerUserAccess", "security": "SecurityAudit"}[team]
	if name == "" {
		name = "DeveloperAccess"
	}
	full := "AWSReservedSSO_" + name + "_" + a.idps
	r := a.role(full)
	r.arn = "arn:aws:iam::" + a.id + ":role/aws-reserved/sso.amazonaws.com/" + regions[0] + "/" + full
	return r
}

// page is one console click: the reads a page makes within a second or two, some of which fail in ordinary ways.
func (e *emitter) page(s sitting, site *site, t, n int64) {
	who := e.identity(s, n)
	list := e.org.services['c']
	service := list[e.rng.Zipf(len(list))]
	calls := e.org.pages['c'][service]
	start := e.rng.IntN(len(calls))
	size := 1 + min(len(calls)*2, e.rng.Poisson(7)+e.rng.IntN(6))
	e.vars.pin("bucket", site.pool["bucket"][e.rng.Zipf(len(site.pool["bucket"]))])
	defer e.vars.pin("bucket", "")
	write := e.rng.Bool(0.06)
	for i := range size {
		c := calls[(start+i)%len(calls)]
		if c.By('x') && e.rng.Bool(0.8) || !c.Read && !write {
			continue
		}
		if !c.Read {
			write = false
		}
		at := t + int64(i)/int64(6+e.rng.IntN(12))
		w := who
		if e.rng.Bool(0.12) { // the page's own back end calls with the person's identity
			c2 := *who
			c2.agent, c2.console = "AWS Internal", true
			w = &c2
		}
		e.do(doing{who: w, site: site, call: c, at: at})
		if service == "s3" && e.rng.Bool(0.02) {
			e.readObject(who, site, nil, at+1, "")
		}
	}
	if e.rng.Bool(0.03) && s.account.env == "prod" {
		e.sweepRegions(who, t+2)
	}
}

// sweepRegions is a console page that asks every region once, as the global views do.
func (e *emitter) sweepRegions(who *session, t int64) {
	c := e.org.call["lambda:ListFunctions20150331"]
	if e.rng.Bool(0.5) {
		c = e.org.call["ec2:DescribeInstances"]
	}
	for _, s := range who.account.sites {
		e.do(doing{who: who, site: s, call: c, at: t, never: true})
	}
}

// command is a command line call or a short script.
func (e *emitter) command(s sitting, site *site, t int64) {
	who := e.identity(s, 0)
	list := e.org.services['a']
	service := list[e.rng.Zipf(len(list))]
	calls := e.org.pages['a'][service]
	c := calls[e.rng.IntN(len(calls))]
	if !c.Read && e.rng.Bool(0.8) {
		c = calls[0]
	}
	n := 1
	if e.rng.Bool(0.1) {
		n = 3 + e.rng.IntN(20)
	}
	for i := range n {
		e.do(doing{who: who, site: site, call: c, at: t + int64(i)/4})
	}
	switch x := e.rng.Float(); {
	case x < 0.05:
		b := site.buckets[e.rng.IntN(len(site.buckets))]
		for i := range 2 + e.rng.IntN(25) {
			e.readObject(who, site, b, t+2+int64(i)/9, "")
		}
	case x < 0.16:
		e.do(doing{who: who, site: site, call: e.org.call["sts:GetCallerIdentity"], at: t, never: true})
	case x < 0.19:
		e.denied(who, site, t+1)
	}
}

// denied is a call beyond the person's rights: the ordinary noise of any organisation.
func (e *emitter) denied(who *session, site *site, t int64) {
	list := []string{"iam:CreatePolicyVersion", "ec2:ModifySnapshotAttribute", "organizations:ListAccounts", "kms:GetKeyPolicy", "ssm:GetParametersByPath", "rds:ModifyDBInstance", "iam:PutRolePolicy", "s3:PutBucketPolicy", "secretsmanager:DescribeSecret"}
	c := e.org.call[list[e.rng.IntN(len(list))]]
	f := e.refusal(c.Service, c.Name, who)
	e.do(doing{who: who, site: site, call: c, at: t, fail: f})
	if e.rng.Bool(0.5) {
		e.do(doing{who: who, site: site, call: c, at: t + 7, fail: f})
	}
}

// apply is a plan or apply run: a long burst of reads with throttling, then some changes.
func (e *emitter) apply(s sitting, site *site) {
	who := e.identity(s, 0)
	who.agent = terraform
	calls := e.org.by['i']
	size := 40 + int(e.rng.LogNorm(70, 0.7))
	at := e.rng.IntN(len(calls))
	throttled := &e.org.call["cloudtrail:LookupEvents"].Fail[0]
	for i := range min(size, 560) {
		c := calls[(at+i/2)%len(calls)]
		if !c.Read && !e.rng.Bool(0.25) {
			c = calls[(at+i/7)%len(calls)]
			if !c.Read {
				continue
			}
		}
		d := doing{who: who, site: site, call: c, at: s.start + 4 + int64(i)/int64(5+e.rng.IntN(7))}
		if e.rng.Bool(0.03) {
			d.fail = throttled
		}
		e.do(d)
	}
}

// poll is the health check of an open console tab: each is recorded twice, once with the person's address and once with the service's.
func (e *emitter) poll(s sitting, t int64) {
	who := e.identity(s, 1000+t%17)
	from := appendClock(nil, t-7*86400)
	params := append([]byte(`{"filter":{"startTimes":[{"from":"`), from...)
	params = append(params, `"}],"eventStatusCodes":["open","upcoming"]},"aggregateField":"eventTypeCategory"}`...)
	for i := range 2 {
		w := who
		if i == 1 {
			w = who.through("health.amazonaws.com")
			w.agent, w.console = "AWS Internal", true
		}
		b := e.trail(s.account.site(globalRegion))
		if b == nil {
			return
		}
		e.vars.begin(s.account.site(globalRegion), w, t)
		ev := e.base(w, s.account.site(globalRegion), "health", "DescribeEventAggregates", t)
		ev.ReadOnly, ev.Params, ev.TLSHost = true, params, ""
		e.finish(b, ev, t, "Management")
	}
}

func appendClock(dst []byte, t int64) []byte { return wire.Time(dst, t) }
