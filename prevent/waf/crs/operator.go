package crs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// operator decides whether a value matches. It may set captures of t.
type operator interface {
	matches(t *transaction, value string) bool
}

// compare is an operator that compares the value with text that macros fill in.
type compare struct {
	with *macro
	f    func(value, with string) bool
}

func (o *compare) matches(t *transaction, value string) bool {
	return o.f(value, o.with.expand(t))
}

// comparisons are by name in lower case.
var comparisons = map[string]func(value, with string) bool{
	"eq":         func(v, w string) bool { return integer(v) == integer(w) },
	"ge":         func(v, w string) bool { return integer(v) >= integer(w) },
	"gt":         func(v, w string) bool { return integer(v) > integer(w) },
	"le":         func(v, w string) bool { return integer(v) <= integer(w) },
	"lt":         func(v, w string) bool { return integer(v) < integer(w) },
	"contains":   strings.Contains,
	"strmatch":   strings.Contains,
	"beginswith": strings.HasPrefix,
	"endswith":   strings.HasSuffix,
	"streq":      func(v, w string) bool { return v == w },
	"within":     func(v, w string) bool { return strings.Contains(w, v) },
}

// integer reads a number; what is none counts as zero.
func integer(s string) int {
	if len(s) == 1 && s[0] >= '0' && s[0] <= '9' {
		return int(s[0] - '0')
	}
	if s == "" {
		return 0
	}
	n, _ := strconv.Atoi(s) // on overflow the greatest number, as wanted
	return n
}

// predicate is an operator without an argument that changes.
type predicate func(value string) bool

func (o predicate) matches(_ *transaction, value string) bool { return o(value) }

var predicates = map[string]predicate{
	"unconditionalmatch":   func(string) bool { return true },
	"nomatch":              func(string) bool { return false },
	"validateutf8encoding": func(v string) bool { return !utf8.ValidString(v) },
	"validateurlencoding":  badURLEncoding,
}

func badURLEncoding(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] != '%' {
			continue
		}
		if i+2 >= len(v) || !isHex(v[i+1]) || !isHex(v[i+2]) {
			return true
		}
		i += 2
	}
	return false
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f' }

// setOperator compiles "@name argument", "!@name argument" or a bare expression.
func (c *compiler) setOperator(r *rule, text string) error {
	text, r.negated = strings.CutPrefix(text, "!")
	name := "rx"
	if strings.HasPrefix(text, "@") {
		name, text, _ = strings.Cut(text[1:], " ")
	}
	r.opName, r.opArg = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(text)
	var err error
	if f, ok := comparisons[r.opName]; ok {
		var with *macro
		if with, err = c.macro(r.opArg); err != nil {
			return err
		}
		if len(with.parts) == 0 {
			return fmt.Errorf("@%s needs an argument", name)
		}
		r.op = &compare{with, f}
		return nil
	}
	if f, ok := predicates[r.opName]; ok {
		r.op = f
		return nil
	}
	switch r.opName {
	case "rx":
		r.op, err = c.library.rx(r.opArg)
	case "pm":
		r.op = c.library.phrases(strings.Split(strings.ToLower(r.opArg), " "))
	case "pmfromfile", "pmf":
		r.op, err = c.phraseFile(r.opArg)
	case "detectsqli":
		r.op = sqli{&c.library.noSQL}
	case "detectxss":
		r.op = markup{&c.library.noMarkup}
	case "validatebyterange":
		r.op, err = byteRange(r.opArg)
	case "ipmatch":
		r.op, err = ipMatch(strings.Split(r.opArg, ","))
	case "ipmatchfromfile", "ipmatchf":
		var lines []string
		if lines, err = c.lines(r.opArg); err == nil {
			r.op, err = ipMatch(lines)
		}
	default:
		err = fmt.Errorf("operator @%s is not supported", name)
	}
	return err
}

// lines reads a data file beside the rules, without comments and empty lines.
func (c *compiler) lines(name string) ([]string, error) {
	data, err := fs.ReadFile(c.fsys, path.Join(c.dir, name))
	if err != nil {
		return nil, fmt.Errorf("data file: %w", err)
	}
	var out []string
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		if line := strings.TrimSpace(sc.Text()); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out, nil
}

func (c *compiler) phraseFile(name string) (operator, error) {
	list, err := c.lines(name)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	return c.library.phrases(list), nil
}

// byteRange matches a value with a byte outside of the list.
func byteRange(text string) (operator, error) {
	var valid [256]bool
	if text == "" {
		return predicates["unconditionalmatch"], nil
	}
	for _, item := range strings.Split(text, ",") {
		first, last, ok := strings.Cut(strings.TrimSpace(item), "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.ParseUint(first, 10, 8)
		to, err2 := strconv.ParseUint(last, 10, 8)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("byte range %q: want numbers up to 255", item)
		}
		for b := from; b <= to; b++ {
			valid[b] = true
		}
	}
	return predicate(func(v string) bool {
		for i := range len(v) {
			if !valid[v[i]] {
				return true
			}
		}
		return false
	}), nil
}

func ipMatch(list []string) (operator, error) {
	var nets []netip.Prefix
	for _, item := range list {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		p, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a prefix", item)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		nets = append(nets, p.Masked())
	}
	if len(nets) == 0 {
		return nil, errors.New("no address to compare with")
	}
	return predicate(func(v string) bool {
		addr, err := netip.ParseAddr(v)
		if err != nil {
			return false
		}
		addr = addr.Unmap().WithZone("")
		for _, p := range nets {
			if p.Contains(addr) {
				return true
			}
		}
		return false
	}), nil
}
