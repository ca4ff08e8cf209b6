package world_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// The checks of this file are the tells by which a generated log betrays itself, as far as a program can see them.

type event struct {
	EventTime, EventID, EventName, EventSource, EventCategory, AwsRegion string
	SourceIPAddress, UserAgent, ErrorCode, RecipientAccountID            string
	EventType, RequestID                                                 string
	SessionCredentialFromConsole                                         string
	RequestParameters, ResponseElements, AdditionalEventData             map[string]any
	TLSDetails                                                           map[string]any
	UserIdentity                                                         struct {
		Type, PrincipalID, Arn, AccountID, AccessKeyID, UserName, InvokedBy string
		SessionContext                                                      struct {
			SessionIssuer struct{ PrincipalID, Arn, UserName string }
			Attributes    struct{ CreationDate, MfaAuthenticated string }
		}
	}

	at   int64
	key  string
	pos  int
	raw  string
	keys string
}

func events(t *testing.T, w *sample) []event {
	t.Helper()
	if w.events != nil {
		return slices.Clone(w.events)
	}
	var out []event
	for _, key := range w.paths {
		if !strings.Contains(key, "/CloudTrail/") {
			continue
		}
		var f struct{ Records []json.RawMessage }
		if err := json.Unmarshal(w.files[key], &f); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		for i, raw := range f.Records {
			e := event{key: key, pos: i, raw: string(raw)}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatalf("%s record %d: %v\n%s", key, i, err, raw)
			}
			var members map[string]json.RawMessage
			if err := json.Unmarshal(raw, &members); err != nil {
				t.Fatal(err)
			}
			names := make([]string, 0, len(members))
			for n := range members {
				names = append(names, n)
			}
			sort.Strings(names)
			e.keys = strings.Join(names, " ")
			at, err := time.Parse(time.RFC3339, e.EventTime)
			if err != nil {
				t.Fatalf("%s record %d: %v", key, i, err)
			}
			e.at = at.Unix()
			out = append(out, e)
		}
	}
	w.events = out
	return slices.Clone(out)
}

func share(n, of int) float64 { return float64(n) / float64(max(1, of)) }

func within(t *testing.T, what string, got, low, high float64) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%s is %.4g, want %g to %g", what, got, low, high)
	}
}

func TestTellsOfDelivery(t *testing.T) {
	w := week(t)
	list := events(t, w)
	seen := map[string]event{}
	var waits []int
	pairs, disorder, twice := 0, 0, 0
	for i, e := range list {
		minute, err := time.Parse("20060102T1504Z", strings.Split(path.Base(e.key), "_")[3])
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, int(minute.Unix()-e.at))
		if i > 0 && list[i-1].key == e.key {
			pairs++
			if list[i-1].at > e.at {
				disorder++
			}
		}
		old, ok := seen[e.EventID]
		if !ok {
			seen[e.EventID] = e
			continue
		}
		twice++
		if old.key == e.key || old.raw != e.raw || e.EventCategory != "Management" {
			t.Errorf("event %s comes twice in a wrong way: %s, %s", e.EventID, old.key, e.key)
		}
	}
	slices.Sort(waits)
	within(t, "events", float64(len(list)), 20000, 50000)
	within(t, "median of file minute - event time", float64(waits[len(waits)/2]), 120, 300)
	within(t, "95th percentile of file minute - event time", float64(waits[len(waits)*95/100]), 250, 620)
	within(t, "least file minute - event time", float64(waits[0]), 0, 120)
	within(t, "latest delivery", float64(waits[len(waits)-1]), 1200, 9000)
	within(t, "share of pairs out of order", share(disorder, pairs), 0.03, 0.30)
	within(t, "share of events delivered twice", share(twice, len(list)), 0.03, 0.3)
}

