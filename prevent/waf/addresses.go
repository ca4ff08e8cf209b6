package waf

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
)

// addressSet is a set of address ranges: sorted, disjoint, IPv4 apart from IPv6.
// A look-up is one binary search.
type addressSet struct {
	four []range4
	six  []range6
}

type (
	range4   struct{ first, last uint32 }
	range6   struct{ first, last address6 }
	address6 struct{ high, low uint64 }
)

func (a address6) compare(b address6) int {
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
}

func newAddressSet(prefixes []netip.Prefix) *addressSet {
	s := &addressSet{}
	for _, p := range prefixes {
		p = p.Masked()
		if p.Addr().Is4() {
			b := p.Addr().As4()
			first := binary.BigEndian.Uint32(b[:])
			s.four = append(s.four, range4{first, first | uint32(uint64(1)<<(32-p.Bits())-1)})
			continue
		}
		first := split6(p.Addr())
		last := first
		if bits := p.Bits(); bits <= 64 {
			last.low = ^uint64(0)
			if bits < 64 {
				last.high |= ^uint64(0) >> bits
			}
		} else if bits < 128 {
			last.low |= ^uint64(0) >> (bits - 64)
		}
		s.six = append(s.six, range6{first, last})
	}
	s.four = merge4(s.four)
	s.six = merge6(s.six)
	return s
}

func split6(a netip.Addr) address6 {
	b := a.As16()
	return address6{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func merge4(all []range4) (merged []range4) {
	slices.SortFunc(all, func(a, b range4) int { return cmp.Compare(a.first, b.first) })
	for _, r := range all {
		if n := len(merged); n > 0 && r.first <= merged[n-1].last {
			merged[n-1].last = max(merged[n-1].last, r.last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

func merge6(all []range6) (merged []range6) {
	slices.SortFunc(all, func(a, b range6) int { return a.first.compare(b.first) })
	for _, r := range all {
		if n := len(merged); n > 0 && r.first.compare(merged[n-1].last) <= 0 {
			if r.last.compare(merged[n-1].last) > 0 {
				merged[n-1].last = r.last
			}
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

func (s *addressSet) contains(a netip.Addr) bool {
	a = a.Unmap()
	if a.Is4() {
		b := a.As4()
		v := binary.BigEndian.Uint32(b[:])
		low, high := 0, len(s.four)
		for low < high {
			if mid := (low + high) / 2; s.four[mid].last < v {
				low = mid + 1
			} else {
				high = mid
			}
		}
		return low < len(s.four) && s.four[low].first <= v
	}
	if !a.IsValid() {
		return false
	}
	v := split6(a)
	low, high := 0, len(s.six)
	for low < high {
		if mid := (low + high) / 2; s.six[mid].last.compare(v) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low < len(s.six) && s.six[low].first.compare(v) <= 0
}

// maxForwarded is how many addresses Position ANY looks at.
const maxForwarded = 10

// forwarded splits one line of a header such as X-Forwarded-For. What is no bare
// address is given as the zero Addr.
func forwarded(line string, into []netip.Addr) []netip.Addr {
	for more := true; more && len(into) < maxListed; {
		var one string
		one, line, more = strings.Cut(line, ",")
		a, err := netip.ParseAddr(strings.Trim(one, " \t"))
		if err != nil || a.Zone() != "" {
			a = netip.Addr{}
		}
		into = append(into, a.Unmap())
	}
	return into
}

// maxListed bounds the addresses that are read from one header.
const maxListed = 1 << 17
