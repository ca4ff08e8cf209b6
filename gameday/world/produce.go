package world

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"
	"sync"
)

// production is one run of Sample.
type production struct {
	org    *org
	opt    Options
	writer *writer
	story  *Story
	truth  []truthAction

	mu   sync.Mutex
	done int // tasks of the current phase
}

// step reports progress: phase is the share done before this phase, weight the share of the phase, of its tasks.
func (p *production) step(phase, weight float64, tasks int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.opt.Progress != nil {
		p.opt.Progress(phase + weight*float64(p.done)/float64(tasks))
	}
	if p.done == tasks {
		p.done = 0
	}
}

// sample makes every hour of every account, then delivers.
func (p *production) sample(ctx context.Context) error {
	hours := int((p.org.to - p.org.from) / 3600)
	jobs := hours * len(p.org.accounts)
	outs := make([]*output, jobs+2)
	err := parallel(ctx, p.opt.Workers, jobs, func(i int) error {
		a := p.org.accounts[i%len(p.org.accounts)]
		outs[i] = p.org.hour(a, hourOf(p.org.from)+int64(i/len(p.org.accounts)))
		p.step(0, 0.6, jobs)
		return nil
	})
	if err != nil {
		return err
	}
	out, c := p.org.intrude()
	p.truth, p.story = c.truth, c.story
	outs[jobs] = out
	outs[jobs+1] = p.org.findings(c)
	streams := map[stream][]*batch{}
	for _, o := range outs {
		if o == nil {
			continue
		}
		for _, s := range o.order {
			streams[s] = append(streams[s], o.streams[s])
		}
	}
	return p.deliver(ctx, streams)
}

// hour makes what one account writes in one hour.
func (o *org) hour(a *account, hour int64) *output {
	out := newOutput()
	e := newEmitter(o, a.key.At(hour).Rand(), out)
	t0 := hour * 3600
	for _, s := range a.sites {
		e.flows = newFlowTable(s)
		e.workloads(s, hour)
		e.network(s, hour)
		e.web(s, hour)
		e.lookups(s, hour)
		e.flows.flush(o, out, s.key.Sub("flush").At(hour).Rand())
	}
	e.flows = nil
	for _, p := range o.people {
		for _, day := range []int64{t0/86400 - 1, t0 / 86400} {
			for _, s := range o.sittings(p, day) {
				if s.account == a {
					e.run(s, t0, t0+3600)
				}
			}
		}
	}
	return out
}

// deliver turns streams into objects and writes them with their digests and the truth.
func (p *production) deliver(ctx context.Context, streams map[stream][]*batch) error {
	order := make([]stream, 0, len(streams))
	for s := range streams {
		order = append(order, s)
	}
	slices.SortFunc(order, compareStreams)
	var tasks []task
	for _, s := range order {
		tasks = append(tasks, task{s: s})
		if s.kind == srcTrail && p.legacyTrail(s) {
			tasks = append(tasks, task{s: s, trail: legacyTrail})
		}
	}
	objects := make([][]delivered, len(tasks))
	err := parallel(ctx, p.opt.Workers, len(tasks), func(i int) error {
		t := tasks[i]
		key := p.org.key.Sub("delivery", kindNames[t.s.kind], t.s.account, t.s.region, t.s.sub, t.trail)
		list := deliveries[t.s.kind].deliver(key, t.s, streams[t.s], t.trail, p.org)
		for n := range list {
			if err := p.writer.put(kindNames[t.s.kind], list[n].key, list[n].body, list[n].count, list[n].plain); err != nil {
				return err
			}
			list[n].sum = sha256.Sum256(list[n].body)
			list[n].body = nil
		}
		objects[i] = list
		p.step(0.6, 0.4, len(tasks))
		return nil
	})
	if err != nil {
		return err
	}
	if err := p.recordInventory(); err != nil {
		return err
	}
	p.resolve(tasks, objects)
	if err := p.prove(ctx, tasks, objects); err != nil {
		return err
	}
	return p.writeTruth()
}

// task is the delivery of one stream by one trail.
type task struct {
	s     stream
	trail string // empty for the organisation's trail and all other sources
}

// legacyTrail is an older trail of the production account that nobody has removed: it repeats management events of its region.
const legacyTrail = "legacy-audit"

// legacyEnd is when a clean-up at last stops the older trail.
func (o *org) legacyEnd() int64 { return o.from + (o.to-o.from)*3/7 + 5000 }

func (p *production) legacyTrail(s stream) bool {
	return s.account == p.org.accounts[0].id && s.region == regions[0]
}

func compareStreams(a, b stream) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region), cmp.Compare(a.sub, b.sub))
}
