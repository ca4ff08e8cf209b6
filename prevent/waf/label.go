package waf

import (
	"slices"
	"strings"
)

// onLabel is LabelMatch. Where begins with awswaf: when the key is fully
// qualified; else it is the context of the rule, and the key is a part of what
// follows.
type onLabel struct {
	context   string // label prefix of the web ACL or group, with its colon
	key       string
	namespace bool
	full      bool
}

func newLabelMatch(context, key, scope string) *onLabel {
	s := &onLabel{context: context, key: key, namespace: scope == "NAMESPACE"}
	s.full = strings.HasPrefix(key, "awswaf:")
	if s.namespace && !strings.HasSuffix(key, ":") {
		s.key += ":"
	}
	return s
}

// takes says whether one label matches.
func (s *onLabel) takes(label string) bool {
	switch {
	case s.full && s.namespace:
		return strings.HasPrefix(label, s.key)
	case s.full:
		return label == s.key
	case !strings.HasPrefix(label, s.context):
		return false
	}
	rest := label[len(s.context):]
	if !s.namespace {
		return rest == s.key || len(rest) > len(s.key) && strings.HasSuffix(rest, s.key) && rest[len(rest)-len(s.key)-1] == ':'
	}
	name := strings.LastIndexByte(rest, ':') + 1
	spaces := rest[:name] // with the colon at its end
	for from := 0; ; {
		at := strings.Index(spaces[from:], s.key)
		if at < 0 {
			return false
		}
		if from += at; from == 0 || spaces[from-1] == ':' {
			return true
		}
		from++
	}
}

func (s *onLabel) ask(e *evaluation) truth {
	if slices.ContainsFunc(e.labels, s.takes) {
		return yes
	}
	for _, l := range e.perhaps {
		if s.takes(l.text) {
			e.because(l.why)
			return unknown
		}
	}
	for _, prefix := range e.anyOf {
		if s.full && (strings.HasPrefix(s.key, prefix) || s.namespace && strings.HasPrefix(prefix, s.key)) {
			e.because("needs the labels " + prefix + "…")
			return unknown
		}
	}
	return no
}

// possibleLabel is a label that the request has in some of the possible worlds.
type possibleLabel struct{ text, why string }

// maxLabels is AWS WAF's limit of labels on a request.
const maxLabels = 100

// label adds a label of which it is certain or not that the request has it.
func (e *evaluation) label(text string, certain truth) {
	if slices.Contains(e.labels, text) {
		return
	}
	if certain == yes && !e.stoppedPerhaps {
		if len(e.labels) < maxLabels {
			e.labels = append(e.labels, text)
		}
		return
	}
	if len(e.perhaps) < maxLabels {
		e.perhaps = append(e.perhaps, possibleLabel{text, "depends on whether the request has the label " + text})
	}
}
