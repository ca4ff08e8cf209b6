package intel

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// maxList bounds a list's file, in bytes.
const maxList = 512 << 20

// indicators is what a list holds.
type indicators struct {
	prefixes []netip.Prefix
	domains  []string
	list     *List
}

// read reads one list.
func read(spec Spec) (*List, *indicators, error) {
	f, err := os.Open(spec.Path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = f.Close() }() // Nothing was written.
	st, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a file", spec.Path)
	}
	if st.Size() > maxList {
		return nil, nil, fmt.Errorf("%s has %d bytes, at most %d; split it", spec.Path, st.Size(), maxList)
	}
	in := &indicators{list: &List{Spec: spec, Modified: st.ModTime().UTC()}}
	r := bufio.NewReaderSize(f, 64<<10)
	head, err := r.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: %w", spec.Path, err)
	}
	if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
		return nil, nil, fmt.Errorf("%s is written in UTF-16; save it as UTF-8", spec.Path)
	}
	if mark := []byte("\xef\xbb\xbf"); bytes.HasPrefix(head, mark) {
		head = head[len(mark):]
		if _, err := r.Discard(len(mark)); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", spec.Path, err)
		}
	}
	if in.list.Format == "" || in.list.Format == "auto" {
		in.list.Format = recognise(head)
	}
	if err := in.parse(r); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", spec.Path, err)
	}
	in.list.Addresses, in.list.Domains = len(in.prefixes), len(in.domains)
	if len(in.prefixes)+len(in.domains) == 0 && in.list.Skipped > 0 {
		return nil, nil, fmt.Errorf("%s: no address or domain found in it (read as %s; %s); name its format", spec.Path, in.list.Format, in.list.First)
	}
	return in.list, in, nil
}

func (in *indicators) parse(r io.Reader) error {
	switch in.list.Format {
	case "plain":
		return in.plain(r)
	case "csv":
		return in.csv(r)
	case "alienvault":
		return in.plainBy(r, "#")
	case "stix":
		return in.stix(r)
	case "aws":
		return in.aws(r)
	case "xml":
		return errors.New("STIX 1 (XML) is not read; convert it to STIX 2.1 or to one indicator a line")
	}
	return fmt.Errorf("format %q is unknown; use auto, plain, csv, alienvault, stix or aws", in.list.Format)
}

// recognise tells the format from the first bytes.
func recognise(head []byte) string {
	text := bytes.TrimSpace(head)
	switch {
	case len(text) == 0:
		return "plain"
	case text[0] == '<':
		return "xml"
	case text[0] == '{' && bytes.Contains(text, []byte(`"prefixes"`)):
		return "aws"
	case text[0] == '{' || text[0] == '[':
		return "stix"
	}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || line[0] == ';' {
			continue
		}
		if bytes.Count(line, []byte("#")) >= 4 {
			return "alienvault"
		}
		if bytes.ContainsRune(line, ',') {
			return "csv"
		}
		return "plain"
	}
	return "plain"
}

// plain reads one indicator a line; what follows it on the line is a comment.
// In lines of a hosts file (0.0.0.0 name) and of Tor's list of exits
// (ExitAddress 192.0.2.1 date) it is the second word.
func (in *indicators) plain(r io.Reader) error {
	return in.lines(r, func(line string, n int) {
		if word, rest, ok := strings.Cut(strings.ReplaceAll(line, "\t", " "), " "); ok {
			a, err := netip.ParseAddr(word)
			switch {
			case word == "ExitNode" || word == "Published" || word == "LastStatus":
				return
			case word == "ExitAddress" || err == nil && (a.IsUnspecified() || a.IsLoopback()):
				line = strings.TrimLeft(rest, " ")
			}
		}
		in.add(before(strings.TrimLeft(line, "|"), " \t,;#|"), n)
	})
}

// plainBy reads the part of each line before a separator.
func (in *indicators) plainBy(r io.Reader, separators string) error {
	return in.lines(r, func(line string, n int) { in.add(before(line, separators), n) })
}

func before(line, separators string) string {
	if i := strings.IndexAny(line, separators); i > 0 {
		return line[:i]
	}
	return line
}

