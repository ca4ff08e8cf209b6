package s3access

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/yagura-sec/yagura/internal/lines"
	"github.com/yagura-sec/yagura/ocsf"
)

// mapper turns fields into attributes.
type mapper struct {
	account, region string // of the object's key
	other           lines.Object
}

// plain are the fields that are an attribute as they are.
var plain = [fieldCount]func(*ocsf.Event) *string{
	fieldBucket:    func(e *ocsf.Event) *string { return &e.ResourceAlt },
	fieldRequestID: func(e *ocsf.Event) *string { return &e.API.Request },
	fieldOperation: func(e *ocsf.Event) *string { return &e.API.Operation },
	fieldKey:       func(e *ocsf.Event) *string { return &e.Config.Name },
	fieldError:     func(e *ocsf.Event) *string { return &e.Code },
	fieldReferrer:  func(e *ocsf.Event) *string { return &e.HTTP.Referrer },
	fieldAgent:     func(e *ocsf.Event) *string { return &e.HTTP.Agent },
	fieldHost:      func(e *ocsf.Event) *string { return &e.HTTP.Host },
	fieldTLS:       func(e *ocsf.Event) *string { return &e.TLS },
}

// fill sets every attribute but Raw and Provenance of an event that has been
// reset.
func (m *mapper) fill(ev *ocsf.Event, r *record) {
	m.other.Reset()
	ev.Class, ev.Time, ev.API.Service = ocsf.APIActivity, r.us, "s3.amazonaws.com"
	ev.Account, ev.Region = m.account, m.region
	for i, v := range r.fields {
		if v == "-" || v == "" {
			continue
		}
		if p := plain[i]; p != nil {
			*p(ev) = v
			continue
		}
		switch i {
		case fieldTime:
		case fieldRemote:
			if ip, ok := lines.Address(v); ok {
				ev.Src.IP = ip
			} else {
				ev.Src.Name = v
			}
		case fieldRequester:
			requester(ev, v)
		case fieldRequest:
			var target string
			ev.HTTP.Method, target, ev.HTTP.Version = lines.Request(v)
			ev.HTTP.Path, ev.HTTP.Query, _ = strings.Cut(target, "?")
		case fieldStatus:
			ev.HTTP.Code, _, _ = lines.Number(v) // the record's shape says that it is one
		case fieldSent:
			ev.Traffic.BytesOut, _, _ = lines.Number(v)
		case fieldTotal:
			if ms, _, _ := lines.Number(v); ms < 1<<40 {
				ev.HTTP.Latency = ms * 1000
			}
		case fieldAccessPoint:
			ev.ResourceNames = []string{v}
		default:
			m.other.Add(names[i], v)
		}
	}
	for i, v := range r.more {
		m.other.Add(fmt.Sprintf("field_%d", fieldCount+i+1), v)
	}
	ev.Unmapped = m.other.String()
	if r.fields[fieldRequester] == "-" && r.fields[fieldSignature] == "-" && r.fields[fieldAuth] == "-" && r.fields[fieldRequest] != "-" {
		ev.User.Type = "Anonymous"
	}
	if ev.Region == "" {
		ev.Region = endpointRegion(ev.HTTP.Host)
	}
	judge(ev)
	resource(ev)
}

// judge says what kind of operation it was and what became of it.
func judge(ev *ocsf.Event) {
	ev.Activity = activity(ev.API.Operation)
	switch ev.Activity {
	case ocsf.APIRead:
		ev.API.ReadOnly = ocsf.True
	case ocsf.APICreate, ocsf.APIUpdate, ocsf.APIDelete:
		ev.API.ReadOnly = ocsf.False
	}
	switch c := ev.HTTP.Code; {
	case c >= 400:
		ev.Status = ocsf.StatusFailure
	case c >= 100:
		ev.Status = ocsf.StatusSuccess
	case ev.Code != "":
		ev.Status = ocsf.StatusFailure
	}
}

