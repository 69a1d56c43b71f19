"""Shows the simulator every planted bug, one at a time: which it sees, after how many seeds, and by which law.

    run.py BUILD [--only NAME,NAME..] [--seeds-max N] [--times N] [--table]

BUILD is a folder of its own for the woven build (build/dev/plants); it is made when it is not there. Each bug gets the
seeds from 1 on, up to as many as its table states. Fails when one is not seen, when a bug that `waits` for something the
simulator cannot do yet is seen all the same, and when the woven simulator without a bug is not the one without plants.

    --only        these bugs alone
    --seeds-max   leave out bugs that may take more seeds than this: the short version for every day
    --times       look N times as long for bugs that are not seen
    --table       print the table of docs/PROOF.md
"""

import argparse
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import faithful
import weave

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/plant/plants"
SEED_SECONDS_MAX = 60
UNPLANTED_SEEDS = 20
UNKNOWN_PLANT = 125


def build(folder):
    """Configures and builds the woven simulator; returns its path."""
    options = [f"-DONHAND_PLANTS={TABLE}", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1 -g", "-G", "Ninja"]
    launcher = os.environ.get("CMAKE_C_COMPILER_LAUNCHER")
    if launcher:
        options.append(f"-DCMAKE_C_COMPILER_LAUNCHER={launcher}")
    for command in (["cmake", "-S", str(ROOT), "-B", str(folder), *options],
                    ["cmake", "--build", str(folder), "--target", "sim"]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{result.stdout[-3000:]}{result.stderr[-3000:]}\n{' '.join(command)}: does not work")
    return folder / "tests/sim/sim"


def run_seeds(sim, seed, seeds, plant):
    """None when every law held, else what was seen."""
    environment = {**os.environ, "ONHAND_PLANT": plant}
    command = [str(sim), "--seed", str(seed), "--seeds", str(seeds), "--quick"]
    try:
        result = subprocess.run(command, env=environment, capture_output=True, text=True,
                                timeout=SEED_SECONDS_MAX * seeds, errors="replace")
    except subprocess.TimeoutExpired:
        return "does not end"
    if result.returncode == 0:
        return None
    if result.returncode == UNKNOWN_PLANT:
        sys.exit(result.stderr)
    law = re.search(r"^seed \d+, event \d+: ([^:]+):", result.stdout, re.MULTILINE)
    if law:
        return law.group(1)
    asserted = re.search(r"event=assertion_failed .* at=(\S+?):\d+", result.stderr)
    return f"assertion in {pathlib.Path(asserted.group(1)).name}" if asserted else f"ends with {result.returncode}"


def show(sim, bug, times):
    """(what was seen or None, seeds it took, seconds)"""
    start_s = time.monotonic()
    seeds_max = bug["seeds"] * times
    for seed in range(1, seeds_max + 1):
        seen = run_seeds(sim, seed, 1, bug["name"])
        if seen:
            return seen, seed, time.monotonic() - start_s
    return None, seeds_max, time.monotonic() - start_s


def check_unplanted(sim, folder):
    complaints = faithful.differences(folder)
    seen = run_seeds(sim, 1, UNPLANTED_SEEDS, "")
    if seen:
        complaints.append(f"without a bug the simulator says: {seen}")
    return complaints


def arguments_read():
    parser = argparse.ArgumentParser(usage="\n".join(__doc__.split("\n")[2:]))
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds-max", type=int, default=1 << 30)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def bugs_chosen(arguments):
    bugs = weave.table_read(TABLE)
    names = set(filter(None, arguments.only.split(",")))
    unknown = names - {bug["name"] for bug in bugs}
    if unknown:
        sys.exit(f"there is no plant {', '.join(sorted(unknown))}")
    return [bug for bug in bugs if (not names or bug["name"] in names) and bug["seeds"] <= arguments.seeds_max]


def row_print(bug, seen, seeds, seconds, is_table):
    if is_table:
        print(f"| {bug['name']} | {bug['rule']} | {bug['what']} | {seen or '-'} | {seeds} of {bug['seeds']} |", flush=True)
    else:
        print(f"{bug['name']:40} {seen or '-':34} {seeds:5} of {bug['seeds']:4} {seconds:7.1f} s", flush=True)


def main():
    arguments = arguments_read()
    sim = build(arguments.build)
    complaints = check_unplanted(sim, arguments.build)
    bugs = bugs_chosen(arguments)
    count = 0
    for bug in bugs:
        seen, seeds, seconds = show(sim, bug, arguments.times)
        row_print(bug, seen, seeds, seconds, arguments.table)
        count += 1 if seen else 0
        if seen and "waits" in bug:
            complaints.append(f"{bug['name']}: it is seen now, so it does not wait any more")
        if not seen and "waits" not in bug:
            complaints.append(f"{bug['name']}: not seen within {seeds} seeds")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    waiting = sum(1 for bug in bugs if "waits" in bug)
    print(f"{count} of {len(bugs)} planted bugs are seen, {waiting} wait; {used.ru_utime + used.ru_stime:.0f} s of CPU")
    for complaint in complaints:
        print(complaint)
    return 1 if complaints or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
