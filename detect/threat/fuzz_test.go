package threat

import (
	"slices"
	"strings"
	"testing"

	"github.com/yagura-sec/yagura"
	"github.com/yagura-sec/yagura/ocsf"
	"github.com/yagura-sec/yagura/source/cloudtrail"
)

// maxDerived bounds what a derived field may give for one event: values and
// bytes.
const maxDerived = 5000

// all asks every field and every state about an event.
func all(t *testing.T, d *Detector, ev *ocsf.Event) {
	t.Helper()
	d.prepare("cloudtrail", ev)
	for name, f := range d.fields.Map() {
		if got := f(ev); len(got) > maxDerived {
			t.Fatalf("%s gives %d values", name, len(got))
		}
	}
	d.Detect("cloudtrail", []ocsf.Event{*ev}, func(*yagura.Finding) {})
	if d.stats.Panics != 0 {
		t.Fatal("a panic was contained")
	}
}

// operations are those whose requests are read.
func operations() []string {
	out := []string{"AuthorizeSecurityGroupIngress", "RunInstances", "DeleteUser", "AssumeRole", "SwitchRole", "UpdateFunctionCode20150331v2", "PutEventSelectors"}
	for op := range grants {
		out = append(out, op)
	}
	slices.Sort(out)
	return out
}

func FuzzFields(f *testing.F) {
	f.Add(`{"policyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":[\"*\"]}]}"}`, "aws-cli/2", "i-0abcdef1234567890", byte(3))
	f.Add(`{"bucketPolicy":{"Statement":{"Principal":{"AWS":["1"]},"Condition":{"x":{"y":["z",1,null]}}}}}`, "[x_1", "a@b", byte(3))
	f.Add(`{"ipPermissions":{"items":[{"fromPort":-1,"toPort":99999999999,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}`, "kali", "", byte(3))
	f.Add(`{"userData":"H4sIAAAAAAAA/w=="}`, "\xff\xfe", "\x00", byte(3))
	f.Add(`{"policyDocument":"%7B%22Statement%22:%zz"}`, strings.Repeat("(", 500), "i-", byte(3))
	f.Add(strings.Repeat(`{"policy":`, 400)+"1"+strings.Repeat("}", 400), "", "", byte(3))
	d := detector(f, Config{Places: world{}}, coded())
	ops := operations()
	f.Fuzz(func(t *testing.T, request, agent, session string, which byte) {
		for i := range 3 {
			op := ops[(int(which)+i*17)%len(ops)]
			ev := ocsf.Event{
				Time: int64(i) * 1000, Class: ocsf.APIActivity, Status: ocsf.StatusSuccess, UID: op, Account: "111122223333",
				User:    ocsf.User{Type: "AssumedRole", UID: "arn:aws:sts::111122223333:assumed-role/r/" + session, Account: "111122223333", Credential: "ASIA" + session},
				Session: ocsf.Session{UID: session}, API: ocsf.API{Operation: op, Service: "lambda.amazonaws.com"},
				HTTP: ocsf.HTTP{Agent: agent}, Request: request, Response: request, Raw: request,
			}
			ev.Src.IP = "1.2.3.4"
			if i%2 == 0 {
				ev.API.Service = "ec2.amazonaws.com"
			}
			all(t, d, &ev)
		}
	})
}

// Records made to exhaust are read in bounded time and memory.
func TestHostileRecords(t *testing.T) {
	d := detector(t, Config{Places: world{}}, coded())
	huge := strings.Repeat("A", 10<<20)
	for name, request := range map[string]string{
		"a text of 10 MB":            `{"policyDocument":"` + huge + `","userName":"` + huge + `"}`,
		"a policy of 10 MB":          `{"policyDocument":"{\"Statement\":[\"` + huge + `\"]}"}`,
		"a million statements":       `{"bucketPolicy":{"Statement":[` + strings.Repeat(`{"Effect":"Allow","Principal":"*"},`, 100_000) + `{}]}}`,
		"a million ranges":           `{"ipPermissions":{"items":[` + strings.Repeat(`{"fromPort":0,"toPort":99,"ipProtocol":"tcp","cidrIp":"0.0.0.0/0"},`, 50_000) + `{}]}}`,
		"nested to the limit":        strings.Repeat(`{"policy":`, 500) + `"0.0.0.0/0"` + strings.Repeat("}", 500),
		"nested beyond":              strings.Repeat(`[`, 100_000) + strings.Repeat("]", 100_000),
		"lists in lists of policies": `{"policy":` + strings.Repeat(`[{"policy":`, 200) + `"Statement"` + strings.Repeat("}]", 200) + `}`,
		"no UTF-8":                   "{\"policyDocument\":\"\xff\xfe\",\"userName\":\"\xc0\xaf\"}",
	} {
		for i, op := range operations() {
			if len(request) > 1<<20 && i%8 != 0 {
				continue // a sample
			}
			ev := ocsf.Event{
				Time: 1, Class: ocsf.APIActivity, Status: ocsf.StatusSuccess, UID: name + op, Account: "111122223333",
				User: ocsf.User{Type: "IAMUser", UID: "arn:aws:iam::111122223333:user/" + huge[:1000]}, API: ocsf.API{Operation: op, Service: "iam.amazonaws.com"},
				HTTP: ocsf.HTTP{Agent: huge}, Request: request, Response: request, Raw: request,
			}
			ev.Src.IP = "1.2.3.4"
			all(t, d, &ev)
		}
		// Decoded as a record it is the same, or an error.
		if src, err := cloudtrail.New().Open(yagura.Input{Body: strings.NewReader(record(alice, "iam", "PutUserPolicy", request))}); err == nil {
			var ev ocsf.Event
			if src.Next(&ev) == nil {
				all(t, d, &ev)
			}
		}
	}
}
