package intel

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
)

// block is a prefix with the lists that hold it.
type block struct {
	prefix netip.Prefix
	lists  uint64
}

// span is a run of addresses that are on the same lists.
type span struct {
	from, to netip.Addr // inclusive
	lists    uint64
	prefix   netip.Prefix // the narrowest block here
}

// index finds the lists of an address. Spans are disjoint and in order; low
// and high bound, for each first 16 bits of an IPv4 address, the spans that can
// hold it, so that most addresses of ordinary traffic cost one look.
type index struct {
	v4, v6    []span
	low, high []int32 // by the first 16 bits; nil without IPv4 spans
}

func newIndex(blocks []block) (x index) {
	var v4, v6 []block
	for _, b := range blocks {
		b.prefix = b.prefix.Masked()
		if b.prefix.Addr().Is4() {
			v4 = append(v4, b)
		} else {
			v6 = append(v6, b)
		}
	}
	x.v4, x.v6 = flatten(v4), flatten(v6)
	if len(x.v4) == 0 {
		return x
	}
	x.low, x.high = make([]int32, 1<<16), make([]int32, 1<<16)
	at := 0
	for top := range 1 << 16 {
		first := netip.AddrFrom4([4]byte{byte(top >> 8), byte(top), 0, 0})
		last := netip.AddrFrom4([4]byte{byte(top >> 8), byte(top), 255, 255})
		for at < len(x.v4) && x.v4[at].to.Less(first) {
			at++
		}
		end := at
		for end < len(x.v4) && !last.Less(x.v4[end].from) {
			end++
		}
		x.low[top], x.high[top] = int32(at), int32(end)
	}
	return x
}

// flatten cuts nested blocks into disjoint spans. Blocks nest or are apart,
// never overlap in part; so a stack of the open ones is enough.
func flatten(blocks []block) (out []span) {
	slices.SortFunc(blocks, func(a, b block) int {
		return cmp.Or(a.prefix.Addr().Compare(b.prefix.Addr()), cmp.Compare(a.prefix.Bits(), b.prefix.Bits()))
	})
	type open struct {
		span
		end netip.Addr
	}
	var stack []open
	emit := func(from, to netip.Addr) {
		top := stack[len(stack)-1]
		if !to.Less(from) {
			out = append(out, span{from, to, top.lists, top.prefix})
		}
	}
	var at netip.Addr // the first address that is not emitted yet
	done := false     // the last address of the space is emitted
	closeUntil := func(next netip.Addr, all bool) {
		for len(stack) > 0 && (all || stack[len(stack)-1].end.Less(next)) {
			end := stack[len(stack)-1].end
			if !done {
				emit(at, end)
			}
			stack = stack[:len(stack)-1]
			if at = end.Next(); !at.IsValid() {
				done = true
			}
		}
	}
	for _, b := range blocks {
		from, end := b.prefix.Addr(), last(b.prefix)
		closeUntil(from, false)
		if len(stack) > 0 {
			if at.Less(from) {
				emit(at, from.Prev())
			}
			top := &stack[len(stack)-1]
			if top.prefix == b.prefix {
				top.lists |= b.lists
				at = from
				continue
			}
			b.lists |= top.lists
		}
		at = from
		stack = append(stack, open{span{from, end, b.lists, b.prefix}, end})
	}
	closeUntil(netip.Addr{}, true)
	return out
}

// last is the last address of a prefix.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		if n := p.Bits() - 8*i; n <= 0 {
			b[i] = 0xff
		} else if n < 8 {
			b[i] |= 0xff >> n
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// find gives the lists of an address and the narrowest block that holds it.
func (x *index) find(a netip.Addr) (uint64, string) {
	spans := x.v6
	if a.Is4() {
		if x.low == nil {
			return 0, ""
		}
		b := a.As4()
		top := int(b[0])<<8 | int(b[1])
		spans = x.v4[x.low[top]:x.high[top]]
	}
	i := sort.Search(len(spans), func(i int) bool { return !spans[i].to.Less(a) })
	if i == len(spans) || a.Less(spans[i].from) {
		return 0, ""
	}
	s := &spans[i]
	if s.prefix.IsSingleIP() {
		return s.lists, s.prefix.Addr().String()
	}
	return s.lists, s.prefix.String()
}
