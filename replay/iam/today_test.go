package iam

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	engine "github.com/yagura-sec/yagura/prevent/iam"
	"github.com/yagura-sec/yagura/prevent/iam/actions"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// inventory loads an account with role app, its identity policy as given, and
// whatever other files are given.
func inventory(t *testing.T, identity string, files ...string) *engine.Organisation {
	t.Helper()
	dir := t.TempDir()
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	account := fmt.Sprintf(`{"UserDetailList":[],"GroupDetailList":[],"Policies":[],"IsTruncated":false,"RoleDetailList":[{"Arn":%q,"RoleName":"app","AssumeRolePolicyDocument":%s,`+
		`"RolePolicyList":[{"PolicyName":"own","PolicyDocument":%s}],"AttachedManagedPolicies":[],"Tags":[{"Key":"team","Value":"red"}]}]}`, role, trust, identity)
	for i, text := range append([]string{account}, files...) {
		if !json.Valid([]byte(text)) {
			t.Fatalf("file %d is no JSON", i)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.json", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o, err := engine.LoadOrganisation(dir)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestToday(t *testing.T) {
	const (
		bare     = `{"arn":"arn:aws:s3:::logs","account":"111122223333","policy":null}`
		grants   = `{"arn":"arn:aws:s3:::logs","account":"111122223333","policy":{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/app"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::logs"}}}`
		closed   = `{"arn":"arn:aws:s3:::logs","account":"111122223333","blockPublicAccess":true}`
		tree     = `{"id":"o-1","managementAccount":"999999999999","root":{"id":"r-1","accounts":[{"id":"111122223333","name":"a"}]}}`
		treeNoS3 = `{"id":"o-1","managementAccount":"999999999999","root":{"id":"r-1","scps":[` + noS3 + `],"accounts":[{"id":"111122223333","name":"a"}]}}`
		iamOnly  = `{"Version":"2012-10-17","Statement":{"Sid":"IAM","Effect":"Allow","Action":"iam:*","Resource":"*"}}`
		ifRed    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}}`
		ifTagged = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"Old","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}}]}`
	)
	list, users := event("1", "s3", "ListObjectsV2", bucket, ""), event("2", "iam", "ListUsers", "null", "")
	stranger := `{"eventID":"9","eventTime":"2026-10-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListObjectsV2","awsRegion":"us-east-1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/x","accountId":"111122223333"},"recipientAccountId":"111122223333","requestParameters":` + bucket + `}`
	refused := event("3", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "because no identity-based policy allows the s3:ListBucket action"))
	bySession := event("4", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "because no session policy allows the s3:ListBucket action"))
	byDeny := event("5", "s3", "ListObjectsV2", bucket, refusal("s3:ListBucket", "arn:aws:s3:::logs", "with an explicit deny in a service control policy"))
	denies := "newly denied: " + role + " s3:ListBucket, 1 by no statement allows it"
	opens := "newly allowed: " + role + " s3:ListBucket, 1 by "
	hangs := "unknown: " + role + " s3:ListBucket, 1 by no statement allows it for want of the resource's own policy"
	for _, tc := range []struct {
		name     string
		kind     policy.Kind
		text     string
		identity string
		files    []string
		events   []string
		want     []string
		counts   []int64 // agree, differ, unknown, outside
	}{
		{"a narrower policy", policy.Identity, iamOnly, allowAll, []string{bare}, []string{list, users}, []string{denies}, []int64{2, 0, 0, 0}},
		{"the bucket grants besides", policy.Identity, iamOnly, allowAll, []string{grants}, []string{list, users}, nil, []int64{2, 0, 0, 0}},
		{"the bucket is not held", policy.Identity, iamOnly, allowAll, nil, []string{list, users}, []string{hangs}, []int64{2, 0, 0, 0}},
		{"a wider policy", policy.Identity, allowAll, iamOnly, []string{bare}, []string{refused}, []string{opens + "no statement allows it"}, []int64{1, 0, 0, 0}},
		{"a wider policy below an SCP", policy.Identity, allowAll, iamOnly, []string{bare, treeNoS3}, []string{refused}, nil, []int64{0, 1, 0, 0}},
		{"a refusal by SCP", policy.Identity, iamOnly, allowAll, []string{bare, treeNoS3}, []string{byDeny}, nil, []int64{1, 0, 0, 0}},
		{"refused by a session policy", policy.Identity, allowAll, iamOnly, []string{bare}, []string{bySession}, nil, []int64{0, 0, 0, 0}},
		{"refused by an SCP that is not held", policy.Identity, allowAll, iamOnly, []string{bare}, []string{byDeny}, nil, []int64{0, 1, 0, 0}},
		{"AWS refused what today allows", policy.Identity, iamOnly, allowAll, []string{bare}, []string{refused}, []string{"unknown: " + role + " s3:ListBucket, 1 by today's policies allow it for want of the policy that refused it"}, []int64{0, 1, 0, 0}},
		{"an SCP", policy.SCP, noS3, allowAll, []string{bare, tree}, []string{list, users}, []string{"newly denied: " + role + " s3:ListBucket, 1 by new, statement 1 (NoS3)"}, []int64{2, 0, 0, 0}},
		{"a boundary", policy.Boundary, iamOnly, allowAll, []string{closed}, []string{list}, []string{denies}, []int64{1, 0, 0, 0}},
		{"the inventory knows tags", policy.Identity, ifRed, allowAll, []string{bare}, []string{list}, nil, []int64{1, 0, 0, 0}},
		{"an open condition stays", policy.Boundary, allowAll, ifTagged, []string{bare}, []string{list}, nil, []int64{0, 0, 1, 0}},
		{"a stranger", policy.Identity, iamOnly, allowAll, []string{bare}, []string{stranger}, []string{"newly denied: arn:aws:iam::111122223333:user/x s3:ListBucket, 1 by no statement allows it"}, []int64{0, 0, 0, 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := replay(t, Proposal{Kind: tc.kind, Policy: compile(t, tc.kind, "new", tc.text), Today: inventory(t, tc.identity, tc.files...)}, tc.events...)
			if diff := cmp.Diff(tc.want, lines(r)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.counts, []int64{r.Decisions.Agree, r.Decisions.Differ, r.Decisions.Unknown, r.Outside}); diff != "" {
				t.Errorf("agreement (-want +got):\n%s%v", diff, r.Decisions.Examples)
			}
		})
	}
}

