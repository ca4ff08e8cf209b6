package cloudtrail

import (
	"cmp"
	"errors"
	"strings"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/internal/jsonscan"
	"github.com/yagura-sec/yagura/ocsf"
)

// maxErrorRaw bounds the bytes of a bad record that its error carries.
const maxErrorRaw = 64 << 10

// decoder reads records in one pass each.
type decoder struct {
	records *jsonscan.Records
	s       jsonscan.Scanner
	part    jsonscan.Scanner // for parts of a record that are looked at twice
	rest    rest
}

// rest is what a record says that is needed only until it is mapped.
type rest struct {
	additional string // raw additionalEventData
	service    string // raw serviceEventDetails
	insight    string // raw insightDetails
	credential string // userIdentity.credentialId
	federated  string // webIdFederationData.federatedProvider
	onBehalf   string // onBehalfOf.userId
	store      string // onBehalfOf.identityStoreArn

	detailType string // EventBridge: what detail is
	detail     string // EventBridge: the record
	inner      string // the record as text in another: lookup-events, CloudWatch Logs
}

// Next gives the next record's event.
func (d *decoder) Next(ev *ocsf.Event) error {
	ev.Reset()
	rec, err := d.records.Next()
	var bad *jsonscan.BadRecord
	switch {
	case errors.As(err, &bad):
		return &yagura.RecordError{Record: bad.Number, Offset: bad.Offset, Reason: bad.Reason, Raw: bad.Raw}
	case err != nil:
		return err
	}
	reason := d.decode(rec.Text(), ev, true)
	if reason != "" {
		return &yagura.RecordError{Record: rec.Number, Offset: rec.Offset, Reason: reason, Raw: rec.Raw[:min(len(rec.Raw), maxErrorRaw)]}
	}
	ev.Provenance.Record = rec.Number
	return nil
}

// decode reads one record; it returns what is wrong. An envelope is opened once.
func (d *decoder) decode(raw string, ev *ocsf.Event, envelope bool) string {
	ev.Reset()
	d.rest = rest{}
	ev.Raw = raw
	d.s.ResetText(raw)
	if !d.s.Object() {
		return "not a JSON object"
	}
	var when string
	for d.s.Next() {
		if key := d.s.Key(); key == "eventTime" {
			when = d.text()
		} else {
			d.member(key, ev)
		}
	}
	if err := d.s.End(); err != nil {
		return err.Error()
	}
	if envelope && ev.Version == "" {
		switch {
		case d.rest.inner != "":
			return d.decode(d.rest.inner, ev, false)
		case d.rest.detail != "" && d.rest.detailType != "":
			return d.decode(d.rest.detail, ev, false)
		}
	}
	if ev.API.Operation == "" && d.rest.insight == "" {
		return "neither eventName nor insightDetails: not a CloudTrail record"
	}
	if v := ev.Version; v != "" && v != "1" && !strings.HasPrefix(v, "1.") {
		return "eventVersion " + clip(v) + " is not supported, only 1.x is"
	}
	var ok bool
	if ev.Time, ok = instant(when); !ok {
		return "eventTime " + clip(when) + " is not a time"
	}
	d.derive(ev)
	return ""
}

// clip bounds a value quoted in an error.
func clip(s string) string { return strings.ToValidUTF8(`"`+s[:min(len(s), 64)]+`"`, "") }

// member reads the value of a top-level member.
func (d *decoder) member(key string, ev *ocsf.Event) {
	switch key {
	case "eventVersion":
		ev.Version = d.text()
	case "userIdentity":
		d.identity(ev)
	case "eventSource":
		ev.API.Service = d.text()
	case "eventName":
		ev.API.Operation = d.text()
	case "awsRegion":
		ev.Region = d.text()
	case "sourceIPAddress":
		ev.Src.IP, ev.Src.Name = address(d.text())
	case "userAgent":
		ev.HTTP.Agent = d.text()
	case "errorCode":
		ev.Code = d.text()
	case "errorMessage":
		ev.Message = d.text()
	case "requestParameters":
		ev.Request = d.value()
	case "responseElements":
		ev.Response = d.value()
	case "additionalEventData":
		d.rest.additional = d.value()
	case "requestID":
		ev.API.Request = d.text()
	case "eventID":
		ev.UID = d.text()
	case "eventType":
		ev.EventType = d.text()
	case "apiVersion":
		ev.API.Version = d.text()
	case "readOnly":
		ev.API.ReadOnly = d.tri()
	case "resources":
		d.resources(ev)
	case "recipientAccountId":
		ev.Account = d.text()
	case "serviceEventDetails":
		d.rest.service = d.value()
	case "sharedEventID":
		ev.Correlation = d.text()
	case "vpcEndpointId":
		ev.VPCE = d.text()
	case "eventCategory":
		ev.Category = d.text()
	case "tlsDetails":
		d.tls(ev)
	case "insightDetails":
		d.rest.insight = d.value()
	case "detail-type":
		d.rest.detailType = d.text()
	case "detail":
		d.rest.detail = d.value()
	case "CloudTrailEvent", "message":
		d.rest.inner, _ = d.s.Str()
	}
}

