package route53

import (
	"errors"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

var format = &yagura.JSONLog{
	Names:  names,
	Finish: finish,
	Hooks:  map[string]yagura.JSONHook{"transport": transport},
}

// transport gives the IANA number. DNS over HTTPS is written as DoH.
func transport(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch strings.ToUpper(yagura.JSONText(s)) {
	case "UDP":
		ev.Traffic.Protocol = 17
	case "TCP", "DOH":
		ev.Traffic.Protocol = 6
	}
}

// finish needs a time and a question. The status says whether DNS answered:
// NXDOMAIN is a failure, an empty answer (NODATA) is not.
func finish(ev *ocsf.Event, _ *yagura.Object) error {
	if ev.Time == 0 {
		return errors.New("no query_timestamp")
	}
	if ev.DNS.Name == "" {
		return errors.New("no query_name: not a Resolver query log record")
	}
	ev.Class = ocsf.DNSActivity
	ev.Activity = ocsf.DNSTraffic
	if ev.DNS.Name != "." {
		ev.DNS.Name = strings.TrimSuffix(ev.DNS.Name, ".")
	}
	switch ev.DNS.Code {
	case "":
		ev.Status = ocsf.StatusUnknown
	case "NOERROR", "NODATA":
		ev.Status = ocsf.StatusSuccess
	default:
		ev.Status = ocsf.StatusFailure
	}
	if ev.Action == "BLOCK" {
		ev.Status = ocsf.StatusFailure
	}
	return nil
}
