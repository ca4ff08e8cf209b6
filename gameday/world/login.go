package world

import (
	"strings"

	"github.com/yagura-sec/yagura/gameday/world/api"
	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// login records how a sitting began: the portal and a role for Identity Center users, the sign-in page for IAM users, nothing for those
// who use a long-lived key.
func (e *emitter) login(s sitting) {
	home := s.account.site(regions[0])
	ip, agent := s.p.where(e.org, s.start), s.p.browser(e.org, s.start)
	switch {
	case s.p.iamUser && s.use == 'c':
		u := s.account.user(s.p.name)
		who := s.account.asUser(u, "", 0, false, "")
		who.ip, who.agent, who.tls = ip, agent, true
		if e.rng.Bool(0.08) {
			e.signin(who, s.start-11, "ConsoleLogin", `{"ConsoleLogin":"Failure"}`, s.p.mfa, "Failed authentication")
		}
		if s.p.mfa {
			e.signin(who, s.start-4, "CheckMfa", `{"CheckMfa":"Success"}`, s.p.mfa, "")
		}
		e.signin(who, s.start, "ConsoleLogin", `{"ConsoleLogin":"Success"}`, s.p.mfa, "")
	case s.p.iamUser:
		return
	default:
		e.portal(s, home, ip, agent)
	}
}

func (e *emitter) signin(who *session, t int64, name, reply string, mfa bool, failure string) {
	site := who.account.site(globalRegion)
	b := e.trail(site)
	if b == nil {
		return
	}
	e.vars.begin(site, who, t)
	ev := e.base(who, site, "signin", name, t)
	ev.Type, ev.RequestID, ev.Response, ev.TLSHost, ev.TLS13 = "AwsConsoleSignIn", "", []byte(reply), "signin.aws.amazon.com", true
	ev.ErrorMessage = failure
	used := "No"
	if mfa {
		used = "Yes"
	}
	ev.Extra = []byte(`{"LoginTo":"https://console.aws.amazon.com/console/home?region=` + regions[0] + `&state=hashArgs%23","MobileVersion":"No","MFAUsed":"` + used + `"}`)
	if name == "CheckMfa" {
		ev.Extra = []byte(`{"MfaType":"Virtual MFA"}`)
	}
	e.finish(b, ev, t, "Management")
}

// portal records the access portal's own events in the management side and the role session in the account.
func (e *emitter) portal(s sitting, home *site, ip, agent string) {
	store := "d-" + string(e.org.key.Sub("identity-store").Rand().Hex(nil, 10))
	cred := string(s.key.Sub("credential").Rand().UUID(nil))
	admin := e.org.accounts[min(2, len(e.org.accounts)-1)]
	p := admin.asIdentityCenter(s.p, store, cred)
	p.ip, p.agent = ip, agent
	detail := `{"account_id":"` + s.account.id + `","role_name":"` + strings.Split(s.account.permissionSet(s.p.team).name, "_")[1] + `"}`
	names := []string{"Authenticate", "ListApplications", "ListAccountRoles", "Federate"}
	if s.use != 'c' {
		names = []string{"CreateToken", "GetRoleCredentials"}
	}
	for i, n := range names {
		b := e.trail(admin.site(regions[0]))
		if b == nil {
			break
		}
		t := s.start - int64(len(names)-i)
		ev := e.base(p, admin.site(regions[0]), "sso", n, t)
		ev.Type, ev.ReadOnly, ev.TLSHost = "AwsServiceEvent", i < len(names)-1, ""
		if i == len(names)-1 {
			ev.Detail = []byte(detail)
		}
		e.finish(b, ev, t, "Management")
	}
	if s.use != 'c' {
		return
	}
	provider := "arn:aws:iam::" + s.account.id + ":saml-provider/AWSSSO_" + s.account.idps + "_DO_NOT_DELETE"
	saml := s.account.asSAML(provider, s.p.name+"@"+e.org.domain)
	saml.ip, saml.agent = ip, "AWS Internal"
	saml.tls = false
	params := `{"sAMLAssertionID":"_` + string(e.rng.UUID(nil)) + `","roleSessionName":"` + s.p.name + `","roleArn":"` + s.account.permissionSet(s.p.team).arn + `","principalArn":"` + provider + `","durationSeconds":3600}`
	target := e.identity(s, 0)
	e.issue(saml, home, "AssumeRoleWithSAML", s.start-1, []byte(params), s.account.permissionSet(s.p.team), target)
	e.signin(target, s.start, "ConsoleLogin", `{"ConsoleLogin":"Success"}`, false, "")
}

// issue records an sts call that returns credentials; target is the session that the credentials open.
func (e *emitter) issue(who *session, site *site, name string, t int64, params []byte, r *role, target *session) {
	e.issueShared(who, site, name, t, params, r, target, "")
}

func (e *emitter) issueShared(who *session, site *site, name string, t int64, params []byte, r *role, target *session, shared string) {
	b := e.trail(site)
	if b == nil {
		return
	}
	e.vars.begin(site, who, t)
	ev := e.base(who, site, "sts", name, t)
	ev.ReadOnly, ev.Params, ev.SharedID = true, params, shared
	reply := append(make([]byte, 0, 900), `{"credentials":{"accessKeyId":"`...)
	reply = append(reply, target.key...)
	reply = append(reply, `","sessionToken":"IQoJb3JpZ2luX2Vj`...)
	reply = e.rng.Base64(reply, 240)
	reply = append(reply, `==","expiration":"`...)
	reply = appendLong(reply, t+3600)
	reply = append(reply, `"}`...)
	if target.account != nil && name != "GetFederationToken" && name != "GetSessionToken" {
		reply = append(reply, `,"assumedRoleUser":{"assumedRoleId":"`...)
		reply = append(reply, r.id+":"+target.user...)
		reply = append(reply, '"')
		reply = wire.Field(reply, "arn", target.caller)
		reply = append(reply, '}')
	}
	ev.Response = append(reply, '}')
	if name != "GetFederationToken" {
		ev.Resources = []byte(`[{"accountId":"` + target.account.id + `","type":"AWS::IAM::Role","ARN":"` + r.arn + `"}]`)
	}
	e.finish(b, ev, t, "Management")
}

// openFor opens a role session for a service and records the AssumeRole that opened it.
func (e *emitter) openFor(host string, site *site, r *role, name string, t int64, s assumed) *session {
	s.role, s.name, s.start = r, name, t
	if s.key == "" {
		s.key = e.rng.KeyID("ASIA", site.account.num)
	}
	target := site.account.assume(s)
	shared := string(e.rng.UUID(nil))
	params := []byte(`{"roleArn":"` + r.arn + `","roleSessionName":"` + name + `","durationSeconds":3600}`)
	e.issueShared(site.account.asService(host), site, "AssumeRole", t, params, r, target, shared)
	return target
}

// refusal is the error of a denied call, spelled as the service spells it.
func (e *emitter) refusal(service, name string, who *session) *api.Failure {
	f := &api.Failure{Code: "AccessDeniedException"}
	msg := "User: " + who.caller + " is not authorized to perform: " + service + ":" + trimDate(name) + " because no identity-based policy allows the " + service + ":" + trimDate(name) + " action"
	switch service {
	case "ec2":
		f.Code = "Client.UnauthorizedOperation"
		msg = "You are not authorized to perform this operation. User: " + who.caller + " is not authorized to perform: ec2:" + name + ". Encoded authorization failure message: " + string(e.rng.Base64(nil, 420))
	case "s3", "sts", "lambda", "iam", "organizations":
		f.Code = "AccessDenied"
	}
	f.Message = api.Text(msg)
	return f
}

func trimDate(name string) string { return strings.TrimRight(name, "0123456789v_") }
