package ask

// What DuckDB writes in its own way. A second engine gets its own set.

// scan reads Parquet files with the name and row number of each row.
func scan(files string) string {
	return "read_parquet(" + files + ", filename = true, file_row_number = true, union_by_name = false)"
}

// bucketOf gives the start of the bucket in which a time lies, in µs.
func bucketOf(column, width string) string {
	return "epoch_us(" + column + ") - epoch_us(" + column + ") % " + width
}

// micros gives a time in µs.
func micros(column string) string { return "epoch_us(" + column + ")" }

// anyOf holds if an element of a list passes the condition on x.
func anyOf(list, condition string) string {
	return "len(list_filter(" + list + ", x -> " + condition + ")) > 0"
}

// rawMatch calls a matcher.
func rawMatch(raw, name string) string { return "raw_match(" + raw + ", " + quote(name) + ")" }

// addressBetween compares addresses of any family.
func addressBetween(expr, low, high string) string {
	return "ip_between(" + expr + ", " + quote(low) + ", " + quote(high) + ")"
}
