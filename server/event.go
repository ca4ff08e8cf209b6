package server

import (
	"net/http"
	"net/url"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/lake"
	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/query"
)

// eventURL gives the page of a hit, which remembers the search it came from. An
// id may name several events; the cursor says which.
func eventURL(c *call, h *ask.Hit) string {
	return link("/event", c.state().set("id", h.ID(), "at", cursor(h.Key())).params)
}

// find gives the event of an id, and the others that share it. The parameter at
// picks one of them.
func (d *desk) find(c *call, id string) (*ask.Hit, []ask.Hit, error) {
	if id == "" {
		return nil, nil, bad("id", "no event is named", "take the id from a search")
	}
	at, err := c.key("at")
	if err != nil {
		return nil, nil, err
	}
	hits, err := d.Lake.Event(c.ctx(), id)
	if err != nil {
		return nil, nil, err
	}
	for i := range hits {
		if at == nil || hits[i].Key() == *at {
			return &hits[i], hits, nil
		}
	}
	return nil, nil, lake.ErrNotFound
}

// evidence is what vouches for an event.
type evidence struct {
	Object     int64  `json:"object"`
	Bucket     string `json:"bucket"`
	Key        string `json:"key"`
	Record     int64  `json:"record"`
	SHA256     string `json:"sha256"` // of the object's decompressed content
	IngestedAt string `json:"ingested_at"`
	Status     string `json:"status"` // of the object
	Reason     string `json:"reason,omitempty"`
	Proof      string `json:"proof"` // proved, failed, unknown, or "" where the source has no digests
	ProofBy    string `json:"proof_by,omitempty"`
	ProofWhy   string `json:"proof_reason,omitempty"`
}

func (d *desk) evidence(c *call, h *ask.Hit) (evidence, error) {
	p := h.Event.Provenance
	o, err := d.Lake.Object(c.ctx(), p.Object)
	if err != nil {
		return evidence{}, err
	}
	return evidence{
		Object: o.ID, Bucket: o.Bucket, Key: o.Key, Record: p.Record, SHA256: o.SHA256, IngestedAt: stamp(o.IngestedAt),
		Status: o.Status, Reason: o.Reason, Proof: o.Proof, ProofBy: o.ProofBy, ProofWhy: o.ProofReason,
	}, nil
}

type observableBody struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type eventBody struct {
	Event       record           `json:"event"`
	Evidence    evidence         `json:"evidence"`
	Observables []observableBody `json:"observables"`
	Others      []string         `json:"others"` // cursors of other events of the same id, for at
}

func (d *desk) apiEvent(c *call) error {
	h, all, err := d.find(c, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	body := eventBody{Event: d.record(h, nil, true), Observables: []observableBody{}, Others: []string{}}
	if body.Evidence, err = d.evidence(c, h); err != nil {
		return err
	}
	for _, o := range yagura.Observables(&h.Event, d.schemas[h.Source].Raw) {
		body.Observables = append(body.Observables, observableBody(o))
	}
	for i := range all {
		if k := all[i].Key(); k != h.Key() {
			body.Others = append(body.Others, cursor(k))
		}
	}
	return c.reply(body)
}

// apiRaw gives the record as the source wrote it, as plain text that no browser
// takes for anything else.
func (d *desk) apiRaw(c *call) error {
	h, _, err := d.find(c, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	c.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	c.w.Header().Set("Content-Disposition", `attachment; filename="record.txt"`)
	c.w.WriteHeader(http.StatusOK)
	_, err = c.w.Write([]byte(h.Event.Raw))
	return err
}

// around gives what happened before and after an event, among what the query
// lets through.
func (d *desk) around(c *call, h *ask.Hit, by string, f ask.Filter, n int) ([]ask.Hit, error) {
	name, value := companion(h, by)
	if name != "" {
		where := is(name, value)
		if f.Where != nil {
			where = query.And{Args: []query.Expr{f.Where, where}}
		}
		e, err := query.Check(where, d.fields, c.now)
		if err != nil {
			return nil, err
		}
		f.Where = e
	}
	return d.Lake.Around(c.ctx(), f, *h, n)
}

// companions are the ways to choose events around another one.
var companions = []string{"all", "actor", "address", "credential", "account"}

// companion gives the field and value that events around this one share; none
// for all events or when the event lacks it.
func companion(h *ask.Hit, by string) (name, value string) {
	ev := &h.Event
	switch by {
	case "actor":
		name, value = "actor.user.uid", ev.User.UID
	case "address":
		name, value = "src_endpoint.ip", ev.Src.IP
	case "credential":
		name, value = "actor.user.credential_uid", ev.User.Credential
	case "account":
		name, value = "account", ev.Account
	}
	if value == "" {
		return "", ""
	}
	return name, value
}

func (d *desk) apiAround(c *call) error {
	q, err := d.question(c)
	if err != nil {
		return err
	}
	fields, err := d.named(c, "fields")
	if err != nil {
		return err
	}
	n, err := c.number("n", 10, 1, 200)
	if err != nil {
		return err
	}
	h, _, err := d.find(c, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	hits, err := d.around(c, h, c.params.Get("by"), q.filter, n)
	if err != nil {
		return err
	}
	body := searchBody{Events: []record{}}
	for i := range hits {
		body.Events = append(body.Events, d.record(&hits[i], fields, false))
	}
	return c.reply(body)
}

// exportParams are the parameters of an export of what the page shows.
func exportParams(c *call, format string) url.Values {
	return c.state().set("format", format, "sort", "", "facets", "").params
}
