package digest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A real folder, with what real folders hold: other files, and a link where a log file should be.
func TestFolderOnDisk(t *testing.T) {
	w := newWorld("audit", "o-abc123")
	folder := t.TempDir()
	write := func(name string, b []byte) {
		t.Helper()
		p := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for p, f := range w.lines() {
		write(p, f.Data)
	}
	write("notes.txt", []byte("x"))
	r, err := Check(t.Context(), os.DirFS(folder), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Failed() || r.Totals.LogsValid != 15 || r.Totals.OtherFiles != 1 {
		t.Errorf("%+v %v", r.Totals, r.bad())
	}
	log := w.tokyoLogs[0][0]
	target := filepath.Join(folder, "elsewhere")
	at := filepath.Join(folder, filepath.FromSlash(log))
	if err := os.Rename(at, target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if r, err = Check(t.Context(), os.DirFS(folder), Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"invalid missing " + log}, r.bad()); diff != "" || r.noticed("not_regular") != 1 {
		t.Errorf("link followed (-want +got):\n%s\n%+v", diff, r.Notices)
	}
	if _, err := Check(t.Context(), os.DirFS(filepath.Join(folder, "no-such")), Options{}); err == nil {
		t.Error("a folder that is not there passed")
	}
}
