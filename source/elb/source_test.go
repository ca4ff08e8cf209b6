package elb

import (
	"testing"

	"github.com/yagura-sec/yagura/source/s3access"
	"github.com/yagura-sec/yagura/source/vpcflow"
	"github.com/yagura-sec/yagura/yaguratest"
)

func TestSource(t *testing.T) { yaguratest.Source(t, New(), "testdata", vpcflow.New(), s3access.New()) }

func FuzzSource(f *testing.F) { yaguratest.FuzzSource(f, New(), "testdata") }
