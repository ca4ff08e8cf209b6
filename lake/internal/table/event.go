package table

import "github.com/yagura-sec/yagura/ocsf"

// Event fills ev with row i. Its strings are copies.
func (b *Builder) Event(i int, ev *ocsf.Event) {
	ev.Reset()
	for k := range b.cols {
		c := &b.cols[k]
		switch c.meta.Kind {
		case ocsf.Int, ocsf.Time:
			*c.meta.Num(ev) = c.nums[i]
		case ocsf.Bool:
			*c.meta.Tri(ev) = ocsf.Tri(c.tris[i])
		case ocsf.Texts:
			from, to := c.elements(i)
			for e := from; e < to; e++ {
				l := c.meta.List(ev)
				*l = append(*l, string(c.element(e)))
			}
		case ocsf.ID:
			if c.is[i] != 0 {
				*c.meta.Str(ev) = formatUUID(c.uuid[16*i : 16*i+16])
			} else {
				*c.meta.Str(ev) = string(c.str(i))
			}
		default:
			*c.meta.Str(ev) = string(c.str(i))
		}
	}
	for k := range b.cols {
		if c := b.cols[k].meta; c.Single != "" {
			Complete(c, ev)
		}
	}
	if ev.Raw == "" && b.schema.Rebuild != nil && b.find(rawColumn) != nil {
		ev.Rebuildable = true
		ev.Raw = b.schema.Rebuild(ev)
	}
}

// Complete undoes what files do to a list with a single column.
func Complete(c *ocsf.Column, ev *ocsf.Event) {
	list, single := c.List(ev), *ocsf.Lookup(c.Single).Str(ev)
	switch {
	case single == "":
	case len(*list) == 0:
		*list = []string{single}
	case len(*list) == 1 && (*list)[0] == "":
		*list = nil
	}
}
