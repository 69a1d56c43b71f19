"""Every header is guarded by its own name and compiles alone."""

import os
import re
import subprocess

import lint

COMPILER = os.environ.get("CC") or "cc"
FLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-isystem",
         os.environ.get("ONHAND_LLHTTP_INCLUDE_DIR", "/usr/share/include/llhttp"), "-x", "c"]


def guard_of(path, root):
    name = str(path.relative_to(root)).removeprefix("src/").removeprefix("include/onhand/")
    return "ONHAND_" + re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def compile_complaint(root, path):
    command = [COMPILER, *FLAGS, "-I", f"{root}/include", "-I", f"{root}/src", "-I", f"{root}/tests", "-"]
    text = f'#include "{path}"\n#include "{path}"\nint oh_lint_used;\n'
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    return result.stderr.splitlines()[:3] if result.returncode else []


def check(root):
    seen, complaints = 0, []
    for path in lint.files(root, ".h", under=("src", "include", "tests/support")):
        seen += 1
        guard = guard_of(path, root)
        if f"#ifndef {guard}\n#define {guard}\n" not in path.read_text(encoding="utf-8"):
            complaints.append(f"{path}: not guarded by {guard}")
        complaints += compile_complaint(root, path)
    return seen, complaints


def header(guard, body):
    return f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


lint.main(
    check,
    good=[
        {"src/base/a.h": header("ONHAND_BASE_A_H", "#include <stdint.h>\nuint32_t f(void);")},
        {"include/onhand/a.h": header("ONHAND_A_H", "int f(void);")},
    ],
    bad=[
        {"src/base/a.h": header("ONHAND_BASE_A_H", "uint32_t f(void);")},
        {"src/base/a.h": header("ONHAND_A_H", "int f(void);")},
        {"src/base/a.h": "struct a { int b; };\n"},
    ],
)
