package server

import (
	"cmp"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/server/console"
)

// holding is what the lake has of one source.
type holding struct {
	Source      string           `json:"source"`
	Title       string           `json:"title"`
	Objects     int64            `json:"objects"`
	Copies      int64            `json:"copies"`  // objects with the content of another one
	Damaged     int64            `json:"damaged"` // objects that could not be read to their end
	Records     int64            `json:"records"` // seen, good and bad
	Rows        int64            `json:"rows"`    // events in the lake
	Duplicates  int64            `json:"duplicates"`
	Quarantined int64            `json:"quarantined"`
	Expired     int64            `json:"expired"` // removed by retention
	Bytes       int64            `json:"bytes"`   // of the objects as stored
	Proofs      map[string]int64 `json:"proofs"`  // objects by proved, failed, unknown
	First       *time.Time       `json:"first"`
	Last        *time.Time       `json:"last"`
}

// objectBody is a source object.
type objectBody struct {
	ID          int64  `json:"id"`
	Bucket      string `json:"bucket"`
	Key         string `json:"key"`
	Source      string `json:"source"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	Status      string `json:"status"`
	Reason      string `json:"reason"`
	Records     int64  `json:"records"`
	Rows        int64  `json:"rows"`
	Duplicates  int64  `json:"duplicates"`
	Quarantined int64  `json:"quarantined"`
	Proof       string `json:"proof"`
	ProofReason string `json:"proof_reason"`
	ProofBy     string `json:"proof_by"`
	IngestedAt  string `json:"ingested_at"`
}

type inventory struct {
	Sources []*holding   `json:"sources"`
	Damaged []objectBody `json:"damaged"` // the latest objects that did not end well or fail their proof
}

// shownObjects and shownRecords bound the lists of what went wrong.
const shownObjects, shownRecords = 50, 100

// inventory counts the objects of the catalogue by source.
func (d *desk) inventory(c *call) (*inventory, error) {
	by := map[string]*holding{}
	inv := &inventory{Sources: []*holding{}, Damaged: []objectBody{}}
	for _, s := range d.Schemas {
		by[s.Source] = &holding{Source: s.Source, Title: s.Title, Proofs: map[string]int64{}}
	}
	err := d.Lake.Objects(c.ctx(), func(o lake.Object) error {
		h := by[o.Source]
		if h == nil {
			h = &holding{Source: o.Source, Proofs: map[string]int64{}}
			by[o.Source] = h
		}
		h.add(&o)
		if damaged(&o) {
			inv.Damaged = append(inv.Damaged, objectOf(&o))
			if len(inv.Damaged) >= 2*shownObjects {
				inv.trim()
			}
		}
		return nil
	})
	inv.trim()
	for _, h := range by {
		if h.Objects > 0 {
			inv.Sources = append(inv.Sources, h)
		}
	}
	slices.SortFunc(inv.Sources, func(a, b *holding) int { return cmp.Compare(a.Source, b.Source) })
	return inv, err
}

// trim keeps the latest.
func (inv *inventory) trim() {
	slices.SortFunc(inv.Damaged, func(a, b objectBody) int {
		return cmp.Or(cmp.Compare(b.IngestedAt, a.IngestedAt), cmp.Compare(a.ID, b.ID))
	})
	inv.Damaged = inv.Damaged[:min(len(inv.Damaged), shownObjects)]
}

func (h *holding) add(o *lake.Object) {
	h.Objects++
	h.Bytes += o.Size
	h.Records += o.Records
	h.Rows += o.Rows - o.Expired
	h.Duplicates += o.Duplicates
	h.Quarantined += o.Quarantined
	h.Expired += o.Expired
	if o.Proof != "" {
		h.Proofs[o.Proof]++
	}
	switch {
	case o.Copy():
		h.Copies++
	case o.Reason != "":
		h.Damaged++
	}
	if o.Rows == 0 {
		return
	}
	first, last := time.UnixMicro(o.First).UTC(), time.UnixMicro(o.Last).UTC()
	if h.First == nil || first.Before(*h.First) {
		h.First = &first
	}
	if h.Last == nil || last.After(*h.Last) {
		h.Last = &last
	}
}

func damaged(o *lake.Object) bool {
	return !o.Copy() && o.Reason != "" || o.Proof == "failed"
}

func objectOf(o *lake.Object) objectBody {
	return objectBody{
		ID: o.ID, Bucket: o.Bucket, Key: o.Key, Source: o.Source, Size: o.Size, SHA256: o.SHA256, Status: o.Status, Reason: o.Reason,
		Records: o.Records, Rows: o.Rows, Duplicates: o.Duplicates, Quarantined: o.Quarantined,
		Proof: o.Proof, ProofReason: o.ProofReason, ProofBy: o.ProofBy, IngestedAt: stamp(o.IngestedAt),
	}
}

// stamp writes µs since the epoch.
func stamp(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }

func (d *desk) apiSources(c *call) error {
	inv, err := d.inventory(c)
	if err != nil {
		return err
	}
	return c.reply(inv)
}

// quarantined is a record that could not be read.
type quarantined struct {
	Object string    `json:"object"` // key
	Source string    `json:"source"`
	Record int64     `json:"record"`
	Offset int64     `json:"offset"` // -1 if unknown
	Reason string    `json:"reason"`
	Raw    []byte    `json:"raw"` // base64, at most 64 KiB
	At     time.Time `json:"at"`
}

func (d *desk) quarantine(c *call, limit int) ([]quarantined, error) {
	records, err := d.Lake.Quarantine(c.ctx(), limit)
	if err != nil {
		return nil, err
	}
	objects := map[int64]lake.Object{}
	out := []quarantined{}
	for _, r := range records {
		o, ok := objects[r.Object]
		if !ok {
			if o, err = d.Lake.Object(c.ctx(), r.Object); err != nil {
				return nil, err
			}
			objects[r.Object] = o
		}
		out = append(out, quarantined{o.Key, o.Source, r.Record, r.Offset, r.Reason, r.Raw, time.UnixMicro(r.At).UTC()})
	}
	return out, nil
}

func (d *desk) apiQuarantine(c *call) error {
	n, err := c.number("limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	records, err := d.quarantine(c, n)
	if err != nil {
		return err
	}
	return c.reply(map[string]any{"records": records})
}

type sourcesView struct {
	Frame      frame
	Empty      bool
	Sources    []holdingView
	Damaged    []damagedView
	Quarantine []quarantineView
	Limit      int
}

type holdingView struct {
	*holding
	From, To, URL string
	Size          string
}

type damagedView struct {
	objectBody
	Time string
}

type quarantineView struct {
	quarantined
	Time, Text, Hex string
	Cut             bool
}

// shownRaw bounds what is shown of a record in quarantine, in bytes.
const shownRaw = 512

func (d *desk) pageSources(c *call) error {
	inv, err := d.inventory(c)
	if err != nil {
		return err
	}
	v := &sourcesView{Frame: c.frame(), Empty: len(inv.Sources) == 0, Limit: shownRecords}
	for _, h := range inv.Sources {
		one := holdingView{holding: h, URL: c.state().with("source", h.Source), Size: size(h.Bytes)}
		if h.First != nil {
			one.From, one.To = c.local(*h.First), c.local(*h.Last)
		}
		v.Sources = append(v.Sources, one)
	}
	for _, o := range inv.Damaged {
		at, _ := time.Parse(time.RFC3339Nano, o.IngestedAt)
		v.Damaged = append(v.Damaged, damagedView{o, c.local(at)})
	}
	records, err := d.quarantine(c, shownRecords)
	if err != nil {
		return err
	}
	for _, r := range records {
		raw := r.Raw[:min(len(r.Raw), shownRaw)]
		v.Quarantine = append(v.Quarantine, quarantineView{
			quarantined: r, Time: c.local(r.At), Text: console.Visible(string(raw)), Hex: hex.Dump(raw), Cut: len(raw) < len(r.Raw),
		})
	}
	return d.show(c, http.StatusOK, "sources", v)
}

// size writes bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	if i == 0 {
		return number(n) + " B"
	}
	return trimZero(f) + " " + units[i]
}
