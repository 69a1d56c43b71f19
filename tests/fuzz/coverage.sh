#!/bin/sh
# Which lines of the codec and of the parsers the fuzz corpora reach, and which the unit and prop tests do.
#
#   tests/fuzz/coverage.sh             the table and every line that neither of them reaches
#   tests/fuzz/coverage.sh --check     the fuzz targets alone; fails when a group is below its floor (coverage.py)
#
# Needs gcc and its gcov. Builds in build/coverage. What counts is what `ctest -L fuzz` runs: the seeds, then the seeded
# mutations of the smoke.
set -u

cd "$(dirname "$0")/../.." || exit 1
build=build/coverage
jobs=$(nproc 2>/dev/null || echo 2)

launcher=
if command -v ccache >/dev/null 2>&1; then
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
fi
# shellcheck disable=SC2086  # no word when there is no ccache
CC=gcc cmake -G Ninja -S . -B $build -DCMAKE_BUILD_TYPE=Coverage -DCMAKE_C_FLAGS_COVERAGE="--coverage -O0" $launcher \
    >/dev/null || exit 2

# run LABEL: runs the tests of the label and keeps what they reached as $build/LABEL.json.
run() {
    find $build -name '*.gcda' -delete
    ctest --test-dir $build -L "^($1)\$" -j "$jobs" >$build/tests.log 2>&1 || { tail -n 20 $build/tests.log; exit 1; }
    python3 tests/fuzz/coverage.py collect $build "$build/reached-$1.json" || exit 2
}

if [ "${1-}" = --check ]; then
    cmake --build $build --target fuzz_all >$build/build.log 2>&1 || { tail -n 20 $build/build.log; exit 2; }
    run fuzz
    exec python3 tests/fuzz/coverage.py check $build/reached-fuzz.json
fi
cmake --build $build >$build/build.log 2>&1 || { tail -n 20 $build/build.log; exit 2; }
run fuzz
run 'unit|prop'
exec python3 tests/fuzz/coverage.py report $build/reached-fuzz.json "$build/reached-unit|prop.json"
