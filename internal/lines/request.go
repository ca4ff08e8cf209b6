package lines

import "strings"

// Request cuts a request line, "GET /path HTTP/1.1", into its parts; "-" and
// what is missing are "". The target may hold spaces: only a last word that
// begins with HTTP/, or is "-", is the version.
func Request(s string) (method, target, version string) {
	s = strings.TrimRight(s, " ")
	method, target, found := strings.Cut(s, " ")
	if !found {
		target = ""
	}
	if i := strings.LastIndexByte(target, ' '); i >= 0 && (target[i+1:] == "-" || strings.HasPrefix(target[i+1:], "HTTP/")) {
		target, version = target[:i], target[i+1:]
	}
	return absent(method), absent(target), absent(version)
}

func absent(s string) string {
	if s == "-" {
		return ""
	}
	return s
}
