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
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
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
func (in *indicators) plain(r io.Reader) error { return in.plainBy(r, " \t,;#|") }

// plainBy reads the part of each line before a separator.
func (in *indicators) plainBy(r io.Reader, separators string) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	n := 0
	for s.Scan() {
		n++
		line := strings.TrimSpace(strings.TrimPrefix(s.Text(), "\ufeff"))
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if i := strings.IndexAny(line, separators); i > 0 {
			line = line[:i]
		}
		in.add(line, n)
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

// csv reads a table. With a header the columns that hold indicators are known
// by name; without one every cell is tried and the first that fits is taken.
func (in *indicators) csv(r io.Reader) error {
	c := csv.NewReader(r)
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
		}
		in.row(row, columns, line)
	}
}

// header finds the columns of indicators; nil when the row is no header.
func header(row []string) (columns []int) {
	for i, cell := range row {
		name := strings.ToLower(strings.Trim(strings.TrimPrefix(cell, "\ufeff"), " \""))
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
		if i < len(row) && row[i] != "" {
			found = in.try(row[i]) || found
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
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil {
			return false
		}
		text = u.Hostname()
	}
	text = strings.NewReplacer("[.]", ".", "(.)", ".", "hxxp", "http").Replace(text)
	if p, err := netip.ParsePrefix(text); err == nil {
		in.prefix(p)
		return true
	}
	if a, err := netip.ParseAddr(text); err == nil {
		in.prefix(netip.PrefixFrom(a, a.BitLen()))
		return true
	}
	if ap, err := netip.ParseAddrPort(text); err == nil {
		in.prefix(netip.PrefixFrom(ap.Addr(), ap.Addr().BitLen()))
		return true
	}
	name := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(text, "*."), "."), "."))
	if !isDomain(name) {
		return false
	}
	in.domains = append(in.domains, name)
	return true
}

func (in *indicators) prefix(p netip.Prefix) {
	a := p.Addr().WithZone("")
	bits := p.Bits()
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	in.prefixes = append(in.prefixes, netip.PrefixFrom(a, bits))
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
