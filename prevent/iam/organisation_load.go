package iam

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// maxInventoryFile bounds one file in bytes.
const maxInventoryFile = 256 << 20

// LoadOrganisation reads files and folders; in folders, all that ends in .json.
// What a file is is told by its members: the output of `aws iam
// get-account-authorization-details` (or its pages), resource policies, AWS
// Config items, the organisation's tree. docs/ref/iam-analysis.md describes the
// forms. The error names file, line and column.
func LoadOrganisation(paths ...string) (*Organisation, error) {
	l := loader{
		org:      &Organisation{accounts: map[string]*member{}, holders: map[string]*holder{}, resources: map[string]*guarded{}},
		compiled: map[string]*Policy{}, managed: map[string]storedPolicy{}, truncated: map[string]bool{}, tags: map[string]bool{},
	}
	if len(paths) == 0 {
		return nil, errors.New("no inventory: name a file or a folder")
	}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || name != path && !strings.EqualFold(filepath.Ext(name), ".json") {
				return err
			}
			return l.file(name)
		})
		if err != nil {
			return nil, err
		}
	}
	return l.finish()
}

// loader gathers files; what refers to each other is joined at the end.
type loader struct {
	org       *Organisation
	compiled  map[string]*Policy
	managed   map[string]storedPolicy // by ARN
	details   []accountDetails
	truncated map[string]bool // by account: its last page is missing
	tags      map[string]bool // keys of principal tags in policies
	tree      string          // file of the organisation
}

// source is a file, to say where something in it stands.
type source struct {
	name string
	data []byte
}

// at adds the place of a part of the file to an error. An equal part further up
// is as wrong.
func (s *source) at(part json.RawMessage, err error) error {
	offset := max(bytes.Index(s.data, part), 0)
	var complaint *policy.Error
	isText := len(part) > 0 && part[0] == '"'
	line, column := position(s.data, offset)
	if errors.As(err, &complaint) && !isText {
		if complaint.Line == 1 {
			column += complaint.Column - 1
		} else {
			column = complaint.Column
		}
		return fmt.Errorf("%s:%d:%d: %s: %s", s.name, line+complaint.Line-1, column, complaint.Path, complaint.Message)
	}
	return fmt.Errorf("%s:%d:%d: %w", s.name, line, column, err)
}

func position(data []byte, offset int) (line, column int) {
	before := data[:min(offset, len(data))]
	return bytes.Count(before, []byte("\n")) + 1, len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:]))) + 1
}

// unmarshal reads JSON; errors say where.
func (s *source) unmarshal(raw json.RawMessage, v any) error {
	err := json.Unmarshal(raw, v)
	if err == nil {
		return nil
	}
	base := max(bytes.Index(s.data, raw), 0)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		base += int(syntax.Offset)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		base += int(wrong.Offset)
		err = fmt.Errorf("member %s: a %s cannot stand here", wrong.Field, wrong.Value)
	}
	line, column := position(s.data, base)
	return fmt.Errorf("%s:%d:%d: %w", s.name, line, column, err)
}

func (l *loader) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxInventoryFile+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case len(data) > maxInventoryFile:
		return fmt.Errorf("%s: over 256 MiB; give the pages as files of their own", name)
	}
	s := &source{name, bytes.TrimSpace(data)}
	if len(s.data) > 0 && s.data[0] == '[' {
		var items []json.RawMessage
		if err := s.unmarshal(s.data, &items); err != nil {
			return err
		}
		for _, item := range items {
			if err := l.item(s, item); err != nil {
				return err
			}
		}
		return nil
	}
	return l.item(s, s.data)
}

// item reads one object, by its members.
func (l *loader) item(s *source, raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := s.unmarshal(raw, &members); err != nil {
		return err
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return members[n] != nil })
	}
	switch {
	case has("UserDetailList", "RoleDetailList", "GroupDetailList"):
		return l.accountDetails(s, raw)
	case has("root") && has("id", "managementAccount"):
		return l.organisationTree(s, raw)
	case has("arn") && has("policy", "blockPublicAccess"):
		return l.resource(s, raw)
	case has("configurationItems"):
		var items []json.RawMessage
		if err := s.unmarshal(members["configurationItems"], &items); err != nil {
			return err
		}
		for _, item := range items {
			if err := l.configItem(s, item); err != nil {
				return err
			}
		}
		return nil
	case has("configurationItem"):
		return l.configItem(s, members["configurationItem"])
	case has("resourceType") && has("configuration", "supplementaryConfiguration", "configurationItemStatus"):
		return l.configItem(s, raw)
	}
	return s.at(raw, errors.New("not an inventory: want account authorization details, a resource policy (arn, policy), AWS Config items or the organisation (id, root)"))
}

