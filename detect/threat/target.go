package threat

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"strings"

	"github.com/yagura-sec/yagura/ocsf"
)

// resource gives what the call acts on: the event's own resource, else the
// first parameter whose name says that it names something.
func resource(ev *ocsf.Event) string {
	if ev.Resource != "" || ev.Request == "" || len(ev.Request) > maxRequest {
		return ev.Resource
	}
	best, rank := "", len(nameEnds)
	leaves(ev.Request, func(path []string, key, v string) {
		if len(path) > 4 || len(v) == 0 || len(v) > 512 || len(v) < 12 && strings.Trim(v, "0123456789") == "" {
			return
		}
		for _, p := range path { // a filter names attributes, not things
			if strings.Contains(strings.ToLower(p), "filter") {
				return
			}
		}
		low := strings.ToLower(key)
		if low == "clienttoken" || low == "rolesessionname" || strings.HasSuffix(low, "requestid") {
			return
		}
		for i := range rank {
			if strings.HasSuffix(low, nameEnds[i]) {
				best, rank = v, i
				return
			}
		}
	})
	return best
}

// nameEnds are the ends of parameters that name a thing, the surest first.
var nameEnds = []string{"arn", "identifier", "id", "name", "ids", "names", "url", "idset"}

// maxUserData bounds decoded user data; EC2's own limit is 16 KB.
const maxUserData = 64 << 10

// userData decodes the user data that a call gives an instance. CloudTrail
// mostly hides it; then there is none.
func userData(ev *ocsf.Event) string {
	if ev.API.Service != "ec2.amazonaws.com" || !strings.Contains(ev.Request, "serData") {
		return ""
	}
	switch ev.API.Operation {
	case "RunInstances", "ModifyInstanceAttribute", "CreateLaunchTemplate", "CreateLaunchTemplateVersion", "RequestSpotInstances":
	default:
		return ""
	}
	found := ""
	leaves(ev.Request, func(path []string, key, v string) {
		for _, p := range path {
			if found == "" && strings.EqualFold(p, "userData") && (strings.EqualFold(key, "userData") || key == "value") && !strings.HasPrefix(v, "<sensitive") {
				found = v
			}
		}
	})
	return decoded(found)
}

// decoded undoes base64 and gzip, where they are.
func decoded(v string) string {
	if len(v) > 2*maxUserData {
		v = v[:2*maxUserData]
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(v))
	if err != nil {
		return v
	}
	if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		if z, err := gzip.NewReader(bytes.NewReader(b)); err == nil {
			if plain, err := io.ReadAll(io.LimitReader(z, maxUserData)); err == nil {
				b = plain
			}
		}
	}
	return strings.ToValidUTF8(string(b[:min(len(b), maxUserData)]), "\uFFFD")
}
