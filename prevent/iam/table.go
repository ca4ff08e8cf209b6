package iam

import (
	"fmt"
	"io"
	"strings"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// writeTable writes one verdict for people.
func writeTable(out io.Writer, number int, q *question, v *access.Verdict, err error, japanese bool) {
	fmt.Fprintf(out, "%d  %s  %s  %s  %s\n", number, plainText(strings.Trim(string(q.ID), `"`)),
		plainText(q.request.Principal), plainText(q.request.Action), plainText(q.request.Resource))
	if err != nil {
		fmt.Fprintf(out, "   error: %s\n\n", plainLong(err.Error()))
		return
	}
	sentence := v.Sentence
	if japanese {
		sentence = v.SentenceJA
	}
	fmt.Fprintf(out, "   %s\n", sentence)
	if len(v.BlockedBy) > 0 {
		fmt.Fprintf(out, "   blocked by   %s\n", strings.Join(v.BlockedBy, ", "))
	}
	for _, k := range v.Kinds {
		fmt.Fprintf(out, "   %-12s %-8s %s\n", k.Kind, k.Answer, plainText(k.Level))
	}
	for _, list := range []struct {
		word  string
		items []access.Match
	}{{"matches", v.Matched}, {"near", v.Near}} {
		for i := range list.items {
			m := &list.items[i]
			writeMatch(out, list.word, m)
		}
	}
	if len(v.MissingKeys) > 0 {
		fmt.Fprintf(out, "   missing      %s\n", plainLong(strings.Join(v.MissingKeys, ", ")))
	}
	if v.Residual != nil {
		fmt.Fprintf(out, "   allowed if   %s\n", plainLong(v.Residual.String()))
	}
	fmt.Fprintln(out)
}

func writeMatch(out io.Writer, word string, m *access.Match) {
	mark := " "
	if m.Deciding {
		mark = "*"
	}
	fmt.Fprintf(out, " %s %-12s %-5s %s\n", mark, word, m.Effect, wording{}.statement(m, 0))
	for _, c := range m.Checks {
		got := "absent"
		switch {
		case c.Missing && c.Outcome == outcomes[open]:
			got = "not known"
		case !c.Missing:
			got = strings.Join(c.Got, " | ")
		}
		fmt.Fprintf(out, "                %-7s %s %s: want %s, got %s\n", c.Outcome, plainText(c.Operator), plainText(c.Key),
			plainText(strings.Join(c.Want, " | ")), plainText(got))
	}
}

// plainLong is plainText for texts that may take several lines of a screen.
func plainLong(s string) string {
	var b strings.Builder
	for len(s) > 0 && b.Len() < 4000 {
		n := min(len(s), maxQuoted)
		for n < len(s) && s[n]&0xc0 == 0x80 {
			n++
		}
		b.WriteString(plainText(s[:n]))
		s = s[n:]
	}
	return b.String()
}
