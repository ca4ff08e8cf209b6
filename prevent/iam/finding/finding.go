// Package finding is what the analysis over an account or organisation reports:
// who can do what ([Access]), what is reachable from outside ([External]), how
// principals become administrators ([Escalation]), and what a changed policy
// newly allows ([Difference]). The analysis is in package iam, its parent;
// docs/ref/iam-analysis.md says what each finding means and what it cannot see.
//
// Every witness is a complete request: the engine, asked with exactly this
// request, gives the answer that the finding claims.
package finding

import "github.com/yagura-sec/yagura/prevent/iam/access"

// Access is one answer to "who can" or "can": principal × actions × resource.
type Access struct {
	Principal string `json:"principal"`
	// Actions are sorted; "s3:*" stands for all known actions of a service, "*"
	// for all.
	Actions  []string `json:"actions"`
	Resource string   `json:"resource"` // an ARN, a pattern of ARNs, or "*"
	// Decision is Allowed, or Unknown if it depends on the condition. What is
	// denied is not reported.
	Decision access.Decision `json:"decision"`
	// Condition must hold for the request to be allowed; nil with Allowed.
	Condition *access.Expr `json:"condition"`
	// By are the allowing statements, at most 20.
	By []access.Match `json:"by"`
	// Assumes says what the answer takes for granted, such as that another
	// account, whose policies are not here, lets its principal act. Empty: nothing.
	Assumes string `json:"assumes,omitempty"`
}

// The kinds of External.
const (
	Public            = "public"             // anyone, or any AWS account
	CrossOrganisation = "cross-organisation" // an account outside the organisation
	CrossAccount      = "cross-account"      // another account; inside the organisation if that is known
	Federated         = "federated"          // an identity provider
	ConfusedDeputy    = "confused-deputy"    // an AWS service, for whomever it acts
)

// External is one way into a resource from outside its account.
type External struct {
	Kind      string   `json:"kind"`
	Resource  string   `json:"resource"` // ARN of what the policy is attached to
	Account   string   `json:"account"`  // its owner
	Principal string   `json:"principal"`
	Actions   []string `json:"actions"` // known actions that the statement grants, as in Access
	Policy    string   `json:"policy"`
	Statement int      `json:"statement"`
	Sid       string   `json:"sid,omitempty"`
	// Witness is allowed by the engine. Its Context holds the keys needed for that.
	Witness access.Request `json:"witness"`
	Assumes string         `json:"assumes,omitempty"`
}

// Escalation is the graph's answer.
type Escalation struct {
	// Admins are principals that are administrators as they stand.
	Admins []string `json:"admins"`
	// Paths hold one shortest path for each other principal that can become one,
	// sorted by length and principal.
	Paths []Path `json:"paths"`
	// Breaks are the statements whose removal alone stops the most principals,
	// best first, at most 10.
	Breaks []Break `json:"breaks"`
	// Undecided names what stayed open: principal, method and why.
	Undecided []string `json:"undecided"`
}

// Path leads from a principal to administrator.
type Path struct {
	Principal string `json:"principal"`
	Steps     []Step `json:"steps"`
}

// Step is one move. To is the principal taken over, or "administrator".
type Step struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Method  string `json:"method"` // as "iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction"
	Needs   []Need `json:"needs"`
	Assumes string `json:"assumes,omitempty"` // as "a function that runs as the role exists"
}

// Need is one permission of a step, confirmed by the engine with Witness.
type Need struct {
	Witness access.Request `json:"witness"`
	By      []access.Match `json:"by"` // statements that allow it
	// Conditional says that the engine allows it only with the keys in the
	// witness's Context, which the inventory does not tell.
	Conditional bool `json:"conditional"`
}

// Break is one statement that many paths rest on.
type Break struct {
	Kind      string `json:"kind"`
	Policy    string `json:"policy"`
	Statement int    `json:"statement"`
	Sid       string `json:"sid,omitempty"`
	Stops     int    `json:"stops"` // principals that could no longer become administrator
}

// Difference says whether new policies allow what old ones did not.
type Difference struct {
	// Answer is "yes", "no" or "unknown". "no" is proven; "yes" comes with at least
	// one witness; else it is "unknown" and Open says why.
	Answer string   `json:"answer"`
	Added  []Added  `json:"added"`
	Open   []string `json:"open"`
}

// Added is access that the new policies give and the old did not.
type Added struct {
	Actions []string `json:"actions"` // known actions for which the witness, with its action replaced, holds too
	// Witness is allowed by the new policies and not by the old.
	Witness access.Request `json:"witness"`
	// By are the statements of the new policies that allow it.
	By       []access.Match `json:"by"`
	Sentence string         `json:"sentence"`
}
