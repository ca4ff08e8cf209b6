package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"go.yaml.in/yaml/v4"
)

// settings is the configuration file. Flags override it.
type settings struct {
	Data      string                       `yaml:"data"`      // directory of the lake and state; default ~/.local/share/yagura
	Language  string                       `yaml:"language"`  // en or ja; default from the locale
	Sources   map[string]map[string]string `yaml:"sources"`   // options by source, e.g. vpcflow: {format: "${version} ${account-id} …"}
	Retention map[string]int               `yaml:"retention"` // days to keep, by source; default: for ever
}

// readSettings reads the configuration file, if one is named.
func (p *program) readSettings() error {
	if p.config == "" {
		return nil
	}
	raw, err := os.ReadFile(p.config)
	if err != nil {
		return err
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&p.settings); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", p.config, err)
	}
	return nil
}
