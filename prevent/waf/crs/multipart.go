package crs

import (
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"slices"
	"strconv"
	"strings"
)

// readMultipart adds fields to ARGS_POST and files to FILES and its kin; the content
// of files is counted, not looked at. https://www.rfc-editor.org/rfc/rfc7578
func (t *transaction) readMultipart() error {
	kind, params, err := mime.ParseMediaType(t.contentType())
	if err != nil {
		t.singles[varMultipartStrictError] = "1"
		return err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		return errors.New("not a multipart body")
	}
	total := 0
	for mr := multipart.NewReader(strings.NewReader(t.body), params["boundary"]); ; {
		part, err := mr.NextPart()
		if errors.Is(err, io.EOF) && (err == io.EOF || t.cut) { //nolint:errorlint // a bare EOF is the end, a wrapped one a broken boundary
			return nil
		}
		if err != nil {
			t.singles[varMultipartStrictError] = "1"
			return err
		}
		size, err := t.part(part)
		total += size
		t.singles[varFilesCombinedSize] = t.itoa(total)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			if !t.cut {
				t.singles[varMultipartStrictError] = "1"
			}
			return nil
		}
		if err != nil {
			t.singles[varMultipartStrictError] = "1"
			return err
		}
	}
}

// part takes one part in and gives its size.
func (t *transaction) part(p *multipart.Part) (size int, err error) {
	name := p.FormName()
	duplicate := false
	for _, key := range slices.Sorted(maps.Keys(p.Header)) {
		values := p.Header[key]
		duplicate = duplicate || len(values) > 1
		for _, value := range values {
			t.add(listParts, name, key+": "+value)
		}
	}
	d := readDisposition(p.Header.Get("Content-Disposition"))
	if duplicate || d.duplicate {
		t.singles[varMultipartDuplicateHeader] = "1"
	}
	if d.quoted {
		t.singles[varMultipartInvalidQuoting] = "1"
	}
	if duplicate || d.duplicate || d.malformed || d.quoted {
		t.singles[varMultipartStrictError] = "1"
	}
	t.add(listPartName, name, name)
	for _, file := range []string{d.file, d.other} {
		if file != "" {
			t.add(listPartFilename, name, file)
		}
	}
	file := d.file
	if file == "" {
		file = d.other
	}
	if file == "" {
		data, err := io.ReadAll(p)
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.add(listPost, name, view(data))
		}
		return len(data), err
	}
	n, err := io.Copy(io.Discard, p)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return int(n), err
	}
	t.file(file, int(n))
	if d.other != "" && d.other != file {
		t.file(d.other, int(n))
	}
	t.add(listFilesNames, "", name)
	return int(n), err
}

func (t *transaction) file(name string, size int) {
	t.add(listFiles, "", name)
	t.add(listFilesSizes, name, strconv.Itoa(size))
}

// disposition is what a Content-Disposition says about a file. Where parsers of
// backends disagree, both readings of its name are kept.
type disposition struct {
	file, other                  string
	malformed, duplicate, quoted bool
}

func readDisposition(text string) (d disposition) {
	_, params, err := mime.ParseMediaType(text)
	if err != nil {
		d.malformed = text != ""
		d.duplicate = d.malformed && hasDuplicate(text)
		return d
	}
	d.file = params["filename"]
	continued := isContinued(text)
	d.malformed = continued
	extended, ok := parameter(text, "filename*")
	plain, hasPlain := parameter(text, "filename")
	plain, _ = unquoteParameter(plain)
	if !ok {
		if continued && hasPlain {
			if d.file != plain {
				d.other = d.file
			}
			d.file = plain
		}
		return d
	}
	extended, d.quoted = unquoteParameter(extended)
	parts := strings.SplitN(extended, "'", 3)
	if len(parts) != 3 {
		d.malformed = true
		return d
	}
	file, bad := percentDecode(parts[2])
	d.file = file
	if hasPlain && plain != "" && plain != file {
		d.other = plain
	}
	d.malformed = d.malformed || bad
	return d
}

// parameters cuts a header at semicolons outside of quotes.
func parameters(text string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quoted:
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ';' && !quoted:
			out = append(out, text[start:i])
			start = i + 1
		}
	}
	return append(out, text[start:])
}

func parameter(text, name string) (value string, ok bool) {
	for _, p := range parameters(text) {
		if key, value, ok := strings.Cut(p, "="); ok && strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

func hasDuplicate(text string) bool {
	seen := map[string]bool{}
	for _, p := range parameters(text) {
		key, _, ok := strings.Cut(p, "=")
		if key = strings.ToLower(strings.TrimSpace(key)); ok && seen[key] {
			return true
		}
		seen[key] = seen[key] || ok
	}
	return false
}

// isContinued finds RFC 2231's numbered pieces, filename*0=.
func isContinued(text string) bool {
	for _, p := range parameters(text) {
		key, _, ok := strings.Cut(p, "=")
		key = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(key), "*"))
		digits, has := strings.CutPrefix(key, "filename*")
		if ok && has && digits != "" && strings.Trim(digits, "0123456789") == "" {
			return true
		}
	}
	return false
}

func unquoteParameter(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s, false
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		_ = b.WriteByte(s[i])
	}
	return b.String(), true
}

// percentDecode decodes what it can; bad says that a % was no code.
func percentDecode(s string) (out string, bad bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			_ = b.WriteByte(nibble(s[i+1])<<4 | nibble(s[i+2]))
			i += 2
			continue
		}
		bad = bad || s[i] == '%'
		_ = b.WriteByte(s[i])
	}
	return b.String(), bad
}
