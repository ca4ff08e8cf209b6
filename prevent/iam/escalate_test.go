package iam

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/pattern"
)

func may(action, resource, more string) string {
	return document(`{"Effect":"Allow","Action":["` + strings.ReplaceAll(action, " ", `","`) + `"],"Resource":"` + resource + `"` + more + `}`)
}

func TestEscalate(t *testing.T) {
	role := func(name string) string { return "arn:aws:iam::" + here + ":role/" + name }
	user := func(name string) string { return "arn:aws:iam::" + here + ":user/" + name }
	admin := person{name: "admin", policy: document(all), trust: trusting(`{"Service":"lambda.amazonaws.com"}`)}
	adminUser := person{name: "boss", policy: document(all)}
	mika := func(policy string) person { return person{name: "mika", policy: policy} }
	passTo := func(service string) string {
		return document(`{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"`+service+`"}}}`,
			`{"Effect":"Allow","Action":["lambda:CreateFunction","lambda:InvokeFunction"],"Resource":"*"}`)
	}
	for _, c := range []struct {
		name   string
		people []person
		scp    string
		want   []string // the path of mika: "method > to"
	}{
		{"nothing", []person{admin, mika(document(readA))}, "", nil},
		{"own policy", []person{mika(may("iam:PutUserPolicy", user("${aws:username}"), ""))}, "", []string{"iam:PutUserPolicy > administrator"}},
		{"somebody else's policy", []person{mika(may("iam:PutUserPolicy", user("other"), ""))}, "", nil},
		{"boundary", []person{{name: "mika", policy: document(all), boundary: may("iam:PutUserPolicy s3:*", "*", "")}}, "", nil},
		{"scp", []person{mika(may("iam:PutUserPolicy", "*", ""))}, document(all, `{"Effect":"Deny","Action":"iam:Put*","Resource":"*"}`), nil},
		{"access key", []person{adminUser, mika(may("iam:CreateAccessKey", "*", ""))}, "", []string{"iam:CreateAccessKey > " + user("boss")}},
		{"attach only harmless policies", []person{mika(may("iam:AttachUserPolicy", "*", `,"Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/ReadOnlyAccess"}}`))}, "", nil},
		{"with a second factor", []person{mika(may("iam:AttachUserPolicy", "*", `,"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`))}, "", []string{"iam:AttachUserPolicy > administrator"}},
		{"pass a role", []person{admin, mika(passTo("lambda.amazonaws.com"))}, "", []string{"iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction > " + role("admin")}},
		{"pass a role to another service", []person{admin, mika(passTo("ec2.amazonaws.com"))}, "", nil},
		{"pass a role without a function", []person{admin, mika(may("iam:PassRole", "*", ""))}, "", nil},
		{"function named", []person{admin, mika(document(
			`{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+role("admin")+`"}`,
			`{"Effect":"Allow","Action":"lambda:*","Resource":"arn:aws:lambda:eu-west-1:`+here+`:function:team-*"}`))}, "",
			[]string{"iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction > " + role("admin")}},
		{"trust policy", []person{admin, mika(may("iam:UpdateAssumeRolePolicy", role("admin"), ""))}, "", []string{"iam:UpdateAssumeRolePolicy + sts:AssumeRole > " + role("admin")}},
		{"two steps", []person{
			{name: "top", policy: document(all), trust: trusting(`{"AWS":"` + role("middle") + `"}`)},
			{name: "middle", policy: document(decrypt), trust: trusting(`{"AWS":"` + user("mika") + `"}`)}, mika(""),
		}, "", []string{"sts:AssumeRole > " + role("middle"), "sts:AssumeRole > " + role("top")}},
		{"strengthen and assume", []person{
			{name: "middle", policy: document(decrypt), trust: trusting(`{"AWS":"` + user("mika") + `"}`)}, mika(may("iam:PutRolePolicy", role("middle"), "")),
		}, "", []string{"iam:PutRolePolicy + sts:AssumeRole > administrator"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"d.json": details(here, c.people...)}
			if c.scp != "" {
				files["organization.json"] = `{"id":"o-1","managementAccount":"999900001111","root":{"id":"r-1","accounts":[{"id":"` + here + `","scps":[` + c.scp + `]}]}}`
			}
			got, err := load(t, files).Escalate()
			if err != nil {
				t.Fatal(err)
			}
			var steps []string
			for _, p := range got.Paths {
				if p.Principal != user("mika") {
					continue
				}
				for _, s := range p.Steps {
					steps = append(steps, s.Method+" > "+s.To)
					for _, n := range s.Needs {
						if len(n.By) == 0 || n.Conditional != (c.name == "with a second factor") {
							t.Errorf("need %+v", n)
						}
					}
				}
			}
			if d := cmp.Diff(c.want, steps); d != "" {
				t.Errorf("(-want +got):\n%s\nadmins %q, undecided %q", d, got.Admins, got.Undecided)
			}
			if (len(got.Paths) > 0) != (len(got.Breaks) > 0) {
				t.Errorf("%d paths, but breaks %+v", len(got.Paths), got.Breaks)
			}
		})
	}
}

