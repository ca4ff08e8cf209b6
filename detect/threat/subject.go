package threat

import (
	"cmp"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
)

// subject gives what the finding is about, as its document says; else whatever
// is known: the principal, what a correlation was grouped by, the resource, the
// address, the account.
func (d *Detector) subject(a *rule.Alert) yagura.Entity {
	doc, ev := a.Rule.Doc, a.Event
	want := cmp.Or(doc.Subject, "principal")
	if e := d.named(a, want); e.ID != "" {
		e.Type = cmp.Or(doc.SubjectType, e.Type)
		return e
	}
	for _, other := range []string{"principal", "group", "resource", "address", "account"} {
		if e := d.named(a, other); e.ID != "" {
			return e
		}
	}
	if ev != nil {
		return yagura.Entity{Type: "source", ID: a.Source, Account: ev.Account}
	}
	return yagura.Entity{Type: "source", ID: a.Source}
}

// named gives the entity of a kind or of a field.
func (d *Detector) named(a *rule.Alert, what string) yagura.Entity {
	ev := a.Event
	group := func(names ...string) string {
		for _, n := range names {
			for _, f := range a.Group {
				if f.Name == n {
					return f.Value
				}
			}
		}
		return ""
	}
	switch what {
	case "principal":
		id := group("yagura.principal")
		if id == "" && len(a.Group) > 0 && ev == nil {
			id = group("userIdentity.arn", "userIdentity.sessionContext.sessionIssuer.arn")
		}
		if id == "" && ev != nil {
			id = caller(ev)
		}
		return yagura.Entity{Type: "principal", ID: id, Account: accountOf(id, ev)}
	case "group":
		if len(a.Group) > 0 {
			return yagura.Entity{Type: kindOf(a.Group[0].Name), ID: a.Group[0].Value}
		}
	case "resource":
		if ev != nil {
			id := resource(ev)
			return yagura.Entity{Type: "resource", ID: id, Account: cmp.Or(arnAccount(id), ev.Account)}
		}
	case "address":
		id := group("sourceIPAddress", "srcaddr", "src_endpoint.ip", "src_endpoint_ip")
		if id == "" && ev != nil {
			id = ev.Src.IP
		}
		return yagura.Entity{Type: "address", ID: id}
	case "account":
		id := group("recipientAccountId", "account")
		if id == "" && ev != nil {
			id = ev.Account
		}
		return yagura.Entity{Type: "account", ID: id, Account: id}
	default:
		id := group(what)
		if id == "" && ev != nil {
			if values := d.matcher.Values(a.Source, what, ev); len(values) > 0 {
				id = values[0]
			}
		}
		return yagura.Entity{Type: kindOf(what), ID: id, Account: accountOf(id, ev)}
	}
	return yagura.Entity{}
}

func accountOf(id string, ev *ocsf.Event) string {
	if a := arnAccount(id); a != "" || ev == nil {
		return a
	}
	return cmp.Or(ev.User.Account, ev.Account)
}

// kindOf makes a type of a field's name: requestParameters.bucketName is a
// bucket.
func kindOf(field string) string {
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		field = field[i+1:]
	}
	switch field {
	case "principal", "arn":
		return "principal"
	case "network", "sourceIPAddress", "srcaddr", "dstaddr":
		return "address"
	case "country":
		return "country"
	}
	for _, end := range []string{"Name", "Id", "Arn", "ARN", "Identifier"} {
		if head, ok := strings.CutSuffix(field, end); ok && head != "" {
			field = head
			break
		}
	}
	return strings.ToLower(field)
}

// related lists what else the event touches: the begin of its session chain, the
// session, the resource, the address.
func (d *Detector) related(ev *ocsf.Event, subject yagura.Entity) (out []yagura.Entity) {
	add := func(kind, id, account string) {
		if id != "" && (id != subject.ID || kind == "chain") {
			out = append(out, yagura.Entity{Type: kind, ID: id, Account: account})
		}
	}
	if ev.Class != ocsf.APIActivity && ev.Class != ocsf.Authentication {
		add("address", ev.Src.IP, "")
		add("resource", ev.Resource, ev.Account)
		return out
	}
	who := principal(ev)
	if root := d.fields.chains.root(ev); root != subject.ID || subject.Type != "principal" {
		add("chain", root, accountOf(root, ev))
	}
	if subject.Type != "principal" {
		add("principal", who, accountOf(who, ev))
	}
	if ev.User.Type == "AssumedRole" && ev.User.UID != who {
		add("role-session", ev.User.UID, ev.User.Account)
	}
	res := resource(ev)
	add("resource", res, cmp.Or(arnAccount(res), ev.Account))
	add("address", ev.Src.IP, "")
	return out
}
