package api

import "testing"

type blank struct{}

func (blank) Append(dst []byte, _ string) []byte { return dst }

// FuzzParse proves that any text is read or refused, never worse.
func FuzzParse(f *testing.F) {
	f.Add("ec2 | DescribeVpcs | r c | {} || {\"a\":\"$vpc\"} | - | Code: text $x ~ 1.5")
	f.Add("a | b | w | - | $$ | ")
	f.Fuzz(func(t *testing.T, line string) {
		calls, err := parse(line)
		if err != nil {
			return
		}
		for _, c := range calls {
			for _, p := range c.Params {
				p.Append(nil, blank{})
			}
		}
	})
}
