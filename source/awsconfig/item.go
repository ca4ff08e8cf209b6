package awsconfig

import (
	"errors"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

var format = &yagura.JSONLog{
	Names:     names,
	Finish:    finish,
	Arrays:    []string{"configurationItems", "baseConfigurationItems"},
	Envelopes: true,
	Inner:     []string{"configurationItem", "configurationItemSummary"},
}

// finish needs a time and a resource. What the item does not say of its account
// and region, its ARN may.
func finish(ev *ocsf.Event, _ *yagura.Object) error {
	if ev.ResourceType == "" || ev.ResourceAlt == "" && ev.Resource == "" {
		return errors.New("no resourceType and resourceId: not a configuration item")
	}
	if ev.Time == 0 {
		return errors.New("no configurationItemCaptureTime")
	}
	ev.Class = ocsf.CloudResourceInventory
	ev.Activity = ocsf.InventoryLog
	ev.EventType = "ConfigurationItem"
	if !strings.HasPrefix(ev.Config.Status, "ResourceDeleted") && !hasConfiguration(ev.Raw) {
		ev.EventType = "ConfigurationItemSummary"
	}
	if arn := strings.SplitN(ev.Resource, ":", 6); len(arn) == 6 {
		if ev.Account == "" {
			ev.Account = arn[4]
		}
		if ev.Region == "" {
			ev.Region = arn[3]
		}
	}
	for _, own := range []string{ev.ResourceAlt, ev.Resource} {
		if own != "" && !slices.Contains(ev.ResourceNames, own) {
			ev.ResourceNames = slices.Insert(ev.ResourceNames, 0, own)
		}
	}
	return nil
}

// hasConfiguration says whether the item has the member, be it null: the summary
// in a notification that was too large lacks it.
func hasConfiguration(raw string) (has bool) {
	var s jsonscan.Scanner
	s.Reset([]byte(raw))
	if s.Object() {
		for s.Next() {
			has = has || s.Key() == "configuration"
		}
	}
	return has
}
