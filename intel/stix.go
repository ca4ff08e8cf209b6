package intel

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// stixObject is what a STIX 2 object may say
// (https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html).
type stixObject struct {
	Type        string       `json:"type"`
	Pattern     string       `json:"pattern"`
	PatternType string       `json:"pattern_type"`
	Value       string       `json:"value"`
	Revoked     bool         `json:"revoked"`
	Objects     []stixObject `json:"objects"`

	// Of feeds that are JSON, but not STIX: Spamhaus DROP, abuse.ch.
	CIDR    string `json:"cidr"`
	Address string `json:"ip_address"`
	IOC     string `json:"ioc"`
	IOCURL  string `json:"url"`
}

// comparison is one comparison of a STIX pattern: ipv4-addr:value = '192.0.2.1'.
var comparison = regexp.MustCompile(`(?:ipv4-addr|ipv6-addr|domain-name|url|network-traffic)(?::[\w.-]+)+\s*(?:=|ISSUBSET|ISSUPERSET|IN)\s*(\((?:[^)'\\]|'(?:[^'\\]|\\.)*')*\)|'(?:[^'\\]|\\.)*')`)

// quoted is a string of a STIX pattern.
var quoted = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'`)

// stix reads bundles, arrays of objects and objects one a line; also those of
// feeds that name their indicator cidr, ip_address, ioc or url.
func (in *indicators) stix(r io.Reader) error {
	d := json.NewDecoder(r)
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("byte %d: %w", d.InputOffset(), err)
		}
		var objects []stixObject
		if raw[0] == '[' {
			err = json.Unmarshal(raw, &objects)
		} else {
			objects = make([]stixObject, 1)
			err = json.Unmarshal(raw, &objects[0])
		}
		if err != nil {
			return fmt.Errorf("value %d: %w", n, err)
		}
		in.objects(objects, n)
	}
}

func (in *indicators) objects(objects []stixObject, n int) {
	for _, o := range objects {
		switch {
		case o.Revoked:
		case o.Type == "bundle" || o.Type == "observed-data":
			in.objects(o.Objects, n)
		case o.Type == "indicator":
			in.pattern(o, n)
		case o.Type == "ipv4-addr" || o.Type == "ipv6-addr" || o.Type == "domain-name" || o.Type == "url":
			in.add(o.Value, n)
		case o.Type == "":
			if text := cmp.Or(o.CIDR, o.Address, o.IOC, o.IOCURL); text != "" {
				in.add(text, n)
			} else {
				in.skip("an object without type, cidr, ip_address, ioc or url", n)
			}
		}
	}
}

// pattern takes the addresses and names that a pattern compares with. A pattern
// of other observables (files, registry keys) is skipped and counted.
func (in *indicators) pattern(o stixObject, n int) {
	found := false
	if o.PatternType == "" || o.PatternType == "stix" {
		for _, c := range comparison.FindAllStringSubmatch(o.Pattern, -1) {
			for _, q := range quoted.FindAllStringSubmatch(c[1], -1) {
				found = in.try(strings.ReplaceAll(q[1], `\`, "")) || found
			}
		}
	}
	if !found {
		in.skip(o.Pattern, n)
	}
}

// aws reads ip-ranges.json
// (https://docs.aws.amazon.com/vpc/latest/userguide/aws-ip-ranges.html).
func (in *indicators) aws(r io.Reader) error {
	var file struct {
		Prefixes []struct {
			Prefix string `json:"ip_prefix"`
		} `json:"prefixes"`
		Prefixes6 []struct {
			Prefix string `json:"ipv6_prefix"`
		} `json:"ipv6_prefixes"`
	}
	if err := json.NewDecoder(r).Decode(&file); err != nil {
		return err
	}
	for i, p := range file.Prefixes {
		in.add(p.Prefix, i+1)
	}
	for i, p := range file.Prefixes6 {
		in.add(p.Prefix, i+1)
	}
	return nil
}
