// Package finding is what the analysis over an account or organisation reports:
// who can do what ([Access]), what is reachable from outside ([External]), how
// principals become administrators ([Escalation]), and what a changed policy
// newly allows ([Difference]). The analysis is in package iam, its parent;
// docs/ref/iam-analysis.md says what each finding means and what it cannot see.
//
// Every witness is a complete request: the engine, asked with exactly this
// request, gives the answer that the finding claims.
package finding

import "encoding/json"

// Statement is one statement of a policy.
type Statement struct {
	Kind      string `json:"kind"` // identity, resource, scp, …
	Policy    string `json:"policy"`
	Statement int    `json:"statement"` // index in the policy, from 0
	Sid       string `json:"sid,omitempty"`
}

// Witness is a request, in the form in which `yagura iam decide` reads it;
// LiteralResource and ManagementAccount stand beside the request there.
type Witness struct {
	Principal       string `json:"principal"`
	Action          string `json:"action"`
	Resource        string `json:"resource"`
	ResourceAccount string `json:"resourceAccount"`
	// Context holds a string for each key, or []string for a key of several values.
	Context           map[string]any `json:"context"`
	LiteralResource   bool           `json:"literalResource"`
	ManagementAccount string         `json:"managementAccount,omitempty"`
}

// Access is one answer to "who can" or "can": principal × actions × resource.
type Access struct {
	Principal string `json:"principal"`
	// Actions are sorted; "s3:*" stands for all known actions of a service, "*"
	// for all.
	Actions  []string `json:"actions"`
	Resource string   `json:"resource"` // an ARN, a pattern of ARNs, or "*"
	// Decision is Allowed, or Unknown if it depends on the condition. What is
	// denied is not reported.
	Decision string `json:"decision"`
	// Condition must hold for the request to be allowed, in one line; empty with
	// Allowed.
	Condition string `json:"condition,omitempty"`
	// Residual is the condition as a tree, as `yagura iam decide` writes it.
	Residual json.RawMessage `json:"residual,omitempty"`
	// By are the statements that allow it or may, at most 20.
	By []Statement `json:"by"`
	// Assumes says what the answer takes for granted, such as that another
	// account, whose policies are not here, lets its principal act. Empty: nothing.
	Assumes string `json:"assumes,omitempty"`
}

// External is one way into a resource from outside its account.
type External struct {
	// Kind is public (anyone, or any AWS account), cross-organisation (an account
	// outside the organisation), cross-account (another account; inside the
	// organisation if that is known), federated (an identity provider) or
	// confused-deputy (an AWS service, for whomever it acts).
	Kind      string   `json:"kind"`
	Resource  string   `json:"resource"` // ARN of what the policy is attached to
	Account   string   `json:"account"`  // its owner
	Principal string   `json:"principal"`
	Actions   []string `json:"actions"` // known actions that the statement grants, as in Access
	Policy    string   `json:"policy"`
	Statement int      `json:"statement"`
	Sid       string   `json:"sid,omitempty"`
	// Witness is allowed by the engine. Its Context holds the keys needed for that.
	Witness Witness `json:"witness"`
	Assumes string  `json:"assumes,omitempty"`
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
	Witness Witness     `json:"witness"`
	By      []Statement `json:"by"` // statements that allow it
	// Conditional says that the engine allows it only with the keys in the
	// witness's Context, which the inventory does not tell.
	Conditional bool `json:"conditional"`
}

// Break is one statement that many paths rest on.
type Break struct {
	Statement
	Stops int `json:"stops"` // principals that could no longer become administrator
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
	Witness Witness `json:"witness"`
	// By are the statements of the new policies that allow it.
	By       []Statement `json:"by"`
	Sentence string      `json:"sentence"`
}