// TestBreaks wants the one statement on which all rest.
func TestBreaks(t *testing.T) {
	trust := trusting(`{"AWS":"` + here + `"}`)
	assume := may("sts:AssumeRole", "arn:aws:iam::"+here+":role/bridge", "")
	got, err := load(t, map[string]string{"d.json": details(here,
		person{name: "admin", policy: document(all), trust: trusting(`{"AWS":"arn:aws:iam::` + here + `:role/bridge"}`)},
		person{name: "bridge", trust: trust}, person{name: "a", policy: assume}, person{name: "b", policy: assume})}).Escalate()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Paths) != 3 || len(got.Breaks) == 0 {
		t.Fatalf("%+v", got)
	}
	if b := got.Breaks[0]; b.Stops != 3 || b.Policy != "policy of arn:aws:iam::"+here+":role/admin" {
		t.Errorf("best break %+v, want the trust policy of admin", b)
	}
}

// TestMethods checks the table of methods against the service data.
func TestMethods(t *testing.T) {
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	place := strings.NewReplacer("{account}", here, "{partition}", "aws")
	for _, m := range methods {
		for _, a := range m.actions {
			id, ok := table.ID(a.name)
			if !ok {
				t.Errorf("%s is not known", a.name)
				continue
			}
			if !table.TakesResource(id) {
				continue
			}
			c := actionClass{names: []string{a.name}, takesResource: true}
			needs := facts()[strings.ToLower(a.name)].needsResource
			if a.resource == "" && needs || a.resource != "" && len(fitting(&c, place.Replace(a.resource), map[string]*pattern.ARN{})) == 0 {
				t.Errorf("%s: resource %q is of no type that it takes: %+v", a.name, a.resource, table.Action(id).Resources)
			}
		}
	}
}

