#!/usr/bin/env bash
# The same load on this broker and on other servers. Run from the top of the tree after `cargo build --release --workspace --bins`, on a
# quiet machine with two cores on which ./test.sh has installed the others. Takes two and a half minutes.
set -euo pipefail
ulimit -n 20000
exec taskset -c 1 target/release/loadgen compare --connections 1000 --rate 50 --duration 4s --rounds 3 --server-core 0 --client-core 1 \
    --out "$(dirname "$0")/raw"
