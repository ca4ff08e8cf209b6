package threat

import (
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// chains joins sessions to the principal that began their chain: the answer to
// AssumeRole holds the access key of the new session, and that key stands in all
// that the session does, in every account. Both accounts of a call across
// accounts write a record; only the caller's names its ARN, and sharedEventID
// joins the two.
type chains struct {
	keys   recent[string, link]  // by access key id of the session
	names  recent[string, link]  // by ARN of the session, for the console's SwitchRole
	shared recent[string, pairs] // by sharedEventID
}

// link leads from a session to who began its chain.
type link struct {
	Root string
	Weak bool // only the caller's account is known
}

// pairs is what one of two records of a call has told.
type pairs struct{ Root, Key string }

// defaultSessions is how many sessions are known at a time.
const defaultSessions = 200_000

func newChains(bound int) *chains {
	if bound <= 0 {
		bound = defaultSessions
	}
	return &chains{keys: newRecent[string, link](bound), names: newRecent[string, link](bound / 8), shared: newRecent[string, pairs](bound / 8)}
}

// root gives the principal at the begin of the event's session chain.
func (c *chains) root(ev *ocsf.Event) string {
	if k := ev.User.Credential; strings.HasPrefix(k, "ASIA") && c.keys.len() > 0 {
		if l, ok := c.keys.get(k); ok {
			return l.Root
		}
	}
	if ev.User.Type == "AssumedRole" && c.names.len() > 0 {
		if l, ok := c.names.get(ev.User.UID); ok {
			return l.Root
		}
	}
	return caller(ev)
}

// caller is who calls, as far as the event alone tells: the session where its
// name is that of a person, for many people share such a role; else the
// principal.
func caller(ev *ocsf.Event) string {
	if ev.User.Type == "AssumedRole" && ev.User.UID != "" && (isSSO(ev) || strings.Contains(ev.Session.UID, "@")) {
		return ev.User.UID
	}
	return principal(ev)
}

// learn takes what a record tells of a new session.
func (c *chains) learn(ev *ocsf.Event) {
	if ev.Status == ocsf.StatusFailure {
		return
	}
	switch ev.API.Service {
	case "sts.amazonaws.com":
		if ev.API.Operation == "AssumeRole" || ev.API.Operation == "GetFederationToken" || ev.API.Operation == "AssumeRoot" {
			c.assumed(ev)
		}
	case "signin.amazonaws.com":
		if ev.API.Operation == "SwitchRole" && ev.User.Type == "AssumedRole" {
			if from := path1(ev.Raw, "additionalEventData.SwitchFrom"); from != "" {
				c.names.put(strings.Clone(ev.User.UID), link{Root: strings.Clone(c.rootOf(from))})
			}
		}
	}
}

// rootOf gives the root of a session's ARN.
func (c *chains) rootOf(arn string) string {
	if l, ok := c.names.get(arn); ok {
		return l.Root
	}
	if strings.Contains(arn, ":assumed-role/AWSReservedSSO_") {
		return arn
	}
	return roleOf(arn)
}

func (c *chains) assumed(ev *ocsf.Event) {
	if ev.User.Type == "AWSService" || isService(ev.InvokedBy) {
		return // a service with its own role: the role is the root
	}
	key := path1(ev.Response, "credentials.accessKeyId")
	l := link{Root: c.root(ev), Weak: ev.User.Type == "AWSAccount" && ev.User.UID == ""}
	if l.Weak && ev.User.UIDAlt != "" {
		l.Root = ev.User.Account + "/" + ev.User.UIDAlt
	}
	if ev.Correlation != "" {
		p, _ := c.shared.get(ev.Correlation)
		switch {
		case !l.Weak:
			p.Root = strings.Clone(l.Root)
		case p.Root != "":
			l = link{Root: p.Root}
		}
		if key != "" {
			p.Key = strings.Clone(key)
		} else {
			key = p.Key
		}
		c.shared.put(strings.Clone(ev.Correlation), p)
	}
	if key == "" || l.Root == "" {
		return
	}
	if old, ok := c.keys.get(key); ok && l.Weak && !old.Weak {
		return
	}
	l.Root = strings.Clone(l.Root)
	c.keys.put(strings.Clone(key), l)
}

// path1 gives the first value at a path.
func path1(doc, path string) (found string) {
	if doc == "" {
		return ""
	}
	jsonscan.Path([]byte(doc), path, func(v string) bool {
		found = v
		return false
	})
	return found
}
