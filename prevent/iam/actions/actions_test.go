package actions

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func table(t testing.TB) *Table {
	t.Helper()
	table, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestCounts holds the committed file to what its source is known to contain.
func TestCounts(t *testing.T) {
	s := table(t).Source()
	if s.Version != "0.21.202609261" || s.Updated.Format("2006-01-02") != "2026-09-26" || s.DependentsVersion != "0.15.2" {
		t.Errorf("source is %+v", s)
	}
	got := []int{s.Services, s.Actions, s.ResourceTypes, s.RCPServices, table(t).Len()}
	if diff := cmp.Diff([]int{456, 22091, 2334, 62, 22091}, got); diff != "" {
		t.Errorf("services, actions, resource types, RCP services, length (-want +got):\n%s", diff)
	}
	perLevel := map[string]int{}
	bare := 0
	for id := range ID(table(t).Len()) {
		perLevel[table(t).Level(id)]++
		if !table(t).TakesResource(id) {
			bare++
		}
	}
	want := map[string]int{"Write": 11357, "Read": 5871, "List": 3719, "Tagging": 719, "Permissions management": 425}
	if diff := cmp.Diff(want, perLevel); diff != "" {
		t.Errorf("actions per level (-want +got):\n%s", diff)
	}
	if bare != 6724 {
		t.Errorf("%d actions take no resource, want 6724", bare)
	}
	if len(data) > 400_000 {
		t.Errorf("the embedded file has %d bytes, more than 400 kB", len(data))
	}
}

func TestAction(t *testing.T) {
	tests := []struct {
		name, level string
		resources   []string // * after required ones
		keys        []string // some of its own
		dependent   []string // some
	}{
		{"s3:GetObject", "Read", []string{"accesspointobject", "object"}, []string{"s3:ExistingObjectTag/<key>"}, nil},
		{"s3:ListAllMyBuckets", "List", nil, nil, nil},
		{"S3:PUTBUCKETPOLICY", "Permissions management", []string{"bucket*"}, nil, nil},
		{"iam:PassRole", "Write", []string{"role*"}, []string{"iam:PassedToService"}, nil},
		{"iam:CreateRole", "Write", []string{"role*"}, []string{"iam:PermissionsBoundary"}, nil},
		{"lambda:CreateFunction", "Write", []string{"function*"}, []string{"lambda:Layer"}, []string{"iam:PassRole"}},
		{"kms:Decrypt", "Write", []string{"key*"}, []string{"kms:ViaService", "kms:EncryptionContext:${EncryptionContextKey}"}, nil},
		{"ec2:CreateTags", "Tagging", nil, []string{"ec2:CreateAction"}, nil},
		{"sts:AssumeRole", "Write", []string{"role*"}, []string{"sts:ExternalId"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			id, ok := table(t).ID(test.name)
			if !ok {
				t.Fatal("not found")
			}
			a := table(t).Action(id)
			if !strings.EqualFold(table(t).Name(id), test.name) || a.ID != id {
				t.Errorf("id %d is %s, and its action says %d", id, table(t).Name(id), a.ID)
			}
			if a.Level != test.level || table(t).Level(id) != test.level {
				t.Errorf("level is %s, want %s", a.Level, test.level)
			}
			var resources []string
			if row := a.Row()[2]; row != "" {
				resources = strings.Split(row, " ")
			}
			if test.name != "ec2:CreateTags" && !slices.Equal(resources, test.resources) {
				t.Errorf("resource types are %q, want %q", resources, test.resources)
			}
			for _, key := range test.keys {
				if !a.declares(key) {
					t.Errorf("it does not declare %s", key)
				}
			}
			for _, name := range test.dependent {
				if !slices.Contains(a.Dependent, name) {
					t.Errorf("dependent actions %q lack %s", a.Dependent, name)
				}
			}
		})
	}
}

func TestLookupMisses(t *testing.T) {
	for _, name := range []string{"", ":", "s3", "s3:", "s3:GetObjec", "s3:GetObjectt", "nosuch:GetObject", "s3:Get*", "*", "\xff:\xff"} {
		if id, ok := table(t).ID(name); ok {
			t.Errorf("ID(%q) found %s", name, table(t).Name(id))
		}
	}
}

// TestIDsRoundTrip proves that every name finds its own number, in any case.
func TestIDsRoundTrip(t *testing.T) {
	tb := table(t)
	for id := range ID(tb.Len()) {
		for _, name := range []string{tb.Name(id), strings.ToUpper(tb.Name(id))} {
			if got, ok := tb.ID(name); !ok || got != id {
				t.Fatalf("ID(%q) = %d, %v; want %d", name, got, ok, id)
			}
		}
	}
	if n := testing.AllocsPerRun(100, func() { tb.ID("EC2:runinstances") }); n != 0 {
		t.Errorf("ID allocates %v times", n)
	}
}

func TestServices(t *testing.T) {
	all := table(t).Services()
	if len(all) != 456 || !slices.IsSortedFunc(all, func(a, b Service) int { return strings.Compare(a.Prefix, b.Prefix) }) {
		t.Errorf("%d services, or out of order", len(all))
	}
	s3, ok := table(t).Service("S3")
	if !ok || s3.Name != "Amazon S3" || !s3.RCP || s3.Actions < 150 {
		t.Errorf("Service(S3) = %+v, %v", s3, ok)
	}
	if iam, _ := table(t).Service("iam"); iam.RCP {
		t.Error("resource control policies do not apply to iam")
	}
	var formats []string
	for _, r := range table(t).Resources("s3") {
		formats = append(formats, r.Name+" "+r.ARN)
	}
	if want := "bucket arn:${Partition}:s3:::${BucketName}"; !slices.Contains(formats, want) {
		t.Errorf("resource types of s3 lack %q: %q", want, formats)
	}
	if table(t).Resources("nosuch") != nil || table(t).Keys("nosuch") != nil {
		t.Error("an unknown service has resource types or keys")
	}
}

func TestKey(t *testing.T) {
	tests := map[string]Key{
		"aws:principalarn":                         {"aws:PrincipalArn", "ARN", false, true},
		"aws:PrincipalTag/team/x":                  {"aws:PrincipalTag/${TagKey}", "String", false, true},
		"AWS:RequestTag/Team":                      {"aws:RequestTag/${TagKey}", "String", false, true},
		"aws:TagKeys":                              {"aws:TagKeys", "String", true, true},
		"aws:PrincipalOrgPaths":                    {"aws:PrincipalOrgPaths", "String", true, true},
		"aws:SourceIp":                             {"aws:SourceIp", "IPAddress", false, true},
		"s3:prefix":                                {"s3:prefix", "String", false, false},
		"s3:ExistingObjectTag/secret":              {"s3:ExistingObjectTag/<key>", "String", false, false},
		"kms:EncryptionContext:aws:pi:arn":         {"kms:EncryptionContext:${EncryptionContextKey}", "String", false, false},
		"kms:EncryptionContextKeys":                {"kms:EncryptionContextKeys", "String", true, false},
		"dynamodb:LeadingKeys":                     {"dynamodb:LeadingKeys", "String", true, false},
		"codebuild:fileSystemLocations/a.location": {"codebuild:fileSystemLocations/${identifier}.location", "String", false, false},
		"secretsmanager:ResourceTag/a":             {"secretsmanager:ResourceTag/tag-key", "String", false, false},
		"glacier:resourcetag/a":                    {"glacier:ResourceTag/", "String", false, false},
		"identitystore:userid":                     {"identitystore:UserId", "String", false, true},
	}
	for name, want := range tests {
		got, ok := table(t).Key(name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("Key(%q) found: %v (-want +got):\n%s", name, ok, diff)
		}
	}
	for _, name := range []string{"", "aws:", "aws:RequestTag", "aws:RequestTag/", "aws:Nothing", "s3:ExistingObjectTag/"} {
		if key, ok := table(t).Key(name); ok {
			t.Errorf("Key(%q) found %+v", name, key)
		}
	}
	if keys := table(t).Keys(""); len(keys) != len(global) {
		t.Errorf("%d global keys, want %d", len(keys), len(global))
	}
	if !slices.ContainsFunc(table(t).Keys("s3"), func(k Key) bool { return k.Name == "s3:prefix" }) {
		t.Error("the keys of s3 lack s3:prefix")
	}
}

// TestGlobalKeys holds the list to its own order and to the types that the data
// file gives for the three keys that are in both.
func TestGlobalKeys(t *testing.T) {
	seen := map[string]bool{}
	for i, key := range global {
		lower := strings.ToLower(key.Name)
		if seen[lower] || !key.Global || !slices.Contains(types, key.Type) {
			t.Errorf("key %d, %+v, is a duplicate or has an unknown type", i, key)
		}
		seen[lower] = true
	}
	for _, key := range table(t).keys[:len(table(t).keys)-len(global)] {
		if !strings.HasPrefix(key.Name, "aws:") {
			continue
		}
		if known, _ := table(t).Key(key.Name); known.Type != key.Type || known.Multi != key.Multi {
			t.Errorf("%s is %+v here and %+v in the file", key.Name, known, key)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.zst", data)
	loaded, err := Load(good)
	if err != nil {
		t.Fatal(err)
	}
	want := table(t).Source()
	want.File = good
	if diff := cmp.Diff(want, loaded.Source()); diff != "" {
		t.Errorf("source (-want +got):\n%s", diff)
	}
	if row := loaded.Source().Rows()[0]; row != [2]string{"file", good} {
		t.Errorf("first row is %q", row)
	}
	bad := map[string]struct {
		content []byte
		says    string
	}{
		"empty":     {nil, "version"},
		"text":      {[]byte("not compressed"), "zstd"},
		"truncated": {data[:len(data)/2], "damaged"},
		"flipped":   {append(bytes.Clone(data[:len(data)-3]), data[len(data)-3]^1, data[len(data)-2], data[len(data)-1]), "damaged"},
		"too big":   {make([]byte, maxPacked+1), "more than"},
	}
	for name, test := range bad {
		path := write(name, test.content)
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v; want the path and %q", name, err, test.says)
		}
	}
	if _, err := Load(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}
