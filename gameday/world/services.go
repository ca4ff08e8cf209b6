package world

import (
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/api"
)

// scanning services and how many reads a run makes. Each sweeps all regions, quiet ones too.
var scanning = []struct {
	host, role string
	every      int64 // hours between runs
	size       int
	services   string
}{
	{"config.amazonaws.com", "AWSServiceRoleForConfig", 4, 6, "ec2 s3 iam rds lambda elasticloadbalancing kms acm dynamodb"},
	{"access-analyzer.amazonaws.com", "AWSServiceRoleForAccessAnalyzer", 11, 8, "iam s3 kms lambda sqs secretsmanager"},
	{"inspector2.amazonaws.com", "AWSServiceRoleForAmazonInspector2", 7, 6, "ec2 ssm ecr lambda"},
	{"trustedadvisor.amazonaws.com", "AWSServiceRoleForTrustedAdvisor", 24, 14, "ec2 rds elasticloadbalancing s3 route53 cloudfront autoscaling"},
	{"securityhub.amazonaws.com", "AWSServiceRoleForSecurityHub", 12, 6, "config securityhub cloudtrail monitoring logs sns"},
	{"guardduty.amazonaws.com", "AWSServiceRoleForAmazonGuardDuty", 9, 3, "ec2 organizations s3"},
	{"compute-optimizer.amazonaws.com", "AWSServiceRoleForComputeOptimizer", 24, 5, "ec2 autoscaling monitoring lambda"},
	{"backup.amazonaws.com", "AWSServiceRoleForBackup", 24, 6, "backup ec2 rds dynamodb elasticfilesystem"},
}

// awsServices records the services that act by themselves.
func (e *emitter) awsServices(s *site, hour int64) {
	t0 := hour * 3600
	for n, sc := range scanning {
		at := s.key.Sub(sc.host).Rand()
		every := sc.every
		if s.region != regions[0] {
			every *= 3
		}
		if (hour+int64(at.IntN(int(every))))%every != 0 {
			continue
		}
		e.rng = s.key.Sub(sc.host).At(hour).Rand()
		e.scan(s, n, t0+int64(at.IntN(3000)))
	}
	if s.account.env == "security" && s.region == regions[0] {
		e.rng = s.key.Sub("delivery").At(hour).Rand()
		e.delivery(s, t0)
	}
	e.changePoint(s, hour)
}

// scan is one run of a scanning service with its linked role.
func (e *emitter) scan(s *site, n int, t int64) {
	sc := scanning[n]
	r := s.account.role(sc.role)
	r.arn = "arn:aws:iam::" + s.account.id + ":role/aws-service-role/" + sc.host + "/" + sc.role
	name := []string{"configLambdaExecution", "access-analyzer", "inspector-scan", "TrustedAdvisor", "securityhub", "GuardDuty", "ComputeOptimizer", "AWSBackup"}[n]
	who := e.openFor(sc.host, s, r, name, t, assumed{invoked: sc.host, noCtx: n%2 == 0})
	services := strings.Fields(sc.services)
	for i := range sc.size {
		list := e.org.pages['a'][services[e.rng.IntN(len(services))]]
		if len(list) == 0 {
			continue
		}
		if c := list[e.rng.IntN(len(list))]; c.Read {
			e.do(doing{who: who, site: s, call: c, at: t + 1 + int64(i/3)})
		}
	}
}

// delivery is the trail writing its own bucket: bursts of about six, every 275 seconds or so, recorded by the trail itself.
func (e *emitter) delivery(s *site, t0 int64) {
	b := s.buckets[0]
	for t := t0 + int64(e.rng.IntN(275)); t < t0+3600; t += 1500 + int64(e.rng.IntN(700)) {
		for i, host := range []string{"cloudtrail.amazonaws.com", "delivery.logs.amazonaws.com", "cloudtrail.amazonaws.com"} {
			who := s.account.asService(host)
			who.endpoint = s.vpce
			e.vars.pin("bucket", b.name)
			e.do(doing{who: who, site: s, call: e.org.call["s3:GetBucketAcl"], at: t + int64(i/2), shared: string(e.rng.UUID(nil))})
			e.vars.pin("bucket", "")
			o := object{key: "AWSLogs/" + e.org.accounts[e.rng.IntN(len(e.org.accounts))].id + "/CloudTrail/" + regions[0] + "/" + string(e.rng.Alnum(nil, 16)) + ".json.gz", size: 900 + int64(e.rng.LogNorm(9000, 1))}
			e.object(who, s, b, o, "PutObject", t+int64(i/2), nil)
		}
	}
}

