package world

import (
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/api"
	"github.com/yagura-sec/yagura/gameday/world/seed"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// emitter turns actions into CloudTrail records. One emitter belongs to one job.
type emitter struct {
	org   *org
	rng   *seed.Rand
	out   *output
	vars  scope
	event wire.Event
	ids   [2][36]byte
	act   int32 // the true action that causes what is emitted now
	flows *flowTable
}

func newEmitter(o *org, r *seed.Rand, out *output) *emitter {
	e := &emitter{org: o, rng: r, out: out}
	e.vars.e = e
	return e
}

// doing is one API call to be recorded.
type doing struct {
	who    *session
	site   *site
	call   *api.Call
	at     int64 // unix seconds
	fail   *api.Failure
	never  bool // does not fail by chance
	params []byte
	reply  []byte
	shared string
}

// trail returns the CloudTrail batch of a site, nil when the job does not want it.
func (e *emitter) trail(s *site) *batch {
	return e.out.batch(stream{kind: srcTrail, account: s.account.id, region: s.region})
}

// do records the call and reports whether it succeeded. Global services are recorded in us-east-1 wherever the caller sits.
func (e *emitter) do(d doing) bool {
	s := d.site
	if d.call.Global && s.region != globalRegion {
		s = s.account.site(globalRegion)
	}
	fail := d.fail
	if fail == nil && !d.never {
		for i := range d.call.Fail {
			if f := &d.call.Fail[i]; e.rng.Bool(f.Chance) {
				fail = f
			}
		}
	}
	if fail == nil && !d.never && !d.who.service {
		fail = e.hiccup(d)
	}
	b := e.trail(s)
	if b == nil {
		return fail == nil
	}
	e.vars.begin(s, d.who, d.at)
	ev := e.base(d.who, s, d.call.Service, d.call.Name, d.at)
	ev.ReadOnly, ev.API, ev.SharedID = d.call.Read, d.call.Version, d.shared
	ev.Params = e.vars.params[:0]
	switch {
	case d.params != nil:
		ev.Params = append(ev.Params, d.params...)
	case len(d.call.Params) > 0 && (fail == nil || !strings.Contains(fail.Code, "Throttl")):
		ev.Params = d.call.Params[e.rng.Zipf(len(d.call.Params))].Append(ev.Params, &e.vars)
	}
	e.vars.params = ev.Params
	if fail != nil {
		ev.ErrorCode = fail.Code
		if len(fail.Message) > 0 {
			ev.ErrorMessage = string(fail.Message.Append(nil, &e.vars))
		}
		ev.Response = nil
	} else {
		ev.Response = e.vars.reply[:0]
		if d.reply != nil {
			ev.Response = append(ev.Response, d.reply...)
		} else {
			ev.Response = d.call.Response.Append(ev.Response, &e.vars)
		}
		e.vars.reply = ev.Response
	}
	e.decorate(ev, s, d.call.Service)
	e.finish(b, ev, d.at, "Management")
	return fail == nil
}

var rateExceeded = api.Failure{Code: "ThrottlingException", Message: api.Text("Rate exceeded")}

// hiccup is the failure that any call of people and tools may meet: a missing right or a rate limit.
func (e *emitter) hiccup(d doing) *api.Failure {
	switch x := e.rng.Float(); {
	case x < 0.011:
		return e.refusal(d.call.Service, d.call.Name, d.who)
	case x < 0.024 && d.call.Service != "s3" && d.call.Service != "ec2":
		return &rateExceeded
	}
	return nil
}

// base fills what every record has; the event is reused and valid until the next call.
func (e *emitter) base(who *session, s *site, service, name string, at int64) *wire.Event {
	ev := &e.event
	*ev = wire.Event{
		Version: version(service), Identity: who.identity, Time: at, Source: service + ".amazonaws.com", Name: name, Region: s.region,
		IP: who.ip, Agent: who.agent, Type: "AwsApiCall", Account: s.account.id, Endpoint: who.endpoint, Console: who.console,
	}
	ev.RequestID = string(e.requestID(service))
	ev.ID = string(e.rng.UUID(e.ids[1][:0]))
	if who.tls && !who.console && strings.Contains(who.ip, ".") {
		ev.TLSHost = hostOf(service, s.region)
		ev.TLS13 = who.tls13 || service != "s3" && service != "elasticloadbalancing"
	}
	if strings.HasPrefix(who.agent, "aws-cli/2") {
		ev.Agent = who.agent + service + "." + kebab(name)
	} else if strings.HasPrefix(who.agent, "APN/") {
		ev.Agent = who.agent + service + "#1.2" + string(rune('0'+len(name)%10)) + ".3"
	}
	if service == "s3" && who.agent != "" && !who.service {
		ev.Agent = "[" + ev.Agent + "]"
	}
	return ev
}

func (e *emitter) requestID(service string) []byte {
	switch service {
	case "s3":
		return e.rng.Upper(e.ids[0][:0], 16)
	case "cloudfront", "route53", "iam", "sts":
		return e.rng.UUID(e.ids[0][:0])
	case "dynamodb", "sqs":
		return e.rng.Upper(make([]byte, 0, 52), 52)
	}
	return e.rng.UUID(e.ids[0][:0])
}

// finish appends the record and closes it.
func (e *emitter) finish(b *batch, ev *wire.Event, at int64, category string) {
	ev.Category = category
	off := len(b.data)
	b.data = ev.Append(b.data)
	r := record{action: e.act, mgmt: category == "Management"}
	if e.act != 0 {
		r.id = ev.ID
	}
	b.add(at*1000+int64(e.rng.IntN(1000)), off, r)
}

// decorate adds the members that only some services record.
func (e *emitter) decorate(ev *wire.Event, s *site, service string) {
	switch service {
	case "s3":
		ev.Extra = e.s3Extra(ev, 300+int64(e.rng.IntN(500)))
		if name := e.vars.get("bucket"); name != "" {
			ev.Resources = append(e.vars.res[:0], `[{"accountId":"`+s.account.id+`","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::`+name+`"}]`...)
			e.vars.res = ev.Resources
		}
	case "kms":
		if id := e.vars.get("kms"); id != "" || ev.Name == "Decrypt" {
			if id == "" {
				id = s.pool["kms"][0]
			}
			ev.Resources = append(e.vars.res[:0], `[{"accountId":"`+s.account.id+`","type":"AWS::KMS::Key","ARN":"arn:aws:kms:`+s.region+`:`+s.account.id+`:key/`+id+`"}]`...)
			e.vars.res = ev.Resources
		}
	case "guardduty", "securityhub":
		ev.Version = "1.11"
	}
}

// s3Extra is additionalEventData as S3 writes it.
func (e *emitter) s3Extra(ev *wire.Event, out int64) []byte {
	b := append(e.vars.extra[:0], `{"SignatureVersion":"SigV4","CipherSuite":"`...)
	if ev.TLS13 {
		b = append(b, "TLS_AES_128_GCM_SHA256"...)
	} else {
		b = append(b, "ECDHE-RSA-AES128-GCM-SHA256"...)
	}
	b = append(b, `","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"`...)
	b = e.rng.Base64(b, 75)
	b = append(b, `=","bytesTransferredOut":`...)
	b = appendInt(b, out)
	b = append(b, '}')
	e.vars.extra = b
	return b
}

// version is the schema version a service writes; they moved at different times.
func version(service string) string {
	switch service {
	case "ec2", "s3", "signin", "lambda":
		return "1.11"
	case "kms", "secretsmanager", "cloudtrail", "sso":
		return "1.11"
	case "iam", "sts", "ecs", "logs", "ssm", "config":
		return "1.10"
	case "rds", "autoscaling", "elasticloadbalancing":
		return "1.09"
	}
	return "1.08"
}

func hostOf(service, region string) string {
	switch service {
	case "iam", "cloudfront", "route53", "organizations", "health", "support", "budgets":
		return service + ".amazonaws.com"
	case "s3":
		return "s3." + region + ".amazonaws.com"
	case "ecr":
		return "api.ecr." + region + ".amazonaws.com"
	}
	return service + "." + region + ".amazonaws.com"
}

// kebab turns DescribeInstances into describe-instances, without the dates some services carry in their names.
func kebab(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= '0' && c <= '9' || c == '_':
			return b.String()
		case c >= 'A' && c <= 'Z':
			if i > 0 && (name[i-1] < 'A' || name[i-1] > 'Z') {
				b.WriteByte('-')
			}
			b.WriteByte(c + 32)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
