package ask

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/query"
	"github.com/yagura-sec/yagura/query/match"
)

// Piece is a text that every matching raw record holds.
type Piece struct {
	Text  string
	Whole bool                  // it stands between word boundaries
	In    func(raw string) bool // a quick test whether a record holds it
}

func wordPiece(lit string, whole bool) Piece {
	pattern := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(lit)
	if !whole {
		pattern = "*" + pattern + "*"
	}
	return Piece{Text: lit, Whole: whole, In: match.NewWords(pattern).Match}
}

// maxAlternatives bounds the disjunction that Pieces gives.
const maxAlternatives = 64

// Pieces gives what raw records must hold to pass the filter: all pieces of at
// least one alternative; no alternative at all means that no event of the
// source can pass. False means that nothing can be said. An engine may use it
// to leave out rows; the condition itself is still tested.
func Pieces(schema *ocsf.Schema, f Filter) ([][]Piece, bool) {
	if f.Where == nil {
		return nil, false
	}
	alts := pieces(schema, f.Where)
	if len(alts) > 0 && schema.Rebuild != nil {
		return nil, false // there may be no raw record to look at
	}
	for _, a := range alts {
		if len(a) == 0 {
			return nil, false
		}
	}
	return alts, true
}

// pieces gives alternatives; one empty alternative says nothing, none at all
// says that no record passes.
func pieces(schema *ocsf.Schema, e query.Expr) [][]Piece {
	nothing := [][]Piece{nil}
	switch e := e.(type) {
	case query.And:
		alts := nothing
		for _, arg := range e.Args {
			next := pieces(schema, arg)
			if len(alts)*len(next) > maxAlternatives {
				continue
			}
			var both [][]Piece
			for _, a := range alts {
				for _, b := range next {
					both = append(both, append(slices.Clone(a), b...))
				}
			}
			alts = both
		}
		return alts
	case query.Or:
		var alts [][]Piece
		for _, arg := range e.Args {
			alts = append(alts, pieces(schema, arg)...)
		}
		if len(alts) > maxAlternatives {
			return nothing
		}
		return alts
	case query.Term:
		if !possible(schema, e) {
			return nil
		}
		return [][]Piece{termPieces(schema, e)}
	}
	return nothing
}

// possible says that the source has a place where the term looks.
func possible(schema *ocsf.Schema, t query.Term) bool {
	names := schema.Names()
	if t.Field == "" || slices.ContainsFunc(t.Target.Columns, func(c string) bool { return slices.Contains(names, c) }) {
		return true
	}
	return inDocument(schema, t.Target)
}

// inDocument says that a path or leaf may stand in the source's JSON: anywhere
// in a JSON record; of other records only the fields that the source lists are
// kept as JSON.
func inDocument(schema *ocsf.Schema, t target) bool {
	name := cmp.Or(t.Path, t.Leaf)
	return name != "" && (schema.Raw == ocsf.RawJSON ||
		slices.ContainsFunc(schema.Native, func(n ocsf.Native) bool { return n.Path == name }))
}

func termPieces(schema *ocsf.Schema, t query.Term) []Piece {
	if w, ok := t.Test.(*match.Words); ok && t.Field == "" {
		if lit, plain := w.Literal(); plain {
			return []Piece{wordPiece(lit, true)}
		}
		var out []Piece
		for _, lit := range w.Literals() {
			out = append(out, wordPiece(lit, false))
		}
		return out
	}
	lit, ok := literal(t.Test)
	if !ok || !safe(lit) {
		return nil
	}
	names := schema.Names()
	for _, c := range t.Target.Columns {
		// A column of the source whose text need not stand in the record says nothing.
		if slices.Contains(names, c) && !slices.Contains(schema.Blooms, c) {
			return nil
		}
	}
	if (t.Target.Path != "" || t.Target.Leaf != "") && schema.Raw != ocsf.RawJSON {
		return nil
	}
	if slices.Contains(t.Target.Columns, "metadata_uid") {
		// A finding's id is made longer by its time, to tell its updates apart.
		if lit, _, _ = strings.Cut(lit, "@"); lit == "" {
			return nil
		}
	}
	return []Piece{{Text: lit, Whole: true, In: func(raw string) bool { return strings.Contains(raw, lit) }}}
}
