package query

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/query/match"
)

func testInt(t Term, b bounds, ok bool) (match.Test, error) {
	if !ok {
		if t.Op != "" || wild(t.Text) {
			return nil, opKind(t)
		}
		b.low, b.high = &t.Text, &t.Text
	}
	r := match.Ints{Low: math.MinInt64, High: math.MaxInt64}
	none := match.Ints{Low: 1, High: 0}
	for _, end := range []struct {
		text *string
		open bool
		to   *int64
		step int64
		last int64
	}{{b.low, b.lowOpen, &r.Low, 1, math.MaxInt64}, {b.high, b.highOpen, &r.High, -1, math.MinInt64}} {
		if end.text == nil {
			continue
		}
		n, err := strconv.ParseInt(literal(*end.text), 10, 64)
		if err != nil {
			fail := failAt(t, true, "not-int", literal(*end.text))
			fail.detail = t.Field
			return nil, fail
		}
		if end.open && n == end.last {
			return none, nil
		}
		if end.open {
			n += end.step
		}
		*end.to = n
	}
	return r, nil
}

// testAddr reads addresses and networks; nil, nil means that the value is a text in the place of an address.
func testAddr(t Term, b bounds, ok bool) (match.Test, error) {
	if ok {
		return testAddrs(t, b)
	}
	if t.Op != "" || wild(t.Text) {
		return nil, nil
	}
	text := literal(t.Text)
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap().WithZone("")
		return match.Addrs{Low: a, High: a}, nil
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return network(p), nil
	}
	head, bits, slash := strings.Cut(text, "/")
	if numeric := strings.Trim(head, "0123456789abcdefABCDEF.:") == "" && strings.ContainsAny(head, ".:"); slash && numeric && strings.Trim(bits, "0123456789") == "" {
		return nil, failAt(t, true, "not-net", text)
	}
	if strings.Trim(text, "0123456789.") == "" && strings.Contains(text, ".") {
		return nil, failAt(t, true, "not-addr", text)
	}
	return nil, nil
}

func testAddrs(t Term, b bounds) (match.Test, error) {
	var ends [2]netip.Addr
	for i, text := range []*string{b.low, b.high} {
		if text == nil {
			continue
		}
		a, err := netip.ParseAddr(literal(*text))
		if err != nil {
			return nil, failAt(t, true, "not-addr", literal(*text))
		}
		ends[i] = a.Unmap().WithZone("")
	}
	low, high := ends[0], ends[1]
	switch {
	case !low.IsValid():
		low, b.lowOpen = network(netip.PrefixFrom(high, 0)).Low, false
	case !high.IsValid():
		high, b.highOpen = network(netip.PrefixFrom(low, 0)).High, false
	case low.BitLen() != high.BitLen():
		return nil, failAt(t, true, "mixed-addr", "")
	}
	r := match.Addrs{Low: low, High: high}
	if b.lowOpen {
		r.Low = low.Next()
	}
	if b.highOpen {
		r.High = high.Prev()
	}
	if !r.Low.IsValid() || !r.High.IsValid() || r.High.Less(r.Low) {
		return match.Addrs{Low: low, High: high, Empty: true}, nil
	}
	return r, nil
}

// network is the first to the last address of a prefix; a v4 network in v6 form is the v4 network.
func network(p netip.Prefix) match.Addrs {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	p = p.Masked()
	last := p.Addr().AsSlice()
	for bit := p.Bits(); bit < 8*len(last); bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	high, _ := netip.AddrFromSlice(last)
	return match.Addrs{Low: p.Addr(), High: high}
}
