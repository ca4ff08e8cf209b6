#!/usr/bin/env bash
# Checks that this machine has what a make target needs. As root on Debian or
# Ubuntu it installs what is missing; everywhere else it says what to type.
#   tools/need.sh go         the Go toolchain, new enough for go.mod
#   tools/need.sh compiler   a C and C++ compiler: DuckDB is linked through cgo
#   tools/need.sh browser    Chromium and a CJK font for the console's browser
#                            test; never fatal, that test skips and says so
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
can_install() { [ "$(id -u)" = 0 ] && have apt-get; }

updated=
install() {
  say "installing: $*"
  if [ -z "$updated" ]; then
    apt-get update -qq >&2 </dev/null
    updated=1
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 </dev/null
}

need_go() {
  local want
  want=$(awk '$1 == "go" {print $2; exit}' go.mod)
  if ! have go; then
    say "error: Go is not installed (need $want or newer)."
    say "  Install it from https://go.dev/dl/ and put its bin directory in PATH."
    exit 1
  fi
  # A Go older than 1.21 cannot fetch the toolchain that go.mod asks for.
  if ! go list -m >/dev/null 2>&1; then
    say "error: $(go version) cannot build this module (need Go $want or newer):"
    go list -m >&2 || true
    say "  Install a newer one from https://go.dev/dl/."
    exit 1
  fi
}

# The compiler must really build a C++ program: Debian's gcc package alone has
# no C++ library, and DuckDB fails only at the link step, minutes later.
compiler_works() {
  local dir ok=1
  dir=$(mktemp -d)
  printf '#include <string>\nint main() { return std::string("x").size() == 1 ? 0 : 1; }\n' >"$dir/x.cc"
  "$1" -o "$dir/x" "$dir/x.cc" >/dev/null 2>&1 && "$dir/x" || ok=
  rm -rf "$dir"
  [ -n "$ok" ]
}

# CC and CXX may carry flags ("ccache gcc"); their first word is the program.
has_compiler() {
  local cc cxx
  cc=$(go env CC) cxx=$(go env CXX)
  have "${cc%% *}" && have "${cxx%% *}" && compiler_works "${cxx%% *}"
}

need_compiler() {
  if [ "$(go env CGO_ENABLED)" = 0 ] && [ -n "${CGO_ENABLED:-}" ]; then
    say "error: CGO_ENABLED=0 is set, but DuckDB is linked through cgo. Unset it."
    exit 1
  fi
  if has_compiler; then
    return
  fi
  if can_install && install gcc g++ libc6-dev && has_compiler; then
    return
  fi
  local cc cxx
  cc=$(go env CC) cxx=$(go env CXX)
  say "error: no working C and C++ compiler ($cc, $cxx); DuckDB needs them through cgo. Install them:"
  say "  Debian, Ubuntu:  sudo apt-get install -y gcc g++"
  say "  Fedora:          sudo dnf install -y gcc gcc-c++"
  say "  macOS:           xcode-select --install"
  exit 1
}

need_browser() {
  if ! have chromium && ! have chromium-browser && ! have google-chrome && ! have headless-shell; then
    if can_install && install chromium; then :; else
      say "note: no Chromium found; the console's browser test will skip."
      say "  Debian: sudo apt-get install -y chromium fonts-noto-cjk"
      return 0
    fi
  fi
  if have fc-list && [ -n "$(fc-list :lang=ja 2>/dev/null)" ]; then
    return 0
  fi
  if ! { can_install && install fontconfig fonts-noto-cjk; }; then
    say "note: no Japanese font found; Japanese pages will show boxes in screenshots."
  fi
}

for what in "$@"; do
  case $what in
    go) need_go ;;
    compiler) need_compiler ;;
    browser) need_browser ;;
    *) say "error: need.sh knows go, compiler and browser, not '$what'."; exit 2 ;;
  esac
done
