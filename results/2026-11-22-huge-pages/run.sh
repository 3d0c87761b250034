#!/usr/bin/env bash
# Huge pages for the broker's heap or not: the same load on a binary with each, in turn, PAIRS times.
# Usage: run.sh BROKER_WITH BROKER_WITHOUT LOADGEN, from the folder that gets the raw output.
set -eu
with=$1 without=$2 loadgen=$3 pairs=${PAIRS:-3}
resident() { awk '/^VmRSS/ { printf "%.1f", $2 / 1024 }' "/proc/$1/status"; }
for pair in $(seq "$pairs"); do
    for pages in with without; do
        out="raw/$pages-$pair"
        mkdir -p "$out"
        : >"$out/broker.txt"
        taskset -c 0 "${!pages}" --listen 127.0.0.1:0 --feed "sim:?symbols=500&rate=5000&seed=1" >"$out/broker.txt" 2>"$out/broker.log" &
        broker=$!
        until stream=$(grep -o 'ws://.*' "$out/broker.txt"); do sleep 0.1; done
        taskset -c 1 "$loadgen" run --url "$stream" --connections 1000 --channel quotes --symbols-per-connection 20 \
            --duration 40s --seed 1 --out "$out" >/dev/null 2>&1 &
        load=$!
        sleep 10
        early=$(resident "$broker")
        sleep 28
        late=$(resident "$broker")
        wait "$load" || true
        # Where the binaries lay on this machine does not matter, and `loadgen report` makes pages of what is kept.
        sed -i "s|$(dirname "$loadgen")/||g" "$out"/report.*
        rm -f "$out/report.html"
        kill "$broker" && wait "$broker" || true
        rm "$out"/broker.*
        printf '%s %s MiB after 10 and 38 s: %s %s; %s\n' "$pages" "$pair" "$early" "$late" "$(grep '^broker CPU' "$out/report.txt" | tr -s ' ')"
    done
done | tee summary.txt
