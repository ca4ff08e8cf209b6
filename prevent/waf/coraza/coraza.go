// Package coraza runs the OWASP Core Rule Set with Coraza, https://coraza.io: the
// reference that the faster engine beside it is compared with, and an engine to choose
// for who prefers it. Its options and results have the same form.
//
// Coraza's literal prefilter (SecRxPreFilter) is off: in version 3.8.1 it misses
// attacks of CRS's own tests. Response rules do not run, and the phase of logging
// neither.
package coraza

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"

	"github.com/yagura-sec/yagura"
)

// Source is SecLang text; Name stands in errors.
type Source struct{ Name, Text string }

// Options choose the rules and what they do.
type Options struct {
	FS        fs.FS    // crs-setup.conf and rules/*.conf; nil: the CRS that is built in
	Paranoia  int      // up to which rules block, 1 to 4; 0: crs-setup.conf's
	Detection int      // up to which rules run; 0: Paranoia
	Threshold int      // inbound anomaly score that blocks; 0: crs-setup.conf's
	Sampling  int      // percent of requests; 0: all
	Blocking  bool     // stop at the first rule that denies
	BodyLimit int      // bytes of a body that are looked at; 0: 128 KiB
	Before    []Source // rules before CRS's
	After     []Source // rules after CRS's
	Remove    []string // rule ids, or ranges FIRST-LAST
}

// Engine holds a configured WAF. Safe for concurrent use.
type Engine struct {
	waf       coraza.WAF
	bodyLimit int
}

const defaultBodyLimit = 128 << 10

// Compile reads the rules.
func Compile(o Options) (engine *Engine, err error) {
	defer func() { // SecRuleRemoveByMsg panics on rules without a message
		if r := recover(); r != nil {
			engine, err = nil, fmt.Errorf("coraza: its compiler failed: %v", r)
		}
	}()
	if o.BodyLimit == 0 {
		o.BodyLimit = defaultBodyLimit
	}
	fsys, setup, rules := o.FS, "crs-setup.conf", "rules/*.conf"
	if fsys == nil {
		fsys, setup, rules = coreruleset.FS, "@crs-setup.conf.example", "@owasp_crs/*.conf"
	} else if _, err := fs.Stat(fsys, setup); err != nil {
		setup += ".example"
	}
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(fsys).
		WithDirectives(o.directives()).
		WithDirectives("Include " + setup).
		WithDirectives(o.settings()).
		WithDirectives(join(o.Before)).
		WithDirectives(plugins(fsys, "config") + plugins(fsys, "before")).
		WithDirectives("Include " + rules).
		WithDirectives(plugins(fsys, "after")).
		WithDirectives(join(o.After)).
		WithDirectives(remove(o.Remove)))
	if err != nil {
		return nil, fmt.Errorf("coraza: %w", err)
	}
	return &Engine{waf, o.BodyLimit}, nil
}

// plugins includes files of CRS's plugins, which are a choice.
func plugins(fsys fs.FS, kind string) string {
	pattern := "plugins/*-" + kind + ".conf"
	if names, _ := fs.Glob(fsys, pattern); len(names) == 0 {
		return ""
	}
	return "Include " + pattern + "\n"
}

// directives are the base: limits, and the rules that choose the body's processor.
func (o *Options) directives() string {
	mode := "DetectionOnly"
	if o.Blocking {
		mode = "On"
	}
	return fmt.Sprintf(`SecRuleEngine %s
SecRxPreFilter Off
SecAuditEngine Off
SecRequestBodyAccess On
SecRequestBodyLimit %[2]d
SecRequestBodyInMemoryLimit %[2]d
SecRequestBodyLimitAction ProcessPartial
SecResponseBodyAccess Off
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "^application/[a-z0-9.-]+[+]json" "id:200006,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400,msg:'Failed to parse request body.',logdata:'%%{reqbody_error_msg}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400,msg:'Multipart request body failed strict validation.'"
`, mode, o.BodyLimit)
}

