package duck

import (
	"database/sql/driver"

	"github.com/duckdb/duckdb-go/v2"
)

// rawMatch is raw_match(text, name): the result of the matcher of that name,
// false for NULL and for an unknown name.
type rawMatch struct{ db *DB }

func (rawMatch) Config() duckdb.ScalarFuncConfig {
	text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
	if err != nil {
		return duckdb.ScalarFuncConfig{}
	}
	flag, err := duckdb.NewTypeInfo(duckdb.TYPE_BOOLEAN)
	if err != nil {
		return duckdb.ScalarFuncConfig{}
	}
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{text, text}, ResultTypeInfo: flag}
}

func (m rawMatch) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(v []driver.Value) (any, error) {
		text, ok := v[0].(string)
		name, named := v[1].(string)
		if !ok || !named {
			return false, nil
		}
		f, ok := m.db.matchers.Load(name)
		return ok && f.(func(string) bool)(text), nil
	}}
}

// Match makes a matcher known under a name until [DB.Unmatch].
func (d *DB) Match(name string, f func(string) bool) { d.matchers.Store(name, f) }

// Unmatch forgets a matcher.
func (d *DB) Unmatch(name string) { d.matchers.Delete(name) }
