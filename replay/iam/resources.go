package iam

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// resources are the ARNs that an action was used on.
type resources struct {
	seen map[string]bool
	lost bool // there were too many to keep
}

const (
	maxResources = 5_000
	// siblings is how many resources of one parent justify a wildcard.
	siblings = 10
)

func (r *resources) add(arn string) {
	if r.seen[arn] {
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	if len(r.seen) >= maxResources {
		list, _ := r.list()
		clear(r.seen)
		for _, l := range list {
			r.seen[l] = true
		}
		if len(r.seen) > maxResources/2 {
			clear(r.seen)
			r.lost = true
		}
	}
	if !r.lost {
		r.seen[strings.Clone(arn)] = true
	}
}

// list gives the ARNs in order, with many of one parent under a wildcard, and
// says where that was done and where the record did not name the resource.
func (r *resources) list() (out, notes []string) {
	if r.lost {
		return []string{"*"}, []string{fmt.Sprintf("more than %d resources without a common parent: * stands for them", maxResources)}
	}
	groups := map[string][]string{}
	for arn := range r.seen {
		p := parent(arn)
		groups[p] = append(groups[p], arn)
	}
	for _, p := range slices.Sorted(maps.Keys(groups)) {
		group := groups[p]
		slices.Sort(group)
		if p == "" || len(group) < siblings {
			for _, arn := range group {
				if arn != "*" && strings.ContainsAny(arn, "*") {
					notes = append(notes, arn+" is wider than the call, which does not name the resource")
				}
				out = append(out, escape(arn))
			}
			continue
		}
		stem := commonStem(group)
		if len(stem) < len(p) {
			stem = p
		}
		out = append(out, stem+"*")
		notes = append(notes, fmt.Sprintf("%s* stands for %d resources", stem, len(group)))
	}
	slices.Sort(out)
	return slices.Compact(out), notes
}

// escape leaves wildcards, which the mapping means, and takes $ for a character.
func escape(arn string) string { return strings.ReplaceAll(arn, "${", "${$}{") }

// parent is the part of an ARN that siblings share: up to the resource's type or
// the bucket, with its delimiter; empty if there is none.
func parent(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	head := len(arn) - len(parts[5])
	if i := strings.IndexAny(parts[5], "/:"); i >= 0 {
		return arn[:head+i+1]
	}
	if parts[3] == "" && parts[4] == "" {
		return "" // buckets of any name have nothing in common
	}
	return arn[:head]
}

// commonStem is what all begin with, cut after a delimiter.
func commonStem(sorted []string) string {
	first, last := sorted[0], sorted[len(sorted)-1]
	n := 0
	for n < len(first) && n < len(last) && first[n] == last[n] && first[n] != '*' {
		n++
	}
	return first[:cmp.Or(strings.LastIndexAny(first[:n], "/:-_")+1, 0)]
}
