#!/usr/bin/env bash
# The whole side-by-side benchmark: run.sh REFERENCE OURS [ab|heavy|mem|insn|persist|replication|tails ...]; all
# by default. Each part is recorded in benches/record; report.py then prints the tables and draws
# the plots. Needs redis-benchmark and redis-cli in PATH or beside
# the reference (or REDIS_BENCHMARK, REDIS_CLI); insn needs valgrind. SCALE=0.1 makes it short.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: run.sh REFERENCE OURS [ab|heavy|mem|insn|persist|replication|tails ...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
reference=$(realpath "$1") ours=$(realpath "$2")
shift 2
parts=${*:-ab heavy mem insn persist replication tails}
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
        ab | heavy | persist | replication | tails)
            "$here/record.py" "$part" "$here/$part.py" "$reference" "$ours" --scale "$scale"
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
        *) echo "unknown part $part: ab, heavy, mem, insn, persist, replication or tails" >&2; exit 2 ;;
    esac
done
"$here/report.py"
