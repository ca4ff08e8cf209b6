package access

import "testing"

// TestAnd is case 40 and 41: a call that needs several permissions needs all.
func TestAnd(t *testing.T) {
	for _, test := range []struct{ a, b, want Decision }{
		{Allowed, Allowed, Allowed},
		{Allowed, Unknown, Unknown},
		{Unknown, ImplicitlyDenied, ImplicitlyDenied},
		{ExplicitlyDenied, ImplicitlyDenied, ExplicitlyDenied},
		{Allowed, ExplicitlyDenied, ExplicitlyDenied},
	} {
		if got := test.a.And(test.b); got != test.want {
			t.Errorf("%v and %v: %v", test.a, test.b, got)
		}
		if got := test.b.And(test.a); got != test.want {
			t.Errorf("%v and %v: %v", test.b, test.a, got)
		}
	}
	if d := Decision(200); d.String() != "Unknown" {
		t.Errorf("a decision out of range reads %v", d)
	}
}

func TestExprString(t *testing.T) {
	leaf := func(key string) *Expr { return &Expr{Operator: "StringEquals", Key: key, Values: []string{"a", "b"}} }
	for want, x := range map[string]*Expr{
		"StringEquals k a | b":            leaf("k"),
		"not resource like arn:aws:s3::*": {Not: &Expr{Resource: "arn:aws:s3::*"}},
		"always":                          {And: []*Expr{}},
		"never":                           {Or: []*Expr{}},
		"StringEquals x a | b and (StringEquals y a | b or StringEquals z a | b)": {And: []*Expr{leaf("x"), {Or: []*Expr{leaf("y"), leaf("z")}}}},
	} {
		if got := x.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
