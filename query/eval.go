package query

import (
	"slices"

	"github.com/yagura-sec/yagura/query/field"
)

// Record is an event as [Eval] sees it.
type Record interface {
	// Values returns every value that stands at a target, in the text form of its kind; none if the record has none. Empty text is a
	// value, JSON null is not.
	Values(t field.Target) []string
	// Texts returns the texts in which terms without a field are looked for: the raw record, then its observables.
	Texts() []string
}

// Eval tells whether a record passes a checked expression, one record at a time in memory. A test passes if one of the values passes; a
// record without a value fails it, so the negation of the test passes. The only error is an *[Error] for a term that was not checked.
func Eval(e Expr, r Record) (bool, error) {
	switch e := e.(type) {
	case And:
		for _, a := range e.Args {
			if ok, err := Eval(a, r); err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	case Or:
		for _, a := range e.Args {
			if ok, err := Eval(a, r); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case Not:
		ok, err := Eval(e.Arg, r)
		return !ok && err == nil, err
	case Term:
		if e.Test == nil {
			return false, failAt(e, false, "unchecked", Print(e))
		}
		if e.Field == "" {
			return slices.ContainsFunc(r.Texts(), e.Test.Match), nil
		}
		return slices.ContainsFunc(r.Values(e.Target), e.Test.Match), nil
	}
	return false, newError("term-expected", "", 0, "")
}
