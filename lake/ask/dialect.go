package ask

import "strconv"

// What DuckDB writes in its own way. A second engine gets its own set.

// scan reads Parquet files with the name and row number of each row.
func scan(files string) string {
	return "read_parquet(" + files + ", filename = true, file_row_number = true, union_by_name = false)"
}

// bucketOf gives the start of the bucket in which a time lies, in µs.
func bucketOf(column, width string) string {
	us := "epoch_us(" + column + ")"
	return us + " - ((" + us + " % " + width + ") + " + width + ") % " + width // also before 1970
}

// jsonAt reads a place in a document. One that the engine does not take for JSON
// (half of a surrogate pair in a text, for example) has nothing there: it must
// not end the query.
func jsonAt(function, doc, path string) string {
	return "TRY(" + function + "(" + doc + ", " + quote(path) + "))"
}

// timestamp gives the instant of µs since the epoch.
func timestamp(us int64) string { return "make_timestamp(" + strconv.FormatInt(us, 10) + ")" }

// micros gives a time in µs.
func micros(column string) string { return "epoch_us(" + column + ")" }

// anyOf holds if an element of a list passes the condition on x.
func anyOf(list, condition string) string {
	return "len(list_filter(" + list + ", x -> " + condition + ")) > 0"
}

// rawMatch calls a matcher.
func rawMatch(raw, name string) string { return "raw_match(" + raw + ", " + quote(name) + ")" }

// addressInText holds if a text is an address between the bounds; most texts
// are seen to be none without a call.
func addressInText(expr, low, high string) string {
	return "CASE WHEN regexp_full_match(" + expr + ", '[0-9a-fA-F:.]+(%.*)?') THEN " + addressBetween(expr, low, high) + " ELSE false END"
}

// addressBetween compares addresses of any family.
func addressBetween(expr, low, high string) string {
	return "ip_between(" + expr + ", " + quote(low) + ", " + quote(high) + ")"
}
