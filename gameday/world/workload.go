package world

// workloads records what the machines of a site do in one hour. Rates are flat day and night except where users drive them.
func (e *emitter) workloads(s *site, hour int64) {
	t0 := hour * 3600
	for _, i := range s.instances {
		e.rng = s.key.Sub("instance", i.id).At(hour).Rand()
		e.instanceHour(s, i, t0)
	}
	for n, fn := range s.pool["fn"] {
		e.rng = s.key.Sub("lambda", fn).At(hour).Rand()
		rate := []float64{0.4, 0.1, 0.05}[min(2, n/2)]
		if s.account.env != "prod" {
			rate *= 0.35
		}
		if s.region != regions[0] {
			rate *= 0.3
		}
		for range e.rng.Poisson(rate) {
			e.function(s, fn, s.pool["role"][n%len(s.pool["role"])], t0+int64(e.rng.IntN(3300)))
		}
	}
	e.rng = s.key.Sub("ecs").At(hour).Rand()
	if s.region == regions[0] && e.rng.Bool(0.25) {
		e.task(s, t0+int64(e.rng.IntN(3000)))
	}
	e.awsServices(s, hour)
	if s.region == regions[0] {
		e.outsiders(s, hour)
		if s.account.env == "prod" && hour%24 == 17 { // 02:00 in Tokyo
			e.nightly(s, t0)
		}
	}
}

// rotation is how long the credentials of an instance's role are served, and keyDelay when the first come after the start.
const (
	rotation = 21600
	keyDelay = 40
)

// credentials returns the key of an instance's role at t and when it was issued.
func (i *instance) credentials(s *site, t int64) (string, int64) {
	epoch := max(0, t-i.born-keyDelay) / rotation
	return s.key.Sub("role-key", i.id).At(epoch).Rand().KeyID("ASIA", s.account.num), i.born + keyDelay + epoch*rotation
}

// as returns the session of an instance's role.
func (i *instance) as(o *org, s *site, t int64) *session {
	key, since := i.credentials(s, t)
	who := s.account.assume(assumed{role: i.role, name: i.id, key: key, start: since, ec2: true})
	who.ip = s.nat
	who.agent = sdks[int(i.id[3])%len(sdks)]
	who.tls13 = true
	return who
}

func (e *emitter) instanceHour(s *site, i *instance, t0 int64) {
	birth, death := i.born >= t0 && i.born < t0+3600, i.died >= t0 && i.died < t0+3600
	if birth && i.born > e.org.from {
		e.launch(s, i)
	}
	from, to := max(t0, i.born+keyDelay), min(t0+3600, i.died)
	if from < to {
		if key, since := i.credentials(s, to-1); since >= from && since >= e.org.from {
			target := s.account.assume(assumed{role: i.role, name: i.id, key: key, start: since, ec2: true})
			params := []byte(`{"roleArn":"` + i.role.arn + `","roleSessionName":"` + i.id + `"}`)
			e.issueShared(s.account.asService("ec2.amazonaws.com"), s, "AssumeRole", since, params, i.role, target, string(e.rng.UUID(nil)))
		}
		e.instanceCalls(s, i, from, to)
	}
	if death {
		e.terminate(s, i)
	}
}

func (e *emitter) instanceCalls(s *site, i *instance, from, to int64) {
	if i.managed && s.account.env == "prod" && s.region == regions[0] {
		e.agent(s, i, from, to)
	}
	if to-from < 400 {
		return
	}
	to -= 2 // companions of a call may come two seconds later
	switch i.service {
	case "web":
		who := i.as(e.org, s, to)
		begin := max(from, who.start) // the rest of an hour in which the key changed
		if to-begin < 300 {
			return
		}
		if e.rng.Bool(0.4) {
			who.endpoint = s.vpce
			who.ip = i.ip
			e.secret(who, s, s.pool["secret"][0], begin+int64(e.rng.IntN(200)))
			who.ip, who.endpoint = s.nat, ""
		}
		for range e.rng.Poisson(2.2) {
			t := begin + int64(e.rng.IntN(int(to-begin)))
			e.readObject(who, s, s.buckets[min(1, len(s.buckets)-1)], t, "")
			if e.rng.Bool(0.2) {
				b := s.buckets[1]
				e.object(who, s, b, b.keys[e.rng.IntN(len(b.keys))], "PutObject", t+1, nil)
			}
		}
	case "relay":
		for range e.rng.Poisson(1.2) {
			at := from + int64(e.rng.IntN(int(to-from)))
			e.do(doing{who: i.as(e.org, s, at), site: s, call: e.org.call["sqs:GetQueueAttributes"], at: at})
		}
	}
}

