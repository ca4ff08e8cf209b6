package threat

import (
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// resets are changes that may set a value back to what the same principal had
// given it first: which thing, and the value. An empty value is one that cannot
// be compared.
var resets = map[string]func(request string) (thing, value string){
	"UpdateAssumeRolePolicy": func(q string) (string, string) {
		return member(q, "roleName"), canonical(member(q, "policyDocument"))
	},
	"UpdateFunctionCode": func(q string) (string, string) {
		return short(member(q, "functionName")), codeOf(member(q, "s3Bucket"), member(q, "s3Key"))
	},
	"PutEventSelectors": func(q string) (string, string) {
		return short(member(q, "trailName")), selectors(q)
	},
}

// creations give the first value of such things.
var creations = map[string]struct {
	change string
	read   func(request string) (thing, value string)
}{
	"CreateRole": {"UpdateAssumeRolePolicy", func(q string) (string, string) {
		return member(q, "roleName"), canonical(member(q, "assumeRolePolicyDocument"))
	}},
	"CreateFunction": {"UpdateFunctionCode", func(q string) (string, string) {
		return short(member(q, "functionName")), codeOf(path1(q, "code.s3Bucket"), path1(q, "code.s3Key"))
	}},
	"CreateTrail": {"PutEventSelectors", func(q string) (string, string) { return member(q, "name"), allManagement }},
}

func codeOf(bucket, key string) string {
	if bucket == "" {
		return ""
	}
	return bucket + "/" + key
}

// allManagement is what a new trail records.
const allManagement = "all management events"

func selectors(q string) string {
	if !strings.Contains(q, `"dataResources"`) || strings.Contains(q, `"advancedEventSelectors"`) {
		return ""
	}
	if path1(q, "eventSelectors.readWriteType") == "All" && path1(q, "eventSelectors.includeManagementEvents") == "true" && path1(q, "eventSelectors.dataResources") == "" {
		return allManagement
	}
	return "other"
}

// initial remembers the value that a thing is created with.
func (r *reverts) initial(ev *ocsf.Event, who uint64) {
	verb, noun := split(ev.API.Operation)
	c, ok := creations[verb+noun]
	if !ok {
		return
	}
	if thing, value := c.read(ev.Request); thing != "" && value != "" {
		r.first.put(digest(digest(who, c.change), thing), digest(seed, value))
	}
}

// reset says whether a change sets back the first value, after another change.
func (r *reverts) reset(ev *ocsf.Event, who uint64, read func(string) (string, string)) bool {
	verb, noun := split(ev.API.Operation)
	thing, value := read(ev.Request)
	if thing == "" || ev.Status == ocsf.StatusFailure {
		return false
	}
	first, known := r.first.get(digest(digest(who, verb+noun), thing))
	names := []string{thing}
	if value != "" && known && first == digest(seed, value) && r.made1(who, verb, noun, names, ev) {
		return true
	}
	r.remember(who, verb, noun, names, ev)
	return false
}

// canonical writes a policy so that equal ones are equal texts.
func canonical(doc string) string {
	p, ok := readPolicy(doc)
	if !ok {
		return ""
	}
	lines := make([]string, 0, len(p))
	for i := range p {
		st := &p[i]
		var parts []string
		for _, who := range st.principals {
			parts = append(parts, "p:"+who.kind+"="+who.id)
		}
		for _, a := range st.actions {
			parts = append(parts, "a:"+strings.ToLower(a))
		}
		for _, res := range st.resources {
			parts = append(parts, "r:"+res)
		}
		for _, c := range st.conditions {
			values := slices.Sorted(slices.Values(c.values))
			parts = append(parts, "c:"+c.operator+"/"+c.key+"="+strings.Join(values, ","))
		}
		slices.Sort(parts)
		flags := ""
		for _, b := range []bool{st.allow, st.notPrincipal, st.notAction, st.notResource} {
			if b {
				flags += "1"
			} else {
				flags += "0"
			}
		}
		lines = append(lines, flags+" "+strings.Join(parts, " "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
