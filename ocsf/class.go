package ocsf

import "strconv"

// Class is an OCSF class_uid.
type Class int64

// The classes that Yagura's sources map to.
const (
	BaseEvent              Class = 0
	VulnerabilityFinding   Class = 2002
	ComplianceFinding      Class = 2003
	DetectionFinding       Class = 2004
	Authentication         Class = 3002
	NetworkActivity        Class = 4001
	HTTPActivity           Class = 4002
	DNSActivity            Class = 4003
	DeviceInventory        Class = 5001
	CloudResourceInventory Class = 5023
	APIActivity            Class = 6003
)

var classNames = map[Class]string{
	BaseEvent:              "Base Event",
	VulnerabilityFinding:   "Vulnerability Finding",
	ComplianceFinding:      "Compliance Finding",
	DetectionFinding:       "Detection Finding",
	Authentication:         "Authentication",
	NetworkActivity:        "Network Activity",
	HTTPActivity:           "HTTP Activity",
	DNSActivity:            "DNS Activity",
	DeviceInventory:        "Device Inventory Info",
	CloudResourceInventory: "Cloud Resources Inventory Info",
	APIActivity:            "API Activity",
}

// String gives the class's OCSF caption.
func (c Class) String() string {
	if n, ok := classNames[c]; ok {
		return n
	}
	return "class " + strconv.FormatInt(int64(c), 10)
}

// Activity ids of the classes above that sources set.
const (
	ActivityUnknown = 0
	ActivityOther   = 99

	AuthLogon  = 1 // Authentication
	AuthLogoff = 2

	APICreate = 1 // API activity
	APIRead   = 2
	APIUpdate = 3
	APIDelete = 4

	NetTraffic = 6 // network activity
	NetRefuse  = 5

	DNSTraffic = 6 // DNS: query and response in one record

	FindingCreate = 1
	FindingUpdate = 2
	FindingClose  = 3

	InventoryLog     = 1
	InventoryCollect = 2
)
