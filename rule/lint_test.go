package rule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/rule"
	"github.com/yagura-sec/yagura/rule/sigma"
)

// own is a document of ours in which nothing is missing.
const own = `title: T
description: D
level: high
tags: [attack.t1562.008]
logsource: {product: aws, service: cloudtrail}
detection:
  s:
    eventSource: cloudtrail.amazonaws.com
    eventName: StopLogging
  condition: s
yagura:
  title: {ja: 題}
  description: {ja: 説明}
  why: {en: w, ja: わ}
  check: {en: c, ja: か}
  do: {en: d, ja: だ}
  prevent: {en: p, ja: ぴ}
  tests:
    - {name: hit, match: true, event: '{"eventName":"StopLogging"}'}
    - {name: miss, match: false, change: {eventName: x}}
`

func TestLint(t *testing.T) {
	cfg := twinConfig
	cfg.Strict = true
	cfg.Now = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	cfg.KnownEvent = func(source, name string) bool {
		return (source == "" || source == "cloudtrail.amazonaws.com") && (name == "StopLogging" || name == "DeleteTrail")
	}
	for _, c := range []struct {
		name, old, replacement string
		want                   []string // "line code"
	}{
		{"clean", "", "", nil},
		{"field", "eventName: StopLogging\n", "eventname: StopLogging\n", []string{"9 unknown-field"}},
		{"field of identity", "eventName: Stop", "userIdentity.useName: Stop", []string{"9 unknown-field"}},
		{"free field", "eventName: StopLogging\n", "requestParameters.any.thing: x\n", nil},
		{"derived field", "eventName: StopLogging\n", "yagura.nothing: x\n", []string{"9 unknown-field"}},
		{"placeholder", "eventName: StopLogging", "eventName|expand: '%gone%'", []string{"9 placeholder"}},
		{"unused", "  condition: s", "  t: {eventName: DeleteTrail}\n  condition: s", []string{"10 unused-search"}},
		{"impossible", "  condition: s", "  t: {eventName: DeleteTrail}\n  condition: s and t", []string{"7 impossible"}},
		{"possible", "  condition: s", "  t: {eventName: [StopLogging, DeleteTrail]}\n  condition: s and t", nil},
		{"event", "StopLogging\n", "StopLoging\n", []string{"7 unknown-event"}},
		{"event of another service", "cloudtrail.amazonaws.com", "iam.amazonaws.com", []string{"7 unknown-event"}},
		{"text", "why: {en: w, ja: わ}", "why: {en: w}", []string{"1 text"}},
		{"level", "level: high\n", "", []string{"1 level"}},
		{"tag", "attack.t1562.008]", "attack.t1562.008, Attack]", []string{"1 tag"}},
		{"technique", "attack.t1562.008]", "attack.defense-evasion]", []string{"1 tag"}},
		{"no near miss", "    - {name: miss, match: false, change: {eventName: x}}\n", "", []string{"1 tests"}},
		{"null in list", "eventName: StopLogging\n", "errorCode: [null, x]\n", []string{"9 null-in-list"}},
		{"bad change", "change: {eventName: x}", "change: {eventName.deep: x}", []string{"20 tests"}},
	} {
		text := strings.Replace(own, c.old, c.replacement, 1)
		docs, problems := sigma.Parse("f.yml", "f", []byte(text))
		if len(problems) > 0 {
			t.Errorf("%s: %v", c.name, problems)
		}
		var got []string
		for _, p := range rule.Lint(docs, cfg) {
			if p.Warning || p.ID != "f" || p.File != "f.yml" {
				t.Errorf("%s: %+v", c.name, p)
			}
			got = append(got, fmt.Sprint(p.Line, " ", p.Code))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestLintSeveral(t *testing.T) {
	text := own + `---
title: F
filter: {rules: [f], s: {userAgent: x}, condition: s}
yagura: {owner: o, reason: r, expires: 2026-11-01}
---
title: C
correlation: {type: event_count, rules: [gone, part], timespan: 1h, condition: {gte: 2}}
---
title: P
name: part
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: x}, condition: s}
yagura: {automation: true}
`
	docs, problems := sigma.Parse("f.yml", "f", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	docs = append(docs, docs[0])
	cfg := twinConfig
	cfg.Now = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var got []string
	for _, p := range rule.Lint(docs, cfg) {
		got = append(got, fmt.Sprint(p.ID, " ", p.Code, " ", p.Warning))
	}
	want := []string{"f duplicate-id false", "f#2 expired false", "f#3 reference true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
