package guardduty

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

var format = &yagura.JSONLog{
	Names:     names,
	Finish:    finish,
	Arrays:    []string{"findings", "Findings"},
	Envelopes: true,
	Hooks: map[string]yagura.JSONHook{
		"service.archived": archived,
		"service.action.networkConnectionAction.protocol":            protocol,
		"service.action.dnsRequestAction.protocol":                   protocol,
		"service.action.networkConnectionAction.connectionDirection": direction,
		"service.action.networkConnectionAction.blocked":             blocked,
		"service.action.dnsRequestAction.blocked":                    blocked,
		"service.action.portProbeAction.blocked":                     blocked,
	},
}

func archived(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch yagura.JSONText(s) {
	case "true":
		ev.Finding.State = "ARCHIVED"
	case "false":
		ev.Finding.State = "ACTIVE"
	}
}

func protocol(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch strings.ToUpper(yagura.JSONText(s)) {
	case "TCP", "6":
		ev.Traffic.Protocol = 6
	case "UDP", "17":
		ev.Traffic.Protocol = 17
	case "ICMP", "1":
		ev.Traffic.Protocol = 1
	}
}

func direction(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch yagura.JSONText(s) {
	case "INBOUND":
		ev.Traffic.Direction = "ingress"
	case "OUTBOUND":
		ev.Traffic.Direction = "egress"
	}
}

// blocked is true when the finding's own network said no, such as a security
// group; GuardDuty itself blocks nothing.
func blocked(ev *ocsf.Event, s *jsonscan.Scanner) {
	switch yagura.JSONText(s) {
	case "true":
		ev.Action = "Blocked"
	case "false":
		ev.Action = "Allowed"
	}
}

// finish needs an id and updatedAt: both identify the state.
func finish(ev *ocsf.Event, _ *yagura.Object) error {
	if ev.Finding.UID == "" {
		return errors.New("no id: not a GuardDuty finding")
	}
	if ev.Time == 0 {
		return errors.New("no updatedAt")
	}
	if len(ev.Finding.Types) == 0 {
		return errors.New("no type: not a GuardDuty finding")
	}
	ev.Class = ocsf.DetectionFinding
	ev.UID = ev.Finding.UID + "@" + ev.At().Format("2006-01-02T15:04:05.000000Z")
	ev.Finding.Product = "GuardDuty"
	ev.Severity = severity(ev.Finding.Severity)
	ev.Activity = ocsf.FindingUpdate
	switch {
	case ev.Finding.State == "ARCHIVED":
		ev.Activity = ocsf.FindingClose
	case ev.Finding.Count == 1:
		ev.Activity = ocsf.FindingCreate
	case ev.Finding.Count == ocsf.Null:
		ev.Activity = ocsf.ActivityUnknown
	}
	resource(ev)
	return nil
}

// severity follows the bands of the finding format: 1-3.9 low, 4-6.9 medium,
// 7-8.9 high, 9-10 critical.
func severity(text string) int64 {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !(f >= 0 && f <= 10):
		return 0
	case f >= 9:
		return 5
	case f >= 7:
		return 4
	case f >= 4:
		return 3
	case f >= 1:
		return 2
	}
	return 1
}

// resource picks the resource that the finding is about, by the kind that it
// names, and lists the instance and the key among all of them.
func resource(ev *ocsf.Event) {
	main := ""
	switch ev.ResourceType {
	case "Instance":
		main = ev.Dst.Instance
	case "AccessKey":
		main = ev.User.Credential
	default:
		if len(ev.ResourceNames) > 0 {
			main = ev.ResourceNames[0]
		}
	}
	ev.Resource = main
	for _, also := range []string{ev.Dst.Instance, ev.User.Credential} {
		if also != "" && !slices.Contains(ev.ResourceNames, also) {
			ev.ResourceNames = append(ev.ResourceNames, also)
		}
	}
}
