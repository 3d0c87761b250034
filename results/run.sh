#!/usr/bin/env bash
# Repeats the table of the project's README: results/run.sh [SCENARIO...], on a quiet machine with two cores. Builds what it
# measures, runs each of results/scenarios (about six minutes), keeps what loadgen reports in results/DATE-scenarios, or in the
# directory that OUT names, and makes the tables of it: a README.md beside the reports, and that of the project where they lie
# in this tree. OPTIONS are added to each loadgen: OPTIONS='--connections 50 --duration 1s' is a short trial.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${OUT:-results/$(date -u +%F)-scenarios}
raw=$out/raw
mkdir -p "$raw"
[ -n "${BIN:-}" ] || cargo build --release -p broker -p loadgen
. results/common.sh
# What it takes at most, if something hangs.
seconds_max=240 failed=0

of() { # KEY FILE: what a comment of the scenario says
    sed -n "s/^# $1: //p" "$2"
}
run() { # NAME
    local file=results/scenarios/$1.toml feed publish= pin=$cores command
    feed=$(of feed "$file") command=$(of command "$file")
    case $feed in
    ticks*) start_ticks "${feed#ticks }" && publish="--publish $ticks" ;;
    *) start_broker "$feed" && pin="--seed 1" ;;
    esac
    echo "== $1"
    timeout --signal=INT --kill-after=60 "$seconds_max" $loadgen "${command:-run}" --scenario "$file" --url "$stream" $publish $pin ${OPTIONS:-} --out "$raw/$1" ||
        { echo "$1: exit status $?" >&2 && failed=1; }
    # `loadgen report` makes pages of what is kept.
    rm -f "$raw/$1/report.html"
    stop_broker
}
for name in ${*:-one-symbol watchlists lightstreamer-all lightstreamer-keys migratorydata prompt-clients slow-clients storm}; do
    run "$name"
done
rm -f "$raw/broker.txt"
[ -s "$raw/broker.log" ] || rm -f "$raw/broker.log"
python3 results/table.py "$out"
exit "$failed"
