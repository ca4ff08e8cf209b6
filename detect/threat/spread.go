package threat

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// spread watches the key of one role session, which belongs to one process or
// one person's shell: it is suspicious when it is used at the same time
//
//   - from two countries,
//   - from two networks under two operating systems, or
//   - from three networks that have nothing to do with each other, with two tools.
//
// Many addresses alone are ordinary: providers of services call from many hosts,
// and companies leave through many proxies.
type spread struct {
	places Places
	fold   func(ua string) string
	keys   recent[string, *spots]
}

// spots are the latest places of one key's use.
type spots struct {
	LastIP, LastAgent string // to pass over what repeats
	Last              int64
	List              []spot
	Told              bool
}

type spot struct {
	IP, Agent, System, Country string
	First, Last                int64
}

const (
	defaultKeys  = 200_000
	spreadWindow = 30 * 60 * 1_000_000
	maxSpots     = 12
)

func newSpread(cfg Config, fold func(string) string) *spread {
	return &spread{places: cfg.Places, fold: fold, keys: newRecent[string, *spots](defaultKeys)}
}

func (d *spread) see(ev *ocsf.Event, report func(hit)) {
	if ev.Src.IP == "" || ev.VPCE != "" || ev.InvokedBy != "" || ev.User.Type != "AssumedRole" ||
		!strings.HasPrefix(ev.User.Credential, "ASIA") || instanceID(ev.Session.UID) {
		return
	}
	s, ok := d.keys.get(ev.User.Credential)
	if !ok {
		s = &spots{}
		d.keys.put(strings.Clone(ev.User.Credential), s)
	}
	if s.LastIP == ev.Src.IP && s.LastAgent == cutAgent(ev.HTTP.Agent) && ev.Time-s.Last < spreadWindow/2 && s.Last-ev.Time < spreadWindow/2 {
		s.Last = max(s.Last, ev.Time)
		s.List[len(s.List)-1].Last = s.Last
		return
	}
	if d.add(s, ev) {
		if why := s.suspicious(); why != "" {
			report(d.finding(s, why))
			s.Told = true
			return
		}
	}
	if s.Told && len(s.List) > 1 {
		if why := s.suspicious(); why != "" {
			report(d.finding(s, why))
		}
	}
}

// add takes a use; true when it is from a new spot.
func (d *spread) add(s *spots, ev *ocsf.Event) bool {
	s.LastIP, s.LastAgent, s.Last = strings.Clone(ev.Src.IP), strings.Clone(cutAgent(ev.HTTP.Agent)), ev.Time
	s.List = slices.DeleteFunc(s.List, func(x spot) bool { return ev.Time-x.Last > spreadWindow || x.First-ev.Time > spreadWindow })
	tool := d.fold(ev.HTTP.Agent)
	at := slices.IndexFunc(s.List, func(x spot) bool { return x.IP == ev.Src.IP && x.Agent == tool })
	if at >= 0 { // to the end: the latest
		x := s.List[at]
		x.Last = max(x.Last, ev.Time)
		s.List = append(slices.Delete(s.List, at, at+1), x)
		return false
	}
	x := spot{IP: s.LastIP, Agent: strings.Clone(tool), System: system(ev.HTTP.Agent, tool), First: ev.Time, Last: ev.Time}
	if a := ev.Src.Addr(); d.places != nil && a.IsValid() && !private(a) {
		if p := d.places.Find(a); !hosted(p) {
			x.Country = p.Country
		}
	}
	if len(s.List) >= maxSpots {
		s.List = slices.Delete(s.List, 0, 1)
	}
	s.List = append(s.List, x)
	return true
}

// system gives the operating system that a user agent tells; none for the
// console's own servers and CloudShell, which call for somebody.
func system(ua, folded string) string {
	if strings.Contains(ua, "aws-internal/") || strings.Contains(ua, "CloudShell") {
		return ""
	}
	if i := strings.LastIndexByte(folded, ' '); i >= 0 {
		return folded[i+1:]
	}
	return ""
}

// suspicious says why the spots do not go together, "" if they may.
func (s *spots) suspicious() string {
	networks, agents := map[string]bool{}, map[string]bool{}
	for i := range s.List {
		x := &s.List[i]
		wide, v6 := wideNetwork(x.IP)
		networks[wide] = true
		agents[x.Agent] = true
		for j := range i {
			y := &s.List[j]
			other, otherV6 := wideNetwork(y.IP)
			if other == wide {
				continue
			}
			switch {
			case x.Country != "" && y.Country != "" && x.Country != y.Country:
				return fmt.Sprintf("used from %s and %s at once", y.Country, x.Country)
			case x.System != "" && y.System != "" && x.System != y.System && v6 == otherV6:
				return fmt.Sprintf("used under %s and %s from two networks at once", y.System, x.System)
			}
		}
	}
	if len(networks) >= 3 && len(agents) >= 2 {
		return fmt.Sprintf("used from %d networks with %d tools at once", len(networks), len(agents))
	}
	return ""
}

// wideNetwork is the /16 or /32 of an address.
func wideNetwork(ip string) (network string, v6 bool) {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip, false
	}
	a = a.Unmap().WithZone("")
	bits := 16
	if a.Is6() {
		bits = 32
	}
	p, _ := a.Prefix(bits) // The bits suit the family.
	return p.String(), a.Is6()
}

func (d *spread) finding(s *spots, why string) hit {
	h := hit{use: useSpread, facts: []yagura.Fact{{Name: "evidence", Value: why}}}
	for _, x := range s.List {
		e := yagura.Entity{Type: "address", ID: x.IP}
		if !slices.Contains(h.related, e) {
			h.related = append(h.related, e)
			h.facts = append(h.facts, yagura.Fact{Name: "address", Value: strings.TrimSpace(x.IP + " " + x.Country + " " + x.Agent)})
		}
	}
	return h
}
