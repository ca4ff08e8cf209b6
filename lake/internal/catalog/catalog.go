// Package catalog is the transactional list of what the lake holds: source
// objects, Parquet files, and records in quarantine. It is one SQLite database
// in WAL mode, so that readers in other processes see only committed states.
package catalog

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // the driver of the catalogue
)

// Object is a source object that was ingested.
type Object struct {
	ID          int64  // id in the object_id column of its rows
	Bucket, Key string // name
	Size        int64  // bytes as stored
	Modified    int64  // µs since the epoch, as the inlet told it
	SHA256      string // hex, of the decompressed content
	Source      string // empty when no source claims it
	Status      string // one of the Status constants
	Reason      string // why the status is not OK
	Records     int64  // records seen, good and bad
	Rows        int64  // rows written, all days
	Duplicates  int64  // records already present from another object
	Quarantined int64  // records that could not be read
	Expired     int64  // rows removed by retention
	First, Last int64  // µs, event times; zero without rows
	Proof       string // proved, failed, unknown, empty: not applicable
	ProofReason string
	ProofBy     string // digest that proves it
	Batch       int64  // batch that committed it
	IngestedAt  int64  // µs
}

// The states of an object.
const (
	StatusOK        = "ok"
	StatusPartial   = "partial"   // ended early: Reason says where
	StatusDuplicate = "duplicate" // the same content as another object
	StatusFailed    = "failed"    // nothing could be read
)