func TestTellsOfRecords(t *testing.T) {
	w := week(t)
	list := events(t, w)
	names, services, sets, types, agents, categories := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]int{}, map[string]map[string]bool{}, map[string]int{}
	failed, size := 0, 0
	account := regexp.MustCompile(`^\d{12}$`)
	assumed := regexp.MustCompile(`^AROA[A-Z2-7]{16}:.+$`)
	user := regexp.MustCompile(`^AIDA[A-Z2-7]{16}$`)
	accessKey := regexp.MustCompile(`^(AKIA|ASIA)[A-Z2-7]{16}$`)
	global := map[string]bool{"iam.amazonaws.com": true, "organizations.amazonaws.com": true, "route53.amazonaws.com": true, "cloudfront.amazonaws.com": true, "health.amazonaws.com": true, "signin.amazonaws.com": true}
	for _, e := range list {
		names[e.EventSource+e.EventName], services[e.EventSource], sets[e.keys] = true, true, true
		types[e.UserIdentity.Type]++
		categories[e.EventCategory]++
		size += len(e.raw)
		id := e.UserIdentity
		bad := func(why string) {
			t.Errorf("%s: %s", why, e.raw[:min(len(e.raw), 900)])
		}
		if e.ErrorCode != "" {
			failed++
			if e.ResponseElements != nil {
				bad("a failed call has a response")
			}
		}
		if !account.MatchString(e.RecipientAccountID) {
			bad("account")
		}
		if id.Type == "AssumedRole" && (!assumed.MatchString(id.PrincipalID) || id.SessionContext.SessionIssuer.Arn == "") || id.Type == "IAMUser" && !user.MatchString(id.PrincipalID) {
			bad("principal id")
		}
		if id.AccessKeyID != "" && !accessKey.MatchString(id.AccessKeyID) {
			bad("access key id")
		}
		if global[e.EventSource] && e.AwsRegion != "us-east-1" {
			bad("a global service outside us-east-1")
		}
		if e.TLSDetails != nil && !strings.Contains(e.SourceIPAddress, ".") || e.TLSDetails != nil && (e.SourceIPAddress == "AWS Internal" || strings.HasSuffix(e.SourceIPAddress, "amazonaws.com")) {
			bad("tlsDetails on a call inside AWS")
		}
		if e.SessionCredentialFromConsole != "" && id.SessionContext.Attributes.MfaAuthenticated == "" {
			bad("a console call without session attributes")
		}
		if e.EventSource == "s3.amazonaws.com" && e.RequestID != "" && len(e.RequestID) != 16 {
			bad("request id of S3")
		}
		if id.AccessKeyID != "" && (id.Type == "AssumedRole" || id.Type == "IAMUser") {
			if agents[id.PrincipalID] == nil {
				agents[id.PrincipalID] = map[string]bool{}
			}
			agents[id.PrincipalID][e.UserAgent] = true
		}
	}
	within(t, "event names", float64(len(names)), 300, 600)
	within(t, "services", float64(len(services)), 40, 200)
	within(t, "sets of members", float64(len(sets)), 24, 100)
	within(t, "error share", share(failed, len(list)), 0.03, 0.15)
	within(t, "bytes of a record", float64(size)/float64(len(list)), 1100, 1650)
	for _, want := range []string{"Root", "IAMUser", "AssumedRole", "AWSAccount", "AWSService", "WebIdentityUser", "SAMLUser", "FederatedUser", "IdentityCenterUser"} {
		if types[want] == 0 {
			t.Errorf("no event of identity type %s: %v", want, types)
		}
	}
	for _, want := range []string{"Management", "Data", "NetworkActivity"} {
		if categories[want] == 0 {
			t.Errorf("no event of category %s: %v", want, categories)
		}
	}
	many := 0
	for _, a := range agents {
		if len(a) > 1 {
			many++
		}
	}
	within(t, "principals with several agents", float64(many), 10, 1e6)
}

func TestTellsOfSessions(t *testing.T) {
	w := week(t)
	list := events(t, w)
	type use struct {
		first   int64
		created string
		arn     string
	}
	issued, used := map[string]int64{}, map[string]use{}
	start := w.summary.From.Unix()
	for _, e := range list {
		if c, ok := e.ResponseElements["credentials"].(map[string]any); ok {
			if k, ok := c["accessKeyId"].(string); ok {
				issued[k] = e.at
			}
		}
		id := e.UserIdentity
		if id.Type != "AssumedRole" && id.Type != "FederatedUser" || e.SessionCredentialFromConsole != "" || strings.Contains(id.Arn, "AWSReservedSSO_") {
			if id.AccessKeyID != "" {
				used[id.AccessKeyID] = use{created: "console"}
			}
			continue
		}
		u, ok := used[id.AccessKeyID]
		if !ok || e.at < u.first {
			used[id.AccessKeyID] = use{first: e.at, created: id.SessionContext.Attributes.CreationDate, arn: id.Arn}
		}
	}
	idle, orphans := 0, 0
	for k := range issued {
		if _, ok := used[k]; !ok {
			idle++
		}
	}
	for k, u := range used {
		if u.created == "console" {
			continue
		}
		created, err := time.Parse(time.RFC3339, u.created)
		if err != nil {
			t.Fatalf("key %s of %s: %v", k, u.arn, err)
		}
		at, ok := issued[k]
		switch {
		case !ok && created.Unix() >= start:
			orphans++
			t.Logf("no issue: %s %s", u.arn, u.created)
		case ok && u.first < at:
			t.Errorf("key %s of %s is used %d s before its issue", k, u.arn, at-u.first)
		case u.first-created.Unix() > 12*3600:
			t.Errorf("key %s of %s is used %d s after its creation", k, u.arn, u.first-created.Unix())
		}
	}
	within(t, "share of issued keys never used", share(idle, len(issued)), 0, 0.06)
	within(t, "keys used without an issue", float64(orphans), 0, 0)
}

