package threat

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// opened is what a request opens to the whole internet.
type opened struct{ cidrs, ports []string }

// openingCalls are operations that open ports to addresses.
var openingCalls = map[string]bool{
	"AuthorizeSecurityGroupIngress": true, "ModifySecurityGroupRules": true, "CreateNetworkAclEntry": true, "ReplaceNetworkAclEntry": true,
	"AuthorizeDBSecurityGroupIngress": true, "AuthorizeClusterSecurityGroupIngress": true, "AuthorizeCacheSecurityGroupIngress": true,
	"UpdateClusterConfig": true, "CreateCluster": true, "OpenInstancePublicPorts": true, "PutInstancePublicPorts": true,
}

// openings reads what a call opens to everybody.
func openings(ev *ocsf.Event) opened {
	if !openingCalls[ev.API.Operation] || len(ev.Request) > maxRequest {
		return opened{}
	}
	if !strings.Contains(ev.Request, "/") { // no CIDR
		return opened{}
	}
	var o opened
	var s jsonscan.Scanner
	s.ResetText(ev.Request)
	o.read(&s, span{}, 0)
	slices.Sort(o.cidrs)
	o.cidrs = slices.Compact(o.cidrs)
	slices.Sort(o.ports)
	o.ports = slices.Compact(o.ports)
	return o
}

// span is a rule's protocol and ports, as the objects around a CIDR give them.
type span struct {
	protocol string
	from, to string
	closed   bool // a rule that denies or that is about outgoing traffic
}

// read walks an object: its own scalars come first, for they hold for the lists
// of ranges inside it.
func (o *opened) read(s *jsonscan.Scanner, sp span, depth int) {
	if depth > maxNest {
		s.Skip()
		return
	}
	switch s.Kind() {
	case '[':
		s.Array()
		for s.Next() {
			o.read(s, sp, depth+1)
		}
	case '{':
		at := *s
		var cidrs []string
		o.scalars(s, &sp, &cidrs, depth)
		if !sp.closed {
			for _, c := range cidrs {
				o.cidrs = append(o.cidrs, c)
				o.span(sp)
			}
		}
		end := *s
		*s = at
		s.Object()
		for s.Next() {
			if k := s.Kind(); k == '{' || k == '[' {
				o.read(s, sp, depth+1)
			}
		}
		*s = end
	default:
		if v, ok := s.Str(); ok {
			if c := openCIDR(v); c != "" && !sp.closed { // a list of CIDRs
				o.cidrs = append(o.cidrs, c)
				o.span(sp)
			}
			return
		}
		s.Skip()
	}
}

// scalars reads the members of one object, and those of a port range inside it.
func (o *opened) scalars(s *jsonscan.Scanner, sp *span, cidrs *[]string, depth int) {
	s.Object()
	for s.Next() {
		key := strings.ToLower(s.Key())
		if s.Kind() == '{' && strings.HasSuffix(key, "portrange") && depth < maxNest {
			o.scalars(s, sp, cidrs, depth+1)
			continue
		}
		v, ok := s.Str()
		if !ok {
			if k := s.Kind(); k != '0' && k != 't' && k != 'f' {
				continue
			}
			v = s.Raw()
		}
		switch key {
		case "ipprotocol", "protocol", "aclprotocol":
			sp.protocol = v
		case "fromport", "from":
			sp.from = v
		case "toport", "to":
			sp.to = v
		case "egress", "isegress":
			sp.closed = sp.closed || v == "true"
		case "ruleaction":
			sp.closed = sp.closed || v == "deny"
		default:
			if c := openCIDR(v); c != "" {
				*cidrs = append(*cidrs, c)
			}
		}
	}
}

// openCIDR gives the name of the whole internet for a range that is nearly so:
// a /1 opens as much as 0.0.0.0/0 to whoever scans.
func openCIDR(v string) string {
	if !strings.Contains(v, "/") || len(v) > 64 {
		return ""
	}
	p, err := netip.ParsePrefix(v)
	switch {
	case err != nil || p.Bits() > 3:
		return ""
	case p.Addr().Is4():
		return "0.0.0.0/0"
	}
	return "::/0"
}

// doors are the ports named for a wide range, besides the range itself.
var doors = []int{21, 22, 23, 25, 80, 135, 139, 443, 445, 1433, 1521, 2375, 2376, 3306, 3389, 4444, 5432, 5601, 5900, 5985, 5986, 6379, 8080, 9200, 9300, 11211, 27017}

// maxOpened bounds the ports and ranges named.
const maxOpened = 4000

// maxPorts is the widest range whose ports are named one by one.
const maxPorts = 100

func (o *opened) span(sp span) {
	if len(o.ports) > maxOpened || len(o.cidrs) > maxOpened {
		slices.Sort(o.ports)
		slices.Sort(o.cidrs)
		if o.ports, o.cidrs = slices.Compact(o.ports), slices.Compact(o.cidrs); len(o.ports) > maxOpened/2 {
			return // more than anybody reads
		}
	}
	from, err1 := strconv.Atoi(sp.from)
	to, err2 := strconv.Atoi(sp.to)
	if sp.to == "" {
		to, err2 = from, err1
	}
	switch {
	case sp.protocol == "-1" || strings.EqualFold(sp.protocol, "all"):
		o.ports = append(o.ports, "all")
		return
	case err1 != nil || err2 != nil || from > to:
		return
	case sp.protocol == "icmp" || sp.protocol == "icmpv6" || sp.protocol == "1" || sp.protocol == "58":
		return
	case from <= 1 && to >= 65000 || from == -1:
		o.ports = append(o.ports, "all")
		return
	case to-from < maxPorts:
		for p := from; p <= to; p++ {
			o.ports = append(o.ports, strconv.Itoa(p))
		}
		return
	}
	o.ports = append(o.ports, sp.from+"-"+sp.to)
	for _, p := range doors {
		if from <= p && p <= to {
			o.ports = append(o.ports, strconv.Itoa(p))
		}
	}
}
