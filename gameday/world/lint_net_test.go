package world_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTellsOfFlows(t *testing.T) {
	w := week(t)
	var lines [][]string
	status := map[string]int{}
	for _, key := range w.paths {
		if !strings.Contains(key, "/vpcflowlogs/") {
			continue
		}
		for i, line := range strings.Split(strings.TrimSuffix(string(w.files[key]), "\n"), "\n") {
			f := strings.Fields(line)
			if len(f) != 14 {
				t.Fatalf("%s line %d has %d fields: %s", key, i+1, len(f), line)
			}
			if i == 0 {
				if f[0] != "version" {
					t.Fatalf("%s has no header", key)
				}
				continue
			}
			status[f[13]]++
			lines = append(lines, f)
		}
	}
	within(t, "flow records", float64(len(lines)), 70000, 140000)
	if status["NODATA"] == 0 {
		t.Errorf("no window without data: %v", status)
	}
	reverse := map[string]bool{}
	for _, f := range lines {
		reverse[strings.Join([]string{f[2], f[4], f[3], f[6], f[5]}, " ")] = true
	}
	accepted, alone, rejected := 0, 0, 0
	for _, f := range lines {
		if f[13] != "OK" {
			continue
		}
		start, _ := strconv.ParseInt(f[10], 10, 64)
		end, _ := strconv.ParseInt(f[11], 10, 64)
		packets, _ := strconv.ParseInt(f[8], 10, 64)
		size, _ := strconv.ParseInt(f[9], 10, 64)
		if end < start || end-start > 600 || packets < 1 || size < packets*40 || size > packets*9001 {
			t.Errorf("impossible window or sizes: %v", f)
		}
		if f[7] == "6" && (f[5] == "0" || f[6] == "0") || strings.HasPrefix(f[4], "169.254.") || strings.HasPrefix(f[3], "169.254.") || strings.HasSuffix(f[4], ".0.2") && strings.HasPrefix(f[4], "10.") {
			t.Errorf("a flow that is never recorded: %v", f)
		}
		if f[12] == "REJECT" {
			rejected++
			continue
		}
		accepted++
		if !reverse[strings.Join([]string{f[2], f[3], f[4], f[5], f[6]}, " ")] {
			alone++
		}
	}
	within(t, "accepted flows without the other direction", share(alone, accepted), 0, 0.001)
	within(t, "rejected flows", float64(rejected), 1000, 40000)
}

func TestTellsOfInstances(t *testing.T) {
	w := week(t)
	born, died := map[string]int64{}, map[string]int64{}
	id := regexp.MustCompile(`"instanceId":"(i-[0-9a-f]{17})"`)
	list := events(t, w)
	for _, e := range list {
		if e.ErrorCode != "" || e.UserIdentity.InvokedBy != "autoscaling.amazonaws.com" {
			continue
		}
		m := id.FindStringSubmatch(e.raw)
		switch e.EventName {
		case "RunInstances":
			born[m[1]] = e.at
		case "TerminateInstances":
			died[m[1]] = e.at
		}
	}
	if len(born) < 8 || len(died) < 8 {
		t.Fatalf("%d instances born and %d gone: the scaling group does not live", len(born), len(died))
	}
	check := func(what, instance string, at int64) {
		if b, ok := born[instance]; ok && at < b {
			t.Errorf("%s of %s %d s before its birth", what, instance, b-at)
		}
		if d, ok := died[instance]; ok && at > d {
			t.Errorf("%s of %s %d s after its end", what, instance, at-d)
		}
	}
	for _, e := range list {
		if _, name, ok := strings.Cut(e.UserIdentity.PrincipalID, ":"); ok && strings.HasPrefix(name, "i-") && e.SourceIPAddress != w.summary.Story.Addresses[0] && e.SourceIPAddress != w.summary.Story.Addresses[1] && e.SourceIPAddress != "AWS Internal" {
			check("call", name, e.at)
		}
	}
	asked := map[string][]int64{}
	for _, key := range w.paths {
		if !strings.Contains(key, "/vpcdnsquerylogs/") {
			continue
		}
		for line := range bytes.Lines(w.files[key]) {
			var q struct {
				At   time.Time         `json:"query_timestamp"`
				Name string            `json:"query_name"`
				Type string            `json:"query_type"`
				IDs  map[string]string `json:"srcids"`
			}
			if err := json.Unmarshal(line, &q); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			check("query", q.IDs["instance"], q.At.Unix())
			who := q.IDs["instance"] + q.Name + q.Type
			asked[who] = append(asked[who], q.At.Unix())
		}
	}
	for who, times := range asked {
		slices.Sort(times)
		for i := range times[1:] {
			if times[i+1]-times[i] < 5 {
				t.Errorf("asked again while the answer was in the cache: %s after %d s", who, times[i+1]-times[i])
			}
		}
	}
}

