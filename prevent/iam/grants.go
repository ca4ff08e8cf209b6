package iam

import (
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// encryptionPrefix begins the condition keys that hold an encryption context.
const encryptionPrefix = "kms:EncryptionContext:"

// askGrant tells how closely a KMS grant names the caller and whether it covers
// the request (https://docs.aws.amazon.com/kms/latest/developerguide/grants.html).
func (e *evaluation) askGrant(g *access.Grant) (named grant, answer truth) {
	if e.service != "kms" || !e.grantCovers(g) {
		return notNamed, no
	}
	grantee := principal{text: g.GranteePrincipal, kind: anARN}
	switch {
	case !strings.HasPrefix(g.GranteePrincipal, "arn:"):
		grantee.kind = aService
	case strings.HasSuffix(g.GranteePrincipal, ":root"):
		grantee.kind, grantee.partition = anAccount, e.caller.partition
		if e.caller.isIAM() && g.GranteePrincipal[strings.Index(g.GranteePrincipal, "::")+2:len(g.GranteePrincipal)-5] == e.caller.account {
			grantee.account = e.caller.account
		}
	}
	if named = grantee.names(&e.caller, e); named == notNamed {
		return notNamed, no
	}
	answer = yes
	for key, want := range g.Constraints.EncryptionContextSubset {
		answer = min(answer, e.encrypts(key, want))
	}
	if equals := g.Constraints.EncryptionContextEquals; len(equals) > 0 {
		for key, want := range equals {
			answer = min(answer, e.encrypts(key, want))
		}
		answer = min(answer, e.encryptsOnly(equals))
	}
	return named, answer
}

func (e *evaluation) grantCovers(g *access.Grant) bool {
	for _, operation := range g.Operations {
		if strings.EqualFold(operation, e.action) {
			return true
		}
	}
	return false
}

// encrypts compares one pair of the request's encryption context.
func (e *evaluation) encrypts(key, want string) truth {
	for i := range e.entries {
		rest, ok := cutFold(e.entries[i].key, encryptionPrefix)
		if ok && rest == key && len(e.entries[i].values) == 1 {
			return truthOf(e.entries[i].values[0] == want)
		}
	}
	if e.unknownAll || len(e.unknown)+len(e.present) > 0 {
		full := encryptionPrefix + key
		if _, presence := e.lookup(keyHash(full), full); presence == perhaps || presence == someValue {
			return open
		}
	}
	return no
}

// encryptsOnly checks that the encryption context has no key but these.
func (e *evaluation) encryptsOnly(keys map[string]string) truth {
	for i := range e.entries {
		if rest, ok := cutFold(e.entries[i].key, encryptionPrefix); ok {
			if _, listed := keys[rest]; !listed {
				return no
			}
		}
	}
	if e.unknownAll {
		return open
	}
	return yes
}

func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
