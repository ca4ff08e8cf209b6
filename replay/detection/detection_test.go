package detection_test

import (
	"io/fs"
	"testing"

	"github.com/yagura-sec/yagura/detect"
	"github.com/yagura-sec/yagura/replay/detection"
	"github.com/yagura-sec/yagura/rule/sigma"
	"github.com/yagura-sec/yagura/rules"
	"github.com/yagura-sec/yagura/source"
)

// Every test in the documents that come with Yagura passes.
func TestRulesOfTheHouse(t *testing.T) {
	sub, err := fs.Sub(rules.Threat, "threat")
	if err != nil {
		t.Fatal(err)
	}
	docs, problems := sigma.Read(sub, ".")
	tester, more, err := detection.NewTester(detect.Kit{Documents: docs, Schemas: source.Schemas(), Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(problems, more...) {
		t.Error(p)
	}
	for _, d := range docs {
		t.Run(d.ID, func(t *testing.T) {
			results, err := tester.Run(d)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if !r.OK {
					t.Errorf("%s:%d: %s\n%s", r.Test.File, r.Test.Line, r.Test.Name, r.Diff)
				}
			}
		})
	}
}
