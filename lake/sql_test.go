package lake_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/yagura-sec/yagura/lake"
)

// run reads a query to its end.
func run(t testing.TB, l *lake.Lake, text string) ([][]any, error) {
	t.Helper()
	rows, err := l.SQL(t.Context(), text, 20*time.Second, 1000)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]any
	for {
		row, err := rows.Next()
		if err != nil || row == nil {
			return out, err
		}
		out = append(out, row)
	}
}

// Queries as they stand in AWS's documentation, in form, run and find something.
func TestPublishedQueries(t *testing.T) {
	l := open(t, t.TempDir())
	fill(t, l, append(fixtures(t), generated(100)...), 5)
	for _, text := range []string{
		`SELECT useridentity.arn, eventname, sourceipaddress, eventtime FROM cloudtrail WHERE eventtime >= '2023-01-01T00:00:00Z' AND eventtime < '2030-01-01T00:00:00Z'`,
		`SELECT useridentity.arn, count(eventid) AS n FROM cloudtrail GROUP BY useridentity.arn ORDER BY n DESC LIMIT 10`,
		`SELECT eventName, count(*) AS total FROM cloudtrail WHERE eventtime BETWEEN '2026-10-01' AND '2026-10-05' GROUP BY eventName HAVING count(*) > 1 ORDER BY total DESC`,
		`SELECT json_extract_scalar(requestparameters, '$.bucketName') AS bucket, count(*) FROM cloudtrail WHERE eventsource = 's3.amazonaws.com' GROUP BY 1`,
		`SELECT DISTINCT eventSource, eventName, userIdentity.sessionContext.sessionIssuer.userName FROM cloudtrail WHERE readonly = true`,
		`SELECT userIdentity.sessionContext.attributes.mfaAuthenticated, count(*) FROM cloudtrail GROUP BY 1`,
		`SELECT errorcode, errormessage, awsregion FROM cloudtrail WHERE errorcode IN ('AccessDenied', 'Client.UnauthorizedOperation') AND useridentity.type = 'IAMUser'`,
		`SELECT date_trunc('hour', eventtime) AS hour, count(*) FROM cloudtrail GROUP BY 1 ORDER BY 1`,
		`SELECT srcaddr, dstaddr, sum(bytes) AS total FROM vpcflow WHERE action = 'ACCEPT' GROUP BY srcaddr, dstaddr ORDER BY total DESC LIMIT 5`,
		`SELECT from_unixtime(start) AS start_time, from_unixtime("end") AS end_time, interface_id, protocol FROM vpcflow WHERE action = 'REJECT' AND protocol = 6 LIMIT 100`,
		`SELECT sourceaddress FROM (SELECT srcaddr AS sourceaddress, dstport FROM vpcflow WHERE dstport IN (22, 3389)) GROUP BY sourceaddress HAVING count(*) > 1`,
		`SELECT type, elb, client_ip, client_port, elb_status_code, request_url FROM elb`,
		`SELECT client_ip, count(*) FROM elb WHERE elb_status_code >= 200 GROUP BY client_ip`,
		`SELECT httprequest.clientip, httprequest.country, count(*) FROM waf GROUP BY 1, 2`,
		`SELECT action, terminatingruleid, httprequest.uri FROM waf`,
		`SELECT bucket_name, key, operation, remoteip, httpstatus FROM s3access`,
		`SELECT requester, operation, count(*) FROM s3access GROUP BY 1, 2`,
		`SELECT query_name, query_type, rcode, srcaddr FROM route53`,
		`SELECT source, count(*) FROM events GROUP BY source`,
		`SELECT e.source, f.srcaddr FROM events e JOIN vpcflow f ON e.src_endpoint_ip = f.srcaddr LIMIT 5`,
		`WITH calls AS (SELECT eventname, eventtime FROM cloudtrail), top AS (SELECT eventname, count(*) AS n FROM calls GROUP BY 1) SELECT * FROM top ORDER BY n DESC`,
		`SELECT eventname, row_number() OVER (PARTITION BY useridentity.arn ORDER BY eventtime) FROM cloudtrail LIMIT 3`,
		`SELECT * FROM cloudtrail, UNNEST([1, 2]) AS u(x) LIMIT 2`,
		`DESCRIBE SELECT * FROM cloudtrail`,
		`SELECT raw_data FROM cloudtrail LIMIT 1;`,
		`FROM events SELECT count(*)`,
	} {
		rows, err := run(t, l, text)
		if err != nil {
			t.Errorf("%s\n\t%v", text, err)
		} else if len(rows) == 0 {
			t.Errorf("%s finds nothing", text)
		}
	}
	// The views also exist in a lake that holds nothing.
	empty := open(t, t.TempDir())
	for _, text := range []string{`SELECT count(*) FROM events`, `SELECT useridentity.arn FROM cloudtrail`, `SELECT srcaddr FROM vpcflow`} {
		if _, err := run(t, empty, text); err != nil {
			t.Errorf("empty lake: %s: %v", text, err)
		}
	}
}

