package store

import (
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var (
	noon  = time.Date(2026, 11, 1, 12, 0, 0, 123456000, time.UTC)
	later = noon.Add(time.Hour)
)

func TestSavedSearches(t *testing.T) {
	// A directory with characters that mean something in a URL.
	dir := filepath.Join(t.TempDir(), "state 100%?#ü")
	s := open(t, dir)
	a, err := s.AddSearch(t.Context(), Search{Name: "ログイン失敗", Query: `eventName:ConsoleLogin "it's"`, From: "-24h", Sources: []string{"cloudtrail"}, Fields: []string{"a", "b"}}, noon)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.AddSearch(t.Context(), Search{Name: "all"}, noon)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddSearch(t.Context(), Search{Name: "all"}, noon); !errors.Is(err, ErrExists) {
		t.Errorf("a second search of the name: %v, want ErrExists", err)
	}
	b.Query, b.Name = "x", "every"
	if b, err = s.ReplaceSearch(t.Context(), b, later); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ReplaceSearch(t.Context(), Search{ID: b.ID, Name: a.Name}, later); !errors.Is(err, ErrExists) {
		t.Errorf("renamed to a taken name: %v, want ErrExists", err)
	}
	if _, err := s.ReplaceSearch(t.Context(), Search{ID: 99, Name: "z"}, later); !errors.Is(err, ErrNotFound) {
		t.Errorf("replaced what is not there: %v, want ErrNotFound", err)
	}

	// Another process sees the same.
	got, err := open(t, dir).Searches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Search{
		{ID: b.ID, Name: "every", Query: "x", Created: noon, Updated: later},
		{ID: a.ID, Name: "ログイン失敗", Query: `eventName:ConsoleLogin "it's"`, From: "-24h", Sources: []string{"cloudtrail"}, Fields: []string{"a", "b"}, Created: noon, Updated: noon},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("searches (-want +got):\n%s", diff)
	}

	if err := s.DeleteSearch(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteSearch(t.Context(), a.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v, want ErrNotFound", err)
	}
	if _, err := s.Search(t.Context(), a.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("read after deletion: %v, want ErrNotFound", err)
	}
}

// TestTwoWriters lets two processes' worth of connections write at once.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b"} {
		s := open(t, dir)
		wg.Go(func() {
			for i := range 20 {
				if _, err := s.AddSearch(t.Context(), Search{Name: who + strings.Repeat("x", i)}, noon); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got, err := open(t, dir).Searches(t.Context()); err != nil || len(got) != 40 {
		t.Errorf("%d searches, %v; want 40", len(got), err)
	}
}

func TestMigrations(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := s.AddSearch(t.Context(), Search{Name: "kept"}, noon); err != nil {
		t.Fatal(err)
	}
	// A step that fails leaves the file as it was.
	bad := slices.Concat(migrations, []string{"CREATE TABLE more (x); CREATE TABLE more (x)"})
	if err := s.migrate(t.Context(), bad); err == nil {
		t.Fatal("a broken migration passed")
	}
	good := slices.Concat(migrations, []string{"CREATE TABLE more (x)"})
	if err := s.migrate(t.Context(), good); err != nil {
		t.Fatalf("after a failed migration: %v", err)
	}
	if got, err := s.Searches(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("searches after migration: %v, %v", got, err)
	}
	s.Close()
	if _, err := Open(t.Context(), dir); err == nil || !strings.Contains(err.Error(), "newer Yagura") {
		t.Errorf("a file of a newer version: %v", err)
	}
}

func TestNotAStore(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE saved_searches (x)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	if s, err := Open(t.Context(), dir); err == nil {
		s.Close()
		t.Error("opened a foreign database")
	}
}