// changePoint is a feature switched on with a mistake: flow log delivery in the dev account, whose writes are refused for some hours.
func (e *emitter) changePoint(s *site, hour int64) {
	on := e.org.from/3600 + 52
	if s.account.env != "dev" || s.region != regions[0] || hour < on || hour >= on+5 {
		return
	}
	e.rng = s.key.Sub("flow-delivery").At(hour).Rand()
	who := s.account.asService("delivery.logs.amazonaws.com")
	f := &api.Failure{Code: "AccessDenied", Message: api.Text("Access Denied")}
	b := s.buckets[len(s.buckets)-1]
	for t := hour*3600 + int64(e.rng.IntN(200)); t < hour*3600+3600; t += 240 + int64(e.rng.IntN(70)) {
		for i := range 5 + e.rng.IntN(3) {
			o := object{key: "AWSLogs/" + s.account.id + "/vpcflowlogs/" + s.region + "/" + string(e.rng.Hex(nil, 8)) + ".log.gz", size: 4000}
			e.object(who, s, b, o, "PutObject", t+int64(i/4), f)
		}
	}
}

// outsiders are principals that are not the company's own people: the vendor, the partner, the pipeline, the script everybody forgot.
func (e *emitter) outsiders(s *site, hour int64) {
	a, t0 := s.account, hour*3600
	e.rng = s.key.Sub("outsiders").At(hour).Rand()
	if (hour+int64(a.num%12))%12 == 0 {
		e.vendorSweep(a, t0+int64(e.rng.IntN(600)))
	}
	if a.env == "prod" && e.rng.Bool(0.18) && len(s.buckets) > 1 {
		who := a.asAccount(e.org.partner, e.org.key.Sub("partner").Rand().KeyID("AROA", 734512349876)+":nightly-sync")
		who.ip, who.agent = publicIP(e.org.key.Sub("partner-ip").Rand(), homeNets), sdks[1]
		t := t0 + int64(e.rng.IntN(3000))
		for i := range 1 + e.rng.IntN(5) {
			e.readObject(who, s, s.buckets[1], t+int64(i), "")
		}
	}
	if d := (hour%24+9)%24 - 9; d >= 1 && d < 10 && e.rng.Bool(0.18) {
		e.pipeline(s, t0+int64(e.rng.IntN(3000)))
	}
	e.leftover(s, t0+420+int64(e.rng.IntN(9)))
	if a.env == "dev" && e.rng.Bool(0.2) {
		e.federated(s, t0+int64(e.rng.IntN(3000)))
	}
	if a.env == "prod" && hour == e.org.from/3600+99 {
		e.breakGlass(s, t0+700)
	}
	if end := e.org.legacyEnd(); a == e.org.accounts[0] && hour == end/3600 {
		e.stopLegacy(s, end)
	}
	if hour%24 == 8 && a.env == "prod" {
		e.rotation(s, t0+1500)
	}
}

