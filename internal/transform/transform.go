// Package transform holds the byte transformations that web ACLs and SecLang rules
// apply to a value before they look at it. Both languages took them from ModSecurity:
// https://github.com/owasp-modsecurity/ModSecurity/wiki/Reference-Manual-(v3.x)#transformation-functions
// https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-transformation.html
//
// Names in capitals are AWS WAF's (URL_DECODE_UNI), all others are SecLang's
// (urlDecodeUni, without regard to case). They give the same function, but for
// LOWERCASE and UPPERCASE, which change ASCII letters only, where SecLang's change all
// of Unicode as Coraza does, and for MD5 and SHA256, which AWS writes in hexadecimal.
//
// A transformation never fails: what cannot be decoded stays as it is.
package transform

import "strings"

// Func transforms src. When nothing changes, out is src itself and nothing is
// allocated; else out is a part of src, or is built in dst[:0], which grows when it is
// too small and must not overlap src. changed says whether the transformation did
// something: it decides whether SecLang's multiMatch looks at the value once more, so
// it is true where ModSecurity's descendants say so even if the bytes are equal.
type Func func(dst, src []byte) (out []byte, changed bool)

// Named gives the transformation of that name.
func Named(name string) (Func, bool) {
	if f, ok := aws[name]; ok {
		return f, true
	}
	f, ok := seclang[strings.ToLower(name)]
	return f, ok
}

// seclang is by lower-case name.
var seclang = map[string]Func{
	"none":               none,
	"base64decode":       base64Decode,
	"base64decodeext":    base64DecodeExt,
	"base64encode":       base64Encode,
	"cmdline":            cmdLine,
	"compresswhitespace": compressWhitespace,
	"cssdecode":          cssDecode,
	"escapeseqdecode":    escapeSeqDecode,
	"hexdecode":          hexDecode,
	"hexencode":          hexEncode,
	"htmlentitydecode":   htmlEntityDecode,
	"jsdecode":           jsDecode,
	"length":             length,
	"lowercase":          lowercase,
	"md5":                md5Sum,
	"normalisepath":      normalizePath,
	"normalizepath":      normalizePath,
	"normalisepathwin":   normalizePathWin,
	"normalizepathwin":   normalizePathWin,
	"removecomments":     removeComments,
	"removecommentschar": removeCommentsChar,
	"removenulls":        removeNulls,
	"removewhitespace":   removeWhitespace,
	"replacecomments":    replaceComments,
	"replacenulls":       replaceNulls,
	"sha1":               sha1Sum,
	"sqlhexdecode":       sqlHexDecode,
	"trim":               trim,
	"trimleft":           trimLeft,
	"trimright":          trimRight,
	"uppercase":          uppercase,
	"urldecode":          urlDecode,
	"urldecodeuni":       urlDecodeUni,
	"urlencode":          urlEncode,
	"utf8tounicode":      utf8ToUnicode,
}

// aws is by AWS WAF's names.
var aws = map[string]Func{
	"NONE":                 none,
	"BASE64_DECODE":        base64Decode,
	"BASE64_DECODE_EXT":    base64DecodeExt,
	"CMD_LINE":             cmdLine,
	"CMD_LINE_UNIX":        cmdLineUnix,
	"CMD_LINE_WIN":         cmdLineWin,
	"COMPRESS_WHITE_SPACE": compressWhitespace,
	"CSS_DECODE":           cssDecode,
	"ESCAPE_SEQ_DECODE":    escapeSeqDecode,
	"HEX_DECODE":           hexDecode,
	"HTML_ENTITY_DECODE":   htmlEntityDecode,
	"JS_DECODE":            jsDecode,
	"JS_DECODE_EXT":        jsDecode,
	"LOWERCASE":            lowercaseASCII,
	"MD5":                  md5Hex,
	"NORMALIZE_PATH":       normalizePath,
	"NORMALIZE_PATH_WIN":   normalizePathWin,
	"REMOVE_COMMENTS_CHAR": removeCommentsChar,
	"REMOVE_NULLS":         removeNulls,
	"REMOVE_WHITESPACE":    removeWhitespace,
	"REPLACE_COMMENTS":     replaceComments,
	"REPLACE_NULLS":        replaceNulls,
	"SHA256":               sha256Hex,
	"SQL_HEX_DECODE":       sqlHexDecode,
	"TRIM":                 trim,
	"TRIM_LEFT":            trimLeft,
	"TRIM_RIGHT":           trimRight,
	"UPPERCASE":            uppercaseASCII,
	"URL_DECODE":           urlDecode,
	"URL_DECODE_UNI":       urlDecodeUni,
	"UTF8_TO_UNICODE":      utf8ToUnicode,
}

func none(_, src []byte) ([]byte, bool) { return src, false }

// digits gives the value of a hexadecimal digit, 255 for another byte.
var digits = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for c := byte('0'); c <= '9'; c++ {
		t[c] = c - '0'
	}
	for c := byte('a'); c <= 'f'; c++ {
		t[c] = c - 'a' + 10
		t[c-32] = c - 'a' + 10
	}
	return t
}()

func isHex(c byte) bool   { return digits[c] != 255 }
func isOctal(c byte) bool { return c >= '0' && c <= '7' }

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// hexPair gives the byte that two hexadecimal digits at the start of p write.
func hexPair(p []byte) (byte, bool) {
	if len(p) < 2 || !isHex(p[0]) || !isHex(p[1]) {
		return 0, false
	}
	return digits[p[0]]<<4 | digits[p[1]], true
}
