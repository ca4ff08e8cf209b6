package world

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/digest"
)

// bucketName is the log bucket; the output folder stands for it.
func (o *org) bucketName() string { return strings.ToLower(o.name) + "-org-logs" }

// prove writes the digests of every trail and region: one an hour, for the files delivered in it, also for empty hours.
func (p *production) prove(ctx context.Context, tasks []task, objects [][]delivered) error {
	signer, err := digest.NewSigner(p.org.key.Sub("digest-key").Rand())
	if err != nil {
		return err
	}
	from, to := time.Unix(p.org.from, 0).UTC(), time.Unix(p.org.to, 0).UTC()
	keys, err := signer.PublicKeys(from.AddDate(0, 0, -3), to.AddDate(0, 0, 4))
	if err != nil {
		return err
	}
	if err := p.writer.put("public-keys", "public-keys.json", keys, 0, true); err != nil {
		return err
	}
	return parallel(ctx, p.opt.Workers, len(tasks), func(i int) error {
		if tasks[i].s.kind != srcTrail {
			return nil
		}
		return p.chain(signer, tasks[i], objects[i])
	})
}

func (p *production) chain(signer *digest.Signer, t task, objects []delivered) error {
	trail := t.trail
	if trail == "" {
		trail = trailName
	}
	c := digest.Chain{Signer: signer, Account: t.s.account, Region: t.s.region, Trail: trail, Home: regions[0], Bucket: p.org.bucketName()}
	minute := int64(p.org.key.Sub("digest-minute", t.s.account, t.s.region, trail).Rand().IntN(50)) * 60
	slices.SortStableFunc(objects, func(a, b delivered) int { return int(a.at - b.at) })
	last := p.org.to
	if t.trail != "" {
		last = p.org.legacyEnd()
	}
	if n := len(objects); n > 0 {
		last = max(last, objects[n-1].at)
	}
	i := 0
	for end := p.org.from + minute + 600; ; end += 3600 {
		var logs []digest.Log
		for ; i < len(objects) && objects[i].at <= end; i++ {
			o := objects[i]
			logs = append(logs, digest.Log{Key: o.key, Sum: o.sum, Oldest: o.oldest, Newest: o.newest})
		}
		f, err := c.Next(time.Unix(end, 0), logs)
		if err != nil {
			return err
		}
		if err := p.writer.put("cloudtrail-digest", f.Key, f.Body, 1, false); err != nil {
			return err
		}
		if err := p.writer.put("cloudtrail-digest-head", f.Key+".head.json", f.Head, 0, true); err != nil {
			return err
		}
		if end >= last {
			return nil
		}
	}
}
