package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/yagura-sec/yagura/prevent/iam/access"
)

// TestCases runs testdata/cases.jsonl: for each of the 68 kinds of case that an
// exact engine must handle, requests with the decision that AWS documents. A line
// is a line of `yagura iam decide` with case, name, want ("error" for a line that
// must be refused) and sometimes the residual.
func TestCases(t *testing.T) {
	data, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]int{}
	for line := range bytes.Lines(data) {
		var c struct {
			Case     int
			Name     string
			Want     string
			Residual *access.Expr
		}
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		seen[c.Case]++
		t.Run(fmt.Sprintf("%d %s", c.Case, c.Name), func(t *testing.T) {
			var out bytes.Buffer
			if _, err := (Lines{}).Decide(bytes.NewReader(line), &out); err != nil {
				t.Fatal(err)
			}
			var got struct {
				Decision string
				Error    string
				Sentence string
				Residual *access.Expr
			}
			if err := json.Unmarshal(out.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if got.Error != "" {
				got.Decision = "error"
			}
			if got.Decision != c.Want {
				t.Errorf("%s, want %s\n%s%s", got.Decision, c.Want, line, out.Bytes())
			}
			if c.Residual != nil {
				if diff := cmp.Diff(c.Residual, got.Residual); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	for n := 1; n <= 68; n++ {
		if seen[n] == 0 {
			t.Errorf("case %d has no test", n)
		}
	}
}
