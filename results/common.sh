# What the scripts under results share: a broker that has core 0, and all else on core 1. Whoever sources it has set `raw`, the
# directory of what is written; BIN names a directory of other binaries.
bin=${BIN:-target/release}
loadgen="taskset -c 1 $bin/loadgen"
cores="--server-core 0 --client-core 1 --seed 1"
broker= shards=1 listen=127.0.0.1:0
ulimit -n 20000
# A run that fails or is ended leaves no broker behind.
trap '[ -z "$broker" ] || kill "$broker"' EXIT

start_broker() { # FEED [OPTIONS...]: its addresses are $stream and, where it is fed by tick lines, $ticks
    local feed=$1
    shift
    : >"$raw/broker.txt"
    taskset -c 0 "$bin/broker" --listen "$listen" --log warn --feed "$feed" --shards "$shards" "$@" >"$raw/broker.txt" 2>>"$raw/broker.log" &
    broker=$!
    until grep -q stream "$raw/broker.txt"; do
        kill -0 "$broker" 2>/dev/null || { cat "$raw/broker.log" >&2; exit 1; }
        sleep 0.1
    done
    stream=$(grep -o 'ws://.*' "$raw/broker.txt")
    ticks=$(grep -o 'ticks+listen://[0-9.:]*' "$raw/broker.txt" | sed 's,.*//,,') || true
}
start_ticks() { # SYMBOLS [OPTIONS...]: a broker that is fed by tick lines
    local names
    names=$(seq -f 'S%04g' -s, 0 $(($1 - 1)))
    shift
    start_broker "ticks+listen://127.0.0.1:0?venue=acme&channels=quotes&symbols=$names" "$@"
}
stop_broker() {
    kill "$broker"
    wait "$broker" || true
    broker=
}
