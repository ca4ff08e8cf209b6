package waf

import (
	"crypto/sha256"
	"slices"
	"strconv"
	"sync"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/prevent/waf/acl"
)

// tick is how often a rate-based rule is evaluated, in µs, and the width of the
// buckets that it counts in.
const tick = 10_000_000

const (
	// maxInstances bounds the instances that one rule counts; beyond them the
	// least recently busy of a few is forgotten.
	maxInstances = 100_000
	// maxLimitedListed is how many limited instances are listed, as in AWS.
	maxLimitedListed = 10_000
	// maxKey is the length from which on a key is kept as its hash.
	maxKey = 96
)

// rate is a rate-based rule: counters by instance, under the requests' own clock.
//
// At the first request in each 10 s of the clock the requests of the window that
// ended with the last full 10 s are added up; if they exceed the limit, the
// instance is limited until the next such time.
type rate struct {
	limit   uint64
	buckets int // of the window
	by      string
	keys    []rateKey
	of      *acl.Forwarded
	scope   statement // nil: all requests
	print   string    // settings, by which counts survive a reload

	counts *counts
}

type rateKey struct {
	kind      string
	stream    int // -1: none
	namespace *onLabel
	fallback  string
}

// counts is the state of a rate-based rule.
type counts struct {
	mu        sync.Mutex
	instances map[string]*instance
	order     []*instance // for the hand that forgets
	hand      int
	stray     *instance // requests whose key is not known
	all       *instance // every request: no instance has more than these
}

// instance is one value of the aggregate key.
type instance struct {
	key       string
	slot      int
	evaluated int64 // tick of the last evaluation
	latest    int64 // latest tick with a request
	limited   truth
	sure      []uint32 // ring of counts by tick
	perhaps   []uint32 // the same for requests that may not have been counted; nil: none
}

func newCounts() *counts { return &counts{instances: map[string]*instance{}} }

// fresh forgets what is older than the ring when the clock has moved to now.
func (i *instance) fresh(now int64, n int) {
	if i.sure == nil {
		i.sure, i.latest = make([]uint32, n), now
		return
	}
	for t := i.latest + 1; t <= now && t <= i.latest+int64(n); t++ {
		i.sure[t%int64(n)] = 0
		if i.perhaps != nil {
			i.perhaps[t%int64(n)] = 0
		}
	}
	i.latest = max(i.latest, now)
}

func (i *instance) add(now int64, n int, certain bool) {
	if now <= i.latest-int64(n) || now < 0 {
		return // A late line of a log, older than the window.
	}
	if certain {
		i.sure[now%int64(n)]++
		return
	}
	if i.perhaps == nil {
		i.perhaps = make([]uint32, n)
	}
	i.perhaps[now%int64(n)]++
}

// sum adds up the full buckets of the window before the present one.
func (i *instance) sum(ring []uint32, now int64) (total uint64) {
	if ring == nil {
		return 0
	}
	for t, c := range ring {
		if int64(t) != now%int64(len(ring)) {
			total += uint64(c)
		}
	}
	return total
}

// ask counts the request and answers whether its instance is limited. certain
// says that the request has surely reached the rule.
func (r *rate) ask(e *evaluation, certain bool) truth {
	inScope := yes
	if r.scope != nil {
		inScope = r.scope.ask(e).settled()
	}
	if inScope == no {
		return no
	}
	key, has := r.key(e)
	if has == no {
		return no
	}
	certain = certain && inScope == yes && has == yes
	c := r.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	now, n := e.request.Time/tick, r.buckets+1
	few := c.few(now, n, r.limit)
	if has != yes {
		// Not known whose it is: it may be anybody's.
		if c.stray == nil {
			c.stray = &instance{}
		}
		c.stray.fresh(now, n)
		c.stray.add(now, n, false)
		if few {
			return no
		}
		return unknown
	}
	i := c.instance(key, now, n)
	i.fresh(now, n)
	if now > i.evaluated {
		r.evaluate(i, now, n)
	}
	i.add(now, n, certain)
	answer := i.limited
	if answer == unknown {
		e.because("the rate depends on requests that may have counted")
	}
	if answer == yes && inScope != yes {
		answer = unknown
	}
	return answer
}

// few counts a request, whosever it is, and says whether all that were before it
// in the window together do not exceed the limit: then nobody is limited. A late
// line of a log does not know.
func (c *counts) few(now int64, n int, limit uint64) bool {
	if c.all == nil {
		c.all = &instance{}
	}
	c.all.fresh(now, n)
	total := uint64(0)
	for _, k := range c.all.sure {
		total += uint64(k)
	}
	late := now < c.all.latest
	c.all.add(now, n, true)
	return !late && total <= limit
}

