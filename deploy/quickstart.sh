#!/bin/sh
# From a fresh Debian 12 to a running Onhand with a demo network, then three
# curl lines to try. Safe to run again: what is done is not done twice.
#
#   sh deploy/quickstart.sh [--port N] [--data DIR] [--with-postgres] [--foreground]
#   sh deploy/quickstart.sh [--data DIR] --stop
#
# DIR (default: data/ beside the sources) gets ledger/ (what must be kept),
# demo/ (the demo files), onhand.log and onhand.pid. --with-postgres also
# installs PostgreSQL 15 and starts one of our own in DIR/postgres, which gets
# everything the ledger knows.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
port=8080
data=$top/data
action=start
with_postgres=false
ready_seconds_max=60
program=$top/build/release/onhand
sku=LGT-1008 # "Desk lamp, terracotta", which several stores around Paris have

say() { printf '%s\n' "$*"; }

fail() {
    say "quickstart: $*" >&2
    exit 1
}

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit "$1"
}

while [ $# -gt 0 ]; do
    case $1 in
    --port)
        port=${2:?"--port needs a number"}
        shift 2
        ;;
    --data)
        data=${2:?"--data needs a folder"}
        shift 2
        ;;
    --with-postgres)
        with_postgres=true
        shift
        ;;
    --foreground)
        action=foreground
        shift
        ;;
    --stop)
        action=stop
        shift
        ;;
    --help) usage 0 ;;
    *) usage 2 >&2 ;;
    esac
done

case $port in
'' | *[!0-9]*) fail "--port $port is not a number" ;;
esac

url=http://127.0.0.1:$port
pid_file=$data/onhand.pid
log_file=$data/onhand.log

# is_serving PID: whether it is a server of ours. The number may belong to another process by now, and one that
# ended but was not waited for yet has no command line.
is_serving() {
    tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -q 'onhand serve '
}

