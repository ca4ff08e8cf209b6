package iam

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/prevent/iam/access"
	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// Lines decides requests written as JSON Lines: what `yagura iam decide` does.
//
// A line in:
//
//	{"id","request":{"principal","action","resource","resourceAccount","context"},
//	 "identityPolicies":[…],"permissionBoundaries":[…]|null,"sessionPolicy",
//	 "resourcePolicy","scps":[{"level","policies":[…]}]|null,"rcps":[…]|null,
//	 "vpcEndpointPolicies":[…]|null,"blockPublicAccess":bool,"kmsGrants":[…],
//	 "managementAccount","noBucketABAC":bool,
//	 "unknownKeys":[…],"knownKeys":[…],"presentKeys":[…]}
//
// A policy is the document itself or {"name","policy":document}; the document may
// also be a string that holds it. sessionPolicy is one policy or a list. A
// context value that is a list is a key with several values.
//
// A line out is {"id","decision","sentence","blockedBy","matched","missingKeys",
// "residual"}, as in [access.Verdict], or {"id","line","error"} for a line that
// cannot be read.
type Lines struct {
	// Table writes for people in place of JSON: sentence, what each kind of
	// policy answered, statements with their conditions.
	Table bool
	// Japanese writes the sentences in Japanese.
	Japanese bool
}

// maxLine bounds one line in bytes.
const maxLine = 64 << 20

// Decide reads to the end of r and counts the lines that could not be read. The
// error is one of reading or writing.
func (l Lines) Decide(r io.Reader, w io.Writer) (bad int, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	out := bufio.NewWriter(w) // keeps its first error for Flush
	d := decoder{compiled: map[string]*Policy{}}
	for number := 1; ; number++ {
		line, tooLong, err := readLine(in)
		if err != nil && !errors.Is(err, io.EOF) {
			return bad, errors.Join(fmt.Errorf("line %d: %w", number, err), out.Flush())
		}
		if len(bytes.TrimSpace(line)) > 0 || tooLong {
			if failed := l.one(&d, out, number, line, tooLong); failed {
				bad++
			}
		}
		if err != nil {
			return bad, out.Flush()
		}
	}
}

func (l Lines) one(d *decoder, out io.Writer, number int, line []byte, tooLong bool) (failed bool) {
	q := question{ID: json.RawMessage("null")}
	err := errors.New("the line is longer than 64 MiB")
	if !tooLong {
		err = d.read(line, &q)
	}
	var v access.Verdict
	if err == nil {
		var problem string
		if v, problem = q.policies.explain(&q.request); problem != "" {
			err = errors.New("request: " + problem)
		}
	}
	if l.Table {
		writeTable(out, number, &q, &v, err, l.Japanese)
		return err != nil
	}
	answer := any(struct {
		ID    json.RawMessage `json:"id"`
		Line  int             `json:"line"`
		Error string          `json:"error"`
	}{q.ID, number, fmt.Sprint(err)})
	if err == nil {
		sentence := v.Sentence
		if l.Japanese {
			sentence = v.SentenceJA
		}
		answer = struct {
			ID          json.RawMessage `json:"id"`
			Decision    access.Decision `json:"decision"`
			Sentence    string          `json:"sentence"`
			BlockedBy   []string        `json:"blockedBy"`
			Matched     []access.Match  `json:"matched"`
			MissingKeys []string        `json:"missingKeys"`
			Residual    *access.Expr    `json:"residual"`
		}{q.ID, v.Decision, sentence, v.BlockedBy, v.Matched, v.MissingKeys, v.Residual}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if encodeErr := encoder.Encode(answer); encodeErr != nil {
		fmt.Fprintf(out, "{\"id\":null,\"line\":%d,\"error\":\"the answer cannot be written\"}\n", number)
		return true
	}
	return err != nil
}

// readLine reads one line. A line over the bound is read to its end and dropped.
func readLine(in *bufio.Reader) (line []byte, tooLong bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			line, tooLong = nil, true
		}
		if !tooLong {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, tooLong, err
		}
	}
}

