package world

import (
	"fmt"
	"strconv"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

// newSite fills one region of an account with resources. Home holds the workloads, the others what grew there over the years.
func (o *org) newSite(a *account, region string, n int) *site {
	key := a.key.Sub(region)
	r := key.Sub("resources").Rand()
	s := &site{account: a, region: region, key: key, pool: map[string][]string{}}
	size := 2
	if n == 0 {
		size = 6
	}
	hex := func(prefix string, n int) string { return prefix + "0" + string(r.Hex(nil, n-1)) }
	add := func(name string, count int, value func(i int) string) {
		for i := range count {
			s.pool[name] = append(s.pool[name], value(i))
		}
	}
	for _, id := range []struct {
		name, prefix string
		count        int
	}{{"vpc", "vpc-", 1 + size/3}, {"subnet", "subnet-", size}, {"sg", "sg-", size * 3}, {"vol", "vol-", size * 4}, {"snap", "snap-", size * 4}, {"ami", "ami-", 3}, {"rtb", "rtb-", size}, {"nat", "nat-", 1}, {"eip", "eipalloc-", 2}, {"vpce", "vpce-", 3}, {"lt", "lt-", size}} {
		add(id.name, id.count, func(int) string { return hex(id.prefix, 17) })
	}
	apps := rotate(apps, r.IntN(len(apps)))[:size+1]
	arn := func(service, rest string) string {
		return "arn:aws:" + service + ":" + region + ":" + a.id + ":" + rest
	}
	s.pool["app"] = apps
	add("az", 3, func(i int) string { return region + string(rune('a'+i+i/2)) })
	add("kms", size, func(int) string { return string(r.UUID(nil)) })
	add("fn", size*2, func(i int) string {
		return apps[i%len(apps)] + []string{"-handler", "-worker", "-thumbnail", "-webhook", "-cleanup"}[i%5]
	})
	add("role", size*2, func(i int) string {
		return apps[i%len(apps)] + []string{"-task-role", "-lambda-role", "-exec-role"}[i%3]
	})
	add("policy", size, func(i int) string { return apps[i%len(apps)] + "-access" })
	add("secret", size, func(i int) string {
		return arn("secretsmanager", "secret:"+a.env+"/"+apps[i%len(apps)]+"/db-"+string(r.Alnum(nil, 6)))
	})
	add("param", size*3, func(i int) string {
		return "/" + a.env + "/" + apps[i%len(apps)] + "/" + []string{"api-key", "dsn", "feature-flags", "webhook-url"}[i%4]
	})
	add("db", 1+size/3, func(i int) string { return apps[i%len(apps)] + "-" + a.env })
	add("dbc", 1, func(int) string { return a.env + "-aurora" })
	add("lg", size*3, func(i int) string {
		return []string{"/aws/lambda/" + s.pool["fn"][i%len(s.pool["fn"])], "/ecs/" + apps[i%len(apps)], "/aws/rds/instance/" + s.pool["db"][0] + "/postgresql"}[i%3]
	})
	add("queue", size, func(i int) string { return apps[i%len(apps)] + []string{"-events", "-dlq", "-jobs"}[i%3] })
	add("topic", size, func(i int) string { return apps[i%len(apps)] + "-alerts" })
	add("table", size, func(i int) string { return apps[i%len(apps)] + []string{"-sessions", "-items", "-locks"}[i%3] })
	add("cluster", 1+size/4, func(i int) string { return a.env + []string{"-web", "-batch"}[i%2] })
	add("asg", 1+size/4, func(i int) string { return apps[i%len(apps)] + "-asg" })
	add("lb", 1+size/4, func(i int) string {
		return arn("elasticloadbalancing", "loadbalancer/app/"+apps[i%len(apps)]+"/"+string(r.Hex(nil, 16)))
	})
	add("tg", 1+size/3, func(i int) string {
		return arn("elasticloadbalancing", "targetgroup/"+apps[i%len(apps)]+"/"+string(r.Hex(nil, 16)))
	})
	add("alarm", size*2, func(i int) string { return apps[i%len(apps)] + []string{"-5xx", "-cpu-high", "-dlq-depth"}[i%3] })
	add("stack", size, func(i int) string { return apps[i%len(apps)] + "-" + a.env })
	add("repo", size, func(i int) string { return apps[i%len(apps)] })
	add("rule", size, func(i int) string { return apps[i%len(apps)] + []string{"-nightly", "-hourly", "-on-upload"}[i%3] })
	add("stream", 2, func(i int) string { return apps[i%len(apps)] + []string{"-clicks", "-waf-logs"}[i%2] })
	add("cert", 2, func(int) string { return string(r.UUID(nil)) })
	add("zone", 2, func(int) string { return "Z0" + string(r.Upper(nil, 18)) })
	add("dist", 2, func(int) string { return "E" + string(r.Upper(nil, 13)) })
	add("pool", 1, func(int) string { return region + "_" + string(r.Alnum(nil, 9)) })
	add("detector", 1, func(int) string { return string(r.Hex(nil, 32)) })
	add("trail", 1, func(int) string { return trailName })
	add("task", 4, func(int) string { return arn("ecs", "task/"+s.pool["cluster"][0]+"/"+string(r.Hex(nil, 32))) })
	s.nat, s.natENI, s.vpce = publicIP(r, []string{"13.", "18.", "54."}), hex("eni-", 17), s.pool["vpce"][0]
	s.newBuckets(o, r)
	o.newInstances(s, n)
	for _, i := range s.instances {
		s.pool["eni"] = append(s.pool["eni"], i.eni)
	}
	if len(s.instances) == 0 {
		add("eni", 2, func(int) string { return hex("eni-", 17) })
	}
	if n == 0 && a.env == "prod" {
		s.newBalancer(o, r)
	}
	return s
}

func rotate(list []string, n int) []string {
	return append(append([]string{}, list[n:]...), list[:n]...)
}

func (s *site) newBalancer(o *org, r *seed.Rand) {
	id := string(r.Hex(nil, 16))
	b := &balancer{name: "storefront", id: "app/storefront/" + id, host: "www." + o.domain}
	b.group = "arn:aws:elasticloadbalancing:" + s.region + ":" + s.account.id + ":targetgroup/storefront/" + string(r.Hex(nil, 16))
	b.acl = "arn:aws:wafv2:" + s.region + ":" + s.account.id + ":regional/webacl/storefront-acl/" + string(r.UUID(nil))
	for i := range 2 {
		b.nodes = append(b.nodes, node{ip: fmt.Sprintf("10.20.%d.%d", i, r.Between(10, 250)), public: publicIP(r, []string{"52.", "35."}), eni: "eni-0" + string(r.Hex(nil, 16))})
	}
	s.balancer = b
}

// newInstances plans the lives of all instances of a site over the generated time: fixed ones live throughout, those of the scaling
// group come in the morning and go at night, and each is replaced by releases.
func (o *org) newInstances(s *site, n int) {
	if s.account.env == "security" || n > 1 {
		return
	}
	r := s.key.Sub("instances").Rand()
	fixed := []string{"batch", "bastion"}
	if n == 1 {
		fixed = []string{"relay"}
	}
	for i, name := range fixed {
		inst := s.newInstance(r, name, 3, i)
		inst.born, inst.died, inst.managed = o.from-int64(r.Between(20, 200))*86400, o.to+86400*30, name == "batch"
		s.instances = append(s.instances, inst)
	}
	if n > 0 {
		return
	}
	for slot := range 4 {
		for day := o.from / 86400; day*86400 < o.to; day++ {
			d := s.key.Sub("slot").At(int64(slot), day).Rand()
			up, down := day*86400-int64(d.Between(7200, 10800)), day*86400+int64(d.Between(46000, 57000))
			if slot < 2 { // the base of the group lives from one release to the next
				if (day-o.from/86400)%3 != int64(slot) && day*86400 > o.from {
					continue
				}
				up, down = day*86400+int64(d.Between(3600, 9000)), day*86400+3*86400+int64(d.Between(3700, 9900))
				if day*86400 <= o.from {
					up = o.from - int64(d.Between(30000, 90000))
					down = (day+int64(slot))*86400 + int64(d.Between(9100, 9900))
					if slot == 0 {
						down += 3 * 86400
					}
				}
			}
			inst := s.newInstance(d, "web", 4, slot)
			inst.born, inst.died = up, down
			s.instances = append(s.instances, inst)
		}
	}
}

func (s *site) newInstance(r *seed.Rand, service string, subnet, i int) *instance {
	return &instance{
		id: "i-0" + string(r.Hex(nil, 16)), eni: "eni-0" + string(r.Hex(nil, 16)), ip: "10.20." + strconv.Itoa(subnet) + "." + strconv.Itoa(r.Between(10, 120)+i*30),
		service: service, role: s.account.role(service + "-instance-role"),
	}
}

// running returns the instances of a service that are alive at t; an empty name means any.
func (s *site) running(service string, t int64) []*instance {
	var out []*instance
	for _, i := range s.instances {
		if i.alive(t) && (service == "" || i.service == service) {
			out = append(out, i)
		}
	}
	return out
}
