package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// treeForm is the organisation's file.
type treeForm struct {
	ID                string   `json:"id"`
	ManagementAccount string   `json:"managementAccount"`
	Root              treeNode `json:"root"`
}

// treeNode is the root, an organisational unit or an account. scps of null, or
// absent, mean FullAWSAccess, which AWS attaches by default; [] means none.
type treeNode struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	SCPs     []json.RawMessage `json:"scps"`
	RCPs     []json.RawMessage `json:"rcps"`
	Units    []treeNode        `json:"units"`
	Accounts []treeNode        `json:"accounts"`
}

const fullAccess = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// maxUnits bounds the depth of the tree; AWS allows five.
const maxUnits = 16

func (l *loader) organisationTree(s *source, raw json.RawMessage) error {
	if l.tree != "" {
		return s.at(raw, fmt.Errorf("the organisation is in %s already", l.tree))
	}
	l.tree = s.name
	var f treeForm
	if err := s.unmarshal(raw, &f); err != nil {
		return err
	}
	if !isAccount(f.ManagementAccount) {
		return s.at(raw, errors.New("managementAccount: want 12 digits"))
	}
	l.org.known, l.org.id, l.org.management = true, f.ID, f.ManagementAccount
	return l.unit(s, raw, &f.Root, []string{f.ID}, "Root", nil, nil)
}

func (l *loader) unit(s *source, raw json.RawMessage, n *treeNode, path []string, level string, scps, rcps []Level) error {
	if len(path) > maxUnits {
		return s.at(raw, fmt.Errorf("units are nested over %d deep", maxUnits))
	}
	scps, rcps, err := l.levels(s, n, level, scps, rcps)
	if err != nil {
		return err
	}
	path = append(path[:len(path):len(path)], n.ID)
	for i := range n.Accounts {
		a := &n.Accounts[i]
		if !isAccount(a.ID) {
			return s.at(raw, fmt.Errorf("account %q below %s: want 12 digits as its id", bounded(a.ID), level))
		}
		m := l.account(a.ID)
		if m.scps != nil {
			return s.at(raw, fmt.Errorf("account %s stands twice", a.ID))
		}
		if m.scps, m.rcps, err = l.levels(s, a, "account "+a.ID, scps, rcps); err != nil {
			return err
		}
		m.path = strings.Join(path, "/") + "/"
	}
	for i := range n.Units {
		if err := l.unit(s, raw, &n.Units[i], path, "OU "+n.Units[i].Name, scps, rcps); err != nil {
			return err
		}
	}
	return nil
}

// levels adds the policies attached to one node.
func (l *loader) levels(s *source, n *treeNode, level string, scps, rcps []Level) (outSCPs, outRCPs []Level, err error) {
	own := n.SCPs
	if own == nil {
		own = []json.RawMessage{json.RawMessage(fullAccess)}
	}
	compile := func(list []json.RawMessage, kind policy.Kind) (out []*Policy) {
		for i, raw := range list {
			name, document, unwrapErr := unwrap(raw)
			if name == "" {
				name = fmt.Sprintf("%s %d of %s", kind, i, level)
			}
			if unwrapErr != nil {
				err = errors.Join(err, s.at(raw, unwrapErr))
				continue
			}
			p, compileErr := l.policy(s, name, kind, document)
			if compileErr != nil {
				err = errors.Join(err, compileErr)
				continue
			}
			out = append(out, p)
		}
		return out
	}
	outSCPs = append(scps[:len(scps):len(scps)], Level{Name: level, Policies: compile(own, policy.SCP)})
	outRCPs = rcps
	if len(n.RCPs) > 0 {
		outRCPs = append(rcps[:len(rcps):len(rcps)], Level{Name: level, Policies: compile(n.RCPs, policy.RCP)})
	}
	return outSCPs, outRCPs, err
}

// configForm is an AWS Config item, in both spellings that Config delivers.
type configForm struct {
	ARN           string          `json:"ARN"`
	ResourceARN   string          `json:"arn"`
	Account       string          `json:"awsAccountId"`
	AccountID     string          `json:"accountId"`
	Type          string          `json:"resourceType"`
	Status        string          `json:"configurationItemStatus"`
	Configuration json.RawMessage `json:"configuration"`
	Supplementary json.RawMessage `json:"supplementaryConfiguration"`
}

// configPolicies are the members that hold a resource's policy, by place
// (https://docs.aws.amazon.com/config/latest/developerguide/resource-config-reference.html).
var configPolicies = []string{
	"BucketPolicy", "policyText", "Policy", "policy", "PolicyDocument", "ResourcePolicy", "RepositoryPolicyText", "FileSystemPolicy", "KeyPolicy", "accessPolicies",
}

// configItem takes a resource's policy out of a Config item. IAM's own items are
// left out: the account details say more.
func (l *loader) configItem(s *source, raw json.RawMessage) error {
	var f configForm
	if err := s.unmarshal(raw, &f); err != nil {
		return err
	}
	if strings.HasPrefix(f.Type, "AWS::IAM::") || strings.HasPrefix(f.Status, "ResourceDeleted") {
		return nil
	}
	arn, account := f.ARN, f.Account
	if arn == "" {
		arn = f.ResourceARN
	}
	if account == "" {
		account = f.AccountID
	}
	var found json.RawMessage
	block := false
	for _, part := range []json.RawMessage{f.Supplementary, f.Configuration} {
		members := configMembers(part)
		for _, name := range configPolicies {
			if found == nil && isGiven(members[name]) {
				found = configPolicy(members[name])
			}
		}
		for _, inner := range []string{"Attributes", "attributes"} {
			if p := configMembers(members[inner])["Policy"]; found == nil && isGiven(p) {
				found = configPolicy(p)
			}
		}
		setting := configMembers(members["PublicAccessBlockConfiguration"])
		block = block || string(setting["restrictPublicBuckets"]) == "true" || string(setting["RestrictPublicBuckets"]) == "true"
	}
	if found == nil && !block {
		return nil
	}
	if arn == "" || !isAccount(account) {
		return s.at(raw, errors.New("the Config item has a policy but no ARN and awsAccountId"))
	}
	return l.addResource(s, arn, account, found, block)
}

// configMembers reads an object, or a string that holds one.
func configMembers(raw json.RawMessage) (members map[string]json.RawMessage) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(text)
	}
	_ = json.Unmarshal(raw, &members) // what is no object has no members
	return members
}

// configPolicy unwraps {"policyText": …}; an empty text is no policy.
func configPolicy(raw json.RawMessage) json.RawMessage {
	members := configMembers(raw)
	if inner, ok := members["policyText"]; ok {
		if !isGiven(inner) {
			return nil
		}
		return inner
	}
	if members == nil {
		return nil
	}
	return raw
}