// question is one line, read.
type question struct {
	ID       json.RawMessage
	request  access.Request
	policies Policies
}

// decoder reads lines. It remembers policies, as lines tend to repeat them.
type decoder struct {
	compiled map[string]*Policy
	size     int
}

// form is a line as it is written.
type form struct {
	ID      json.RawMessage `json:"id"`
	Request *struct {
		Principal       json.RawMessage            `json:"principal"`
		Action          string                     `json:"action"`
		Resource        string                     `json:"resource"`
		ResourceAccount string                     `json:"resourceAccount"`
		Context         map[string]json.RawMessage `json:"context"`
	} `json:"request"`
	IdentityPolicies     []json.RawMessage `json:"identityPolicies"`
	PermissionBoundaries []json.RawMessage `json:"permissionBoundaries"`
	SessionPolicy        json.RawMessage   `json:"sessionPolicy"`
	ResourcePolicy       json.RawMessage   `json:"resourcePolicy"`
	SCPs                 []levelForm       `json:"scps"`
	RCPs                 []levelForm       `json:"rcps"`
	VPCEndpointPolicies  []json.RawMessage `json:"vpcEndpointPolicies"`
	BlockPublicAccess    bool              `json:"blockPublicAccess"`
	KMSGrants            []access.Grant    `json:"kmsGrants"`
	ManagementAccount    string            `json:"managementAccount"`
	NoBucketABAC         bool              `json:"noBucketABAC"`
	LiteralResource      bool              `json:"literalResource"`
	UnknownKeys          []string          `json:"unknownKeys"`
	KnownKeys            []string          `json:"knownKeys"`
	PresentKeys          []string          `json:"presentKeys"`

	// Names that are near the right ones: ignoring them would give a wrong answer.
	SCP                json.RawMessage `json:"scp"`
	RCP                json.RawMessage `json:"rcp"`
	PermissionBoundary json.RawMessage `json:"permissionBoundary"`
	SessionPolicies    json.RawMessage `json:"sessionPolicies"`
	ResourcePolicies   json.RawMessage `json:"resourcePolicies"`
	VPCEndpointPolicy  json.RawMessage `json:"vpcEndpointPolicy"`
}

func (f *form) misspelt() error {
	for _, pair := range []struct {
		wrong, right string
		value        json.RawMessage
	}{
		{"scp", "scps", f.SCP},
		{"rcp", "rcps", f.RCP},
		{"permissionBoundary", "permissionBoundaries", f.PermissionBoundary},
		{"sessionPolicies", "sessionPolicy, which may be a list", f.SessionPolicies},
		{"resourcePolicies", "resourcePolicy", f.ResourcePolicies},
		{"vpcEndpointPolicy", "vpcEndpointPolicies", f.VPCEndpointPolicy},
	} {
		if pair.value != nil {
			return fmt.Errorf("unknown member %q; write %s", pair.wrong, pair.right)
		}
	}
	return nil
}

type levelForm struct {
	Level    string            `json:"level"`
	Policies []json.RawMessage `json:"policies"`
}

func (d *decoder) read(line []byte, q *question) error {
	if !utf8.Valid(line) {
		return errors.New("the line is not valid UTF-8")
	}
	var f form
	err := json.Unmarshal(line, &f)
	if f.ID != nil {
		q.ID = f.ID
	}
	if err != nil {
		if q.ID = findID(line); q.ID == nil {
			q.ID = json.RawMessage("null")
		}
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("member %s: a %s cannot stand here", wrong.Field, wrong.Value)
		}
		return fmt.Errorf("not JSON: %w", err)
	}
	if f.Request == nil {
		return errors.New("the member request is missing")
	}
	if err := f.misspelt(); err != nil {
		return err
	}
	q.request = access.Request{
		Action: f.Request.Action, Resource: f.Request.Resource, ResourceAccount: f.Request.ResourceAccount,
		Unknown: f.UnknownKeys, Known: f.KnownKeys, Present: f.PresentKeys,
		ManagementAccount: f.ManagementAccount, NoBucketABAC: f.NoBucketABAC, Literal: f.LiteralResource,
	}
	if q.request.Principal, err = principalText(f.Request.Principal); err != nil {
		return err
	}
	if q.request.Context, err = contextValues(f.Request.Context); err != nil {
		return err
	}
	return d.policies(&f, &q.policies)
}

