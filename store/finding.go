package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura"
)

// FindingQuery selects findings. The zero value selects all.
type FindingQuery struct {
	Least    yagura.Severity // of this severity or higher
	Rule     string          // of this rule
	Subject  string          // about this entity
	From, To int64           // µs: last seen at or after From, first seen before To; 0: open
	Active   bool            // leave out dry runs and what is suppressed
	Limit    int             // at most so many; 0: 1,000
}

// where gives the condition of a query.
func (q *FindingQuery) where() (string, []any) {
	where, args := []string{"severity >= ?"}, []any{int(q.Least)}
	add := func(condition string, arg any, use bool) {
		if use {
			where, args = append(where, condition), append(args, arg)
		}
	}
	add("rule = ?", q.Rule, q.Rule != "")
	add("subject = ?", q.Subject, q.Subject != "")
	add("last >= ?", q.From, q.From != 0)
	add("first < ?", q.To, q.To != 0)
	add("status = ?", "", q.Active)
	return strings.Join(where, " AND "), args
}

// Findings gives findings, the most severe and then the latest first.
func (s *Store) Findings(ctx context.Context, q FindingQuery) (out []yagura.Finding, err error) {
	where, args := q.where()
	if q.Limit <= 0 {
		q.Limit = 1000
	}
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM findings WHERE "+where+
		" ORDER BY severity DESC, last DESC, id LIMIT ?", append(args, q.Limit)...)
	if err != nil {
		return nil, fmt.Errorf("findings: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells.
	for rows.Next() {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return nil, fmt.Errorf("findings: %w", err)
		}
		var f yagura.Finding
		if err := json.Unmarshal(body, &f); err != nil {
			return nil, fmt.Errorf("findings: %w", err)
		}
		out = append(out, f)
	}
	return out, rows.Err()
}

// CountFindings counts findings by severity. The query's limit does not count.
func (s *Store) CountFindings(ctx context.Context, q FindingQuery) (map[yagura.Severity]int64, error) {
	where, args := q.where()
	rows, err := s.db.QueryContext(ctx, "SELECT severity, count(*) FROM findings WHERE "+where+" GROUP BY severity", args...)
	if err != nil {
		return nil, fmt.Errorf("findings: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells.
	out := map[yagura.Severity]int64{}
	for rows.Next() {
		var severity yagura.Severity
		var n int64
		if err := rows.Scan(&severity, &n); err != nil {
			return nil, fmt.Errorf("findings: %w", err)
		}
		out[severity] = n
	}
	return out, rows.Err()
}

// Finding gives one finding by its ID, or [ErrNotFound].
func (s *Store) Finding(ctx context.Context, id string) (f yagura.Finding, err error) {
	var body []byte
	err = s.db.QueryRowContext(ctx, "SELECT body FROM findings WHERE id = ?", id).Scan(&body)
	if err == sql.ErrNoRows { //nolint:errorlint // Scan gives it as it is.
		return f, fmt.Errorf("finding %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return f, fmt.Errorf("finding %s: %w", id, err)
	}
	return f, json.Unmarshal(body, &f)
}

func putFinding(ctx context.Context, tx *sql.Tx, f *yagura.Finding) error {
	body, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO findings (id, rule, severity, subject, first, last, status, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, first = excluded.first, last = excluded.last, status = excluded.status, body = excluded.body`,
		f.ID, f.Rule, int(f.Severity), f.Subject.ID, f.First, f.Last, f.Status, string(body))
	return err
}