func (e *emitter) vendorSweep(a *account, t int64) {
	home := a.site(regions[0])
	r := a.role("observability-vendor-readonly")
	caller := a.asAccount(e.org.vendor, e.org.key.Sub("vendor").Rand().KeyID("AIDA", 464622532012))
	caller.ip, caller.agent = publicIP(e.org.key.Sub("vendor-ip").At(int64(e.rng.IntN(3))).Rand(), []string{"3.93.", "34.205."}), sdks[3]
	key := e.rng.KeyID("ASIA", a.num)
	target := a.assume(assumed{role: r, name: "integration-" + e.org.vendor[:4], key: key, start: t})
	target.ip, target.agent, target.tls13 = caller.ip, caller.agent, true
	params := []byte(`{"roleArn":"` + r.arn + `","roleSessionName":"` + target.user + `","externalId":"` + string(e.org.key.Sub("external").At(int64(a.num)).Rand().Hex(nil, 32)) + `","durationSeconds":3600}`)
	e.issueShared(caller, home, "AssumeRole", t, params, r, target, string(e.rng.UUID(nil)))
	for i, s := range a.sites {
		for j, c := range []string{"ec2:DescribeInstances", "rds:DescribeDBInstances", "lambda:ListFunctions20150331", "tagging:GetResources", "elasticloadbalancing:DescribeLoadBalancers", "sqs:ListQueues", "ecs:ListClusters"} {
			if e.rng.Bool(0.75) {
				e.do(doing{who: target, site: s, call: e.org.call[c], at: t + 2 + int64(i*2+j/4)})
			}
		}
	}
}

// pipeline is a deployment by the CI system with a web identity.
func (e *emitter) pipeline(s *site, t int64) {
	a := s.account
	app := s.pool["app"][e.rng.Zipf(len(s.pool["app"]))]
	r := a.role("ci-deploy")
	sub := "repo:" + strings.ToLower(e.org.name) + "-dev/" + app + ":ref:refs/heads/main"
	if a.env != "prod" {
		sub = "repo:" + strings.ToLower(e.org.name) + "-dev/" + app + ":pull_request"
	}
	who := a.asWeb("token.actions.githubusercontent.com", sub)
	who.ip, who.agent = publicIP(e.rng, ciNets), "aws-sdk-nodejs/3.901.0 linux/v20.19.5 configure-aws-credentials-for-github-actions"
	target := a.assume(assumed{role: r, name: "GitHubActions", key: e.rng.KeyID("ASIA", a.num), start: t, web: "token.actions.githubusercontent.com"})
	target.ip, target.agent, target.tls13 = who.ip, "aws-cli/2.31.9 md/awscrt#0.27.6 ua/2.1 os/linux#6.11.0-1018-azure md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/GitHubActions cfg/retry-mode#standard md/installer#exe md/distrib#ubuntu.24 md/prompt#off md/command#", true
	params := []byte(`{"roleArn":"` + r.arn + `","roleSessionName":"GitHubActions","durationSeconds":3600}`)
	e.issueShared(who, s, "AssumeRoleWithWebIdentity", t, params, r, target, "")
	steps := []string{"sts:GetCallerIdentity", "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage", "ecs:DescribeTaskDefinition", "ecs:RegisterTaskDefinition", "ecs:UpdateService", "ecs:DescribeServices", "ecs:DescribeServices", "cloudfront:CreateInvalidation2020_05_31"}
	if len(app)%2 == 0 {
		steps = []string{"sts:GetCallerIdentity", "cloudformation:DescribeStacks", "cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:DescribeStackEvents", "cloudformation:DescribeStackEvents", "lambda:UpdateFunctionCode20150331v2", "lambda:GetFunctionConfiguration20150331v2", "lambda:PublishVersion20150331"}
	}
	e.vars.pin("app", app)
	for _, c := range steps {
		t += 1 + int64(e.rng.LogNorm(3, 1))
		if !e.do(doing{who: target, site: s, call: e.org.call[c], at: t}) && e.rng.Bool(0.4) {
			break
		}
	}
	e.vars.pin("app", "")
}

// leftover is a script with a key from years ago; half of what it asks for no longer exists or is no longer allowed.
func (e *emitter) leftover(s *site, t int64) {
	a := s.account
	u := a.user("svc-report-" + s.pool["app"][0])
	who := a.asUser(u, e.org.key.Sub("leftover").At(int64(a.num)).Rand().KeyID("AKIA", a.num), 0, false, "")
	who.ip, who.agent = e.org.offices[0], "Boto3/1.26.90 Python/3.8.10 Linux/5.4.0-216-generic Botocore/1.29.90"
	e.do(doing{who: who, site: s, call: e.org.call["s3:ListBuckets"], at: t, never: true})
	for i, c := range []string{"ec2:DescribeInstances", "ce:GetCostAndUsage", "rds:DescribeDBInstances"} {
		call := e.org.call[c]
		d := doing{who: who, site: s, call: call, at: t + int64(i)}
		if i == 1 {
			d.fail = e.refusal(call.Service, call.Name, who)
		}
		if e.rng.Bool(0.6) {
			e.do(d)
		}
	}
}

