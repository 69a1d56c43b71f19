"""What every lint here shares: reading the tree, the report, the self-test.

A check is a function from a root folder to (how many things it looked at, list
of complaints). A check that looked at nothing fails: it would never complain.
"""

import os
import pathlib
import re
import sys
import tempfile

SKIPPED_FOLDERS = {".git", ".cache", "build", "__pycache__", "node_modules"}
COMMENT_OR_TEXT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(root, *suffixes, under=("",)):
    """Files below root/<under> whose name ends in one of suffixes (all when none), sorted."""
    found = []
    for folder in under:
        for path, folders, names in os.walk(os.path.join(root, folder)):
            folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
            names = [name for name in names if name not in SKIPPED_FOLDERS]  # .git of a worktree is a file
            found += [pathlib.Path(path, name) for name in names if name.endswith(suffixes or "")]
    return sorted(set(found))


def code_only(text):
    """C source with comments and literals blanked, lines kept."""
    return COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def code_lines(path):
    """(line number, code) of a C file."""
    return enumerate(code_only(path.read_text(encoding="utf-8")).split("\n"), 1)


def write_tree(root, tree):
    for name, text in tree.items():
        path = pathlib.Path(root, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test(check, good, bad):
    failures = []
    for kind, trees in (("good", good), ("bad", bad)):
        for tree in trees:
            with tempfile.TemporaryDirectory() as root:
                write_tree(root, tree)
                seen, complaints = check(root)
            if seen == 0 or bool(complaints) != (kind == "bad"):
                failures.append(f"{kind} example {tree}: saw {seen}, said {complaints}")
    with tempfile.TemporaryDirectory() as root:
        seen, _ = check(root)
        if seen != 0:
            failures.append("an empty tree is not nothing")
    return len(good) + len(bad), failures


def main(check, good, bad):
    """Runs `check` on the folder argv[1], or on its examples for --self-test."""
    if sys.argv[1:] == ["--self-test"]:
        seen, complaints = self_test(check, good, bad)
    else:
        seen, complaints = check(sys.argv[1])
    for complaint in complaints:
        print(complaint)
    if seen == 0:
        print("this check saw nothing, so it proves nothing")
    print(f"{seen} looked at, {len(complaints)} complaints")
    sys.exit(1 if complaints or seen == 0 else 0)
