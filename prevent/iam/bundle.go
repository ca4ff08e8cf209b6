package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/policy"
)

// maxRemembered bounds the bytes of policies that a decoder remembers.
const maxRemembered = 32 << 20

// policy reads a policy in one of the forms of [Lines]. where names it if it has
// no name of its own.
func (d *decoder) policy(raw json.RawMessage, kind policy.Kind, where string) (*Policy, error) {
	name, document, err := unwrap(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	if name == "" {
		name = where
	}
	key := kind.String() + "\x00" + name + "\x00" + string(document)
	if p := d.compiled[key]; p != nil {
		return p, nil
	}
	p, err := Compile(name, kind, document)
	if err != nil {
		if name != where {
			err = fmt.Errorf("%s: %w", where, err)
		}
		return nil, err
	}
	if d.size += len(key); d.size > maxRemembered {
		clear(d.compiled)
		d.size = len(key)
	}
	d.compiled[key] = p
	return p, nil
}

// unwrap finds name and document in {"name","policy"}, in the forms of AWS's own
// lists ({"PolicyName","PolicyDocument"}), or takes the whole for the document.
func unwrap(raw json.RawMessage) (name string, document []byte, err error) {
	if !isGiven(raw) {
		return "", nil, errors.New("the policy is null")
	}
	document = raw
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) == nil {
		inner, named := json.RawMessage(nil), ""
		for key, value := range members {
			switch strings.ToLower(key) {
			case "policy", "policydocument", "document":
				inner = value
			case "name", "policyname":
				_ = json.Unmarshal(value, &named) // a name that is no string is none
			}
		}
		if _, isDocument := members["Statement"]; inner != nil && !isDocument {
			name, document = named, inner
		}
	}
	var text string
	if json.Unmarshal(document, &text) == nil {
		document = []byte(text)
	}
	return name, document, nil
}
