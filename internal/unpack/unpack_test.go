package unpack

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func zip(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t testing.TB, content []byte) []byte {
	t.Helper()
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return z.EncodeAll(content, nil)
}

// text is about n bytes that compress by a half.
func text(n int) []byte {
	r := rand.New(rand.NewPCG(1, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[r.IntN(16)]
	}
	return b
}

func unpack(r io.Reader, limits Limits) ([]byte, error) {
	z, err := NewReader(r, limits)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return io.ReadAll(z)
}

func TestPackings(t *testing.T) {
	long := text(3 << 20)
	for name, c := range map[string]struct{ stored, want []byte }{
		"plain":            {long, long},
		"empty":            {nil, nil},
		"short":            {[]byte("a"), []byte("a")},
		"gzip":             {zip(t, long), long},
		"gzip of nothing":  {zip(t, nil), nil},
		"two members":      {append(zip(t, long[:1000]), zip(t, long[1000:])...), long},
		"empty members":    {append(append(zip(t, nil), zip(t, long)...), zip(t, nil)...), long},
		"zstd":             {zst(t, long), long},
		"two frames":       {append(zst(t, long[:1000]), zst(t, long[1000:])...), long},
		"looks like gzip":  {[]byte("\x1fnot"), []byte("\x1fnot")},
		"gzip inside gzip": {zip(t, zip(t, long)), zip(t, long)},
	} {
		for way, r := range map[string]io.Reader{"whole": bytes.NewReader(c.stored), "byte by byte": iotest.OneByteReader(bytes.NewReader(c.stored)), "end with data": iotest.DataErrReader(bytes.NewReader(c.stored))} {
			got, err := unpack(r, Limits{})
			if err != nil || !bytes.Equal(got, c.want) {
				t.Errorf("%s, %s: %d bytes %v, want %d", name, way, len(got), err, len(c.want))
			}
		}
	}
}

// A damaged object is an error that tells where, and never more than there was.
func TestDamage(t *testing.T) {
	long := text(1 << 20)
	for name, whole := range map[string][]byte{"gzip": zip(t, long), "zstd": zst(t, long)} {
		for _, n := range []int{5, len(whole) / 3, len(whole) - 1} {
			got, err := unpack(bytes.NewReader(whole[:n]), Limits{})
			if err == nil || !bytes.HasPrefix(long, got) {
				t.Errorf("%s cut at %d: %d bytes, %v", name, n, len(got), err)
			}
			if n > 100 && !strings.Contains(err.Error(), "after ") {
				t.Errorf("%s cut at %d: the error does not say where: %v", name, n, err)
			}
		}
	}
	bad := zip(t, long)
	bad[len(bad)-6] ^= 1 // checksum
	if got, err := unpack(bytes.NewReader(bad), Limits{}); !errors.Is(err, gzip.ErrChecksum) || !bytes.Equal(got, long) {
		t.Errorf("checksum: %d bytes, %v", len(got), err)
	}
	if _, err := unpack(bytes.NewReader(append(zip(t, long), "garbage"...)), Limits{}); err == nil {
		t.Error("garbage after the end is no error")
	}
	broken := errors.New("the disk is on fire")
	for _, at := range []int{0, 1, 1000} {
		if _, err := unpack(io.MultiReader(bytes.NewReader(zip(t, long)[:at]), iotest.ErrReader(broken)), Limits{}); !errors.Is(err, broken) {
			t.Errorf("read error after %d bytes: %v", at, err)
		}
	}
}

func TestBomb(t *testing.T) {
	bomb := make([]byte, 64<<20)
	for name, stored := range map[string][]byte{"gzip": zip(t, bomb), "zstd": zst(t, bomb)} {
		got, err := unpack(bytes.NewReader(stored), Limits{Ratio: 100, Free: 1 << 20})
		if !errors.Is(err, ErrBomb) || len(got) > 8<<20 {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if got, err := unpack(bytes.NewReader(stored), Limits{Free: 64 << 20}); err != nil || len(got) != len(bomb) {
			t.Errorf("%s within what is free: %d bytes, %v", name, len(got), err)
		}
	}
	// What compresses like a log does not.
	log := bytes.Repeat([]byte(`{"eventVersion":"1.08","eventName":"GetObject"}`+"\n"), 1<<16)
	for i := range log {
		if i%61 == 0 {
			log[i] = byte('a' + i%26)
		}
	}
	if got, err := unpack(bytes.NewReader(zip(t, log)), Limits{Free: 1}); err != nil || len(got) != len(log) {
		t.Errorf("a log: %d bytes, %v", len(got), err)
	}
	// A frame that claims to need gigabytes is refused, not obeyed.
	if _, err := unpack(bytes.NewReader([]byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00}), Limits{}); err == nil {
		t.Error("a window of terabytes is no error")
	}
}

func FuzzReader(f *testing.F) {
	for _, b := range [][]byte{nil, text(100), zip(f, text(100)), zst(f, text(100)), append(zip(f, text(10)), zip(f, nil)...)} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{Ratio: 50, Free: 1 << 16}
		got, err := unpack(bytes.NewReader(b), limits)
		if err == nil && int64(len(got)) > limits.Free && int64(len(got)) > (limits.Ratio+1)*int64(len(b)+1) {
			t.Fatalf("%d bytes became %d", len(b), len(got))
		}
		again, err2 := unpack(iotest.OneByteReader(bytes.NewReader(b)), limits)
		if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(got, again) {
			t.Fatalf("whole: %d bytes %v; byte by byte: %d bytes %v", len(got), err, len(again), err2)
		}
	})
}
