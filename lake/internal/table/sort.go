package table

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/yagura-sec/yagura/ocsf"
)

// Order gives the rows' numbers sorted by the schema's Order, then time,
// object and record: a total order, whatever the order of arrival. Without an
// Order the rows are sorted by object and record alone.
func (b *Builder) Order() []int32 {
	perm := make([]int32, b.rows)
	for i := range perm {
		perm[i] = int32(i)
	}
	var keys []func(x, y int32) int
	names := slices.Clone(b.schema.Order)
	if len(names) > 0 {
		names = append(names, "time")
	}
	for _, name := range append(names, "object_id", "record_no") {
		if c := b.find(name); c != nil {
			keys = append(keys, c.compare())
		}
	}
	slices.SortFunc(perm, func(x, y int32) int {
		for _, k := range keys {
			if d := k(x, y); d != 0 {
				return d
			}
		}
		return 0
	})
	return perm
}

func (b *Builder) find(name string) *column {
	for i := range b.cols {
		if b.cols[i].meta.Name == name {
			return &b.cols[i]
		}
	}
	return nil
}

func (c *column) compare() func(x, y int32) int {
	if c.meta.Kind == ocsf.Int || c.meta.Kind == ocsf.Time {
		return func(x, y int32) int { return cmp.Compare(c.nums[x], c.nums[y]) }
	}
	rank := c.rank()
	return func(x, y int32) int { return cmp.Compare(rank[x], rank[y]) }
}

// rank replaces each text by its place among the distinct texts, so that the
// sort compares numbers.
func (c *column) rank() []int32 {
	seen := map[string]int32{}
	var texts [][]byte
	at := make([]int32, len(c.ends))
	for i := range c.ends {
		s := c.str(i)
		n, ok := seen[string(s)]
		if !ok {
			n = int32(len(texts))
			seen[string(s)] = n
			texts = append(texts, s)
		}
		at[i] = n
	}
	order := make([]int32, len(texts))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return bytes.Compare(texts[x], texts[y]) })
	place := make([]int32, len(texts))
	for i, n := range order {
		place[n] = int32(i)
	}
	for i, n := range at {
		at[i] = place[n]
	}
	return at
}
