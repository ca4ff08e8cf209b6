package ingest

import (
	"time"

	"github.com/yagura-sec/yagura/lake"
)

// Summary is what a run did.
type Summary struct {
	Sources    map[string]*SourceSummary // by name of the source
	Known      int64                     // objects that the lake had
	Evidence   int64                     // digests and their metadata, and empty files
	Unclaimed  []Note                    // files that no source recognises
	Damaged    []Note                    // objects that ended early or could not be read
	Changed    []Note                    // objects with other content than when they were ingested
	Copies     int64                     // objects with the content of another one
	Files      int64                     // Parquet files written
	Bytes      int64                     // of these
	Elapsed    time.Duration             // until everything was queryable
	Compaction time.Duration
}

// Note is a word about one file.
type Note struct{ Path, Reason string }

// SourceSummary is what a run brought of one source.
type SourceSummary struct {
	Objects, Records, Rows  int64
	Duplicates, Quarantined int64
	First, Last             time.Time
	Proved, Failed          int64 // objects, by digest
}

// Totals adds up the sources.
func (s *Summary) Totals() SourceSummary {
	var t SourceSummary
	for _, x := range s.Sources {
		t.add(*x)
	}
	return t
}

func (s *SourceSummary) add(x SourceSummary) {
	s.Objects += x.Objects
	s.Records += x.Records
	s.Rows += x.Rows
	s.Duplicates += x.Duplicates
	s.Quarantined += x.Quarantined
	s.Proved += x.Proved
	s.Failed += x.Failed
	if !x.First.IsZero() && (s.First.IsZero() || x.First.Before(s.First)) {
		s.First = x.First
	}
	if x.Last.After(s.Last) {
		s.Last = x.Last
	}
}

// object adds one committed object.
func (s *Summary) object(o lake.Object, path string) {
	if o.Source == "" { // noted when it was opened
		return
	}
	src := s.Sources[o.Source]
	if src == nil {
		src = &SourceSummary{}
		s.Sources[o.Source] = src
	}
	x := SourceSummary{Objects: 1, Records: o.Records, Rows: o.Rows, Duplicates: o.Duplicates, Quarantined: o.Quarantined}
	if o.Rows > 0 {
		x.First, x.Last = time.UnixMicro(o.First).UTC(), time.UnixMicro(o.Last).UTC()
	}
	switch o.Proof {
	case "proved":
		x.Proved = 1
	case "failed":
		x.Failed = 1
	}
	src.add(x)
	switch {
	case o.Copy():
		s.Copies++
	case o.Reason != "":
		s.Damaged = append(s.Damaged, Note{path, o.Reason})
	}
}
