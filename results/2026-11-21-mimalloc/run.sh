#!/usr/bin/env bash
# Which version of mimalloc for the broker: the same load on a binary with each, in turn, PAIRS times.
# Usage: run.sh BROKER_V2 BROKER_V3 LOADGEN, from the folder that gets the raw output.
set -eu
v2=$1 v3=$2 loadgen=$3 pairs=${PAIRS:-5}
for pair in $(seq "$pairs"); do
    for version in v2 v3; do
        out="raw/$version-$pair"
        mkdir -p "$out"
        taskset -c 0 "${!version}" --listen 127.0.0.1:0 --feed "sim:?symbols=500&rate=10000&seed=1" >"$out/broker.txt" 2>"$out/broker.log" &
        broker=$!
        until stream=$(grep -o 'ws://.*' "$out/broker.txt"); do sleep 0.1; done
        taskset -c 1 "$loadgen" run --url "$stream" --connections 1000 --channel quotes --symbols-per-connection 20 \
            --duration 8s --warmup 4s --seed 1 --out "$out" >/dev/null 2>&1 || true
        # Where the binaries lay on this machine does not matter.
        sed -i "s|$(dirname "$loadgen")/||g" "$out"/report.*
        kill "$broker" && wait "$broker" || true
        printf '%s %s %s\n' "$version" "$pair" "$(grep -E '^broker CPU|^broker memory' "$out/report.txt" | tr -s ' ' | tr '\n' ' ')"
    done
done | tee summary.txt
