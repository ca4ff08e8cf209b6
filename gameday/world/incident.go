package world

import (
	"net/url"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/api"
	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// incident is one run of the scenario "forged request, role key, bulk read": a preview function of the shop fetches what it is told to,
// including the metadata service; the role's key is then used from outside; member data leaves the bucket. It happens in the middle of a
// working day, first from an address in the company's own country.
type incident struct {
	e     *emitter
	rng   *seed.Rand
	site  *site
	start int64
	host  *instance
	who   *session // the instance's role as the intruder uses it
	near  string   // exit of the intruder in the country
	far   string

	farCountry         string
	takenFrom, takenTo int64
	drop               string // the intruder's listening host
	truth              []truthAction
	story              *Story
	first              int64 // first use of the key
	bytes              int64
	count              int
	end                int64
}

// intrude records the incident in its own output.
func (o *org) intrude() (*output, *incident) {
	out := newOutput()
	key := o.key.Sub("incident")
	c := &incident{e: newEmitter(o, key.Sub("emit").Rand(), out), rng: key.Sub("plan").Rand(), site: o.accounts[0].sites[0]}
	days := (o.to - o.from) / 86400
	day := o.from/86400 + min(days-1, int64(2+c.rng.IntN(3)))
	for c.host == nil && day*86400 < o.to {
		c.start = day*86400 + 5*3600 + int64(c.rng.IntN(4000)) // early afternoon in Tokyo
		if up := c.site.running("web", c.start); len(up) > 0 {
			c.host = up[c.rng.IntN(len(up))]
		}
		day++
	}
	c.near = publicIP(c.rng, []string{hosting[0].net, hosting[1].net})
	far := hosting[2+c.rng.IntN(3)]
	c.far, c.farCountry, c.drop = publicIP(c.rng, []string{far.net}), far.country, publicIP(c.rng, []string{"167.", "64."})
	c.e.flows = newFlowTable(c.site)
	t := c.entry()
	t = c.look(t + 700 + int64(c.rng.IntN(900)))
	t = c.take(t + 200 + int64(c.rng.IntN(300)))
	t = c.respond(t)
	c.after(t)
	c.e.act = 0
	c.e.flows.flush(o, out, key.Sub("flush").Rand())
	c.decoys()
	c.story = &Story{
		Title: "forged request, role key, bulk read of member data", Principal: c.who.caller, KeyID: c.who.key, Addresses: []string{c.near, c.far}, Bucket: c.site.buckets[2].name,
		From: time.Unix(c.start, 0).UTC(), To: time.Unix(c.end, 0).UTC(),
	}
	for _, a := range c.truth {
		if a.Kind == "intrusion" {
			c.story.Actions++
		}
	}
	return out, c
}

// entry is the way in through the web application.
func (c *incident) entry() int64 {
	e, b := c.e, c.site.balancer
	v := visit{client: c.near, country: "JP", agent: visitors[2], port: c.rng.Between(30000, 60000), node: b.nodes[0], cookie: "sid=" + string(c.rng.Alnum(nil, 22)) + "; lang=ja"}
	t := c.start
	ask := func(step, attack, outcome, path, query string, size int64, blocked bool) {
		t += int64(c.rng.LogNorm(19, 0.8)) + 1
		h := e.blank(c.site, v, t*1000+int64(c.rng.IntN(900)))
		h.Method, h.Path, h.Query, h.Out, h.Status, h.Took = "GET", path, query, size, 200, 60+int64(c.rng.IntN(900))
		if blocked {
			stopBy(h, 1, "EC2MetaDataSSRF_QUERYARGUMENTS", "core-rule-set:EC2MetaDataSSRF_QueryArguments")
		}
		c.note("intrusion", step, attack, c.near, "GET "+path, t, outcome, h.TraceID, c.site.balancer.id, c.host.id)
		e.hit(c.behind(), h, v)
	}
	for _, p := range []string{"/", "/items/10034", "/api/v1/cart"} {
		ask("look around", "T1595.002", "success", p, "", 21000+int64(c.rng.IntN(9000)), false)
	}
	image := "url=" + url.QueryEscape("https://img."+e.org.domain+"/u/4f1c.jpg")
	ask("find the preview function", "T1595.002", "success", "/api/v1/preview", image, 15400, false)
	ask("try the metadata service", "T1190", "blocked", "/api/v1/preview", "url=http%3A%2F%2F169.254.169.254%2Flatest%2Fmeta-data%2F", 0, true)
	name := "cdn-" + string(c.rng.Hex(nil, 5)) + ".pictshare-tmp.net"
	ask("prove that the server fetches", "T1190", "success", "/api/v1/preview", "url=http%3A%2F%2F"+name+"%2Fp.jpg", 690, false)
	e.lookup(c.site, c.host, name+".", t, []string{c.drop[:strings.LastIndex(c.drop, ".")+1]}, c.rng)
	e.flows.talk(c.rng, talk{eni: c.host.eni, local: c.host.ip, remote: c.drop, lport: c.rng.Between(33000, 60000), rport: 80, out: 310, in: 420, at: t, took: 1, action: e.act})
	ask("reach the metadata service in another spelling", "T1552.005", "success", "/api/v1/preview", "url=http%3A%2F%2F2852039166%2Flatest%2Fmeta-data%2Fiam%2Fsecurity-credentials%2F", 447, false)
	ask("read the role's key", "T1552.005", "success", "/api/v1/preview", "url=http%3A%2F%2F2852039166%2Flatest%2Fmeta-data%2Fiam%2Fsecurity-credentials%2F"+c.host.role.name, 1903, false)
	c.who = c.host.as(e.org, c.site, t)
	c.who.ip, c.who.agent = c.far, "aws-cli/2.27.49 md/awscrt#0.26.1 ua/2.1 os/linux#6.8.0-71-generic md/arch#x86_64 lang/python#3.13.4 md/pyimpl#CPython m/E,b cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.22 md/prompt#off md/command#"
	return t
}

// behind is the site as the balancer would see it if the host of the incident were its only target.
func (c *incident) behind() *site {
	s := *c.site
	s.instances = []*instance{c.host}
	return &s
}

// call records one API call of the intruder; refused calls fail as the role's policy makes them fail.
func (c *incident) call(t int64, step, attack, id string, refused bool, entities ...string) {
	outcome := "success"
	d := doing{who: c.who, site: c.site, call: c.e.org.call[id], at: t, never: true}
	if refused {
		outcome, d.fail = "denied", c.e.refusal(d.call.Service, d.call.Name, c.who)
	}
	c.note("intrusion", step, attack, c.who.caller, id, t, outcome, append(entities, c.who.key, c.who.ip)...)
	c.e.do(d)
	c.end = t
}

// look is what the intruder learns with the key.
func (c *incident) look(t int64) int64 {
	c.first = t
	pause := func() { t += 4 + int64(c.rng.LogNorm(22, 0.9)) }
	c.call(t, "who am I", "T1078.004", "sts:GetCallerIdentity", false)
	pause()
	c.call(t, "list buckets", "T1619", "s3:ListBuckets", false)
	pause()
	c.call(t, "list roles", "T1087.004", "iam:ListRoles", true)
	pause()
	c.call(t, "list secrets", "T1555.006", "secretsmanager:ListSecrets", true)
	pause()
	arn := c.site.pool["secret"][0]
	c.note("intrusion", "read the database secret", "T1555.006", c.who.caller, "secretsmanager:GetSecretValue", t, "success", arn, c.who.key, c.far)
	c.e.secret(c.who, c.site, arn, t)
	pause()
	c.call(t, "attach a policy to stay", "T1098.003", "iam:AttachRolePolicy", true)
	pause()
	c.call(t, "see the instances", "T1580", "ec2:DescribeInstances", false)
	return t
}

// take is the bulk read, in bursts with pauses, partly through the first exit.
func (c *incident) take(t int64) int64 {
	b := c.site.buckets[2]
	c.note("intrusion", "list objects", "T1619", c.who.caller, "s3:ListObjects", t, "success", b.name, c.who.key)
	c.e.object(c.who, c.site, b, object{}, "ListObjects", t, nil)
	n := 110 + c.rng.IntN(70)
	c.takenFrom = t
	from := c.rng.IntN(len(b.keys))
	for i := range n {
		if c.rng.Bool(0.03) {
			t += 60 + int64(c.rng.IntN(240))
		}
		t += int64(c.rng.LogNorm(1.5, 1.2))
		c.who.ip = c.far
		if i > n*3/4 {
			c.who.ip = c.near
		}
		o := b.keys[(from+i)%len(b.keys)]
		a := c.note("intrusion", "read member data", "T1530", c.who.caller, "s3:GetObject", t, "success", b.name+"/"+o.key, c.who.key, c.who.ip)
		size := c.e.object(c.who, c.site, b, o, "GetObject", t, nil)
		a.Bytes = size
		c.bytes += size
		c.count++
	}
	c.end, c.takenTo = t, t
	return t
}

// respond is the company's reaction some time after the first finding: the role's older sessions are revoked.
func (c *incident) respond(t int64) int64 {
	var p *person
	for _, q := range c.e.org.people {
		if !q.iamUser && (p == nil || q.team == "security") && q.joined < t {
			p = q
		}
	}
	t = max(t, c.first+1900) + 900 + int64(c.rng.IntN(1800))
	key := c.site.account.key.Sub("responder").Rand().KeyID("ASIA", c.site.account.num)
	r := c.site.account.permissionSet("platform")
	who := c.site.account.assume(assumed{role: r, name: p.name, key: key, start: t - 600})
	who.ip, who.agent, who.console = p.where(c.e.org, t), p.browser(c.e.org, t), true
	steps := []string{"guardduty:GetFindings", "cloudtrail:LookupEvents", "iam:GetRole", "iam:ListAttachedRolePolicies", "ec2:DescribeInstances"}
	c.note("response", "look into the finding", "", who.caller, "guardduty:GetFindings", t-300, "success", c.who.key)
	for i, s := range steps {
		c.e.vars.pin("role", c.host.role.name)
		c.e.do(doing{who: who, site: c.site, call: c.e.org.call[s], at: t - 300 + int64(i*37), never: true})
	}
	c.note("response", "revoke older sessions", "", who.caller, "iam:PutRolePolicy", t, "success", c.host.role.arn)
	params := `{"roleName":"` + c.host.role.name + `","policyName":"AWSRevokeOlderSessions","policyDocument":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":[\"*\"],\"Resource\":[\"*\"],\"Condition\":{\"DateLessThan\":{\"aws:TokenIssueTime\":\"` + time.Unix(t, 0).UTC().Format("2006-01-02T15:04:05.000Z") + `\"}}}]}"}`
	c.e.do(doing{who: who, site: c.site, call: c.e.org.call["iam:PutRolePolicy"], at: t, never: true, params: []byte(params)})
	c.e.vars.pin("role", "")
	return t
}

// after is the intruder finding that the key no longer works.
func (c *incident) after(t int64) {
	b := c.site.buckets[2]
	f := &api.Failure{Code: "AccessDenied", Message: api.Text("User: " + c.who.caller + " is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::" + b.name + "\" with an explicit deny in an identity-based policy")}
	t += 300 + int64(c.rng.IntN(1500))
	for range 2 + c.rng.IntN(4) {
		t += 3 + int64(c.rng.IntN(40))
		o := b.keys[c.rng.IntN(len(b.keys))]
		c.note("intrusion", "read member data after containment", "T1530", c.who.caller, "s3:GetObject", t, "denied", b.name+"/"+o.key, c.who.key, c.who.ip)
		c.e.object(c.who, c.site, b, o, "GetObject", t, f)
	}
	c.end = t
}

// decoys names the benign events that look alike; they are part of ordinary life and made with it.
func (c *incident) decoys() {
	o := c.e.org
	night := c.start/86400*86400 + 17*3600 + 300
	c.note("decoy", "nightly export reads the same bucket", "", o.accounts[0].role("batch-instance-role").arn, "s3:GetObject", night, "success", c.site.buckets[2].name)
	c.note("decoy", "scanners try the same hole and are blocked", "", "internet", "GET /api/v1/preview", c.start, "blocked", c.site.balancer.id)
	c.note("decoy", "the monitoring vendor sweeps every region with a role", "", "account "+o.vendor, "sts:AssumeRole", c.start/86400*86400, "success", o.accounts[0].role("observability-vendor-readonly").arn)
	for _, p := range o.people {
		if p.travel != "" {
			c.note("decoy", "a colleague works from abroad for two days", "", p.name, "ConsoleLogin", o.from+2*86400, "success", p.travel)
			break
		}
	}
	c.e.act = 0
}
