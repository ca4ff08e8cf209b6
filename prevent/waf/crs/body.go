package crs

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

var (
	errProcessor = errors.New("invalid body processor")
	errDepth     = errors.New("JSON is nested too deeply")
	errJSON      = errors.New("invalid JSON")
	errBudget    = errors.New("the flattened JSON is too large")
)

// JSON flattens to more bytes than it has, since each value repeats its path; this
// bounds how many.
const (
	flatFactor  = 8
	flatMinimum = 4096
)

// flattening is the walk over a JSON body.
type flattening struct {
	t       *transaction
	path    []byte
	left    int // bytes
	count   int // values
	lengths int // of arrays
}

// readJSON adds the values of the body to ARGS_POST under their path: {"a":[1]} is
// json.a.0 = 1, and json.a = 1, the length. A body that is no JSON adds what comes
// before the error.
func (t *transaction) readJSON() error {
	f := flattening{t: t, path: append(t.fast.path[:0], "json"...), left: max(len(t.body)*flatFactor, flatMinimum)}
	truncated, err := f.walk(gjson.Parse(t.body), t.e.jsonDepth)
	t.fast.path = f.path
	if truncated {
		t.singles[varArgumentsLimitReached] = "1"
	}
	if err == nil && tooDeep(t.body, t.e.jsonDepth) {
		err = errDepth
	}
	if err == nil && !gjson.Valid(t.body) {
		err = errJSON
	}
	if t.cut && errors.Is(err, errJSON) {
		return nil // what was cut off may have made it valid
	}
	return err
}

// walk adds the members of an object or array; truncated says that the limit of
// arguments kept some out.
func (f *flattening) walk(node gjson.Result, depth int) (truncated bool, err error) {
	limit := f.t.e.argumentLimit
	if f.count >= limit {
		return true, nil
	}
	if depth <= 0 {
		return false, errDepth
	}
	elements := 0
	node.ForEach(func(key, value gjson.Result) bool {
		if f.count >= limit {
			truncated = true
			return false
		}
		parent := len(f.path)
		f.path = append(f.path, '.')
		if key.Type == gjson.String {
			f.path = append(f.path, key.Str...)
		} else {
			f.path = strconv.AppendInt(f.path, int64(key.Num), 10)
			elements++
		}
		text := value.Raw
		switch value.Type {
		case gjson.JSON:
			var inner bool
			inner, err = f.walk(value, depth-1)
			truncated = truncated || inner
			f.path = f.path[:parent]
			return err == nil
		case gjson.String:
			text = value.Str
		case gjson.Null:
			text = ""
		}
		if err = f.add(text); err != nil {
			return false
		}
		f.count++
		f.path = f.path[:parent]
		return true
	})
	if elements > 0 && !truncated && err == nil {
		if f.lengths >= limit {
			return true, nil
		}
		if err = f.add(strconv.Itoa(elements)); err == nil {
			f.lengths++
		}
	}
	return truncated, err
}

func (f *flattening) add(value string) error {
	if f.left -= len(f.path) + len(value); f.left < 0 {
		return errBudget
	}
	f.t.add(listPost, view(append(f.t.alloc(len(f.path)), f.path...)), value)
	return nil
}

// tooDeep looks at brackets outside of strings: the validity check recurses.
func tooDeep(s string, limit int) bool {
	depth, inside := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case inside && c == '\\':
			i++
		case c == '"':
			inside = !inside
		case inside:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// readXML adds the text nodes under XML:/* and the values of attributes under
// XML://@*.
func (t *transaction) readXML() error {
	dec := xml.NewDecoder(strings.NewReader(t.body))
	dec.Strict = false
	dec.AutoClose, dec.Entity = xml.HTMLAutoClose, xml.HTMLEntity
	for {
		token, err := dec.Token()
		var syntax *xml.SyntaxError
		if err != nil && !errors.Is(err, io.EOF) && !(errors.As(err, &syntax) && syntax.Msg == "unexpected EOF") {
			t.lists[listXML] = t.lists[listXML][:0]
			return err
		}
		switch token := token.(type) {
		case nil:
			return nil
		case xml.StartElement:
			for _, a := range token.Attr {
				t.lists[listXML] = append(t.lists[listXML], member{key: "//@*", lower: "//@*", value: a.Value})
			}
		case xml.CharData:
			if text := strings.TrimSpace(string(token)); text != "" {
				t.lists[listXML] = append(t.lists[listXML], member{key: "/*", lower: "/*", value: text})
			}
		}
	}
}
