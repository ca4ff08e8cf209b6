#!/usr/bin/env bash
# Measures the IAM engine beside the npm package @cloud-copilot/iam-simulate: the
# same policies and requests, one core each, three rounds in turn, the best of each.
# Both must give the same verdicts, else it fails. The package (AGPL) is installed
# outside the module and run as a program of its own; nothing of it is kept here.
#   tools/iam-peer/run.sh [VERSION]
# BENCH_DIR keeps the installation between runs (default: under the temp directory).
set -euo pipefail
cd "$(dirname "$0")/../.."
version=${1:-0.1.173}
dir=${BENCH_DIR:-${TMPDIR:-/tmp}/yagura-bench}/iam-peer-$version
mkdir -p "$dir"

if [ ! -d "$dir/node_modules/@cloud-copilot/iam-simulate" ]; then
  npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error "@cloud-copilot/iam-simulate@$version"
fi
cp tools/iam-peer/peer.mjs "$dir/peer.mjs"
go test -c -o "$dir/iam.test" ./prevent/iam
YAGURA_IAM_PEER_INPUT=$dir/input.json "$dir/iam.test" -test.run '^TestWritePeerInput$' >/dev/null

awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo 2>/dev/null || uname -m
echo "$(go version), node $(node --version), iam-simulate $version"
uptime

: >"$dir/times"
for _ in 1 2 3; do
  "$dir/iam.test" -test.run '^$' -test.bench '^BenchmarkDecide(Small|Managed)$' -test.benchtime 0.5s -test.cpu 1 |
    awk '/^Benchmark/ { sub(/^BenchmarkDecide/, ""); print "yagura", tolower($1), "Decide", $3 }' >>"$dir/times"
  node "$dir/peer.mjs" "$dir/input.json" 1 >>"$dir/times"
done

printf '%-8s %-20s %14s %14s %8s\n' input peer 'peer, dec/s' 'yagura, dec/s' ratio
awk '
  { key = $2 " " $3; if (!(key in best) || $4 < best[key]) best[key] = $4; if ($1 == "peer") peer[key] = $2 }
  END {
    for (key in peer) {
      split(key, part, " "); ours = best[peer[key] " Decide"]
      printf "%-8s %-20s %14.0f %14.0f %8.0f\n", part[1], part[2], 1e9 / best[key], 1e9 / ours, best[key] / ours
    }
  }' "$dir/times" | sort -r
