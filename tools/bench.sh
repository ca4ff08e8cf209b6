#!/usr/bin/env bash
# Measures the lake side by side in one run: generator, ingest against a native
# DuckDB file, compaction, size, queries at growing sizes, memory.
#   tools/bench.sh            0.2 and 2 million CloudTrail events, 10 million flows
#   tools/bench.sh large      10 million events too, and one file of 2 GB
#   tools/bench.sh waf        not the lake: the gateway and its rules alone
# BENCH_DIR keeps the corpora between runs (default: under the temp directory).
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${BENCH_DIR:-${TMPDIR:-/tmp}/yagura-bench}
mkdir -p "$dir"
bin=bin/yagura

waf() {
  printf '\n## %s\n' "the gateway beside a plain proxy, Coraza and ModSecurity (docs/ref/waf-performance.md)"
  go build -C tools -o ../bin/waf-bench ./waf-bench
  bin/waf-bench -yagura "$bin"
  go test -run '^$' -bench 'Inspect|Compile' -benchmem ./prevent/waf/crs
  go test -run '^$' -bench 'TwentyRules|IPSet|RegexSet' -benchmem ./prevent/waf
}
if [ "${1:-}" = waf ]; then
  waf
  exit
fi
export GOMEMLIMIT=600MiB # what the program sets for itself

say() { printf '\n## %s\n' "$*"; }
bench() { go test -run '^$' -bench "$1" -benchtime "$2" -timeout 60m "$3" | grep -E '^Benchmark' | sed -E 's/ +[0-9]+\t +[0-9]+ ns\/op//'; }
corpus() { # name, flags
  local name=$1
  shift
  if [ ! -d "$dir/$name" ]; then
    local start end
    start=$(date +%s.%N)
    "$bin" demo --out "$dir/$name" "$@" >"$dir/$name.txt" 2>&1
    end=$(date +%s.%N)
    awk -v n="$name" -v s="$start" -v e="$end" 'BEGIN { printf "%s: %.1f s\n", n, e - s }'
  fi
}
bytes() { find "$1" -type f -name "$2" ${3:+-path "$3"} -printf '%s\n' | awk '{ s += $1 } END { printf "%d", s }'; }

say "machine"
awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo
echo "$(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo), $(go version)"
uptime

say "generator (seeded logs written and compressed)"
corpus ct02 --events 200000 --seed 1
corpus ct2 --events 2000000 --seed 1
corpus fl10 --flows 10000000 --seed 1

say "ingest of 2,000,000 CloudTrail events, 2 workers"
YAGURA_BENCH_LOGS=$dir/ct2 YAGURA_BENCH_LAKE=$dir/lake-ct2 bench 'Ingest$' 1x ./ingest
say "the same rows into a native DuckDB file, a commit per object (200,000 events)"
YAGURA_BENCH_LOGS=$dir/ct02 bench 'Native$' 1x ./ingest
YAGURA_BENCH_LOGS=$dir/ct02 YAGURA_BENCH_LAKE=$dir/lake-ct02 bench 'Ingest$' 1x ./ingest
say "ingest of 10,000,000 flow records"
YAGURA_BENCH_LOGS=$dir/fl10 YAGURA_BENCH_LAKE=$dir/lake-fl10 bench 'Ingest$' 1x ./ingest

say "size after compaction, raw and word sidecars included"
gz=$(bytes "$dir/ct2" '*.json.gz')
have=$(($(bytes "$dir/lake-ct2" '*.parquet' '*/compacted/*') + $(bytes "$dir/lake-ct2" '*.words')))
awk -v a="$have" -v b="$gz" 'BEGIN { printf "CloudTrail: %.1f MB, gzip input %.1f MB, ratio %.3f, %.0f B/event\n", a/1e6, b/1e6, a/b, a/2e6 }'
awk -v a="$(bytes "$dir/lake-fl10" '*.parquet' '*/compacted/*')" 'BEGIN { printf "flows: %.1f MB, %.2f B/record\n", a/1e6, a/1e7 }'

say "queries, 2,000,000 events and 10,000,000 flows in one lake"
YAGURA_BENCH_LOGS=$dir/ct2:$dir/fl10 YAGURA_BENCH_LAKE=$dir/lake-both bench 'Ingest$' 1x ./ingest
YAGURA_BENCH_LAKE=$dir/lake-both bench Query 10x ./lake
say "the curve: 200,000 events"
YAGURA_BENCH_LAKE=$dir/lake-ct02 bench Query 10x ./lake
say "the curve: 2,000,000 events"
YAGURA_BENCH_LAKE=$dir/lake-ct2 bench Query 10x ./lake

say "process start to first answer"
mkdir -p "$dir/start" && ln -sfn ../lake-both "$dir/start/lake"
for _ in 1 2 3 4 5; do
  start=$(date +%s%N)
  "$bin" --data "$dir/start" search 'eventName:ConsoleLogin' --limit 20 >/dev/null
  echo "$((($(date +%s%N) - start) / 1000000)) ms"
done

say "detection on one core: files, unpacking and decoding included (200,000 events); then in memory"
GOMAXPROCS=1 YAGURA_BENCH_LOGS=$dir/ct02 bench 'Files$' 3x ./detect
GOMAXPROCS=1 bench 'Threat$|Reads$' 2s ./detect
GOMAXPROCS=1 bench 'Match$|Engine$' 2s ./rule
GOMAXPROCS=1 bench 'Detect$' 2s ./detect/flow
say "memory of the detectors after 1,000,000 principals"
GOMAXPROCS=1 bench 'Entities$' 1x ./detect

if [ "${1:-}" = large ]; then
  corpus ct10 --events 10000000 --seed 1
  say "the curve: 10,000,000 events"
  YAGURA_BENCH_LOGS=$dir/ct10 YAGURA_BENCH_LAKE=$dir/lake-ct10 bench 'Ingest$' 1x ./ingest
  YAGURA_BENCH_LAKE=$dir/lake-ct10 bench Query 5x ./lake
  say "one gzip file of 2 GB"
  if [ ! -d "$dir/one" ]; then
    mkdir -p "$dir/one"
    find "$dir/ct10" -name '*.json.gz' -print0 | sort -z | xargs -0 cat | head -c 2147483648 >"$dir/one/all.json.gz"
  fi
  YAGURA_BENCH_LOGS=$dir/one YAGURA_BENCH_LAKE=$dir/lake-one bench 'Ingest$' 1x ./ingest
fi
waf