// A proposal that is today's policy changes nothing, whatever the policy says and
// however the call ended.
func TestTodayProposedChangesNothing(t *testing.T) {
	var events []string
	for i, refused := range []string{"", refusal("s3:ListBucket", "arn:aws:s3:::logs", "because no identity-based policy allows it"), `,"errorCode":"AccessDenied","errorMessage":"Access Denied"`} {
		events = append(events,
			event(fmt.Sprint(i), "s3", "ListObjectsV2", bucket, refused),
			event(fmt.Sprint(i), "kms", "Decrypt", `{"keyId":"arn:aws:kms:us-east-1:444455556666:key/1"}`, refused),
			event(fmt.Sprint(i), "sts", "AssumeRole", `{"roleArn":"arn:aws:iam::444455556666:role/far","roleSessionName":"s"}`, refused),
			event(fmt.Sprint(i), "lambda", "CreateFunction20150331", `{"functionName":"f","role":"arn:aws:iam::111122223333:role/exec"}`, refused),
			event(fmt.Sprint(i), "iam", "ListUsers", "null", refused))
	}
	for _, text := range []string{allowAll, allowS3, noS3, tagged, tokyo} {
		r := replay(t, Proposal{Kind: policy.Identity, Policy: compile(t, policy.Identity, "new", text), Today: inventory(t, text)}, events...)
		if len(r.Changes) != 0 || r.NewlyDenied+r.NewlyAllowed+r.Unknown != 0 || r.Outside != 0 {
			t.Errorf("%s: %v", text, lines(r))
		}
	}
}

// Keys of other accounts: the record shows that their policies let the role in,
// so that its own decide.
func TestTodayAcrossAccounts(t *testing.T) {
	decrypt := event("1", "kms", "Decrypt", `{"keyId":"arn:aws:kms:us-east-1:444455556666:key/1"}`, "")
	r := replay(t, Proposal{Kind: policy.Identity, Policy: compile(t, policy.Identity, "new", allowS3), Today: inventory(t, allowAll)}, decrypt)
	if diff := cmp.Diff([]string{"newly denied: " + role + " kms:Decrypt, 1 by no statement allows it"}, lines(r)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Decisions.Unknown != 1 {
		t.Errorf("the engine cannot know what the key's policy says: %+v", r.Decisions)
	}
}

// The inventory and today's text of the policy say the same thing twice.
func TestTodayExcludesCurrent(t *testing.T) {
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, policy.Identity, "new", allowS3)
	if _, err := New(table, Proposal{Kind: policy.Identity, Policy: p, Current: p, Today: inventory(t, allowAll)}); err == nil {
		t.Error("both were taken")
	}
}
