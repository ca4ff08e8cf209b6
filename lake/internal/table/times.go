package table

// Time gives the time of row i in µs.
func (b *Builder) Time(i int) int64 { return b.find("time").nums[i] }

// Times gives the first and last time of the given rows in µs.
func (b *Builder) Times(rows []int32) (first, last int64) {
	nums := b.find("time").nums
	first, last = nums[rows[0]], nums[rows[0]]
	for _, i := range rows {
		first, last = min(first, nums[i]), max(last, nums[i])
	}
	return first, last
}

// Number gives a number of row i.
func (b *Builder) Number(column string, i int) int64 { return b.find(column).nums[i] }

// Text gives a text of row i; it aliases the builder.
func (b *Builder) Text(column string, i int) []byte { return b.find(column).str(i) }
