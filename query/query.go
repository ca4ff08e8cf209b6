// Package query is the language of the search bar: parse, check, print, complete, evaluate. It is pure: no clock, no files, no network.
package query
