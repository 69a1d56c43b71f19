"""Onhand beside its peers on one machine, in one run. See README.md; `run.sh` builds first and then calls this.

    python3 bench/run.py [--build build/release] [--only read,reserve] [--rounds 5] [--seconds 5] [--out DIR] [--smoke]

Writes report.md, plot.svg and results.json into --out. Exit code 77: it cannot run here. A target that is not met is in
the report, and is no failure; a contender that is absent is none either; one that breaks is.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import shutil
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
import report  # noqa: E402
from contenders import Absent  # noqa: E402
from machine import Cores  # noqa: E402
from questions import ALL  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
# What --smoke looks at is that everything runs; its numbers mean nothing.
SMOKE = {"rounds": 1, "seconds": 1, "positions": 50000, "events": 3000, "rows": 2000, "operations": 2000, "tail_seconds": 2}


def parse_arguments():
    names = [question.name for question in ALL]
    parser = argparse.ArgumentParser(description="Onhand beside its peers.")
    parser.add_argument("--build", default=str(ROOT / "build/release"), help="folder of the built programs")
    parser.add_argument("--only", help="questions, with commas between: " + ", ".join(names))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5, help="of one measurement")
    parser.add_argument("--tail-seconds", type=int, default=60, help="of the open loop")
    parser.add_argument("--positions", type=int, default=10_000_000, help="of engine, tail, recovery, memory, growth")
    parser.add_argument("--events", type=int, default=15_000_000, help="to be replayed")
    parser.add_argument("--rows", type=int, default=2_000_000, help="to be imported")
    parser.add_argument("--operations", type=int, default=1_000_000, help="of each question to the engine")
    parser.add_argument("--peers", help="folder with node_modules of fastify, pg and ioredis, and Medusa and Vendure")
    parser.add_argument("--out", default=str(ROOT / "build/bench"), help="where the report goes")
    parser.add_argument("--scratch", default="/var/tmp", help="a folder on the disk that is measured")
    parser.add_argument("--smoke", action="store_true", help="everything once and briefly: does it still run")
    options = parser.parse_args()
    if options.smoke:
        vars(options).update(SMOKE)
    unknown = set((options.only or names[0]).split(",")) - set(names)
    if unknown:
        parser.error(f"no question {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    return options


class Bench:
    """What all questions share: where, how long, and what has been found."""

    def __init__(self, options, folder):
        self.cores, self.folder, self.is_smoke = Cores(settles=not options.smoke), pathlib.Path(folder), options.smoke
        self.program = pathlib.Path(options.build, "onhand").resolve()
        self.engine_program = pathlib.Path(options.build, "bench/bench_engine").resolve()
        self.peers = pathlib.Path(options.peers).resolve() if options.peers else None
        self.has_shops = self.peers is not None and (self.peers / "pg/d").exists()
        self.rounds, self.seconds, self.tail_seconds = options.rounds, options.seconds, options.tail_seconds
        self.tail_rounds = min(options.rounds, 2)
        self.positions, self.events, self.rows = options.positions, options.events, options.rows
        self.operations = options.operations
        self.run_id, self.run_count = f"{int(time.time()):x}", 0
        self.results, self.checks, self.absent, self.broken = {}, {}, {}, {}

    @contextlib.contextmanager
    def shorter(self, seconds):
        """Measures for no longer than that meanwhile."""
        self.seconds, before = min(self.seconds, seconds), self.seconds
        try:
            yield
        finally:
            self.seconds = before

    def note(self, question, key, label, number, row):
        entry = self.results.setdefault(question, {}).setdefault(key, {"label": label, "rows": []})
        row.pop("output", None)
        entry["rows"].append({"round": number, **row})
        numbers = " ".join(f"{name} {value:,.4g}" for name, value in row.items() if isinstance(value, float))
        say(f"  {question} round {number + 1}: {label}: {numbers}")

    def note_check(self, question, key, label, **found):
        self.checks.setdefault(question, []).append({"key": key, "label": label, **found})
        say(f"  {question} check: {label}: {found}")

    def say_absent(self, name, why):
        if name not in self.absent:
            say(f"  absent: {name}: {why}")
        self.absent[name] = " ".join(why.split())[:300]

    def say_broken(self, name, why):
        """Unlike what is absent, this should have worked."""
        say(f"  BROKEN: {name}: {why}")
        self.broken[name] = " ".join(why.split())[:300]


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(bench, names):
    for question in ALL:
        if question.name not in names:
            continue
        say(f"{question.name}: {question.title} (load average {os.getloadavg()[0]:.2f})")
        began = time.monotonic()
        try:
            question.run(bench)
        except Absent as why:
            bench.say_absent(question.name, str(why))
        except (RuntimeError, OSError, AssertionError, ValueError, KeyError, IndexError, AttributeError) as error:
            traceback.print_exc()
            bench.say_broken(question.name, f"{type(error).__name__}: {error}")
        say(f"  {question.name} took {time.monotonic() - began:.0f} s")


def write(bench, options, names, facts):
    out = pathlib.Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    targets = [target for question in ALL if question.name in names for target in question.targets(bench)]
    questions = [question for question in ALL if question.name in names]
    (out / "results.json").write_text(json.dumps({"facts": facts, "options": vars(options), "results": bench.results, "checks":
                                                  bench.checks, "absent": bench.absent, "broken": bench.broken}, indent=1))
    (out / "plot.svg").write_text(report.plot(bench, targets))
    text = report.markdown(bench, questions, targets, facts)
    (out / "report.md").write_text(text)
    print(text)
    say(f"in {out}: report.md, plot.svg, results.json")


def main():
    options = parse_arguments()
    for program in (pathlib.Path(options.build, "onhand"), pathlib.Path(options.build, "bench/bench_engine")):
        if not program.exists():
            say(f"{program} is missing: build it first, or call bench/run.sh")
            sys.exit(77)
    if shutil.which("setpriv") is None or shutil.which("taskset") is None:
        say("util-linux is missing")
        sys.exit(77)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 16384), hard))
    names = options.only.split(",") if options.only else [question.name for question in ALL]
    folder = tempfile.mkdtemp(prefix="onhand-bench-", dir=options.scratch)
    os.chmod(folder, 0o755)
    try:
        bench = Bench(options, folder)
        facts = report.facts_of(bench, options)
        os.sched_setaffinity(0, {bench.cores.load})
        measure(bench, names)
        facts["load average after"] = f"{os.getloadavg()[0]:.2f}"
        write(bench, options, names, facts)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if bench.broken else 0)


main()
