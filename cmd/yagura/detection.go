package main

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/detect/threat"
	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
)

// arms are the flags that say with what to look: they add to the
// configuration.
type arms struct {
	rules     []string
	onlyThose bool
	lists     []string
	places    []string
	inventory string
}

func (a *arms) flags(p *program, c *cobra.Command) {
	f := c.Flags()
	f.StringArrayVar(&a.rules, "rules", nil, p.say("flag.rules"))
	f.BoolVar(&a.onlyThose, "only-rules", false, p.say("flag.only-rules"))
	f.StringArrayVar(&a.lists, "list", nil, p.say("flag.list"))
	f.StringArrayVar(&a.places, "places", nil, p.say("flag.places"))
	f.StringVar(&a.inventory, "inventory", "", p.say("flag.inventory-of"))
}

// documents reads the rule documents that are in force.
func (p *program) documents(a arms) ([]*sigma.Document, []sigma.Problem, error) {
	var docs []*sigma.Document
	var problems []sigma.Problem
	if !a.onlyThose {
		own, err := fs.Sub(rules.Threat, "threat")
		if err != nil {
			return nil, nil, err
		}
		docs, problems = sigma.Read(own, ".")
	}
	for _, name := range slices.Concat(p.settings.Detection.Rules, a.rules) {
		more, bad, err := p.readRules(name)
		if err != nil {
			return nil, nil, err
		}
		docs, problems = append(docs, more...), append(problems, bad...)
	}
	docs = slices.DeleteFunc(docs, func(d *sigma.Document) bool { return among(p.settings.Detection.Without, d) })
	for _, d := range docs {
		d.DryRun = d.DryRun || among(p.settings.Detection.DryRun, d)
	}
	return docs, problems, nil
}

// readRules reads a file or directory of documents. Ids are paths below the
// directory; a file's id is that of its folder and name.
func (p *program) readRules(name string) ([]*sigma.Document, []sigma.Problem, error) {
	st, err := os.Stat(name)
	if err != nil {
		return nil, nil, p.wrong("no-path", name, cause(err))
	}
	if link, err := os.Lstat(name); err == nil && link.IsDir() && filepath.IsLocal(name) { // files are called as they were named
		docs, problems := sigma.Read(os.DirFS("."), filepath.ToSlash(filepath.Clean(name)))
		return docs, problems, nil
	}
	if st.IsDir() {
		docs, problems := sigma.Read(os.DirFS(name), ".")
		return docs, placed(problems, name), nil
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, nil, p.wrong("no-path", name, cause(err))
	}
	abs, err := filepath.Abs(name)
	if err != nil {
		return nil, nil, err
	}
	id := filepath.Base(filepath.Dir(abs)) + "/" + strings.TrimSuffix(filepath.Base(abs), filepath.Ext(abs))
	docs, problems := sigma.Parse(name, id, raw)
	return docs, problems, nil
}

// placed puts the directory before the files of problems.
func placed(problems []sigma.Problem, dir string) []sigma.Problem {
	for i := range problems {
		problems[i].File = filepath.Join(dir, problems[i].File)
	}
	return problems
}

// among says that one of the patterns is the rule's id.
func among(patterns []string, d *sigma.Document) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, d.ID)
		return ok && err == nil
	})
}

// kit gathers what detection needs. Close it after use.
func (p *program) kit(a arms) (kit detect.Kit, problems []sigma.Problem, done func(), err error) {
	done = func() {}
	docs, problems, err := p.documents(a)
	if err != nil {
		return kit, nil, done, err
	}
	if len(docs) == 0 && len(problems) > 0 {
		return kit, nil, done, &codedError{exitUsage, problems[0]}
	}
	if len(docs) == 0 {
		return kit, nil, done, p.failed("bad-rules", join(a.rules))
	}
	d := p.settings.Detection
	specs := slices.Clone(d.Lists)
	for _, text := range a.lists {
		kind, file, ok := strings.Cut(text, "=")
		if !ok {
			kind, file = "threat", text
		}
		specs = append(specs, intel.Spec{Kind: kind, Path: file})
	}
	lists, err := intel.Watch(specs)
	if err != nil {
		return kit, nil, done, &codedError{exitUsage, err}
	}
	inventory := intel.NewInventory()
	if file := cmp.Or(a.inventory, d.Inventory); file != "" {
		if err := inventory.ReadInventory(file); err != nil {
			return kit, nil, done, &codedError{exitUsage, err}
		}
	}
	world := threat.Config{Accounts: d.Accounts, Automation: d.Automation, Lists: lists.Lists}
	if files := slices.Concat(d.Places, a.places); len(files) > 0 {
		places, err := intel.OpenPlaces(files...)
		if err != nil {
			return kit, nil, done, &codedError{exitUsage, err}
		}
		world.Places, done = places, func() { _ = places.Close() }
	}
	return detect.Kit{
		Documents: docs, Schemas: source.Schemas(), World: world, Inventory: inventory, Placeholders: d.Placeholders,
	}, problems, done, nil
}

// assemble makes the detectors and tells what is wrong with the rules.
func (p *program) assemble(a arms) (*detect.Assembly, func(), error) {
	kit, problems, done, err := p.kit(a)
	if err != nil {
		return nil, done, err
	}
	assembly, more, err := detect.Assemble(kit)
	if err != nil {
		return nil, done, errors.Join(&codedError{exitUsage, err})
	}
	problems = slices.DeleteFunc(append(problems, more...), func(x sigma.Problem) bool { return x.Warning })
	if len(problems) > 0 {
		p.note("rule-problems", len(problems), problems[0].Error())
	}
	for _, d := range kit.Documents {
		if f := d.Filter; f != nil && !f.Expires.IsZero() && !p.now().Before(f.Expires) {
			p.note("filter-expired", d.ID, f.Expires.Format(time.DateOnly), cmp.Or(f.Owner, "-"))
		}
	}
	return assembly, done, nil
}
