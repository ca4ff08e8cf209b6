package threat

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// leaves calls yield with every scalar of a JSON text, under the nearest key that
// is not a mere container of lists (item, items, member, content). Deeper than
// maxLeaves texts are not read.
func leaves(doc string, yield func(path []string, key, value string)) {
	var s jsonscan.Scanner
	s.ResetText(doc)
	n := 0
	walk(&s, make([]string, 0, maxNest), "", &n, yield)
}

const (
	maxLeaves = 5000
	maxNest   = 24
)

func walk(s *jsonscan.Scanner, path []string, key string, n *int, yield func([]string, string, string)) {
	if *n > maxLeaves {
		s.Skip()
		return
	}
	switch s.Kind() {
	case '{':
		if len(path) >= maxNest {
			s.Skip()
			return
		}
		s.Object()
		for s.Next() {
			name := s.Key()
			if filler[name] {
				walk(s, path, key, n, yield)
				continue
			}
			walk(s, append(path, name), name, n, yield)
		}
	case '[':
		s.Array()
		for s.Next() {
			walk(s, path, key, n, yield)
		}
	case '"':
		*n++
		v, _ := s.Str()
		yield(path, key, v)
	case '0', 't', 'f':
		*n++
		yield(path, key, s.Raw())
	default:
		s.Skip()
	}
}

// filler keys hold lists or texts and have no meaning of their own.
var filler = map[string]bool{"item": true, "items": true, "member": true, "content": true, "tag": true}

// member gives a scalar member of a JSON object, at its top.
func member(doc, name string) string {
	if doc == "" || !strings.Contains(doc, name) {
		return ""
	}
	var s jsonscan.Scanner
	s.ResetText(doc)
	if !s.Object() {
		return ""
	}
	found := ""
	for s.Next() {
		if s.Key() == name {
			if v, ok := s.Str(); ok {
				found = v
			} else if s.Kind() == '0' {
				found = s.Raw()
			}
		}
	}
	return found
}

// logDelivery is the canonical user with which CloudFront writes its logs
// (https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging-legacy-s3.html).
const logDelivery = "c4c1ede66af53448b93c283ce9448c4ba468c9432aa01d700d3878632f77d2d0"

// accessList reads S3 ACLs: canned, as grant headers, and as XML turned to JSON.
func (r *reader) accessList() {
	owner, grantees := "", []string(nil)
	leaves(r.ev.Request, func(path []string, key, v string) {
		switch low := strings.ToLower(key); {
		case low == "x-amz-acl" || low == "cannedacl":
			r.public = r.public || v == "public-read" || v == "public-read-write" || v == "authenticated-read"
		case strings.HasPrefix(low, "x-amz-grant-"), low == "uri":
			r.public = r.public || strings.Contains(v, "/global/AllUsers") || strings.Contains(v, "/global/AuthenticatedUsers")
		case low == "id" && slices.Contains(path, "Owner"):
			owner = v
		case low == "id" && slices.Contains(path, "Grantee"):
			grantees = append(grantees, v)
		}
	})
	for _, g := range grantees {
		r.foreign = r.foreign || owner != "" && g != owner && g != logDelivery
	}
}

// sharing reads lists of accounts that get access to a snapshot, an image, a
// document, a share or a service. What is taken away is not looked at.
func (r *reader) sharing() {
	leaves(r.ev.Request, func(path []string, key, v string) {
		for _, p := range path {
			if low := strings.ToLower(p); low == "remove" || strings.Contains(low, "toremove") || strings.HasPrefix(low, "remove") || low == "resourcearns" {
				return
			}
		}
		switch low := strings.ToLower(key); low {
		case "group", "groups", "usergroup", "valuestoadd", "accountidstoadd", "addallowedprincipals", "userid", "userids", "principals",
			"accountwithrestoreaccess", "account", "granteeprincipal", "accounts":
			if v == "all" || v == "*" {
				r.public = true
				return
			}
			r.account(v)
		}
	})
}

// permission reads one statement that is written as parameters.
func (r *reader) permission() {
	var whom []string
	confined := false
	leaves(r.ev.Request, func(_ []string, key, v string) {
		switch strings.ToLower(key) {
		case "principal", "awsaccountids", "awsaccountid", "accountids":
			whom = append(whom, v)
		case "sourceaccount", "sourcearn", "principalorgid", "organizationid", "condition", "value":
			confined = confined || v != ""
		}
	})
	for _, v := range whom {
		if v == "*" {
			r.public = r.public || !confined
			continue
		}
		r.account(v)
	}
}

// accountKeys are parameters that hold account ids.
func accountKey(key string) bool {
	low := strings.ToLower(key)
	return strings.Contains(low, "account") || strings.Contains(low, "owner") || strings.Contains(low, "principal") ||
		low == "userid" || low == "userids" || low == "valuestoadd" || low == "values" || low == "id" || low == "target"
}

// external lists the accounts in the request parameters that are neither this
// account nor the organisation's, for calls that change something and those that
// take a role.
func (f *Fields) external(ev *ocsf.Event) []string {
	if ev.Request == "" || len(ev.Request) > maxRequest || (ev.API.ReadOnly == ocsf.True && ev.API.Service != "sts.amazonaws.com") {
		return nil
	}
	var out []string
	take := func(id string) {
		if accountID(id) && f.stranger(ev, id) && len(out) < 20 && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	leaves(ev.Request, func(_ []string, key, v string) {
		if accountID(v) && accountKey(key) {
			take(v)
			return
		}
		if strings.Contains(v, "tatement") && len(v) < maxPolicy {
			if p, ok := readPolicy(v); ok {
				for i := range p {
					for _, who := range p[i].principals {
						take(who.id)
						take(arnAccount(who.id))
					}
				}
				return
			}
		}
		if strings.HasPrefix(v, "arn:") {
			take(arnAccount(v))
		}
	})
	return out
}
