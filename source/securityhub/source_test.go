package securityhub_test

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
	yaguratest.Source(t, securityhub.New(), "testdata", awsconfig.New(), guardduty.New(), route53.New(), waf.New())
}

func FuzzSource(f *testing.F) {
	yaguratest.FuzzSource(f, securityhub.New(), "testdata")
}