// Every native name of every source is a column of its view.
func TestNativeColumns(t *testing.T) {
	l := open(t, t.TempDir())
	fill(t, l, fixtures(t), 50)
	for _, s := range schemas() {
		for _, n := range s.Native {
			name := strings.ReplaceAll(n.Name, "-", "_")
			parts := strings.Split(name, ".")
			for i := range parts {
				parts[i] = `"` + parts[i] + `"`
			}
			if _, err := run(t, l, "SELECT "+strings.Join(parts, ".")+" FROM "+s.Source+" LIMIT 1"); err != nil {
				t.Errorf("%s.%s: %v", s.Source, name, err)
			}
		}
	}
}

// hostile must be refused; %s is the path of the lake.
var hostile = []string{
	`COPY events TO '/tmp/yagura-proof.csv'`, `COPY (SELECT 1) TO '%s/x.parquet'`, `EXPORT DATABASE '%s/x'`, `IMPORT DATABASE '%s/x'`,
	`ATTACH '%s/catalog.db'`, `ATTACH '/tmp/yagura-proof.db' AS x`, `DETACH memory`, `USE memory`, `INSTALL httpfs`, `LOAD httpfs`, `FORCE INSTALL sqlite`, `UPDATE EXTENSIONS`,
	`PRAGMA database_list`, `PRAGMA enable_external_access`, `SET enable_external_access = true`, `SET GLOBAL memory_limit = '64GB'`, `RESET memory_limit`, `SET lock_configuration = false`, `SET VARIABLE x = 1`,
	`CREATE TABLE x (a INT)`, `CREATE TABLE x AS SELECT * FROM events`, `CREATE OR REPLACE VIEW events AS SELECT 1`, `CREATE MACRO f(x) AS x`, `CREATE SECRET s (TYPE s3)`, `CREATE TEMP TABLE x AS SELECT 1`, `DROP VIEW events`, `ALTER VIEW events RENAME TO x`,
	`INSERT INTO events VALUES (1)`, `DELETE FROM events`, `UPDATE events SET source = 'x'`, `TRUNCATE events`, `MERGE INTO events USING events ON true WHEN MATCHED THEN DELETE`,
	`CALL pragma_version()`, `CHECKPOINT`, `VACUUM`, `ANALYZE`, `BEGIN`, `COMMIT`, `PREPARE p AS SELECT 1`, `EXECUTE p`, `DEALLOCATE p`,
	`SELECT 1; SELECT 2`, `SELECT 1; DROP VIEW events`, `SELECT 1; COPY events TO '/tmp/yagura-proof.csv'`, `SELECT 1;; ATTACH '/tmp/yagura-proof.db'`, "SELECT 1 -- x\n; DROP VIEW events", `SELECT /* ; */ 1; DROP VIEW events`,
	`EXPLAIN SELECT 1`, `EXPLAIN ANALYZE SELECT * FROM events`, `EXPLAIN COPY events TO '/tmp/yagura-proof.csv'`, `SHOW TABLES`, `SHOW ALL TABLES`, `SHOW DATABASES`, `DESCRIBE TABLE sqlite_master`, `SUMMARIZE '/etc/passwd'`, `DESCRIBE '%s/catalog.db'`,
	`FROM (SHOW TABLES)`, `FROM (SHOW ALL TABLES)`, `FROM (SHOW DATABASES)`, `FROM (DESCRIBE duckdb_settings)`, `FROM (SUMMARIZE '/etc/passwd.csv')`,
	`SELECT * FROM read_csv('/etc/passwd')`, `SELECT * FROM read_csv_auto('/etc/passwd')`, `SELECT * FROM read_text('/etc/passwd')`, `SELECT * FROM read_blob('/proc/self/environ')`, `SELECT * FROM read_json('/etc/x')`, `SELECT * FROM read_json_objects('/etc/x')`, `SELECT * FROM read_ndjson('/etc/x')`,
	`SELECT * FROM read_parquet('%s/cloudtrail/*/*/*.parquet')`, `SELECT * FROM parquet_scan('%s/x')`, `SELECT * FROM parquet_metadata('%s/x')`, `SELECT * FROM parquet_schema('x')`, `SELECT * FROM parquet_kv_metadata('x')`, `SELECT * FROM parquet_file_metadata('x')`, `SELECT * FROM sniff_csv('/etc/passwd')`,
	`SELECT * FROM glob('/*')`, `SELECT * FROM glob('%s/*')`, `SELECT * FROM READ_TEXT('/etc/passwd')`, `SELECT * FROM "read_text"('/etc/passwd')`, `SELECT * FROM main.read_text('/etc/passwd')`, `SELECT * FROM system.main.read_text('/etc/passwd')`,
	`SELECT * FROM '/etc/passwd'`, `SELECT * FROM '/etc/passwd.csv'`, `SELECT * FROM "/etc/passwd.csv"`, `SELECT * FROM '%s/x.parquet'`, `SELECT * FROM "https://example.com/x.parquet"`, `SELECT * FROM 's3://x/y.parquet'`, `FROM '/etc/hosts.json'`, `TABLE '/etc/passwd.csv'`,
	`WITH x AS (SELECT * FROM '/etc/passwd.csv') SELECT * FROM x`, `SELECT (SELECT count(*) FROM read_text('/etc/passwd'))`, `SELECT * FROM events WHERE source IN (SELECT content FROM read_text('/etc/passwd'))`, `SELECT 1 WHERE EXISTS (FROM glob('/*'))`,
	`SELECT * FROM events JOIN read_text('/etc/passwd') ON true`, `SELECT * FROM events UNION ALL SELECT * FROM '/etc/passwd.csv'`, `SELECT ARRAY(SELECT content FROM read_text('/etc/passwd'))`, `SELECT * FROM (VALUES (1)) LIMIT (SELECT count(*) FROM glob('/*'))`, `SELECT 1 ORDER BY (SELECT count(*) FROM glob('/*'))`,
	`SELECT * FROM events QUALIFY row_number() OVER (ORDER BY (SELECT count(*) FROM glob('/*'))) = 1`, `SELECT count(*) FILTER (WHERE (SELECT count(*) FROM glob('/*')) > 0) FROM events`, `SELECT CASE WHEN (SELECT count(*) FROM glob('/*')) > 0 THEN 1 END`,
	`WITH "/etc/passwd.csv" AS (SELECT 1) SELECT * FROM "/etc/passwd.csv"`, `SELECT * FROM (WITH "/etc/passwd.csv" AS (SELECT 1) SELECT 1), '/etc/passwd.csv'`, `WITH duckdb_settings AS (SELECT 1) SELECT * FROM duckdb_settings`,
	`SELECT * FROM (WITH sqlite_master AS (SELECT 1) SELECT 1), sqlite_master`, `SELECT * FROM (WITH pg_settings AS (SELECT 1) SELECT 1), pg_settings`, `WITH "%s/x.parquet" AS (SELECT * FROM "%[1]s/x.parquet") SELECT 1`, `SELECT * FROM (WITH duckdb_views AS (SELECT 1) SELECT 1), duckdb_views`,
	`SELECT * FROM duckdb_settings()`, `SELECT * FROM duckdb_secrets()`, `SELECT * FROM duckdb_views()`, `SELECT * FROM duckdb_tables`, `SELECT * FROM sqlite_master`, `SELECT * FROM information_schema.tables`, `SELECT * FROM pg_catalog.pg_settings`, `SELECT * FROM pg_class`, `SELECT * FROM pragma_database_list`, `SELECT * FROM pragma_table_info('events')`, `SELECT * FROM duckdb_logs`, `SELECT * FROM duckdb_functions()`,
	`SELECT * FROM main.events`, `SELECT * FROM memory.main.events`, `SELECT * FROM temp.x`, `SELECT getenv('HOME')`, `SELECT current_setting('memory_limit')`, `SELECT getvariable('x')`, `SELECT which_secret('x', 's3')`,
	`SELECT * FROM query('SELECT 1')`, `SELECT * FROM query_table('events')`, `SELECT * FROM query_table(['/etc/passwd.csv'])`, `FROM json_execute_serialized_sql('{}')`, `SELECT json_serialize_sql('SELECT 1')`, `SELECT * FROM sql_auto_complete('SEL')`, `SELECT * FROM test_all_types()`, `SELECT * FROM repeat_row(1, num_rows = 10)`,
	`SELECT raw_match(raw_data, 'q1.cloudtrail.0') FROM cloudtrail`, `SELECT nextval('x')`, `SELECT currval('x')`, `SELECT write_log('x')`, `SELECT * FROM enable_logging()`, `SELECT * FROM checkpoint()`, `SELECT * FROM force_checkpoint()`, `SELECT * FROM enable_profiling()`, `SELECT * FROM truncate_duckdb_logs()`,
	`SELECT error('x')`, `SELECT repeat('x', 100000000000)`, `SELECT lpad('x', 2000000000, 'y')`, `SELECT rpad('x', 2000000000, 'y')`, `SELECT range(100000000000)`, `SELECT generate_series(1, 100000000000)`, `SELECT list_resize([1], 100000000000)`, `SELECT bar(1, 0, 1, 1000000000)`, `SELECT printf('%%1000000000d', 1)`, `SELECT format('{:1000000000d}', 1)`,
	``, `;`, `--`, `/* */`, `SELECT`, `SELECT * FROM`, `(((`, "\x00", "SELECT 1\x00; DROP VIEW events", "ＳＥＬＥＣＴ 1", "SELECT\u00a0*\u00a0FROM\u2028glob('/*')", "\xff\xfe", `SELECT ?`, `SELECT $1`, `SELECT $a`,
	`SELECT ` + strings.Repeat("(", 20000) + `1` + strings.Repeat(")", 20000), `SELECT ` + strings.Repeat("-", 30000) + `1`, `SELECT ` + strings.Repeat("NOT ", 15000) + `true`, `SELECT 1 + ` + strings.Repeat("x", 1<<20),
	`PIVOT events ON source`, `SELECT * FROM events AT (VERSION => 1)`,
}

