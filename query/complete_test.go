package query

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func known(field, prefix string) (out []string) {
	values := map[string][]string{"eventName": {"GetObject", "GetUser", "PutObject"}, "resources.name": {"a b", `say "hi"`, "-x", "100%*"}}
	for _, v := range values[field] {
		if strings.HasPrefix(v, prefix) {
			out = append(out, v)
		}
	}
	return out
}

// TestComplete applies the first suggestions: | is the cursor, each line of want the text that results.
func TestComplete(t *testing.T) {
	fields := testFields(t)
	for _, c := range []struct {
		in   string
		want []string
	}{
		{`eventN|`, []string{`eventName:`}},
		{`EVENTT|`, []string{`eventTime:`}},
		{`eve|ntNo x`, []string{`eventName: x`, `eventTime: x`}},
		{`eve|nt:foo`, []string{`eventName:foo`, `eventTime:foo`}},
		{`accessK|`, []string{`userIdentity.accessKeyId:`}},
		{`a AND byt|`, []string{`a AND bytes:`}},
		{`(byt|`, []string{`(bytes:`}},
		{`-byt|`, []string{`-bytes:`}},
		{`a a|`, []string{`a api.operation:`, `a userIdentity.accessKeyId:`, `a AND `}},
		{`a O|`, []string{`a api.operation:`, `a OR `}},
		{`O|`, []string{`api.operation:`}},
		{`eventName:|`, []string{`eventName:GetObject`, `eventName:GetUser`, `eventName:PutObject`, `eventName:*`}},
		{`eventName:P|`, []string{`eventName:PutObject`}},
		{`EVENTNAME:P|`, []string{`EVENTNAME:PutObject`}},
		{`eventName:P|Obj) x`, []string{`eventName:PutObject) x`}},
		{`eventName:"P|`, []string{`eventName:PutObject`}},
		{`eventName:"P|" AND x`, []string{`eventName:PutObject AND x`}},
		{`eventName:(GetUser OR P|`, []string{`eventName:(GetUser OR PutObject`}},
		{`eventName:(GetUser P|) b`, []string{`eventName:(GetUser PutObject) b`}},
		{`eventName:(a) byt|`, []string{`eventName:(a) bytes:`}},
		{`resources.name:a|`, []string{`resources.name:"a b"`}},
		{`resources.name:1|`, []string{`resources.name:100%\*`}},
		{`resources.name:-|`, []string{`resources.name:-x`}},
		{`resources.name:(-|`, []string{`resources.name:("-x"`}},
		{`readOnly:t|`, []string{`readOnly:true`}},
		{`time:>-2|`, []string{`time:>-24h`}},
		{`bytes:[1 T|`, nil},
		{`eventName:/a|`, nil},
		{`"eve|`, nil},
		{`eventName:Get* byt|`, []string{`eventName:Get* bytes:`}},
	} {
		cursor := strings.IndexByte(c.in, '|')
		text := c.in[:cursor] + c.in[cursor+1:]
		var got []string
		for _, s := range Complete(text, cursor, fields, known) {
			got = append(got, text[:s.From]+s.Text+text[s.To:])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("Complete(%q) (-want +got):\n%s", c.in, diff)
		}
	}
	if got := Complete("a ", 2, fields, nil); len(got) < 4 || got[0].Text != "AND " || got[3].Kind != "field" {
		t.Errorf("after a term and a space: %v", got)
	}
}

func FuzzComplete(f *testing.F) {
	f.Add(`eventName:(a "b`, 5)
	f.Add(`a\`, 2)
	f.Add("東京:", 4)
	fields := testFields(f)
	f.Fuzz(func(t *testing.T, text string, cursor int) {
		for _, s := range Complete(text, cursor, fields, known) {
			if s.From < 0 || s.From > s.To || s.To > len(text) {
				t.Fatalf("Complete(%q, %d) replaces %d to %d", text, cursor, s.From, s.To)
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[:s.From]+s.Text+text[s.To:]) {
				t.Fatalf("Complete(%q, %d) cuts a character", text, cursor)
			}
		}
	})
}
