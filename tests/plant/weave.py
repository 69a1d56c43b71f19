"""Weaves bugs into copies of the sources: all of them at once, each chosen when the program runs.

    weave.py SOURCE TABLE FOLDER       writes woven copies of SOURCE/src below FOLDER, and what the runtime needs
    weave.py --check SOURCE TABLE      whether every bug of the table still has its place in the sources
    weave.py --self-test

TABLE is a folder of .toml files (plants/) or a .json file (mutate.py makes one): for each bug its name, its file, the
old text and the new one. Old text that ends in ";" or "}" is statements, everything else is a whole expression; it must
be in its file exactly once, or be the first behind a text `after` that is, or say `at` which character it begins. A bug
of several places has a list `also` of the others. Bugs may lie inside each other, but must not cross.

    expression    (oh_plant(N) ? (new) : (old))
    statements    { if (oh_plant(N)) { new } else { old } }

Lines stay where they are, so that messages point at the real file. The product's own sources know nothing of this.
"""

import json
import pathlib
import re
import sys
import tomllib

PRELUDE = '#include "plant/plant.h"\n#line 1 "{path}"\n'
STATEMENT_ENDS = (";", "}")


class WrongTable(Exception):
    """A sentence that says which bug of the table is wrong, and how."""


# ---- The table


def table_read(path):
    """The bugs of a table, as dictionaries, in a fixed order; the number of a bug is its place, from 1."""
    path = pathlib.Path(path)
    if path.suffix == ".json":
        bugs = json.loads(path.read_text(encoding="utf-8"))
    else:
        bugs = []
        for part in sorted(path.glob("*.toml")):
            bugs += tomllib.loads(part.read_text(encoding="utf-8")).get("plant", [])
    table_check(bugs, path)
    return bugs


def places_of(bug):
    """The bug itself and its other places, which have what they do not say from it."""
    shared = {key: bug[key] for key in ("name", "file") if key in bug}
    return [bug] + [{**shared, **place} for place in bug.get("also", [])]


def table_check(bugs, path):
    names = set()
    for bug in bugs:
        name = bug.get("name", "(no name)")
        for place in places_of(bug):
            for key in ("name", "file", "old", "new"):
                if not isinstance(place.get(key), str):
                    raise WrongTable(f"plant {name}: it has no {key}")
        if not re.fullmatch(r"[a-z0-9-]+", name) or name in names:
            raise WrongTable(f"plant {name}: the name is not lower case with dashes, or is there twice")
        names.add(name)
    if not bugs:
        raise WrongTable(f"{path}: there is no plant in it")


# ---- One file


class Edit:
    """One bug in its file: characters begin..end become `new` when `number` is chosen."""

    def __init__(self, number, bug, text):
        self.number, self.bug, self.old = number, bug, bug["old"].strip("\n")
        self.new = bug["new"].strip()
        self.begin = self._place(text)
        self.end = self.begin + len(self.old)
        self.is_statement = self.old.rstrip().endswith(STATEMENT_ENDS)
        if re.search(r"^\s*#|//", self.new, re.MULTILINE):
            raise WrongTable(f"plant {bug['name']}: the new text has a directive or a // comment")

    def _place(self, text):
        name, file = self.bug["name"], self.bug["file"]
        if "at" in self.bug:
            if not text.startswith(self.old, self.bug["at"]):
                raise WrongTable(f"plant {name}: its old text is not at character {self.bug['at']} of {file}")
            return self.bug["at"]
        once = self.bug.get("after", self.old)
        if text.count(once) != 1:
            raise WrongTable(f"plant {name}: {file} has {text.count(once)} times, not once: {once}")
        behind = len(once) if "after" in self.bug else 0
        begin = text.find(self.old, text.index(once) + behind)
        if begin < 0:
            raise WrongTable(f"plant {name}: its old text is not behind `after` in {file}")
        return begin

    def choice(self):
        """Without line breaks: the lines of the old text are the ones that count."""
        new = re.sub(r"\s*\n\s*", " ", self.new)
        if self.is_statement:
            return f"if (oh_plant({self.number})) {{ {new} }} else "
        return f"oh_plant({self.number}) ? ({new}) : "


def weave_range(text, begin, end, edits):
    """text[begin:end] with the edits inside it woven in; edits are sorted, outer ones first."""
    woven, at, i = [], begin, 0
    while i < len(edits):
        first = edits[i]
        same = [edit for edit in edits[i:] if (edit.begin, edit.end) == (first.begin, first.end)]
        inner = [edit for edit in edits[i:] if edit not in same and edit.begin < first.end]
        for edit in inner:
            if edit.end > first.end:
                raise WrongTable(f"plants {first.bug['name']} and {edit.bug['name']} cross in {first.bug['file']}")
        body = weave_range(text, first.begin, first.end, inner)
        choices = "".join(edit.choice() for edit in same)
        woven.append(text[at : first.begin])
        woven.append(f"{{ {choices}{{ {body} }} }}" if first.is_statement else f"({choices}({body}))")
        at = first.end
        i += len(same) + len(inner)
    woven.append(text[at:end])
    return "".join(woven)


