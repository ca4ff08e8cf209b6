// Package ocsf is the shape of an event: a typed subset of the Open
// Cybersecurity Schema Framework 1.6 (https://schema.ocsf.io/1.6.0), flat in
// memory and on disk.
//
// An [Event] is one record of one source. [Columns] names every attribute once:
// the same table writes Parquet, resolves search fields and fills an event that
// is read back from the lake. A source says in its [Schema] which of the columns
// it fills and under which names its own users know them.
//
// Absent is not empty and not zero: text "" is absent, a number is absent when
// it is [Null], a [Tri] has three values.
package ocsf

import (
	"math"
	"net/netip"
	"time"
)

// Null is the value of a number that the record does not have.
const Null = math.MinInt64

// Tri is a boolean that may be unknown.
type Tri uint8

// The values of a Tri.
const (
	Unknown Tri = iota
	False
	True
)

// TriOf gives True or False.
func TriOf(b bool) Tri {
	if b {
		return True
	}
	return False
}

// Status values of status_id.
const (
	StatusUnknown = 0
	StatusSuccess = 1
	StatusFailure = 2
)

// User is who acted (OCSF user).
type User struct {
	Type       string // IAMUser, AssumedRole, Root, AWSService …, as the source writes it
	Name       string
	UID        string // ARN
	UIDAlt     string // principal id, e.g. AROA…:session
	Account    string // account the identity belongs to
	Credential string // access key id
}

// Session is the temporary session of the actor.
type Session struct {
	Issuer     string // ARN of the role or user that issued the session
	IssuerName string
	UID        string // session name
	MFA        Tri
	Created    int64  // µs since the epoch, Null if absent
	Provider   string // identity provider of a federated session
}

// API is the operation of an API activity.
type API struct {
	Service   string // s3.amazonaws.com
	Operation string // GetObject
	Request   string // request id
	Version   string
	ReadOnly  Tri
}

// Endpoint is one end of a connection or call.
type Endpoint struct {
	IP        string // canonical text of an address (netip.Addr.String), empty if not an address
	Name      string // what the source writes when it is not an address: "AWS Internal", a service, a host name
	Port      int64
	Instance  string
	Interface string
	VPC       string
	Subnet    string
	Service   string // AWS service that owns the address, e.g. S3
	// Packet is the packet's own address (canonical text) where a flow log also
	// gives it: IP is then the address of the interface that saw the packet.
	Packet string
}

// Addr gives the address as a value; it is not valid when IP is empty.
func (e *Endpoint) Addr() netip.Addr {
	a, _ := netip.ParseAddr(e.IP)
	return a
}

// Device is where a record was taken: the network interface that a flow log
// watches (OCSF device). It may be either end of the flow or a hop between them.
type Device struct {
	Interface string
	Instance  string
	VPC       string
	Subnet    string
}

// HTTP is an HTTP request and its response.
type HTTP struct {
	Method    string
	Scheme    string
	Host      string
	Port      int64 // port of the URL
	Path      string
	Query     string
	Version   string
	Agent     string
	Referrer  string
	Forwarded string // X-Forwarded-For as sent
	Code      int64  // response code
	Latency   int64  // µs
}

// Traffic is what a flow or request carried.
type Traffic struct {
	Bytes     int64 // flow: bytes of this direction
	Packets   int64
	BytesIn   int64  // request bytes, client to server
	BytesOut  int64  // response bytes, server to client
	Protocol  int64  // IANA number
	Flags     int64  // TCP flags, OR-ed
	Direction string // ingress, egress
	Path      int64  // VPC traffic-path code
	Sampling  string // OK, NODATA, SKIPDATA
}

// DNS is a question and its answer.
type DNS struct {
	Name    string // as asked, trailing dot removed
	Type    string
	Class   string
	Code    string // NOERROR, NXDOMAIN …
	Answers []string
}

// Finding is what a detector of AWS reports.
type Finding struct {
	UID       string // finding id or ARN
	Title     string
	Desc      string
	Types     []string
	Product   string
	Generator string // rule or control that made it
	State     string // workflow or record state
	First     int64  // µs, first seen
	Last      int64  // µs, last seen
	Count     int64
	Severity  string // the source's own value

	Control    string   // control that was checked: S3.8
	Compliance string   // PASSED, FAILED … as the source writes it
	CVEs       []string // vulnerabilities
}

// Config is a configuration item.
type Config struct {
	ID     string // configurationStateId
	Status string // OK, ResourceDeleted …
	Name   string // resource name
}

// Provenance says where a record stands.
type Provenance struct {
	Object int64 // id of the source object in the catalogue
	Record int64 // number of the record in its object, from 0
}

// Event is one record in typed form. Strings may alias the decoder's buffer:
// they stay valid and unchanged as long as they are referenced.
type Event struct {
	Time     int64 // µs since the epoch, UTC
	End      int64 // µs, end of a window, Null if a point in time
	Class    Class
	Activity int64 // activity_id of the class, 0 unknown
	Status   int64 // StatusUnknown, StatusSuccess, StatusFailure
	Severity int64 // severity_id 0-6, Null if absent

	Code        string // error code
	Message     string // error message
	UID         string // the source's own id of the event, empty if it has none
	Correlation string // id shared by records of one action
	EventType   string // the source's own kind of event
	Category    string // Management, Data, NetworkActivity, Insight
	Version     string // version of the record format
	Format      string // header of a field-list format (VPC flow logs), how Raw is laid out

	Account string // account that received the record
	Region  string

	User      User
	Session   Session
	InvokedBy string

	API     API
	Src     Endpoint
	Dst     Endpoint
	Device  Device
	HTTP    HTTP
	TLS     string // protocol version
	VPCE    string // VPC endpoint id
	Traffic Traffic
	Action  string // what the control did: ACCEPT, REJECT, ALLOW, BLOCK …
	Rule    string // rule that decided
	Policy  string // web ACL, load balancer policy
	Labels  []string

	DNS     DNS
	Finding Finding
	Config  Config

	Resource      string   // the resource acted on: name or ARN
	ResourceAlt   string   // its other id: i-…, sg-…, a bucket's name
	ResourceType  string   // its type as the source writes it
	ResourceNames []string // every resource ARN or name of the record

	Request  string // request parameters, JSON text inside Raw
	Response string // response elements, JSON text inside Raw
	Unmapped string // JSON object of fields that have no column
	Raw      string // the record as the source wrote it
	// Rebuildable says that the schema's Rebuild gives exactly Raw from the
	// other attributes, so that Raw need not be stored.
	Rebuildable bool

	Provenance Provenance
}

var blank = Event{
	End: Null, Severity: Null,
	Session: Session{Created: Null},
	Src:     Endpoint{Port: Null},
	Dst:     Endpoint{Port: Null},
	HTTP:    HTTP{Port: Null, Code: Null, Latency: Null},
	Traffic: Traffic{Bytes: Null, Packets: Null, BytesIn: Null, BytesOut: Null, Protocol: Null, Flags: Null, Path: Null},
	Finding: Finding{First: Null, Last: Null, Count: Null},
}

// Reset makes e an event in which everything is absent. A decoder calls it
// before it fills an event; lists are dropped, not truncated, because readers
// may still hold them.
func (e *Event) Reset() { *e = blank }

// At gives the event's time.
func (e *Event) At() time.Time { return time.UnixMicro(e.Time).UTC() }
