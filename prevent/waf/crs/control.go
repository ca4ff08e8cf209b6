package crs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// control is a ctl: action, which changes the evaluation of one request.
type control struct {
	kind    string
	value   string
	ranges  [][2]int  // of rule ids to remove, or to take the target from
	tag     string    // of such rules
	message string    // of such rules
	v       variable  // to take from them
	except  exception // what of it
	named   []*rule   // the rules, found when all are there
}

// ignoredControls change logs or responses only.
var ignoredControls = map[string]bool{
	"auditengine": true, "auditlogparts": true, "debugloglevel": true, "responsebodyprocessor": true,
	"responsebodyaccess": true, "responsebodylimit": true, "forceresponsebodyvariable": true,
	"hashengine": true, "hashenforcement": true,
}

func (c *compiler) addCtl(r *rule, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("%q: want NAME=VALUE", text)
	}
	k := &control{kind: strings.ToLower(name)}
	if ignoredControls[k.kind] {
		return nil
	}
	value, selection, _ := strings.Cut(value, ";")
	k.value = value
	var err error
	switch k.kind {
	case "ruleremovebyid", "ruleremovetargetbyid":
		k.ranges, err = parseRanges([]string{value})
	case "ruleremovebytag", "ruleremovetargetbytag":
		k.tag = value
	case "ruleremovebymsg", "ruleremovetargetbymsg":
		k.message = value
	case "forcerequestbodyvariable", "requestbodyaccess":
		if k.value = strings.ToLower(value); k.value != "on" && k.value != "off" {
			err = fmt.Errorf("%s=%q: want On or Off", name, value)
		}
	case "ruleengine":
		k.value = strings.ToLower(value)
		if !slices.Contains([]string{"on", "off", "detectiononly"}, k.value) {
			err = fmt.Errorf("ruleEngine=%q: want On, Off or DetectionOnly", value)
		}
	case "requestbodyprocessor":
		k.value = strings.ToUpper(value)
	case "requestbodylimit":
		_, err = strconv.Atoi(value)
	default:
		err = fmt.Errorf("ctl:%s is not supported", name)
	}
	if err != nil {
		return err
	}
	if strings.HasPrefix(k.kind, "ruleremovetarget") {
		if err := k.parseSelection(selection); err != nil {
			return err
		}
	}
	r.effects = append(r.effects, effect{ctl: k})
	return nil
}

// parseSelection reads VARIABLE:key of ctl:ruleRemoveTarget….
func (k *control) parseSelection(text string) (err error) {
	name, key, _ := strings.Cut(text, ":")
	if k.v, err = parseVariable(strings.TrimSpace(name)); err != nil && !errors.Is(err, errResponse) {
		return err
	}
	key = strings.TrimSpace(key)
	if len(key) >= 2 && key[0] == '/' && key[len(key)-1] == '/' {
		if key = key[1 : len(key)-1]; key == "" {
			return errors.New("empty regular expression as a key")
		}
		k.except.rx, err = regexp.Compile(key)
		return err
	}
	k.except.key = strings.ToLower(key)
	return nil
}

// takes says whether the control takes targets from the rule with this id.
func (k *control) takes(id int) bool {
	for _, r := range k.named {
		if r.id == id {
			return true
		}
	}
	return false
}

// names says whether the control names rule r.
func (k *control) names(r *rule) bool {
	switch {
	case k.tag != "":
		return slices.Contains(r.tags, k.tag)
	case k.message != "":
		return r.msg != nil && r.msg.text == k.message
	}
	return inRanges(k.ranges, r.id)
}

func inRanges(ranges [][2]int, id int) bool {
	for _, r := range ranges {
		if id >= r[0] && id <= r[1] {
			return true
		}
	}
	return false
}

// parseRanges reads ids and ranges FIRST-LAST.
func parseRanges(list []string) ([][2]int, error) {
	var out [][2]int
	for _, text := range list {
		first, last, ok := strings.Cut(strings.Trim(text, "\"',"), "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from > to {
			return nil, fmt.Errorf("%q is neither a rule id nor a range FIRST-LAST", text)
		}
		out = append(out, [2]int{from, to})
	}
	return out, nil
}
