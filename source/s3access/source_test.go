package s3access

import (
	"testing"

	"github.com/yagura-sec/yagura/yaguratest"
)

func TestSource(t *testing.T) { yaguratest.Source(t, New(), "testdata") }

func FuzzSource(f *testing.F) { yaguratest.FuzzSource(f, New(), "testdata") }
