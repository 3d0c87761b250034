#!/usr/bin/env bash
# What subscribers get when others never read, trickle, leave and come back, or sit on tiers. Run from the top of the tree after
# `cargo build --release --workspace --bins`, on a quiet machine with two cores. Takes about 15 minutes, and readme.py makes the
# tables of it; names of parts as arguments run only these.
set -euo pipefail
here=$(dirname "$0") raw=$(dirname "$0")/raw port=${PORT:-9170}
. results/common.sh
# The same after it was killed and started again.
listen=127.0.0.1:$port
feed='sim:?symbols=500&rate=5000&seed=1'
everybody='--connections 1000 --symbols-per-connection 20 --seed 1'
bad='--stalled 5% --trickling 5% --churn 100%/min --resume'
tiers='--interval-ms 100 --tiered 20%'

start() { start_broker "$feed"; }
load() { # NAME OPTIONS...
    local name=$1
    shift
    $loadgen run --url "ws://$listen/v1/stream" $everybody --out "$raw/$name" "$@" || echo "$name: exit status $?"
    # `loadgen report` makes pages of what is kept.
    rm -f "$raw/$name/report.html"
}
watch_memory() { # NAME: resident memory, the logs' bytes and what waits for stuck connections, every five seconds from the first
    local seconds
    echo "seconds resident_mib log_mib held_kib_largest" >"$raw/$1.memory"
    for ((seconds = 0; seconds < 65; seconds += 5)); do
        curl -s "http://127.0.0.1:$port/metrics" | awk -v at="$seconds" '
            /^process_resident_memory_bytes/ { rss = $2 } /^tickcast_log_bytes/ { log_bytes = $2 }
            /^tickcast_shard_bytes_held_largest/ { if ($2 > most) most = $2 }
            END { printf "%d %.1f %.1f %.1f\n", at, rss / 1048576, log_bytes / 1048576, most / 1024 }' >>"$raw/$1.memory"
        sleep 5
    done
}
alone() { # CPU seconds of the broker in 20 s in which nobody is there, after as long as a load takes to warm up
    cpu() { curl -s "http://127.0.0.1:$port/metrics" | awk '/^process_cpu_seconds_total/ { print $2 }'; }
    sleep 3
    local before
    before=$(cpu)
    sleep 20
    echo "$(cpu) $before" | awk '{ print $1 - $2 }'
}
mixed() { # CHANNEL: with the bad ones, and without
    start
    watch_memory "mixed-$1" &
    memory=$!
    load "mixed-$1" --channel "$1" --duration 60s $bad $tiers --verify
    wait "$memory"
    stop_broker
    start
    load "good-$1" --channel "$1" --duration 60s $tiers --verify
    stop_broker
}
part() {
    case $1 in
    trades | quotes | book) mixed "$1" ;;
    tiers) for pair in 1 2 3; do
        for every in 0 100; do
            start
            load "tiers-$every-$pair" --channel quotes --duration 20s --interval-ms "$every"
            stop_broker
        done
        start
        alone >"$raw/tiers-nobody-$pair.txt"
        stop_broker
    done ;;
    busy-tiers) for pair in 1 2 3; do
        for every in 0 100; do
            start_ticks 500
            load "busy-tiers-$every-$pair" --channel quotes --publish "$ticks" --publish-symbols 500 --rate 5000 --duration 20s \
                --interval-ms "$every"
            stop_broker
        done
    done ;;
    tiers-floor)
        start_ticks 1
        $loadgen run --url "$stream" --publish "$ticks" --publish-symbols 1 --rate 10 --connections 1000 --channel quotes \
            --symbols-per-connection 1 --duration 5s --warmup 1s --floor-pairs 3 $cores --out "$raw/tiers-floor"
        rm -f "$raw/tiers-floor/report.html"
        stop_broker
        ;;
    killed)
        start
        load killed --channel quotes --duration 20s --resume --verify &
        run=$!
        sleep 10
        kill -9 "$broker"
        wait "$broker" || true
        start
        wait "$run"
        stop_broker
        ;;
    slow-reader)
        feed='sim:?symbols=20&rate=5000&seed=1' start
        for rate in 16384 1024; do taskset -c 1 python3 "$here/slow_reader.py" "$port" "$rate" 30; done | tee "$raw/slow-reader.txt"
        stop_broker
        ;;
    esac
}
for name in ${*:-trades quotes book tiers busy-tiers tiers-floor killed slow-reader}; do
    part "$name"
done