// agent is the Systems Manager agent: a sign of life every five minutes, an inventory now and then.
func (e *emitter) agent(s *site, i *instance, from, to int64) {
	e.vars.pin("instance", i.id)
	defer e.vars.pin("instance", "")
	call := func(name string, t int64) {
		who := i.as(e.org, s, t)
		who.agent = "aws-sdk-go/1.55.5 (go1.23.7; linux; amd64) amazon-ssm-agent/3.3.2746.0"
		who.endpoint, who.ip = s.vpce, i.ip
		e.do(doing{who: who, site: s, call: e.org.call[name], at: t})
	}
	for t := from + int64(i.id[4]); t < to; t += 300 + int64(e.rng.IntN(5)) {
		call("ssm:UpdateInstanceInformation", t)
	}
	if e.rng.Bool(0.4) && to-from > 1000 {
		for n, c := range []string{"ssm:ListInstanceAssociations", "ssm:GetDocument", "ssm:UpdateInstanceAssociationStatus", "ssm:PutInventory", "ssm:PutComplianceItems"} {
			call(c, from+900+int64(n))
		}
	}
}

// launch is the scaling group's start of an instance; terminate its end.
func (e *emitter) launch(s *site, i *instance) {
	who := e.scaler(s, i.born-2)
	e.vars.begin(s, who, i.born)
	c := e.org.call["ec2:RunInstances"]
	e.vars.pin("hex17", i.id[2:])
	e.vars.pin("imds", "optional") // the group's template is older than the rule
	e.do(doing{who: who, site: s, call: c, at: i.born, never: true})
	e.vars.pin("hex17", "")
	e.vars.pin("imds", "")
	e.vars.pin("instance", i.id)
	e.do(doing{who: who, site: s, call: e.org.call["elasticloadbalancing:RegisterTargets"], at: i.born + 25, never: true})
	e.vars.pin("instance", "")
}

func (e *emitter) scaler(s *site, t int64) *session {
	r := s.account.role("AWSServiceRoleForAutoScaling")
	r.arn = "arn:aws:iam::" + s.account.id + ":role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
	return e.openFor("autoscaling.amazonaws.com", s, r, "AutoScaling", t, assumed{invoked: "autoscaling.amazonaws.com"})
}

func (e *emitter) terminate(s *site, i *instance) {
	who := e.scaler(s, i.died-30)
	e.vars.pin("instance", i.id)
	e.do(doing{who: who, site: s, call: e.org.call["elasticloadbalancing:DeregisterTargets"], at: i.died - 28, never: true})
	e.vars.pin("instance", "")
	b := e.trail(s)
	if b == nil {
		return
	}
	ev := e.base(who, s, "ec2", "TerminateInstances", i.died)
	ev.Params = []byte(`{"instancesSet":{"items":[{"instanceId":"` + i.id + `"}]}}`)
	ev.Response = []byte(`{"requestId":"` + ev.RequestID + `","instancesSet":{"items":[{"instanceId":"` + i.id + `","currentState":{"code":32,"name":"shutting-down"},"previousState":{"code":16,"name":"running"}}]}}`)
	e.finish(b, ev, i.died, "Management")
}

