package world_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source"
)

// TestSourcesReadTheSample decodes every object with the source that knows it best: no record may be refused, none may be lost.
func TestSourcesReadTheSample(t *testing.T) {
	w := week(t)
	decoded, unknown := map[string]int{}, map[string]int{}
	for _, key := range w.paths {
		if strings.HasPrefix(key, ".") || strings.HasSuffix(key, ".json") || strings.Contains(key, "/CloudTrail-Digest/") {
			continue
		}
		body := w.files[key]
		var best yagura.Source
		match := yagura.NoMatch
		for _, s := range source.All() {
			if m := s.Match(key, body[:min(len(body), 64<<10)]); m > match {
				best, match = s, m
			}
		}
		if best == nil {
			unknown[folder(key)]++
			continue
		}
		d, err := best.Open(yagura.Input{Object: yagura.Object{Key: key}, Body: bytes.NewReader(body), MaxRecord: 1 << 20})
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		var ev ocsf.Event
		for {
			err := d.Next(&ev)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			decoded[folder(key)]++
		}
	}
	for part, n := range unknown {
		t.Errorf("no source knows %d objects of %s", n, part)
	}
	for name, part := range map[string]string{"cloudtrail": "CloudTrail", "cloudtrail-insight": "CloudTrail-Insight", "vpcflow": "vpcflowlogs", "alb": "elasticloadbalancing", "waf": "WAFLogs", "route53resolver": "vpcdnsquerylogs", "s3access": "s3-access-logs", "guardduty": "GuardDuty", "securityhub": "SecurityHub", "config": "Config"} {
		if want := w.summary.Sources[name].Records; decoded[part] != want || want == 0 {
			t.Errorf("%s: decoded %d records, the summary says %d", name, decoded[part], want)
		}
	}
}

// folder is the part of a key that names the source.
func folder(key string) string {
	parts := strings.Split(key, "/")
	if i := slices.Index(parts, "AWSLogs"); i >= 0 {
		return parts[i+2]
	}
	return parts[0]
}
