package wire

// Event is one CloudTrail record. The order of its members in the output is CloudTrail's own.
type Event struct {
	Version  string // "1.08" and later; varies by service
	Identity Raw    // the userIdentity object
	Time     int64  // unix seconds
	Source   string // "s3.amazonaws.com"
	Name     string
	Region   string
	IP       string // sourceIPAddress: an address or a service name
	Agent    string

	ErrorCode, ErrorMessage string

	Params    Raw // requestParameters; empty writes null
	Response  Raw // responseElements; empty writes null
	Extra     Raw // additionalEventData; empty leaves it out
	RequestID string
	ID        string // eventID
	ReadOnly  bool
	Resources Raw // the resources array; empty leaves it out
	Type      string
	API       string // apiVersion
	Account   string // recipientAccountId
	Detail    Raw    // serviceEventDetails
	SharedID  string
	Endpoint  string // vpcEndpointId
	Category  string // Management, Data, NetworkActivity or Insight
	TLSHost   string // clientProvidedHostHeader; empty leaves tlsDetails out
	TLS13     bool
	Console   bool // sessionCredentialFromConsole
	Insight   Raw  // insightDetails, for Category Insight only
}

// Append writes the record as one JSON object.
func (e *Event) Append(dst []byte) []byte {
	dst = append(dst, `{"eventVersion":"`...)
	dst = append(dst, e.Version...)
	if e.Category == "Insight" {
		return e.appendInsight(append(dst, '"'))
	}
	dst = append(dst, `","userIdentity":`...)
	dst = append(dst, e.Identity...)
	dst = append(dst, `,"eventTime":"`...)
	dst = Time(dst, e.Time)
	dst = append(dst, '"')
	dst = Field(dst, "eventSource", e.Source)
	dst = Field(dst, "eventName", e.Name)
	dst = Field(dst, "awsRegion", e.Region)
	dst = Field(dst, "sourceIPAddress", e.IP)
	dst = Field(dst, "userAgent", e.Agent)
	dst = Field(dst, "errorCode", e.ErrorCode)
	dst = Field(dst, "errorMessage", e.ErrorMessage)
	if e.Category != "NetworkActivity" {
		dst = nullable(dst, "requestParameters", e.Params)
		dst = nullable(dst, "responseElements", e.Response)
	}
	dst = rawField(dst, "additionalEventData", e.Extra)
	dst = Field(dst, "requestID", e.RequestID)
	dst = Field(dst, "eventID", e.ID)
	if e.Category != "NetworkActivity" {
		dst = boolean(dst, "readOnly", e.ReadOnly)
		dst = rawField(dst, "resources", e.Resources)
	}
	dst = Field(dst, "eventType", e.Type)
	dst = Field(dst, "apiVersion", e.API)
	if e.Category != "NetworkActivity" {
		dst = boolean(dst, "managementEvent", e.Category == "Management")
	}
	dst = Field(dst, "recipientAccountId", e.Account)
	dst = rawField(dst, "serviceEventDetails", e.Detail)
	dst = Field(dst, "sharedEventID", e.SharedID)
	dst = Field(dst, "vpcEndpointId", e.Endpoint)
	if e.Endpoint != "" && e.Version >= "1.10" {
		dst = Field(dst, "vpcEndpointAccountId", e.Account)
	}
	dst = Field(dst, "eventCategory", e.Category)
	if e.TLSHost != "" {
		dst = append(dst, `,"tlsDetails":{`...)
		if e.TLS13 {
			dst = append(dst, `"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256"`...)
		} else {
			dst = append(dst, `"tlsVersion":"TLSv1.2","cipherSuite":"ECDHE-RSA-AES128-GCM-SHA256"`...)
		}
		dst = Field(dst, "clientProvidedHostHeader", e.TLSHost)
		dst = append(dst, '}')
	}
	if e.Console {
		dst = append(dst, `,"sessionCredentialFromConsole":"true"`...)
	}
	return append(dst, '}')
}

// appendInsight writes the shorter form of an Insights record, which has no actor and no request.
func (e *Event) appendInsight(dst []byte) []byte {
	dst = append(dst, `,"eventTime":"`...)
	dst = Time(dst, e.Time)
	dst = append(dst, '"')
	dst = Field(dst, "awsRegion", e.Region)
	dst = Field(dst, "eventID", e.ID)
	dst = Field(dst, "eventType", e.Type)
	dst = Field(dst, "recipientAccountId", e.Account)
	dst = Field(dst, "sharedEventID", e.SharedID)
	dst = rawField(dst, "insightDetails", e.Insight)
	dst = Field(dst, "eventCategory", e.Category)
	return append(dst, '}')
}

func boolean(dst []byte, name string, v bool) []byte {
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	if v {
		return append(dst, `":true`...)
	}
	return append(dst, `":false`...)
}
