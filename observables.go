package yagura

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// Observable is a thing that a record mentions and that can be looked for in
// other records.
type Observable struct {
	Type  string // one of the Observed constants
	Value string
}

// Types of observables: captions of OCSF's observable types
// (https://schema.ocsf.io/1.6.0/objects/observable) where there is one.
const (
	ObservedIP         = "IP Address"         // canonical text
	ObservedSubnet     = "Subnet"             // CIDR
	ObservedHost       = "Hostname"           // lower case, no trailing dot
	ObservedEmail      = "Email Address"      // as written
	ObservedUser       = "User Name"          // as written
	ObservedUserID     = "User UID"           // principal id: AROA…, AIDA…
	ObservedCredential = "User Credential ID" // access key id: AKIA…, ASIA…
	ObservedAccount    = "Account UID"        // 12 digits
	ObservedAgent      = "HTTP User-Agent"
	ObservedHash       = "Hash"         // SHA-256, lower case
	ObservedResource   = "Resource UID" // ARN, or an EC2 id such as i-…, sg-…
	ObservedBucket     = "Bucket Name"  // of S3; OCSF has no type for it
)

// Bounds of what one record may give.
const (
	maxObservables = 1000
	maxLeaf        = 64 << 10 // bytes read of one text
	maxEmbedded    = 3        // levels of JSON inside JSON text
)

// Observables lists what the event mentions, by type and value, each once and
// at most 1,000. It is computed from the columns and, when raw is
// [ocsf.RawJSON], from every text in the record; from the whole line else.
// Names are taken only from fields that hold names: a host from a host field or
// a URL, an account from an account field or an ARN. Values are hostile text.
func Observables(ev *ocsf.Event, raw ocsf.RawKind) []Observable {
	c := collector{seen: map[Observable]struct{}{}}
	c.columns(ev)
	if raw == ocsf.RawJSON {
		c.json("", ev.Raw, 0)
	} else {
		c.text("", ev.Raw, maxEmbedded)
	}
	out := make([]Observable, 0, len(c.seen))
	for o := range c.seen {
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b Observable) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return out
}

type collector struct {
	seen   map[Observable]struct{}
	folded []byte
}

func (c *collector) add(kind, value string) {
	if value != "" && len(c.seen) < maxObservables {
		c.seen[Observable{kind, value}] = struct{}{}
	}
}

func (c *collector) columns(ev *ocsf.Event) {
	for _, ip := range []string{ev.Src.IP, ev.Dst.IP, ev.Src.Packet, ev.Dst.Packet} {
		c.address(ip)
	}
	for _, id := range []string{ev.Account, ev.User.Account} {
		c.account(id)
	}
	for _, name := range []string{ev.HTTP.Host, ev.DNS.Name} {
		c.host(name)
	}
	for _, name := range []string{ev.Src.Name, ev.Dst.Name} {
		if !isService(name) {
			c.host(name)
		}
	}
	c.user(ev.User.Name)
	c.user(ev.Session.IssuerName)
	c.agent(ev.HTTP.Agent)
	c.text("", ev.User.UIDAlt, maxEmbedded)
	c.text("", ev.User.Credential, maxEmbedded)
	c.text("", ev.HTTP.Forwarded, maxEmbedded)
	for _, id := range []string{
		ev.User.UID, ev.Session.Issuer, ev.Resource, ev.VPCE,
		ev.Src.Instance, ev.Src.Interface, ev.Src.VPC, ev.Src.Subnet,
		ev.Dst.Instance, ev.Dst.Interface, ev.Dst.VPC, ev.Dst.Subnet,
		ev.Device.Instance, ev.Device.Interface, ev.Device.VPC, ev.Device.Subnet,
	} {
		c.text("", id, maxEmbedded)
	}
	for _, v := range ev.ResourceNames {
		c.text("", v, maxEmbedded)
	}
	for _, v := range ev.DNS.Answers {
		c.host(v)
		c.text("", v, maxEmbedded)
	}
}

// json walks the texts of a record. What is not JSON is read as a line.
func (c *collector) json(key, record string, depth int) {
	var s jsonscan.Scanner
	s.Reset([]byte(record))
	c.value(&s, key, depth)
	if s.End() != nil {
		c.text(key, record, maxEmbedded)
	}
}

func (c *collector) value(s *jsonscan.Scanner, key string, depth int) {
	if len(c.seen) >= maxObservables {
		return
	}
	switch s.Kind() {
	case '{':
		c.object(s, depth)
	case '[':
		s.Array()
		for s.Next() {
			c.value(s, key, depth)
		}
	case '"':
		v, _ := s.Str()
		c.text(key, v, depth)
	case '0':
		if accountKey(c.fold(key)) {
			c.account(s.Raw())
		}
	}
}

