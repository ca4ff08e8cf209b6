package sequence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/yagura-sec/yagura"
)

// tell makes the finding of a sequence.
func (t *thread) tell(l live) *yagura.Finding {
	f := &yagura.Finding{
		ID: l.ID, Rule: Rule, Author: "Yagura", Severity: yagura.Critical,
		Subject: yagura.Entity{Type: t.Kind, ID: t.ID, Account: t.Account}, Account: t.Account,
	}
	var tactics []string
	step := 0
	for _, p := range t.Parts {
		if !l.holds(p) {
			continue
		}
		step++
		f.Parts = append(f.Parts, p.ID)
		f.Count++
		if f.First == 0 || p.First < f.First {
			f.First = p.First
		}
		f.Last = max(f.Last, p.Last)
		f.Region = p.Region
		f.Facts = append(f.Facts,
			yagura.Fact{Name: fmt.Sprintf("step %d", step), Value: p.english()},
			yagura.Fact{Name: fmt.Sprintf("手順 %d", step), Value: p.japanese()})
		if p.counts() {
			tactics = union(tactics, p.Tactics)
		}
		f.Techniques = union(f.Techniques, p.Techniques)
		f.Events = append(f.Events, p.Event)
		for _, r := range append([]yagura.Entity{p.Subject}, p.Related...) {
			if len(f.Related) < maxRelated && r != f.Subject && r.Type != Chain && !slices.Contains(f.Related, r) {
				f.Related = append(f.Related, r)
			}
		}
	}
	if step == 0 {
		return nil
	}
	if len(f.Events) > 21 {
		f.Events = append(f.Events[:20:20], f.Events[len(f.Events)-1])
	}
	f.Type = kind(t, l)
	f.Title = title(t, tactics)
	return f
}

// kind gives GuardDuty's type for the sequence.
func kind(t *thread, l live) string {
	instance, data := false, false
	for _, p := range t.Parts {
		if !p.counts() || p.First < l.Opener || p.First >= l.Opener+window {
			continue
		}
		instance = instance || strings.Contains(p.Rule, "instance-credential-exfiltration")
		for _, tech := range p.Techniques {
			data = data || tech == "T1530" || tech == "T1485" || tech == "T1486"
		}
	}
	switch {
	case t.Kind == "principal" && !data:
		return "AttackSequence:IAM/CompromisedCredentials"
	case data:
		return "AttackSequence:S3/CompromisedData"
	case instance:
		return "AttackSequence:EC2/CompromisedInstanceGroup"
	}
	return "AttackSequence:IAM/CompromisedCredentials"
}

func title(t *thread, tactics []string) yagura.Text {
	var en, ja []string
	for _, name := range order {
		if slices.Contains(tactics, name) {
			en = append(en, strings.ReplaceAll(name, "-", " "))
			ja = append(ja, japanese[name])
		}
	}
	out := yagura.Text{EN: "Attack sequence by " + t.ID, JA: t.ID + " による一連の攻撃"}
	if t.Kind != "principal" {
		out = yagura.Text{EN: "Attack sequence on " + t.ID, JA: t.ID + " に対する一連の攻撃"}
	}
	if len(en) > 0 {
		out.EN += ": " + strings.Join(en, ", ")
		out.JA += "：" + strings.Join(ja, "、")
	}
	return out
}

// order is the order of ATT&CK's tactics.
var order = []string{
	"reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation", "defense-evasion",
	"credential-access", "discovery", "lateral-movement", "collection", "command-and-control", "exfiltration", "impact",
}

var japanese = map[string]string{
	"reconnaissance": "偵察", "resource-development": "リソース開発", "initial-access": "初期アクセス", "execution": "実行",
	"persistence": "永続化", "privilege-escalation": "権限昇格", "defense-evasion": "防御回避", "credential-access": "認証情報アクセス",
	"discovery": "探索", "lateral-movement": "水平展開", "collection": "収集", "command-and-control": "C&C",
	"exfiltration": "持ち出し", "impact": "影響",
}

func (p *part) english() string {
	s := at(p.First) + ": " + strings.TrimSuffix(p.Title.EN, ".")
	if p.Subject.ID != "" {
		s += " (" + p.Subject.ID + ")"
	}
	switch {
	case p.Attempt:
		s += ", attempted and failed"
	case p.Count > 1:
		s += fmt.Sprintf(", %d times until %s", p.Count, at(p.Last))
	}
	return s + fmt.Sprintf(" [%s, %s].", p.Severity, p.Rule)
}

var severities = map[yagura.Severity]string{yagura.Low: "低", yagura.Medium: "中", yagura.High: "高", yagura.Critical: "緊急"}

func (p *part) japanese() string {
	s := at(p.First) + " " + strings.TrimSuffix(p.Title.In("ja"), "。")
	if p.Subject.ID != "" {
		s += "（" + p.Subject.ID + "）"
	}
	switch {
	case p.Attempt:
		s += "。試行されたが失敗した"
	case p.Count > 1:
		s += fmt.Sprintf("。%s までに %d 回", at(p.Last), p.Count)
	}
	return s + fmt.Sprintf("［%s、%s］。", severities[p.Severity], p.Rule)
}

func at(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05 UTC") }

// union adds what is new.
func union(to, from []string) []string {
	for _, v := range from {
		if !slices.Contains(to, v) {
			to = append(to, v)
		}
	}
	return to
}