// Identity gives the id under which the rows of the object stand in the lake:
// made from its name, so the same at every run.
func (o *Object) Identity() int64 {
	sum := sha256.Sum256([]byte(o.Bucket + "\x00" + o.Key))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

// Copy says that the object has the content of another one and no rows.
func (o *Object) Copy() bool { return o.Status == StatusDuplicate }

// Failed says that nothing could be read of the object.
func (o *Object) Failed() bool { return o.Status == StatusFailed }

// File is a Parquet file of the lake.
type File struct {
	ID        int64
	Source    string
	Day       string // YYYY-MM-DD
	Name      string // path below the lake, with forward slashes
	Compacted bool
	Rows      int64
	Bytes     int64 // of the Parquet file
	Words     int64 // bytes of the sidecar, 0 without one
	Memory    int64 // estimate of the rows in memory
	First     int64 // µs, event times
	Last      int64
	SHA256    string
	Schema    int
}

// Part says how many rows of a file come from an object.
type Part struct {
	File, Object, Rows int64
}

// Quarantined is a record that could not be read.
type Quarantined struct {
	Object int64
	Record int64
	Offset int64
	Reason string
	Raw    []byte
	At     int64
}

// Catalog is an open catalogue.
type Catalog struct {
	db *sql.DB
}

const schema = `
CREATE TABLE IF NOT EXISTS object (
	id INTEGER PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL,
	size INTEGER NOT NULL, modified INTEGER NOT NULL, sha256 TEXT NOT NULL, source TEXT NOT NULL,
	status TEXT NOT NULL, reason TEXT NOT NULL,
	records INTEGER NOT NULL, rows INTEGER NOT NULL, duplicates INTEGER NOT NULL, quarantined INTEGER NOT NULL, expired INTEGER NOT NULL,
	first INTEGER NOT NULL, last INTEGER NOT NULL,
	proof TEXT NOT NULL, proof_reason TEXT NOT NULL, proof_by TEXT NOT NULL,
	batch INTEGER NOT NULL, ingested_at INTEGER NOT NULL,
	UNIQUE (bucket, key));
CREATE INDEX IF NOT EXISTS object_sha ON object (sha256);
CREATE TABLE IF NOT EXISTS file (
	id INTEGER PRIMARY KEY, source TEXT NOT NULL, day TEXT NOT NULL, name TEXT NOT NULL UNIQUE,
	compacted INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, words INTEGER NOT NULL, memory INTEGER NOT NULL,
	first INTEGER NOT NULL, last INTEGER NOT NULL, sha256 TEXT NOT NULL, schema INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS file_day ON file (source, day);
CREATE TABLE IF NOT EXISTS part (
	file INTEGER NOT NULL, object INTEGER NOT NULL, rows INTEGER NOT NULL, PRIMARY KEY (file, object)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS part_object ON part (object);
CREATE TABLE IF NOT EXISTS retired (name TEXT PRIMARY KEY, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS quarantine (
	object INTEGER NOT NULL, record INTEGER NOT NULL, offset INTEGER NOT NULL, reason TEXT NOT NULL, raw BLOB, at INTEGER NOT NULL,
	PRIMARY KEY (object, record)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('format', 1), ('generation', 0);
`

// ErrNone says that there is no catalogue to read.
var ErrNone = errors.New("no lake here")

// Open opens the catalogue at path, and makes it unless readOnly.
func Open(ctx context.Context, path string, readOnly bool) (*Catalog, error) {
	q := url.Values{}
	q.Add("_pragma", "busy_timeout(20000)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Set("_txlock", "immediate")
	if readOnly {
		q.Add("_pragma", "query_only(1)")
		q.Set("mode", "rw")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	c := &Catalog{db: db}
	if !readOnly {
		if _, err := db.ExecContext(ctx, schema); err != nil {
			db.Close()
			return nil, fmt.Errorf("catalogue %s: %w", path, err)
		}
	}
	var format int64
	if err := db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'format'`).Scan(&format); err != nil {
		db.Close()
		if readOnly && (errors.Is(err, sql.ErrNoRows) || strings.Contains(err.Error(), "no such table")) {
			return nil, ErrNone
		}
		return nil, fmt.Errorf("catalogue %s: %w", path, err)
	}
	if format != 1 {
		db.Close()
		return nil, fmt.Errorf("catalogue %s: format %d was written by a newer yagura; update this program", path, format)
	}
	return c, nil
}

// Close closes the catalogue.
func (c *Catalog) Close() error { return c.db.Close() }

// Change is everything that one commit changes.
type Change struct {
	Objects    []Object
	Quarantine []Quarantined
	Add        []File
	Parts      [][]Part // of Add, by index; File is filled in
	Remove     []File   // their names become retired
	Forget     []int64  // objects to remove with their quarantine
	Expire     []Part   // rows that retention removed, by object
	At         int64    // µs, when
}

// Commit makes the change, all or nothing.
func (c *Catalog) Commit(ctx context.Context, ch Change) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
	if err := apply(ctx, tx, ch); err != nil {
		return err
	}
	return tx.Commit()
}

func apply(ctx context.Context, tx *sql.Tx, ch Change) error {
	for _, id := range ch.Forget {
		for _, stmt := range []string{`DELETE FROM object WHERE id = ?`, `DELETE FROM quarantine WHERE object = ?`} {
			if _, err := tx.ExecContext(ctx, stmt, id); err != nil {
				return err
			}
		}
	}
	for _, o := range ch.Objects {
		if _, err := tx.ExecContext(ctx, `INSERT INTO object VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`,
			o.ID, o.Bucket, o.Key, o.Size, o.Modified, o.SHA256, o.Source, o.Status, o.Reason,
			o.Records, o.Rows, o.Duplicates, o.Quarantined, o.Expired, o.First, o.Last,
			o.Proof, o.ProofReason, o.ProofBy, o.Batch, o.IngestedAt); err != nil {
			return fmt.Errorf("object %s: %w", o.Key, err)
		}
	}
	for _, q := range ch.Quarantine {
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO quarantine VALUES (?,?,?,?,?,?)`, q.Object, q.Record, q.Offset, q.Reason, q.Raw, q.At); err != nil {
			return err
		}
	}
	for _, f := range ch.Remove {
		for _, stmt := range []string{`DELETE FROM part WHERE file = ?`, `DELETE FROM file WHERE id = ?`} {
			if _, err := tx.ExecContext(ctx, stmt, f.ID); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO retired VALUES (?, ?)`, f.Name, ch.At); err != nil {
			return err
		}
	}
	for i, f := range ch.Add {
		if err := insertFile(ctx, tx, f, ch.Parts[i]); err != nil {
			return fmt.Errorf("file %s: %w", f.Name, err)
		}
	}
	for _, p := range ch.Expire {
		if _, err := tx.ExecContext(ctx, `UPDATE object SET expired = expired + ? WHERE id = ?`, p.Rows, p.Object); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE meta SET value = value + 1 WHERE name = 'generation'`)
	return err
}

func insertFile(ctx context.Context, tx *sql.Tx, f File, parts []Part) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM retired WHERE name = ?`, f.Name); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `INSERT INTO file (source, day, name, compacted, rows, bytes, words, memory, first, last, sha256, schema) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)`,
		f.Source, f.Day, f.Name, f.Compacted, f.Rows, f.Bytes, f.Words, f.Memory, f.First, f.Last, f.SHA256, f.Schema)
	if err != nil {
		return err
	}
	id, err := res.LastInsertId()
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err := tx.ExecContext(ctx, `INSERT INTO part VALUES (?,?,?)`, id, p.Object, p.Rows); err != nil {
			return err
		}
	}
	return nil
}
