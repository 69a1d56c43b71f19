#!/bin/sh
# How many branches of src/core its own tests take, file by file, and which they do not: core.py says what counts, and
# core_uncovered.txt why each of the others cannot be taken. Needs clang-14 and llvm-14. Builds in build/coverage.
#
#   sh tests/coverage/core.sh
set -eu

cd "$(dirname "$0")/../.."

# The tests that drive the core in their own process, through include/onhand/ledger.h or its internal headers.
unit="test_actions test_documents test_effects test_geo test_imports test_index test_keys test_ledger test_ledger_limits
    test_names test_picks test_promise test_promise_limits test_reference_data test_replace test_reports test_reservation test_stock test_supplies
    test_verify test_words"
prop="test_capacity test_chain test_ledger_model test_replay test_screen test_sketch test_sourcing test_transits"

for tool in clang-14 llvm-profdata-14 llvm-cov-14; do
    command -v "$tool" >/dev/null 2>&1 || { echo "skipped: no $tool" >&2; exit 77; }
done

build=build/coverage
mkdir -p "$build/profiles"
rm -f "$build"/profiles/*

launcher=
if command -v ccache >/dev/null 2>&1; then
    launcher=-DCMAKE_C_COMPILER_LAUNCHER=ccache
fi
# shellcheck disable=SC2086  # lists of words are meant
{
    cmake --preset coverage $launcher >"$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
    cmake --build --preset coverage --target $unit $prop >"$build/build.log" 2>&1 || { cat "$build/build.log"; exit 1; }
}

# run FOLDER TEST...: runs each and collects its counts and its name for llvm-cov. The model runs longer than it does as a
# test: what only chance takes should not hang on a few numbers.
programs=
run() {
    folder=$1
    shift
    for name in "$@"; do
        program=$build/tests/$folder/$name
        ONHAND_RUNS=80 LLVM_PROFILE_FILE=$build/profiles/$name.profraw "$program" >"$build/$name.log" 2>&1 ||
            { cat "$build/$name.log"; echo "$name failed"; exit 1; }
        programs="$programs -object $program"
    done
}
# shellcheck disable=SC2086
{
    run unit $unit
    run prop $prop
    llvm-profdata-14 merge -o "$build/all.profdata" "$build"/profiles/*.profraw
    llvm-cov-14 export -instr-profile "$build/all.profdata" $programs >"$build/export.json"
}
python3 -B tests/coverage/core.py "$build/export.json" tests/coverage/core_uncovered.txt .
