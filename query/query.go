// Package query is the language of the search bar: parse, check, print, complete, evaluate. It is pure: no clock, no files, no network.
// docs/search.md is its page for users. The form follows the Lucene query syntax that analysts know
// (https://lucene.apache.org/core/10_0_0/queryparser/org/apache/lucene/queryparser/classic/package-summary.html), with types:
//
//	query    = { or } ;                      the empty query holds always
//	or       = and { ("OR" | "||") and } ;   OR binds weakest
//	and      = unary { ["AND" | "&&"] unary } ;
//	unary    = ("NOT" | "!" | "-" | "+") unary | "(" or ")" | term ;
//	term     = word | phrase | field ":" value ;
//	value    = ["~" | ">" | ">=" | "<" | "<="] (word | phrase) | "/" RE2 "/" | ("[" | "{") bound "TO" bound ("]" | "}") | "(" group ")" ;
//
// Between terms a space means AND; in a group after a field it means OR, and there -x, +x and NOT x limit the others: f:(a b -c) is
// (f:a OR f:b) AND NOT f:c. A backslash takes the next character literally. A word that is an address, an ARN or a URL is a word, although
// it holds a colon. A query has at most 16 KiB, 64 levels of parentheses and NOT, and 1,024 terms.
//
// # What matches
//
// [Parse] gives what was written, [Check] adds what it means in a [field.Table] (as a [match.Test]), and [Eval] is the meaning: whoever
// compiles a checked expression, to SQL for example, must agree with it on every record.
//
//   - field:value passes if one of the field's values passes; a field without a value fails every test, and there is no third truth value:
//     NOT errorCode:x holds for records without errorCode. An empty text is a value, JSON null is none.
//   - Text is compared whole and case-sensitive, * and ? as wildcards for characters; field:~value ignores case; /re/ is looked for
//     anywhere in the value; < > and ranges compare bytes, or numbers if every bound is a whole number (a value that is none then fails).
//   - Int takes decimal numbers. Time takes what [ParseTime] reads; a date names its whole day, so time:>2026-10-01 begins with the day
//     after, time:<=2026-10-01 ends with that day, time:2026-10-01 is that day, and time:-24h is everything since then. Bool takes true
//     and false.
//   - IP takes addresses, networks and ranges, which never mix IPv4 and IPv6; a v4 address in v6 form is the v4 address. Any other text, or
//     one with wildcards, is compared as text with the canonical form, because AWS writes service names in place of addresses.
//   - A term without a field is looked for in the texts of the record, the raw record first, as [match.Words] says: ASCII letters in either
//     case, whole tokens with the separators as written; with wildcards anywhere, inside tokens too. The text is the record as stored, so
//     in JSON a quotation mark stands as \".
package query
