package iam

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	in := `{"id":"a","request":{"principal":"arn:aws:iam::111122223333:user/m","action":"s3:GetObject","resource":"arn:aws:s3:::b/*","resourceAccount":"111122223333"},` +
		`"unknownKeys":["*"],"identityPolicies":[{"name":"p\u202e","policy":{"Version":"2012-10-17","Statement":[` +
		`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"aws:SourceVpce":"v1"}}},` +
		`{"Sid":"Secret","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b/secret/*"}]}}]}` + "\n" +
		`{"id":"b","request":{"principal":"x"}}` + "\n"
	want := `1  a  arn:aws:iam::111122223333:user/m  s3:GetObject  arn:aws:s3:::b/*
   不明: aws:SourceVpce によります。
   identity     open     
   near         Allow identity policy p\u202e, statement 0
                unknown StringEquals aws:SourceVpce: want v1, got not known
   near         Deny  identity policy p\u202e, statement Secret
   missing      aws:SourceVpce
   allowed if   not resource like arn:aws:s3:::b/secret/* and StringEquals aws:SourceVpce v1

2  b  x    
   error: request: the action must be written service:Name

`
	var out bytes.Buffer
	bad, err := Lines{Table: true, Japanese: true}.Decide(strings.NewReader(in), &out)
	if err != nil || bad != 1 {
		t.Errorf("%d bad lines, %v", bad, err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}
