package catalog

import (
	"context"
	"database/sql"
	"errors"
)

// Generation is a number that every commit raises.
func (c *Catalog) Generation(ctx context.Context) (int64, error) {
	var n int64
	err := c.db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = 'generation'`).Scan(&n)
	return n, err
}

const objectColumns = `id, bucket, key, size, modified, sha256, source, status, reason, records, rows, duplicates, quarantined, expired, first, last, proof, proof_reason, proof_by, batch, ingested_at`

func (o *Object) fields() []any {
	return []any{
		&o.ID, &o.Bucket, &o.Key, &o.Size, &o.Modified, &o.SHA256, &o.Source, &o.Status, &o.Reason,
		&o.Records, &o.Rows, &o.Duplicates, &o.Quarantined, &o.Expired, &o.First, &o.Last,
		&o.Proof, &o.ProofReason, &o.ProofBy, &o.Batch, &o.IngestedAt,
	}
}

// ObjectByKey gives the object of a name; ok is false when there is none.
func (c *Catalog) ObjectByKey(ctx context.Context, bucket, key string) (o Object, ok bool, err error) {
	return one(c.db.QueryRowContext(ctx, `SELECT `+objectColumns+` FROM object WHERE bucket = ? AND key = ?`, bucket, key))
}

// ObjectByID gives the object of an id.
func (c *Catalog) ObjectByID(ctx context.Context, id int64) (o Object, ok bool, err error) {
	return one(c.db.QueryRowContext(ctx, `SELECT `+objectColumns+` FROM object WHERE id = ?`, id))
}

// ObjectBySHA gives an object of a source with rows and the given content.
func (c *Catalog) ObjectBySHA(ctx context.Context, source, sum string) (o Object, ok bool, err error) {
	return one(c.db.QueryRowContext(ctx, `SELECT `+objectColumns+` FROM object WHERE sha256 = ? AND source = ? AND records > 0 AND status IN ('ok', 'partial') ORDER BY id LIMIT 1`, sum, source))
}

func one(row *sql.Row) (o Object, ok bool, err error) {
	err = row.Scan(o.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return o, false, nil
	}
	return o, err == nil, err
}

// Objects calls f with every object, by bucket and key.
func (c *Catalog) Objects(ctx context.Context, f func(Object) error) error {
	return each(ctx, c.db, `SELECT `+objectColumns+` FROM object ORDER BY bucket, key`, func(rows *sql.Rows) error {
		var o Object
		if err := rows.Scan(o.fields()...); err != nil {
			return err
		}
		return f(o)
	})
}

// Known gives name, size, time and status of every object, the cheap way to skip what
// is there.
func (c *Catalog) Known(ctx context.Context, f func(Object)) error {
	return each(ctx, c.db, `SELECT bucket, key, size, modified, status FROM object`, func(rows *sql.Rows) error {
		var o Object
		if err := rows.Scan(&o.Bucket, &o.Key, &o.Size, &o.Modified, &o.Status); err != nil {
			return err
		}
		f(o)
		return nil
	})
}

// Files lists the files of a source (all sources when empty) in the order in
// which they were committed.
func (c *Catalog) Files(ctx context.Context, source string) ([]File, error) {
	var out []File
	err := each(ctx, c.db, `SELECT id, source, day, name, compacted, rows, bytes, words, memory, first, last, sha256, schema FROM file WHERE ?1 = '' OR source = ?1 ORDER BY source, day, id`, func(rows *sql.Rows) error {
		var f File
		if err := rows.Scan(&f.ID, &f.Source, &f.Day, &f.Name, &f.Compacted, &f.Rows, &f.Bytes, &f.Words, &f.Memory, &f.First, &f.Last, &f.SHA256, &f.Schema); err != nil {
			return err
		}
		out = append(out, f)
		return nil
	}, source)
	return out, err
}

// Parts lists what the given file consists of.
func (c *Catalog) Parts(ctx context.Context, file int64) ([]Part, error) {
	return c.parts(ctx, `SELECT file, object, rows FROM part WHERE file = ? ORDER BY object`, file)
}

// PartsOf lists where the rows of an object are.
func (c *Catalog) PartsOf(ctx context.Context, object int64) ([]Part, error) {
	return c.parts(ctx, `SELECT file, object, rows FROM part WHERE object = ? ORDER BY file`, object)
}

func (c *Catalog) parts(ctx context.Context, q string, arg int64) ([]Part, error) {
	var out []Part
	err := each(ctx, c.db, q, func(rows *sql.Rows) error {
		var p Part
		if err := rows.Scan(&p.File, &p.Object, &p.Rows); err != nil {
			return err
		}
		out = append(out, p)
		return nil
	}, arg)
	return out, err
}

// RowsByObject sums the rows that stand in files, by object.
func (c *Catalog) RowsByObject(ctx context.Context) (map[int64]int64, error) {
	return c.byObject(ctx, `SELECT object, sum(part.rows) FROM part JOIN file ON file.id = part.file GROUP BY object`)
}

// QuarantinedByObject counts the records in quarantine, by object.
func (c *Catalog) QuarantinedByObject(ctx context.Context) (map[int64]int64, error) {
	return c.byObject(ctx, `SELECT object, count(*) FROM quarantine GROUP BY object`)
}

func (c *Catalog) byObject(ctx context.Context, q string) (map[int64]int64, error) {
	out := map[int64]int64{}
	err := each(ctx, c.db, q, func(rows *sql.Rows) error {
		var o, n int64
		if err := rows.Scan(&o, &n); err != nil {
			return err
		}
		out[o] = n
		return nil
	})
	return out, err
}

// Quarantine lists records that could not be read, at most limit, newest
// batch first.
func (c *Catalog) Quarantine(ctx context.Context, limit int) ([]Quarantined, error) {
	var out []Quarantined
	err := each(ctx, c.db, `SELECT object, record, offset, reason, raw, at FROM quarantine ORDER BY at DESC, object, record LIMIT ?`, func(rows *sql.Rows) error {
		var q Quarantined
		if err := rows.Scan(&q.Object, &q.Record, &q.Offset, &q.Reason, &q.Raw, &q.At); err != nil {
			return err
		}
		out = append(out, q)
		return nil
	}, limit)
	return out, err
}

// Retired lists names of files that are no longer part of the lake and were
// removed from it before the given time (µs).
func (c *Catalog) Retired(ctx context.Context, before int64) ([]string, error) {
	var out []string
	err := each(ctx, c.db, `SELECT name FROM retired WHERE at < ?`, func(rows *sql.Rows) error {
		var n string
		if err := rows.Scan(&n); err != nil {
			return err
		}
		out = append(out, n)
		return nil
	}, before)
	return out, err
}

// Dropped says that retired files are gone from the disk.
func (c *Catalog) Dropped(ctx context.Context, names []string) error {
	tx, err := c.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit it has nothing to do
	for _, n := range names {
		if _, err := tx.ExecContext(ctx, `DELETE FROM retired WHERE name = ?`, n); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Touch records a new modification time for an object whose content is known.
func (c *Catalog) Touch(ctx context.Context, id, size, modified int64) error {
	_, err := c.db.ExecContext(ctx, `UPDATE object SET size = ?, modified = ? WHERE id = ?`, size, modified, id)
	return err
}

// Prove records what a digest says of an object.
func (c *Catalog) Prove(ctx context.Context, id int64, proof, reason, by string) error {
	_, err := c.db.ExecContext(ctx, `UPDATE object SET proof = ?, proof_reason = ?, proof_by = ? WHERE id = ?`, proof, reason, by, id)
	return err
}

func each(ctx context.Context, db *sql.DB, q string, f func(*sql.Rows) error, args ...any) error {
	rows, err := db.QueryContext(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Balanced says whether the rows of all objects stand in files: the catalogue
// has lost nothing that its sums would show.
func (c *Catalog) Balanced(ctx context.Context) (ok bool, err error) {
	err = c.db.QueryRowContext(ctx, `SELECT
		(SELECT coalesce(sum(rows - expired), 0) FROM object) = (SELECT coalesce(sum(part.rows), 0) FROM part JOIN file ON file.id = part.file)
		AND (SELECT coalesce(sum(rows), 0) FROM part) = (SELECT coalesce(sum(rows), 0) FROM file)`).Scan(&ok)
	return ok, err
}