func TestTellsOfWeb(t *testing.T) {
	w := week(t)
	alb, blockedALB := map[string]bool{}, 0
	trace := regexp.MustCompile(`"Root=([0-9a-f-]+)"`)
	fields := regexp.MustCompile(`"[^"]*"|\S+`)
	for line := range bytes.Lines(w.all("/elasticloadbalancing/")) {
		m := trace.FindSubmatch(line)
		if m == nil {
			t.Fatalf("no trace id: %s", line)
		}
		alb[string(m[1])] = true
		if f := fields.FindAll(line, -1); len(f) != 30 {
			t.Fatalf("%d fields: %s", len(f), line)
		}
		if bytes.Contains(line, []byte(`"waf" "-"`)) {
			blockedALB++
			if f := strings.Fields(string(line)); f[4] != "-" || f[9] != "-" {
				t.Errorf("a blocked request reached a target: %s", line)
			}
		}
	}
	blocked, n := 0, 0
	for line := range bytes.Lines(w.all("/WAFLogs/")) {
		var r struct {
			Action      string
			HTTPRequest struct{ RequestID string }
		}
		if err := json.Unmarshal(line, &r); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		n++
		if r.Action == "BLOCK" {
			blocked++
		}
		if !alb[r.HTTPRequest.RequestID] {
			t.Errorf("a WAF line without its ALB line: %s", line)
		}
	}
	if n != len(alb) || blocked != blockedALB || blocked < 50 {
		t.Errorf("%d WAF and %d ALB lines, %d and %d blocked", n, len(alb), blocked, blockedALB)
	}
}

func TestTellsOfFindings(t *testing.T) {
	w := week(t)
	versions := map[string]map[int]bool{}
	for line := range bytes.Lines(w.all("/GuardDuty/")) {
		var f struct {
			ID                   string
			CreatedAt, UpdatedAt time.Time
			Service              struct {
				EventFirstSeen time.Time
				Count          int
			}
		}
		if err := json.Unmarshal(line, &f); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if f.CreatedAt.Sub(f.Service.EventFirstSeen) < 5*time.Minute || f.UpdatedAt.Before(f.CreatedAt) {
			t.Errorf("a finding too soon after its cause: %s", line)
		}
		if versions[f.ID] == nil {
			versions[f.ID] = map[int]bool{}
		}
		versions[f.ID][f.Service.Count] = true
	}
	if len(versions) < 4 {
		t.Errorf("%d findings", len(versions))
	}
	for line := range bytes.Lines(w.all("/SecurityHub/")) {
		if !json.Valid(line) {
			t.Fatalf("not JSON: %s", line)
		}
	}
	for _, key := range w.paths {
		if strings.Contains(key, "/Config/") || strings.Contains(key, "/CloudTrail-Insight/") {
			if !json.Valid(w.files[key]) {
				t.Errorf("%s is not JSON", key)
			}
		}
	}
}

func TestTellsOfAccessLogs(t *testing.T) {
	w := week(t)
	fields := regexp.MustCompile(`"[^"]*"|\[[^\]]*\]|\S+`)
	n, late := 0, 0
	for _, key := range w.paths {
		if !strings.HasPrefix(key, "s3-access-logs/") {
			continue
		}
		name := key[strings.LastIndex(key, "/")+1:]
		delivered, err := time.Parse("2006-01-02-15-04-05", name[:19])
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(w.files[key]) {
			f := fields.FindAllString(strings.TrimSpace(string(line)), -1)
			if len(f) != 26 {
				t.Fatalf("%d fields: %s", len(f), line)
			}
			at, err := time.Parse("[02/Jan/2006:15:04:05 +0000]", f[2])
			if err != nil {
				t.Fatal(err)
			}
			n++
			if delivered.Sub(at) > time.Hour {
				late++
			}
			if delivered.Before(at) {
				t.Errorf("delivered before it happened: %s", line)
			}
		}
	}
	within(t, "access log lines", float64(n), 1500, 12000)
	within(t, "share later than an hour", share(late, n), 0.4, 1)
}

// TestTellsOfBytes proves that the nightly export's flows carry at least the bytes of the objects it read, and not much more.
func TestTellsOfBytes(t *testing.T) {
	w := week(t)
	read, window := map[int64]float64{}, map[int64][2]int64{}
	for _, e := range events(t, w) {
		if e.EventName != "GetObject" || !strings.Contains(e.UserIdentity.Arn, "/batch-instance-role/") || e.ErrorCode != "" {
			continue
		}
		n, _ := e.AdditionalEventData["bytesTransferredOut"].(float64)
		day := e.at / 86400
		read[day] += n
		x, ok := window[day]
		if !ok {
			x = [2]int64{e.at, e.at}
		}
		window[day] = [2]int64{min(x[0], e.at), max(x[1], e.at)}
	}
	moved := map[int64]float64{}
	for line := range bytes.Lines(w.all("/vpcflowlogs/")) {
		f := strings.Fields(string(line))
		if len(f) != 14 || f[13] != "OK" || f[5] != "443" || !strings.HasPrefix(f[3], "52.219.") && !strings.HasPrefix(f[3], "3.5.") {
			continue
		}
		at, _ := strconv.ParseInt(f[10], 10, 64)
		n, _ := strconv.ParseFloat(f[9], 64)
		if x := window[at/86400]; at >= x[0]-120 && at <= x[1]+120 {
			moved[at/86400] += n
		}
	}
	if len(read) != 7 {
		t.Fatalf("%d nights of export, want 7", len(read))
	}
	for day, n := range read {
		within(t, "flow bytes for each byte of the export", moved[day]/n, 1, 1.15)
	}
}
