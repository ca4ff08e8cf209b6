package waf

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// Places tells where addresses are. Safe for concurrent use.
type Places interface {
	// Country gives ISO 3166 alpha-2, and the subdivision's code without the
	// country; both empty when the address is in no file.
	Country(a netip.Addr) (country, region string)
	// ASN gives the number of the autonomous system, 0 when unknown.
	ASN(a netip.Addr) int64
}

// places reads MaxMind DB files (https://maxmind.github.io/MaxMind-DB/).
type places struct{ country, asn *maxminddb.Reader }

// OpenPlaces opens the operator's MMDB files, of which either name may be empty:
// one with countries or cities, one with autonomous systems.
func OpenPlaces(country, asn string) (Places, error) {
	var p places
	for _, one := range []struct {
		name string
		into **maxminddb.Reader
	}{{country, &p.country}, {asn, &p.asn}} {
		if one.name == "" {
			continue
		}
		db, err := maxminddb.Open(one.name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", one.name, err)
		}
		*one.into = db
	}
	if p.country == nil && p.asn == nil {
		return nil, errors.New("no MMDB file named")
	}
	return &p, nil
}

func (p *places) Country(a netip.Addr) (country, region string) {
	if p.country == nil {
		return "", ""
	}
	var record struct {
		Country struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"country"`
		Subdivisions []struct {
			Code string `maxminddb:"iso_code"`
		} `maxminddb:"subdivisions"`
	}
	if err := p.country.Lookup(a).Decode(&record); err != nil {
		return "", ""
	}
	if len(record.Subdivisions) > 0 {
		region = record.Subdivisions[0].Code
	}
	return record.Country.Code, region
}

func (p *places) ASN(a netip.Addr) int64 {
	if p.asn == nil {
		return 0
	}
	var record struct {
		ASN uint32 `maxminddb:"autonomous_system_number"`
	}
	if err := p.asn.Lookup(a).Decode(&record); err != nil {
		return 0
	}
	return int64(record.ASN)
}

// origin is whose place a statement asks for: the client, or the first address
// of a header.
type origin struct{ forwarded *acl.Forwarded }

// address gives the address to look up. The answer is yes when there is one, off
// or a fallback's truth when the header decides.
func (o origin) address(e *evaluation) (netip.Addr, truth) {
	if o.forwarded == nil {
		return e.request.Client, yes
	}
	all, answer := e.forwarded(o.forwarded.Header)
	if answer != yes {
		return netip.Addr{}, answer
	}
	if !all[0].IsValid() {
		return netip.Addr{}, truthOf(o.forwarded.Fallback == "MATCH") | invalid
	}
	return all[0], yes
}

// invalid marks an answer that a fallback gave.
const invalid truth = 8

// noCountry is what AWS WAF writes for an address whose country it does not know.
const noCountry = "XX"

// country gives the country of the client or of a forwarded address.
func (e *evaluation) country(o origin) (country, region string, answer truth) {
	a, answer := o.address(e)
	if answer != yes {
		return "", "", answer
	}
	r := e.request
	if o.forwarded == nil && r.Country != "" {
		return r.Country, r.Region, yes
	}
	p := e.acl.options.Places
	if p == nil || !a.IsValid() || o.forwarded == nil && r.Missing&yagura.PartCountry != 0 && r.Missing&yagura.PartClient != 0 {
		return "", "", e.unserved("needs the country of the address")
	}
	if country, region = p.Country(a); country == "" {
		return noCountry, noCountry, yes
	}
	return country, region, yes
}

// unserved is the answer where the operator's data are missing: live the
// statement is not applied, in NOT either, which Warnings tells; in replay it is
// unknown.
func (e *evaluation) unserved(reason string) truth {
	if e.acl.options.Live {
		return off
	}
	e.because(reason)
	return unknown
}

type onCountry struct {
	of    origin
	codes map[string]bool
}

func (s *onCountry) ask(e *evaluation) truth {
	country, _, answer := e.country(s.of)
	if answer != yes {
		return answer &^ invalid
	}
	if !s.codes[country] {
		return no
	}
	e.matched(hit{found: true, component: clientCountry, condition: "REGULAR", value: value{data: bytesOf(country)}})
	return yes
}

type onASN struct {
	of      origin
	numbers map[int64]bool
}

func (s *onASN) ask(e *evaluation) truth {
	asn, answer := e.asn(s.of)
	if answer != yes {
		return answer &^ invalid
	}
	if !s.numbers[asn] {
		return no
	}
	e.matched(hit{found: true, component: clientASN, condition: "REGULAR", value: value{data: strconv.AppendInt(nil, asn, 10)}})
	return yes
}

// asn gives the autonomous system; 0 stands for an address in none.
func (e *evaluation) asn(o origin) (int64, truth) {
	a, answer := o.address(e)
	if answer != yes {
		return 0, answer
	}
	if o.forwarded == nil && e.request.ASN != 0 {
		return e.request.ASN, yes
	}
	p := e.acl.options.Places
	if p == nil || !a.IsValid() {
		return 0, e.unserved("needs the autonomous system of the address")
	}
	return p.ASN(a), yes
}

// geoLabels adds what a geo match adds to every request that it inspects.
func (e *evaluation) geoLabels(of []origin) {
	for _, o := range of {
		country, region, answer := e.country(o)
		from := "awswaf:clientip:geo:"
		if o.forwarded != nil {
			from = "awswaf:forwardedip:geo:"
		}
		switch answer {
		case yes:
			e.label(from+"country:"+country, yes)
			if region == "" && !e.acl.options.Live {
				e.anyOf = append(e.anyOf, from+"region:")
			} else if region != "" {
				e.label(from+"region:"+country+"-"+region, yes)
			}
		case unknown, no | off | yes:
			e.anyOf = append(e.anyOf, from)
		}
	}
}