func (d *decoder) identity(ev *ocsf.Event) {
	ev.User, ev.InvokedBy = ocsf.User{}, ""
	ev.Session = ocsf.Session{Created: ocsf.Null}
	d.rest.credential, d.rest.federated, d.rest.onBehalf, d.rest.store = "", "", "", ""
	if !d.s.Object() {
		return
	}
	for d.s.Next() {
		switch d.s.Key() {
		case "type":
			ev.User.Type = d.text()
		case "principalId":
			ev.User.UIDAlt = d.text()
		case "arn":
			ev.User.UID = d.text()
		case "accountId":
			ev.User.Account = d.text()
		case "accessKeyId":
			ev.User.Credential = d.text()
		case "userName":
			ev.User.Name = d.text()
		case "invokedBy":
			ev.InvokedBy = d.text()
		case "identityProvider":
			ev.Session.Provider = d.text()
		case "credentialId":
			d.rest.credential = d.text()
		case "sessionContext":
			d.session(ev)
		case "onBehalfOf":
			d.rest.onBehalf, d.rest.store = d.pair("userId", "identityStoreArn")
		}
	}
}

func (d *decoder) session(ev *ocsf.Event) {
	s := &ev.Session
	s.Issuer, s.IssuerName, s.MFA, s.Created = "", "", ocsf.Unknown, ocsf.Null
	d.rest.federated = ""
	if !d.s.Object() {
		return
	}
	for d.s.Next() {
		switch d.s.Key() {
		case "attributes":
			d.attributes(s)
		case "sessionIssuer":
			s.Issuer, s.IssuerName = d.pair("arn", "userName")
		case "webIdFederationData":
			d.rest.federated, _ = d.pair("federatedProvider", "")
		}
	}
}

func (d *decoder) attributes(s *ocsf.Session) {
	s.MFA, s.Created = ocsf.Unknown, ocsf.Null
	if !d.s.Object() {
		return
	}
	for d.s.Next() {
		switch d.s.Key() {
		case "mfaAuthenticated":
			s.MFA = d.tri()
		case "creationDate":
			var ok bool
			if s.Created, ok = instant(d.text()); !ok {
				s.Created = ocsf.Null
			}
		}
	}
}

func (d *decoder) tls(ev *ocsf.Event) {
	ev.TLS, ev.HTTP.Host = d.pair("tlsVersion", "clientProvidedHostHeader")
}

// resources reads the list of resources: the first is the resource acted on.
func (d *decoder) resources(ev *ocsf.Event) {
	ev.Resource, ev.ResourceType, ev.ResourceNames = "", "", nil
	if !d.s.Array() {
		return
	}
	var room [6]string
	names := room[:0]
	for d.s.Next() {
		if !d.s.Object() {
			continue
		}
		var arn, lower, prefix, kind string
		for d.s.Next() {
			switch d.s.Key() {
			case "ARN":
				arn = d.text()
			case "arn":
				lower = d.text()
			case "ARNPrefix":
				prefix = d.text()
			case "type":
				kind = d.text()
			}
		}
		if arn = cmp.Or(arn, lower, prefix); arn == "" {
			continue
		}
		if len(names) == 0 {
			ev.Resource, ev.ResourceType = arn, kind
		}
		names = append(names, arn)
	}
	if len(names) > 0 {
		ev.ResourceNames = append([]string(nil), names...)
	}
}
