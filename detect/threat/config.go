package threat

import (
	"net/netip"

	"github.com/yagura-sec/yagura/intel"
	"github.com/yagura-sec/yagura/rule"
)

// Config is what the detector knows of the operator's world. The zero value
// works.
type Config struct {
	// Accounts are the organisation's account ids: access for others is
	// cross-account.
	Accounts []string
	// Automation lists the operator's own automation as ARN patterns with * and
	// ?, of roles, users or sessions. Its calls are counted, not alerted.
	Automation []string

	Places    Places              // where addresses are; may be nil
	Lists     func() *intel.Lists // the lists in force; may be nil
	Addresses Addresses           // may be nil

	// Engine bounds the state of correlations and baselines. Its Exclude is asked
	// after the detector's own reasons.
	Engine rule.EngineConfig

	MaxSessions int // sessions joined to their principals; 0 = 200,000
	MaxChanges  int // names remembered for reverts; 0 = 400,000
}

// Places knows where addresses are; [intel.Places] does.
type Places interface {
	Find(a netip.Addr) intel.Place
}
