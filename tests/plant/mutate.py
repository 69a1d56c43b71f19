"""The mutation score of src/core: small changes to the code, one at a time, and whether a test notices.

    mutate.py BUILD [--sample N] [--seed S] [--file NAME] [--again] [--list | --report]

Needs python3-clang-14 (Debian). BUILD is a folder of its own (build/mutants); it is made when it is not there. All mutants
are woven into one build (weave.py), each chosen when a test runs. A mutant is given to the tests of the core in turn, the
quickest first, each only if it comes by the place; the first that fails or does not end has killed it. One process at a
time. What is known is kept in BUILD/results.jsonl, so a run that is stopped goes on where it was.

    --sample N    N mutants drawn with --seed (default 1), instead of all; tried in the order in which they are drawn
    --file NAME   those of this file alone
    --again       try the survivors again: for when there are new tests
    --list        print the mutants, and run nothing
    --report      print what is known, and run nothing

Operators: a relation at its boundary and turned around; + and -; && and ||; a condition or a boolean value negated; a number
plus one; an assignment or a call left out; the smaller taken for the larger.

Left out: what stands inside a macro (assertions, tables), labels and sizes of arrays, arguments of compiler builtins.
Mutants that nobody could notice are in equivalent.txt, each with its reason, and do not count.
"""

import argparse
import json
import os
import pathlib
import random
import re
import resource
import subprocess
import sys

sys.dont_write_bytecode = True
try:
    import clang.cindex as clang
except ImportError:
    sys.exit("mutate.py needs python3-clang-14: apt-get install python3-clang-14")

ROOT = pathlib.Path(__file__).resolve().parents[2]
EQUIVALENT = ROOT / "tests/plant/equivalent.txt"
FILES_LEFT_OUT = {"words.c"}  # nothing but tables

FIRST_FAILURE = {"CMOCKA_TEST_ABORT": "1"}
MORE_TESTS = ["test_replay"]  # besides every test that links the core alone, or drives it through support/shop.h

KIND = clang.CursorKind
RELATIONS = {
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
}
SWAPPED = {"+": "-", "-": "+", "&&": "||", "||": "&&", "+=": "-=", "-=": "+="}
SWAPPED_CALLS = {"oh_min_i64": "oh_max_i64", "oh_max_i64": "oh_min_i64"}
CONDITIONS = {KIND.IF_STMT: 0, KIND.WHILE_STMT: 0, KIND.CONDITIONAL_OPERATOR: 0, KIND.DO_STMT: 1}
TRANSPARENT = {KIND.UNEXPOSED_EXPR, KIND.PAREN_EXPR}


# ---- Making mutants


class File:
    """A source file, and which of its characters belong to macros that are left out."""

    def __init__(self, path):
        self.path = path
        self.name = path.name
        self.text = path.read_text(encoding="ascii")  # offsets of libclang are bytes
        self.macros = []
        self.mutants = []
        self.seen = set()

    def in_macro(self, begin, end):
        return any(first <= begin and end <= last for first, last in self.macros)

    def add(self, function, begin, end, new, operator):
        old = self.text[begin:end]
        if (begin, end, new) in self.seen or old == new or self.in_macro(begin, end):
            return
        self.seen.add((begin, end, new))
        self.mutants.append({
            "file": str(self.path.relative_to(ROOT)), "at": begin, "old": old, "new": new, "function": function,
            "line": self.text.count("\n", 0, begin) + 1, "operator": operator,
        })


def strip(node):
    """The node below casts and parentheses that the compiler added or the author wrote."""
    while node.kind in TRANSPARENT:
        below = list(node.get_children())
        if len(below) != 1:
            break
        node = below[0]
    return node


def operator_of(node, file):
    """The token between the two sides of a binary operator, and where it is."""
    left, right = list(node.get_children())
    begin, end = left.extent.end.offset, right.extent.start.offset
    between = re.sub(r"/\*.*?\*/", lambda match: " " * len(match.group()), file.text[begin:end], flags=re.DOTALL)
    token = between.strip(" ()\n\t")
    return token, begin + between.index(token) if token in between else begin


