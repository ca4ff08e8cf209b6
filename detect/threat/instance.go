package threat

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
)

// Addresses knows whose an address is; [intel.Inventory] does.
type Addresses interface {
	// Owns says whether an instance, or a gateway in its way, has the address:
	// Unknown when nothing is known of the instance.
	Owns(owner string, a netip.Addr) ocsf.Tri
}

// Names of the coded detectors, as documents cite them.
const (
	useOutside = "threat/instance-credential-exfiltration-outside"
	useInside  = "threat/instance-credential-exfiltration-inside"
	useTravel  = "threat/impossible-travel"
	useSpread  = "threat/session-many-addresses"
)

// hit is what a coded detector saw in an event.
type hit struct {
	use      string
	severity yagura.Severity // 0: the document's
	related  []yagura.Entity
	facts    []yagura.Fact
}

// instances watches sessions that EC2 gave to an instance: the session's name is
// the instance's id. Where such a session belongs is known from the inventory,
// else from AssociateAddress, from the instance's own SSM agent, and else from
// the first use. A session key that then comes from elsewhere was taken away.
// An inventory that is learned from flow logs knows private addresses only, so
// that alone it gives a finding of severity low: the address may be that of a
// NAT gateway.
//
// What is learned from the first use only is weak: a new key (credentials are
// renewed every few hours, and at every start) may bring a new address, and a
// host with IPv4 and IPv6 has two.
type instances struct {
	known     Addresses
	places    Places
	list      recent[string, *instance]
	elsewhere recent[string, string] // address → who calls from there and is no instance, several if more than one
	root      func(*ocsf.Event) string
	fold      func(ua string) string
	lastAt    string
	lastWho   string
}

type instance struct {
	Own    []string // addresses
	Alien  []string // addresses from which it was reported
	Agents []string // folded user agents seen from its own addresses
	Key    string   // the newest access key
	Guess  bool     // the latest report was a weak one
	Strong bool     // an address is known from its agent or from AssociateAddress
}

const (
	defaultInstances = 100_000
	maxOwn           = 16
)

// several stands for more than one caller.
const several = "several principals"

func newInstances(cfg Config, root func(*ocsf.Event) string, fold func(string) string) *instances {
	return &instances{
		root: root, fold: fold, known: cfg.Addresses, places: cfg.Places,
		list: newRecent[string, *instance](defaultInstances), elsewhere: newRecent[string, string](defaultInstances / 2),
	}
}

// see reads an event.
func (d *instances) see(ev *ocsf.Event, report func(hit)) {
	if ev.API.Operation == "AssociateAddress" && ev.Status == ocsf.StatusSuccess {
		if id, ip := path1(ev.Request, "instanceId"), path1(ev.Request, "publicIp"); id != "" && ip != "" {
			d.of(id).learn(ip, "", true)
		}
	}
	if ev.Src.IP == "" {
		return
	}
	if ev.User.Type != "AssumedRole" || !instanceID(ev.Session.UID) {
		d.meet(ev)
		return
	}
	a := ev.Src.Addr()
	if ev.VPCE != "" || !a.IsValid() {
		return // through an endpoint of a VPC: inside, and the address is private
	}
	d.judge(ev, a, report)
}

// meet remembers who else uses an address.
func (d *instances) meet(ev *ocsf.Event) {
	if ev.Src.IP == d.lastAt && ev.User.UID == d.lastWho || ev.InvokedBy != "" {
		return
	}
	d.lastAt, d.lastWho = strings.Clone(ev.Src.IP), strings.Clone(ev.User.UID)
	who := d.root(ev)
	old, ok := d.elsewhere.get(ev.Src.IP)
	switch {
	case who == "" || old == who || old == several:
	case ok:
		d.elsewhere.put(d.lastAt, several)
	default:
		d.elsewhere.put(d.lastAt, strings.Clone(who))
	}
}

func (d *instances) of(id string) *instance {
	in, ok := d.list.get(id)
	if !ok {
		in = &instance{}
		d.list.put(strings.Clone(id), in)
	}
	return in
}

