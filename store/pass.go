package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/yagura-sec/yagura"
)

// Pass is how far the detectors are in the lake: a pass reads the events of a
// set of objects in the order of time.
type Pass struct {
	Open     bool  // else there is nothing to go on with
	From, To int64 // µs: the events lie in [From, To)
	// Time, Object and Record are the last event that the state knows.
	Time, Object, Record int64
	State                string // name of the file that holds the detectors' state, empty if none
}

// Pass gives the pass that is open or was the last.
func (s *Store) Pass(ctx context.Context) (p Pass, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT open, first, last, at_time, at_object, at_record, state FROM detection_pass").
		Scan(&p.Open, &p.From, &p.To, &p.Time, &p.Object, &p.Record, &p.State)
	if errors.Is(err, sql.ErrNoRows) {
		return Pass{}, nil
	}
	return p, err
}

// Detected gives the objects that are done (open false) or that the open pass
// reads (open true).
func (s *Store) Detected(ctx context.Context, open bool) (map[int64]bool, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT object FROM detection_objects WHERE open = ?", open)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells.
	out := map[int64]bool{}
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out[id] = true
	}
	return out, rows.Err()
}

// BeginPass opens a pass over objects.
func (s *Store) BeginPass(ctx context.Context, p Pass, objects []int64) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, id := range objects {
			if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO detection_objects (object, open) VALUES (?, 1)", id); err != nil {
				return err
			}
		}
		p.Open = true
		return putPass(ctx, tx, p)
	})
}

// AdvancePass records, all or nothing, how far the pass is and what was found.
// When the pass is not open any more, its objects are done.
func (s *Store) AdvancePass(ctx context.Context, p Pass, findings []*yagura.Finding) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, f := range findings {
			if err := putFinding(ctx, tx, f); err != nil {
				return fmt.Errorf("finding %s: %w", f.ID, err)
			}
		}
		if !p.Open {
			if _, err := tx.ExecContext(ctx, "UPDATE detection_objects SET open = 0 WHERE open = 1"); err != nil {
				return err
			}
		}
		return putPass(ctx, tx, p)
	})
}

// ForgetDetection drops all findings and all progress: the next pass reads
// everything anew.
func (s *Store) ForgetDetection(ctx context.Context) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"findings", "detection_objects", "detection_pass"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
				return err
			}
		}
		return nil
	})
}

func putPass(ctx context.Context, tx *sql.Tx, p Pass) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO detection_pass (id, open, first, last, at_time, at_object, at_record, state) VALUES (1, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET open = excluded.open, first = excluded.first, last = excluded.last,
			at_time = excluded.at_time, at_object = excluded.at_object, at_record = excluded.at_record, state = excluded.state`,
		p.Open, p.From, p.To, p.Time, p.Object, p.Record, p.State)
	return err
}

func (s *Store) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // After a commit there is nothing to undo.
	if err := do(tx); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	return tx.Commit()
}
