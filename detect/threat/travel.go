package threat

import (
	"fmt"
	"math"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
)

// travel watches persons: IAM users, Identity Center users and users of other
// identity providers. Two uses that are farther apart than a plane flies in the
// time between were not by one person: over 500 km and over 1,000 km/h. The
// uncertainty of both places is taken off the distance, so that centroids of
// countries do for large ones.
//
// Places of VPNs, proxies and clouds say little; such a journey is reported as
// low. A journey between two countries where the person has been on other days
// is one between home and a usual exit, and is not reported.
type travel struct {
	places  Places
	persons recent[string, *person]
}

type person struct {
	IP    string
	At    int64
	Place intel.Place
	Stays []stay
}

// stay is a country where a person was seen.
type stay struct {
	Country string
	Days    int // on how many days
	Last    int64
}

const (
	defaultPersons = 100_000
	minDistance    = 500.0  // km
	maxSpeed       = 1000.0 // km/h
	settledDays    = 3
	maxStays       = 10
	day            = 24 * 3600 * 1_000_000
)

func newTravel(cfg Config) *travel {
	return &travel{places: cfg.Places, persons: newRecent[string, *person](defaultPersons)}
}

func (d *travel) see(ev *ocsf.Event, report func(hit)) {
	if d.places == nil || ev.Src.IP == "" || ev.InvokedBy != "" || ev.Status == ocsf.StatusFailure {
		return
	}
	if t := ev.User.Type; t != "IAMUser" && t != "Root" && t != "IdentityCenterUser" && (t != "AssumedRole" || caller(ev) != ev.User.UID) {
		return
	}
	who := caller(ev)
	p, ok := d.persons.get(who)
	if ok && p.IP == ev.Src.IP {
		p.At = ev.Time
		return
	}
	a := ev.Src.Addr()
	if !a.IsValid() || private(a) {
		return
	}
	place := d.places.Find(a)
	if !place.Known {
		return
	}
	if !ok {
		p = &person{}
		d.persons.put(strings.Clone(who), p)
	}
	from, was, at := p.Place, p.IP, p.At
	settled := p.settled(place.Country, ev.Time) && p.settled(from.Country, ev.Time)
	p.stay(place.Country, ev.Time)
	p.IP, p.Place, p.At = strings.Clone(ev.Src.IP), place, ev.Time
	if was == "" || settled {
		return
	}
	if km, speed := journey(from, place, ev.Time-at); km > minDistance && speed > maxSpeed {
		report(travelFinding(ev, from, place, was, km, speed, ev.Time-at))
	}
}

func travelFinding(ev *ocsf.Event, from, to intel.Place, was string, km, speed float64, apart int64) hit {
	h := hit{use: useTravel, related: []yagura.Entity{{Type: "address", ID: was}, {Type: "address", ID: ev.Src.IP}}}
	h.facts = []yagura.Fact{
		{Name: "from", Value: strings.TrimSpace(was + " " + from.Country)},
		{Name: "to", Value: strings.TrimSpace(ev.Src.IP + " " + to.Country)},
		{Name: "distance, km", Value: fmt.Sprintf("%.0f", km)},
		{Name: "minutes between", Value: fmt.Sprintf("%.0f", math.Abs(float64(apart))/60e6)},
		{Name: "speed, km/h", Value: fmt.Sprintf("%.0f", min(speed, 1e6))},
	}
	if hosted(from) || hosted(to) {
		h.severity = yagura.Low
		h.facts = append(h.facts, yagura.Fact{Name: "note", Value: "one of the addresses belongs to a VPN, a proxy or a cloud"})
	}
	return h
}

// journey gives the sure distance in km and the least speed in km/h.
func journey(a, b intel.Place, apart int64) (km, speed float64) {
	if a.Country == b.Country && !(a.Exact && b.Exact) {
		return 0, 0
	}
	km = intel.Kilometres(a, b) - radius(a) - radius(b)
	hours := max(math.Abs(float64(apart))/3600e6, 1.0/3600)
	return km, km / hours
}

// radius is how far an address may be from its place, in km: around the middle
// of a country, about half of its length.
func radius(p intel.Place) float64 {
	if p.Exact {
		return 0
	}
	if r, ok := lengths[p.Country]; ok {
		return r
	}
	return 500
}

// lengths are half the length of large countries, in km, rounded up.
var lengths = map[string]float64{
	"RU": 4000, "CA": 2800, "US": 2500, "CN": 2600, "BR": 2200, "AU": 2100, "IN": 1600, "AR": 1900, "CL": 2200, "KZ": 1500,
	"ID": 2600, "MX": 1600, "NO": 900, "JP": 1500, "DZ": 1100, "CD": 1200, "SA": 1100, "SE": 800, "PE": 1000, "IR": 1100,
}

// hosters are autonomous systems of clouds, VPNs and proxies from which people
// seem to call: the large ones that are public knowledge.
var hosters = map[int64]bool{
	16509: true, 14618: true, 8987: true, 15169: true, 396982: true, 8075: true, 31898: true, 45102: true, 37963: true, 132203: true,
	14061: true, 16276: true, 24940: true, 63949: true, 20473: true, 51167: true, 12876: true, 60781: true, 36352: true, 9009: true,
	212238: true, 60068: true, 39351: true, 13335: true, 136787: true, 62041: true, 53667: true, 200651: true, 22616: true, 53813: true,
}

func hosted(p intel.Place) bool { return hosters[p.ASN] }

func (p *person) settled(country string, now int64) bool {
	for _, s := range p.Stays {
		if s.Country == country {
			return s.Days >= settledDays && now-s.Last < 60*day
		}
	}
	return false
}

func (p *person) stay(country string, now int64) {
	for i := range p.Stays {
		if s := &p.Stays[i]; s.Country == country {
			if now/day != s.Last/day {
				s.Days++
			}
			s.Last = max(s.Last, now)
			return
		}
	}
	if len(p.Stays) >= maxStays {
		p.Stays = p.Stays[1:]
	}
	p.Stays = append(p.Stays, stay{Country: country, Days: 1, Last: now})
}
