package detect

import (
	"io"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/detect/flow"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// Kit is what detection is made of: the documents, and what the operator knows
// of the own world.
type Kit struct {
	Documents    []*sigma.Document
	Schemas      []*ocsf.Schema
	World        threat.Config
	Inventory    *intel.Inventory    // learns from flow logs and Config items; may be nil
	Placeholders map[string][]string // values of %name% in rules
	Strict       bool                // refuse unknown fields in documents of our own kind
	Service      func(ip string) bool
}

// Assembly is a pipeline with its parts.
type Assembly struct {
	*Pipeline
	Rules  *rule.Set
	Threat *threat.Detector
	Flow   *flow.Detector
}

// Assemble makes the pipeline of a kit. Problems name what is left out; an error
// says that nothing can run.
func Assemble(k Kit) (*Assembly, []sigma.Problem, error) {
	if k.Inventory != nil {
		k.World.Addresses = k.Inventory
	}
	fields := threat.NewFields(k.World)
	set, problems := rule.Compile(k.Documents, rule.Config{
		Schemas: k.Schemas, Fields: fields.Map(), Placeholders: k.Placeholders, Strict: k.Strict,
	})
	t, more := threat.New(set, fields)
	problems = append(problems, more...)
	f, err := flow.New(flow.Config{Documents: k.Documents, Lists: k.World.Lists, Service: k.Service})
	if err != nil {
		return nil, problems, err
	}
	detectors := []yagura.Detector{t, f}
	if k.Inventory != nil {
		detectors = append([]yagura.Detector{learner{k.Inventory}}, detectors...)
	}
	p := New(Config{Rules: set, Schemas: k.Schemas, Detectors: detectors})
	return &Assembly{Pipeline: p, Rules: set, Threat: t, Flow: f}, problems, nil
}

// learner lets the inventory see what passes before the detectors ask it.
type learner struct{ *intel.Inventory }

func (l learner) Detect(source string, batch []ocsf.Event, _ func(*yagura.Finding)) {
	if source == "vpcflow" || source == "awsconfig" {
		for i := range batch {
			l.Observe(source, &batch[i])
		}
	}
}

var _ interface {
	Save(w io.Writer) error
	Load(r io.Reader) error
} = learner{}
