// Package world is a seeded organisation that writes the native logs of AWS: sample data, load for the spine, and the ground on which
// GameDay's incidents happen.
//
// # What it makes
//
// Sample writes one week of a small company: three accounts, five regions, people with working hours, workloads, forgotten scripts, a
// vendor, a partner, the internet's noise, and one intrusion with decoys. Sources, each in the form and under the key that AWS uses:
// CloudTrail (management, data, network activity, Insights, digests), VPC flow logs version 2, Route 53 Resolver query logs, ALB access
// logs, WAF logs, S3 server access logs, GuardDuty findings as exported to S3, Security Hub findings (ASFF inside EventBridge events) and
// AWS Config history and snapshots. Load writes a wished number of CloudTrail events and flow records of a larger organisation.
//
// # How it is made
//
// Organisation (org.go, site.go) → principals and workloads (person.go, workload.go, services.go) → habits and steps (sitting.go,
// incident.go) → one action, written to every source it touches (emit.go, data.go, web.go, flow.go) → delivery, which adds lateness,
// disorder, duplicates and file names (deliver.go, write.go). Every choice comes from the seed by a keyed function of the entity's path,
// so any hour of any account can be made alone, and the same seed gives the same bytes with any number of workers.
//
// # What it refuses
//
// It never writes the truth into the data folder, never overwrites a folder that it did not write, and makes no network call. Names,
// accounts, addresses and keys are invented; public addresses are drawn from ordinary ranges and say nothing about their real holders.
//
// Formats: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html and the pages named in the
// packages below.
package world

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/seed"
)

const trailName = "org-trail"

// Options say what to make and where.
type Options struct {
	Out      string    // folder of the log bucket; created; empty or an earlier output
	Truth    string    // file of the ground truth (JSON lines), outside Out; empty writes none. Sample only
	Seed     uint64    // same seed, same bytes
	End      time.Time // end of the data, whole hours UTC; zero is 2026-11-02T00:00:00Z
	Days     int       // length of the data; zero is 7 for Sample and 30 for Load
	Accounts int       // zero is 3 for Sample and 20 for Load
	Events   int       // CloudTrail events of Load
	Flows    int       // flow records of Load
	Workers  int       // zero is the number of processors; does not change the bytes

	// Progress, if set, is called from one goroutine at a time with the share done, 0 to 1.
	Progress func(done float64)
}

// Count is what was written of one source.
type Count struct {
	Records int   `json:"records"`
	Files   int   `json:"files"`
	Bytes   int64 `json:"bytes"` // as stored
	Raw     int64 `json:"raw"`   // uncompressed
}

// Story is what happened, taken from the truth.
type Story struct {
	Title     string    `json:"title"`
	Principal string    `json:"principal"` // ARN of the session that was misused
	KeyID     string    `json:"key_id"`
	Addresses []string  `json:"addresses"` // of the intruder
	Bucket    string    `json:"bucket"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Actions   int       `json:"actions"`
}

// Summary is what a run wrote.
type Summary struct {
	Sources map[string]Count `json:"sources"` // cloudtrail, cloudtrail-digest, vpcflow, ...
	Files   int              `json:"files"`
	Bytes   int64            `json:"bytes"`
	From    time.Time        `json:"from"`
	To      time.Time        `json:"to"`
	Story   *Story           `json:"story,omitempty"` // nil for Load
}

func (o Options) prepare(days, accounts int) (Options, error) {
	if o.Out == "" {
		return o, errors.New("world: Options.Out is empty: name the folder to write")
	}
	if o.Days == 0 {
		o.Days = days
	}
	if o.Accounts == 0 {
		o.Accounts = accounts
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.End.IsZero() {
		o.End = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
	}
	if o.Days < 1 || o.Days > 400 || o.Accounts < 3 || o.Accounts > 200 {
		return o, fmt.Errorf("world: Days %d must be 1 to 400 and Accounts %d 3 to 200", o.Days, o.Accounts)
	}
	if o.End.Unix()%3600 != 0 {
		return o, fmt.Errorf("world: Options.End %s is not a whole hour", o.End.Format(time.RFC3339))
	}
	if o.Truth != "" {
		out, err := filepath.Abs(o.Out)
		if err != nil {
			return o, fmt.Errorf("world: %w", err)
		}
		truth, err := filepath.Abs(o.Truth)
		if err != nil {
			return o, fmt.Errorf("world: %w", err)
		}
		if rel, err := filepath.Rel(out, truth); err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
			return o, fmt.Errorf("world: the truth file %s lies inside the data folder %s: choose another place", o.Truth, o.Out)
		}
	}
	return o, nil
}

func (o Options) span() (from, to int64) {
	to = o.End.Unix()
	return to - int64(o.Days)*86400, to
}

// Sample writes the small organisation's logs and, if wished, the truth about its intrusion. With a cancelled context it stops early and
// returns the context's error; what was written stays and may be overwritten by the next run.
func Sample(ctx context.Context, opt Options) (Summary, error) {
	opt, err := opt.prepare(7, 3)
	if err != nil {
		return Summary{}, err
	}
	from, to := opt.span()
	org, err := newOrg(seed.New(opt.Seed), opt.Accounts, from, to)
	if err != nil {
		return Summary{}, fmt.Errorf("world: %w", err)
	}
	w, err := newWriter(opt)
	if err != nil {
		return Summary{}, err
	}
	p := &production{org: org, opt: opt, writer: w}
	if err := p.sample(ctx); err != nil {
		return Summary{}, err
	}
	sum := w.summary(from, to)
	sum.Story = p.story
	return sum, nil
}
