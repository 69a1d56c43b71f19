"""Plain text rules for every file: no private paths, no tabs in C, 120 columns."""

import lint

# Put together here so that this file does not hold what it looks for.
REFUSED = ["/wo" + "rk/", "file(GL" + "OB", "<<<<" + "<<<", ">>>>" + ">>>"]
C_COLUMNS_MAX = 120


def line_complaints(name, line):
    said = [f"holds '{text}'" for text in REFUSED if text in line]
    if name.endswith((".c", ".h")):
        if len(line) > C_COLUMNS_MAX:
            said.append(f"{len(line)} columns, {C_COLUMNS_MAX} allowed")
        if "\t" in line:
            said.append("a tab")
        if line != line.rstrip():
            said.append("blanks at the end")
    return said


def check(root):
    seen, complaints = 0, []
    for path in lint.files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        seen += 1
        for number, line in enumerate(text.split("\n"), 1):
            complaints += [f"{path}:{number}: {said}" for said in line_complaints(path.name, line)]
        if path.name.endswith((".c", ".h")) and not text.endswith("\n"):
            complaints.append(f"{path}: no newline at the end")
    return seen, complaints


lint.main(
    check,
    good=[{"src/base/a.c": "int a;\n", "README.md": "x " * 100 + "\n", "notes.txt": "network/io\n"}],
    bad=[{"README.md": f"a {text} b\n"} for text in REFUSED]
    + [{"src/a.c": "x" * (C_COLUMNS_MAX + 1) + "\n"}, {"src/a.c": "\tx\n"}, {"src/a.c": "x \n"}, {"src/a.h": "x"}],
)