func (e *emitter) federated(s *site, t int64) {
	a := s.account
	u := a.user("portal-broker")
	broker := a.asUser(u, e.org.key.Sub("broker").At(int64(a.num)).Rand().KeyID("AKIA", a.num), 0, false, "")
	broker.ip, broker.agent = e.org.offices[1], sdks[1]
	p := e.org.people[e.rng.IntN(len(e.org.people))]
	name := strings.ReplaceAll(p.name, ".", "-")
	target := a.asFederated(u, name, e.rng.KeyID("ASIA", a.num), t)
	target.ip, target.agent = e.org.offices[1], p.browser(e.org, t)
	params := []byte(`{"name":"` + name + `","durationSeconds":3600,"policyArns":[{"arn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}]}`)
	e.issueShared(broker, s, "GetFederationToken", t, params, u, target, "")
	for i := range 2 + e.rng.IntN(6) {
		list := e.org.pages['c']["s3"]
		e.do(doing{who: target, site: s, call: list[e.rng.IntN(len(list))], at: t + 3 + int64(i/2)})
	}
}

// breakGlass is the yearly rehearsal: root signs in with MFA, looks and leaves.
func (e *emitter) breakGlass(s *site, t int64) {
	root := s.account.asRoot("", 0)
	root.ip, root.agent = e.org.offices[0], browsers[0]
	e.signin(root, t, "ConsoleLogin", `{"ConsoleLogin":"Success"}`, true, "")
	who := s.account.asRoot(e.rng.KeyID("ASIA", s.account.num), t)
	who.ip, who.agent = root.ip, root.agent
	for i, c := range []string{"iam:GetAccountSummary", "iam:ListMFADevices", "iam:ListAccessKeys", "account:GetContactInformation", "ce:GetCostAndUsage", "iam:GetAccountPasswordPolicy"} {
		e.do(doing{who: who, site: s, call: e.org.call[c], at: t + 9 + int64(i*2), never: true})
	}
	e.sweepRegions(who, t+40)
}

// stopLegacy is the clean-up of the older trail by the platform team: a real StopLogging that is not an attack.
func (e *emitter) stopLegacy(s *site, t int64) {
	p := e.org.people[0]
	who := s.account.assume(assumed{role: s.account.permissionSet("platform"), name: p.name, key: e.rng.KeyID("ASIA", s.account.num), start: t - 500, noCtx: true})
	who.ip, who.agent, who.console = p.office, p.browser(e.org, t), true
	for i, c := range []string{"cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:ListTags"} {
		e.do(doing{who: who, site: s, call: e.org.call[c], at: t - 20 + int64(i), never: true})
	}
	b := e.trail(s)
	if b == nil {
		return
	}
	ev := e.base(who, s, "cloudtrail", "StopLogging", t-1)
	ev.Params = []byte(`{"name":"arn:aws:cloudtrail:` + s.region + `:` + s.account.id + `:trail/` + legacyTrail + `"}`)
	e.finish(b, ev, t-1, "Management")
}

// rotation is the secret's daily rotation by its function.
func (e *emitter) rotation(s *site, t int64) {
	fn := "secret-rotation"
	who := e.openFor("lambda.amazonaws.com", s, s.account.role("secret-rotation-role"), fn, t, assumed{})
	who.ip, who.agent, who.tls = publicIP(e.rng, []string{"3.114."}), sdks[3], true
	arn := s.pool["secret"][2%len(s.pool["secret"])]
	e.vars.pin("secret", arn)
	for i, c := range []string{"secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"} {
		e.do(doing{who: who, site: s, call: e.org.call[c], at: t + 2 + int64(i*3), never: true})
	}
	e.vars.pin("secret", "")
	e.secret(who, s, arn, t+4)
}
