package cloudtrail_test

import (
	"testing"

	"github.com/yagura-sec/yagura/source"
	"github.com/yagura-sec/yagura/source/cloudtrail"
	"github.com/yagura-sec/yagura/yaguratest"
)

func TestSource(t *testing.T) { yaguratest.Source(t, cloudtrail.New(), "testdata", source.All()...) }

func FuzzSource(f *testing.F) { yaguratest.FuzzSource(f, cloudtrail.New(), "testdata") }
