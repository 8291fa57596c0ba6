#!/usr/bin/env bash
# Memory per item of two servers, one after the other: mem.sh REFERENCE OURS [options of mem.py]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 2 ] || { echo "usage: mem.sh REFERENCE OURS [--scale 1]" >&2; exit 2; }
reference=$1 ours=$2
shift 2
"$here/mem.py" "$reference" --name reference "$@"
"$here/mem.py" "$ours" --name ours "$@" | tail -n +2
