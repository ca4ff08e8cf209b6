# Yagura's targets. Each is a line or two of real commands; nothing hides here.
SHELL := /bin/bash
GO ?= go
TOOL := $(GO) tool -modfile=tools/go.mod
FUZZTIME ?= 5s

.DEFAULT_GOAL := help
.PHONY: help run test check lint fmt vet build bench fuzz gen clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-7s %s\n", $$1, $$2}' Makefile

run: build ## sample organisation in, console out: http://127.0.0.1 in your browser
	bin/yagura demo --serve

test: ## what CI runs: every test under the race detector, then every fuzz target for FUZZTIME
	@tools/need.sh go compiler browser
	$(GO) run tools/testrun/main.go -fuzztime $(FUZZTIME) -- -race -shuffle=on -timeout 30m ./...

check: vet lint ## slower: vet, all linters, tests under the race detector
	$(GO) test -race -shuffle=on -timeout 30m ./...
	$(GO) -C tools test ./...

build: ## bin/yagura
	@tools/need.sh go compiler
	$(GO) build -trimpath -o bin/yagura ./cmd/yagura

vet:
	$(GO) vet ./...

lint: ## golangci-lint at the version pinned in tools/go.mod (the first run builds it: a minute or two)
	$(TOOL) golangci-lint run

fmt: ## gofumpt and gci, as the linter wants them
	$(TOOL) golangci-lint fmt

bench: build ## the lake's numbers (docs/ref/lake-performance.md), then every benchmark six times through benchstat, then the IAM engine beside a peer
	tools/bench.sh $(BENCH)
	set -o pipefail; $(GO) test -run '^$$' -bench . -benchmem -count 6 ./... | tee bin/bench.txt
	$(TOOL) benchstat bin/bench.txt
	@if command -v npm >/dev/null; then tools/iam-peer/run.sh; else echo "npm is not installed: the IAM engine is not measured beside iam-simulate"; fi

fuzz: ## every fuzz target for FUZZTIME (make fuzz FUZZTIME=5m for a long run)
	@tools/need.sh go compiler
	$(GO) run tools/testrun/main.go -fuzztime $(FUZZTIME) -fuzzonly

gen: ## regenerate generated data and docs; the result is committed
	$(GO) generate ./...

clean: ## remove built programs and the demo's data
	rm -rf bin data .sample