// judge decides where the session of an instance is used.
func (d *instances) judge(ev *ocsf.Event, a netip.Addr, report func(hit)) {
	in, tool := d.of(ev.Session.UID), d.fold(ev.HTTP.Agent)
	newKey := in.Key != ev.User.Credential
	if newKey {
		in.Key = strings.Clone(ev.User.Credential)
	}
	owns := d.owns(ev.Session.UID, a)
	evidence, weak := "", false
	switch {
	case slices.Contains(in.Own, ev.Src.IP):
		in.tool(tool)
		return
	case owns == ocsf.True, owns == ocsf.Unknown && strings.Contains(tool, "amazon-ssm-agent") && !in.Strong:
		in.learn(ev.Src.IP, tool, true)
		return
	case slices.Contains(in.Alien, ev.Src.IP):
		evidence, weak = "not an address of the instance", in.Guess
	case owns == ocsf.False && d.elsewhereThanAWS(a):
		evidence = "the address is not in the inventory of the instance's addresses, and not Amazon's"
	case len(in.Own) == 0 && owns == ocsf.False:
		evidence, weak = "the address is not in the inventory of the instance's addresses; the inventory may lack a NAT gateway", true
	case len(in.Own) == 0, newKey && (!in.Strong || slices.Contains(in.Agents, tool)), !in.family(a) && slices.Contains(in.Agents, tool):
		in.learn(ev.Src.IP, tool, false)
		return
	case in.Strong:
		evidence = "the instance itself calls from other addresses"
	default:
		evidence = "the same session key was first used from other addresses"
	}
	in.Guess = weak
	if len(in.Alien) < maxOwn && !slices.Contains(in.Alien, ev.Src.IP) {
		in.Alien = append(in.Alien, strings.Clone(ev.Src.IP))
	}
	h := d.finding(ev, a, in, evidence)
	if weak {
		h.severity = yagura.Low
	}
	report(h)
}

// elsewhereThanAWS says that the address is known not to be Amazon's, as those
// of instances and NAT gateways are.
func (d *instances) elsewhereThanAWS(a netip.Addr) bool {
	return d.places != nil && d.places.Find(a).ASN != 0 && !d.ofAWS(a)
}

func (d *instances) owns(id string, a netip.Addr) ocsf.Tri {
	if d.known == nil {
		return ocsf.Unknown
	}
	return d.known.Owns(id, a)
}

func (d *instances) finding(ev *ocsf.Event, a netip.Addr, in *instance, evidence string) hit {
	h := hit{use: useOutside}
	if d.ofAWS(a) {
		h.use = useInside
	}
	h.related = append(h.related, yagura.Entity{Type: "instance", ID: ev.Session.UID, Account: ev.User.Account}, yagura.Entity{Type: "address", ID: ev.Src.IP})
	h.facts = append(h.facts, yagura.Fact{Name: "evidence", Value: evidence}, yagura.Fact{Name: "address", Value: ev.Src.IP})
	if len(in.Own) > 0 {
		h.facts = append(h.facts, yagura.Fact{Name: "instance's own addresses", Value: strings.Join(in.Own, ", ")})
	}
	if who, ok := d.elsewhere.get(ev.Src.IP); ok {
		if who != several { // then they are most likely the thief's: the story is theirs
			h.related = append(h.related, yagura.Entity{Type: "chain", ID: who, Account: arnAccount(who)})
		}
		h.facts = append(h.facts, yagura.Fact{Name: "the address is also used by", Value: who})
	}
	return h
}

// ofAWS says whether the address is Amazon's: another account's, then.
func (d *instances) ofAWS(a netip.Addr) bool {
	if d.places == nil {
		return false
	}
	n := d.places.Find(a).ASN
	return n == 16509 || n == 14618
}

func (in *instance) learn(ip, tool string, strong bool) {
	if len(in.Own) < maxOwn && !slices.Contains(in.Own, ip) {
		in.Own = append(in.Own, strings.Clone(ip))
	}
	in.Strong = in.Strong || strong
	in.tool(tool)
}

func (in *instance) tool(name string) {
	if name != "" && len(in.Agents) < maxOwn && !slices.Contains(in.Agents, name) {
		in.Agents = append(in.Agents, strings.Clone(name))
	}
}

// family says whether an own address is of the family of a.
func (in *instance) family(a netip.Addr) bool {
	return slices.ContainsFunc(in.Own, func(o string) bool { return strings.Contains(o, ":") == a.Unmap().Is6() })
}

// instanceID says whether a session's name is an EC2 instance's id.
func instanceID(v string) bool {
	hex, ok := strings.CutPrefix(v, "i-")
	if !ok || len(hex) != 8 && len(hex) != 17 {
		return false
	}
	for i := range len(hex) {
		if c := hex[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
