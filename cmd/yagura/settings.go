package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/source"
)

// settings is the configuration file. Flags override it.
type settings struct {
	Data        string                       `yaml:"data"`      // directory of the lake and state; default ~/.local/share/yagura
	Language    string                       `yaml:"language"`  // en or ja; default from the locale
	Sources     map[string]map[string]string `yaml:"sources"`   // options by source, e.g. vpcflow: {format: "${version} ${account-id} …"}
	ServiceData string                       `yaml:"iam_data"`  // file of IAM service data; default the program's own
	Retention   map[string]int               `yaml:"retention"` // days to keep, by source; default: for ever
	Detection   detectSettings               `yaml:"detection"`
}

// detectSettings are what the detectors know of the operator's world.
type detectSettings struct {
	Rules        []string            `yaml:"rules"`        // further rule documents and filters: files or directories, such as SigmaHQ's tree
	Without      []string            `yaml:"without"`      // ids of rules that are not used, with * as a wildcard
	Lists        []intel.Spec        `yaml:"lists"`        // threat and trusted lists: {name, path, kind, source, format}
	Places       []string            `yaml:"places"`       // MaxMind DB files: cities, countries, ASNs
	Inventory    string              `yaml:"inventory"`    // file of instances and their addresses
	Accounts     []string            `yaml:"accounts"`     // accounts of the organisation: access for others is cross-account
	Automation   []string            `yaml:"automation"`   // ARN patterns of your own automation: its calls are counted, not alerted
	Placeholders map[string][]string `yaml:"placeholders"` // values of %name% in Sigma rules
	DryRun       []string            `yaml:"dry_run"`      // ids of rules that only count, with * as a wildcard
	OnIngest     bool                `yaml:"on_ingest"`    // every `yagura ingest` runs the detectors over what it brought
}

// readSettings reads the configuration file, if one is named. It is strict: a
// key that is not known is an error with its line.
func (p *program) readSettings() error {
	if p.config == "" {
		return nil
	}
	raw, err := os.ReadFile(p.config)
	if err != nil {
		return p.wrong("bad-config", p.config, err.Error())
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&p.settings); err != nil && !errors.Is(err, io.EOF) {
		return p.wrong("bad-config", p.config, err.Error())
	}
	for name, days := range p.settings.Retention {
		if days < 1 {
			return p.wrong("bad-retention", p.config, name, days)
		}
		if err := p.knownSource(name); err != nil {
			return p.wrong("bad-config", p.config, "retention: "+err.Error())
		}
	}
	for name := range p.settings.Sources {
		if err := p.knownSource(name); err != nil {
			return p.wrong("bad-config", p.config, "sources: "+err.Error())
		}
	}
	return nil
}

// knownSource refuses a name that is not a source's.
func (p *program) knownSource(name string) error {
	if slices.Contains(sourceNames(), name) {
		return nil
	}
	return p.wrong("no-source", name, join(sourceNames()))
}

// sourceNames lists the sources.
func sourceNames() []string {
	var out []string
	for _, s := range source.Schemas() {
		out = append(out, s.Source)
	}
	return out
}