// activity reads PROTOCOL.VERB.RESOURCE.
func activity(op string) int64 {
	protocol, rest, _ := strings.Cut(op, ".")
	verb, what, _ := strings.Cut(rest, ".")
	if protocol == "S3" { // what S3 does by itself, for a lifecycle rule
		switch {
		case verb == "EXPIRE", verb == "DELETE", what == "DELETEMARKER":
			return ocsf.APIDelete
		case strings.HasPrefix(verb, "TRANSITION"), verb == "RESTORE":
			return ocsf.APIUpdate
		}
		return ocsf.ActivityOther
	}
	switch verb {
	case "GET", "HEAD", "OPTIONS":
		return ocsf.APIRead
	case "DELETE":
		return ocsf.APIDelete
	case "COPY":
		if strings.HasSuffix(what, "_GET") { // the source's side of a copy
			return ocsf.APIRead
		}
		return ocsf.APICreate
	case "PUT":
		if what == "OBJECT" || what == "PART" || what == "BUCKET" {
			return ocsf.APICreate
		}
		return ocsf.APIUpdate // ACL, BUCKETPOLICY, LOGGING_STATUS and the like
	case "POST":
		switch what {
		case "OBJECT", "UPLOAD", "UPLOADS":
			return ocsf.APICreate
		case "MULTI_OBJECT_DELETE":
			return ocsf.APIDelete
		case "SELECT", "OBJECT_SELECT":
			return ocsf.APIRead
		}
		return ocsf.APIUpdate
	}
	return ocsf.ActivityOther
}

// requester reads who asked: an ARN, a canonical user id, or a service.
func requester(ev *ocsf.Event, v string) {
	u := &ev.User
	if !strings.HasPrefix(v, "arn:") {
		if len(v) == 64 {
			u.UIDAlt = v
		} else {
			u.Name = v
		}
		return
	}
	u.UID = v
	rest := v
	for i := range 5 {
		var part string
		part, rest, _ = strings.Cut(rest, ":")
		if i == 4 {
			u.Account = part
		}
	}
	kind, name, _ := strings.Cut(rest, "/")
	switch kind {
	case "assumed-role":
		u.Type = "AssumedRole"
		ev.Session.IssuerName, ev.Session.UID, _ = strings.Cut(name, "/")
	case "federated-user":
		u.Type, u.Name = "FederatedUser", name
	case "user":
		u.Type, u.Name = "IAMUser", name[strings.LastIndexByte(name, '/')+1:]
	case "root":
		u.Type = "Root"
	}
}

// resource names what the operation acted on.
func resource(ev *ocsf.Event) {
	bucket := ev.ResourceAlt
	if bucket == "" {
		return
	}
	partition := "aws"
	switch {
	case strings.HasPrefix(ev.Region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(ev.Region, "us-gov-"):
		partition = "aws-us-gov"
	}
	if ev.Config.Name == "" {
		ev.Resource, ev.ResourceType = "arn:"+partition+":s3:::"+bucket, "AWS::S3::Bucket"
		return
	}
	ev.Resource, ev.ResourceType = "arn:"+partition+":s3:::"+bucket+"/"+decodeKey(ev.Config.Name), "AWS::S3::Object"
}

// decodeKey undoes the double encoding; what is not encoded stays.
func decodeKey(key string) string {
	for range 2 {
		if strings.IndexByte(key, '%') < 0 {
			break
		}
		plain, err := url.PathUnescape(key)
		if err != nil {
			break
		}
		key = plain
	}
	return key
}

// endpointRegion reads the region in an S3 host name: BUCKET.s3.REGION…,
// s3-REGION…, s3.dualstack.REGION…, s3-fips.REGION…. The bucket may have dots
// and look like anything, so the name is read from its end.
func endpointRegion(host string) string {
	i := strings.LastIndex(host, ".amazonaws.com")
	if i < 0 {
		return ""
	}
	host = host[:i]
	region := host[strings.LastIndexByte(host, '.')+1:]
	if old, ok := strings.CutPrefix(region, "s3-"); ok {
		region = strings.TrimPrefix(old, "website-")
	} else {
		before := strings.TrimSuffix(strings.TrimSuffix(host, region), ".")
		service := strings.TrimSuffix(before, ".dualstack")
		service = service[strings.LastIndexByte(service, '.')+1:]
		switch service {
		case "s3", "s3-fips", "s3-accesspoint", "s3-accesspoint-fips", "s3-website":
		default:
			return ""
		}
	}
	if strings.Count(region, "-") < 2 {
		return ""
	}
	return region
}
