package duck

import (
	"context"
	"database/sql/driver"
	"net/netip"

	"github.com/duckdb/duckdb-go/v2"
)

// addressBetween is ip_between(address, low, high): whether the text is an
// address of the bounds' family between them, both included.
type addressBetween struct{}

func (addressBetween) Config() duckdb.ScalarFuncConfig {
	text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
	if err != nil {
		return duckdb.ScalarFuncConfig{}
	}
	flag, err := duckdb.NewTypeInfo(duckdb.TYPE_BOOLEAN)
	if err != nil {
		return duckdb.ScalarFuncConfig{}
	}
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{text, text, text}, ResultTypeInfo: flag}
}

func (addressBetween) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(v []driver.Value) (any, error) {
		text, ok1 := v[0].(string)
		low, ok2 := v[1].(string)
		high, ok3 := v[2].(string)
		if !ok1 || !ok2 || !ok3 {
			return false, nil
		}
		return between(text, low, high), nil
	}}
}

func between(text, low, high string) bool {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return false
	}
	lo, err := netip.ParseAddr(low)
	if err != nil {
		return false
	}
	hi, err := netip.ParseAddr(high)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return a.BitLen() == lo.BitLen() && lo.Compare(a) <= 0 && a.Compare(hi) <= 0
}

func (d *DB) register() error {
	conn, err := d.db.Conn(context.Background())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := duckdb.RegisterScalarUDF(conn, "ip_between", addressBetween{}); err != nil {
		return err
	}
	return duckdb.RegisterScalarUDF(conn, "raw_match", rawMatch{db: d})
}
