package transform

import "sort"

// fits maps code points to the nearest ASCII character, in runs of neighbours; a zero
// byte stands for a code point without one. It is code page 20127 of Windows'
// best-fit tables, which ModSecurity's unicode.mapping holds too.
var fits = []struct {
	first rune
	ascii string
}{
	{0x00a0, " !c\x00$Y|\x00\x00Ca<\x00-R\x00\x00\x0023\x00\x00\x00.,1o>\x00\x00\x00\x00AAAAAAACEEEEIIIIDNOOOOO\x00OUUUUY\x00\x00aaaaaaaceeeeiiii\x00nooooo\x00ouuuuy\x00yAaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi\x00\x00JjKk\x00LlLlLl\x00\x00LlNnNnNn\x00\x00\x00OoOoOoOoRrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZ\x00ZzZz\x00b"},
	{0x0189, "D"},
	{0x0191, "Ff\x00\x00\x00\x00I\x00\x00l\x00\x00\x00\x00OOo"},
	{0x01ab, "t\x00\x00TUu"},
	{0x01b6, "z"},
	{0x01cd, "AaIiOoUuUuUuUuUu\x00Aa\x00\x00\x00\x00GgGgKkOoOo\x00\x00j"},
	{0x0261, "g"},
	{0x02b9, "'\"\x00'"},
	{0x02c4, "^\x00^\x00'\x00\x00`\x00_"},
	{0x02dc, "~"},
	{0x0300, "`\x00^~"},
	{0x030e, "\""},
	{0x0331, "__"},
	{0x2000, "       "},
	{0x2010, "--\x00--\x00\x00\x00'',\x00\"\"\"\x00\x00\x00.\x00\x00\x00."},
	{0x2032, "'\x00\x00`\x00\x00\x00<>"},
	{0x2122, "T"},
	{0xff01, "!\"#$%&'()*+,-./0123456789:;<=>\x00@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"},
}

// bestFit gives the byte that stands for code point high<<8|low.
func bestFit(high, low byte) byte {
	code := rune(high)<<8 | rune(low)
	i := sort.Search(len(fits), func(i int) bool { return fits[i].first > code }) - 1
	if i >= 0 && int(code-fits[i].first) < len(fits[i].ascii) {
		if c := fits[i].ascii[code-fits[i].first]; c != 0 {
			return c
		}
	}
	if high == 0xff && low > 0 && low < 0x5f { // full-width ASCII
		return low + 0x20
	}
	return low
}
