package s3access

import (
	"testing"

	"github.com/yagura-sec/yagura/source/elb"
	"github.com/yagura-sec/yagura/source/vpcflow"
	"github.com/yagura-sec/yagura/yaguratest"
)

func TestSource(t *testing.T) { yaguratest.Source(t, New(), "testdata", vpcflow.New(), elb.New()) }

func FuzzSource(f *testing.F) { yaguratest.FuzzSource(f, New(), "testdata") }
