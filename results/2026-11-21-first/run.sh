#!/usr/bin/env bash
# What `loadgen run` prints for 1,000 and for 10,000 connections. Run from the top of the tree after
# `cargo build --release --workspace --bins`; the broker gets one core, the load generator the other.
set -eu
here=$(dirname "$0")
measure() { # CONNECTIONS UPDATES_PER_SECOND
    local out="$here/raw/$1" broker stream
    mkdir -p "$out"
    taskset -c 0 target/release/broker --listen 127.0.0.1:0 --feed "sim:?symbols=500&rate=$2&seed=1" >"$out/broker.txt" 2>"$out/broker.log" &
    broker=$!
    until stream=$(grep -o 'ws://.*' "$out/broker.txt"); do sleep 0.1; done
    taskset -c 1 target/release/loadgen run --url "$stream" --connections "$1" --channel quotes --symbols-per-connection 20 \
        --duration 20s --warmup 10s --seed 1 --out "$out"
    kill "$broker" && wait "$broker"
}
measure 1000 10000
measure 10000 1000
