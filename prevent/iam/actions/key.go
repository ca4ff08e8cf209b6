package actions

import (
	"slices"
	"strings"
)

// global lists the condition keys that every service may use, from
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
// and, below the first group, the keys of single services that the page says
// travel with a role session into calls to other services.
var global = []Key{
	{"aws:AssumedRoot", "String", false, true},
	{"aws:CalledVia", "String", true, true},
	{"aws:CalledViaAWSMCP", "String", false, true},
	{"aws:CalledViaFirst", "String", false, true},
	{"aws:CalledViaLast", "String", false, true},
	{"aws:ChatbotSourceArn", "ARN", false, true},
	{"aws:CurrentTime", "Date", false, true},
	{"aws:Ec2InstanceSourcePrivateIPv4", "IPAddress", false, true},
	{"aws:Ec2InstanceSourceVpc", "String", false, true},
	{"aws:EpochTime", "Date", false, true},
	{"aws:FederatedProvider", "String", false, true},
	{"aws:IsMcpServiceAction", "Bool", false, true},
	{"aws:MultiFactorAuthAge", "Numeric", false, true},
	{"aws:MultiFactorAuthPresent", "Bool", false, true},
	{"aws:PrincipalAccount", "String", false, true},
	{"aws:PrincipalArn", "ARN", false, true},
	{"aws:PrincipalIsAWSService", "Bool", false, true},
	{"aws:PrincipalOrgID", "String", false, true},
	{"aws:PrincipalOrgMasterAccountId", "String", false, true}, // Only in AWS's own managed policies.
	{"aws:PrincipalOrgPaths", "String", true, true},
	{"aws:PrincipalServiceName", "String", false, true},
	{"aws:PrincipalServiceNamesList", "String", true, true},
	{"aws:PrincipalTag/${TagKey}", "String", false, true},
	{"aws:PrincipalType", "String", false, true},
	{"aws:RequestTag/${TagKey}", "String", false, true},
	{"aws:RequestedRegion", "String", false, true},
	{"aws:ResourceAccount", "String", false, true},
	{"aws:ResourceOrgID", "String", false, true},
	{"aws:ResourceOrgPaths", "String", true, true},
	{"aws:ResourceTag/${TagKey}", "String", false, true},
	{"aws:SecureTransport", "Bool", false, true},
	{"aws:SignInSessionArn", "ARN", false, true},
	{"aws:SourceAccount", "String", false, true},
	{"aws:SourceArn", "ARN", false, true},
	{"aws:SourceIdentity", "String", false, true},
	{"aws:SourceIp", "IPAddress", false, true},
	{"aws:SourceOrgID", "String", false, true},
	{"aws:SourceOrgPaths", "String", true, true},
	{"aws:SourceVpc", "String", false, true},
	{"aws:SourceVpcArn", "ARN", false, true},
	{"aws:SourceVpce", "String", false, true},
	{"aws:TagKeys", "String", true, true},
	{"aws:TokenIssueTime", "Date", false, true},
	{"aws:UserAgent", "String", false, true},
	{"aws:ViaAWSMCPService", "Bool", false, true},
	{"aws:ViaAWSService", "Bool", false, true},
	{"aws:VpcSourceIp", "IPAddress", false, true},
	{"aws:VpceAccount", "String", false, true},
	{"aws:VpceOrgID", "String", false, true},
	{"aws:VpceOrgPaths", "String", true, true},
	{"aws:referer", "String", false, true},
	{"aws:userid", "String", false, true},
	{"aws:username", "String", false, true},

	{"codebuild:BuildArn", "ARN", false, true},
	{"codebuild:ProjectArn", "ARN", false, true},
	{"ec2:RoleDelivery", "Numeric", false, true},
	{"ec2:SourceInstanceArn", "ARN", false, true},
	{"glue:CredentialIssuingService", "String", false, true},
	{"glue:RoleAssumedBy", "String", false, true},
	{"identitystore:UserId", "String", false, true},
	{"lambda:SourceFunctionArn", "ARN", false, true},
	{"ssm:SourceInstanceArn", "ARN", false, true},
}

// addGlobalKeys indexes the keys. A key of the file that is also a global one
// takes the type from the list above.
func (t *Table) addGlobalKeys() {
	t.exact = make(map[string]int, len(t.keys)+len(global))
	seen := make(map[string]bool, len(t.patterns))
	own := len(t.keys)
	for i := range own + len(global) {
		// The global keys go first, so that their types win.
		at := (i + own) % (own + len(global))
		if at >= own {
			t.keys = append(t.keys, global[at-own])
		}
		name := strings.ToLower(t.keys[at].Name)
		switch pattern, ok := keyPattern(name); {
		case ok:
			if !seen[name] {
				t.patterns = append(t.patterns, keyGlob{pattern, at})
			}
			seen[name] = true
		default:
			if _, known := t.exact[name]; !known {
				t.exact[name] = at
			}
		}
	}
}

// keyGlob is a documented key that stands for many.
type keyGlob struct {
	glob string
	key  int
}

// keyPattern turns a documented key with a placeholder into a pattern: ${TagKey},
// <key>, a final "tag-key" or nothing behind the final slash, as the services
// document it, each stand for one or more characters.
func keyPattern(name string) (pattern string, ok bool) {
	var b strings.Builder
	rest := strings.TrimSuffix(name, "tag-key")
	for {
		start := strings.IndexAny(rest, "$<")
		if start < 0 {
			break
		}
		length := strings.IndexAny(rest[start:], "}>")
		if length < 0 {
			break
		}
		b.WriteString(rest[:start] + "?*")
		rest = rest[start+length+1:]
	}
	b.WriteString(rest)
	if strings.HasSuffix(rest, "/") {
		b.WriteString("?*")
	}
	return b.String(), b.String() != name
}

// Key finds a condition key, in any case. A key that ends in a tag key or the
// like is found by its pattern: aws:RequestTag/team gives the key
// aws:RequestTag/${TagKey}.
func (t *Table) Key(name string) (Key, bool) {
	if i, ok := t.exact[strings.ToLower(name)]; ok {
		return t.keys[i], true
	}
	for _, p := range t.patterns {
		if matchFold(p.glob, name) {
			return t.keys[p.key], true
		}
	}
	return Key{}, false
}

// Keys lists the condition keys that a service declares, by name. The global
// keys, which every service may use, are those of the empty prefix.
func (t *Table) Keys(prefix string) []Key {
	var list []Key
	if prefix == "" {
		return slices.Clone(global)
	}
	if i, ok := t.findService(prefix); ok {
		for _, k := range t.sets[t.services[i].keys] {
			list = append(list, t.keys[k])
		}
	}
	return list
}

func (t *Table) keyNames(set uint32) []string {
	names := make([]string, 0, len(t.sets[set]))
	for _, k := range t.sets[set] {
		names = append(names, t.keys[k].Name)
	}
	return names
}

func (t *Table) union(a, b uint32) []string {
	if a == b || len(t.sets[b]) == 0 {
		return t.keyNames(a)
	}
	both := slices.Concat(t.sets[a], t.sets[b])
	slices.Sort(both)
	both = slices.Compact(both)
	names := make([]string, 0, len(both))
	for _, k := range both {
		names = append(names, t.keys[k].Name)
	}
	return names
}
