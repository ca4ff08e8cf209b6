// Package match holds the tests that a checked search term puts to a value.
//
// Every test is absolute and typed: times are instants, addresses are ranges of addresses, nothing depends on a clock or a table. A
// compiler to SQL switches over the types; Match is the same test in memory and the oracle for the SQL. A value that is not of the
// test's type (text where a number is due) fails the test.
package match

import (
	"net/netip"
	"regexp"
	"strconv"
	"time"
)

// Test is one of Any, *Text, *Words, Regexp, Strings, Ints, Times, Addrs and Flag.
type Test interface {
	// Match reports whether a value, in the text form of its kind, passes.
	Match(value string) bool
}

// Any passes every value: the field exists.
type Any struct{}

// Match is always true.
func (Any) Match(string) bool { return true }

// Strings passes texts between two bounds in byte order; a nil bound is open.
type Strings struct {
	Low, High         *string
	LowOpen, HighOpen bool // true excludes the bound itself
}

// Match compares bytes.
func (s Strings) Match(v string) bool {
	if s.Low != nil && (v < *s.Low || s.LowOpen && v == *s.Low) {
		return false
	}
	return s.High == nil || v < *s.High || !s.HighOpen && v == *s.High
}

// Ints passes integers from Low to High, both included; a range that holds nothing has Low > High.
type Ints struct{ Low, High int64 }

// Match reads a decimal number.
func (r Ints) Match(v string) bool {
	n, err := strconv.ParseInt(v, 10, 64)
	return err == nil && r.Low <= n && n <= r.High
}

// Times passes instants from From (included) to To (excluded), in UTC; a zero time is no bound.
type Times struct{ From, To time.Time }

// Match reads an RFC 3339 time.
func (r Times) Match(v string) bool {
	t, err := time.Parse(time.RFC3339Nano, v)
	return err == nil && (r.From.IsZero() || !t.Before(r.From)) && (r.To.IsZero() || t.Before(r.To))
}

// Addrs passes addresses from Low to High, both included and of one family; Empty passes none.
type Addrs struct {
	Low, High netip.Addr
	Empty     bool
}

// Match reads an address; a v4 address in v6 form is the v4 address, a zone is ignored.
func (r Addrs) Match(v string) bool {
	a, err := netip.ParseAddr(v)
	if err != nil || r.Empty {
		return false
	}
	a = a.Unmap().WithZone("")
	return a.BitLen() == r.Low.BitLen() && r.Low.Compare(a) <= 0 && a.Compare(r.High) <= 0
}

// Flag passes one truth value.
type Flag bool

// Match reads "true" or "false".
func (f Flag) Match(v string) bool { return v == strconv.FormatBool(bool(f)) }

// Regexp passes values in which the expression matches somewhere.
type Regexp struct {
	Source string // RE2 syntax
	re     *regexp.Regexp
}

// NewRegexp compiles an RE2 expression.
func NewRegexp(source string) (Regexp, error) {
	re, err := regexp.Compile(source)
	return Regexp{Source: source, re: re}, err
}

// Match searches the value.
func (r Regexp) Match(v string) bool { return r.re != nil && r.re.MatchString(v) }
