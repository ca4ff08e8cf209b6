package crs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/internal/transform"
)

// rawAction is name:'value' of an action list.
type rawAction struct{ name, value string }

// disruptive are the actions that decide about the request; a rule has one.
var disruptive = map[string]bool{
	"allow": true, "block": true, "deny": true, "drop": true, "pass": true, "redirect": true,
}

// ignored are actions that say something about logs or data that the engine does not
// keep: none of them changes what matches.
var ignored = map[string]bool{
	"accuracy": true, "auditlog": true, "expirevar": true, "initcol": true, "maturity": true, "noauditlog": true,
	"rev": true, "sanitisearg": true, "sanitisematched": true, "sanitisematchedbytes": true, "sanitiserequestheader": true,
	"sanitiseresponseheader": true, "ver": true, "xmlns": true,
}

// splitActions cuts an action list at commas outside of single quotes. Of several
// disruptive actions the last one stays, in the place of the first.
func splitActions(list string) ([]rawAction, error) {
	var out []rawAction
	quoted, start, decides := false, 0, -1
	add := func(item string) error {
		name, value, _ := strings.Cut(item, ":")
		name = strings.ToLower(strings.TrimSpace(name))
		a := rawAction{name, unquote(strings.TrimSpace(value))}
		if name == "" {
			return fmt.Errorf("empty action in %q", clip(list))
		}
		if disruptive[name] && decides >= 0 {
			out[decides] = a
			return nil
		}
		if disruptive[name] {
			decides = len(out)
		}
		out = append(out, a)
		return nil
	}
	for i := range len(list) {
		if i > 0 && list[i-1] == '\\' {
			continue
		}
		switch {
		case list[i] == '\'' && i > 0:
			quoted = !quoted
		case list[i] == ',' && !quoted:
			if err := add(list[start:i]); err != nil {
				return nil, err
			}
			start = i + 1
		}
	}
	if err := add(list[start:]); err != nil {
		return nil, err
	}
	return out, nil
}

// merge puts the default actions of the rule's phase before its own. The default's
// disruptive action stands in where the rule has none, or says block.
func merge(own, defaults []rawAction) []rawAction {
	var out []rawAction
	var decision rawAction
	for _, a := range defaults {
		switch {
		case disruptive[a.name]:
			decision = a
		case a.name != "phase":
			out = append(out, a)
		}
	}
	decided := false
	for _, a := range own {
		if a.name == "block" {
			continue
		}
		decided = decided || disruptive[a.name]
		out = append(out, a)
	}
	if !decided && decision.name != "" {
		out = append(out, decision)
	}
	return out
}

var severities = []string{"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"}

func parseSeverity(value string) (int, error) {
	for n, name := range severities {
		if strings.EqualFold(value, name) || value == strconv.Itoa(n) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("severity %q: want a name as CRITICAL or 0 to 7", value)
}

func parsePhase(value string) (int, error) {
	switch strings.ToLower(value) {
	case "request":
		return 2, nil
	case "response":
		return 4, nil
	case "logging":
		return 5, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 5 {
		return 0, fmt.Errorf("phase %q: want 1 to 5", value)
	}
	return n, nil
}

// metadata applies the actions that must be known before all others.
func (r *rule) metadata(list []rawAction) (err error) {
	for _, a := range list {
		switch a.name {
		case "id":
			if r.id, err = strconv.Atoi(a.value); err != nil || r.id <= 0 {
				return fmt.Errorf("id %q: want a positive number", a.value)
			}
		case "phase":
			if r.phase, err = parsePhase(a.value); err != nil {
				return err
			}
		case "tag":
			r.tags = append(r.tags, unquote(a.value))
		case "severity":
			if r.severity, err = parseSeverity(a.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// apply applies the other actions in order.
func (c *compiler) apply(r *rule, list []rawAction) error {
	for _, a := range list {
		if err := c.applyOne(r, a); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}

var errNoValue = errors.New("needs a value")

func (c *compiler) applyOne(r *rule, a rawAction) (err error) {
	switch a.name {
	case "id", "phase", "tag", "severity":
	case "msg":
		r.msg, err = c.macro(unquote(a.value))
	case "logdata":
		r.logdata, err = c.macro(a.value)
	case "capture":
		r.capture = true
	case "multimatch":
		r.multi = true
	case "chain":
		r.chained = true
	case "log":
		r.log = true
	case "nolog":
		r.log = false
	case "t":
		return r.addTransformation(a.value)
	case "setvar":
		return c.addSetvar(r, a.value)
	case "ctl":
		return c.addCtl(r, a.value)
	case "skip":
		if r.skip, err = strconv.Atoi(a.value); err != nil || r.skip < 1 {
			return fmt.Errorf("%q is no positive number", a.value)
		}
	case "skipafter":
		if r.skipAfter = unquote(a.value); r.skipAfter == "" {
			return errNoValue
		}
	case "status":
		if r.status, err = strconv.Atoi(a.value); err != nil {
			return fmt.Errorf("%q is no number", a.value)
		}
	case "pass", "block", "deny", "drop", "redirect":
		r.decision, r.allow = a.name, ""
	case "allow":
		if a.value != "" && a.value != "phase" && a.value != "request" {
			return fmt.Errorf("%q: want nothing, phase or request", a.value)
		}
		r.decision, r.allow = a.name, a.value
	default:
		if !ignored[a.name] {
			return errors.New("action is not supported")
		}
	}
	return err
}

func (r *rule) addTransformation(name string) error {
	name = strings.ToLower(name)
	if name == "none" {
		r.chain = nil
		return nil
	}
	f, ok := transform.Named(name)
	if !ok {
		return fmt.Errorf("unknown transformation %q", name)
	}
	r.chain = append(r.chain[:len(r.chain):len(r.chain)], step{name, f})
	return nil
}

// setvar changes a variable of TX.
type setvar struct {
	remove bool
	key    *macro
	slot   int // of a constant key, else -1
	value  *macro
}

func (c *compiler) addSetvar(r *rule, text string) error {
	s := &setvar{slot: -1}
	text, s.remove = strings.CutPrefix(text, "!")
	name, value, _ := strings.Cut(text, "=")
	col, key, _ := strings.Cut(name, ".")
	if !strings.EqualFold(col, "TX") || strings.TrimSpace(key) == "" {
		return fmt.Errorf("%q: only tx.NAME can be set", text)
	}
	var err error
	if s.key, err = c.macro(key); err != nil {
		return err
	}
	if s.key.constant() {
		s.slot = c.slot(strings.ToLower(key))
	}
	if s.value, err = c.macro(value); err != nil {
		return err
	}
	r.effects = append(r.effects, effect{set: s})
	return nil
}