def weave_text(text, numbered_bugs):
    edits = [Edit(number, bug, text) for number, bug in numbered_bugs]
    edits.sort(key=lambda edit: (edit.begin, -edit.end, edit.number))
    return weave_range(text, 0, len(text), edits)


# ---- All of them


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def names_text(bugs):
    rows = "".join(f'    "{bug["name"]}",\n' for bug in bugs)
    return f"/* Made by weave.py: the name of plant N is at N - 1. */\n{rows}"


def weave_files(source, bugs):
    """{path below source: woven text}"""
    by_file = {}
    for number, bug in enumerate(bugs, 1):
        for place in places_of(bug):
            by_file.setdefault(place["file"], []).append((number, place))
    woven = {}
    for file, numbered in sorted(by_file.items()):
        path = source / file
        if not file.startswith("src/") or not path.is_file():
            raise WrongTable(f"plant {numbered[0][1]['name']}: there is no {file}")
        woven[file] = PRELUDE.format(path=path) + weave_text(path.read_text(encoding="utf-8"), numbered)
    return woven


def weave_all(source, table, folder):
    """Writes what has changed; returns the files that all this was made of."""
    source, folder = pathlib.Path(source).resolve(), pathlib.Path(folder)
    bugs = table_read(table)
    woven = weave_files(source, bugs)
    for file, text in woven.items():
        write_if_changed(folder / file, text)
    for old in folder.rglob("src/**/*.[ch]"):
        if str(old.relative_to(folder)) not in woven:
            old.unlink()
    write_if_changed(folder / "plant_names.inc", names_text(bugs))
    parts = [table] if pathlib.Path(table).is_file() else sorted(pathlib.Path(table).glob("*.toml"))
    return [str(pathlib.Path(part).resolve()) for part in parts] + [str(source / file) for file in woven]


# ---- Self-test


def self_test_bug(old, new, **more):
    return {"name": "a", "file": "src/a.c", "old": old, "new": new, **more}


def self_test():
    text = "int f(int a)\n{\n    if (a < 3 &&\n        a > 1)\n        return a;\n    return 0;\n}\n"
    right = [
        ([self_test_bug("a < 3", "a <= 3")], "if ((oh_plant(1) ? (a <= 3) : (a < 3)) &&\n"),
        ([self_test_bug("return a;", "return 1;")], "{ if (oh_plant(1)) { return 1; } else { return a; } }"),
        ([self_test_bug("a < 3", "1"), self_test_bug("3", "2")],
         "((oh_plant(1) ? (1) : (a < (oh_plant(2) ? (2) : (3)))) &&"),
        ([self_test_bug("a > 1", "1"), self_test_bug("a > 1", "a")], "(oh_plant(1) ? (1) : oh_plant(2) ? (a) : (a > 1))"),
        ([self_test_bug("a < 3 &&\n        a > 1", "a >\n 1")], "(oh_plant(1) ? (a > 1) : (a < 3 &&\n        a > 1))"),
        ([self_test_bug("a", "0", at=text.index("return a") + 7)], "(oh_plant(1) ? (0) : (a));"),
        ([self_test_bug("a", "0", after="a > 1)\n")], "return (oh_plant(1) ? (0) : (a));"),
    ]
    wrong = [
        [self_test_bug("return", "x")],
        [self_test_bug("b < 3", "x")],
        [self_test_bug("3 &&\n        a", "x"), self_test_bug("a > 1", "y")],
        [self_test_bug("a", "0", at=1)],
        [self_test_bug("a < 3", "0", after="return a;")],
        [self_test_bug("a", "0", after="return")],
        [self_test_bug("a < 3", "1 // no")],
    ]
    failures = []
    for bugs, wanted in right:
        woven = weave_text(text, list(enumerate(bugs, 1)))
        if wanted not in woven or woven.count("\n") != text.count("\n"):
            failures.append(f"{bugs} gives {woven}")
    for bugs in wrong:
        try:
            weave_text(text, list(enumerate(bugs, 1)))
            failures.append(f"{bugs} was not refused")
        except WrongTable:
            pass
    for failure in failures:
        print(failure)
    print(f"{len(right) + len(wrong)} examples, {len(failures)} failures")
    return 1 if failures else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    try:
        if sys.argv[1] == "--check":
            woven = weave_files(pathlib.Path(sys.argv[2]).resolve(), table_read(sys.argv[3]))
            print(f"{len(woven)} files have the places that the table names")
        else:
            print(";".join(weave_all(*sys.argv[1:])))
    except WrongTable as wrong:
        print(f"{wrong}\nSources and table belong together: say the bug anew in tests/plant/plants.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