class Mutator:
    """Walks the functions of one translation unit."""

    def __init__(self, files):
        self.files = files
        self.function = None
        self.is_bool = False

    def file_of(self, node):
        place = node.location.file
        return self.files.get(pathlib.Path(place.name).resolve()) if place else None

    def walk_unit(self, unit):
        for node in unit.cursor.get_children():
            file = self.file_of(node)
            if file is None:
                continue
            if node.kind == KIND.MACRO_INSTANTIATION and file.text[node.extent.end.offset - 1] == ")":
                file.macros.append((node.extent.start.offset, node.extent.end.offset))
        for node in unit.cursor.get_children():
            if node.kind == KIND.FUNCTION_DECL and node.is_definition() and self.file_of(node):
                self.function = node.spelling
                self.is_bool = node.result_type.get_canonical().kind == clang.TypeKind.BOOL
                body = list(node.get_children())[-1]
                self.walk(body, self.file_of(node), None, 0)

    def add(self, file, node, new, operator):
        begin, end = node.extent.start.offset, node.extent.end.offset
        if begin < end:
            file.add(self.function, begin, end, new, operator)

    def walk(self, node, file, parent, place):
        self.mutate(node, file, parent, place)
        for i, child in enumerate(node.get_children()):
            if not self.is_constant(node, i, child, file):
                self.walk(child, file, node, i)

    @staticmethod
    def is_constant(node, i, child, file):
        """What the compiler has to know: labels, sizes of arrays, values of static variables."""
        if node.kind == KIND.CASE_STMT:
            return i == 0
        if node.kind == KIND.VAR_DECL:
            declared = file.text[node.extent.start.offset : child.extent.start.offset]
            return "=" not in declared or node.storage_class == clang.StorageClass.STATIC
        return node.kind == KIND.CALL_EXPR and node.spelling.startswith("__builtin")

    def mutate(self, node, file, parent, place):
        text = file.text[node.extent.start.offset : node.extent.end.offset]
        if node.kind == KIND.BINARY_OPERATOR:
            self.binary(node, file, text)
        elif node.kind == KIND.COMPOUND_ASSIGNMENT_OPERATOR:
            self.compound(node, file, text)
        elif node.kind == KIND.UNARY_OPERATOR:
            self.unary(node, file, text)
        elif node.kind == KIND.INTEGER_LITERAL and re.fullmatch(r"[0-9]+[uUlL]*", text):
            number = re.match(r"[0-9]+", text).group()
            self.add(file, node, f"{int(number) + 1}{text[len(number):]}", "number")
        elif node.kind == KIND.CALL_EXPR and node.spelling in SWAPPED_CALLS:
            self.add(file, node, SWAPPED_CALLS[node.spelling] + text[len(node.spelling):], "smaller or larger")
        elif node.kind == KIND.RETURN_STMT and self.is_bool:
            self.negate(next(node.get_children()), file, "boolean")
        elif node.kind == KIND.VAR_DECL and node.type.get_canonical().kind == clang.TypeKind.BOOL:
            for child in node.get_children():
                if child.kind.is_expression():
                    self.negate(child, file, "boolean")
        if node.kind in CONDITIONS and parent is not None:
            conditions = list(node.get_children())
            self.negate(conditions[CONDITIONS[node.kind]], file, "condition")
        if self.is_statement(node, parent, place):
            self.leave_out(node, file)

    def binary(self, node, file, text):
        token, at = operator_of(node, file)
        begin = node.extent.start.offset
        before, after = text[: at - begin], text[at - begin + len(token) :]
        if token in RELATIONS:
            for other in RELATIONS[token]:
                self.add(file, node, before + other + after, "relation")
        elif token in SWAPPED and not self.is_pointer(node):
            self.add(file, node, before + SWAPPED[token] + after, "arithmetic" if token in "+-" else "logic")
        elif token == "=":
            target, value = node.get_children()
            if target.type.get_canonical().kind == clang.TypeKind.BOOL:
                self.negate(value, file, "boolean")

    def compound(self, node, file, text):
        token, at = operator_of(node, file)
        begin = node.extent.start.offset
        if token in SWAPPED and not self.is_pointer(node):
            self.add(file, node, text[: at - begin] + SWAPPED[token] + text[at - begin + len(token) :], "arithmetic")

    @staticmethod
    def is_pointer(node):
        """A pointer minus a number is no mistake one makes: plus one crashes every test at once."""
        kinds = {child.type.get_canonical().kind for child in node.get_children()}
        return clang.TypeKind.POINTER in kinds

    def unary(self, node, file, text):
        if text.startswith("-") and not text.startswith("--"):
            self.add(file, node, f"+{text[1:]}", "arithmetic")

    def negate(self, node, file, operator):
        inner = strip(node)
        text = file.text[node.extent.start.offset : node.extent.end.offset]
        if inner.kind == KIND.BINARY_OPERATOR and operator_of(inner, file)[0] in (*RELATIONS, *SWAPPED):
            return  # has mutants of its own that turn it around
        if text in ("true", "false"):
            self.add(file, node, "false" if text == "true" else "true", operator)
        elif text and node.extent.start.offset < node.extent.end.offset:
            self.add(file, node, f"!({text})", operator)

    @staticmethod
    def is_statement(node, parent, place):
        if parent is None or node.kind not in (KIND.CALL_EXPR, KIND.BINARY_OPERATOR, KIND.UNARY_OPERATOR,
                                               KIND.COMPOUND_ASSIGNMENT_OPERATOR):
            return False
        children = len(list(parent.get_children()))
        if parent.kind in (KIND.COMPOUND_STMT, KIND.DEFAULT_STMT):
            return True
        if parent.kind == KIND.IF_STMT:
            return place > 0
        return parent.kind in (KIND.FOR_STMT, KIND.WHILE_STMT, KIND.CASE_STMT) and place == children - 1 and place > 0

    def leave_out(self, node, file):
        begin, end = node.extent.start.offset, node.extent.end.offset
        behind = re.match(r"\s*;", file.text[end:])
        if behind and not file.in_macro(begin, end):
            file.add(self.function, begin, end + behind.end(), ";", "left out")


