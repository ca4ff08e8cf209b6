package match

// Literal returns the lower-case text that is looked for between word boundaries; false if the pattern has wildcards.
func (w *Words) Literal() (string, bool) { return whole(w.parts) }

// Literals returns the lower-case texts between the wildcards: all of them stand in every text that passes, in this order.
func (w *Words) Literals() []string {
	var out []string
	for _, part := range w.parts {
		for _, lit := range part {
			if lit != "" {
				out = append(out, lit)
			}
		}
	}
	return out
}
