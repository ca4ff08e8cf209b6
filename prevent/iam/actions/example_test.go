package actions_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/actions"
)

// Which actions does a pattern stand for?
func ExampleTable_Expand() {
	table, err := actions.Embedded()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	set, err := table.Expand("sts:assumerole*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for id := range set.All() {
		fmt.Println(table.Name(id), table.Level(id))
	}
	// Output:
	// sts:AssumeRole Write
	// sts:AssumeRoleWithSAML Write
	// sts:AssumeRoleWithWebIdentity Write
}

// Which actions on a bucket change who may use it?
func ExampleTable_Find() {
	table, err := actions.Embedded()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	found, err := table.Find(actions.Query{Patterns: []string{"s3:Put*"}, Level: "permissions", ResourceType: "bucket"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	for _, a := range found {
		fmt.Println(strings.Join(a.Row()[:3], " | "))
	}
	// Output:
	// s3:PutBucketAcl | Permissions management | bucket*
	// s3:PutBucketOwnershipControls | Permissions management | bucket*
	// s3:PutBucketPolicy | Permissions management | bucket*
	// s3:PutBucketPublicAccessBlock | Permissions management | bucket*
}

func ExampleTable_Check() {
	table, err := actions.Embedded()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(table.Check("s3:GetObjct"))
	fmt.Println(table.Check("s3:Get*"))
	// Output:
	// action "s3:GetObjct" is not in the service data; did you mean "s3:GetObject"?
	// <nil>
}