// lines gives each line that is no comment, with its number.
func (in *indicators) lines(r io.Reader, yield func(line string, n int)) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	n := 0
	for s.Scan() {
		n++
		line := strings.TrimSpace(s.Text())
		if line == "" || line[0] == '#' || line[0] == ';' || line[0] == '!' {
			continue
		}
		yield(line, n)
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

// indicatorColumns are headers under which feeds write the indicator.
var indicatorColumns = []string{
	"indicator", "ip", "ip_address", "ipaddress", "address", "dst_ip", "src_ip", "network", "cidr", "ioc_value", "ioc",
	"domain", "hostname", "host", "fqdn", "url", "value",
}

// csv reads a table. With a header, which may be the last comment before the
// table, the columns that hold indicators are known by name; without one every
// cell is tried and the first that fits is taken.
func (in *indicators) csv(r io.Reader) error {
	comments := &commented{r: r}
	c := csv.NewReader(comments)
	c.FieldsPerRecord, c.LazyQuotes, c.TrimLeadingSpace, c.Comment, c.ReuseRecord = -1, true, true, '#', true
	var columns []int
	for first := true; ; first = false {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line, _ := c.FieldPos(0)
		if first {
			if columns = header(row); columns != nil {
				continue
			}
			columns = comments.header()
		}
		in.row(row, columns, line)
	}
}

// commented keeps the begin of what is read through it: the comments of a feed.
type commented struct {
	r    io.Reader
	head []byte
}

func (c *commented) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	const most = 64 << 10
	c.head = append(c.head, p[:min(n, max(0, most-len(c.head)))]...)
	return n, err
}

// header reads the last comment before the table as its header.
func (c *commented) header() (columns []int) {
	last := ""
	for line := range bytes.Lines(c.head) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' {
			break
		}
		if text := bytes.TrimSpace(bytes.TrimLeft(line, "#")); len(text) > 0 {
			last = string(text)
		}
	}
	r := csv.NewReader(strings.NewReader(last))
	r.LazyQuotes, r.TrimLeadingSpace = true, true
	if row, err := r.Read(); err == nil && len(row) > 1 {
		columns = header(row)
	}
	return columns
}

// header finds the columns of indicators; nil when the row is no header.
func header(row []string) (columns []int) {
	for i, cell := range row {
		name := strings.ToLower(strings.Trim(cell, " \""))
		for _, known := range indicatorColumns {
			if name == known {
				columns = append(columns, i)
			}
		}
	}
	return columns
}

func (in *indicators) row(row []string, columns []int, line int) {
	found := false
	if columns == nil {
		for _, cell := range row {
			if found = in.try(cell); found {
				return
			}
		}
	}
	for _, i := range columns {
		if i >= len(row) || row[i] == "" {
			continue
		}
		parts := strings.Split(row[i], "|") // of MISP: ip-dst|port, domain|ip
		for j, part := range parts[:min(len(parts), 4)] {
			if j == 0 || strings.ContainsAny(part, ".:") {
				found = in.try(part) || found
			}
		}
	}
	if !found {
		in.skip(strings.Join(row, ","), line)
	}
}

func (in *indicators) add(text string, line int) {
	if !in.try(text) {
		in.skip(text, line)
	}
}

func (in *indicators) skip(text string, line int) {
	in.list.Skipped++
	if in.list.First == "" {
		in.list.First = fmt.Sprintf("line %d: %q is no address, CIDR block, domain or URL", line, text[:min(len(text), 80)])
	}
}

// try takes an indicator of any type.
func (in *indicators) try(text string) bool {
	text = strings.Trim(text, " \t\"'")
	text = strings.NewReplacer("[.]", ".", "(.)", ".", "[:", ":", "//]", "//", "hxxp", "http").Replace(text)
	text = strings.TrimSuffix(text, "^")
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return false
		}
		text = u.Hostname()
	}
	if p, err := netip.ParsePrefix(text); err == nil {
		return in.prefix(p)
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return in.prefix(netip.PrefixFrom(a, a.BitLen()))
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return in.prefix(netip.PrefixFrom(ap.Addr(), ap.Addr().BitLen()))
	}
	name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "*."), "."), "."))
	if !isDomain(name) {
		return false
	}
	in.domains = append(in.domains, name)
	return true
}

// widest is the fewest bits of a block that says anything; what is wider is a
// mistake, and on a trusted list an invitation.
const widest = 8

// prefix takes a block. One that is too wide is none; that of all multicast
// addresses, in lists of bogons, is passed over.
func (in *indicators) prefix(p netip.Prefix) bool {
	a := p.Addr().WithZone("")
	bits := p.Bits()
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	if bits < widest {
		return a.IsMulticast()
	}
	in.prefixes = append(in.prefixes, netip.PrefixFrom(a, bits))
	return true
}

// isDomain accepts names of at least two labels whose last is no number.
func isDomain(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") {
		return false
	}
	last := s[strings.LastIndexByte(s, '.')+1:]
	if len(last) < 2 || strings.Trim(last, "0123456789") == "" {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		for i := range len(label) {
			c := label[i]
			if !(c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c >= 0x80) {
				return false
			}
		}
	}
	return true
}