func TestTellsOfKeyTwins(t *testing.T) {
	w := week(t)
	reads, twins := 0, 0
	type call struct{ key, arn string }
	objects := map[call][]int64{}
	list := events(t, w)
	for _, e := range list {
		if e.EventCategory == "Data" && e.EventSource == "s3.amazonaws.com" && e.ErrorCode == "" {
			arn := fmt.Sprintf("arn:aws:s3:::%v/%v", e.RequestParameters["bucketName"], e.RequestParameters["key"])
			c := call{e.UserIdentity.AccessKeyID, arn}
			objects[c] = append(objects[c], e.at)
			if e.EventName == "GetObject" && strings.Contains(string(fmt.Sprint(e.AdditionalEventData)), "SSE_KMS") {
				reads++
			}
		}
	}
	for _, e := range list {
		if e.EventSource != "kms.amazonaws.com" || e.SourceIPAddress != "AWS Internal" {
			continue
		}
		ctx, _ := e.RequestParameters["encryptionContext"].(map[string]any)
		arn, _ := ctx["aws:s3:arn"].(string)
		if e.EventName == "Decrypt" {
			twins++
		}
		if !slices.ContainsFunc(objects[call{e.UserIdentity.AccessKeyID, arn}], func(at int64) bool { return at-e.at <= 2 && e.at-at <= 2 }) {
			t.Errorf("a KMS call without its object: %s", e.raw)
		}
	}
	within(t, "KMS calls for each encrypted read", share(twins, reads), 0.35, 0.75)
}

func TestTellsOfTime(t *testing.T) {
	w := week(t)
	list := events(t, w)
	slices.SortStableFunc(list, func(a, b event) int { return int(a.at - b.at) })
	last, gaps, same := map[string]int64{}, 0, 0
	hours := map[int64]int{}
	seen := map[string]bool{}
	for _, e := range list {
		if seen[e.EventID] {
			continue
		}
		seen[e.EventID] = true
		if strings.Contains(e.UserIdentity.Arn, "AWSReservedSSO_") {
			if at, ok := last[e.UserIdentity.PrincipalID]; ok {
				gaps++
				if at == e.at {
					same++
				}
			}
			last[e.UserIdentity.PrincipalID] = e.at
			hours[e.at/3600]++
		}
	}
	within(t, "share of gaps below a second of people", share(same, gaps), 0.3, 0.99)
	within(t, "hours with people at work", float64(len(hours)), 35, 150)

	// The intrusion happens in office hours, begins in the company's own country, and its hour is not a quiet one.
	story := w.summary.Story
	if h := (story.From.Hour() + 9) % 24; h < 9 || h > 18 {
		t.Errorf("the intrusion begins at %d o'clock local time", h)
	}
	if !strings.Contains(string(w.all("/WAFLogs/")), `"clientIp":"`+story.Addresses[0]+`","country":"JP"`) {
		t.Errorf("the first address %s is not of the country", story.Addresses[0])
	}
}

// all joins the files whose key contains part.
func (w *sample) all(part string) []byte {
	var out []byte
	for _, key := range w.paths {
		if strings.Contains(key, part) {
			out = append(out, w.files[key]...)
		}
	}
	return out
}

func TestTellsOfWords(t *testing.T) {
	w := week(t)
	bad := []string{"AKIAIOSFODNN7EXAMPLE", "123456789012", "203.0.113.", "198.51.100.", "192.0.2.", "attacker", "malicious", "hacker", "stratus", "intruder", "decoy"}
	for _, key := range w.paths {
		for _, word := range bad {
			if bytes.Contains(w.files[key], []byte(word)) {
				t.Errorf("%s: holds %q", key, word)
			}
		}
	}
	for _, key := range w.paths {
		if strings.Contains(key, "truth") {
			t.Errorf("the truth is in the data: %s", key)
		}
	}
}
