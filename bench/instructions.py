"""Counts the instructions of each operation under callgrind and compares them with those stored.

    instructions.py --program FILE [--stored FILE]            compares; exit code 1: a figure differs
    instructions.py --program FILE [--stored FILE] --update   stores what was counted, after a change that was meant
    instructions.py --self-test                               shows that a figure that differs is seen

A figure that has become smaller differs too: stored as it was, it would hide the next slowdown. Figures hold for one
compiler and C library; with others, or without valgrind, nothing is compared and the exit code is 77.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TOLERANCE_PERCENT = 2
STORED = pathlib.Path(__file__).with_name("instructions.json")
CALLEE = re.compile(r"cfn=(?:\(\d+\) )?(?:counted_(\w+))?")
# The C library picks its copying by the processor: always the same one, so that the machine does not matter.
TUNABLES = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM"


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def inclusive(profile):
    """name -> instructions, of the functions counted_<name>: the line after `calls=` has the whole call's cost."""
    sums, name, is_cost = {}, None, False
    for line in profile.splitlines():
        if is_cost:
            if name:
                sums[name] = sums.get(name, 0) + int(line.split()[1])
            is_cost = False
        elif line.startswith("cfn="):
            name = CALLEE.match(line).group(1)
        elif line.startswith("calls="):
            is_cost = True
    return sums


def count(program):
    """(what the program was built with, name -> instructions an operation)."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no",
             "--compress-pos=no", "--quiet", program],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "GLIBC_TUNABLES": TUNABLES})
        if run.returncode != 0:
            sys.exit(f"{program} failed under valgrind: {run.returncode}")
        sums = inclusive(out.read_text())
    built_with, *lines = run.stdout.splitlines()
    operations = {name: int(number) for name, number in (line.split() for line in lines)}
    if not operations or operations.keys() != sums.keys():
        sys.exit(f"counted {sorted(sums)}, done were {sorted(operations)}")
    return built_with.removeprefix("built_with "), {name: round(sums[name] / operations[name]) for name in operations}


def differences(stored, counted):
    """Sentences about what differs."""
    said = [f"{name}: in one of the two only" for name in sorted(stored.keys() ^ counted.keys())]
    for name in sorted(stored.keys() & counted.keys()):
        more = counted[name] - stored[name]
        if 100 * abs(more) > TOLERANCE_PERCENT * stored[name]:
            percent = 100 * more / stored[name]
            said.append(f"{name}: {counted[name]} instructions, {stored[name]} stored ({percent:+.1f} %)")
    return said


def self_test():
    profile = "fn=main\ncfn=counted_a\ncalls=1 5\n7 1000\ncfn=b\ncalls=2 5\n7 9\n9 3\ncfn=counted_a\ncalls=1 5\n7 24\n"
    assert inclusive(profile) == {"a": 1024}
    assert differences({"a": 100}, {"a": 102}) == []
    for worse in ({"a": 103}, {"a": 97}, {}, {"a": 100, "b": 1}):
        assert len(differences({"a": 100}, worse)) == 1, worse
    print("a figure that differs is seen")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program")
    parser.add_argument("--stored", type=pathlib.Path, default=STORED)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args()
    if options.self_test:
        return self_test()
    if shutil.which("valgrind") is None:
        skip("valgrind is missing")
    built_with, counted = count(options.program)
    print(json.dumps(counted, indent=4))
    if options.update:
        figures = {"built_with": built_with, "instructions": counted}
        options.stored.write_text(json.dumps(figures, indent=4) + "\n")
        return None
    stored = json.loads(options.stored.read_text())
    if stored["built_with"] != built_with:
        skip(f"built with {built_with}, the figures are of {stored['built_with']}")
    said = differences(stored["instructions"], counted)
    if said:
        said.append("When it was meant: instructions.py --program FILE --update, and say why in the commit.")
        sys.exit("\n".join(said))
    return None


main()
