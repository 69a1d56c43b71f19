"""What of the core's branches the tests took, and whether each that they did not is explained.

    core.py EXPORT EXPLANATIONS SOURCE_FOLDER     EXPORT: what `llvm-cov export` wrote
    core.py --self-test

A branch is one side of one condition as written: `a && b` has four. Inside a macro it counts at each use. Those of
OH_ASSERT are left out: one side of them is a bug. Fails below PERCENT_MIN, for a branch that was not taken and is not
explained, and for an explanation of a branch that is taken or is not there.
"""

import collections
import json
import pathlib
import re
import sys

PERCENT_MIN = 98.0
UNDER = "src/core/"
ASSERT_HEADER = "src/base/assert.h"
EXPANSION = 1  # the kind of a region that is the use of a macro

# One condition. text: its source, behind "USE > " when it stands in a macro. counts: how often true, how often false.
Condition = collections.namedtuple("Condition", "file line function text counts")


class Sources:
    """Pieces of source files by line and column, both from 1."""

    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.lines = {}

    def name(self, path):
        path = pathlib.Path(path).resolve()
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def rest(self, name, line, column):
        if name not in self.lines:
            self.lines[name] = (self.root / name).read_text(encoding="utf-8").split("\n")
        lines = self.lines[name]
        return "\n".join([lines[line - 1][column - 1:]] + lines[line:line + 40])

    def piece(self, name, line, column, line_end, column_end):
        text = self.rest(name, line, column).split("\n")[: line_end - line + 1]
        text[-1] = text[-1][: column_end - (column if line == line_end else 1)]
        return one_line("\n".join(text))

    def macro_use(self, name, line, column):
        """The macro's name with its arguments."""
        text = self.rest(name, line, column)
        word = re.match(r"\w+", text).group()
        depth = 0
        for at in range(len(word), len(text)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0:
                return one_line(text[: at + 1] if text[at] == ")" else word)
        return word


def one_line(text):
    return re.sub(r"\s+", " ", re.sub(r"\\\n", " ", text)).strip()


def uses_of(function):
    """Of each file of the function that is a macro's body: the region that uses it."""
    return {region[6]: region for region in function["regions"] if region[7] == EXPANSION}


def conditions_of(function, sources):
    """(place, Condition) of each condition in one function. The place is the same in every program it is linked to."""
    names = [sources.name(path) for path in function["filenames"]]
    uses = uses_of(function)
    if not names[0].startswith(UNDER):
        return
    for branch in function["branches"]:
        chain, inside = [], branch[6]
        while inside in uses:
            chain.insert(0, (names[uses[inside][5]],) + tuple(uses[inside][:2]))
            inside = uses[inside][5]
        if ASSERT_HEADER in (names[branch[6]], *(names[id] for id in expansion_path(uses, branch[6]))):
            continue
        own = (names[branch[6]],) + tuple(branch[:4])
        text = " > ".join([sources.macro_use(*use) for use in chain] + [sources.piece(*own)])
        line = chain[0][1] if chain else branch[0]
        name = function["name"].split(":")[-1]
        yield (names[0], name, tuple(chain), own), Condition(names[0], line, name, text, tuple(branch[4:6]))


def expansion_path(uses, inside):
    while inside in uses:
        inside = uses[inside][5]
        yield inside


def conditions_in(export, sources):
    """Every condition of the core once, however many programs and files hold its function."""
    found = {}
    for function in export["data"][0]["functions"]:
        for place, condition in conditions_of(function, sources):
            if place in found:
                counts = tuple(a + b for a, b in zip(found[place].counts, condition.counts))
                condition = condition._replace(counts=counts)
            found[place] = condition
    return sorted(found.values(), key=lambda condition: (condition.file, condition.line, condition.text))


def sides_not_taken(condition):
    return [side for side, count in zip(("true", "false"), condition.counts) if count == 0]


def statement(condition, side):
    """How an explanation names a branch: by its file, function and source, so that lines may move."""
    return f"{condition.file} {condition.function}: never {side}: {condition.text}"


def explanations_in(text):
    """{statement: reason}. A statement starts its line, the reason is indented below it."""
    found, last = {}, None
    for line in text.split("\n"):
        if line.startswith((" ", "\t")) and last is not None:
            found[last] = (found[last] + " " + line.strip()).strip()
        elif line.strip() and not line.startswith("#"):
            last = line.strip()
            if last in found:
                raise ValueError(f"explained twice: {last}")
            found[last] = ""
    return found


def complaints_of(conditions, explanations):
    said, used = [], set()
    for condition in conditions:
        for side in sides_not_taken(condition):
            name = statement(condition, side)
            used.add(name)
            if not explanations.get(name):
                said.append(f"not explained: {name}")
    said += [f"stale explanation, the branch is taken or gone: {name}" for name in explanations if name not in used]
    return said


def percent(covered, count):
    return 100.0 * covered / count if count else 0.0


def report(conditions):
    """Prints a line per file and per branch that was not taken; returns the percentage of all."""
    by_file = collections.defaultdict(list)
    for condition in conditions:
        by_file[condition.file].append(condition)
    print(f"{'file':32}{'branches':>10}{'covered':>10}{'percent':>10}")
    count_all = covered_all = 0
    for name, own in by_file.items():
        count = 2 * len(own)
        covered = count - sum(len(sides_not_taken(condition)) for condition in own)
        print(f"{name:32}{count:10}{covered:10}{percent(covered, count):10.2f}")
        count_all, covered_all = count_all + count, covered_all + covered
    print(f"{'all':32}{count_all:10}{covered_all:10}{percent(covered_all, count_all):10.2f}\n")
    for condition in conditions:
        for side in sides_not_taken(condition):
            print(f"{condition.file}:{condition.line}: {condition.function}: never {side}: {condition.text}")
    return percent(covered_all, count_all)


def self_test():
    def condition(true, false):
        return Condition("src/core/a.c", 7, "f", "a > b", (true, false))

    name = "src/core/a.c f: never false: a > b"
    cases = [
        ([condition(1, 1)], "", 0),
        ([condition(1, 0)], "", 1),
        ([condition(1, 0)], f"{name}\n    Never.\n", 0),
        ([condition(1, 0)], f"{name}\n", 1),
        ([condition(1, 1)], f"# Why.\n{name}\n    Never.\n", 1),
        ([condition(0, 0)], f"{name}\n    Never.\n", 1),
        ([], f"{name}\n    Never.\n", 1),
    ]
    wrong = [case for case in cases if len(complaints_of(case[0], explanations_in(case[1]))) != case[2]]
    function = {
        "name": "a.c:f",
        "filenames": ["/r/src/core/a.c", "/r/src/base/assert.h", "/r/src/core/a.c"],
        "regions": [[2, 1, 2, 10, 1, 0, 1, EXPANSION], [3, 1, 3, 3, 1, 0, 2, EXPANSION]],
        "branches": [[1, 5, 1, 6, 3, 0, 0, 0, 4], [9, 1, 9, 2, 0, 3, 1, 0, 4], [1, 5, 1, 6, 0, 1, 2, 0, 4]],
    }
    sources = Sources("/r")
    sources.lines["src/core/a.c"] = ["if (a) {", "OH_ASSERT(a);", "IF(b + (c)) x"]
    twice = {"data": [{"functions": [function, dict(function, name="b.c:f")]}]}
    found = conditions_in(twice, sources)
    if [(c.text, c.counts) for c in found] != [("a", (6, 0)), ("IF(b + (c)) > a", (0, 2))]:
        wrong.append(found)
    print(f"{len(cases) + 1} examples, {len(wrong)} wrong", *wrong)
    return not wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    export, explained, root = sys.argv[1:]
    conditions = conditions_in(json.loads(pathlib.Path(export).read_text(encoding="utf-8")), Sources(root))
    complaints = complaints_of(conditions, explanations_in(pathlib.Path(explained).read_text(encoding="utf-8")))
    share = report(conditions)
    if share < PERCENT_MIN:
        complaints.append(f"{share:.2f} % of the branches are covered, {PERCENT_MIN:.0f} % are the least")
    print("\n".join([""] + complaints if complaints else ["", "each branch that was not taken is explained"]))
    return not complaints


sys.exit(0 if main() else 1)