// evaluate decides until the next tick whether an instance is limited.
func (r *rate) evaluate(i *instance, now int64, n int) {
	i.evaluated = now
	sure := i.sum(i.sure, now)
	most := sure + i.sum(i.perhaps, now)
	if s := r.counts.stray; s != nil {
		s.fresh(now, n)
		most += s.sum(s.perhaps, now)
	}
	switch {
	case sure > r.limit:
		i.limited = yes
	case most > r.limit:
		i.limited = unknown
	default:
		i.limited = no
	}
}

// instance finds or makes an instance. When there are too many, the hand goes
// over a few and the one with the oldest request gives its place: deterministic,
// so that a replay can be repeated.
func (c *counts) instance(key string, now int64, n int) *instance {
	if i := c.instances[key]; i != nil {
		return i
	}
	if len(c.order) < maxInstances {
		i := &instance{key: key, slot: len(c.order), evaluated: now - 1, limited: no}
		c.order, c.instances[key] = append(c.order, i), i
		return i
	}
	oldest := c.order[c.hand]
	for range 8 {
		c.hand = (c.hand + 1) % len(c.order)
		if i := c.order[c.hand]; i.latest < oldest.latest || i.latest == oldest.latest && i.limited == no && oldest.limited != no {
			oldest = i
		}
	}
	delete(c.instances, oldest.key)
	*oldest = instance{key: key, slot: oldest.slot, evaluated: now - 1, limited: no}
	c.instances[key] = oldest
	return oldest
}

// listed gives the limited instances, at most maxLimitedListed.
func (c *counts) listed() (keys []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range c.order {
		if i.limited == yes && len(keys) < maxLimitedListed {
			keys = append(keys, i.key)
		}
	}
	slices.Sort(keys)
	return keys
}

// key gives the aggregate key. The answer is no when the request lacks a part of
// it, which skips the rule, and unknown when that is not known.
func (r *rate) key(e *evaluation) (string, truth) {
	e.key = e.key[:0]
	answer := yes
	part := func(kind string, k *rateKey) {
		if answer == no {
			return
		}
		if t := e.keyPart(r, kind, k); t == no || answer == yes {
			answer = t
		}
		e.key = append(e.key, 0)
	}
	switch r.by {
	case "CONSTANT":
		return "", yes
	case "IP":
		part("IP", nil)
	case "FORWARDED_IP":
		part("ForwardedIP", nil)
	default:
		for i := range r.keys {
			part(r.keys[i].kind, &r.keys[i])
		}
	}
	if len(e.key) > maxKey {
		sum := sha256.Sum256(e.key)
		return string(sum[:]), answer
	}
	return string(e.key[:max(len(e.key)-1, 0)]), answer
}

// keyPart adds one part of the key.
func (e *evaluation) keyPart(r *rate, kind string, k *rateKey) truth {
	switch kind {
	case "IP":
		if !e.request.Client.IsValid() {
			if e.request.Missing&yagura.PartClient == 0 {
				return no
			}
			e.because("needs the client's address")
			return unknown
		}
		e.key = e.request.Client.Unmap().AppendTo(e.key)
		return yes
	case "ForwardedIP":
		a, answer := origin{r.of}.address(e)
		switch {
		case answer&invalid != 0:
			// An invalid address: Fallback MATCH counts all of them together.
			e.key = append(e.key, "invalid"...)
			return answer &^ invalid
		case answer == yes:
			e.key = a.AppendTo(e.key)
			return yes
		}
		return answer.settled()
	case "ASN":
		asn, answer := e.asn(origin{})
		e.key = strconv.AppendInt(e.key, asn, 10)
		return answer.settled()
	case "LabelNamespace":
		return e.keyLabels(k.namespace)
	}
	v := e.stream(k.stream)
	if v.fixed != 0 {
		e.key = append(e.key, "absent"...)
		return v.fixed
	}
	for i, one := range v.list {
		if i > 0 {
			e.key = append(e.key, ',')
		}
		e.key = append(e.key, one.data...)
	}
	switch {
	case v.open != "":
		e.because("needs " + v.open)
		return unknown
	case len(v.list) == 0:
		return no
	}
	return yes
}

// keyLabels adds all labels of a namespace.
func (e *evaluation) keyLabels(s *onLabel) truth {
	found := no
	for _, l := range e.labels {
		if s.takes(l) {
			e.key, found = append(append(e.key, l...), ','), yes
		}
	}
	if found == no {
		return s.ask(e)
	}
	return yes
}
