package server

import (
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/lake/ask"
	"github.com/yagura-sec/yagura/ocsf"
)

// summary is what an event says in one line of the table, whatever its source.
type summary struct {
	What, Who, From, On, Outcome string
	Bad                          bool // refused, failed or blocked
}

func summarise(h *ask.Hit) summary {
	ev := &h.Event
	s := summary{
		What: first(ev.Finding.Title, ev.API.Operation, request(ev), dns(ev), ev.ResourceType, flow(ev), ev.EventType, ev.Class.String()),
		Who:  first(actor(ev), ev.InvokedBy, ev.Device.Interface),
		From: first(ev.Src.IP, ev.Src.Name, ev.Src.Instance),
		On:   first(ev.Resource, ev.DNS.Name, target(ev), ev.HTTP.Host),
	}
	if ev.API.Service != "" {
		s.On = first(ev.Resource, strings.TrimSuffix(ev.API.Service, ".amazonaws.com"))
	}
	s.Outcome = first(ev.Code, ev.Action, ev.DNS.Code, ev.Finding.Compliance, ev.Finding.Severity, number(ev.HTTP.Code), ev.Config.Status, ev.Traffic.Sampling)
	if code := number(ev.HTTP.Code); h.Source == "elb" && code != "" {
		s.Outcome = code // The action of a load balancer says little: forward.
	}
	s.Bad = ev.Status == ocsf.StatusFailure
	return s
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func number(n int64) string {
	if n == ocsf.Null {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// actor names who acted: the session's role and name, else the user.
func actor(ev *ocsf.Event) string {
	if ev.Session.IssuerName != "" && ev.Session.UID != "" {
		return ev.Session.IssuerName + "/" + ev.Session.UID
	}
	if ev.User.Type == "Root" {
		return "root " + ev.User.Account
	}
	return first(ev.User.Name, arnTail(ev.User.UID), ev.User.UIDAlt, ev.User.Type)
}

// arnTail is what stands after the account in an ARN; any other text is itself.
func arnTail(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[0] == "arn" && parts[5] != "" {
		return parts[5]
	}
	return arn
}

// brief writes a duration without the zeros at its end: 3h, not 3h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func request(ev *ocsf.Event) string {
	if ev.HTTP.Method == "" {
		return ""
	}
	return ev.HTTP.Method + " " + ev.HTTP.Path
}

func dns(ev *ocsf.Event) string {
	if ev.DNS.Type == "" {
		return ""
	}
	return "DNS " + ev.DNS.Type
}

func target(ev *ocsf.Event) string {
	to := first(ev.Dst.IP, ev.Dst.Name)
	if p := number(ev.Dst.Port); p != "" && to != "" {
		to += " :" + p
	}
	return to
}

// flow says what a flow record saw.
func flow(ev *ocsf.Event) string {
	if ev.Class != ocsf.NetworkActivity || ev.Traffic.Bytes == ocsf.Null {
		return ""
	}
	name := map[int64]string{1: "ICMP", 6: "TCP", 17: "UDP", 58: "ICMPv6"}[ev.Traffic.Protocol]
	return strings.TrimSpace(first(name, "IP "+number(ev.Traffic.Protocol)) + " " + number(ev.Traffic.Bytes) + " B")
}

func trimZero(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
