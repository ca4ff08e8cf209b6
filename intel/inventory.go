package intel

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sort"
	"strings"

	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// Bounds of an inventory.
const (
	maxOwners    = 1_000_000 // addresses
	maxOwnerFile = 256 << 20 // bytes
)

// Inventory knows which addresses belong to which instance, account or shared
// gateway: from a file, from Config items and from flow logs. Not safe for
// concurrent use.
type Inventory struct {
	owned   map[netip.Addr][]string // ids of instances, sorted; "*" is a gateway that many share
	byOwner map[string][]netip.Addr
	files   []owned // what files said: it stays when a state is loaded
	refused int64
}

// owned is an address of an owner.
type owned struct {
	owner   string
	address netip.Addr
}

// NewInventory makes an empty one.
func NewInventory() *Inventory {
	return &Inventory{owned: map[netip.Addr][]string{}, byOwner: map[string][]netip.Addr{}}
}

// Learn adds that an address belongs to an owner: an instance id, an account
// id, or "*" for an address through which any instance may go out (NAT gateway,
// proxy). It reports false when the inventory is full.
func (v *Inventory) Learn(owner string, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if owner == "" || !a.IsValid() {
		return true
	}
	owners := v.owned[a]
	i, found := slices.BinarySearch(owners, owner)
	if found {
		return true
	}
	if len(v.owned) >= maxOwners && owners == nil || len(owners) >= 64 {
		v.refused++
		return false
	}
	owner = strings.Clone(owner)
	v.owned[a] = slices.Insert(owners, i, owner)
	v.byOwner[owner] = append(v.byOwner[owner], a)
	return true
}

// Refused counts what did not fit.
func (v *Inventory) Refused() int64 { return v.refused }

// Owners gives the ids that own the address.
func (v *Inventory) Owners(a netip.Addr) []string { return v.owned[a.Unmap().WithZone("")] }

// Owns says whether the address is the owner's: True when it is known as the
// owner's or as a shared gateway's, False when addresses of its kind (public or
// private) are known of the owner and this is none of them, else Unknown: flow
// logs teach private addresses only, and a call to AWS shows a public one.
func (v *Inventory) Owns(owner string, a netip.Addr) ocsf.Tri {
	owners := v.Owners(a)
	if slices.Contains(owners, owner) || slices.Contains(owners, "*") {
		return ocsf.True
	}
	kind := Public(a)
	if slices.ContainsFunc(v.byOwner[owner], func(known netip.Addr) bool { return Public(known) == kind }) {
		return ocsf.False
	}
	return ocsf.Unknown
}

// Observe learns from an event: the addresses of an interface from a flow
// record that names its instance, those of EC2 instances, network interfaces,
// Elastic IPs and NAT gateways from a Config item.
func (v *Inventory) Observe(source string, ev *ocsf.Event) {
	switch source {
	case "vpcflow":
		v.flow(ev)
	case "awsconfig":
		v.item(ev)
	}
}

func (v *Inventory) flow(ev *ocsf.Event) {
	if ev.Device.Instance == "" {
		return
	}
	switch ev.Traffic.Direction { // The watched interface is the near end.
	case "egress":
		v.Learn(ev.Device.Instance, ev.Src.Addr())
	case "ingress":
		v.Learn(ev.Device.Instance, ev.Dst.Addr())
	}
}

// item reads a configuration item. A NAT gateway's public address is shared.
func (v *Inventory) item(ev *ocsf.Event) {
	var paths []string
	owner := ev.ResourceAlt
	if owner == "" {
		owner = ev.Resource
	}
	switch ev.ResourceType {
	case "AWS::EC2::Instance":
		paths = []string{"configuration.privateIpAddress", "configuration.publicIpAddress", "configuration.ipv6Address"}
	case "AWS::EC2::NetworkInterface":
		owner = first(ev.Raw, "configuration.attachment.instanceId")
		paths = []string{"configuration.privateIpAddresses.privateIpAddress", "configuration.association.publicIp", "configuration.ipv6Addresses.ipv6Address"}
	case "AWS::EC2::EIP":
		owner = first(ev.Raw, "configuration.instanceId")
		paths = []string{"configuration.publicIp", "configuration.privateIpAddress"}
	case "AWS::EC2::NatGateway":
		owner = "*"
		paths = []string{"configuration.natGatewayAddresses.publicIp"}
	}
	for _, path := range paths {
		jsonscan.Path([]byte(ev.Raw), path, func(text string) bool {
			if a, err := netip.ParseAddr(text); err == nil {
				v.Learn(owner, a)
			}
			return true
		})
	}
}

