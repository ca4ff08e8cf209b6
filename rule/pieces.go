package rule

import "hash/maphash"

// pieces finds which of many texts, in lower-case ASCII, stand in a text, ASCII
// letters in either case, in one pass over it: the
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
			if p.class[t[i]] == 0 {
				p.class[t[i]] = uint8(p.classes)
				p.classes++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		p.class[c-'a'+'A'] = p.class[c]
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

// Bounds of what a matcher remembers of values.
const (
	maxWritten    = 4096 // values of an index
	maxRemembered = 256  // bytes of a value
	quietValues   = 256  // values of a gate, a power of two
)

// silence remembers values in which no piece stands: user agents repeat.
type silence struct {
	seed   maphash.Seed
	values [][]byte
}

func (q *silence) at(v string) *[]byte {
	if q.values == nil {
		q.seed, q.values = maphash.MakeSeed(), make([][]byte, quietValues)
	}
	return &q.values[maphash.String(q.seed, v)%quietValues]
}

func (q *silence) holds(v string) bool {
	return len(v) <= maxRemembered && string(*q.at(v)) == v && v != ""
}

func (q *silence) keep(v string) {
	if len(v) <= maxRemembered {
		kept := q.at(v)
		*kept = append((*kept)[:0], v...)
	}
}