func TestLoadOrganisationRefuses(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"not JSON":         {"a.json", "{\n  \"arn\": oops}", "a.json:2:"},
		"not an inventory": {"a.json", `{"hello":1}`, "a.json:1:1: not an inventory"},
		"policy":           {"x/" + here + "/a.json", "{\"arn\":\"arn:aws:s3:::a\",\"policy\":{\n\"Statement\":[{\"Effect\":\"Alow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}}", "a.json:2:24"},
		"no owner":         {"a.json", bucketFile("a", document(all), false), "owner is not told"},
		"truncated":        {"a.json", strings.Replace(details(here, person{name: "a"}), "{", `{"IsTruncated":true,`, 1), "truncated"},
		"group":            {"a.json", details(here, person{name: "a", groups: []string{"ghosts"}}), "in group ghosts"},
		"management":       {"a.json", `{"id":"o-1","managementAccount":"1","root":{}}`, "managementAccount"},
		"boundary":         {"a.json", strings.Replace(details(here, person{name: "a", boundary: document(all)}), `"Policies":[`, `"Policies":[],"Was":[`, 1), "which no file holds"},
		"empty folder":     {"a.txt", "", "neither principals nor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := folder(t, map[string]string{c.file: c.text})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestConfigItems(t *testing.T) {
	policy := document(`{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::c/*"}`)
	quoted := strings.ReplaceAll(policy, `"`, `\"`)
	o := load(t, map[string]string{"config.json": `{"configurationItems":[
		{"resourceType":"AWS::S3::Bucket","ARN":"arn:aws:s3:::c","awsAccountId":"` + here + `","configuration":{},"supplementaryConfiguration":{"BucketPolicy":{"policyText":"` + quoted + `"}}},
		{"resourceType":"AWS::S3::Bucket","ARN":"arn:aws:s3:::none","awsAccountId":"` + here + `","configuration":{},"supplementaryConfiguration":{"BucketPolicy":{"policyText":null}}},
		{"resourceType":"AWS::EC2::Instance","ARN":"arn:aws:ec2:us-east-1:` + here + `:instance/i","awsAccountId":"` + here + `","configuration":{"instanceId":"i"}}]}`})
	if len(o.resources) != 1 || o.guard("arn:aws:s3:::c/key/deep") == nil {
		t.Errorf("resources %v", o.resources)
	}
}

// TestLargeInventory runs everything on 200 roles and 1,500 policies.
func TestLargeInventory(t *testing.T) {
	if testing.Short() {
		t.Skip("large")
	}
	var people []person
	for i := range 200 {
		people = append(people, person{
			name: fmt.Sprint("role", i), trust: trusting(fmt.Sprintf(`{"AWS":"arn:aws:iam::%s:role/role%d"}`, here, (i+1)%200)),
			policy: document(fmt.Sprintf(`{"Effect":"Allow","Action":["s3:Get*","sqs:*","ec2:Describe*"],"Resource":["arn:aws:s3:::bucket%d/*","arn:aws:sqs:*:*:q%d"]}`, i, i)),
		})
	}
	people[7].policy = document(all)
	files := map[string]string{"details.json": details(here, people...)}
	for i := range 1300 {
		name := fmt.Sprint("bucket", i)
		files["resources/"+here+"/"+name+".json"] = bucketFile(name, document(`{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::`+name+`/*"}`), false)
	}
	o := load(t, files)
	if got, err := o.Escalate(); err != nil || len(got.Paths) != 199 || len(got.Paths[198].Steps) != 199 {
		t.Errorf("%d paths, %v", len(got.Paths), err)
	}
	if got, err := o.Public(); err != nil || len(got) != 1300 {
		t.Errorf("%d ways in, %v", len(got), err)
	}
	got, err := o.WhoCan("s3:GetObject", "arn:aws:s3:::bucket3/x")
	if err != nil || len(got) != 4 || got[0].Decision != "Allowed" { // role3, role7, root, the other account
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzLoadOrganisation(f *testing.F) {
	f.Add(details(here, person{name: "a", policy: document(readA), boundary: document(all)}))
	f.Add(`{"id":"o-1","managementAccount":"999900001111","root":{"id":"r-1","units":[{"name":"x","accounts":[{"id":"111122223333","scps":[]}]}]}}`)
	f.Add(`{"configurationItems":[{"resourceType":"AWS::S3::Bucket","ARN":"arn:aws:s3:::c","awsAccountId":"111122223333","supplementaryConfiguration":{"BucketPolicy":{"policyText":"{}"}}}]}`)
	f.Add(bucketFile("a", document(all), true))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "f.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := LoadOrganisation(path)
		if err != nil {
			return
		}
		if _, err := o.Public(); err != nil {
			t.Error(err)
		}
		if _, err := o.WhoCan("s3:GetObject", "arn:aws:s3:::a/x"); err != nil {
			t.Error(err)
		}
	})
}
