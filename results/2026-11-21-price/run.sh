#!/usr/bin/env bash
# What a delivery costs beside the floor. Run from the top of the tree after `cargo build --release --workspace --bins`, on a
# quiet machine with two cores: the broker and the floor's server get one, all else the other. Takes about 20 minutes, and
# readme.py makes the tables of it; names of parts as arguments run only these.
set -euo pipefail
here=$(dirname "$0") raw=$(dirname "$0")/raw
. results/common.sh

fixed() { # NAME SYMBOLS CONNECTIONS PER_CONNECTION RATE PAIRS [BROKER'S OPTIONS...]
    local name=$1 symbols=$2 connections=$3 each=$4 rate=$5 pairs=$6
    shift 6
    start_ticks "$symbols" "$@"
    $loadgen run --url "$stream" --publish "$ticks" --publish-symbols "$symbols" --rate "$rate" --connections "$connections" \
        --channel quotes --symbols-per-connection "$each" --duration 3s --warmup 1s --floor-pairs "$pairs" $cores --out "$raw/$name"
    stop_broker
}
saturated() { # NAME CONNECTIONS AHEAD PAIRS [BROKER'S OPTIONS...]
    local name=$1 connections=$2 ahead=$3 pairs=$4
    shift 4
    start_ticks 1 "$@"
    $loadgen saturate --url "$stream" --publish "$ticks" --ahead "$ahead" --connections "$connections" --duration 3s --warmup 1s \
        --floor-pairs "$pairs" $cores --out "$raw/$name"
    stop_broker
}
storm() { # NAME UPDATES_PER_SECOND
    start_broker "sim:?symbols=1000&rate=$2&seed=1"
    $loadgen storm --url "$stream" --seed 1 --out "$raw/$1"
    stop_broker
}
part() {
    case $1 in
    one-symbol) fixed one-symbol 1 1000 1 50 9 ;;
    fast-symbol) fixed fast-symbol 1 100 1 1000 9 ;;
    watchlists) fixed watchlists 1000 1000 20 2000 9 ;;
    many-1000) fixed many-1000 1 1000 1 45 5 ;;
    many-15000) fixed many-15000 1 15000 1 3 5 ;;
    ahead-16) saturated ahead-16 1000 16 5 ;;
    ahead-128) saturated ahead-128 1000 128 5 ;;
    ahead-16-15000) saturated ahead-16-15000 15000 16 3 ;;
    watchlists-2-shards) shards=2 fixed watchlists-2-shards 1000 1000 20 2000 5 ;;
    fast-symbol-2-shards) shards=2 fixed fast-symbol-2-shards 1 100 1 1000 5 ;;
    turn-interval) for ms in 0 1 2 5 10 20; do fixed "turn-interval-$ms" 1 100 1 1000 1 --turn-interval-ms $ms; done ;;
    storm) for n in 1 2 3; do storm "storm-$n" 500; done ;;
    memory) python3 "$here/memory.py" "$bin/broker" >"$raw/memory.md" ;;
    way-in) cargo bench -p benches --bench way_in >"$raw/way-in.txt" ;;
    esac
}
for name in ${*:-one-symbol fast-symbol watchlists many-1000 many-15000 ahead-16 ahead-128 ahead-16-15000 watchlists-2-shards \
    fast-symbol-2-shards turn-interval storm memory way-in}; do
    part "$name"
done
