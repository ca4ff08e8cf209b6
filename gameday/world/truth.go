package world

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// truthAction is one line of the truth: what was really done, by whom, with what result, and where it left records.
type truthAction struct {
	ID       string        `json:"id"`
	Kind     string        `json:"kind"` // intrusion, response or decoy
	Step     string        `json:"step"`
	Attack   string        `json:"attack,omitempty"` // MITRE ATT&CK technique
	Actor    string        `json:"actor"`
	Verb     string        `json:"verb"`
	Entities []string      `json:"entities"`
	At       string        `json:"at"`
	Outcome  string        `json:"outcome"` // success, denied, blocked
	Bytes    int64         `json:"bytes,omitempty"`
	Records  []truthRecord `json:"records"`

	sec int64
}

// truthRecord finds a record: the source, the object's key and the record's own id, or its line in the uncompressed object.
type truthRecord struct {
	Source string `json:"source"`
	Object string `json:"object"`
	ID     string `json:"id"`
}

// note opens an action; what the emitter writes until the next note or rest belongs to it.
func (c *incident) note(kind, step, attack, actor, verb string, at int64, outcome string, entities ...string) *truthAction {
	c.truth = append(c.truth, truthAction{ID: fmt.Sprintf("a-%04d", len(c.truth)+1), Kind: kind, Step: step, Attack: attack, Actor: actor, Verb: verb, Entities: entities, At: time.Unix(at, 0).UTC().Format(time.RFC3339), Outcome: outcome, Records: []truthRecord{}, sec: at})
	c.e.act = int32(len(c.truth))
	return &c.truth[len(c.truth)-1]
}

// resolve fills the records of the actions from the delivered objects.
func (p *production) resolve(tasks []task, objects [][]delivered) {
	for i, list := range objects {
		for _, o := range list {
			for _, r := range o.refs {
				a := &p.truth[r.action-1]
				a.Records = append(a.Records, truthRecord{Source: kindNames[tasks[i].s.kind], Object: o.key, ID: r.id})
			}
		}
	}
	for i := range p.truth {
		slices.SortFunc(p.truth[i].Records, func(a, b truthRecord) int {
			return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Object, b.Object), cmp.Compare(a.ID, b.ID))
		})
	}
}

func (p *production) writeTruth() (err error) {
	if p.opt.Truth == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p.opt.Truth), 0o755); err != nil {
		return fmt.Errorf("world: truth: %w", err)
	}
	f, err := os.Create(p.opt.Truth)
	if err != nil {
		return fmt.Errorf("world: truth: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("world: truth: %w", cerr)
		}
	}()
	w := bufio.NewWriter(f)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for i := range p.truth {
		if err := enc.Encode(&p.truth[i]); err != nil {
			return fmt.Errorf("world: truth: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("world: truth: %w", err)
	}
	return nil
}