# The process of an earlier start, when it still runs.
running_pid() {
    [ -r "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    is_serving "$pid" 2>/dev/null || return 1
    printf '%s\n' "$pid"
}

stop_postgres() {
    [ ! -d "$data/postgres" ] || sh "$top/deploy/postgres_private.sh" stop "$data/postgres"
}

stop() {
    pid=$(running_pid) || { say "Onhand is not running on $data"; stop_postgres; return 0; }
    kill -TERM "$pid"
    tenths=0
    while is_serving "$pid" 2>/dev/null; do
        [ $tenths -lt 300 ] || fail "process $pid has not ended within 30 s of SIGTERM"
        tenths=$((tenths + 1))
        sleep 0.1
    done
    rm -f "$pid_file"
    stop_postgres
    say "Onhand has stopped; its data stays in $data"
}

build() {
    say "Building (build/release) ..."
    mkdir -p "$top/build/release"
    build_log=$top/build/release/quickstart.log
    (cd "$top" && cmake --preset release && cmake --build --preset release --target onhand) >"$build_log" 2>&1 ||
        { tail -n 30 "$build_log" >&2; fail "the build failed; all of it is in $build_log"; }
}

wait_ready() {
    tenths=0
    until curl --silent --fail --max-time 2 --output /dev/null "$url/readyz"; do
        [ -d "/proc/$(cat "$pid_file")" ] || { tail -n 20 "$log_file" >&2; fail "the server has ended; see $log_file"; }
        [ $tenths -lt $((ready_seconds_max * 10)) ] || fail "not ready after $ready_seconds_max s; see $log_file"
        tenths=$((tenths + 1))
        sleep 0.1
    done
}

# Sets postgres_uri; empty: none.
start_postgres() {
    postgres_uri=
    $with_postgres || return 0
    sh "$top/deploy/install_packages.sh" "$top/deploy/packages-postgres.txt"
    say "Starting a PostgreSQL of our own in $data/postgres ..."
    postgres_uri=$(sh "$top/deploy/postgres_private.sh" start "$data/postgres") || fail "no PostgreSQL"
}

# Everything that was loaded is in the tables; seconds at most.
wait_projected() {
    $with_postgres || return 0
    tenths=0
    until curl --silent --max-time 2 "$url/readyz" | grep -q '"state":"following","seq":[0-9]*,"lag_records":0,'; do
        [ $tenths -lt 600 ] || fail "PostgreSQL is not up to date after 60 s: $(curl --silent "$url/readyz")"
        tenths=$((tenths + 1))
        sleep 0.1
    done
}

start() {
    mkdir -p "$data/ledger"
    if running_pid >/dev/null; then
        curl --silent --max-time 5 --output /dev/null "$url/healthz" ||
            fail "process $(running_pid) serves $data already, but not on port $port; end it with --stop"
        say "Onhand is running already, process $(running_pid)"
    else
        curl --silent --max-time 2 --output /dev/null "$url/healthz" &&
            fail "something else answers on port $port; choose another with --port"
        # In a session of its own, so that closing this terminal does not reach it.
        setsid "$program" serve --data "$data/ledger" --listen "127.0.0.1:$port" --postgres "$postgres_uri" \
            >>"$log_file" 2>&1 &
        printf '%s\n' $! >"$pid_file"
    fi
    wait_ready
}

load_demo() {
    if curl --silent --fail --max-time 5 --output /dev/null "$url/v1/channels/web"; then
        say "The demo network is loaded already"
        return 0
    fi
    say "Loading the demo network: 60 stores in French towns, 2 warehouses, 2,000 items ..."
    demo=$data/demo
    "$program" demo --out "$demo"
    "$program" load --to "$url" --nodes "$demo/nodes.csv" --items "$demo/items.csv" \
        --groups "$demo/groups.csv" --stock "$demo/stock.csv" --setup "$demo/setup.ndjson"
}

check_get() {
    curl --silent --show-error --fail --max-time 5 "$1" || fail "no good answer from $1"
}

show() {
    where="$url/v1/availability/$sku?channel=web"
    near="$url/v1/availability/$sku?near=48.8566,2.3522&radius_km=50"
    where_answer=$(check_get "$where")
    near_answer=$(check_get "$near")
    case $near_answer in
    *'"node"'*) ;;
    *) fail "nobody near has $sku: $near_answer" ;;
    esac
    basket="{\"channel\":\"web\",\"destination\":{\"lat\":48.8566,\"lon\":2.3522},\"lines\":[{\"sku\":\"$sku\",\"quantity\":1}]}"
    promise=$(curl -sS --max-time 5 -H 'content-type: application/json' -d "$basket" "$url/v1/promises")
    case $promise in
    *'"option"'*) ;;
    *) fail "no way to have $sku: $promise" ;;
    esac
    body="{\"kind\":\"collect\",\"channel\":\"web\",\"ttl_seconds\":900,\"lines\":[{\"line\":1,\"sku\":\"$sku\",\"quantity\":1}]}"
    cat <<TEXT

Onhand runs on $url, process $(running_pid), log in $log_file.
Stop it with: sh deploy/quickstart.sh --stop$([ "$data" = "$top/data" ] || printf ' --data %s' "$data")

Where is it?
  curl -s '$where'
  $where_answer

Reserve it:
  curl -s -X POST '$url/v1/reservations' -H 'content-type: application/json' -d '$body'

Who has it near me?
  curl -s '$near'
  $near_answer

When can I have it?
  curl -s '$url/v1/promises' -H 'content-type: application/json' -d '$basket'
  $(printf '%s' "$promise" | cut -c 1-240) ...
TEXT
}

show_postgres() {
    $with_postgres || return 0
    cat <<TEXT

What is in PostgreSQL?
  psql '$postgres_uri' -c "SELECT node, sellable, held, confirmed FROM onhand.position WHERE sku = '$sku'"
TEXT
}

if [ "$action" = stop ]; then
    stop
    exit 0
fi
sh "$top/deploy/install_packages.sh" "$top/deploy/packages.txt"
build
start_postgres
start
load_demo
wait_projected
show
show_postgres
if [ "$action" = foreground ]; then
    trap 'stop' INT TERM
    say "Press Ctrl-C to stop."
    while running_pid >/dev/null; do
        sleep 1
    done
fi