func first(raw, path string) (out string) {
	jsonscan.Path([]byte(raw), path, func(text string) bool {
		out = text
		return false
	})
	return out
}

// ReadInventory adds a file: CSV with the columns owner and address, or JSON
// lines {"owner": "i-…", "address": "198.51.100.7"}.
func (v *Inventory) ReadInventory(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // Nothing was written.
	text, err := io.ReadAll(io.LimitReader(f, maxOwnerFile+1))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(text) > maxOwnerFile {
		return fmt.Errorf("%s is larger than %d bytes; split it", path, maxOwnerFile)
	}
	if body := strings.TrimSpace(string(text)); strings.HasPrefix(body, "{") {
		return v.lines(path, body)
	}
	return v.table(path, string(text))
}

func (v *Inventory) lines(path, body string) error {
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	for n := 1; ; n++ {
		var row struct{ Owner, Address string }
		err := d.Decode(&row)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = v.add(row.Owner, row.Address)
		}
		if err != nil {
			return fmt.Errorf("%s: record %d: %w", path, n, err)
		}
	}
}

func (v *Inventory) table(path, body string) error {
	c := csv.NewReader(strings.NewReader(body))
	c.Comment, c.TrimLeadingSpace = '#', true
	rows, err := c.ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(rows) == 0 {
		return nil
	}
	owner, address := slices.Index(rows[0], "owner"), slices.Index(rows[0], "address")
	if owner < 0 || address < 0 {
		return fmt.Errorf("%s: line 1: the columns owner and address are expected, found %s", path, strings.Join(rows[0], ", "))
	}
	for i, row := range rows[1:] {
		if err := v.add(row[owner], row[address]); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, i+2, err)
		}
	}
	return nil
}

func (v *Inventory) add(owner, address string) error {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("address %q: write one IPv4 or IPv6 address", address)
	}
	if owner == "" {
		return errors.New("no owner: write an instance id, an account id, or * for a shared gateway")
	}
	if !v.Learn(owner, a) {
		return fmt.Errorf("more than %d addresses", maxOwners)
	}
	v.files = append(v.files, owned{owner, a})
	return nil
}

// inventoryState is the inventory as saved.
type inventoryState struct {
	Version int                 `json:"version"`
	Owned   map[string][]string `json:"owned"` // owner -> addresses
}

// Save writes the inventory.
func (v *Inventory) Save(w io.Writer) error {
	s := inventoryState{1, map[string][]string{}}
	for owner, list := range v.byOwner {
		texts := make([]string, len(list))
		for i, a := range list {
			texts[i] = a.String()
		}
		sort.Strings(texts)
		s.Owned[owner] = texts
	}
	return json.NewEncoder(w).Encode(s)
}

// Load makes the inventory an equal of the saved one, with what was read from
// files.
func (v *Inventory) Load(r io.Reader) error {
	var s inventoryState
	if err := json.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("address inventory: %w", err)
	}
	if s.Version != 1 {
		return fmt.Errorf("address inventory of version %d, this program reads 1", s.Version)
	}
	fresh := NewInventory()
	for _, o := range v.files {
		fresh.Learn(o.owner, o.address)
	}
	for owner, list := range s.Owned {
		for _, text := range list {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return fmt.Errorf("address inventory: %w", err)
			}
			fresh.Learn(owner, a)
		}
	}
	fresh.files = v.files
	*v = *fresh
	return nil
}
