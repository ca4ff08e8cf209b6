package crs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// compiler turns SecLang into rules.
type compiler struct {
	library  *library
	fsys     fs.FS
	dir      string
	at       *directive
	includes int

	rules    []*rule // in order, chains as one
	defaults map[int][]rawAction
	pending  *rule // last rule of a chain that goes on
	response bool  // and that chain looks at responses

	slots map[string]int // TX by name
	names []string       // the inverse

	argumentLimit int
	jsonDepth     int
}

// slot gives the place of a variable of TX.
func (c *compiler) slot(name string) int {
	n, ok := c.slots[name]
	if !ok {
		n = len(c.names)
		c.slots[name] = n
		c.names = append(c.names, name)
	}
	return n
}

// without are directives that have no effect here: logs, responses, storage, and
// limits and modes, which Options set.
var without = map[string]bool{
	"secauditengine": true, "secauditlog": true, "secauditlogdir": true, "secauditlogdirmode": true, "secauditlogfilemode": true,
	"secauditlogformat": true, "secauditlogparts": true, "secauditlogrelevantstatus": true, "secauditlogstoragedir": true,
	"secauditlogtype": true, "secauditlog2": true, "seccollectiontimeout": true, "seccomponentsignature": true, "secdatadir": true,
	"secdebuglog": true, "secdebugloglevel": true, "secresponsebodyaccess": true, "secresponsebodylimit": true,
	"secresponsebodylimitaction": true, "secresponsebodymimetype": true, "secresponsebodymimetypesclear": true,
	"secresponsebodyjsondepthlimit": true, "secrequestbodyaccess": true, "secrequestbodylimit": true,
	"secrequestbodyinmemorylimit": true, "secrequestbodylimitaction": true, "secrequestbodynofileslimit": true,
	"secruleengine": true, "secserversignature": true, "secsensorid": true, "secstatusengine": true, "sectmpdir": true,
	"secunicodemapfile": true, "secuploaddir": true, "secuploadfilelimit": true, "secuploadfilemode": true,
	"secuploadkeepfiles": true, "secwebappid": true, "secargumentseparator": true, "seccookieformat": true,
	"secpcrematchlimit": true, "secpcrematchlimitrecursion": true, "secrxprefilter": true, "secinterceptonerror": true,
}

func (c *compiler) directive(d *directive) error {
	name := strings.ToLower(d.name)
	if c.pending != nil && name != "secrule" && name != "secaction" {
		return fmt.Errorf("rule %d at line %d says chain: a SecRule must follow", c.pending.head, c.pending.line)
	}
	fields := strings.Fields(d.rest)
	switch name {
	case "secrule":
		return c.secRule(d)
	case "secaction":
		if unquote(d.rest) == "" {
			return errors.New("no actions")
		}
		return c.add(d, nil, "", unquote(d.rest))
	case "secmarker":
		c.rules = append(c.rules, &rule{file: d.file, line: d.line, marker: unquote(d.rest), severity: -1, filter: -1})
		return nil
	case "secdefaultaction":
		return c.defaultAction(unquote(d.rest))
	case "secruleremovebyid":
		ranges, err := parseRanges(fields)
		c.remove(func(r *rule) bool { return inRanges(ranges, r.id) })
		return err
	case "secruleremovebytag":
		c.remove(func(r *rule) bool { return slices.Contains(r.tags, unquote(d.rest)) })
		return nil
	case "secruleremovebymsg":
		c.remove(func(r *rule) bool { return r.msg != nil && r.msg.text == unquote(d.rest) })
		return nil
	case "secruleupdatetargetbyid", "secruleupdatetargetbytag", "secruleupdatetargetbymsg":
		return c.updateTarget(name, d.rest)
	case "secruleupdateactionbyid":
		return c.updateAction(d.rest)
	case "secargumentslimit":
		return number(d.rest, &c.argumentLimit)
	case "secrequestbodyjsondepthlimit":
		return number(d.rest, &c.jsonDepth)
	}
	if without[name] {
		return nil
	}
	return errors.New("directive is not supported")
}

func number(text string, to *int) error {
	n, err := strconv.Atoi(unquote(text))
	if err != nil || n <= 0 {
		return fmt.Errorf("%q: want a positive number", text)
	}
	*to = n
	return nil
}

func (c *compiler) remove(named func(*rule) bool) {
	c.rules = slices.DeleteFunc(c.rules, func(r *rule) bool { return r.marker == "" && named(r) })
}

func (c *compiler) secRule(d *directive) error {
	i := strings.IndexAny(d.rest, " \t")
	if i < 0 {
		return errors.New("want variables, an operator and actions")
	}
	vars, rest := unquote(d.rest[:i]), strings.TrimSpace(d.rest[i:])
	op, rest, err := cutQuoted(rest)
	if err != nil {
		return err
	}
	return c.add(d, &vars, op, unquote(strings.TrimSpace(rest)))
}

