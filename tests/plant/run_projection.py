"""Shows the tests of the projection each bug planted in it (projection/) that takes a real PostgreSQL to see.

    run_projection.py BUILD [--only NAME,NAME..]

BUILD is a folder of its own for the woven build (build/dev/plants-projection); it is made when it is not there. Each
bug is shown to the test (and case of it) that its table names, which has to fail; without a bug every one of them has to pass.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import weave

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/plant/projection"
TARGETS = ("onhand", "onhand_busy_ledger", "onhand_pg_kills")
TEST_SECONDS_MAX = 600


def build(folder):
    options = [f"-DONHAND_PLANTS={TABLE}", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1 -g", "-G", "Ninja"]
    launcher = os.environ.get("CMAKE_C_COMPILER_LAUNCHER")
    if launcher:
        options.append(f"-DCMAKE_C_COMPILER_LAUNCHER={launcher}")
    for command in (["cmake", "-S", str(ROOT), "-B", str(folder), *options],
                    ["cmake", "--build", str(folder), "--target", *TARGETS]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{result.stdout[-3000:]}{result.stderr[-3000:]}\n{' '.join(command)}: does not work")


def passes(folder, test, plant=None):
    environment = {
        **os.environ,
        "ONHAND_PROGRAM": str(folder / "onhand"),
        "ONHAND_BUSY_LEDGER": str(folder / "tests/integration/onhand_busy_ledger"),
        "ONHAND_PG_KILLS_LIBRARY": str(folder / "tests/integration/libonhand_pg_kills.so"),
        "ONHAND_PG_PROBE": str(folder / "tests/integration/onhand_pg_probe"),
    }
    if plant is not None:
        environment["ONHAND_PLANT"] = plant
    name, *cases = test.split(" ")
    command = [sys.executable, "-B", str(ROOT / f"tests/integration/{name}.py"), *cases]
    try:
        result = subprocess.run(command, env=environment, capture_output=True, timeout=TEST_SECONDS_MAX, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return False
    if result.returncode == 77 or b"skipped=" in result.stderr:
        sys.exit(f"{test}: there is no PostgreSQL, so nothing is shown")
    return result.returncode == 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    folder = arguments.build.resolve()
    build(folder)
    bugs = weave.table_read(TABLE)
    if arguments.only:
        bugs = [bug for bug in bugs if bug["name"] in arguments.only.split(",")]
    for test in sorted({bug["test"] for bug in bugs}):
        if not passes(folder, test):
            sys.exit(f"{test} fails without a bug")
    missed = []
    for bug in bugs:
        begin = time.monotonic()
        is_seen = not passes(folder, bug["test"], bug["name"])
        missed += [] if is_seen else [bug["name"]]
        print(f"{'seen' if is_seen else 'NOT SEEN'}  {bug['name']}  {bug['test']}  {time.monotonic() - begin:.0f} s", flush=True)
    print(f"{len(bugs) - len(missed)} of {len(bugs)} seen")
    sys.exit(1 if missed else 0)


main()
