#!/usr/bin/env bash
# The whole side-by-side benchmark: run.sh REFERENCE OURS [PART ...]; all parts by default. Each part
# is recorded in benches/record; report.py then prints the tables and draws the plots. Needs
# redis-benchmark and redis-cli in PATH or beside the reference (or REDIS_BENCHMARK, REDIS_CLI); insn
# needs valgrind. SCALE=0.1 makes it short.
set -euo pipefail
all="ab floor heavy anchors equal_load threads mem cycles insn persist replication tails"
[ $# -ge 2 ] || { echo "usage: run.sh REFERENCE OURS [PART ...], of: $all valkey" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
reference=$(realpath "$1") ours=$(realpath "$2")
shift 2
parts=${*:-$all}
scale=${SCALE:-1}

# The client tool of that name, beside the reference if it is there.
beside_reference() {
    local path
    path=$(dirname "$reference")/$1
    if [ -x "$path" ]; then echo "$path"; else echo "$1"; fi
}
export REDIS_BENCHMARK=${REDIS_BENCHMARK:-$(beside_reference redis-benchmark)}
export REDIS_CLI=${REDIS_CLI:-$(beside_reference redis-cli)}

for part in $parts; do
    case $part in
        ab | heavy | anchors | equal_load | cycles | persist | replication | tails | threads)
            "$here/record.py" "$part" "$here/$part.py" "$reference" "$ours" --scale "$scale"
            ;;
        floor)
            "${CARGO:-cargo}" build --quiet --release --manifest-path "$here/../Cargo.toml" \
                --example floor
            "$here/record.py" floor "$here/floor.py" "$reference" "$ours" --scale "$scale" \
                --floor "${CARGO_TARGET_DIR:-$here/../target}/release/examples/floor"
            ;;
        valkey) # not among all: needs VALKEY=path/to/valkey-server
            "$here/record.py" ab_valkey "$here/ab.py" "$VALKEY" "$ours" --scale "$scale"
            ;;
        mem) "$here/record.py" mem "$here/mem.sh" "$reference" "$ours" --scale "$scale" ;;
        insn)
            if ! command -v valgrind >/dev/null; then
                echo "insn left out: no valgrind" >&2
                continue
            fi
            "$here/record.py" insn_reference "$here/insn.sh" reference "$reference"
            "$here/record.py" insn_ours "$here/insn.sh" ours "$ours"
            ;;
        *) echo "unknown part $part; there are: $all valkey" >&2; exit 2 ;;
    esac
done
"$here/report.py"