func TestHostileStatements(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "lake")
	l := open(t, inside)
	fill(t, l, generated(30), 5)
	compact(t, l)
	if _, err := run(t, l, "SELECT count(*) FROM events"); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	work, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	here := snapshot(t, work)
	for _, text := range hostile {
		if strings.Contains(text, "%s") || strings.Contains(text, "%%") {
			text = fmt.Sprintf(text, inside)
			text, _, _ = strings.Cut(text, "%!(EXTRA")
		}
		began := time.Now()
		rows, err := run(t, l, text)
		if err == nil {
			t.Errorf("%.200q ran and gave %.300s", text, fmt.Sprint(rows))
		} else if len(err.Error()) > 4<<10 {
			t.Errorf("%.200q: the error is %d bytes long", text, len(err.Error()))
		}
		if d := time.Since(began); d > 30*time.Second {
			t.Errorf("%.200q took %s", text, d)
		}
	}
	if d := cmpSnapshots(before, snapshot(t, dir)); d != "" {
		t.Errorf("the lake is not as it was: %s", d)
	}
	if d := cmpSnapshots(here, snapshot(t, work)); d != "" {
		t.Errorf("files came or went: %s", d)
	}
	for _, p := range []string{"/tmp/yagura-proof.csv", "/tmp/yagura-proof.db"} {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was written", p)
		}
	}
	if rows, err := run(t, l, "SELECT count(*) FROM events"); err != nil || fmt.Sprint(rows) == "[[0]]" {
		t.Errorf("afterwards: %v %v", rows, err)
	}
}

