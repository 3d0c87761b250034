#!/usr/bin/env bash
# Sets up what it needs, builds everything and runs every test. Takes no arguments; needs Rust, and
# on Debian the right to install packages. The last line is `N passed, N failed, N skipped`, and the
# exit status is 1 if anything failed. Full logs of the stages lie in target/test-logs.
set -uo pipefail
cd "$(dirname "$0")" || exit 1

LOGS=target/test-logs
VENV=.test-env
export TICKCAST_BIN_DIR="$PWD/target/release"
# What is built once is built a fifth cheaper without what would make the next build cheaper.
export CARGO_INCREMENTAL=0
passed=0 failed=0 skipped=0
failures=()
mkdir -p "$LOGS"

main() {
    stage "set-up: system packages" show_all system_packages
    stage "set-up: Rust components" show_all rust_components
    stage "set-up: Python environment" show_all python_environment
    [ ! -f tests/package.json ] || stage "set-up: npm packages" show_all npm_packages

    stage "format" show_all cargo fmt --all --check
    stage "lints" show_problems cargo clippy --workspace --all-targets --quiet -- -D warnings
    # Many of them wait for sockets and clocks.
    stage "Rust and doc tests" show_cargo env RUST_TEST_THREADS=4 cargo test --workspace --no-fail-fast -- --show-output
    stage "loom models" show_cargo loom_models
    if stage "release build" show_problems cargo build --release --workspace --bins; then
        stage "instruction counts" show_all benches/counts.py
        # Most of their time they wait for what is replayed at its pace.
        stage "end-to-end tests" show_all end_to_end -n 6 -m "not alone"
        stage "end-to-end tests by themselves" show_all end_to_end -m alone
        stage "JavaScript tests" show_node node_tests
    fi
    finish
}

# stage NAME FILTER COMMAND...: runs the command, keeps its whole output, shows what FILTER lets
# through, and adds up the tests that it reports. A command that fails without a failed test counts
# as one.
stage() {
    local name=$1 filter=$2 log status outcome=ok before=$failed start=$SECONDS
    log="$LOGS/$(tr -cs 'A-Za-z0-9\n' '-' <<<"$name").log"
    shift 2
    printf '\n=== %s\n' "$name"
    "$@" 2>&1 | tee "$log" | "$filter"
    status=${PIPESTATUS[0]}
    count "$log"
    if [ "$status" -ne 0 ]; then
        [ "$failed" -gt "$before" ] || failed=$((failed + 1))
        outcome=FAILED
        failures+=("$name: exit status $status, see $log")
        [ "$filter" = show_all ] || tail -n 40 "$log"
    fi
    printf '=== %s: %s, %d s\n' "$name" "$outcome" $((SECONDS - start))
    return "$status"
}

