#!/usr/bin/env bash
# User-space instructions per request, counted by callgrind: repeatable to a few percent under any
# load of the machine. Two run lengths are subtracted, so that connecting and starting cancel out;
# hz 1 keeps the cron out of the rest. Prints CSV.
#
#   insn.sh NAME BINARY [CASE ...]      env: REDIS_BENCHMARK, REDIS_CLI; PORT (a free one by default)
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: insn.sh NAME BINARY [CASE ...]" >&2; exit 2; }
name=$1 binary=$(realpath "$2")
shift 2
only=" $* "
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONPATH=$here
port=${PORT:-$(python3 -c 'import common; print(common.free_port())')}
benchmark=(${REDIS_BENCHMARK:-redis-benchmark} -p "$port" -q)
cli=(${REDIS_CLI:-redis-cli} -p "$port")
dir=$(mktemp -d)

valgrind --tool=callgrind --instr-atstart=no --callgrind-out-file="$dir/callgrind" \
    "$binary" --port "$port" --save "" --appendonly no --bind 127.0.0.1 --dir "$dir" \
    --logfile "$dir/log" --hz 1 >/dev/null 2>"$dir/valgrind" &
pid=$!
trap 'kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
for _ in $(seq 300); do
    [ "$("${cli[@]}" ping 2>/dev/null)" = PONG ] && break
    kill -0 "$pid" 2>/dev/null || { tail -5 "$dir/valgrind" >&2; exit 1; }
    sleep 0.2
done
"$here/load.py" "$port" strings 10000 64

# Instructions of one run of redis-benchmark with $1 requests.
instructions() {
    rm -f "$dir"/callgrind.[0-9]*
    callgrind_control -z "$pid" >/dev/null 2>&1
    callgrind_control -i on "$pid" >/dev/null 2>&1
    "${benchmark[@]}" -n "$1" "${@:2}" >/dev/null 2>&1
    callgrind_control -d "$pid" >/dev/null 2>&1
    callgrind_control -i off "$pid" >/dev/null 2>&1
    for _ in $(seq 50); do
        total=$(grep -hm1 -E '^(totals|summary):' "$dir"/callgrind.[0-9]* 2>/dev/null | head -1) || true
        [ -n "$total" ] && break
        sleep 0.1
    done
    awk '{print $2}' <<<"$total"
}

measure() {
    local case=$1 requests=$2 few many
    shift 2
    [[ "$only" =~ ^\ *$ || "$only" == *" $case "* ]] || return 0
    # A server without the command leaves the case out.
    "${benchmark[@]}" -n 3000 "$@" >/dev/null 2>&1 || { echo "$name: left out $case" >&2; return 0; }
    few=$(instructions $((requests / 4)) "$@")
    many=$(instructions "$requests" "$@")
    awk -v name="$name" -v case="$case" -v few="$few" -v many="$many" -v n="$requests" \
        'BEGIN { printf "%s,%s,%.0f\n", name, case, (many - few) / (n - int(n / 4)) }'
}

value=$(printf 'x%.0s' $(seq 64))
echo "server,case,instructions_per_request"
measure ping-P1 10000 -c 20 PING
measure get-P1 10000 -c 20 -r 10000 GET key:__rand_int__
measure set-P1 10000 -c 20 -r 10000 SET key:__rand_int__ "$value"
measure ping-P16 32000 -c 20 -P 16 PING
measure get-P16 32000 -c 20 -P 16 -r 10000 GET key:__rand_int__
measure set-P16 32000 -c 20 -P 16 -r 10000 SET key:__rand_int__ "$value"
measure get-P100 40000 -c 20 -P 100 -r 10000 GET key:__rand_int__
measure incr-P16 32000 -c 20 -P 16 -r 10000 INCR ctr:__rand_int__
measure hset-P16 32000 -c 20 -P 16 -r 10000 HSET h f:__rand_int__ v
measure zadd-P16 32000 -c 20 -P 16 -r 10000 ZADD z __rand_int__ m:__rand_int__
measure lpush-P16 32000 -c 20 -P 16 LPUSH l xxxxxxxx
measure xadd-P16 32000 -c 20 -P 16 XADD s '*' field xxxxxxxx
measure xadd-maxlen-P16 32000 -c 20 -P 16 XADD t MAXLEN '~' 1000 '*' field xxxxxxxx
"$here/load.py" "$port" stream 200000
measure xrange-P16 8000 -c 20 -P 16 XRANGE x 1-5000 + COUNT 10
"${cli[@]}" XGROUP CREATE x g 0 >/dev/null 2>&1 || true
measure xreadgroup-P16 32000 -c 20 -P 16 XREADGROUP GROUP g c COUNT 1 STREAMS x '>'
measure eval-P16 8000 -c 20 -P 16 EVAL "return redis.call('get',KEYS[1])" 1 foo
