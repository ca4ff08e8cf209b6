package call

import (
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// parameter is a text of requestParameters under its plain name.
type parameter struct{ name, value string }

// maxParameters bounds what is read of requestParameters.
const maxParameters = 500

// maxValue bounds a value that can be a part of a resource's name.
const maxValue = 2048

// readParameters lists the texts of requestParameters at any depth.
func readParameters(text string) []parameter {
	if text == "" || text[0] != '{' {
		return nil
	}
	var s jsonscan.Scanner
	s.ResetText(text)
	var out []parameter
	walk(&s, "", &out)
	return out
}

func walk(s *jsonscan.Scanner, name string, out *[]parameter) {
	switch {
	case len(*out) >= maxParameters:
		s.Skip()
	case s.Object():
		for s.Next() {
			walk(s, plain(s.Key()), out)
		}
	case s.Array():
		for s.Next() {
			walk(s, name, out)
		}
	default:
		if v, ok := s.Str(); ok {
			if v != "" && len(v) <= maxValue {
				*out = append(*out, parameter{name, v})
			}
			return
		}
		s.Skip()
	}
}

func find(ps []parameter, names []string) string {
	for _, n := range names {
		for i := range ps {
			if ps[i].name == n {
				return ps[i].value
			}
		}
	}
	return ""
}

func count(ps []parameter, name string) (n int) {
	for i := range ps {
		if ps[i].name == name {
			n++
		}
	}
	return n
}

// isRole says whether a text is the ARN of a role.
func isRole(v string) bool {
	return strings.HasPrefix(v, "arn:") && strings.Contains(v, ":iam::") && strings.Contains(v, ":role/")
}
