"""Shows the simulator every planted bug, one at a time: which it sees, after how many seeds, and by which law.

    run.py BUILD [--only NAME,NAME..] [--seeds-max N] [--times N] [--in-order] [--table FILE]

BUILD is a folder of its own for the woven build (build/dev/plants); it is made when it is not there. Each bug gets the
seed that saw it when docs/PROOF.md was written, and when that one does not see it the seeds from 1 on, up to as many as
its table states. Fails when one is not seen, and when the woven simulator without a bug is not the one without plants. A
bug that the simulator cannot meet names the unit or property test that has to fail instead. What one and the same program
has shown already it need not show again: BUILD/seen.json.

    --only        these bugs alone
    --seeds-max   leave out bugs that may take more seeds than this: the short version for every day
    --times       look N times as long for bugs that are not seen
    --in-order    the seeds from 1 on for every bug: which is the first that sees it
    --table       write what was seen into FILE (docs/PROOF.md), between the two lines that say so; of all
                  bugs alone, and in order
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import faithful
import weave

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests/plant/plants"
TABLE_OF_SEEDS = ROOT / "docs/PROOF.md"
SEED_SECONDS_MAX = 60  # of CPU: a machine that is busy otherwise must not make a bug seen
WAIT_FACTOR = 20       # so much longer by the clock, for a program that waits for ever
UNPLANTED_SEEDS = 10
UNKNOWN_PLANT = 125
SEEDS_ANY = 1 << 30
TABLE_BEGIN, TABLE_END = "<!-- planted bugs: run.py --table -->\n", "<!-- end of planted bugs -->\n"


def build(folder):
    """Configures and builds the woven simulator; returns its path."""
    options = [f"-DONHAND_PLANTS={TABLE}", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1 -g", "-G", "Ninja"]
    launcher = os.environ.get("CMAKE_C_COMPILER_LAUNCHER")
    if launcher:
        options.append(f"-DCMAKE_C_COMPILER_LAUNCHER={launcher}")
    run_command(["cmake", "-S", str(ROOT), "-B", str(folder), *options])
    build_target(folder, "sim")
    return folder / "tests/sim/sim"


def build_target(folder, target):
    run_command(["cmake", "--build", str(folder), "--target", target])


def run_command(command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{result.stdout[-3000:]}{result.stderr[-3000:]}\n{' '.join(command)}: does not work")


def fails_test(folder, bug):
    """Whether the test that the bug names fails with it, and not without."""
    build_target(folder, bug["test"])
    test = next(path for path in (folder / "tests").glob(f"*/{bug['test']}") if path.is_file())
    codes = [subprocess.run([test], env={**os.environ, "ONHAND_PLANT": plant},
                            capture_output=True).returncode for plant in ("", bug["name"])]
    return codes[0] == 0 and codes[1] not in (0, UNKNOWN_PLANT)


def run_seeds(sim, seed, seeds, plant):
    """None when every law held, else what was seen."""
    environment = {**os.environ, "ONHAND_PLANT": plant}
    command = [str(sim), "--seed", str(seed), "--seeds", str(seeds), "--quick"]
    cpu_s = SEED_SECONDS_MAX * seeds
    try:
        result = subprocess.run(command, env=environment, capture_output=True, text=True,
                                timeout=WAIT_FACTOR * SEED_SECONDS_MAX * seeds, errors="replace",
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1)))
    except subprocess.TimeoutExpired:
        return "does not end"
    if result.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
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


class Shown:
    """What this program has shown: for each bug what was seen, or None, and in how many seeds. Kept from run to run."""

    def __init__(self, sim, path):
        self.sim, self.path = sim, path
        self.program = hashlib.sha256(sim.read_bytes()).hexdigest()
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.bugs = kept["bugs"] if kept.get("program") == self.program else {}

    def show(self, name, seeds_max, noted=None):
        """(what was seen or None, seeds it took). noted: a seed that has seen it; when it does so again no other is tried."""
        seen, seeds = self.bugs.get(name, (None, 0))
        if not seen and noted and seeds < noted <= seeds_max:
            seen = run_seeds(self.sim, noted, 1, name)
            seeds = noted if seen else seeds
        while not seen and seeds < seeds_max:
            seeds += 1
            seen = run_seeds(self.sim, seeds, 1, name)
        self.bugs[name] = (seen, seeds)
        self.path.write_text(json.dumps({"program": self.program, "bugs": self.bugs}, indent=1), encoding="utf-8")
        return (seen, seeds) if seen and seeds <= seeds_max else (None, seeds_max)


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
    parser.add_argument("--seeds-max", type=int, default=SEEDS_ANY)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--in-order", action="store_true")
    parser.add_argument("--table", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.table and (arguments.only or arguments.seeds_max < SEEDS_ANY):
        parser.error("--table is of all bugs")
    return arguments


def bugs_chosen(arguments):
    bugs = weave.table_read(TABLE)
    names = set(filter(None, arguments.only.split(",")))
    unknown = names - {bug["name"] for bug in bugs}
    if unknown:
        sys.exit(f"there is no plant {', '.join(sorted(unknown))}")
    return [bug for bug in bugs if (not names or bug["name"] in names) and bug.get("seeds", SEEDS_ANY) <= arguments.seeds_max]


def seeds_noted():
    """bug -> the seed that saw it when the table was written"""
    table = TABLE_OF_SEEDS.read_text(encoding="utf-8").split(TABLE_BEGIN)[1].split(TABLE_END)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0]: int(row[4]) for row in cells if len(row) == 6 and row[4].isdigit()}


def table_write(path, rows, elsewhere):
    """rows: (bug, what was seen or None, seeds it took); elsewhere: bugs with a test that sees them"""
    lines = ["| bug | rule | what | seen by | seed | of |", "|---|---|---|---|---:|---:|"]
    lines += [f"| {bug['name']} | {bug['rule']} | {bug['what']} | {seen or 'nothing'} | {seeds} | {bug['seeds']} |"
              for bug, seen, seeds in rows]
    if elsewhere:
        lines += ["", "Caught elsewhere, by a test that fails with the bug and not without:", ""]
        lines += ["| bug | rule | what | test | why the simulator cannot meet it |", "|---|---|---|---|---|"]
        lines += [f"| {bug['name']} | {bug['rule']} | {bug['what']} | `{bug['test']}` | {bug['reason']} |"
                  for bug in elsewhere]
    before, rest = path.read_text(encoding="utf-8").split(TABLE_BEGIN)
    after = rest.split(TABLE_END)[1]
    path.write_text(before + TABLE_BEGIN + "\n".join(lines) + "\n" + TABLE_END + after, encoding="utf-8")


def main():
    arguments = arguments_read()
    sim = build(arguments.build)
    complaints = check_unplanted(sim, arguments.build)
    chosen = bugs_chosen(arguments)
    bugs = [bug for bug in chosen if "test" not in bug]
    elsewhere = [bug for bug in chosen if "test" in bug]
    rows = []
    noted = {} if arguments.table or arguments.in_order else seeds_noted()
    shown = Shown(sim, arguments.build / "seen.json")
    for bug in bugs:
        start_s = time.monotonic()
        seen, seeds = shown.show(bug["name"], bug["seeds"] * arguments.times, noted.get(bug["name"]))
        rows.append((bug, seen, seeds))
        print(f"{bug['name']:40} {seen or '-':34} {seeds:5} of {bug['seeds']:4} {time.monotonic() - start_s:7.1f} s", flush=True)
        if not seen:
            complaints.append(f"{bug['name']}: not seen within {seeds} seeds")
    complaints += [f"{bug['name']}: {bug['test']} does not see it, or fails without it"
                   for bug in elsewhere if not fails_test(arguments.build, bug)]
    count = sum(1 for _, seen, _ in rows if seen)
    if arguments.table:
        table_write(arguments.table, rows, elsewhere)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{count} of {len(bugs)} planted bugs are seen, {len(elsewhere)} elsewhere; {used.ru_utime + used.ru_stime:.0f} s of CPU")
    for complaint in complaints:
        print(complaint)
    return 1 if complaints or count + len(elsewhere) == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
