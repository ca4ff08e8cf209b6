package detection

import (
	"net/netip"
	"os"
	"path/filepath"

	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
)

// newWorld makes the world of the tests: places, lists and one account, all of
// addresses and numbers that are reserved for documentation.
func newWorld() (threat.Config, error) {
	lists, err := testLists()
	return threat.Config{
		Accounts: []string{"111122223333"},
		Places:   places{},
		Lists:    func() *intel.Lists { return lists },
	}, err
}

// places are where the addresses of the tests are.
type places struct{}

var (
	japan       = netip.MustParsePrefix("198.51.100.0/24")
	netherlands = netip.MustParsePrefix("192.0.2.0/24")
	amazon      = netip.MustParsePrefix("203.0.113.0/24")
)

// Find implements threat.Places.
func (places) Find(a netip.Addr) intel.Place {
	switch {
	case japan.Contains(a):
		return intel.Place{Country: "JP", ASN: 64500, Org: "Example JP", Lat: 36, Lon: 138, Known: true}
	case netherlands.Contains(a):
		return intel.Place{Country: "NL", ASN: 64501, Org: "Example NL", Lat: 52, Lon: 5.5, Known: true}
	case amazon.Contains(a):
		return intel.Place{Country: "US", ASN: 16509, Org: "Amazon", Lat: 39.5, Lon: -98.5, Known: true}
	}
	return intel.Place{}
}

// testLists are the lists of the tests, by kind.
func testLists() (*intel.Lists, error) {
	dir, err := os.MkdirTemp("", "yagura-lists-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // They have been read by then.
	var specs []intel.Spec
	for _, kind := range []string{"threat", "c2", "mining", "malware", "phishing", "blackhole", "droppoint", "tor", "custom"} {
		name, text := "test-"+kind, "192.0.2.67\n198.51.100.66\nlisted.example\n"
		switch kind {
		case "tor":
			text = "192.0.2.66\n198.51.100.99\n"
		case "custom":
			name, text = "test", "192.0.2.68\ncustom.example\n"
		}
		path := filepath.Join(dir, kind)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return nil, err
		}
		specs = append(specs, intel.Spec{Name: name, Kind: kind, Path: path, Source: "tests"})
	}
	return intel.Load(specs)
}
