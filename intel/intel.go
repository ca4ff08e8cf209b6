// Package intel is what is known of addresses and names apart from any event:
// threat and trusted lists ([Lists]), whose address it is ([Inventory]), and
// where it is ([Places]). Everything comes from files that the operator puts
// there; the package opens no connection.
//
// Lists are read in the formats in which they are published: plain text (one
// address, CIDR block, domain or URL a line), CSV with or without a header
// (Open Threat Exchange, iSIGHT, Proofpoint, abuse.ch), AlienVault's reputation
// feed, STIX 2.0 and 2.1 bundles, and AWS's ip-ranges.json. These are the
// formats GuardDuty takes for its lists
// (https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_upload-lists.html),
// STIX 1 (XML) apart, which is refused with an error.
package intel

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Spec names a list.
type Spec struct {
	Name string `yaml:"name"` // shown with each match; default: the file's name without ending
	Path string `yaml:"path"`
	// Kind is what the list holds: threat (default), c2, mining, tor, malware,
	// phishing, blackhole, droppoint, custom, or trusted.
	Kind string `yaml:"kind"`
	// Source says who publishes it, for people.
	Source string `yaml:"source"`
	// Format is auto (default), plain, csv, alienvault, stix or aws.
	Format string `yaml:"format"`
}

// Kinds of lists.
const (
	kindThreat  = "threat"
	kindCustom  = "custom"
	kindTrusted = "trusted"
)

var kinds = []string{kindThreat, "c2", "mining", "tor", "malware", "phishing", "blackhole", "droppoint", kindCustom, kindTrusted}

// List is one list as it was read.
type List struct {
	Spec
	Modified  time.Time // of the file: the age of what it says
	Addresses int       // addresses and blocks
	Domains   int
	// Skipped counts lines that hold no indicator of a known type; First is the
	// first of them, with its line.
	Skipped int
	First   string
}

// Trusted says that the list holds what is known to be good.
func (l *List) Trusted() bool { return l.Kind == kindTrusted }

// Age is how old the list was at a time.
func (l *List) Age(at time.Time) time.Duration { return at.Sub(l.Modified) }

// Match is an indicator of a list that was met.
type Match struct {
	List      *List
	Indicator string // as the list has it, canonical: an address, a block, a domain
}

// Lists is a set of lists, at most 64. It is immutable and safe for concurrent
// use.
type Lists struct {
	lists     []*List
	addresses index
	domains   map[string]uint64 // domain -> bits of the lists
}

// maxLists is how many lists fit: one bit each.
const maxLists = 64

// Load reads lists. Errors name the file and say what to do; one broken list is
// an error of the whole, because a list that silently is not there finds
// nothing.
func Load(specs []Spec) (*Lists, error) {
	if len(specs) > maxLists {
		return nil, fmt.Errorf("%d lists, at most %d; join files that hold the same kind", len(specs), maxLists)
	}
	l := &Lists{domains: map[string]uint64{}}
	var blocks []block
	for i, spec := range specs {
		if spec.Name == "" {
			base := filepath.Base(spec.Path)
			spec.Name = strings.TrimSuffix(base, filepath.Ext(base))
		}
		if spec.Kind == "" {
			spec.Kind = kindThreat
		}
		if !slices.Contains(kinds, spec.Kind) {
			return nil, fmt.Errorf("list %s: kind %q is unknown; use one of %s", spec.Name, spec.Kind, strings.Join(kinds, ", "))
		}
		list, found, err := read(spec)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", spec.Name, err)
		}
		l.lists = append(l.lists, list)
		for _, p := range found.prefixes {
			blocks = append(blocks, block{p, 1 << i})
		}
		for _, d := range found.domains {
			l.domains[d] |= 1 << i
		}
	}
	l.addresses = newIndex(blocks)
	return l, nil
}

// All gives the lists in the order of their specs.
func (l *Lists) All() []*List {
	if l == nil {
		return nil
	}
	return l.lists
}

// Address gives the lists that hold the address. Private, loopback and
// link-local addresses are on no list.
func (l *Lists) Address(a netip.Addr) []Match {
	if l == nil || !Public(a) {
		return nil
	}
	bits, prefix := l.addresses.find(a.Unmap())
	return l.matches(bits, prefix)
}

// Has says whether some list holds the address; it allocates nothing.
func (l *Lists) Has(a netip.Addr) bool {
	if l == nil || !Public(a) {
		return false
	}
	bits, _ := l.addresses.find(a.Unmap())
	return bits != 0
}

// Domain gives the lists that hold the domain or a parent of it.
func (l *Lists) Domain(name string) (out []Match) {
	if l == nil || len(l.domains) == 0 {
		return nil
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for name != "" {
		out = append(out, l.matches(l.domains[name], name)...)
		_, rest, ok := strings.Cut(name, ".")
		if !ok {
			break
		}
		name = rest
	}
	return out
}

func (l *Lists) matches(bits uint64, indicator string) (out []Match) {
	for i := 0; bits != 0; i, bits = i+1, bits>>1 {
		if bits&1 != 0 {
			out = append(out, Match{l.lists[i], indicator})
		}
	}
	return out
}

// Public says whether the address is one of the public Internet: not private
// (RFC 1918, RFC 4193), shared (RFC 6598), loopback, link-local, multicast,
// unspecified or for documentation only in name.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return false
	}
	if a.Is4() {
		b := a.As4()
		return b[0] != 0 && b[0] < 240 && (b[0] != 100 || b[1]&0xc0 != 64)
	}
	return true
}
