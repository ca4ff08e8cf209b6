package query

import (
	"strings"
	"testing"

	"github.com/yagura-sec/yagura/query/field"
)

// flat is a record given by its values; a path or leaf is looked up as it is.
type flat struct {
	values map[string][]string
	texts  []string
}

func (f flat) Values(t field.Target) (all []string) {
	for _, key := range append([]string{t.Path, t.Leaf}, t.Columns...) {
		all = append(all, f.values[key]...)
	}
	return all
}

func (f flat) Texts() []string { return f.texts }

func TestEval(t *testing.T) {
	fields := testFields(t)
	record := flat{
		values: map[string][]string{
			"api_operation": {"GetObject"}, "src_ip": {"10.1.2.3"}, "traffic_bytes": {"1500"}, "time": {"2026-10-01T14:59:59.5Z"},
			"resource_names": {"arn:aws:s3:::logs", "100%_sure"}, "readOnly": {"true"}, "accessKeyId": {"AKIA1", "ASIA2"},
			"requestParameters.key": {""}, "requestParameters.star": {`a*b\c`},
		},
		texts: []string{`{"eventName":"GetObject","ip":"198.51.100.7","path":"/etc/passwd","userName":"山田","arn":"arn:aws:iam::1:role/My-Role"}`, "root"},
	}
	for query, want := range map[string]bool{
		`*`: true, `NOT *`: false, ``: true,
		// Values: exact, case-sensitive.
		`eventName:GetObject`: true, `eventName:getobject`: false, `eventName:~getobject`: true, `eventName:Get`: false,
		`eventName:Get*`: true, `eventName:*Object`: true, `eventName:*tOb*`: true, `eventName:G?tObject`: true, `eventName:GetObject?`: false,
		`eventName:G*t*t`: true, `eventName:G*tt*t`: false, `eventName:~*OBJ?CT`: true, `eventName:*GetObject*`: true, `eventName:Get*GetObject`: false,
		`eventName:/^Get/`: true, `eventName:/tOb/`: true, `eventName:/^Object/`: false, `eventName:/(?i)^get/`: true,
		`eventName:(PutObject GetObject)`: true, `eventName:(G* -*Object)`: false, `eventName:(G* -*Bucket)`: true,
		`eventName:[A TO H]`: true, `eventName:>GetObject`: false, `eventName:>=GetObject`: true, `eventName:{A TO GetObject}`: false,
		`requestParameters.star:"a*b\\c"`: true, `requestParameters.star:a\*b\\*`: true, `requestParameters.star:a\?b*`: false,
		// Missing fields: the test fails, its negation holds.
		`errorCode:*`: false, `NOT errorCode:*`: true, `NOT errorCode:AccessDenied`: true, `errorCode:""`: false,
		`requestParameters.key:*`: true, `requestParameters.key:""`: true, `requestParameters.key:?`: false,
		// Any of several values.
		`resources.name:arn\:aws*`: true, `resources.name:"100%_sure"`: true, `resources.name:100?_*`: true, `NOT resources.name:other`: true,
		`accessKeyId:ASIA2`: true, `accessKeyId:(AKIA1 AND ASIA2)`: true,
		// Typed.
		`bytes:1500`: true, `bytes:>1500`: false, `bytes:>=1500`: true, `bytes:{1499 TO 1500]`: true, `bytes:<1500`: false,
		`sourceIPAddress:10.0.0.0/8`: true, `sourceIPAddress:10.1.2.0/30`: true, `sourceIPAddress:10.1.2.4/30`: false,
		`sourceIPAddress:::/0`: false, `sourceIPAddress:10.1.*`: true, `sourceIPAddress:[10.1.2.3 TO 10.1.2.3]`: true, `sourceIPAddress:~10.1.2.3`: true,
		`readOnly:true`: true, `readOnly:false`: false,
		`time:2026-10-01`: true, `time:<2026-10-01`: false, `time:[2026-10-01T23:59 TO 2026-10-01T23:59]`: true, `time:>-6d`: false, `time:-8d`: true,
		// Words: whole, any case, separators as written.
		`getobject`: true, `Object`: false, `198.51.100.7`: true, `198.51.100`: true, `98.51.100.7`: false, `198.51.100.`: true,
		`/ETC/passwd`: true, `etc/pass`: false, `etc/pass*`: true, `"role/my-role"`: true, `my_role`: false, `arn:aws:iam::1:role/My-Role`: true,
		`山田`: true, `山`: false, `*山*`: true, `get?bject`: true, `tobj*`: true, `*etc*passwd*`: true, `passwd*etc`: false, `ROOT`: true,
		`"eventname\":\"getobject"`: true, `- `: true,
	} {
		e, err := Parse(query)
		if err == nil {
			e, err = Check(e, fields, now)
		}
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		if got, err := Eval(e, record); got != want || err != nil {
			t.Errorf("Eval(%q) = %v, %v; want %v", query, got, err, want)
		}
	}
	if ok, err := Eval(Not{Arg: Term{Field: "a", Text: "b"}}, record); ok || err == nil || !strings.Contains(err.Error(), "not checked") {
		t.Errorf("an unchecked term evaluates to %v, %v", ok, err)
	}
}
