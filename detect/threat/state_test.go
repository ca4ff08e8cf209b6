package threat

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
)

func TestReverts(t *testing.T) {
	tf := `"userAgent":"APN/1.0 HashiCorp/1.0 Terraform/1.1.2"`
	answer := func(body string) string { return `"responseElements":` + body }
	trust := func(account string) string {
		return quoted(doc(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"sts:AssumeRole"}`))
	}
	r := func(minute int, service, op, request string, extra ...string) string {
		return at(minute, record(alice, service, op, request, extra...))
	}
	for _, c := range []struct {
		name    string
		records []string
		want    bool // of the last
	}{
		{"a user", []string{r(0, "iam", "CreateUser", `{"userName":"x"}`), r(5, "iam", "DeleteUser", `{"userName":"x"}`)}, true},
		{"another user", []string{r(0, "iam", "CreateUser", `{"userName":"x"}`), r(5, "iam", "DeleteUser", `{"userName":"y"}`)}, false},
		{"a day later", []string{r(0, "iam", "CreateUser", `{"userName":"x"}`), r(1500, "iam", "DeleteUser", `{"userName":"x"}`)}, false},
		{"another's", []string{at(0, record(role, "iam", "CreateUser", `{"userName":"x"}`)), r(5, "iam", "DeleteUser", `{"userName":"x"}`)}, false},
		{"what had failed", []string{r(0, "iam", "CreateUser", `{"userName":"x"}`, `"errorCode":"AccessDenied"`), r(5, "iam", "DeleteUser", `{"userName":"x"}`)}, false},
		{"a key, by the answer", []string{r(0, "iam", "CreateAccessKey", `{"userName":"x"}`, answer(`{"accessKey":{"accessKeyId":"AKIANEW","userName":"x"}}`)), r(5, "iam", "DeleteAccessKey", `{"userName":"x","accessKeyId":"AKIANEW"}`)}, true},
		{"an older key", []string{r(0, "iam", "CreateAccessKey", `{"userName":"x"}`, answer(`{"accessKey":{"accessKeyId":"AKIANEW","userName":"x"}}`)), r(5, "iam", "DeleteAccessKey", `{"userName":"x","accessKeyId":"AKIAOLD"}`)}, false},
		{"a policy of one of two users", []string{
			r(0, "iam", "AttachUserPolicy", `{"userName":"x","policyArn":"arn:aws:iam::aws:policy/A"}`), r(1, "iam", "AttachUserPolicy", `{"userName":"y","policyArn":"arn:aws:iam::aws:policy/B"}`),
			r(5, "iam", "DetachUserPolicy", `{"userName":"y","policyArn":"arn:aws:iam::aws:policy/A"}`),
		}, false},
		{"a rule of a group", []string{
			r(0, "ec2", "AuthorizeSecurityGroupIngress", `{"groupId":"sg-1","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`),
			r(5, "ec2", "RevokeSecurityGroupIngress", `{"groupId":"sg-1","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}`),
		}, true},
		{"a share of a snapshot", []string{
			r(0, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"1"}]}}}`),
			r(5, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"remove":{"items":[{"userId":"1"}]}}}`),
		}, true},
		{"sharing again", []string{
			r(0, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"1"}]}}}`),
			r(5, "ec2", "ModifySnapshotAttribute", `{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"1"}]}}}`),
		}, false},
		{"a trail with the same tool", []string{r(0, "cloudtrail", "CreateTrail", `{"name":"t"}`, tf), r(5, "cloudtrail", "DeleteTrail", `{"name":"arn:aws:cloudtrail:us-east-1:111122223333:trail/t"}`, tf)}, true},
		{"a trail with another tool", []string{r(0, "cloudtrail", "CreateTrail", `{"name":"t"}`, tf), r(5, "cloudtrail", "DeleteTrail", `{"name":"t"}`)}, false},
		{"logging stopped after it was started", []string{r(0, "cloudtrail", "StartLogging", `{"name":"t"}`), r(5, "cloudtrail", "StopLogging", `{"name":"t"}`)}, false},
		{"logging started after it was stopped", []string{r(0, "cloudtrail", "StopLogging", `{"name":"t"}`), r(5, "cloudtrail", "StartLogging", `{"name":"t"}`)}, true},
		// Calls that set succeed on what was there before: a harmless one must not cover the deletion that follows.
		{"a recorder that was put again", []string{r(0, "config", "PutConfigurationRecorder", `{"configurationRecorder":{"name":"default"}}`), r(1, "config", "DeleteConfigurationRecorder", `{"configurationRecorderName":"default"}`)}, false},
		{"a public access block that was put again", []string{r(0, "s3", "PutBucketPublicAccessBlock", `{"bucketName":"b"}`), r(1, "s3", "DeleteBucketPublicAccessBlock", `{"bucketName":"b"}`)}, false},
		{"a boundary that was put again", []string{r(0, "iam", "PutUserPermissionsBoundary", `{"userName":"x"}`), r(1, "iam", "DeleteUserPermissionsBoundary", `{"userName":"x"}`)}, false},
		{"a web ACL that was associated again", []string{r(0, "wafv2", "AssociateWebACL", `{"resourceArn":"arn:aws:elb:x:lb/a"}`), r(1, "wafv2", "DisassociateWebACL", `{"resourceArn":"arn:aws:elb:x:lb/a"}`)}, false},
		{"a bucket's policy", []string{r(0, "s3", "PutBucketPolicy", `{"bucketName":"b"}`), r(1, "s3", "DeleteBucketPolicy", `{"bucketName":"b"}`)}, true},
		{"trust set back", []string{
			r(0, "iam", "CreateRole", `{"roleName":"r","assumeRolePolicyDocument":`+trust("111122223333")+`}`), r(1, "iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":`+trust("999988887777")+`}`),
			r(5, "iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":`+trust("111122223333")+`}`),
		}, true},
		{"trust given", []string{
			r(0, "iam", "CreateRole", `{"roleName":"r","assumeRolePolicyDocument":`+trust("111122223333")+`}`), r(1, "iam", "UpdateAssumeRolePolicy", `{"roleName":"r","policyDocument":`+trust("999988887777")+`}`),
		}, false},
		{"selectors set back", []string{
			r(0, "cloudtrail", "CreateTrail", `{"name":"t"}`), r(1, "cloudtrail", "PutEventSelectors", `{"trailName":"t","eventSelectors":[{"readWriteType":"ReadOnly","includeManagementEvents":false,"dataResources":[]}]}`),
			r(5, "cloudtrail", "PutEventSelectors", `{"trailName":"t","eventSelectors":[{"readWriteType":"All","includeManagementEvents":true,"dataResources":[]}]}`),
		}, true},
	} {
		f := NewFields(Config{})
		events := decode(t, c.records...)
		got := false
		for i := range events {
			f.reverts.see(&events[i], f.chains.root)
			got = f.reverts.is(&events[i])
		}
		if got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// session is an identity of a role session with a key.
func session(account, name, key string) string {
	return fmt.Sprintf(`{"type":"AssumedRole","principalId":"AROA%s:s","arn":"arn:aws:sts::%s:assumed-role/%s/s","accountId":"%s","accessKeyId":"%s","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::%s:role/%s","userName":"%s"}}}`, name, account, name, account, key, account, name, name)
}

func assume(minute int, who, key, account, shared string) string {
	return at(minute, record(who, "sts", "AssumeRole", `{"roleArn":"arn:aws:iam::`+account+`:role/x","roleSessionName":"s"}`,
		`"responseElements":{"credentials":{"accessKeyId":"`+key+`"}}`, `"recipientAccountId":"`+account+`"`, `"sharedEventID":"`+shared+`"`))
}

func TestChains(t *testing.T) {
	const arn = "arn:aws:iam::111122223333:user/alice"
	other := `{"type":"AWSAccount","principalId":"AIDAALICE","accountId":"111122223333"}`
	for _, c := range []struct {
		name    string
		records []string
		want    string // root of the last
	}{
		{"a user", []string{from(0, alice, "1.1.1.1")}, arn},
		{"a session that nobody saw begin", []string{from(0, session("111122223333", "a", "ASIA1"), "1.1.1.1")}, "arn:aws:iam::111122223333:role/a"},
		{"a session", []string{assume(0, alice, "ASIA1", "111122223333", ""), from(1, session("111122223333", "a", "ASIA1"), "1.1.1.1")}, arn},
		{"a session of a session", []string{
			assume(0, alice, "ASIA1", "111122223333", ""), assume(1, session("111122223333", "a", "ASIA1"), "ASIA2", "111122223333", ""), from(2, session("111122223333", "b", "ASIA2"), "1.1.1.1"),
		}, arn},
		{"across accounts, both records", []string{
			assume(0, alice, "ASIA1", "999988887777", "same"), assume(0, other, "ASIA1", "999988887777", "same"), from(2, session("999988887777", "b", "ASIA1"), "1.1.1.1"),
		}, arn},
		{"across accounts, the other first", []string{
			assume(0, other, "ASIA1", "999988887777", "same"), assume(0, alice, "ASIA1", "999988887777", "same"), from(2, session("999988887777", "b", "ASIA1"), "1.1.1.1"),
		}, arn},
		{"across accounts, the caller's record is missing", []string{assume(0, other, "ASIA1", "999988887777", "same"), from(2, session("999988887777", "b", "ASIA1"), "1.1.1.1")}, "111122223333/AIDAALICE"},
		{"a role of a service", []string{
			assume(0, `{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}`, "ASIA1", "111122223333", ""), from(2, session("111122223333", "fn", "ASIA1"), "1.1.1.1"),
		}, "arn:aws:iam::111122223333:role/fn"},
	} {
		f := NewFields(Config{})
		events := decode(t, c.records...)
		for i := range events {
			f.chains.learn(&events[i])
		}
		if got := f.chains.root(&events[len(events)-1]); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestWhoIsNotAlerted(t *testing.T) {
	rules := map[string]string{
		"stop": document("Stopped", "high", detection("eventName: [StopLogging, CreateUser, DeleteUser]"), "outcome: any"),
		"all":  document("Stopped by anybody", "medium", detection("eventName: StopLogging"), "automation: true, outcome: same"),
	}
	cfg := Config{Automation: []string{"arn:aws:iam::111122223333:role/deploy-*"}}
	stop := func(who string, extra ...string) []string {
		return []string{at(0, record(who, "cloudtrail", "StopLogging", `{"name":"t"}`, extra...))}
	}
	for _, c := range []struct {
		name    string
		records []string
		want    string
	}{
		{"a user", stop(alice), "stop/high all/medium"},
		{"a refusal", stop(alice, `"errorCode":"AccessDenied"`), "stop/medium/attempt all/medium/attempt"},
		{"a mistake", stop(alice, `"errorCode":"TrailNotFoundException"`), "stop/low/attempt all/medium/attempt"},
		{"a service", stop(`{"type":"AWSService","invokedBy":"config.amazonaws.com"}`), "all/medium"},
		{"a service for a user", stop(strings.Replace(alice, `"type"`, `"invokedBy":"cloudformation.amazonaws.com","type"`, 1)), "all/medium"},
		{"a person in the console", stop(strings.Replace(alice, `"type"`, `"invokedBy":"signin.amazonaws.com","type"`, 1)), "stop/high all/medium"},
		{"a service-linked role", stop(strings.ReplaceAll(role, "role/path/app", "role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig")), "all/medium"},
		{"the operator's automation", stop(session("111122223333", "deploy-prod", "ASIA9")), "all/medium"},
		{"a revert", []string{at(0, record(alice, "iam", "CreateUser", `{"userName":"x"}`)), at(1, record(alice, "iam", "DeleteUser", `{"userName":"x"}`))}, "stop/high stop/informational"},
	} {
		d := detector(t, cfg, rules)
		var got []string
		for _, f := range hits(d, decode(t, c.records...)) {
			s := strings.TrimPrefix(f.Rule, "cloudtrail/") + "/" + f.Severity.String()
			if f.Attempt {
				s += "/attempt"
			}
			got = append(got, s)
		}
		if len(got) == 2 && strings.HasPrefix(got[0], "all") {
			got[0], got[1] = got[1], got[0]
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if n := len(d.Stats().Automation); (n > 0) != (c.want == "all/medium") {
			t.Errorf("%s: %v", c.name, d.Stats().Automation)
		}
	}
}

func TestSubjects(t *testing.T) {
	for _, c := range []struct{ extension, want string }{
		{"", "principal arn:aws:iam::111122223333:user/alice"},
		{"subject: address", "address 198.51.100.7"},
		{"subject: account", "account 111122223333"},
		{"subject: resource", "resource b"},
		{"subject: requestParameters.bucketName", "bucket b"},
		{"subject: requestParameters.bucketName, subject_type: store", "store b"},
		{"subject: requestParameters.nothing", "principal arn:aws:iam::111122223333:user/alice"},
	} {
		if c.extension == "" {
			c.extension = "window: 1h"
		}
		d := detector(t, Config{}, map[string]string{"r": document("R", "low", detection("eventName: PutBucketPolicy"), c.extension)})
		list := hits(d, decode(t, record(alice, "s3", "PutBucketPolicy", `{"bucketName":"b"}`)))
		if len(list) != 1 || list[0].Subject.Type+" "+list[0].Subject.ID != c.want {
			t.Errorf("%s: %+v", c.extension, list)
		}
	}
}

// What is saved in the middle and loaded goes on as if nothing had happened.
func TestSaveAndLoad(t *testing.T) {
	rules := coded()
	rules["user"] = document("User", "high", detection("eventName: [CreateUser, DeleteUser]"), "window: 1h")
	records := []string{
		use(0, "ASIA1", "3.225.16.109", ssm), assume(1, alice, "ASIA7", "111122223333", ""), at(2, record(alice, "iam", "CreateUser", `{"userName":"x"}`)),
		from(3, alice, "1.1.1.1"), from(4, role, "1.1.1.1"), use(5, "ASIA1", "198.51.100.9", "aws-cli/2 Linux"), from(6, alice, "2.2.2.2"), from(7, role, "2.2.2.2"),
		at(8, record(session("111122223333", "b", "ASIA7"), "iam", "DeleteUser", `{"userName":"x"}`)),
	}
	events := decode(t, records...)
	text := func(list []*yagura.Finding) (out []string) {
		for _, f := range list {
			out = append(out, fmt.Sprintf("%+v", *f))
		}
		return out
	}
	want := text(hits(detector(t, Config{Places: world{}}, rules), events))
	if len(want) < 5 {
		t.Fatalf("only %d findings: %v", len(want), want)
	}
	for cut := range events {
		first, second := detector(t, Config{Places: world{}}, rules), detector(t, Config{Places: world{}}, rules)
		got := text(hits(first, events[:cut]))
		var b bytes.Buffer
		if err := first.Save(&b); err != nil {
			t.Fatal(err)
		}
		if err := second.Load(&b); err != nil {
			t.Fatal(err)
		}
		got = append(got, text(hits(second, events[cut:]))...)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("cut at %d:\n%s\nwant\n%s", cut, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
