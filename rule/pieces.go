package rule

// pieces finds which of many texts stand in a text, in one pass over it: the
// automaton of Aho and Corasick (Communications of the ACM 18, 1975), as a table
// of next states over classes of bytes.
type pieces struct {
	class   [256]uint8 // of a byte; 0 = in no text
	classes int
	next    []int32 // by state*classes+class
	found   [][]int // by state: the texts that end there
}

func newPieces(texts []string) *pieces {
	p := &pieces{classes: 1}
	for _, t := range texts {
		for i := range len(t) {
			if p.class[t[i]] == 0 && p.classes < 256 {
				p.class[t[i]] = uint8(p.classes)
				p.classes++
			}
		}
	}
	p.state()
	for id, t := range texts {
		at := 0
		for i := range len(t) {
			edge := at*p.classes + int(p.class[t[i]])
			if p.next[edge] == 0 {
				p.next[edge] = int32(p.state())
			}
			at = int(p.next[edge])
		}
		p.found[at] = append(p.found[at], id)
	}
	p.link()
	return p
}

func (p *pieces) state() int {
	p.next = append(p.next, make([]int32, p.classes)...)
	p.found = append(p.found, nil)
	return len(p.found) - 1
}

// link fills the missing edges with those of the longest proper suffix.
func (p *pieces) link() {
	fail := make([]int, len(p.found))
	var queue []int
	for c := range p.classes {
		if to := int(p.next[c]); to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		p.found[at] = append(p.found[at], p.found[fail[at]]...)
		for c := range p.classes {
			edge, other := at*p.classes+c, int(p.next[fail[at]*p.classes+c])
			if to := int(p.next[edge]); to != 0 {
				fail[to] = other
				queue = append(queue, to)
			} else {
				p.next[edge] = int32(other)
			}
		}
	}
}

// each calls yield with every text that stands in s, as often as it ends there.
func (p *pieces) each(s string, yield func(id int)) {
	at := 0
	for i := range len(s) {
		at = int(p.next[at*p.classes+int(p.class[s[i]])])
		if p.found[at] != nil {
			for _, id := range p.found[at] {
				yield(id)
			}
		}
	}
}