# Adds up the results in a log, whichever of the runners wrote it. A Rust test that lacks a
# recording says so and passes: it counts as skipped.
count() {
    local sums p f s
    sums=$(awk '
        /^test result: / { p += $4; f += $6; s += $8 }
        /^---- .* ----$/ { said = 0 }
        /^SKIPPED: / && !said { said = 1; rust++ }
        /^# pass [0-9]+$/ { p += $3 } /^# fail [0-9]+$/ { f += $3 } /^# skipped [0-9]+$/ { s += $3 }
        /^=+ .* in [0-9.]+s.* =+$/ {
            for (i = 2; i < NF; i++) {
                if ($(i + 1) ~ /^passed/) p += $i
                if ($(i + 1) ~ /^(failed|errors?)/) f += $i
                if ($(i + 1) ~ /^skipped/) s += $i
            }
        }
        END { print p - rust + 0, f + 0, s + rust + 0 }' "$1")
    read -r p f s <<<"$sums"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
}

finish() {
    printf '\n'
    for failure in ${failures+"${failures[@]}"}; do printf 'FAILED %s\n' "$failure"; done
    printf 'took %d s\n' "$SECONDS"
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

show_all() { cat; }
show_problems() { grep --line-buffered -E '^(error|warning)|^ +-->' || true; }
show_cargo() {
    local shown="^( +Running| +Doc-tests|test result|error|warning|SKIPPED)|FAILED|panicked"
    grep --line-buffered -E "$shown" || true
}
show_node() {
    local shown="^(not ok|# (pass|fail|skipped|Subtest))|SKIPPED|rror"
    grep --line-buffered -E "$shown" || true
}

# What Debian has to bring: a C compiler for two libraries, Python's venv, Node.js, Chromium for the
# tests of the page, valgrind to count instructions, and the servers of `loadgen compare`. Only what
# is missing is installed.
system_packages() {
    local missing=() server
    command -v cc >/dev/null || missing+=(build-essential)
    python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3 python3-venv)
    command -v node >/dev/null || missing+=(nodejs)
    command -v npm >/dev/null || missing+=(npm)
    command -v chromium >/dev/null || missing+=(chromium)
    command -v valgrind >/dev/null || missing+=(valgrind)
    for server in nats-server mosquitto; do
        PATH="$PATH:/usr/sbin" command -v "$server" >/dev/null || missing+=("$server")
    done
    if [ ${#missing[@]} -eq 0 ]; then
        echo "nothing is missing"
        return
    fi
    echo "installing ${missing[*]}"
    command -v apt-get >/dev/null ||
        complain "apt-get is not here: install ${missing[*]} by hand" || return
    as_root apt-get update -q >/dev/null || complain "apt-get update failed" || return
    as_root apt-get install -yq --no-install-recommends "${missing[@]}" >/dev/null ||
        complain "apt-get could not install ${missing[*]}" || return
    for server in "${missing[@]}"; do
        case $server in nats-server | mosquitto) stop_service "$server" ;; esac
    done
}

# Debian starts the servers that it installs; those of a comparison are started by it.
stop_service() {
    if [ -d /run/systemd/system ]; then
        as_root systemctl disable --quiet --now "$1" >/dev/null 2>&1
    else
        as_root service "$1" stop >/dev/null 2>&1
    fi || true
}

as_root() {
    local sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    timeout 600 ${sudo+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive "$@"
}

rust_components() {
    command -v cargo >/dev/null || complain "cargo is not here: install Rust first" || return
    cargo --version
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy || complain "rustfmt and clippy are missing"
    fi
}

python_environment() {
    local wanted=(tests/requirements.txt tests/requirements-clients.txt)
    if ! cat "${wanted[@]}" | cmp -s - "$VENV/installed.txt"; then
        rm -rf "$VENV"
        python3 -m venv "$VENV" || complain "python3 -m venv failed" || return
        # One of the clients is compiled, which need not be thorough; and most of what is large is never imported.
        CFLAGS=-O0 timeout 300 "$VENV/bin/pip" install --quiet --disable-pip-version-check \
            --no-deps --no-compile "${wanted[@]/#/-r}" ||
            complain "pip could not install ${wanted[*]}" || return
        cat "${wanted[@]}" >"$VENV/installed.txt"
    fi
    "$VENV/bin/python" --version
}

end_to_end() {
    "$VENV/bin/pytest" -c tests/e2e/pytest.ini tests/e2e "$@"
}

npm_packages() {
    cd tests || return
    timeout 300 npm ci --no-audit --no-fund --loglevel=error ||
        complain "npm could not install tests/package.json"
}

# The lock-free table under loom's scheduler; a target directory of its own, since the flag would
# otherwise rebuild everything twice.
loom_models() {
    RUSTFLAGS="--cfg loom" cargo test -p table --release --no-fail-fast --target-dir target/loom \
        --config 'profile.release.lto="off"' --config profile.release.codegen-units=16
}

# The files share a machine with a browser, so they run one after the other.
node_tests() {
    local files=()
    mapfile -t files < <(find tests/node tests/page -name '*.test.js' 2>/dev/null | sort)
    [ ${#files[@]} -gt 0 ] || complain "no JavaScript tests found" || return
    node --test --test-concurrency=1 --test-reporter=tap "${files[@]}"
}

complain() {
    echo "$*" >&2
    return 1
}

main "$@"
