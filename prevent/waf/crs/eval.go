package crs

import (
	"strconv"
	"strings"
	"unsafe"

	"github.com/yagura-sec/yagura/internal/transform"
)

// phaseRequestHeaders and phaseRequestBody are the phases that are evaluated.
const (
	phaseRequestHeaders = 1
	phaseRequestBody    = 2
)

// run evaluates the rules of a phase in order. may, when not nil, is the set of rules
// that can match; the others have no effect and are passed over.
func (t *transaction) run(phase int, may bitset) {
	list := t.e.phases[phase-1]
	t.phase = phase
	for i := 0; i < len(list); i++ {
		if t.skipTo != "" {
			if i = t.resume(list, i); i < 0 {
				break
			}
			t.skipTo, t.open = "", true
			continue // the marker itself does nothing
		}
		if t.open && may != nil {
			t.open, t.opened = false, true
			for w, dead := range t.e.filter.dead[phase-1] {
				may[w] |= dead
			}
		}
		if may != nil && t.skip == 0 {
			if i = may.next(i); i < 0 || i >= len(list) {
				break
			}
		}
		if t.result.Blocked {
			break
		}
		r := list[i]
		if r.id != 0 && t.isRemoved(r) {
			continue
		}
		if t.skip > 0 {
			t.skip--
			continue
		}
		if t.allow != "" {
			break
		}
		if len(t.lists[listMatched]) > 0 {
			t.lists[listMatched] = t.lists[listMatched][:0]
		}
		t.evaluate(r)
		t.capture = false
		if t.skipTo != "" && r.jump >= 0 {
			t.skipTo = ""
			i = r.jump // the marker
		}
	}
	if t.allow == "phase" || t.allow == "request" && phase == phaseRequestBody {
		t.allow = ""
	}
	t.skip = 0
}

// resume finds the marker to skip to, from i on.
func (t *transaction) resume(list []*rule, i int) int {
	for ; i < len(list); i++ {
		if list[i].marker == t.skipTo {
			return i
		}
	}
	return -1
}

func (t *transaction) isRemoved(r *rule) bool {
	return len(t.removed) > 0 && inRanges(t.removed, r.id)
}

// evaluate evaluates a rule with its chain.
func (t *transaction) evaluate(r *rule) {
	t.found, t.message, t.data = t.found[:0], "", ""
	if r.marker != "" {
		t.singles[varMatchedVar], t.singles[varMatchedVarName] = "", varNone.name()
		return
	}
	level := 0
	for link := r; link != nil; link = link.next {
		if !t.link(link, level) {
			return
		}
		level++
	}
	t.current = r
	if r.next != nil || r.op == nil {
		t.describe(r)
	}
	if r.skipAfter != "" {
		t.skipTo = r.skipAfter
	}
	if r.skip > 0 {
		t.skip = r.skip
		t.open = true // it may lead around a check of the level
	}
	if r.severity >= 0 && r.severity < t.severity {
		t.severity = r.severity
		t.singles[varHighestSeverity] = t.itoa(r.severity)
	}
	t.decide(r)
	t.record(r)
}

// describe expands the message and the data of a match.
func (t *transaction) describe(r *rule) {
	if !r.log {
		return
	}
	if r.msg != nil {
		t.message = r.msg.expand(t)
	}
	if r.logdata != nil {
		t.data = r.logdata.expand(t)
	}
}

// decide applies the decision of a rule that matched.
func (t *transaction) decide(r *rule) {
	switch r.decision {
	case "deny", "drop", "redirect":
		if t.engineOff || t.result.Rule != 0 {
			return
		}
		t.result.Rule, t.result.Status = r.id, r.status
		if r.status == 0 {
			t.result.Status = 403
		}
		t.result.Blocked = t.e.blocking && !t.detectOnly
	case "allow":
		if !t.e.blocking || t.detectOnly || t.engineOff {
			return
		}
		if t.allow = r.allow; t.allow == "" {
			t.allow = "all"
		}
	}
}

// link evaluates one rule of a chain: every value of every target. What a match does,
// it does at once, even when the rest of the chain then does not match.
func (t *transaction) link(r *rule, level int) bool {
	t.capture, t.current = r.capture, r
	if r.op == nil {
		t.matched(r, item{}, "", level)
		return true
	}
	any := false
	var more []*control
	for _, k := range t.takes {
		if k.takes(r.head) {
			more = append(more, k)
		}
	}
	for i := range r.targets {
		t.items = t.gather(&r.targets[i], more, t.items[:0])
		for k := range t.items {
			if r.multi {
				any = t.canMatch(r, &t.items[k]) && t.multi(r, &t.items[k], level) || any
				continue
			}
			value, number, skip := t.transformed(r, &t.items[k])
			if skip {
				continue
			}
			if r.op.matches(t, value) == r.negated {
				t.refuse(r, number)
				continue
			}
			t.matched(r, t.items[k], value, level)
			any = true
		}
	}
	return any
}