// findID saves the id of a line whose other members are of a wrong type or that
// is cut short.
func findID(line []byte) json.RawMessage {
	in := json.NewDecoder(bytes.NewReader(line))
	if t, err := in.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for {
		name, err := in.Token()
		if _, ok := name.(string); err != nil || !ok {
			return nil
		}
		var value json.RawMessage
		if in.Decode(&value) != nil {
			return nil
		}
		if name == "id" {
			return value
		}
	}
}

// principalText reads a string, or an object with one member as in a policy.
func principalText(raw json.RawMessage) (string, error) {
	var s string
	if raw == nil || json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var m map[string]string
	if json.Unmarshal(raw, &m) == nil && len(m) == 1 {
		for _, v := range m {
			return v, nil
		}
	}
	return "", errors.New("request.principal must be a string")
}

// contextValues reads the context, in the order of its keys.
func contextValues(context map[string]json.RawMessage) ([]access.Value, error) {
	values := make([]access.Value, 0, len(context))
	for key, raw := range context {
		v := access.Value{Key: key}
		var list []json.RawMessage
		v.Multi = json.Unmarshal(raw, &list) == nil && list != nil
		if !v.Multi {
			list = []json.RawMessage{raw}
		}
		for _, item := range list {
			text := string(item)
			switch {
			case text == "null":
				continue
			case strings.HasPrefix(text, `"`):
				if err := json.Unmarshal(item, &text); err != nil {
					return nil, fmt.Errorf("request.context %q: %w", key, err)
				}
			case strings.ContainsAny(text[:1], "{["):
				return nil, fmt.Errorf("request.context %q: a value must be a string, number, boolean or a list of these", key)
			}
			v.Values = append(v.Values, text)
		}
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b access.Value) int { return strings.Compare(a.Key, b.Key) })
	return values, nil
}

func (d *decoder) policies(f *form, p *Policies) (err error) {
	list := func(raw []json.RawMessage, kind policy.Kind, member string) []*Policy {
		var out []*Policy
		for i, r := range raw {
			if err != nil {
				return nil
			}
			var one *Policy
			one, err = d.policy(r, kind, fmt.Sprintf("%s[%d]", member, i))
			out = append(out, one)
		}
		return out
	}
	levels := func(forms []levelForm, kind policy.Kind, member string) []Level {
		if forms == nil {
			return nil
		}
		out := make([]Level, len(forms))
		for i, l := range forms {
			out[i] = Level{Name: l.Level, Policies: list(l.Policies, kind, fmt.Sprintf("%s[%d].policies", member, i))}
		}
		return out
	}
	p.Identity = list(f.IdentityPolicies, policy.Identity, "identityPolicies")
	p.Boundaries = list(f.PermissionBoundaries, policy.Boundary, "permissionBoundaries")
	p.Endpoint = list(f.VPCEndpointPolicies, policy.Endpoint, "vpcEndpointPolicies")
	p.SCPs = levels(f.SCPs, policy.SCP, "scps")
	p.RCPs = levels(f.RCPs, policy.RCP, "rcps")
	var sessions []json.RawMessage
	if json.Unmarshal(f.SessionPolicy, &sessions) != nil && isGiven(f.SessionPolicy) {
		sessions = []json.RawMessage{f.SessionPolicy}
	}
	p.Session = list(sessions, policy.Session, "sessionPolicy")
	if isGiven(f.ResourcePolicy) && err == nil {
		p.Resource, err = d.policy(f.ResourcePolicy, policy.Resource, "resourcePolicy")
	}
	p.BlockPublicAccess, p.Grants = f.BlockPublicAccess, f.KMSGrants
	return err
}

func isGiven(raw json.RawMessage) bool { return raw != nil && string(raw) != "null" }
