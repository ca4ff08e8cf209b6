package query

import "strings"

// maxName is the longest name worth a suggestion; it bounds the work of comparing it with every known name.
const maxName = 100

// nearest returns the known name that somebody who wrote an unknown one may have meant, or "": the one with the same last segment in
// another place, else the one with the fewest typing slips (optimal string alignment distance, a third of the name at most).
func nearest(name string, known []string) string {
	if len(name) > maxName {
		return ""
	}
	low := strings.ToLower(strings.ReplaceAll(name, "_", "."))
	leaf := low[strings.LastIndexByte(low, '.')+1:]
	best, least := "", min(len(name)/3+1, 4)
	for _, k := range known {
		other := strings.ToLower(strings.ReplaceAll(k, "_", "."))
		if d := slips(low, other, least); d < least {
			best, least = k, d
		}
	}
	if best != "" && least <= 1 {
		return best
	}
	for _, k := range known {
		if other := strings.ToLower(k); other == leaf || strings.HasSuffix(other, "."+leaf) {
			return k
		}
	}
	return best
}

// slips counts insertions, deletions, substitutions and swaps of neighbours that lead from a to b; it may stop counting at limit.
func slips(a, b string, limit int) int {
	if len(b) > maxName || len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, last[j]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
