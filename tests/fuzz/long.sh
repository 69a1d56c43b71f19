#!/bin/sh
# Fuzzes for long with libFuzzer under ASan and UBSan, one target after the other.
#
#   tests/fuzz/long.sh all 3600           an hour for each target
#   tests/fuzz/long.sh rows,http 600      ten minutes for each of two
#
# Needs clang and libclang-rt-14-dev. In build/fuzz: found/TARGET/ keeps what a target has learnt from run to run,
# logs/TARGET.log is its last run, runs.tsv has a line for each run there was; their sums are printed at the end.
# A failure stops nothing but its own target; its input is kept and the command that repeats it is printed.
set -u

cd "$(dirname "$0")/../.." || exit 1
if [ $# -ne 2 ] || ! [ "$2" -gt 0 ] 2>/dev/null; then
    echo "usage: tests/fuzz/long.sh TARGET[,TARGET...]|all SECONDS" >&2
    exit 2
fi
build=build/fuzz
programs=$build/tests/fuzz
seconds=$2
known=$(sed -n 's/^onhand_fuzz(NAME fuzz_\([a-z_]*\).*/\1/p' tests/fuzz/CMakeLists.txt)
targets=$known
[ "$1" = all ] || targets=$(echo "$1" | tr , ' ')
failed=0

launcher=
if command -v ccache >/dev/null 2>&1; then
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
fi
# shellcheck disable=SC2086  # no word when there is no ccache
CC=clang cmake -G Ninja -S . -B $build -DCMAKE_BUILD_TYPE=Debug -DONHAND_LIBFUZZER=ON $launcher >/dev/null || exit 2
mkdir -p $build/found $build/logs
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)

# number NAME FILE: the last "stat::NAME: n" of a log.
number() {
    sed -n "s/^stat::$1: *\([0-9][0-9]*\)$/\1/p" "$2" | tail -n 1
}

run_target() {
    program=$programs/fuzz_$1
    log=$build/logs/$1.log
    found=$build/found/$1
    cmake --build $build --target "fuzz_$1" >"$log" 2>&1 || { cat "$log"; exit 2; }
    mkdir -p "$found"
    echo "$1: $seconds seconds"
    started=$(date +%s)
    verdict=clean
    if ! "$program" -max_total_time="$seconds" -max_len=4096 -timeout=30 -rss_limit_mb=2560 -print_final_stats=1 \
        -verbosity=1 -artifact_prefix="$found.failure-" -dict="tests/fuzz/dict/$1.dict" \
        "$found" "tests/fuzz/corpus/$1" >"$log" 2>&1; then
        verdict=FAILED
        failed=1
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "$1 FAILED; repeat with: $program $input" >&2
    fi
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$(($(date +%s) - started))" "$(number number_of_executed_units "$log")" \
        "$commit" "$verdict" >>$build/runs.tsv
}

for target in $targets; do
    if ! echo "$known" | grep -qx "$target"; then
        echo "there is no target '$target'; there are: $(echo "$known" | tr '\n' ' ')" >&2
        exit 2
    fi
    run_target "$target"
done

awk -F '\t' '
    { seconds[$1] += $2; executions[$1] += $3; runs[$1]++; bad[$1] += $5 != "clean" }
    END {
        printf "%-10s %5s %8s %12s %7s\n", "target", "runs", "minutes", "executions", "failed"
        for (target in runs)
            printf "%-10s %5d %8.1f %12d %7d\n", target, runs[target], seconds[target] / 60, executions[target], \
                bad[target] | "sort"
    }' $build/runs.tsv
exit $failed