// function is one cold start of a Lambda function and what it then does.
func (e *emitter) function(s *site, fn, roleName string, t int64) {
	r := s.account.role(roleName)
	who := e.openFor("lambda.amazonaws.com", s, r, fn, t, assumed{})
	who.ip, who.agent, who.tls, who.tls13 = publicIP(e.rng, []string{"3.112.", "54.95.", "18.181."}), sdks[2+len(fn)%2], true, true
	e.invoke(s.account.asService("events.amazonaws.com"), s, fn, t)
	e.vars.pin("fn", fn)
	e.do(doing{who: who, site: s, call: e.org.call["logs:CreateLogStream"], at: t + 1})
	e.vars.pin("fn", "")
	list := e.org.pages['a'][[]string{"s3", "dynamodb", "sqs", "ssm", "states", "secretsmanager", "cognito-idp", "glue", "athena", "bedrock"}[len(fn)%10]]
	habit := s.key.Sub("habit", fn).Rand()
	for i := range 1 + habit.IntN(4) {
		c := list[habit.IntN(len(list))]
		e.do(doing{who: who, site: s, call: c, at: t + 1 + int64(i)})
	}
	if len(fn)%3 == 0 {
		e.readObject(who, s, s.buckets[0], t+2, "")
	}
	if len(fn)%4 == 1 {
		e.secret(who, s, s.pool["secret"][len(fn)%len(s.pool["secret"])], t+1)
	}
}

// task is the start of a container: pull, secrets, state changes.
func (e *emitter) task(s *site, t int64) {
	exec := e.openFor("ecs-tasks.amazonaws.com", s, s.account.role(s.pool["role"][2%len(s.pool["role"])]), string(e.rng.Hex(nil, 32)), t, assumed{})
	exec.ip, exec.agent, exec.tls = publicIP(e.rng, []string{"13.230.", "35.77."}), "Amazon ECS Agent - v1.99.0 (e2e8b2f1) (+http://aws.amazon.com/ecs/)", true
	e.do(doing{who: exec, site: s, call: e.org.call["ecr:GetAuthorizationToken"], at: t + 1})
	e.do(doing{who: exec, site: s, call: e.org.call["ecr:BatchGetImage"], at: t + 2})
	for i := range 1 + e.rng.IntN(5) {
		e.do(doing{who: exec, site: s, call: e.org.call["ecr:GetDownloadUrlForLayer"], at: t + 2 + int64(i/3), never: true})
	}
	e.secret(exec, s, s.pool["secret"][1%len(s.pool["secret"])], t+4)
	e.do(doing{who: exec, site: s, call: e.org.call["logs:CreateLogStream"], at: t + 5})
	agent := s.account.asService("ecs.amazonaws.com")
	e.do(doing{who: agent, site: s, call: e.org.call["ecs:SubmitTaskStateChange"], at: t + 9})
	e.do(doing{who: agent, site: s, call: e.org.call["elasticloadbalancing:RegisterTargets"], at: t + 15})
}

// nightly is the export of member data: the legitimate bulk reader of the personal bucket.
func (e *emitter) nightly(s *site, t0 int64) {
	up := s.running("batch", t0)
	if len(up) == 0 || len(s.buckets) < 3 {
		return
	}
	e.rng = s.key.Sub("nightly").At(t0).Rand()
	who := up[0].as(e.org, s, t0)
	who.agent = sdks[3]
	b := s.buckets[2]
	t := t0 + 300 + int64(e.rng.IntN(90))
	e.object(who, s, b, object{}, "ListObjects", t, nil)
	first := int(t0/86400*37) % len(b.keys)
	total := int64(0)
	for i := range 60 + e.rng.IntN(30) {
		t += int64(e.rng.IntN(4))
		total += e.object(who, s, b, b.keys[(first+i)%len(b.keys)], "GetObject", t, nil)
	}
	e.object(who, s, b, b.keys[first], "PutObject", t+30, nil)
	e.transfer(s, up[0], total, t0+300, t)
}