// resourceForm is the simple form of a resource policy.
type resourceForm struct {
	ARN               string          `json:"arn"`
	Account           string          `json:"account"`
	Policy            json.RawMessage `json:"policy"`
	BlockPublicAccess bool            `json:"blockPublicAccess"`
}

// resource reads {"arn","account","policy","blockPublicAccess"}. The account is
// that of the ARN, else the member, else the folder of the file.
func (l *loader) resource(s *source, raw json.RawMessage) error {
	var f resourceForm
	if err := s.unmarshal(raw, &f); err != nil {
		return err
	}
	account := cmp.Or(accountOf(f.ARN), f.Account, filepath.Base(filepath.Dir(s.name)))
	switch {
	case !strings.HasPrefix(f.ARN, "arn:") || strings.Count(f.ARN, ":") < 5:
		return s.at(raw, fmt.Errorf("%q is no ARN", bounded(f.ARN)))
	case !isAccount(account):
		return s.at(raw, errors.New("the owner is not told: add account (12 digits), or put the file into a folder named after it"))
	}
	return l.addResource(s, f.ARN, account, f.Policy, f.BlockPublicAccess)
}

func (l *loader) addResource(s *source, arn, account string, document json.RawMessage, blockPublic bool) error {
	g := &guarded{arn: arn, account: account, blockPublic: blockPublic}
	if isGiven(document) {
		p, err := l.policy(s, "policy of "+bounded(arn), policy.Resource, document)
		if err != nil {
			return err
		}
		g.policy = p
	}
	if old := l.org.resources[arn]; old != nil && (old.policy != g.policy || old.account != account || old.blockPublic != blockPublic) {
		return s.at(document, fmt.Errorf("%s stands twice with different policies", bounded(arn)))
	}
	l.org.resources[arn] = g
	l.account(account)
	return nil
}

func (l *loader) account(id string) *member {
	if l.org.accounts[id] == nil {
		l.org.accounts[id] = &member{}
	}
	return l.org.accounts[id]
}

// policy compiles a document: an object, or a string that holds one, perhaps
// URL-encoded as the IAM API gives it.
func (l *loader) policy(s *source, name string, kind policy.Kind, raw json.RawMessage) (*Policy, error) {
	document := []byte(raw)
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if strings.HasPrefix(text, "%7B") || strings.HasPrefix(text, "%7b") {
			plain, err := url.PathUnescape(text)
			if err != nil {
				return nil, s.at(raw, fmt.Errorf("%s: %w", name, err))
			}
			text = plain
		}
		document = []byte(text)
	}
	key := kind.String() + "\x00" + name + "\x00" + string(document)
	if p := l.compiled[key]; p != nil {
		return p, nil
	}
	p, err := Compile(name, kind, document)
	if err != nil {
		return nil, s.at(raw, err)
	}
	l.compiled[key] = p
	p.keys(func(k string) {
		if len(k) > len(tagPrefix) && strings.EqualFold(k[:len(tagPrefix)], tagPrefix) {
			l.tags[k] = true
		}
	})
	return p, nil
}

const tagPrefix = "aws:PrincipalTag/"

// keys calls yield with every context key that the policy asks for.
func (p *Policy) keys(yield func(string)) {
	for i := range p.statements {
		s := &p.statements[i]
		for j := range s.resources {
			s.resources[j].Keys(yield)
		}
		for j := range s.conditions {
			yield(s.conditions[j].key)
			for k := range s.conditions[j].operands {
				s.conditions[j].operands[k].text.Keys(yield)
			}
		}
	}
}

// bounded cuts hostile text for messages.
func bounded(s string) string {
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}
