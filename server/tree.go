package server

import (
	"encoding/json"
	"io"
	"strings"
)

// treeLine is one line of a record shown as JSON.
type treeLine struct {
	Depth  int
	Key    string // "" in arrays and for brackets
	Path   string // field of the value: keys joined by dots, arrays passed through
	Text   string // as JSON writes it, or a bracket
	Value  string // the plain text, to be searched and copied
	Kind   string // string, number, bool, null, open, close
	Last   bool   // no comma follows
	Pivots *pivots
}

// maxTreeLines bounds what is shown of one record; the rest is in the raw view.
const maxTreeLines = 4000

// tree lays a JSON text out in lines, in the order of the text. It says whether
// that is all of it; a text that is not JSON has no lines.
func tree(text string) (lines []treeLine, whole bool) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	t := treeReader{dec: dec}
	if err := t.value("", "", 0); err != nil {
		return t.lines, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	return t.lines, true
}

type treeReader struct {
	dec   *json.Decoder
	lines []treeLine
}

func (t *treeReader) add(l treeLine) error {
	if len(t.lines) >= maxTreeLines {
		return io.ErrShortBuffer
	}
	t.lines = append(t.lines, l)
	return nil
}

func (t *treeReader) value(key, path string, depth int) error {
	tok, err := t.dec.Token()
	if err != nil {
		return err
	}
	l := treeLine{Depth: depth, Key: key, Path: path, Last: !t.dec.More()}
	switch v := tok.(type) {
	case json.Delim:
		return t.container(v, l)
	case string:
		l.Kind, l.Value = "string", v
		quoted, err := json.Marshal(v)
		if err != nil {
			return err
		}
		l.Text = unescapeHTML.Replace(string(quoted))
	case json.Number:
		l.Kind, l.Text, l.Value = "number", v.String(), v.String()
	case bool:
		l.Kind, l.Text = "bool", "false"
		if v {
			l.Text = "true"
		}
		l.Value = l.Text
	case nil:
		l.Kind, l.Text = "null", "null"
	}
	return t.add(l)
}

// unescapeHTML undoes what json.Marshal does for HTML; the templates escape.
var unescapeHTML = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&")

// container reads an object or array whose bracket was read.
func (t *treeReader) container(open json.Delim, l treeLine) error {
	l.Kind, l.Text = "open", open.String()
	if !t.dec.More() {
		if _, err := t.dec.Token(); err != nil {
			return err
		}
		l.Kind, l.Text, l.Last = "empty", map[json.Delim]string{'{': "{}", '[': "[]"}[open], !t.dec.More()
		return t.add(l)
	}
	if err := t.add(l); err != nil {
		return err
	}
	for t.dec.More() {
		key, path := "", l.Path
		if open == '{' {
			tok, err := t.dec.Token()
			if err != nil {
				return err
			}
			key, _ = tok.(string)
			path = strings.TrimPrefix(l.Path+"."+key, ".")
		}
		if err := t.value(key, path, l.Depth+1); err != nil {
			return err
		}
	}
	if _, err := t.dec.Token(); err != nil {
		return err
	}
	return t.add(treeLine{Depth: l.Depth, Text: map[json.Delim]string{'{': "}", '[': "]"}[open], Kind: "close", Last: !t.dec.More()})
}
