package crs

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/corazawaf/libinjection-go"
)

// innocent remembers short texts in which libinjection found nothing. Sessions, agents
// and product names come with every request, and libinjection works hard on them. A
// text takes the place of another with the same hash; it is compared in full. Safe for
// concurrent use.
type innocent [4096]atomic.Pointer[string]

const maxInnocent = 192 // bytes of a text: at most 1 MiB in all

func (c *innocent) place(text string) *atomic.Pointer[string] {
	return &c[maphash.String(seed, text)%uint64(len(c))]
}

func (c *innocent) knows(text string) bool {
	known := c.place(text).Load()
	return known != nil && *known == text
}

func (c *innocent) learn(text string) {
	if len(text) <= maxInnocent {
		s := strings.Clone(text)
		c.place(text).Store(&s)
	}
}

// sqli is libinjection for SQL; the fingerprint of what it found is captured.
type sqli struct{ known *innocent }

func (o sqli) matches(t *transaction, value string) bool {
	if !t.plain && (isNumber(value) || o.known.knows(value)) {
		return false
	}
	found, fingerprint := libinjection.IsSQLi(value)
	if !found {
		o.known.learn(value)
	}
	if found && t.capture {
		t.setCapture(0, fingerprint)
	}
	return found
}

// isNumber says that the value has digits, points, commas and single dashes only:
// libinjection's fingerprints have none of these alone.
func isNumber(value string) bool {
	for i := range len(value) {
		c := value[i]
		if c == '-' && i > 0 && value[i-1] == '-' || c != '-' && c != '.' && c != ',' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// markup is libinjection for HTML.
type markup struct{ known *innocent }

func (o markup) matches(t *transaction, value string) bool {
	if !t.plain && o.known.knows(value) {
		return false
	}
	found := libinjection.IsXSS(value)
	if !found {
		o.known.learn(value)
	}
	return found
}
