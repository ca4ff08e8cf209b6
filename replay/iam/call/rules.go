package call

import (
	_ "embed" // the rules
	"fmt"
	"slices"
	"strings"
)

//go:embed operations.txt
var operations string

// rules are operations.txt, read.
type rules struct {
	alias  map[string]string
	op     map[string][]string
	field  map[string][]string
	slash  map[string]bool
	tail   map[string]string
	passed map[string]string
	vague  map[string]string
}

func readRules(text string) (*rules, error) {
	r := &rules{
		alias: map[string]string{}, op: map[string][]string{}, field: map[string][]string{},
		slash: map[string]bool{}, tail: map[string]string{}, passed: map[string]string{}, vague: map[string]string{},
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || words[0] == "#" {
			continue
		}
		if len(words) < 2 || words[0] != "slash" && len(words) < 3 {
			return nil, fmt.Errorf("operations.txt:%d: too few words", number)
		}
		switch words[0] {
		case "alias":
			r.alias[words[1]] = words[2]
		case "op":
			if r.op[words[1]] != nil {
				return nil, fmt.Errorf("operations.txt:%d: %s stands twice", number, words[1])
			}
			r.op[words[1]] = words[2:]
		case "field":
			r.field[words[1]] = words[2:]
		case "slash":
			for _, w := range words[1:] {
				r.slash[w] = true
			}
		case "tail":
			r.tail[words[1]] = words[2]
		case "vague":
			r.vague[words[1]] = words[2]
		case "passed":
			r.passed[words[1]] = words[2]
		default:
			return nil, fmt.Errorf("operations.txt:%d: unknown rule %q", number, words[0])
		}
	}
	return r, nil
}

// parameters gives the names of the request parameters that may hold the value
// of a placeholder, in lower case and without marks, best first. Loose ones are
// good only where nothing else could be meant.
func (r *rules) parameters(placeholder, resource string) (names, loose []string) {
	p := plain(placeholder)
	if own := r.field[p]; own != nil {
		names = append(names, own...)
	}
	names = append(names, p)
	for _, end := range []string{"identifier", "name", "id", "arn"} {
		if stem, ok := strings.CutSuffix(p, end); ok && stem != "" {
			names = append(names, stem+"identifier", stem+"name", stem+"id", stem+"arn", stem)
			loose = append(loose, end)
			break
		}
	}
	t := plain(resource)
	names = append(names, t+"name", t+"id", t+"arn", t+"identifier")
	slices.Sort(loose)
	return names, loose
}

// plain is a name in lower case with letters and digits only.
func plain(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			b.WriteByte(c)
		}
	}
	return b.String()
}

// undated takes the date of an API's version off an operation:
// CreateFunction20150331v2, CreateDistribution2020_05_31.
func undated(name string) string {
	if i := strings.LastIndexByte(name, 'v'); i > 0 && i == len(name)-2 && isDigits(name[i+1:]) {
		name = name[:i]
	}
	end := len(name)
	for end > 0 && (name[end-1] >= '0' && name[end-1] <= '9' || name[end-1] == '_') {
		end--
	}
	if tail := strings.ReplaceAll(name[end:], "_", ""); len(tail) == 8 && strings.HasPrefix(tail, "20") {
		return name[:end]
	}
	return name
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
