#!/usr/bin/env bash
# Which version of mimalloc, and with huge pages or without: the same loads on the binaries of several directories, in turn. Run from the
# top of the tree, on a quiet machine with two cores: the broker gets one, the load generator the other. Takes about four minutes a directory;
# summary.txt is what the tables in README.md are of.
# Usage: run.sh DIRECTORY..., each named after its build, with a broker and a loadgen.
set -euo pipefail
here=$(dirname "$0") raw=$(dirname "$0")/raw
. results/common.sh
mkdir -p "$raw"

resident() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$broker/status"; }
memory() { # NAME
    start_broker "sim:?symbols=500&rate=5000&seed=1"
    $loadgen run --url "$stream" --connections 1000 --channel quotes --symbols-per-connection 20 --duration 60s --seed 1 --out "$raw/$1" >/dev/null 2>&1 &
    local load=$! early late
    sleep 10
    early=$(resident)
    sleep 48
    late=$(resident)
    wait "$load"
    stop_broker
    echo "$1: MiB after 10 and 58 s: $early $late; $(grep '^broker CPU' "$raw/$1/report.txt" | tr -s ' ')"
}
watchlists() { # NAME: the load of that name in results/2026-11-21-price
    start_ticks 1000
    $loadgen run --url "$stream" --publish "$ticks" --publish-symbols 1000 --rate 2000 --connections 1000 --channel quotes \
        --symbols-per-connection 20 --duration 3s --warmup 1s --floor-pairs 3 $cores --out "$raw/$1" >/dev/null 2>&1
    stop_broker
    echo "$1: broker / floor by pair: $(awk '/^pair / { table = 1 } table && $1 ~ /^[0-9]+$/ { printf " %s", $4 }' "$raw/$1/report.txt")"
}
for part in memory watchlists; do
    for round in 1 2 3; do
        for bin in "$@"; do
            name=$part-$(basename "$bin")-$round loadgen="taskset -c 1 $bin/loadgen"
            $part "$name"
            # Where the binaries lay on this machine does not matter, and `loadgen report` makes pages of what is kept.
            sed -i "s|$bin/|target/release/|g" "$raw/$name"/report.*
            rm -f "$raw/$name"/{report.html,*.hgrm,*.hlog}
        done
    done
done | tee "$here/summary.txt"
rm "$raw"/broker.*
