package call

import (
	"net/url"
	"slices"
	"strings"
)

// maxNeeds bounds the resources of one type that a call names; with more, the
// request stands for all of them.
const maxNeeds = 25

func (m *Mapper) needs(c *Call, r *Record, t *target) {
	ps := readParameters(r.Parameters)
	at := place{partition: "aws", region: r.Region, account: firstText(r.Recipient, c.Account)}
	if p, ok := strings.CutPrefix(c.Principal, "arn:"); ok {
		at.partition, _, _ = strings.Cut(p, ":")
	}
	passes := false
	for i := range t.goals {
		g := &t.goals[i]
		passes = passes || g.passes
		for _, arn := range g.resources(c, r, ps, at) {
			n := Need{Action: g.action, Resource: arn}
			for _, x := range r.Resources {
				if x.ARN == arn {
					n.ResourceAccount = x.Account
				}
			}
			c.Needs = append(c.Needs, n)
		}
	}
	if passes {
		m.passRole(c, r, ps, at)
	}
}

// passRole infers the roles that a call passes to a service.
func (m *Mapper) passRole(c *Call, r *Record, ps []parameter, at place) {
	prefix := m.Prefix(r.Source)
	service := firstText(m.rules.passed[prefix+":"+undated(r.Name)], m.rules.passed[prefix], prefix+".amazonaws.com")
	if service == "?" {
		service = ""
	}
	add := func(role string) {
		n := Need{Action: "iam:PassRole", Resource: role, Inferred: true, Service: service}
		if !slices.Contains(c.Needs, n) && len(c.Needs) < 4*maxNeeds {
			c.Needs = append(c.Needs, n)
		}
	}
	for _, p := range ps {
		switch {
		case isRole(p.value):
			add(p.value)
		case strings.HasPrefix(p.value, "arn:") && strings.Contains(p.value, ":instance-profile/"):
			add("arn:" + at.partition + ":iam::" + at.account + ":role/*")
		}
	}
	if strings.Contains(r.Parameters, `"iamInstanceProfile":{"name"`) {
		add("arn:" + at.partition + ":iam::" + at.account + ":role/*")
	}
}

// resources gives the ARNs that a call acts on.
func (g *goal) resources(c *Call, r *Record, ps []parameter, at place) []string {
	if len(g.shapes) == 0 {
		return []string{"*"}
	}
	if g.from != "" {
		if arn := g.source(ps, at); arn != "" {
			return []string{arn}
		}
	}
	var out, partly []string
	for i := range g.shapes {
		s := &g.shapes[i]
		found := s.named(r, ps)
		if found == nil {
			arn, filled, left := s.filled(c, ps, at)
			switch {
			case left == 0 && filled > 0:
				found = s.each(ps, at, arn)
			case s.required:
				found = []string{arn}
			case filled > 0:
				partly = append(partly, arn)
			}
		}
		for _, f := range found {
			if !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(partly) > 0:
		return partly[:1]
	}
	return []string{"*"}
}

// named gives the ARNs of the type that the record itself holds.
func (s *shape) named(r *Record, ps []parameter) (out []string) {
	add := func(arn string) {
		if strings.HasPrefix(arn, "arn:") && s.matches(arn) && !slices.Contains(out, arn) && len(out) < maxNeeds {
			out = append(out, arn)
		}
	}
	for _, x := range r.Resources {
		add(x.ARN)
	}
	for _, p := range ps {
		if strings.HasPrefix(p.value, "arn:") && !isOther(p.value, p.name) {
			add(p.value)
		}
	}
	return out
}

// isOther says that an ARN among the parameters is of something that the call
// names but does not act on: a role that it passes.
func isOther(arn, name string) bool {
	return isRole(arn) && name != "rolearn" && name != "role" && name != "resourcearn"
}

func (s *shape) filled(c *Call, ps []parameter, at place) (arn string, filled, left int) {
	return s.fill(at, func(h *hole) string {
		v := find(ps, h.names)
		if v == "" && (s.required || s.only) {
			v = find(ps, h.loose)
		}
		if v == "" && h.name == "usernamewithpath" && s.only {
			_, v, _ = strings.Cut(c.Principal, ":user/") // calls on oneself
		}
		if strings.HasPrefix(v, "arn:") {
			return ""
		}
		if h.slash {
			v = strings.TrimPrefix(v, "/")
		}
		return v
	})
}

// each gives one ARN for every value of a type with one hole of its own, as in
// a list of instances.
func (s *shape) each(ps []parameter, at place, first string) []string {
	if len(s.own) != 1 {
		return []string{first}
	}
	for _, name := range s.holes[s.own[0]].names {
		n := count(ps, name)
		if n == 0 {
			continue
		}
		if n == 1 {
			return []string{first}
		}
		if n > maxNeeds {
			arn, _, _ := s.fill(at, func(*hole) string { return "" })
			return []string{arn}
		}
		var out []string
		for _, p := range ps {
			if p.name != name {
				continue
			}
			if arn, _, left := s.fill(at, func(h *hole) string {
				if h.slash {
					return strings.TrimPrefix(p.value, "/")
				}
				return p.value
			}); left == 0 && !slices.Contains(out, arn) {
				out = append(out, arn)
			}
		}
		if out != nil {
			return out
		}
	}
	return []string{first}
}

// source gives the object that a copy reads: bucket/key, perhaps with a version.
func (g *goal) source(ps []parameter, at place) string {
	v := strings.TrimPrefix(find(ps, []string{g.from}), "/")
	v, _, _ = strings.Cut(v, "?")
	if decoded, err := url.PathUnescape(v); err == nil {
		v = decoded
	}
	switch {
	case strings.HasPrefix(v, "arn:"):
		return v
	case strings.Contains(v, "/"):
		return "arn:" + at.partition + ":s3:::" + v
	}
	return "arn:" + at.partition + ":s3:::*/*"
}
