// Package flow finds threats in VPC flow logs and Resolver query logs: scans,
// brute force, beacons, long connections, unusual volumes, spam, floods, DNS
// tunnels, generated domains, rebinding to the metadata address, unusual
// resolvers, and traffic with addresses and names on threat lists. It sees what
// Amazon GuardDuty's EC2 findings see, IPv6 included.
//
// Each detector is described by a document of kind detector in rules/threat
// (detector: {use: flow/NAME, parameters: {…}}); without its document it is
// off. [Uses] lists the names and parameters.
//
// What flow logs cannot show: payloads, traffic to the Amazon resolver and to
// the instance metadata address, and who started a connection when the log has
// no tcp-flags field; then ports decide, and scans are judged by size. A
// SKIPDATA record is a gap in what can be seen and is reported as one.
package flow

import (
	"fmt"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule/novelty"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Config says what to look for.
type Config struct {
	Documents []*sigma.Document    // those of kind detector whose use begins with flow/
	Lists     func() *intel.Lists  // threat and trusted lists; nil: none
	Groups    int                  // scanners, pairs, hosts … remembered by each detector; default 250,000
	Service   func(ip string) bool // says that an address belongs to an AWS service; nil: unknown
	_         struct{}             // name the fields
}

// Detector is all of them. It implements [yagura.Detector].
type Detector struct {
	cfg   Config
	flows []flowPart
	names []namePart
	parts map[string]part
	rec   record
	q     query
	out   func(*yagura.Finding)
	// known counts what trusted lists kept from being an alert, by list.
	trusted map[string]int64
	skipped int64
	clocks  map[string]*novelty.Clock // by source
	met     map[string]int            // first records of each source
	wrong   int64
}

// part is one detector with its state.
type part interface {
	state() any // pointer to what Save writes
}

// flowPart looks at flow records, namePart at DNS queries.
type flowPart interface {
	part
	flow(d *Detector, r *record)
}

type namePart interface {
	part
	name(d *Detector, q *query)
}

// use is a coded detector that a document can name.
type use struct {
	parameters string // names and defaults, for people and for the check
	build      func(b *builder) part
}

// uses are the detectors by name.
var uses = map[string]use{
	"flow/port-scan":       {"ports=15 window=5m", newPortScan},
	"flow/port-sweep":      {"hosts=25 window=5m", newPortSweep},
	"flow/brute-force":     {"ports=list attempts=20 window=10m", newBruteForce},
	"flow/port-probe":      {"ports=list sources=3 window=1h", newPortProbe},
	"flow/spam":            {"hosts=30 window=1h", newSpam},
	"flow/flood":           {"kind=udp packets_per_second=5000 packets=300000", newFlood},
	"flow/beacon":          {"score=0.85 connections=24 span=4h peers=3", newBeacon},
	"flow/long-connection": {"duration=12h", newLongConnection},
	"flow/exfiltration":    {"floor=1GB learning_floor=20GB deviations=5 samples=48", newExfiltration},
	"flow/unusual-port":    {"learn=7d", newUnusualPort},
	"flow/resolver":        {"kind=dns learn=7d", newResolver},
	"flow/threat-list":     {"kinds=list direction=any", newThreatList},
	"flow/mining-port":     {"ports=list connections=3", newMiningPort},
	"flow/coverage-gap":    {"", newGap},
	"flow/dns-threat-list": {"kinds=list", newNameList},
	"flow/dns-name":        {"names=list", newNameWords},
	"flow/dns-tunnel":      {"names=100 window=1h length=30", newTunnel},
	"flow/dns-generated":   {"names=10 window=1h", newGenerated},
	"flow/dns-rebind":      {"", newRebind},
}

// Uses gives the names of the coded detectors with their parameters and
// defaults.
func Uses() map[string]string {
	out := map[string]string{}
	for name, u := range uses {
		out[name] = u.parameters
	}
	return out
}

// New makes the detectors that the documents describe. A document that names an
// unknown detector or parameter is an error with its place.
func New(cfg Config) (*Detector, error) {
	if cfg.Groups <= 0 {
		cfg.Groups = 250_000
	}
	d := &Detector{cfg: cfg, parts: map[string]part{}, trusted: map[string]int64{}, clocks: map[string]*novelty.Clock{}, met: map[string]int{}}
	for _, source := range sources {
		d.clocks[source] = &novelty.Clock{Step: longest, Horizon: 400 * 24 * time.Hour}
	}
	for _, doc := range cfg.Documents {
		if doc.Kind != "detector" || !strings.HasPrefix(doc.Use, "flow/") {
			continue
		}
		u, ok := uses[doc.Use]
		if !ok {
			return nil, fmt.Errorf("%s: no detector %q; the coded ones of this kind are listed by yagura rules show --detectors", doc.Place, doc.Use)
		}
		b := &builder{doc: doc, groups: cfg.Groups, left: map[string]any{}}
		for k, v := range doc.Parameters {
			b.left[k] = v
		}
		p := u.build(b)
		if err := b.done(u.parameters); err != nil {
			return nil, err
		}
		if d.parts[doc.ID] != nil {
			return nil, fmt.Errorf("%s: a second document with the id %s", doc.Place, doc.ID)
		}
		d.parts[doc.ID] = p
		if f, ok := p.(flowPart); ok {
			d.flows = append(d.flows, f)
		}
		if n, ok := p.(namePart); ok {
			d.names = append(d.names, n)
		}
	}
	return d, nil
}

// Detect reads a batch.
func (d *Detector) Detect(source string, batch []ocsf.Event, report func(*yagura.Finding)) {
	d.out = report
	switch source {
	case "vpcflow":
		for i := range batch {
			if !d.believes(source, &batch[i]) {
				continue
			}
			if !d.rec.read(&batch[i]) {
				d.skipped++
				continue
			}
			for _, p := range d.flows {
				p.flow(d, &d.rec)
			}
		}
	case "route53":
		for i := range batch {
			if d.believes(source, &batch[i]) && d.q.read(&batch[i]) {
				for _, p := range d.names {
					p.name(d, &d.q)
				}
			}
		}
	}
	d.out = nil
}

// sources are the logs that the detectors read; longest is how far one record
// may be ahead of those before it.
var sources = []string{"vpcflow", "route53"}

const longest = 31 * 24 * time.Hour

// believes says whether the record's time can be right. One that is far from all
// others would close windows and hours of the records that follow; it is passed
// over and counted. The first ones are believed: nothing speaks against them.
func (d *Detector) believes(source string, ev *ocsf.Event) bool {
	const first = 16
	ok := d.clocks[source].Admit(ev.Time)
	if d.met[source] < first {
		d.met[source]++
		return true
	}
	if !ok {
		d.wrong++
	}
	return ok
}

// Disbelieved counts records that were passed over because their time is far
// from that of the others.
func (d *Detector) Disbelieved() int64 { return d.wrong }

// returns says that a time is so far before another, of the same host, that the
// other must have been wrong.
func returns(at, last int64) bool { return last-at > (400 * 24 * time.Hour).Microseconds() }

// Trusted counts, by list, what a trusted list kept from being an alert: shown,
// never silent.
func (d *Detector) Trusted() map[string]int64 { return d.trusted }

func (d *Detector) lists() *intel.Lists {
	if d.cfg.Lists == nil {
		return nil
	}
	return d.cfg.Lists()
}

// finding begins a finding of a document.
func finding(doc *sigma.Document, ev *ocsf.Event, source string, subject yagura.Entity) *yagura.Finding {
	f := &yagura.Finding{
		Rule: doc.ID, Author: doc.Author, Severity: doc.Level, Title: doc.Title, Techniques: doc.Techniques(),
		Subject: subject, Account: ev.Account, Region: ev.Region, Count: 1, First: ev.Time, Last: max(ev.Time, ev.End),
		Events: []yagura.EventRef{ref(source, ev)},
	}
	if len(doc.GuardDuty) > 0 {
		f.Type = doc.GuardDuty[0]
	}
	if doc.DryRun {
		f.Status = "dry-run"
	}
	return f
}

func ref(source string, ev *ocsf.Event) yagura.EventRef {
	return yagura.EventRef{Source: source, UID: ev.UID, Time: ev.Time, Object: ev.Provenance.Object, Record: ev.Provenance.Record}
}
