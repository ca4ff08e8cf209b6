package waf

// truth is the set of answers that a statement can still have. With everything
// known it has one member.
type truth uint8

const (
	no  truth = 1 << iota
	off       // not applied: the forwarded address's header is absent; Not leaves it so
	yes
	unknown = no | yes
)

// answers are the single truths, in the order in which And takes the lowest.
var answers = [...]truth{no, off, yes}

// conjunction and disjunction hold the answers for every pair of sets, and
// negation for every set.
var conjunction, disjunction, negation = truthTables()

func truthTables() (and, or [8][8]truth, not [8]truth) {
	for a := range truth(8) {
		for _, x := range answers {
			if a&x == 0 {
				continue
			}
			switch x {
			case no:
				not[a] |= yes
			case yes:
				not[a] |= no
			default:
				not[a] |= off
			}
			for b := range truth(8) {
				for _, y := range answers {
					if b&y != 0 {
						and[a][b] |= min(x, y)
						or[a][b] |= max(x, y)
					}
				}
			}
		}
	}
	return and, or, not
}

// settled turns the answer for a whole rule into no, yes or unknown: a rule that
// is not applied does not match.
func (t truth) settled() truth {
	if t&off != 0 {
		t = t&^off | no
	}
	return t
}

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}
