#!/bin/sh
# Onhand beside nginx and Redis on one machine, in one run: see README.md here.
#
#   sh bench/http/run.sh [--program FILE] [--rounds N] [--seconds N] [--smoke]
#
# Writes a Markdown table to standard output, what it does to standard error.
# --smoke: one round of one second, to see that it runs. Exit code 77: a
# program it needs is missing. Ends only what it started.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
program=$top/build/release/onhand
rounds=3
seconds=8
server_core=0
load_core=1
connections=32
port_onhand=18431
port_nginx=18432
port_redis=18433

say() { printf '%s\n' "$*" >&2; }
fail() { say "run.sh: $*"; exit 1; }

while [ $# -gt 0 ]; do
    case $1 in
    --program) program=$2; shift 2 ;;
    --rounds) rounds=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --smoke) rounds=1; seconds=1; shift ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
done

for tool in nginx wrk redis-server redis-benchmark redis-cli taskset curl python3; do
    command -v "$tool" >/dev/null || { say "run.sh: $tool is missing: apt-get install nginx-light wrk redis-server util-linux curl python3"; exit 77; }
done
[ -x "$program" ] || { say "run.sh: $program is missing: build it first, or give --program"; exit 77; }
[ "$(nproc)" -ge 2 ] || { say "run.sh: two cores are needed, one for the server and one for the load"; exit 77; }

# On the disk that is measured, so not in /tmp, which may be memory.
dir=$(mktemp -d /var/tmp/onhand-bench.XXXXXX)
pids=
pid_onhand=
pid_nginx=
# shellcheck disable=SC2034
pid_redis=
finish() {
    for pid in $pids; do
        kill -CONT "$pid" 2>/dev/null || :
        kill -TERM "$pid" 2>/dev/null || :
    done
    for pid in $pids; do
        wait "$pid" 2>/dev/null || :
    done
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' INT TERM

# start NAME COMMAND...: in the background on the server's core; sets pid_NAME.
start() {
    name=$1
    shift
    taskset -c $server_core "$@" >"$dir/$name.log" 2>&1 &
    eval "pid_$name=$!"
    pids="$pids $!"
}

# wait_for NAME COMMAND...: until the command succeeds, 20 s at most.
wait_for() {
    name=$1
    shift
    tenths=0
    until "$@" >/dev/null 2>&1; do
        tenths=$((tenths + 1))
        [ $tenths -lt 200 ] || { tail -n 20 "$dir/$name.log" >&2; fail "$name does not answer"; }
        sleep 0.1
    done
}

# only NAME: the other servers stand still while this one is measured.
only() {
    server_pid=
    for server in onhand nginx redis; do
        eval "server_pid=\$pid_$server"
        if [ "$server" = "$1" ]; then kill -CONT "$server_pid"; else kill -STOP "$server_pid"; fi
    done
    sleep 0.2
}

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }

# ---------------------------------------------------------------- the data

say "demo network, and 1,000,000 pieces of every item at every node ..."
"$program" demo --out "$dir/demo" >&2
awk -F, 'FNR == 1 { next } NR == FNR { nodes[n++] = $1; next }
    BEGIN { print "sku,node,quantity,as_of" }
    { for (i = 0; i < n; i++) print $1 "," nodes[i] ",1000000,2025-01-06T05:00:00Z" }' \
    "$dir/demo/nodes.csv" "$dir/demo/items.csv" >"$dir/stock.csv"
awk -F, 'BEGIN { srand(1) } FNR == 1 { next } NR == FNR { nodes[n++] = $1; next } { skus[s++] = $1 }
    END { for (i = 0; i < 10000; i++)
        print "/v1/availability/" skus[int(rand() * s)] "?node=" nodes[int(rand() * n)] }' \
    "$dir/demo/nodes.csv" "$dir/demo/items.csv" >"$dir/targets"
item_count=$(($(wc -l <"$dir/demo/items.csv") - 1))
node_count=$(($(wc -l <"$dir/demo/nodes.csv") - 1))

# ------------------------------------------------------------- the servers

url=http://127.0.0.1:$port_onhand
mkdir "$dir/ledger" "$dir/nginx" "$dir/redis"
start onhand "$program" serve --data "$dir/ledger" --listen 127.0.0.1:$port_onhand --durability disk
wait_for onhand curl --silent --fail --max-time 2 "$url/readyz"
"$program" load --to "$url" --nodes "$dir/demo/nodes.csv" --items "$dir/demo/items.csv" \
    --groups "$dir/demo/groups.csv" --stock "$dir/stock.csv" --setup "$dir/demo/setup.ndjson" >&2

# reply_size PORT: bytes of head and body, the mean over the first 200 targets.
reply_size() {
    head -n 200 "$dir/targets" | sed "s|^|url = \"http://127.0.0.1:$1|; s|\$|\"\noutput = /dev/null|" |
        curl --silent --fail --write-out '%{size_header} %{size_download}\n' --config - |
        awk '{ sum += $1 + $2; n++ } END { if (n != 200) exit 1; printf "%d\n", sum / n + 0.5 }'
}

