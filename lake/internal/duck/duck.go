// Package duck runs SQL over the lake's files with an embedded DuckDB
// (https://duckdb.org). The engine may read the lake's directory and nothing
// else: no other file, no network, no extension, no spill to disk.
package duck

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2"
)

// Config bounds the engine.
type Config struct {
	Dir     string // the only directory it may read
	Threads int
	Memory  int64 // bytes
}

// DB is an engine.
type DB struct {
	connector *duckdb.Connector
	db        *sql.DB
	matchers  sync.Map // name to func(string) bool
}

// Open starts an engine.
func Open(cfg Config) (*DB, error) {
	var once sync.Once
	var failed error
	connector, err := duckdb.NewConnector("?autoinstall_known_extensions=false&autoload_known_extensions=false", func(conn driver.ExecerContext) error {
		once.Do(func() { failed = setUp(conn, cfg) })
		return failed
	})
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(4)
	d := &DB{connector: connector, db: db}
	if err := d.register(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func setUp(conn driver.ExecerContext, cfg Config) error {
	for _, s := range []string{
		fmt.Sprintf("SET threads = %d", cfg.Threads),
		fmt.Sprintf("SET memory_limit = '%dB'", cfg.Memory),
		"SET temp_directory = ''",
		"SET GLOBAL TimeZone = 'UTC'", // of every connection, not of this one alone
		"SET enable_object_cache = true",
		"SET parquet_metadata_cache = true",
		"SET preserve_insertion_order = false",
		"SET allowed_directories = [" + Quote(cfg.Dir) + "]",
		"SET enable_external_access = false",
	} {
		if _, err := conn.ExecContext(context.Background(), s, nil); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	for _, m := range macros {
		if _, err := conn.ExecContext(context.Background(), "CREATE OR REPLACE MACRO "+m, nil); err != nil {
			return fmt.Errorf("macro %s: %w", m, err)
		}
	}
	_, err := conn.ExecContext(context.Background(), "SET lock_configuration = true", nil)
	return err
}

// macros are functions of Trino's dialect, as in published Athena and
// CloudTrail Lake queries, in terms of DuckDB's.
var macros = []string{
	"json_extract_scalar(j, p) AS TRY(json_extract_string(j, p))",
	"approx_distinct(x) AS approx_count_distinct(x)",
	"regexp_like(s, p) AS regexp_matches(s, p)",
	"from_unixtime(n) AS make_timestamp(CAST(n * 1000000 AS BIGINT))",
	"to_unixtime(t) AS epoch(t)",
	"from_iso8601_timestamp(s) AS CAST(s AS TIMESTAMPTZ)",
	"element_at(j, k) AS TRY(json_extract_string(j, '$.' || k))",
	"date_parse(s, f) AS strptime(s, f)",
	"strpos(s, x) AS instr(s, x)",
}

// Close stops the engine.
func (d *DB) Close() error {
	err := d.db.Close()
	if e := d.connector.Close(); err == nil {
		err = e
	}
	return err
}

// Query runs one statement.
func (d *DB) Query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return d.db.QueryContext(ctx, text, args...)
}

// Exec runs one statement without a result.
func (d *DB) Exec(ctx context.Context, text string) error {
	_, err := d.db.ExecContext(ctx, text)
	return err
}

// Quote gives s as a text literal.
func Quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
