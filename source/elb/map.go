package elb

import (
	"fmt"
	"strings"

	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// mapper turns fields into attributes.
type mapper struct {
	account, region string // of the object's key
	balancer        string // of the object's file name
	other           lines.Object
	names           []string // room for lists of ARNs, written once

	name  string // of the field that is being set
	took  int64  // µs, sum of the processing times
	taken int    // how many of them were taken
}

// fill sets every attribute but Raw and Provenance of an event that has been
// reset.
func (m *mapper) fill(ev *ocsf.Event, k *kind, words []string) error {
	m.other.Reset()
	m.took, m.taken = 0, 0
	ev.Class, ev.EventType = k.class, k.code
	ev.Account, ev.Region = m.account, m.region
	for i, w := range words {
		if w == "-" || w == "" {
			continue
		}
		if i >= len(k.fields) {
			m.other.Add(fmt.Sprintf("field_%d", i+1), w)
			continue
		}
		f := &k.fields[i]
		if f.set == nil {
			m.other.Add(f.name, w)
			continue
		}
		m.name = f.name
		if err := f.set(m, ev, w); err != nil {
			return fmt.Errorf("field %s: %w", f.name, err)
		}
	}
	k.finish(m, ev)
	if ev.Resource != "" {
		ev.ResourceType = "AWS::ElasticLoadBalancingV2::LoadBalancer"
		if k == classic {
			ev.ResourceType = "AWS::ElasticLoadBalancing::LoadBalancer"
		}
	}
	ev.Unmapped = m.other.String()
	return nil
}

func category(_ *mapper, ev *ocsf.Event, v string) error { ev.Category = v; return nil }
func version(_ *mapper, ev *ocsf.Event, v string) error  { ev.Version = v; return nil }
func resource(_ *mapper, ev *ocsf.Event, v string) error { ev.Resource = v; return nil }
func agent(_ *mapper, ev *ocsf.Event, v string) error    { ev.HTTP.Agent = v; return nil }
func tls(_ *mapper, ev *ocsf.Event, v string) error      { ev.TLS = v; return nil }
func trace(_ *mapper, ev *ocsf.Event, v string) error    { ev.Correlation = v; return nil }
func rule(_ *mapper, ev *ocsf.Event, v string) error     { ev.Rule = v; return nil }
func action(_ *mapper, ev *ocsf.Event, v string) error   { ev.Action = v; return nil }
func reason(_ *mapper, ev *ocsf.Event, v string) error   { ev.Code = v; return nil }

func when(_ *mapper, ev *ocsf.Event, v string) error {
	us, ok := lines.ISO(v)
	if !ok {
		return fmt.Errorf("%.40q is not a time", v)
	}
	ev.Time = us
	return nil
}

func client(_ *mapper, ev *ocsf.Event, v string) error { return endpoint(&ev.Src, v) }
func target(_ *mapper, ev *ocsf.Event, v string) error { return endpoint(&ev.Dst, v) }

// endpoint reads "address:port".
func endpoint(e *ocsf.Endpoint, v string) error {
	host, port := lines.HostPort(v)
	address(e, host)
	if port == "" || port == "-" {
		return nil
	}
	return number(&e.Port, port)
}

func address(e *ocsf.Endpoint, host string) {
	if ip, ok := lines.Address(host); ok {
		e.IP = ip
	} else {
		e.Name = host
	}
}

func clientIP(_ *mapper, ev *ocsf.Event, v string) error { address(&ev.Src, v); return nil }

func clientPort(_ *mapper, ev *ocsf.Event, v string) error { return number(&ev.Src.Port, v) }

func listenerPort(_ *mapper, ev *ocsf.Event, v string) error { return number(&ev.Dst.Port, v) }

func received(_ *mapper, ev *ocsf.Event, v string) error { return number(&ev.Traffic.BytesIn, v) }

func sent(_ *mapper, ev *ocsf.Event, v string) error { return number(&ev.Traffic.BytesOut, v) }

func code(_ *mapper, ev *ocsf.Event, v string) error { return number(&ev.HTTP.Code, v) }

func number(n *int64, v string) error {
	x, _, ok := lines.Number(v)
	if !ok {
		return fmt.Errorf("%.40q is not a number", v)
	}
	*n = x
	return nil
}

// spent adds a processing time to the latency; -1 is none.
func spent(m *mapper, _ *ocsf.Event, v string) error {
	m.other.Add(m.name, v)
	us, ok := lines.Micros(v)
	if ok {
		m.took += us
		m.taken++
		return nil
	}
	if strings.HasPrefix(v, "-1") {
		return nil
	}
	return fmt.Errorf("%.40q is not a time in seconds", v)
}

// arn keeps an ARN among the record's resources, and takes the account and
// region from it when the object's key has none.
func arn(m *mapper, ev *ocsf.Event, v string) error {
	if !strings.HasPrefix(v, "arn:") { // session-reused
		m.other.Add(m.name, v)
		return nil
	}
	if len(m.names)+2 > cap(m.names) {
		m.names = make([]string, 0, 256)
	}
	from := len(m.names)
	m.names = append(append(m.names, ev.ResourceNames...), v)
	ev.ResourceNames = m.names[from:len(m.names):len(m.names)]
	if ev.Account != "" && ev.Region != "" {
		return nil
	}
	if parts := strings.SplitN(v, ":", 6); len(parts) == 6 && parts[2] == "elasticloadbalancing" {
		if ev.Account == "" {
			ev.Account = parts[4]
		}
		if ev.Region == "" {
			ev.Region = parts[3]
		}
	}
	return nil
}

// domain is the name that the client asked for in TLS.
func domain(m *mapper, ev *ocsf.Event, v string) error {
	m.other.Add(m.name, v)
	if ev.HTTP.Host == "" {
		ev.HTTP.Host = v
	}
	return nil
}

// alpn is a list whose items are quoted: "h2","http/1.1".
func alpn(m *mapper, _ *ocsf.Event, v string) error {
	m.other.Add(m.name, strings.ReplaceAll(v, `","`, ","))
	return nil
}

func verified(_ *mapper, ev *ocsf.Event, v string) error {
	if v == "Success" {
		ev.Status = ocsf.StatusSuccess
		return nil
	}
	ev.Status, ev.Code = ocsf.StatusFailure, v
	return nil
}

// connTrace is what joins a connection to its requests.
func connTrace(m *mapper, ev *ocsf.Event, v string) error {
	m.other.Add(m.name, v)
	ev.Correlation = v
	return nil
}
