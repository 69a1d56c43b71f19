"""Functions and constructs that C offers and we do not use."""

import re

import lint

BANNED = re.compile(
    r"\b(strcpy|strcat|strncpy|stpcpy|sprintf|vsprintf|strtok|atoi|atol|atoll|atof|gets|alloca|gmtime|localtime"
    r"|asctime|ctime|mktime|rand|srand|tmpnam|mktemp|setjmp|longjmp|assert)\s*\("
)
TYPEDEF = re.compile(r"\btypedef\s+(struct|enum|union)\b")
CLOCK = re.compile(r"(?<![.>\w])(clock_gettime|gettimeofday|time|clock)\s*\(")
CLOCKLESS = {"base", "core", "codec", "timetable"}


def check(root):
    seen, complaints = 0, []
    for path in lint.files(root, ".c", ".h", under=("src", "include", "bench")):
        parts = path.relative_to(root).parts
        is_clockless = parts[0] == "include" or (parts[0] == "src" and parts[1] in CLOCKLESS)
        for number, code in lint.code_lines(path):
            seen += 1
            for pattern in (BANNED, TYPEDEF) + ((CLOCK,) if is_clockless else ()):
                match = pattern.search(code)
                if match:
                    complaints.append(f"{path}:{number}: {match.group().strip()}")
    return seen, complaints


lint.main(
    check,
    good=[
        {"src/core/a.c": "/* never sprintf( */\nint f(void) { g(\"strcpy(\"); oh_log_time(1); return snprintf(b, 1, 2); }\n"},
        {"src/server/reactor.c": "int f(void) { return clock_gettime(CLOCK_MONOTONIC, &t); }\n"},
        {"src/base/a.h": "typedef int64_t oh_clock_fn(void);\n"},
    ],
    bad=[
        {"src/app/a.c": f"void f(void) {{ {name}(x); }}\n"}
        for name in ("strcpy", "sprintf", "strtok", "atoi", "gmtime", "alloca ", "localtime", "strcat", "assert")
    ]
    + [
        {"src/core/a.c": "void f(void) { x = time(NULL); }\n"},
        {"src/base/a.c": "void f(void) { clock_gettime(0, &t); }\n"},
        {"include/onhand/a.h": "typedef struct a { int b; } a;\n"},
    ],
)
