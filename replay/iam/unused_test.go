package iam

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

func TestUnused(t *testing.T) {
	table, err := actions.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	u, err := NewUsage(table)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []string{
		event("1", "s3", "ListObjectsV2", bucket, ""),
		event("2", "sqs", "ListQueues", "{}", refusal("sqs:ListQueues", "*", "")),
		event("3", "kms", "NewerThanTheData", "{}", ""),
		strings.ReplaceAll(event("4", "iam", "ListUsers", "null", ""), "111122223333", "444455556666"),
	} {
		if err := u.AddText(e); err != nil {
			t.Fatal(err)
		}
	}
	got, err := u.Unused("arn:aws:iam::111122223333:role/path/app", []string{"s3:ListBucket", "s3:GetObject", "sqs:*", "kms:Decrypt", "iam:ListUsers"})
	if err != nil {
		t.Fatal(err)
	}
	want := Unused{
		Principal: got.Principal, Calls: 2, Last: u.To, Granted: got.Granted,
		Services: []string{"iam", "sqs"}, Actions: []string{"kms:Decrypt", "s3:GetObject"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	none, err := u.Unused("arn:aws:iam::111122223333:user/app", []string{"s3:GetObject"})
	if err != nil || none.Calls != 0 || !none.Last.IsZero() || !slices.Equal(none.Services, []string{"s3"}) {
		t.Errorf("a principal without history: %+v, %v", none, err)
	}
}