write_nginx_conf() {
    cat >"$dir/nginx/nginx.conf" <<CONF
daemon off; master_process off; worker_processes 1; pid $dir/nginx/pid;
events { worker_connections 1024; }
http {
    access_log off; keepalive_requests 1000000000; default_type application/json;
    client_body_temp_path $dir/nginx/1; proxy_temp_path $dir/nginx/2; fastcgi_temp_path $dir/nginx/3;
    uwsgi_temp_path $dir/nginx/4; scgi_temp_path $dir/nginx/5;
    server { listen 127.0.0.1:$port_nginx; location / { return 200 '$1'; } }
}
CONF
}

start_nginx() {
    start nginx nginx -c "$dir/nginx/nginx.conf" -e "$dir/nginx/error.log"
    wait_for nginx curl --silent --fail --max-time 2 "http://127.0.0.1:$port_nginx/"
}

# nginx's head is longer than ours; its body is cut so that both send as many bytes.
size_onhand=$(reply_size $port_onhand)
write_nginx_conf xxxxxxxxxx
start_nginx
size_nginx_10=$(reply_size $port_nginx)
kill -TERM "$pid_nginx"
wait "$pid_nginx" || :
pids=$pid_onhand
body_size=$((size_onhand - size_nginx_10 + 10))
[ $body_size -ge 1 ] || body_size=1
write_nginx_conf "$(printf "%${body_size}s" '' | tr ' ' x)"
start_nginx
size_nginx=$(reply_size $port_nginx)

start redis redis-server --port $port_redis --bind 127.0.0.1 --dir "$dir/redis" --save "" --appendonly yes \
    --appendfsync always --auto-aof-rewrite-percentage 0 --loglevel warning
redis() { redis-cli -p $port_redis "$@"; }
wait_for redis redis ping
redis eval "for s = 0, $item_count - 1 do for n = 0, $node_count - 1 do
    redis.call('HSET', string.format('s:%012d', s), n, 1000000) end end" 0 >/dev/null
script=$(redis script load "$(cat "$here/reserve.lua")")

# ---------------------------------------------------------- the measurements

# Each prints requests a second.
measure_wrk() {
    TARGETS=$dir/targets taskset -c $load_core wrk -t1 -c$connections -d"${seconds}s" \
        -s "$here/availability.lua" "http://127.0.0.1:$1" >"$dir/wrk.out"
    grep -q 'Non-2xx' "$dir/wrk.out" && fail "not all answers of port $1 were good: $(cat "$dir/wrk.out")"
    awk '/^Requests\/sec:/ { print $2 }' "$dir/wrk.out"
}

measure_reserve_onhand() {
    taskset -c $load_core "$program" bench "$url" --mode reserve --connections $connections --seconds "$seconds" \
        --seed "$1" --stock-from "$dir/stock.csv" --json >"$dir/bench.out"
    python3 -c 'import json,sys
r = json.load(sys.stdin)
assert set(r["status"]) == {"201"}, r
print(r["requests_per_second"])' <"$dir/bench.out"
}

# redis-benchmark counts requests, not seconds: $1 of them.
measure_reserve_redis() {
    taskset -c $load_core redis-benchmark -p $port_redis -c $connections -n "$1" -r "$item_count" --csv \
        evalsha "$script" 2 s:__rand_int__ "r:$2:__rand_int____rand_int____rand_int__" \
        __rand_int__ "$node_count" 1 600 >"$dir/redis.out"
    awk -F, 'NR == 2 { gsub(/"/, "", $2); print $2 }' "$dir/redis.out"
}

# record WHAT NAME COMMAND...: measures with only that server running, notes the rate and the server's share of its core.
record() {
    what=$1
    name=$2
    shift 2
    only "$name"
    eval "pid=\$pid_$name"
    ticks=$(cpu_ticks "$pid")
    began=$(date +%s%N)
    value=$("$@")
    share=$(awk "BEGIN { print ($(cpu_ticks "$pid") - $ticks) / $(getconf CLK_TCK) / (($(date +%s%N) - $began) / 1e9) }")
    printf '%s\t%s\t%s\t%s\n' "$what" "$name" "$value" "$share" >>"$dir/results"
    say "  $what $name: $value/s, server $share of a core"
}

say "warming up ..."
only redis
seconds_saved=$seconds
rate=$(measure_reserve_redis 5000 warm)
redis_count=$(awk "BEGIN { n = int($rate * $seconds_saved); print n < 1000 ? 1000 : n }")

round=1
while [ "$round" -le "$rounds" ]; do
    say "round $round of $rounds"
    # A B, then B A: what drifts with time falls on both.
    if [ $((round % 2)) -eq 1 ]; then order="onhand peer"; else order="peer onhand"; fi
    for side in $order; do
        if [ "$side" = onhand ]; then
            record available onhand measure_wrk $port_onhand
        else
            record available nginx measure_wrk $port_nginx
        fi
    done
    for side in $order; do
        if [ "$side" = onhand ]; then
            record reserve onhand measure_reserve_onhand "$round"
        else
            record reserve redis measure_reserve_redis "$redis_count" "$round"
        fi
    done
    round=$((round + 1))
done

only redis
held=$(redis zcard expiry)
[ "$held" -ge $((redis_count * rounds * 99 / 100)) ] || fail "Redis held only $held reservations"

say "done"
python3 "$here/table.py" "$dir/results" "$size_onhand" "$size_nginx" "$rounds" "$seconds"
