"""Whether every woven source still compiles: a bug whose place matches may name what is not there any more.

    compile.py COMMANDS SOURCE TABLE..
    compile.py --self-test COMMANDS SOURCE

COMMANDS is the compile_commands.json of a build without plants, whose options the woven sources are read with. They are
only read (-fsyntax-only), so this takes seconds; whether a bug is one is for run.py.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import weave

# Woven code may be odd, but these are what a compiler or linker without warnings refuses later.
OPTIONS = ["-fsyntax-only", "-Wno-error", "-Werror=implicit-function-declaration", "-Werror=implicit-int",
           "-Werror=int-conversion", "-Werror=incompatible-pointer-types"]
COMPLAINTS_MAX = 3


def commands_read(path, source):
    """{file below source: how it is compiled, without its name and its object}"""
    commands = {}
    for entry in json.loads(pathlib.Path(path).read_text(encoding="utf-8")):
        words = shlex.split(entry["command"])
        words = words[next(i for i, word in enumerate(words) if not word.endswith("ccache")):]
        del words[words.index("-o") : words.index("-o") + 2]
        del words[words.index("-c") : words.index("-c") + 2]
        file = os.path.relpath(entry["file"], source)
        commands.setdefault(file, (words, entry["directory"]))
    return commands


def complaint_of(command, source, woven, file):
    """What the compiler says of a woven file, or nothing."""
    words, directory = command
    includes = [f"-I{woven / 'src'}", f"-I{source / 'tests'}"]
    result = subprocess.run([words[0], *includes, *words[1:], *OPTIONS, str(woven / file)], cwd=directory,
                            capture_output=True, text=True)
    return result.stderr if result.returncode != 0 else ""


def complaints_of(commands, source, table):
    """(files that were read, what is wrong with them)"""
    with tempfile.TemporaryDirectory() as folder:
        woven = pathlib.Path(folder)
        weave.weave_all(source, table, woven)
        files = sorted(str(path.relative_to(woven)) for path in woven.rglob("*.c"))
        missing = [f"{file} has bugs, and is not compiled" for file in files if file not in commands]
        files = [file for file in files if file in commands]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            said = list(pool.map(lambda file: complaint_of(commands[file], source, woven, file), files))
    return len(files), missing + list(filter(None, said))


def self_test(commands, source):
    """A bug that is one is read; one that names what is not there, one of the wrong type and one without an end are not."""
    file = "src/base/prng.c"
    text = (source / file).read_text(encoding="utf-8")
    begin = text.index("return ")
    bug = {"name": "a", "file": file, "at": begin, "old": text[begin : text.index(";", begin) + 1]}
    failures = []
    for new, is_right in (("return 0;", True), ("return nothing_of_this_name;", False), ("return not_a_function();", False),
                          ('return "text";', False), ("return 0", False)):
        with tempfile.TemporaryDirectory() as folder:
            table = pathlib.Path(folder) / "table.json"
            table.write_text(json.dumps([{**bug, "new": new}]), encoding="utf-8")
            count, complaints = complaints_of(commands, source, table)
            if count != 1 or bool(complaints) == is_right:
                failures.append(f"{new}: {complaints}")
    print("\n".join(failures) or "5 examples")
    return 1 if failures else 0


def main():
    is_self_test = sys.argv[1:2] == ["--self-test"]
    arguments = sys.argv[2:] if is_self_test else sys.argv[1:]
    if len(arguments) < 2 or is_self_test != (len(arguments) == 2):
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    source = pathlib.Path(arguments[1]).resolve()
    commands = commands_read(arguments[0], source)
    if is_self_test:
        return self_test(commands, source)
    wrong = 0
    for table in arguments[2:]:
        count, complaints = complaints_of(commands, source, table)
        print(f"{table}: {count} woven files are read, {len(complaints)} with complaints")
        print("\n".join(complaints[:COMPLAINTS_MAX]))
        wrong += len(complaints) + (count == 0)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