// add compiles a rule. Rules of the response phases are kept by number only, so that
// directives about them work.
func (c *compiler) add(d *directive, vars *string, op, actions string) error {
	r := &rule{file: d.file, line: d.line, phase: 2, severity: -1, filter: -1, jump: -1}
	var list []rawAction
	if strings.TrimSpace(actions) != "" {
		var err error
		if list, err = splitActions(actions); err != nil {
			return err
		}
	}
	if err := r.metadata(list); err != nil {
		return err
	}
	if c.pending == nil {
		c.response = r.phase >= responsePhase
		if r.id == 0 {
			return errors.New("the rule has no id")
		}
		if i := slices.IndexFunc(c.rules, func(o *rule) bool { return o.id == r.id }); i >= 0 {
			return fmt.Errorf("id %d was given to a rule at %s:%d already", r.id, c.rules[i].file, c.rules[i].line)
		}
		r.head = r.id
	} else if slices.ContainsFunc(list, func(a rawAction) bool { return disruptive[a.name] }) {
		return fmt.Errorf("rule %d: only the first rule of a chain decides", c.pending.head)
	}
	if err := c.compile(r, vars, op, list); err != nil {
		if r.id != 0 {
			return fmt.Errorf("rule %d: %w", r.id, err)
		}
		return err
	}
	c.link(r)
	return nil
}

// compile fills the rule in, unless it is about responses.
func (c *compiler) compile(r *rule, vars *string, op string, list []rawAction) error {
	if c.response {
		for _, a := range list {
			r.chained = r.chained || a.name == "chain"
		}
		return nil
	}
	if len(list) > 0 {
		defaults := c.defaults[r.phase]
		if defaults == nil && r.phase == 2 {
			defaults = []rawAction{{"log", ""}, {"pass", ""}}
		}
		list = merge(list, defaults)
	}
	if err := c.apply(r, list); err != nil {
		return err
	}
	if vars == nil {
		return nil
	}
	var err error
	if r.targets, err = parseTargets(nil, *vars); err != nil {
		return err
	}
	return c.setOperator(r, op)
}

// link puts the rule at the end of the list or of the chain that waits for it.
func (c *compiler) link(r *rule) {
	if c.pending != nil {
		r.head = c.pending.head
		r.id = 0
		c.pending.next = r
	} else {
		c.rules = append(c.rules, r)
	}
	c.pending = nil
	if r.chained {
		c.pending = r
	}
}

func (c *compiler) defaultAction(text string) error {
	list, err := splitActions(text)
	if err != nil {
		return err
	}
	var phase rule
	if err := phase.metadata(list); err != nil {
		return err
	}
	if phase.phase == 0 {
		return errors.New("the default needs a phase")
	}
	if !slices.ContainsFunc(list, func(a rawAction) bool { return disruptive[a.name] }) {
		return errors.New("the default needs a disruptive action")
	}
	c.defaults[phase.phase] = list
	return nil
}

// updateTarget adds targets to rules, or takes some out. The rule's first link alone
// changes, as in Coraza.
func (c *compiler) updateTarget(name, rest string) error {
	i := strings.LastIndexAny(rest, " \t")
	if i < 0 {
		return errors.New("want rules and variables")
	}
	which, vars := strings.TrimSpace(rest[:i]), strings.Trim(rest[i+1:], `"`)
	var named func(r *rule) bool
	switch name {
	case "secruleupdatetargetbyid":
		ranges, err := parseRanges(strings.Fields(which))
		if err != nil {
			return err
		}
		for _, id := range ranges {
			if id[0] == id[1] && !slices.ContainsFunc(c.rules, func(r *rule) bool { return r.id == id[0] }) {
				return fmt.Errorf("no rule %d", id[0])
			}
		}
		named = func(r *rule) bool { return inRanges(ranges, r.id) }
	case "secruleupdatetargetbytag":
		named = func(r *rule) bool { return slices.Contains(r.tags, unquote(which)) }
	default:
		named = func(r *rule) bool { return r.msg != nil && r.msg.text == unquote(which) }
	}
	for _, r := range c.rules {
		if r.marker != "" || r.op == nil || !named(r) {
			continue
		}
		var err error
		if r.targets, err = parseTargets(r.targets, vars); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) updateAction(rest string) error {
	which, actions, ok := strings.Cut(rest, " ")
	if !ok {
		return errors.New("want rules and actions")
	}
	ranges, err := parseRanges([]string{which})
	if err != nil {
		return err
	}
	list, err := splitActions(unquote(strings.TrimSpace(actions)))
	if err != nil {
		return err
	}
	for _, r := range c.rules {
		if r.marker != "" || !inRanges(ranges, r.id) || r.phase >= responsePhase {
			continue
		}
		id, phase := r.id, r.phase
		if err := r.metadata(list); err != nil {
			return err
		}
		r.id, r.phase = id, phase
		if err := c.apply(r, list); err != nil {
			return err
		}
	}
	return nil
}
