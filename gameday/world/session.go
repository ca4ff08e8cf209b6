package world

import (
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// session is an identity in use: what every call of it has in common. Its identity member is rendered once.
type session struct {
	account  *account
	identity []byte
	caller   string // ARN as error messages name it
	user     string
	key      string // access key id, empty for services
	ip       string
	agent    string
	console  bool
	tls      bool
	tls13    bool
	endpoint string // vpcEndpointId when calls go through one
	service  bool   // an AWS service acts alone or on behalf
	start    int64
}

// assumed describes a role session.
type assumed struct {
	role    *role
	name    string
	key     string
	start   int64
	mfa     bool
	ec2     bool
	invoked string // invokedBy
	web     string // federated provider, for roles assumed with a web identity
	noCtx   bool   // newer services leave out empty webIdFederationData
}

func (a *account) assume(s assumed) *session {
	arn := "arn:aws:sts::" + a.id + ":assumed-role/" + s.role.name + "/" + s.name
	b := append(make([]byte, 0, 700), `{"type":"AssumedRole","principalId":"`...)
	b = append(b, s.role.id+":"+s.name...)
	b = append(b, '"')
	b = wire.Field(b, "arn", arn)
	b = wire.Field(b, "accountId", a.id)
	b = wire.Field(b, "accessKeyId", s.key)
	b = append(b, `,"sessionContext":{"sessionIssuer":{"type":"Role"`...)
	b = wire.Field(b, "principalId", s.role.id)
	b = wire.Field(b, "arn", s.role.arn)
	b = wire.Field(b, "accountId", a.id)
	b = wire.Field(b, "userName", s.role.name)
	b = append(b, '}')
	switch {
	case s.web != "":
		b = append(b, `,"webIdFederationData":{"federatedProvider":"arn:aws:iam::`+a.id+`:oidc-provider/`+s.web+`","attributes":{}}`...)
	case !s.noCtx:
		b = append(b, `,"webIdFederationData":{}`...)
	}
	b = append(b, `,"attributes":{"creationDate":"`...)
	b = wire.Time(b, s.start)
	if s.mfa {
		b = append(b, `","mfaAuthenticated":"true"}`...)
	} else {
		b = append(b, `","mfaAuthenticated":"false"}`...)
	}
	if s.ec2 {
		b = append(b, `,"ec2RoleDelivery":"2.0"`...)
	}
	b = append(b, '}')
	b = wire.Field(b, "invokedBy", s.invoked)
	b = append(b, '}')
	return &session{account: a, identity: b, caller: arn, user: s.name, key: s.key, start: s.start, tls: s.invoked == "", service: s.invoked != "", ip: s.invoked, agent: s.invoked}
}

// asUser renders an IAM user; a console session has a context, a long-lived key has none.
func (a *account) asUser(u *role, key string, consoleSince int64, mfa bool, invoked string) *session {
	b := append(make([]byte, 0, 400), `{"type":"IAMUser","principalId":"`...)
	b = append(b, u.id...)
	b = append(b, '"')
	b = wire.Field(b, "arn", u.arn)
	b = wire.Field(b, "accountId", a.id)
	b = wire.Field(b, "accessKeyId", key)
	b = wire.Field(b, "userName", u.name)
	if consoleSince > 0 {
		b = appendContext(b, consoleSince, mfa)
	}
	b = wire.Field(b, "invokedBy", invoked)
	b = append(b, '}')
	return &session{account: a, identity: b, caller: u.arn, user: u.name, key: key, start: consoleSince, tls: true}
}

func appendContext(b []byte, since int64, mfa bool) []byte {
	b = append(b, `,"sessionContext":{"attributes":{"creationDate":"`...)
	b = wire.Time(b, since)
	if mfa {
		return append(b, `","mfaAuthenticated":"true"}}`...)
	}
	return append(b, `","mfaAuthenticated":"false"}}`...)
}

func (a *account) asRoot(key string, since int64) *session {
	arn := "arn:aws:iam::" + a.id + ":root"
	b := []byte(`{"type":"Root","principalId":"` + a.id + `","arn":"` + arn + `","accountId":"` + a.id + `"`)
	b = wire.Field(b, "accessKeyId", key)
	if since > 0 {
		b = appendContext(b, since, true)
	}
	b = append(b, '}')
	return &session{account: a, identity: b, caller: arn, user: "root", key: key, start: since, tls: true, console: key != ""}
}

// asService is an AWS service that acts alone.
func (a *account) asService(host string) *session {
	return &session{account: a, identity: []byte(`{"type":"AWSService","invokedBy":"` + host + `"}`), caller: host, user: host, ip: host, agent: host, service: true}
}

// asAccount is a principal of another account, as the owner of the resource sees it.
func (a *account) asAccount(other, principal string) *session {
	id := `{"type":"AWSAccount","principalId":"` + principal + `","accountId":"` + other + `"}`
	return &session{account: a, identity: []byte(id), caller: "arn:aws:iam::" + other + ":root", user: principal, tls: true, tls13: true}
}

func (a *account) asWeb(provider, subject string) *session {
	arn := "arn:aws:iam::" + a.id + ":oidc-provider/" + provider
	b := []byte(`{"type":"WebIdentityUser"`)
	b = wire.Field(b, "principalId", arn+":sts.amazonaws.com:"+subject)
	b = wire.Field(b, "userName", subject)
	b = wire.Field(b, "identityProvider", arn)
	return &session{account: a, identity: append(b, '}'), caller: subject, user: subject, tls: true, tls13: true}
}

func (a *account) asSAML(provider, subject string) *session {
	b := []byte(`{"type":"SAMLUser"`)
	b = wire.Field(b, "principalId", provider+":"+subject)
	b = wire.Field(b, "userName", subject)
	b = wire.Field(b, "identityProvider", provider)
	return &session{account: a, identity: append(b, '}'), caller: subject, user: subject, tls: true, tls13: true}
}

func (a *account) asFederated(u *role, name, key string, since int64) *session {
	arn := "arn:aws:sts::" + a.id + ":federated-user/" + name
	b := []byte(`{"type":"FederatedUser","principalId":"` + a.id + ":" + name + `","arn":"` + arn + `","accountId":"` + a.id + `","accessKeyId":"` + key + `","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"` + u.id + `","arn":"` + u.arn + `","accountId":"` + a.id + `","userName":"` + u.name + `"},"webIdFederationData":{},"attributes":{"creationDate":"`)
	b = wire.Time(b, since)
	b = append(b, `","mfaAuthenticated":"false"}}}`...)
	return &session{account: a, identity: b, caller: arn, user: name, key: key, start: since, tls: true}
}

// asIdentityCenter is a workforce user inside the access portal.
func (a *account) asIdentityCenter(p *person, store string, credential string) *session {
	id := `{"type":"IdentityCenterUser","accountId":"` + a.id + `","onBehalfOf":{"userId":"` + p.idsID + `","identityStoreArn":"arn:aws:identitystore::` + a.id + `:identitystore/` + store + `"},"credentialId":"` + credential + `"}`
	return &session{account: a, identity: []byte(id), caller: p.name, user: p.name, tls: true, tls13: true}
}

// through returns the session as a service uses it on behalf of the same identity: same principal, address and agent of the service.
func (s *session) through(host string) *session {
	c := *s
	c.identity = append([]byte(nil), s.identity[:len(s.identity)-1]...)
	if !strings.Contains(string(s.identity), `"invokedBy"`) {
		c.identity = wire.Field(c.identity, "invokedBy", host)
	}
	c.identity = append(c.identity, '}')
	c.ip, c.agent, c.tls, c.service, c.endpoint, c.console = host, host, false, true, "", false
	return &c
}

func appendLong(dst []byte, t int64) []byte {
	return time.Unix(t, 0).UTC().AppendFormat(dst, "Jan 2, 2006, 3:04:05 PM")
}
