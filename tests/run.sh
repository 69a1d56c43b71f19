#!/bin/sh
# Builds Onhand and runs every test. The last line is "N passed, N failed", with
# ", N skipped" when some were; the exit code is 0 only when tests ran and none failed.
#
#   sh tests/run.sh                  preset dev, all tests
#   sh tests/run.sh --sanitizers     then unit, prop, sim and integration under ASan+UBSan, and what has threads under TSan
set -u

cd "$(dirname "$0")/.." || exit 1

presets=dev
case "${1-}" in
"") ;;
--sanitizers) presets="dev asan tsan" ;;
*)
    echo "usage: sh tests/run.sh [--sanitizers]" >&2
    exit 2
    ;;
esac

jobs=$(nproc 2>/dev/null || echo 2)
at_once=$((jobs + 1)) # tests: there is always one that waits for a disk or a deadline
passed=0
failed=0
skipped=0

finish() {
    [ $((passed + failed)) -gt 0 ] || failed=1
    if [ "$skipped" -gt 0 ]; then
        echo "$passed passed, $failed failed, $skipped skipped"
    else
        echo "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ]
    exit
}

# give_up WHY: counts as one failure, so that the last line tells the truth.
give_up() {
    echo "$1" >&2
    failed=$((failed + 1))
    finish
}

trap 'give_up "stopped before the end"' INT TERM

# ThreadSanitizer of gcc 12 cannot place its shadow memory under some address layouts.
run_as_preset() {
    preset=$1
    shift
    if [ "$preset" = tsan ] && setarch -R true 2>/dev/null; then
        setarch -R "$@"
    else
        "$@"
    fi
}

# attribute NAME FILE: a number in the head of a JUnit report.
attribute() {
    sed -n "s/^[[:space:]]*$1=\"\([0-9][0-9]*\)\".*/\1/p; s/.*<testsuite.* $1=\"\([0-9][0-9]*\)\".*/\1/p" "$2" | head -n 1
}

count_report() {
    all=$(attribute tests "$1")
    bad=$(attribute failures "$1")
    off=$(attribute skipped "$1")
    disabled=$(attribute disabled "$1")
    if [ -z "$all" ] || [ -z "$bad" ] || [ -z "$off" ]; then
        give_up "no test report of preset $preset"
    fi
    off=$((off + ${disabled:-0}))
    passed=$((passed + all - bad - off))
    failed=$((failed + bad))
    skipped=$((skipped + off))
}

run_preset() {
    preset=$1
    report=build/$preset/tests.xml
    mkdir -p "build/$preset"
    rm -f "$report"
    echo "== preset $preset"
    launcher=
    if command -v ccache >/dev/null 2>&1; then
        launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
    fi
    # shellcheck disable=SC2086  # no word when there is no ccache
    cmake --preset "$preset" $launcher >"build/$preset/configure.log" 2>&1 ||
        { cat "build/$preset/configure.log"; give_up "preset $preset does not configure"; }
    cmake --build --preset "$preset" --parallel "$jobs" || give_up "preset $preset does not build"
    run_as_preset "$preset" ctest --preset "$preset" --parallel "$at_once" --output-junit "$PWD/$report" || true
    count_report "$report"
}

sh deploy/install_packages.sh deploy/packages.txt deploy/packages-test.txt || give_up "packages are missing"
for name in $presets; do
    run_preset "$name"
done
finish
