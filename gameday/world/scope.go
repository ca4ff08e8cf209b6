package world

import (
	"strconv"
	"strings"
	"time"

	"github.com/yagura-sec/yagura/gameday/world/wire"
)

// scope fills the variables of call templates from the resources of a site. Within one record a variable keeps its value, so request,
// response and resource list agree; pinned values also hold over a burst that works on one resource.
type scope struct {
	e      *emitter
	site   *site
	who    *session
	at     int64
	names  [24]string
	values [24]string
	n      int
	pins   map[string]string

	params, reply, extra, res []byte // reused between records
}

func (v *scope) begin(s *site, who *session, at int64) { v.site, v.who, v.at, v.n = s, who, at, 0 }

// pin fixes a variable for the following records; an empty value frees it.
func (v *scope) pin(name, value string) {
	if v.pins == nil {
		v.pins = map[string]string{}
	}
	if value == "" {
		delete(v.pins, name)
		return
	}
	v.pins[name] = value
}

func (v *scope) get(name string) string {
	for i := range v.n {
		if v.names[i] == name {
			return v.values[i]
		}
	}
	return ""
}

func (v *scope) set(name, value string) string {
	if v.n < len(v.names) {
		v.names[v.n], v.values[v.n] = name, value
		v.n++
	}
	return value
}

// Append implements api.Vars.
func (v *scope) Append(dst []byte, name string) []byte {
	r := v.e.rng
	switch name {
	case "uuid":
		return r.UUID(dst)
	case "hex32":
		return r.Hex(dst, 32)
	case "b64":
		return r.Base64(dst, 44)
	case "acct":
		return append(dst, v.site.account.id...)
	case "region":
		return append(dst, v.site.region...)
	case "caller":
		return append(dst, v.who.caller...)
	case "sec":
		return strconv.AppendInt(dst, v.at-int64(r.IntN(3600)), 10)
	case "ms":
		return strconv.AppendInt(dst, v.at*1000, 10)
	case "time":
		return wire.Time(dst, v.at)
	case "longtime":
		return time.Unix(v.at, 0).UTC().AppendFormat(dst, "Jan 2, 2006, 3:04:05 PM")
	case "day":
		return time.Unix(v.at, 0).UTC().AppendFormat(dst, "2006-01-02")
	}
	if old := v.get(name); old != "" {
		return append(dst, old...)
	}
	if pinned := v.pins[name]; pinned != "" {
		return append(dst, v.set(name, pinned)...)
	}
	return append(dst, v.set(name, v.draw(name))...)
}

// draw chooses a value for a variable that has none yet in this record.
func (v *scope) draw(name string) string {
	r, a := v.e.rng, v.site.account
	if list := v.site.pool[name]; len(list) > 0 {
		return list[r.Zipf(len(list))]
	}
	switch name {
	case "instance":
		if up := v.site.running("", v.at); len(up) > 0 {
			return up[r.IntN(len(up))].id
		}
		return "i-0" + string(r.Hex(nil, 16))
	case "int":
		return strconv.Itoa(r.Between(2, 240))
	case "small":
		return strconv.Itoa(r.Between(1, 5))
	case "big":
		return strconv.Itoa(r.Between(20000, 90000000))
	case "env":
		return a.env
	case "team":
		return teams[r.Zipf(len(teams))]
	case "user":
		return v.e.org.people[r.IntN(len(v.e.org.people))].name
	case "username":
		return v.who.user
	case "domain":
		return v.e.org.domain
	case "office":
		return v.e.org.offices[r.Zipf(len(v.e.org.offices))]
	case "scanner":
		return v.e.org.scanners[r.IntN(len(v.e.org.scanners))].ip
	case "sister":
		return v.e.org.accounts[r.IntN(len(v.e.org.accounts))].id
	case "type":
		return []string{"t3.medium", "m7g.large", "c7g.xlarge", "r7g.large", "t3.small", "m6i.2xlarge"}[r.Zipf(6)]
	case "imds":
		return "required"
	case "akid", "oldakid":
		return r.KeyID("AKIA", a.num)
	case "newaroa":
		return r.KeyID("AROA", a.num)
	case "newaipa":
		return r.KeyID("AIPA", a.num)
	case "idstore":
		return "d-" + string(r.Hex(nil, 10))
	case "hex8x":
		return strings.ToLower(string(r.Upper(nil, 10)))
	case "up9":
		return string(r.Upper(nil, 9))
	case "up20":
		return string(r.Upper(nil, 20))
	}
	return v.drawID(name)
}

func (v *scope) drawID(name string) string {
	r := v.e.rng
	if n, ok := strings.CutPrefix(name, "hex"); ok {
		count, _ := strconv.Atoi(n)
		return string(r.Hex(nil, count))
	}
	for prefix, id := range newIDs {
		if name == prefix {
			return id + "0" + string(r.Hex(nil, 16))
		}
	}
	return string(r.Hex(nil, 12))
}

var newIDs = map[string]string{
	"newsg": "sg-", "newsnap": "snap-", "oldsnap": "snap-", "newvol": "vol-", "neweni": "eni-", "oldeni": "eni-", "newami": "ami-", "instance": "i-",
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }
