// Package access is the vocabulary of a decision: who asks for what
// ([Request]), what the answer is ([Decision]) and why ([Verdict]). The engine
// that decides is package iam, its parent.
package access

// Request is one question. Strings are as AWS writes them.
type Request struct {
	// Principal is the caller: an ARN of a user, role, role session
	// (arn:aws:sts::…:assumed-role/Role/Session), federated user, root
	// (arn:aws:iam::…:root) or identity provider; a service principal
	// (ec2.amazonaws.com); "anonymous" for an unsigned request. For
	// AssumeRoleWithSAML and AssumeRoleWithWebIdentity it is the provider.
	Principal string `json:"principal"`
	// Action is one action, such as s3:GetObject. Case does not matter.
	Action string `json:"action"`
	// Resource is an ARN, "*" for actions without one, or a pattern of ARNs: the
	// answer then holds for every resource of the pattern.
	Resource string `json:"resource"`
	// ResourceAccount is the 12-digit owner of the resource. Empty means the
	// account in the ARN, else the context key aws:ResourceAccount, else the
	// caller's account.
	ResourceAccount string `json:"resourceAccount"`
	// Context holds the condition keys of the request. The engine adds those that
	// follow from the principal and the resource: aws:PrincipalArn,
	// aws:PrincipalAccount, aws:PrincipalType, aws:username,
	// aws:PrincipalIsAWSService, aws:PrincipalServiceName, aws:ResourceAccount.
	Context []Value `json:"context"`

	// Unknown keys have a value, or none, that the asker does not know. "*" is
	// every key that is neither in the context nor in Known.
	Unknown []string `json:"unknownKeys"`
	// Known keys are as Context says, also if that is absence.
	Known []string `json:"knownKeys"`
	// Present keys have a value that the asker does not know.
	Present []string `json:"presentKeys"`

	// ManagementAccount is the organisation's management account. SCPs do not
	// bind its principals nor RCPs its resources.
	ManagementAccount string `json:"managementAccount"`
	// Literal says that Resource is one name even if it holds * or ?.
	Literal bool `json:"literalResource"`
	// NoBucketABAC says that the bucket's attribute-based access control is off,
	// so that the tags of a general purpose bucket are not in the context.
	NoBucketABAC bool `json:"noBucketABAC"`
}

// Value is one context key with its values. Multi marks a key that can hold
// several; such a key needs ForAllValues or ForAnyValue. An empty Values is the
// same as absence.
type Value struct {
	Key    string
	Values []string
	Multi  bool
}

// Decision is the answer.
type Decision uint8

// The answers. Unknown is the zero value: what is not decided is never allowed.
const (
	Unknown Decision = iota
	ImplicitlyDenied
	ExplicitlyDenied
	Allowed
)

var decisions = [...]string{"Unknown", "ImplicitlyDenied", "ExplicitlyDenied", "Allowed"}

// String is the name of the constant.
func (d Decision) String() string {
	if int(d) < len(decisions) {
		return decisions[d]
	}
	return "Unknown"
}

// MarshalText gives the name of the constant.
func (d Decision) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// And combines the decisions of a call that needs several permissions, such as
// ec2:RunInstances on image, subnet and instance, or a create call and
// iam:PassRole: all must be allowed.
func (d Decision) And(other Decision) Decision {
	rank := [...]int{Allowed: 0, Unknown: 1, ImplicitlyDenied: 2, ExplicitlyDenied: 3}
	if rank[other] > rank[d] {
		return other
	}
	return d
}

// Grant is a KMS grant, as ListGrants gives it.
type Grant struct {
	Name             string      `json:"name"`
	GranteePrincipal string      `json:"granteePrincipal"`
	Operations       []string    `json:"operations"` // Decrypt, GenerateDataKey, …
	Constraints      Constraints `json:"constraints"`
}

// Constraints bind a grant to an encryption context, compared with the request's
// kms:EncryptionContext:… keys.
type Constraints struct {
	EncryptionContextEquals map[string]string `json:"encryptionContextEquals"`
	EncryptionContextSubset map[string]string `json:"encryptionContextSubset"`
}

// Verdict is a decision that explains itself.
type Verdict struct {
	Decision Decision `json:"decision"`
	// Sentence says it in one line of English; SentenceJA in Japanese.
	Sentence   string `json:"sentence"`
	SentenceJA string `json:"sentenceJa,omitempty"`
	// BlockedBy names what denied or did not allow: a policy kind (identity,
	// boundary, session, resource, scp, rcp, endpoint), blockPublicAccess,
	// partition, or service for what AWS refuses whatever the policies say.
	BlockedBy []string `json:"blockedBy"`
	// Matched are the statements that apply to the request, denies first.
	Matched []Match `json:"matched"`
	// Near are the statements that would apply but for their conditions, or that
	// apply depending on what is not known.
	Near []Match `json:"near,omitempty"`
	// Kinds says what each kind of policy that was asked answered.
	Kinds []Outcome `json:"kinds,omitempty"`
	// MissingKeys are the context keys that a statement asked for and the request
	// does not carry, sorted.
	MissingKeys []string `json:"missingKeys"`
	// Residual is what the unknown keys must satisfy for the request to be
	// allowed; only with Unknown.
	Residual *Expr `json:"residual"`
}

// Match is a statement with what it asked.
type Match struct {
	Kind      string  `json:"kind"`
	Policy    string  `json:"policy"`
	Level     string  `json:"level,omitempty"` // of an SCP or RCP
	Statement int     `json:"statement"`       // index in the policy, from 0
	Sid       string  `json:"sid,omitempty"`
	Effect    string  `json:"effect"`
	Deciding  bool    `json:"deciding"` // the decision rests on it: a deny of what is denied, an allow of what is allowed
	Checks    []Check `json:"conditions,omitempty"`
}

// Check is one condition of a statement.
type Check struct {
	Operator string   `json:"operator"`
	Key      string   `json:"key"`
	Want     []string `json:"want"`          // values of the policy, variables filled in
	Got      []string `json:"got,omitempty"` // values of the request
	Missing  bool     `json:"missing,omitempty"`
	Outcome  string   `json:"outcome"` // true, false or unknown
}

// Outcome is what a kind of policy, or one level of SCPs or RCPs, answered:
// allowed, denied, silent (no statement applies), open (it depends on what is not
// known) or exempt (it does not bind this request).
type Outcome struct {
	Kind   string `json:"kind"`
	Level  string `json:"level,omitempty"`
	Answer string `json:"answer"`
}