// object also reads a header written as {"name": "User-Agent", "value": "…"}
// under the header's own name.
func (c *collector) object(s *jsonscan.Scanner, depth int) {
	s.Object()
	name := ""
	for s.Next() {
		key := s.Key()
		if key == "name" && s.Kind() == '"' {
			name, _ = s.Str()
			c.text(key, name, depth)
			continue
		}
		if key == "value" && name != "" {
			key = name
		}
		c.value(s, key, depth)
	}
}

// text takes what a field's name says of its value, then what the value itself
// shows.
func (c *collector) text(key, v string, depth int) {
	if v == "" {
		return
	}
	v = v[:min(len(v), maxLeaf)]
	if depth < maxEmbedded && (v[0] == '{' || v[0] == '[') && jsonscan.Valid([]byte(v)) {
		c.json(key, v, depth+1)
		return
	}
	k := c.fold(key)
	switch {
	case string(k) == "useragent":
		c.agent(v)
		return // Versions in it look like addresses.
	case accountKey(k):
		c.account(v)
	case userKeys[string(k)]:
		c.user(v)
	case hostKeys[string(k)]:
		c.host(v)
	case bucketKeys[string(k)]:
		c.bucket(v)
	}
	if isSHA256(v) && !idKeys[string(k)] {
		c.add(ObservedHash, strings.ToLower(v))
	}
	version := bytes.Contains(k, []byte("version"))
	for token := range strings.FieldsFuncSeq(v, delimiter) {
		c.token(token, version)
	}
}

// fold strips a field's name of case and of - and _ and space. The result is
// valid until the next call.
func (c *collector) fold(key string) []byte {
	c.folded = c.folded[:0]
	for i := range min(len(key), 64) {
		switch b := key[i]; {
		case b == '-' || b == '_' || b == ' ':
		case 'A' <= b && b <= 'Z':
			c.folded = append(c.folded, b|0x20)
		default:
			c.folded = append(c.folded, b)
		}
	}
	return c.folded
}

func set(keys ...string) map[string]bool {
	m := map[string]bool{}
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// Folded names of fields.
var (
	userKeys = set("username", "user", "principalname", "loginname", "dbuser", "dbusername", "masterusername", "actorusername")
	hostKeys = set("host", "hostname", "domain", "domainname", "domainwithsuffix", "fqdn", "dnsname", "queryname", "servername",
		"publicdnsname", "privatednsname", "endpointaddress", "clientprovidedhostheader", "xforwardedhost", "cname")
	bucketKeys = set("bucket", "bucketname", "s3bucket", "s3bucketname", "logbucketname", "deliverys3bucket")
	// idKeys hold 64 hexadecimal digits that are no hash of a content.
	idKeys = set("id", "uid", "ownerid", "canonicaluser", "canonicaluserid", "canonicalid", "xamzid2", "findingid", "metadatauid")
)

func accountKey(k []byte) bool {
	switch string(k) {
	case "owner", "ownerid", "aws":
		return true
	}
	return bytes.Contains(k, []byte("account"))
}

// isService says whether a caller's name is an AWS service: ec2.amazonaws.com.
func isService(name string) bool {
	return strings.HasSuffix(name, ".amazonaws.com") && strings.Count(name, ".") == 2
}

func (c *collector) account(v string) {
	if len(v) == 12 && onlyDigits(v) {
		c.add(ObservedAccount, v)
	}
}

func (c *collector) user(v string) {
	if len(v) <= 256 && v != "-" && !strings.HasPrefix(v, "HIDDEN_DUE_TO") && !strings.HasPrefix(v, "***") {
		c.add(ObservedUser, v)
	}
}

func (c *collector) agent(v string) {
	if v != "-" {
		c.add(ObservedAgent, v[:min(len(v), 1024)])
	}
}

func (c *collector) bucket(v string) {
	if isBucket(v) {
		c.add(ObservedBucket, v)
	}
}

func (c *collector) host(v string) {
	if at := strings.LastIndexByte(v, ':'); at > 0 && onlyDigits(v[at+1:]) {
		v = v[:at]
	}
	v = strings.TrimSuffix(v, ".")
	if _, err := netip.ParseAddr(v); err != nil && isHost(v) {
		c.add(ObservedHost, strings.ToLower(v))
	}
}

func (c *collector) address(v string) {
	if a, err := netip.ParseAddr(v); err == nil {
		c.add(ObservedIP, a.WithZone("").String())
	}
}