// Queries that would take for ever or everything end within their bounds, and
// the engine goes on.
func TestBombs(t *testing.T) {
	l := open(t, t.TempDir())
	fill(t, l, generated(200), 5)
	for _, text := range []string{
		`WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT count(*) FROM x`,
		`SELECT count(*) FROM range(1000000000000) a, range(1000000) b WHERE a.range * b.range = 7`,
		`SELECT a.raw_data || b.raw_data || c.raw_data AS x FROM events a, events b, events c ORDER BY x DESC`,
		`SELECT string_agg(a.raw_data, ',') FROM events a, events b, events c`,
		`SELECT list(a.raw_data) FROM events a, events b, events c, events d`,
		`SELECT DISTINCT hash(a.range) || 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' FROM range(1000000000) a`,
		`SELECT count(*) FROM range(100000000) a WHERE regexp_matches(a.range::VARCHAR || repeat('a', 1000), '(a+)+$b')`,
	} {
		began := time.Now()
		rows, err := l.SQL(t.Context(), text, 2*time.Second, 100)
		for err == nil {
			var row []any
			if row, err = rows.Next(); row == nil {
				break
			}
		}
		if rows != nil {
			rows.Close()
		}
		if err == nil {
			t.Errorf("%s: came to an end", text)
		}
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s took %s", text, d)
		}
	}
	if _, err := run(t, l, "SELECT count(*) FROM events"); err != nil {
		t.Error(err)
	}
}

func TestRowLimit(t *testing.T) {
	l := open(t, t.TempDir())
	fill(t, l, generated(100), 5)
	for limit, more := range map[int]bool{1: true, 99: true, 5000: false} {
		rows, err := l.SQL(t.Context(), "SELECT * FROM events ORDER BY time", 0, limit)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for {
			row, err := rows.Next()
			if err != nil {
				t.Fatal(err)
			}
			if row == nil {
				break
			}
			n++
		}
		if n > limit || rows.Truncated() != more {
			t.Errorf("limit %d: %d rows, truncated %v", limit, n, rows.Truncated())
		}
		rows.Close()
	}
}

// snapshot gives the files below a directory with size, time and content.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "catalog.db-") || strings.Contains(path, "testdata") {
			return err
		}
		b, err := os.ReadFile(path)
		out[path] = fmt.Sprint(len(b), sum(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cmpSnapshots(a, b map[string]string) string {
	var out []string
	for k, v := range a {
		if b[k] != v {
			out = append(out, "changed or gone: "+k)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			out = append(out, "new: "+k)
		}
	}
	return strings.Join(out, ", ")
}