def compile_arguments():
    return [f"-I{ROOT}/include", f"-I{ROOT}/src", "-D_GNU_SOURCE", "-std=gnu11"]


def mutants_make():
    paths = sorted(path for path in (ROOT / "src/core").glob("*.[ch]") if path.name not in FILES_LEFT_OUT)
    files = {path.resolve(): File(path) for path in paths}
    index = clang.Index.create()
    for path in paths:
        if path.suffix != ".c":
            continue
        unit = index.parse(str(path), args=compile_arguments(),
                           options=clang.TranslationUnit.PARSE_DETAILED_PROCESSING_RECORD)
        errors = [str(note) for note in unit.diagnostics if note.severity >= clang.Diagnostic.Error]
        if errors:
            sys.exit(f"{path}: {errors[0]}")
        Mutator(files).walk_unit(unit)
    mutants = []
    for file in files.values():
        counts = {}
        for mutant in sorted(file.mutants, key=lambda mutant: (mutant["at"], -len(mutant["old"]), mutant["new"])):
            count = counts[mutant["line"]] = counts.get(mutant["line"], 0) + 1
            stem = re.sub(r"[^a-z0-9]", "-", file.name)
            mutants.append({"name": f"{stem}-{mutant['line']}-{count}", **mutant})
    return mutants


# ---- Mutants that nobody could notice


def collapse(text):
    return re.sub(r"\s+", " ", text).strip()


