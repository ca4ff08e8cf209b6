package crs

type prefilter struct{}

func newPrefilter(*Engine) *prefilter { return nil }

type fastState struct {
	path  []byte
	texts []int
}

func (f *fastState) reset() {}

func (t *transaction) candidates(int) bitset { return nil }

// transformed gives the value of an item after the transformations of a rule; skip says
// that the rule cannot match it.
func (t *transaction) transformed(r *rule, it *item) (value string, skip bool) {
	value = it.value
	for _, s := range r.chain {
		value, _ = t.step(s.f, value)
	}
	return value, false
}
