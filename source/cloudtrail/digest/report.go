package digest

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Report is the outcome of [Check]. It is the same, byte for byte as JSON, for the same copy and options.
// Keys and paths are text of the copy, hostile until escaped; Detail is escaped already.
type Report struct {
	Strict  bool     `json:"strict"` // Options.Strict of the run
	Totals  Totals   `json:"totals"`
	Chains  []Chain  `json:"chains"`
	Objects []Object `json:"objects"` // by key, then path
	Notices []Notice `json:"notices"` // by key, code, time
}

// Totals count objects. Bytes are uncompressed bytes of log files hashed.
type Totals struct {
	Digests        int   `json:"digests"`
	DigestsValid   int   `json:"digests_valid"`
	DigestsInvalid int   `json:"digests_invalid"`
	DigestsUnknown int   `json:"digests_unknown"`
	Logs           int   `json:"logs"`
	LogsValid      int   `json:"logs_valid"`
	LogsInvalid    int   `json:"logs_invalid"`
	LogsUnknown    int   `json:"logs_unknown"`     // all that are neither valid nor invalid
	LogsNotCovered int   `json:"logs_not_covered"` // of these, outside what digests cover
	OutOfRange     int   `json:"out_of_range"`     // digests and logs of the copy outside From to To, not judged
	OtherFiles     int   `json:"other_files"`      // neither digests, logs, metadata nor keys
	Bytes          int64 `json:"bytes"`
}

// An Object is one digest or log file, on disk or only named. Key is the path in the copy as it would be in the bucket (a .gz lost in
// the copy is put back); Path is the file itself, empty when missing.
type Object struct {
	Key  string `json:"key"`
	Path string `json:"path,omitempty"`
	Kind string `json:"kind"` // digest, log, or other for what could not be read at all
	Result
	SHA256   string `json:"sha256,omitempty"`    // of the uncompressed bytes on disk
	ProvedBy string `json:"proved_by,omitempty"` // key of the digest that names it
}

// A Chain is the digests of one trail in one account and region; backfill digests form a chain of their own.
type Chain struct {
	Root         string    `json:"root,omitempty"` // folder above AWSLogs
	Organization string    `json:"organization,omitempty"`
	Account      string    `json:"account"`
	Region       string    `json:"region"`
	Trail        string    `json:"trail"`
	HomeRegion   string    `json:"home_region"`
	Backfill     bool      `json:"backfill,omitempty"`
	First        time.Time `json:"first,omitzero"` // start of the first hour read
	Last         time.Time `json:"last,omitzero"`  // end of the last hour read
	Digests      int       `json:"digests"`
	Valid        int       `json:"valid"`
	Empty        int       `json:"empty"` // hours without log files
	Missing      int       `json:"missing"`
	Gaps         []Notice  `json:"gaps"`
}

// A Notice is something to know that is no failure. Codes: start (a chain begins), gap (time without digests, as before a restart),
// before_range and previous_elsewhere (the chain goes on outside From or outside this copy), starts_late and ends_early (a chain does
// not fill From to To), key_validity, duplicate_file, duplicate_entry, bad_metadata (a line nobody could use),
// orphan_metadata (a line whose digest is not in the copy), not_covered (a count of
// log files), not_regular (skipped), keys_from_copy, no_digests (a failure: nothing was proved).
type Notice struct {
	Code   string    `json:"code"`
	Detail string    `json:"detail"`
	Key    string    `json:"key,omitempty"`
	From   time.Time `json:"from,omitzero"`
	To     time.Time `json:"to,omitzero"`
}

// Failed tells whether anything is not proved that should be: an invalid object, an unknown one, or no digest at all. Log files outside
// what digests cover do not fail a report that is not strict.
func (r *Report) Failed() bool {
	t := r.Totals
	if t.Digests == 0 || t.DigestsValid < t.Digests || t.LogsInvalid > 0 || t.LogsUnknown > t.LogsNotCovered || (r.Strict && t.LogsNotCovered > 0) {
		return true
	}
	return slices.ContainsFunc(r.Objects, func(o Object) bool { return o.Kind != kindDigest && o.Kind != kindLog })
}

func (r *Report) add(o Object) {
	r.Objects = append(r.Objects, o)
	t := &r.Totals
	switch o.Kind {
	case kindDigest:
		t.Digests++
		count(o.Status, &t.DigestsValid, &t.DigestsInvalid, &t.DigestsUnknown)
	case kindLog:
		t.Logs++
		count(o.Status, &t.LogsValid, &t.LogsInvalid, &t.LogsUnknown)
		if o.Reason == "not_covered" || o.Reason == "coverage_edge" {
			t.LogsNotCovered++
		}
	}
}

func count(status string, isValid, isInvalid, isUnknown *int) {
	switch status {
	case valid:
		*isValid++
	case invalid:
		*isInvalid++
	default:
		*isUnknown++
	}
}

// sort puts the report in its one order.
func (r *Report) sort() {
	slices.SortFunc(r.Objects, func(a, b Object) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Path, b.Path))
	})
	slices.SortFunc(r.Notices, compareNotices)
	r.Notices = slices.Compact(r.Notices)
}

func compareNotices(a, b Notice) int {
	return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Code, b.Code), a.From.Compare(b.From), a.To.Compare(b.To),
		strings.Compare(a.Detail, b.Detail))
}
