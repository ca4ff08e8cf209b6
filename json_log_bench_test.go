package yagura_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/guardduty"
	"github.com/yagura-sec/yagura/source/route53"
	"github.com/yagura-sec/yagura/source/waf"
)

// BenchmarkJSONLog decodes the fixtures of sources that are filled by a table.
func BenchmarkJSONLog(b *testing.B) {
	for name, c := range map[string]struct {
		src  yagura.Source
		file string
	}{
		"waf":       {waf.New(), "source/waf/testdata/s3.log"},
		"route53":   {route53.New(), "source/route53/testdata/s3.log"},
		"guardduty": {guardduty.New(), "source/guardduty/testdata/s3.jsonl"},
	} {
		b.Run(name, func(b *testing.B) {
			lines, err := os.ReadFile(c.file)
			if err != nil {
				b.Fatal(err)
			}
			content := bytes.Repeat(lines, 1+1<<20/len(lines))
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := c.src.Open(yagura.Input{Body: bytes.NewReader(content), MaxRecord: 1 << 20})
				if err != nil {
					b.Fatal(err)
				}
				var ev ocsf.Event
				for err == nil {
					err = d.Next(&ev)
				}
				if err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
}
