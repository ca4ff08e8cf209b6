package iam

import (
	"encoding/json"
	"os"
	"testing"
)

// TestWritePeerInput writes what the benchmarks of Decide are given, with this
// engine's verdicts, for another program to decide (tools/iam-peer/run.sh).
func TestWritePeerInput(t *testing.T) {
	path := os.Getenv("YAGURA_IAM_PEER_INPUT")
	if path == "" {
		t.Skip("YAGURA_IAM_PEER_INPUT names no file to write; tools/iam-peer/run.sh sets it")
	}
	type input struct {
		*measured
		Verdicts []string `json:"verdicts"`
	}
	var inputs []input
	for _, m := range []*measured{smallInput(), managedInput(t)} {
		in, p := input{measured: m}, m.compile(t)
		for _, r := range m.Requests {
			in.Verdicts = append(in.Verdicts, p.Decide(r).String())
		}
		inputs = append(inputs, in)
	}
	text, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
