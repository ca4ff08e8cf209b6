package query

import (
	"strings"
	"unicode/utf8"

	"github.com/yagura-sec/yagura/query/field"
)

// Suggestion is one way to go on: replace the bytes From to To of the text by Text.
type Suggestion struct {
	Text     string // what to insert, quoted and escaped as the language needs it
	From, To int    // byte offsets; equal where something is only inserted
	Kind     string // "field", "value" or "operator"
	Doc      string // one line about it; may be ""
}

const (
	maxSuggestions = 50
	maxValue       = 256 // a longer value is no use in a list
)

// Complete suggests how to go on at a byte offset of an unfinished query, best first and at most 50: names of fields, values after the
// colon, operators between terms. values returns known values of a field, by its listed name, that begin with a prefix; it may be nil.
func Complete(text string, cursor int, fields field.Table, values func(field, prefix string) []string) []Suggestion {
	cursor = max(0, min(cursor, len(text)))
	for cursor > 0 && cursor < len(text) && !utf8.RuneStart(text[cursor]) {
		cursor--
	}
	if len(text) > maxBytes {
		return nil
	}
	at, ok := locate(text[:cursor])
	if !ok {
		return nil
	}
	s := &suggester{at: at, to: wordEnd(text, cursor, at.quoted), fields: fields}
	if at.field != "" {
		s.values(values)
	} else {
		s.names(text)
	}
	return s.list
}

// place is what stands before the cursor.
type place struct {
	from    int    // where the fragment under the cursor begins
	prefix  string // the fragment, without the quotation mark
	field   string // "" if the fragment is a bare word or the beginning of a name
	group   bool   // inside the parentheses of field:(...)
	quoted  bool   // inside quotation marks
	operand bool   // a term stands before the fragment, so an operator may follow
}

// locate reads the text before the cursor with more patience than the parser; false where nothing can be suggested.
func locate(text string) (place, bool) {
	var stack []string // the field of each open parenthesis
	at := place{}
	p := &parser{text: text}
	for {
		p.space()
		at.from, at.prefix, at.field, at.group = p.pos, text[p.pos:], "", false
		if len(stack) > 0 {
			at.field = stack[len(stack)-1]
			at.group = at.field != ""
		}
		switch {
		case p.end():
			return at, true
		case p.peek() == '(':
			stack = append(stack, at.field)
			at.operand = false
			p.pos++
			continue
		case p.peek() == ')':
			stack = stack[:max(0, len(stack)-1)]
			at.operand = true
			p.pos++
			continue
		case p.operator() != "" && p.pos+len(p.operator()) < len(text):
			p.pos += len(p.operator())
			at.operand = false
			continue
		case strings.ContainsRune("+-!", rune(p.peek())) && !(at.group && p.pos+1 == len(text)):
			p.pos++
			at.operand = false
			continue
		}
		if name, size := fieldName(text[p.pos:]); size > 0 && !at.group {
			p.pos += size
			p.space()
			at.from, at.prefix, at.field = p.pos, text[p.pos:], name
			if !p.end() && p.peek() == '(' {
				stack = append(stack, name)
				at.operand = false
				p.pos++
				continue
			}
		}
		switch done, known := p.skim(&at); {
		case done:
			return at, known
		default:
			at.operand = true
		}
	}
}

// skim passes one value; done tells that the text ended in it, known that it is one to complete.
func (p *parser) skim(at *place) (done, known bool) {
	if p.end() {
		return true, true
	}
	switch c := p.peek(); {
	case c == '"':
		if _, err := p.phrase(); err != nil {
			at.prefix, at.quoted = at.prefix[1:], true
			return true, at.field != ""
		}
		return false, false
	case at.field != "" && (c == '[' || c == '{'):
		end := strings.IndexAny(p.text[p.pos:], "]}")
		p.pos += end + 1
		return end < 0, false
	case at.field != "" && c == '/':
		err := p.regexp(&Term{})
		return err != nil && p.end(), false
	}
	_, size, _ := word(p.text[p.pos:], "")
	p.pos += max(1, size)
	return p.end(), true
}

// wordEnd returns where the fragment under the cursor ends behind it.
func wordEnd(text string, cursor int, quoted bool) int {
	if quoted {
		if end := strings.IndexByte(text[cursor:], '"'); end >= 0 {
			return cursor + end + 1
		}
		return cursor
	}
	if end := strings.IndexFunc(text[cursor:], breaks); end >= 0 {
		return cursor + end
	}
	return len(text)
}

type suggester struct {
	at     place
	to     int
	fields field.Table
	list   []Suggestion
}

func (s *suggester) add(kind, text, doc string, to int) {
	if len(s.list) < maxSuggestions {
		s.list = append(s.list, Suggestion{Text: text, From: s.at.from, To: to, Kind: kind, Doc: doc})
	}
}

// names suggests field names that begin with the fragment, then those of which a later segment does, and operators.
func (s *suggester) names(text string) {
	to := s.to
	if colon := strings.IndexByte(text[s.at.from:s.to], ':'); colon >= 0 {
		to = s.at.from + colon + 1
	}
	low := strings.ToLower(s.at.prefix)
	if low == "" {
		s.operators(low)
	}
	for _, whole := range []bool{true, false} {
		for _, name := range s.fields.Names() {
			other := strings.ToLower(name)
			begins := strings.HasPrefix(other, low)
			if begins != whole || !begins && !strings.Contains(other, "."+low) {
				continue
			}
			f, _ := s.fields.Lookup(name)
			s.add("field", spellName(name)+":", f.Doc, to)
		}
	}
	if low != "" {
		s.operators(low)
	}
}

func (s *suggester) operators(low string) {
	for _, o := range []struct{ word, doc string }{{"and", "both hold"}, {"or", "one of them holds"}, {"not", "does not hold"}} {
		if strings.HasPrefix(o.word, low) && (s.at.operand || o.word == "not") {
			s.add("operator", strings.ToUpper(o.word)+" ", o.doc, s.to)
		}
	}
}

// usual are the values worth offering for a kind before any known value.
var usual = map[field.Kind][]string{
	field.Time: {">-15m", ">-1h", ">-24h", ">-7d", ">-30d"},
	field.Bool: {"true", "false"},
}

func (s *suggester) values(known func(field, prefix string) []string) {
	f, ok := s.fields.Lookup(s.at.field)
	if !ok {
		f.Name = s.at.field
	}
	for _, v := range usual[f.Kind] {
		if strings.HasPrefix(v, s.at.prefix) && !s.at.quoted {
			s.add("value", v, "", s.to)
		}
	}
	if known != nil {
		prefix := s.at.prefix
		if text, _, whole := word(prefix, ""); whole && !s.at.quoted {
			prefix = literal(text)
		}
		for _, v := range known(f.Name, prefix) {
			if len(v) > maxValue || !utf8.ValidString(v) {
				continue
			}
			text := spell(escape.Replace(v), false)
			if s.at.group && special(rune(text[0]), true) {
				text = quote(escape.Replace(v))
			}
			s.add("value", text, "", s.to)
		}
	}
	if s.at.prefix == "" && !s.at.quoted {
		s.add("value", "*", "any value: the field exists", s.to)
	}
}

var escape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`)