def equivalent_read():
    """{(file, function, old, new, nth)}; old and new with single blanks."""
    known = set()
    if not EQUIVALENT.exists():
        return known
    for line in EQUIVALENT.read_text(encoding="utf-8").split("\n"):
        match = re.fullmatch(r"(\S+) (\w+): `(.*)` -> `(.*?)`(?: \(([0-9]+)\))?", line)
        if match:
            known.add((*match.groups()[:4], int(match.group(5) or 1)))
    return known


def text_key(mutant):
    return (pathlib.Path(mutant["file"]).name, mutant["function"], collapse(mutant["old"]), collapse(mutant["new"]),
            mutant["nth"])


def text_of(mutant):
    nth = f" ({mutant['nth']})" if mutant["nth"] > 1 else ""
    return f"`{collapse(mutant['old'])}` -> `{collapse(mutant['new'])}`{nth}"


# ---- Running


def tests_find():
    """Names of programs."""
    found = []
    for folder in ("unit", "prop"):
        text = (ROOT / "tests" / folder / "CMakeLists.txt").read_text(encoding="utf-8")
        for name, rest in re.findall(r"onhand_test\(NAME (\w+) ([^)]*)\)", text):
            source = (ROOT / "tests" / folder / f"{name}.c").read_text(encoding="utf-8")
            if " LINK core " in rest or re.search(r"support/(shop|promise_world)\.h", source):
                found.append(name)
    return found + MORE_TESTS


def build(folder, mutants):
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "mutants.json"
    text = json.dumps(mutants, indent=0)
    if not table.exists() or table.read_text(encoding="utf-8") != text:
        table.write_text(text, encoding="utf-8")
    options = [f"-DONHAND_PLANTS={table}", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-O1 -w", "-G", "Ninja"]
    for command in (["cmake", "-S", str(ROOT), "-B", str(folder), *options],
                    ["cmake", "--build", str(folder), "--parallel", "1", "--target", *tests_find()]):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"{result.stdout[-3000:]}{result.stderr[-3000:]}\n{' '.join(command)}: does not work")


