package iam

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// wording turns a verdict into one sentence for people. Names and values come
// from policies and logs: they are cut and what steers a terminal is escaped.
type wording struct {
	e      *evaluation
	v      *access.Verdict
	silent []string // SCP levels without an Allow
}

// maxQuoted bounds a quoted text in characters.
const maxQuoted = 120

// plainText makes a hostile text safe to show on one line.
func plainText(s string) string {
	var b strings.Builder
	count := 0
	for _, c := range s {
		if count++; count > maxQuoted {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(c) {
			b.WriteRune(c)
		} else {
			fmt.Fprintf(&b, "\\u%04x", c)
		}
	}
	return b.String()
}

var kindWords = map[string][2]string{
	"identity":          {"identity policy", "アイデンティティポリシー"},
	"boundary":          {"permissions boundary", "アクセス許可の境界"},
	"session":           {"session policy", "セッションポリシー"},
	"resource":          {"resource policy", "リソースポリシー"},
	"scp":               {"SCP", "SCP"},
	"rcp":               {"RCP", "RCP"},
	"endpoint":          {"VPC endpoint policy", "VPC エンドポイントポリシー"},
	"grant":             {"KMS grant", "KMS グラント"},
	"blockPublicAccess": {"S3 Block Public Access", "S3 ブロックパブリックアクセス"},
	"partition":         {"AWS partition", "AWS パーティション"},
	"service":           {"AWS", "AWS"},
}

// statement names a statement: kind, policy, level, Sid or number.
func (w wording) statement(m *access.Match, language int) string {
	var b strings.Builder
	b.WriteString(kindWords[m.Kind][language])
	if m.Policy != "" {
		b.WriteString(" " + plainText(m.Policy))
	}
	name := strconv.Itoa(m.Statement)
	if m.Sid != "" {
		name = plainText(m.Sid)
	}
	switch {
	case m.Kind == "grant":
	case language == 0 && m.Level != "":
		b.WriteString(" at " + plainText(m.Level) + ", statement " + name)
	case language == 0:
		b.WriteString(", statement " + name)
	case m.Level != "":
		b.WriteString(" (" + plainText(m.Level) + ") のステートメント " + name)
	default:
		b.WriteString(" のステートメント " + name)
	}
	return b.String()
}

// reasons names up to three conditions that made a statement apply.
func (w wording) reasons(m *access.Match, language int) []string {
	words := [2][3]string{{" is ", " is absent", ", "}, {" が ", " が存在しない", "、"}}[language]
	var out []string
	for _, c := range m.Checks {
		if len(out) == 3 {
			break
		}
		key := plainText(c.Key)
		if c.Missing {
			out = append(out, key+words[1])
			continue
		}
		got := make([]string, 0, 3)
		for _, v := range c.Got[:min(3, len(c.Got))] {
			got = append(got, plainText(v))
		}
		out = append(out, key+words[0]+strings.Join(got, words[2]))
	}
	return out
}

// decider is the statement to name, or nil.
func (w wording) decider() *access.Match {
	for i := range w.v.Matched {
		m := &w.v.Matched[i]
		if m.Deciding && (m.Effect == "Deny" || m.Kind == "identity" || m.Kind == "resource" || m.Kind == "grant") {
			return m
		}
	}
	return nil
}

func (w wording) what() string {
	return plainText(w.e.request.Action) + " on " + plainText(w.e.request.Resource)
}

func (w wording) english() string {
	m := w.decider()
	switch w.v.Decision {
	case access.Allowed:
		switch {
		case w.e.alwaysAllowed() || w.e.needsNoPermission():
			return "Allowed: " + plainText(w.e.request.Action) + " needs no permission."
		case m == nil && w.e.caller.kind == root:
			return "Allowed: the root user of the account may do everything that nothing denies."
		case m == nil:
			return "Allowed: whatever the unknown keys are, some statement allows it."
		}
		return "Allowed: " + w.statement(m, 0) + "."
	case access.ExplicitlyDenied:
		if m == nil && w.e.publicBlocked() {
			return "Denied: S3 Block Public Access keeps the public bucket policy from serving other accounts."
		}
		if m == nil {
			return "Denied: whatever the unknown keys are, some statement denies it."
		}
		because := ""
		if reasons := w.reasons(m, 0); len(reasons) > 0 {
			because = ", because " + strings.Join(reasons, " and ")
		}
		return "Denied: " + w.statement(m, 0) + because + "."
	case access.ImplicitlyDenied:
		return "Denied: " + w.implicit(0) + "."
	default:
		return "Unknown: it depends on " + w.open() + "."
	}
}

func (w wording) open() string {
	text := "the request's resource"
	if len(w.v.MissingKeys) > 0 {
		text = strings.Join(w.v.MissingKeys[:min(5, len(w.v.MissingKeys))], ", ")
	}
	return plainText(text)
}

// implicit says what should have allowed. The first that is missing is named.
func (w wording) implicit(language int) string {
	first := "identity"
	if len(w.v.BlockedBy) > 0 {
		first = w.v.BlockedBy[0]
	}
	word := kindWords[first][language]
	if language == 1 {
		switch first {
		case "partition":
			return "パーティションをまたぐ信頼関係はありません"
		case "service":
			return "この操作は、ポリシーの内容にかかわらず AWS が拒否します"
		case "scp":
			return fmt.Sprintf("SCP の階層 %s に %s を許可するステートメントがありません", plainText(strings.Join(w.silent, ", ")), w.what())
		}
		return word + "に " + w.what() + " を許可するステートメントがありません"
	}
	switch first {
	case "partition":
		return "no trust crosses AWS partitions"
	case "service":
		return "AWS refuses this operation whatever the policies say"
	case "scp":
		return fmt.Sprintf("no SCP at %s allows %s", plainText(strings.Join(w.silent, ", ")), w.what())
	}
	text := "no " + word + " allows " + w.what()
	if first == "identity" && !w.e.sameSide {
		text += ", which is in another account"
	}
	return text
}

func (w wording) japanese() string {
	m := w.decider()
	switch w.v.Decision {
	case access.Allowed:
		switch {
		case w.e.alwaysAllowed() || w.e.needsNoPermission():
			return "許可: " + plainText(w.e.request.Action) + " に権限は不要です。"
		case m == nil && w.e.caller.kind == root:
			return "許可: ルートユーザーは、拒否されていない操作をすべて実行できます。"
		case m == nil:
			return "許可: 不明なキーの値にかかわらず、いずれかのステートメントが許可します。"
		}
		return "許可: " + w.statement(m, 1) + "。"
	case access.ExplicitlyDenied:
		if m == nil && w.e.publicBlocked() {
			return "拒否: S3 ブロックパブリックアクセスにより、パブリックなバケットポリシーはアカウント外に効きません。"
		}
		if m == nil {
			return "拒否: 不明なキーの値にかかわらず、いずれかのステートメントが拒否します。"
		}
		because := ""
		if reasons := w.reasons(m, 1); len(reasons) > 0 {
			because = " (" + strings.Join(reasons, "、") + " のため)"
		}
		return "拒否: " + w.statement(m, 1) + because + "。"
	case access.ImplicitlyDenied:
		return "拒否: " + w.implicit(1) + "。"
	default:
		if len(w.v.MissingKeys) == 0 {
			return "不明: リクエストのリソースによります。"
		}
		return "不明: " + w.open() + " によります。"
	}
}
