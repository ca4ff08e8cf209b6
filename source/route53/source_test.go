package route53_test

import (
	"testing"

	"github.com/yagura-sec/yagura/source/awsconfig"
	"github.com/yagura-sec/yagura/source/guardduty"
	"github.com/yagura-sec/yagura/source/route53"
	"github.com/yagura-sec/yagura/source/securityhub"
	"github.com/yagura-sec/yagura/source/waf"
	"github.com/yagura-sec/yagura/yaguratest"
)

func TestSource(t *testing.T) {
	yaguratest.Source(t, route53.New(), "testdata", awsconfig.New(), guardduty.New(), securityhub.New(), waf.New())
}

func FuzzSource(f *testing.F) {
	yaguratest.FuzzSource(f, route53.New(), "testdata")
}