def limits_set(cpu_seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def cpu_seconds_of_tests():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Test:
    """A test program; which places it comes by is found out once."""

    def __init__(self, folder, name):
        found = [path for path in folder.rglob(name) if path.is_file() and os.access(path, os.X_OK)]
        self.name, self.command = name, [str(found[0])]
        reached = folder / f"reached-{name}.txt"
        start_s = cpu_seconds_of_tests()
        if not self.passes("", {"ONHAND_PLANT_REACHED": str(reached)}, 600):
            sys.exit(f"{name} fails without a mutant")
        self.seconds = cpu_seconds_of_tests() - start_s
        self.reached = set(reached.read_text(encoding="utf-8").split()) if reached.exists() else set()

    def passes(self, mutant, environment, cpu_seconds):
        try:
            result = subprocess.run(self.command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL, timeout=cpu_seconds * 20,
                                    env={**os.environ, **FIRST_FAILURE, **environment, "ONHAND_PLANT": mutant},
                                    preexec_fn=lambda: limits_set(cpu_seconds))
        except subprocess.TimeoutExpired:
            return False
        return result.returncode == 0

    def kills(self, mutant):
        return mutant in self.reached and not self.passes(mutant, {}, int(self.seconds * 4) + 2)


def judge(mutant, tests, last):
    """The test that noticed, "nobody" or "not reached". Whoever noticed the last one in the same function is asked first."""
    function = (mutant["file"], mutant["function"])
    for test in sorted(tests, key=lambda test: test.name != last.get(function)):
        if test.kills(mutant["name"]):
            last[function] = test.name
            return test.name
    return "nobody" if any(mutant["name"] in test.reached for test in tests) else "not reached"


def results_read(path):
    results = {}
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            results[tuple(row["key"])] = row["by"]
    return results


def result_key(mutant):
    """Where a mutant is, as long as its line stands in the same function for the same time."""
    return (mutant["file"], mutant["function"], collapse(mutant["old"]), mutant["new"], mutant["nth"])


def nth_set(mutants):
    counts = {}
    for mutant in mutants:
        key = (mutant["file"], mutant["function"], collapse(mutant["old"]), mutant["new"])
        mutant["nth"] = counts[key] = counts.get(key, 0) + 1


# ---- The report


def report(mutants, results, equivalent):
    mutants = sorted(mutants, key=lambda mutant: (mutant["file"], mutant["at"]))
    known = [(mutant, results[result_key(mutant)]) for mutant in mutants if result_key(mutant) in results]
    survivors = [(mutant, by) for mutant, by in known if by in ("nobody", "not reached")]
    counted_out = [mutant for mutant, _ in survivors if text_key(mutant) in equivalent]
    left = [(mutant, by) for mutant, by in survivors if text_key(mutant) not in equivalent]
    for mutant, by in left:
        note = "" if by == "nobody" else "  (no test comes by)"
        print(f"{mutant['file']}:{mutant['line']}: {mutant['function']}: {text_of(mutant)}{note}")
    total = len(known) - len(counted_out)
    killed = total - len(left)
    by_file = {}
    for mutant, _ in known:
        row = by_file.setdefault(mutant["file"], [0, 0])
        row[0] += 1
    for mutant, _ in left:
        by_file[mutant["file"]][1] += 1
    print()
    for file, (count, alive) in sorted(by_file.items()):
        print(f"{file:34} {count:5} mutants, {alive:4} alive")
    killers = {}
    for _, by in known:
        killers[by] = killers.get(by, 0) + 1
    print(", ".join(f"{by}: {count}" for by, count in sorted(killers.items(), key=lambda row: -row[1])))
    print(f"{len(mutants)} mutants, {len(known)} tried, {len(counted_out)} of them equivalent, {killed} of {total} killed: "
          f"score {100 * killed / max(total, 1):.1f} %")


def arguments_read():
    parser = argparse.ArgumentParser(usage="\n".join(__doc__.split("\n")[2:]))
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", default="")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--report", action="store_true")
    return parser.parse_args()


def chosen_of(mutants, arguments):
    """In the order in which they are tried. The first of a seed are the same, however many there are to be."""
    chosen = [mutant for mutant in mutants if arguments.file in ("", pathlib.Path(mutant["file"]).name)]
    if arguments.sample:
        random.Random(arguments.seed).shuffle(chosen)
        chosen = chosen[: arguments.sample]
    return chosen


def main():
    arguments = arguments_read()
    mutants = mutants_make()
    nth_set(mutants)
    chosen = chosen_of(mutants, arguments)
    if arguments.list:
        for mutant in chosen:
            print(f"{mutant['file']}:{mutant['line']}: {text_of(mutant)}")
        print(f"{len(chosen)} mutants")
        return 0
    folder = arguments.build.resolve()
    path = folder / "results.jsonl"
    results, equivalent = results_read(path), equivalent_read()
    if arguments.report:
        report(chosen, results, equivalent)
        return 0
    build(folder, mutants)
    tests = sorted((Test(folder, name) for name in tests_find()), key=lambda test: test.seconds)
    last = {}
    with path.open("a", encoding="utf-8") as out:
        for i, mutant in enumerate(chosen, 1):
            key = result_key(mutant)
            is_alive = results.get(key) in ("nobody", "not reached")
            if text_key(mutant) in equivalent and key in results:
                continue
            if key in results and not (is_alive and arguments.again):
                continue
            results[key] = judge(mutant, tests, last)
            print(json.dumps({"key": key, "by": results[key]}), file=out, flush=True)
            if i % 100 == 0:
                print(f"{i} of {len(chosen)}", file=sys.stderr, flush=True)
    report(chosen, results, equivalent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