// multi evaluates the value as it is and after each transformation that changes it.
func (t *transaction) multi(r *rule, it *item, level int) (any bool) {
	value := it.value
	try := func() {
		if r.op.matches(t, value) != r.negated {
			t.matched(r, *it, value, level)
			any = true
		}
	}
	try()
	for _, s := range r.chain {
		if out, changed := t.step(s.f, value); changed {
			value = out
			try()
		}
	}
	return any
}

// step applies a transformation; what it makes lives in the arena.
func (t *transaction) step(f transform.Func, value string) (string, bool) {
	buf := t.alloc(len(value) + 8)
	end := len(t.arena)
	out, changed := f(buf, unsafe.Slice(unsafe.StringData(value), len(value)))
	if len(out) > 0 && unsafe.SliceData(out) == unsafe.SliceData(buf) {
		t.arena = t.arena[:end-cap(buf)+len(out)]
	} else {
		t.arena = t.arena[:end-cap(buf)]
	}
	return view(out), changed
}

// matched takes note of a match and does what the rule wants on each.
func (t *transaction) matched(r *rule, it item, value string, level int) {
	name := it.v.name()
	if it.key != "" {
		buf := t.alloc(len(name) + 1 + len(it.key))
		name = view(append(append(append(buf, name...), ':'), it.key...))
	}
	t.lists[listMatched] = append(t.lists[listMatched], member{key: name, lower: t.lower(name), value: value})
	t.singles[varMatchedVar], t.singles[varMatchedVarName] = value, name
	for i := range r.effects {
		if s := r.effects[i].set; s != nil {
			t.set(s)
			continue
		}
		t.control(r.effects[i].ctl)
	}
	if r.log || r.head != r.id {
		t.found = append(t.found, Target{Variable: it.v.name(), Key: it.key, Value: value, Level: level})
	}
	if r.op != nil && r.next == nil && r.id == r.head && t.message == "" && t.data == "" {
		t.describe(r)
	}
}

// set executes setvar.
func (t *transaction) set(s *setvar) {
	name, n := "", s.slot
	if n < 0 {
		name = t.lower(s.key.expand(t))
	}
	value := s.value.expand(t)
	if s.remove {
		t.removeTX(name, n)
		return
	}
	if value == "" || value[0] != '+' && value[0] != '-' {
		t.setTX(name, n, value)
		return
	}
	by := 0
	if len(value) > 1 {
		var err error
		if by, err = strconv.Atoi(value[1:]); err != nil {
			if !strings.HasPrefix(value[1:], "tx.") {
				t.setTX(name, n, value)
			}
			return
		}
	}
	old := ""
	if n >= 0 {
		old = t.slots[n].value
	} else {
		old, _ = t.getTX(name)
	}
	now := 0
	if old != "" {
		var err error
		if now, err = strconv.Atoi(old); err != nil {
			return
		}
	}
	if value[0] == '-' {
		by = -by
	}
	t.setTX(name, n, t.itoa(now+by))
}

// itoa writes a number into the arena.
func (t *transaction) itoa(n int) string {
	if n >= 0 && n < 100 {
		return strconv.Itoa(n) // from a table
	}
	return view(strconv.AppendInt(t.alloc(20), int64(n), 10))
}

// ruleField gives a member of RULE.
func (t *transaction) ruleField(key, missing string) string {
	r := t.current
	switch {
	case r == nil:
	case key == "id":
		return t.itoa(r.head)
	case key == "msg" && r.msg != nil:
		return r.msg.expand(t)
	case key == "logdata" && r.logdata != nil:
		return r.logdata.expand(t)
	case key == "severity" && r.severity >= 0:
		return strings.ToLower(severities[r.severity])
	}
	return missing
}

// control executes ctl.
func (t *transaction) control(k *control) {
	switch k.kind {
	case "ruleengine":
		t.engineOff, t.detectOnly = k.value == "off", k.value == "detectiononly"
	case "requestbodyprocessor":
		if t.phase <= phaseRequestHeaders {
			t.singles[varBodyProcessor] = k.value
		}
	case "forcerequestbodyvariable":
		t.forceBody = k.value == "on"
	case "requestbodyaccess":
		t.bodyOff = k.value == "off"
	case "requestbodylimit":
		t.bodyLimit, _ = strconv.Atoi(k.value)
	case "ruleremovebyid":
		t.removed = append(t.removed, k.ranges...)
		t.open = true // a check of the level may be among them
	case "ruleremovebytag", "ruleremovebymsg":
		for _, r := range k.named {
			t.removed = append(t.removed, [2]int{r.id, r.id})
			t.open = true
		}
	default:
		t.takes = append(t.takes, k)
		t.open = t.open || k.v == varTX // a check of the level may lose its target
	}
}
