package call

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/internal/jsonscan"
)

// Record is what a decision needs of a CloudTrail record. Its strings alias the
// text that it was read from.
type Record struct {
	ID, SharedID         string
	Time                 time.Time
	Source, Name, Type   string // eventSource, eventName, eventType
	Region, Recipient    string
	ErrorCode, Message   string
	SourceIP, Agent      string
	VPCE                 string // VPC endpoint id
	TLS                  bool   // the call came over TLS, as far as the record tells
	Identity             Identity
	Resources            []Resource
	Parameters           string // JSON text of requestParameters
	AccountOfVPCEndpoint string
}

// Identity is the userIdentity of a record.
type Identity struct {
	Type, ARN, PrincipalID, Account, InvokedBy string
	Issuer                                     string // ARN of the role or user that issued the session
	MFA, Created, SourceIdentity               string
	Provider                                   string // identityProvider of a federated user
}

// Resource is an entry of a record's resources.
type Resource struct{ ARN, Account string }

// Read reads a CloudTrail record. An error says what is missing or that the text
// is not one JSON object.
func Read(text string) (Record, error) {
	var r Record
	var s jsonscan.Scanner
	s.ResetText(text)
	if !s.Object() {
		return r, fmt.Errorf("not a JSON object: %w", firstError(s.End(), errNoObject))
	}
	var when string
	for s.Next() {
		switch key := s.Key(); key {
		case "eventTime":
			when, _ = s.Str()
		case "userIdentity":
			r.Identity.read(&s)
		case "tlsDetails":
			r.TLS = s.Kind() == '{'
		case "requestParameters":
			r.Parameters = s.Raw()
		case "resources":
			r.readResources(&s)
		default:
			if to := r.text(key); to != nil {
				*to, _ = s.Str()
			}
		}
	}
	if err := s.End(); err != nil {
		return r, err
	}
	if r.Name == "" || r.Source == "" {
		return r, errNoCall
	}
	var err error
	if r.Time, err = time.Parse(time.RFC3339, when); err != nil {
		return r, fmt.Errorf("eventTime %.40q is not a time", when)
	}
	return r, nil
}

// text gives the field that a member of the record fills.
func (r *Record) text(key string) *string {
	switch key {
	case "eventID":
		return &r.ID
	case "sharedEventID":
		return &r.SharedID
	case "eventSource":
		return &r.Source
	case "eventName":
		return &r.Name
	case "eventType":
		return &r.Type
	case "awsRegion":
		return &r.Region
	case "recipientAccountId":
		return &r.Recipient
	case "errorCode":
		return &r.ErrorCode
	case "errorMessage":
		return &r.Message
	case "sourceIPAddress":
		return &r.SourceIP
	case "userAgent":
		return &r.Agent
	case "vpcEndpointId":
		return &r.VPCE
	case "vpcEndpointAccountId":
		return &r.AccountOfVPCEndpoint
	}
	return nil
}

func (i *Identity) read(s *jsonscan.Scanner) {
	*i = Identity{}
	if !s.Object() {
		return
	}
	for s.Next() {
		switch s.Key() {
		case "type":
			i.Type, _ = s.Str()
		case "arn":
			i.ARN, _ = s.Str()
		case "principalId":
			i.PrincipalID, _ = s.Str()
		case "accountId":
			i.Account, _ = s.Str()
		case "identityProvider":
			i.Provider, _ = s.Str()
		case "invokedBy":
			i.InvokedBy, _ = s.Str()
		case "sessionContext":
			i.readSession(s)
		}
	}
}

func (i *Identity) readSession(s *jsonscan.Scanner) {
	if !s.Object() {
		return
	}
	for s.Next() {
		switch s.Key() {
		case "sourceIdentity":
			i.SourceIdentity, _ = s.Str()
		case "attributes", "sessionIssuer":
			if !s.Object() {
				continue
			}
			for s.Next() {
				switch s.Key() {
				case "mfaAuthenticated":
					i.MFA, _ = s.Str()
				case "creationDate":
					i.Created, _ = s.Str()
				case "arn":
					i.Issuer, _ = s.Str()
				}
			}
		}
	}
}

// maxResources bounds what is read of a record's resources.
const maxResources = 64

func (r *Record) readResources(s *jsonscan.Scanner) {
	if !s.Array() {
		return
	}
	for s.Next() {
		if !s.Object() {
			continue
		}
		var one Resource
		for s.Next() {
			switch s.Key() {
			case "ARN":
				one.ARN, _ = s.Str()
			case "accountId":
				one.Account, _ = s.Str()
			}
		}
		if one.ARN != "" && len(r.Resources) < maxResources {
			r.Resources = append(r.Resources, one)
		}
	}
}

// IsCall says whether the record is a call that somebody made: not a sign-in,
// not an event of the service's own, not an insight.
func (r *Record) IsCall() bool {
	switch r.Type {
	case "", "AwsApiCall", "AwsMcpEvent":
		return r.Source != "signin.amazonaws.com"
	}
	return false
}

// Denied says whether AWS refused the call for want of permission.
func (r *Record) Denied() bool {
	return strings.Contains(r.ErrorCode, "AccessDenied") || strings.Contains(r.ErrorCode, "UnauthorizedOperation") ||
		strings.HasPrefix(r.ErrorCode, "AuthorizationError") || strings.HasPrefix(r.ErrorCode, "NotAuthorized")
}

func (r *Record) address() string {
	if a, err := netip.ParseAddr(r.SourceIP); err == nil {
		return a.String()
	}
	return ""
}