// settings are the variables of CRS that Options stand for.
func (o *Options) settings() string {
	var b strings.Builder
	id := 90099900
	set := func(name string, value int) {
		if value != 0 {
			id++
			fmt.Fprintf(&b, "SecAction \"id:%d,phase:1,pass,nolog,t:none,setvar:tx.%s=%d\"\n", id, name, value)
		}
	}
	set("blocking_paranoia_level", o.Paranoia)
	set("detection_paranoia_level", max(o.Detection, o.Paranoia))
	set("inbound_anomaly_score_threshold", o.Threshold)
	set("sampling_percentage", o.Sampling)
	return b.String()
}

func join(list []Source) string {
	var b strings.Builder
	for _, s := range list {
		_, _ = b.WriteString(s.Text + "\n")
	}
	return b.String()
}

func remove(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return "SecRuleRemoveById " + strings.Join(list, " ")
}

// BodyLimit is the number of bytes of a body that Inspect looks at.
func (e *Engine) BodyLimit() int { return e.bodyLimit }

// Inspect evaluates the rules over a request. An error says that Coraza gave no answer.
func (e *Engine) Inspect(r *yagura.Request) (out *Result, err error) {
	defer func() { // setvar:!tx.name without a value panics
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("coraza: a rule failed: %v", r)
		}
	}()
	tx := e.waf.NewTransactionWithID(r.ID)
	defer func() { _ = tx.Close() }()
	client := ""
	if r.Client.IsValid() {
		client = r.Client.Unmap().String()
	}
	tx.ProcessConnection(client, 0, "", 0)
	tx.ProcessURI(r.URI, r.Method, r.Version)
	tx.SetServerName(r.Host)
	hosts := slices.ContainsFunc(r.Headers, func(h yagura.Header) bool { return strings.EqualFold(h.Name, "host") })
	for _, h := range r.Headers {
		tx.AddRequestHeader(h.Name, h.Value)
	}
	if !hosts && r.Host != "" {
		tx.AddRequestHeader("Host", r.Host)
	}
	out = &Result{}
	if it := tx.ProcessRequestHeaders(); it == nil {
		if err := body(tx, r.Body); err != nil {
			return nil, fmt.Errorf("coraza: %w", err)
		}
	}
	out.fill(tx)
	return out, nil
}

func body(tx types.Transaction, p []byte) error {
	if len(p) > 0 {
		if it, _, err := tx.WriteRequestBody(p); it != nil || err != nil {
			return err
		}
	}
	_, err := tx.ProcessRequestBody()
	return err
}

// state is what Coraza's transactions show beside their interface.
type state interface {
	Variables() plugintypes.TransactionVariables
}

func (out *Result) fill(tx types.Transaction) {
	for _, m := range tx.MatchedRules() {
		out.add(m)
	}
	if it := tx.Interruption(); it != nil {
		out.Blocked, out.Rule, out.Status = true, it.RuleID, it.Status
	}
	vars, ok := tx.(state)
	if !ok {
		return
	}
	get := func(name string) int {
		list := vars.Variables().TX().Get(name)
		if len(list) == 0 {
			return 0
		}
		n, _ := strconv.Atoi(list[0]) // what is no number counts as zero, as in rules
		return n
	}
	s := &out.Scores
	for level := 1; level <= 4; level++ {
		s.Level[level] = get("inbound_anomaly_score_pl" + strconv.Itoa(level))
	}
	s.Inbound, s.Detection = get("blocking_inbound_anomaly_score"), get("detection_inbound_anomaly_score")
	s.Threshold = get("inbound_anomaly_score_threshold")
	s.SQLi, s.XSS, s.RFI, s.LFI = get("sql_injection_score"), get("xss_score"), get("rfi_score"), get("lfi_score")
	s.RCE, s.PHP = get("rce_score"), get("php_injection_score")
	s.HTTP, s.Session = get("http_violation_score"), get("session_fixation_score")
}
