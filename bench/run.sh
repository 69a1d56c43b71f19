#!/bin/sh
# Builds the release and compares it with its peers: a table and a plot, see README.md.
#
#   sh bench/run.sh [--only Q,..] [--rounds N] [--seconds S] [--positions N] [--peers DIR] [--out DIR] [--smoke]
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
cmake --preset release >/dev/null
cmake --build --preset release --target onhand bench_engine >&2
exec python3 -B bench/run.py --build build/release "$@"
