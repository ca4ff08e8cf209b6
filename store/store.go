// Package store keeps what is not evidence: the relational state that people
// make and change, in one SQLite file (https://www.sqlite.org/wal.html). Today
// that is saved searches, findings, and how far the detectors are.
//
// Several processes may open one store; a write waits up to five seconds for
// another's. The schema's version is the file's user_version
// (https://www.sqlite.org/pragma.html#pragma_user_version): an older file is
// brought forward when it is opened, a newer one is refused.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// ErrNotFound says that there is no such row.
var ErrNotFound = errors.New("not found")

// ErrExists says that the name is taken.
var ErrExists = errors.New("the name is taken")

// Store is an open store. It is safe for concurrent use.
type Store struct{ db *sql.DB }

// migrations bring the schema from version i to i+1. They are only ever
// appended to.
var migrations = []string{
	`CREATE TABLE saved_searches (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT NOT NULL UNIQUE,
		query      TEXT NOT NULL,
		first      TEXT NOT NULL, -- as written: -24h, 2026-10-01, or empty
		last       TEXT NOT NULL,
		sources    TEXT NOT NULL, -- joined by commas
		fields     TEXT NOT NULL, -- joined by commas
		created_at INTEGER NOT NULL, -- µs since the epoch
		updated_at INTEGER NOT NULL
	) STRICT`,
	`CREATE TABLE findings (
		id       TEXT PRIMARY KEY,
		rule     TEXT NOT NULL,
		severity INTEGER NOT NULL, -- of OCSF
		subject  TEXT NOT NULL,
		first    INTEGER NOT NULL, -- µs since the epoch
		last     INTEGER NOT NULL,
		status   TEXT NOT NULL, -- empty: active
		body     TEXT NOT NULL -- yagura.Finding as JSON
	) STRICT;
	CREATE INDEX findings_by_severity ON findings (severity, last);
	CREATE INDEX findings_by_subject ON findings (subject);
	CREATE TABLE detection_objects (
		object INTEGER PRIMARY KEY, -- of the lake
		open   INTEGER NOT NULL -- 1: the open pass reads it, 0: done
	) STRICT;
	CREATE TABLE detection_pass (
		id        INTEGER PRIMARY KEY CHECK (id = 1),
		open      INTEGER NOT NULL,
		first     INTEGER NOT NULL,
		last      INTEGER NOT NULL,
		at_time   INTEGER NOT NULL,
		at_object INTEGER NOT NULL,
		at_record INTEGER NOT NULL,
		state     TEXT NOT NULL
	) STRICT`,
}

// Open opens the store in a directory, which it makes if needed.
func Open(ctx context.Context, dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	name := filepath.Join(dir, "state.db")
	dsn := (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(name), RawQuery: url.Values{
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}.Encode()}).String()
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", name, err)
	}
	s := &Store{db: db}
	if err := s.migrate(ctx, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", name, err), db.Close())
	}
	return s, nil
}

// Close closes the store.
func (s *Store) Close() error { return s.db.Close() }

func (s *Store) migrate(ctx context.Context, steps []string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // After a commit there is nothing to undo.
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return fmt.Errorf("the file has schema version %d and this program knows %d: run a newer Yagura", version, len(steps))
	}
	for ; version < len(steps); version++ {
		if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
			return fmt.Errorf("migration to version %d: %w", version+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}
