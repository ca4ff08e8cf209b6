package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Search is a saved search: the state of the search page under a name.
type Search struct {
	ID       int64
	Name     string // unique
	Query    string
	From, To string // as written: -24h, 2026-10-01, RFC 3339, or empty
	Sources  []string
	Fields   []string // columns of the table; none: the page's own
	Created  time.Time
	Updated  time.Time
}

const searchColumns = "id, name, query, first, last, sources, fields, created_at, updated_at"

// Searches lists the saved searches by name.
func (s *Store) Searches(ctx context.Context) ([]Search, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+searchColumns+" FROM saved_searches ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("saved searches: %w", err)
	}
	defer rows.Close()
	var out []Search
	for rows.Next() {
		one, err := scanSearch(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, rows.Err()
}

// Search gives a saved search; ErrNotFound if there is none.
func (s *Store) Search(ctx context.Context, id int64) (Search, error) {
	return scanSearch(s.db.QueryRowContext(ctx, "SELECT "+searchColumns+" FROM saved_searches WHERE id = ?", id))
}

// AddSearch saves a new search at the given time; ErrExists if the name is
// taken. ID, Created and Updated of the argument are ignored.
func (s *Store) AddSearch(ctx context.Context, q Search, at time.Time) (Search, error) {
	return s.write(ctx, `INSERT INTO saved_searches (name, query, first, last, sources, fields, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+searchColumns, q, at, at.UnixMicro())
}

// ReplaceSearch changes the search of q.ID; ErrNotFound if there is none,
// ErrExists if another one has the name.
func (s *Store) ReplaceSearch(ctx context.Context, q Search, at time.Time) (Search, error) {
	return s.write(ctx, `UPDATE saved_searches SET name = ?, query = ?, first = ?, last = ?, sources = ?, fields = ?, updated_at = ?
		WHERE id = ? RETURNING `+searchColumns, q, at, q.ID)
}

// write runs a statement on the fields of q, then the time, then one more.
func (s *Store) write(ctx context.Context, statement string, q Search, at time.Time, more any) (Search, error) {
	out, err := scanSearch(s.db.QueryRowContext(ctx, statement, q.Name, q.Query, q.From, q.To,
		strings.Join(q.Sources, ","), strings.Join(q.Fields, ","), at.UnixMicro(), more))
	var broken *sqlite.Error
	if errors.As(err, &broken) && broken.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE {
		return Search{}, fmt.Errorf("saved search %q: %w", q.Name, ErrExists)
	}
	return out, err
}

// DeleteSearch removes a saved search; ErrNotFound if there is none.
func (s *Store) DeleteSearch(ctx context.Context, id int64) error {
	res, err := s.db.ExecContext(ctx, "DELETE FROM saved_searches WHERE id = ?", id)
	if err != nil {
		return fmt.Errorf("saved search %d: %w", id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("saved search %d: %w", id, ErrNotFound))
	}
	return nil
}

func scanSearch(row interface{ Scan(...any) error }) (Search, error) {
	var q Search
	var sources, fields string
	var created, updated int64
	err := row.Scan(&q.ID, &q.Name, &q.Query, &q.From, &q.To, &sources, &fields, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return Search{}, fmt.Errorf("saved search: %w", ErrNotFound)
	}
	if err != nil {
		return Search{}, fmt.Errorf("saved search: %w", err)
	}
	q.Sources, q.Fields = list(sources), list(fields)
	q.Created, q.Updated = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return q, nil
}

func list(joined string) []string {
	if joined == "" {
		return nil
	}
	return strings.Split(joined, ",")
}
