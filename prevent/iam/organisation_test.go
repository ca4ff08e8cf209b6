package iam

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// folder writes files and loads them.
func folder(t testing.TB, files map[string]string) (*Organisation, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return LoadOrganisation(dir)
}

func load(t testing.TB, files map[string]string) *Organisation {
	t.Helper()
	o, err := folder(t, files)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const here = "111122223333"

// person is a user or role of the account details.
type person struct {
	name, policy string
	trust        string // of a role
	boundary     string // document
	groups       []string
}

// details writes account details.
func details(account string, people ...person) string {
	type m map[string]any
	raw := func(text string) any { return json.RawMessage(text) }
	var users, roles, policies []any
	for _, p := range people {
		inline := []any{}
		if p.policy != "" {
			inline = append(inline, m{"PolicyName": "own", "PolicyDocument": raw(p.policy)})
		}
		one := m{"AttachedManagedPolicies": []any{}}
		if p.boundary != "" {
			arn := "arn:aws:iam::" + account + ":policy/limit-" + p.name
			one["PermissionsBoundary"] = m{"PermissionsBoundaryArn": arn}
			policies = append(policies, m{"Arn": arn, "PolicyVersionList": []any{
				m{"VersionId": "v1", "Document": raw(document(all))}, m{"VersionId": "v2", "IsDefaultVersion": true, "Document": raw(p.boundary)},
			}})
		}
		if p.trust == "" {
			one["Arn"], one["UserName"], one["UserPolicyList"], one["GroupList"] = "arn:aws:iam::"+account+":user/"+p.name, p.name, inline, p.groups
			users = append(users, one)
			continue
		}
		one["Arn"], one["RoleName"], one["RolePolicyList"], one["AssumeRolePolicyDocument"] = "arn:aws:iam::"+account+":role/"+p.name, p.name, inline, raw(p.trust)
		roles = append(roles, one)
	}
	groups := []any{m{"Arn": "arn:aws:iam::" + account + ":group/readers", "GroupName": "readers", "GroupPolicyList": []any{m{"PolicyName": "read", "PolicyDocument": raw(document(readA))}}}}
	text, err := json.Marshal(m{"UserDetailList": users, "RoleDetailList": roles, "GroupDetailList": groups, "Policies": policies})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func trusting(principal string) string {
	return document(`{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}`)
}

func bucketFile(name, policy string, block bool) string {
	return fmt.Sprintf(`{"arn":"arn:aws:s3:::%s","policy":%s,"blockPublicAccess":%t}`, name, policy, block)
}

func TestWhoCan(t *testing.T) {
	trustHere := trusting(`{"AWS":"` + here + `"}`)
	o := load(t, map[string]string{
		"details.json": details(here,
			person{name: "plain"},
			person{name: "reader", groups: []string{"readers"}},
			person{name: "region", policy: document(readTok)},
			person{name: "limited", policy: document(readA), boundary: document(decrypt)},
			person{name: "own", policy: document(readOwn)},
			person{name: "app", trust: trustHere, policy: document(all)}),
		"resources/" + here + "/a.json": bucketFile("a", document(
			`{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::a/*"}`,
			`{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}`), false),
	})
	for _, c := range []struct {
		action, resource string
		want             map[string]string // principal to decision
	}{
		{"s3:GetObject", "arn:aws:s3:::a/x", map[string]string{
			"arn:aws:iam::" + here + ":role/app": "Allowed", "arn:aws:iam::" + here + ":root": "Allowed", "arn:aws:iam::" + here + ":user/reader": "Allowed",
			"arn:aws:iam::" + here + ":user/region": "Unknown", "arn:aws:iam::444455556666:root": "Allowed",
		}},
		{"s3:PutObject", "arn:aws:s3:::a/x", map[string]string{}},
		{"s3:GetObject", "arn:aws:s3:::home/own/x", map[string]string{
			"arn:aws:iam::" + here + ":role/app": "Allowed", "arn:aws:iam::" + here + ":root": "Allowed", "arn:aws:iam::" + here + ":user/own": "Allowed",
		}},
		{"sts:AssumeRole", "arn:aws:iam::" + here + ":role/app", map[string]string{"arn:aws:iam::" + here + ":role/app": "Allowed"}},
	} {
		got, err := o.WhoCan(c.action, c.resource)
		if err != nil {
			t.Fatal(err)
		}
		decisions := map[string]string{}
		for _, a := range got {
			decisions[a.Principal] = a.Decision
			if (a.Decision == "Unknown") != (a.Condition != "" && a.Residual != nil) {
				t.Errorf("%s: %s with condition %q", a.Principal, a.Decision, a.Condition)
			}
		}
		if d := cmp.Diff(c.want, decisions); d != "" {
			t.Errorf("%s on %s (-want +got):\n%s", c.action, c.resource, d)
		}
	}
	for _, c := range [][2]string{{"GetObject", "*"}, {"s3:Nothing*", "*"}, {"s3:GetObject", ""}} {
		if _, err := o.WhoCan(c[0], c[1]); err == nil {
			t.Errorf("%q was answered", c)
		}
	}
}

func TestCan(t *testing.T) {
	o := load(t, map[string]string{
		"details.json": details(here,
			person{name: "mika", policy: document(readA, denyB, `{"Effect":"Allow","Action":["s3:ListAllMyBuckets","sts:AssumeRole"],"Resource":"*"}`)},
			person{name: "admin", policy: document(all)},
			person{name: "app", trust: trusting(`{"AWS":"arn:aws:iam::` + here + `:user/mika"}`)}),
		"resources/" + here + "/shared.json": bucketFile("shared", document(
			`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+here+`:user/mika"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::shared/in/*"}`), false),
	})
	got, err := o.Can("mika")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, a := range got {
		seen[strings.Join(a.Actions, " ")+" "+a.Resource] = a.Decision
	}
	for want, decision := range map[string]string{
		"s3:GetObject arn:aws:s3:::a/*":                     "Unknown", // not below b
		"s3:ListAllMyBuckets *":                             "Allowed",
		"s3:PutObject arn:aws:s3:::shared/in/*":             "Allowed",
		"sts:AssumeRole arn:aws:iam::" + here + ":role/app": "Allowed",
	} {
		if seen[want] != decision {
			t.Errorf("%s: got %q, want %s; all: %v", want, seen[want], decision, seen)
		}
	}
	if got, err = o.Can("admin"); err != nil || len(got) == 0 {
		t.Fatalf("admin: %v, %v", got, err)
	}
	if _, err := o.Can("nobody"); err == nil {
		t.Error("an unknown principal was answered")
	}
}

func TestPublic(t *testing.T) {
	allow := func(principal, more string) string {
		return document(`{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"` + more + `}`)
	}
	tree := `{"id":"o-1","managementAccount":"999900001111","root":{"id":"r-1","accounts":[{"id":"` + here + `"},{"id":"222233334444"}]}}`
	for _, c := range []struct {
		name, policy string
		block        bool
		want         []string
	}{
		{"anyone", allow(`"*"`, ""), false, []string{"public anonymous", "public arn:aws:iam::000000000000:user/example"}},
		{"blocked", allow(`"*"`, ""), true, nil},
		{"own organisation", allow(`"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}`), false, []string{"cross-account arn:aws:iam::222233334444:user/example"}},
		{"other organisation", allow(`"*"`, `,"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-2"}}`), false, []string{"cross-organisation arn:aws:iam::000000000000:user/example"}},
		{"source arn", allow(`"*"`, `,"Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:111122223333:t"}}`), false, nil},
		{"own account", allow(`{"AWS":"`+here+`"}`, ""), false, nil},
		{"sister account", allow(`{"AWS":"222233334444"}`, ""), false, []string{"cross-account arn:aws:iam::222233334444:user/example"}},
		{"foreign account", allow(`{"AWS":"444455556666"}`, ""), false, []string{"cross-organisation arn:aws:iam::444455556666:user/example"}},
		{"service", allow(`{"Service":"cloudtrail.amazonaws.com"}`, ""), false, []string{"confused-deputy cloudtrail.amazonaws.com"}},
		{"service bound", allow(`{"Service":"cloudtrail.amazonaws.com"}`, `,"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}`), false, nil},
		{"service with a loose source", allow(`{"Service":"sns.amazonaws.com"}`, `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:topic"}}`), false, []string{"confused-deputy sns.amazonaws.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := load(t, map[string]string{"organization.json": tree, "resources/" + here + "/b.json": bucketFile("b", c.policy, c.block)})
			check(t, o, c.want)
		})
	}
	t.Run("all actions", func(t *testing.T) {
		o := load(t, map[string]string{"resources/" + here + "/b.json": bucketFile("b", document(`{"Effect":"Allow","Principal":"*","Action":"*","Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}`), false)})
		check(t, o, []string{"public anonymous", "public arn:aws:iam::000000000000:user/example"})
		found, err := o.Public()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range found[0].Actions {
			if !strings.HasPrefix(a, "s3:") {
				t.Errorf("%s is no action on a bucket", a)
			}
		}
	})
	t.Run("federated role", func(t *testing.T) {
		provider := "arn:aws:iam::" + here + ":oidc-provider/token.actions.githubusercontent.com"
		trust := document(`{"Effect":"Allow","Principal":{"Federated":"` + provider + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}}}`)
		check(t, load(t, map[string]string{"d.json": details(here, person{name: "ci", trust: trust})}), []string{"federated " + provider})
	})
}

func check(t *testing.T, o *Organisation, want []string) {
	t.Helper()
	found, err := o.Public()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range found {
		f := &found[i]
		got = append(got, f.Kind+" "+f.Principal)
		p, _ := o.question(nil, f.Witness.Principal, f.Witness.Action, f.Witness.Resource)
		if f.Assumes != "" || f.Kind == "public" {
			p.Identity = []*Policy{mustCompile(t, "theirs", 0, fullAccess)}
		}
		if p.Decide(asked(&f.Witness)) != access.Allowed {
			t.Errorf("the engine denies %+v", f.Witness)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}
