package yagura

import (
	"net/netip"
	"strings"
)

// delimiter ends a token in free text. Tokens keep : / . - _ @ % # and +.
func delimiter(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '"', '\'', '`', ',', ';', '(', ')', '[', ']', '{', '}', '<', '>', '=', '&', '|', '\\', '?', '*', '!', '$', '^', '~':
		return true
	}
	return r < ' '
}

// token takes what the token itself shows. A version is never an address.
func (c *collector) token(t string, version bool) {
	if len(t) < 2 || len(t) > 2048 {
		return
	}
	if strings.HasPrefix(t, "arn:") {
		c.arn(t)
	}
	if scheme := strings.Index(t, "://"); scheme > 0 {
		c.url(t[scheme+3:])
	} else if !version {
		c.network(t)
	}
	if at := strings.IndexByte(t, '@'); at > 0 && strings.IndexByte(t, ':') < 0 {
		c.email(t, at)
	}
	for part := range strings.FieldsFuncSeq(t, func(r rune) bool { return r == '/' || r == ':' || r == '.' || r == '@' }) {
		c.id(part)
	}
	if _, hex, ok := strings.Cut(t, "sha256:"); ok && isSHA256(hex) {
		c.add(ObservedHash, strings.ToLower(hex))
	}
}

func (c *collector) arn(t string) {
	t = strings.TrimRight(t, ".:/")
	parts := strings.SplitN(t, ":", 6)
	if len(parts) < 6 || parts[1] == "" || parts[2] == "" || parts[5] == "" {
		return
	}
	c.add(ObservedResource, t)
	c.account(parts[4])
	if parts[2] == "s3" && parts[3] == "" && parts[4] == "" {
		name, _, _ := strings.Cut(parts[5], "/")
		c.bucket(name)
	}
}

// url takes the host of what follows "://".
func (c *collector) url(rest string) {
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "#")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		authority = authority[at+1:]
	}
	c.network(authority)
	c.host(authority)
}

// network takes an address, with or without a port or a prefix length.
func (c *collector) network(t string) {
	if !maybeAddress(t) {
		return
	}
	if a, err := netip.ParseAddr(t); err == nil {
		c.add(ObservedIP, a.WithZone("").String())
		return
	}
	if p, err := netip.ParsePrefix(t); err == nil {
		c.add(ObservedIP, p.Addr().String())
		c.add(ObservedSubnet, p.String())
		return
	}
	head, _, _ := strings.Cut(t, ":")
	head, _, _ = strings.Cut(head, "/")
	c.address(strings.TrimRight(head, "."))
}

// maybeAddress is a cheap look that spares most tokens the parser.
func maybeAddress(t string) bool {
	dots, colons := 0, 0
	for i := range len(t) {
		switch b := t[i]; {
		case b == '.':
			dots++
		case b == ':':
			colons++
		case b != '/' && !isHex(b):
			return false
		}
	}
	return dots >= 3 || colons >= 2
}

func (c *collector) email(t string, at int) {
	t = strings.TrimRight(t, ".")
	user, domain := t[:at], t[min(at+1, len(t)):]
	if strings.ContainsAny(user, "/#%") || strings.Contains(domain, "@") || !isHost(domain) {
		return
	}
	c.add(ObservedEmail, t)
}

// Prefixes of IAM's unique ids
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids).
var (
	credentialPrefixes = []string{"AKIA", "ASIA"}
	principalPrefixes  = []string{"AROA", "AIDA"}
)

// ec2Prefixes are followed by 8 or 17 hexadecimal digits.
var ec2Prefixes = map[string]bool{
	"i": true, "eni": true, "vpc": true, "subnet": true, "sg": true, "ami": true, "vol": true, "snap": true,
	"vpce": true, "rtb": true, "acl": true, "igw": true, "nat": true, "tgw": true, "eipalloc": true,
}

func (c *collector) id(t string) {
	if len(t) >= 16 && len(t) <= 128 && t[0] == 'A' {
		c.unique(t)
	}
	kind, hex, ok := strings.Cut(t, "-")
	if ok && (len(hex) == 8 || len(hex) == 17) && ec2Prefixes[kind] && onlyHex(hex) {
		c.add(ObservedResource, t)
	}
}

func (c *collector) unique(t string) {
	for i := range len(t) {
		if (t[i] < 'A' || t[i] > 'Z') && (t[i] < '0' || t[i] > '9') {
			return
		}
	}
	for _, p := range credentialPrefixes {
		if strings.HasPrefix(t, p) {
			c.add(ObservedCredential, t)
		}
	}
	for _, p := range principalPrefixes {
		if strings.HasPrefix(t, p) {
			c.add(ObservedUserID, t)
		}
	}
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func onlyHex(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return s != ""
}

func onlyDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func isSHA256(s string) bool { return len(s) == 64 && onlyHex(s) }

// isBucket follows the naming rules of general purpose buckets, loosely.
func isBucket(s string) bool {
	if len(s) < 3 || len(s) > 63 {
		return false
	}
	for i := range len(s) {
		b := s[i]
		if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' && b != '.' && b != '_' && (b < 'A' || b > 'Z') {
			return false
		}
	}
	return true
}

// isHost wants at least two labels of letters, digits, - and _; the last one
// has two characters or more and is not a number.
func isHost(s string) bool {
	if len(s) < 3 || len(s) > 253 || strings.IndexByte(s, '.') < 0 {
		return false
	}
	last := s
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			b := label[i] | 0x20
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && label[i] != '-' && label[i] != '_' && label[i] < 0x80 {
				return false
			}
		}
		last = label
	}
	return len(last) > 1 && !onlyDigits(last)
}
