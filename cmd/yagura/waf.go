package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/yagura-sec/yagura/server/gateway"
)

func (p *program) wafCommand() *cobra.Command {
	c := &cobra.Command{Use: "waf", Short: p.say("short.waf"), Long: p.say("long.waf"), Args: cobra.ArbitraryArgs, RunE: p.group}
	c.AddCommand(p.wafCheckCommand(), p.wafReplayCommand(), p.wafTuneCommand(), p.wafLintCommand(), p.wafDiffCommand())
	return c
}

// firewall is which web ACL and which rule set a verb is to use.
type firewall struct {
	acl       []string
	name      string
	resource  string
	crs       string // folder, or embedded
	paranoia  int
	engine    string
	country   string // MMDB files
	asn       string
	exclusion []string
}

// embedded is the value of --crs that means the rule set in the program.
const embedded = "embedded"

// crsFlags are the flags of the Core Rule Set.
func (p *program) crsFlags(c *cobra.Command, w *firewall) {
	f := c.Flags()
	f.StringVar(&w.crs, "crs", "", p.say("flag.waf-crs"))
	f.Lookup("crs").NoOptDefVal = embedded
	f.IntVar(&w.paranoia, "paranoia", 0, p.say("flag.waf-paranoia"))
	f.StringVar(&w.engine, "engine", "yagura", p.say("flag.waf-engine"))
	f.StringArrayVar(&w.exclusion, "exclusions", nil, p.say("flag.waf-exclusions"))
	completes(c, "engine", "yagura", "coraza")
}

// placeFlags are the flags for what surrounds a web ACL.
func (p *program) placeFlags(c *cobra.Command, w *firewall) {
	f := c.Flags()
	f.StringVar(&w.name, "web-acl", "", p.say("flag.waf-name"))
	f.StringVar(&w.resource, "resource", "", p.say("flag.waf-resource"))
	f.StringVar(&w.country, "geo-country", "", p.say("flag.waf-geo-country"))
	f.StringVar(&w.asn, "geo-asn", "", p.say("flag.waf-geo-asn"))
}

// settle checks the flags. A folder among the arguments is that of --crs, which
// may stand alone: `--crs rules/` and `--crs=rules/` are the same.
func (p *program) settle(w *firewall, args []string) (rest []string, err error) {
	for _, a := range args {
		if st, err := os.Stat(a); err == nil && st.IsDir() && w.crs == embedded {
			w.crs = a
			continue
		}
		rest = append(rest, a)
	}
	switch {
	case w.engine != "yagura" && w.engine != "coraza":
		return nil, p.wrong("waf-bad-engine", w.engine)
	case w.paranoia < 0 || w.paranoia > 4:
		return nil, p.wrong("waf-bad-paranoia", w.paranoia)
	}
	return rest, p.exist(w.acl)
}

// site gives the settings in the gateway's form.
func (w *firewall) site() *gateway.WAF {
	s := &gateway.WAF{ACL: w.acl, Name: w.name, Resource: w.resource}
	s.Geo.Country, s.Geo.ASN = w.country, w.asn
	on := w.crs != ""
	s.CRS = gateway.CRS{On: &on, Paranoia: w.paranoia, Engine: w.engine, Exclusions: w.exclusion}
	if on && w.crs != embedded {
		s.CRS.Dir = w.crs
	}
	return s
}

// gate compiles the gate that the gateway would use.
func (p *program) gate(w *firewall) (*siteGate, error) {
	if len(w.acl) == 0 && w.crs == "" {
		return nil, p.wrong("waf-nothing")
	}
	all := &gates{crs: map[string]inspect{}, warn: func(text string) { p.note("waf-warning", text) }}
	g, _, err := all.compile(w.site(), nil, nil)
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	return g.(*siteGate), nil //nolint:errcheck,forcetypeassert // compile makes nothing else.
}
