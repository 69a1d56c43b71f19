"""What the core archive calls from outside: memory functions, mathematics, nothing else.

    lint_core_symbols.py ARCHIVE
    lint_core_symbols.py --self-test
"""

import re
import subprocess
import sys

ALLOWED = re.compile(
    r"oh_\w+"
    r"|malloc|calloc|realloc|aligned_alloc|free"
    r"|mem(cpy|move|set|cmp|chr)|bcmp|str(len|cmp|ncmp)"
    r"|sin|cos|tan|asin|acos|atan|atan2|sqrt|fabs|floor|ceil|fmin|fmax|sincos"
    r"|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__mem(cpy|move|set)_chk"
    r"|__(asan|ubsan|tsan|sanitizer|gcov|llvm)_\w+"
)


def undefined(nm_output):
    """Names the archive needs and does not define itself."""
    needed, defined = set(), set()
    for line in nm_output.splitlines():
        match = re.fullmatch(r"[0-9a-f]{16} (\w) ([\w.@]+)|\s+([Uw]) ([\w.@]+)", line)
        if match and match.group(4):
            needed.add(match.group(4))
        elif match:
            defined.add(match.group(2))
    return needed, needed - defined


def check_text(nm_output):
    needed, outside = undefined(nm_output)
    return len(needed), [f"the core must not call {name}" for name in sorted(outside) if not ALLOWED.fullmatch(name)]


def self_test():
    good = "a.c.o:\n                 U memcpy\n                 U oh_assert_failed\n                 U helper\n" \
           "0000000000000000 T helper\n                 U __asan_report_load8\n"
    bad = ["printf", "time", "clock_gettime", "__errno_location", "pthread_mutex_lock", "write", "xmemcpy", "ohx"]
    failures = [] if check_text(good) == (4, []) else [f"good example: {check_text(good)}"]
    failures += [name for name in bad if not check_text(good + f"                 U {name}\n")[1]]
    if check_text("")[0] != 0:
        failures.append("an empty archive is not nothing")
    return len(bad) + 2, failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        seen, complaints = self_test()
    else:
        seen, complaints = check_text(subprocess.run(["nm", sys.argv[1]], check=True, capture_output=True, text=True).stdout)
    print("\n".join(complaints))
    if seen == 0:
        print("this check saw nothing, so it proves nothing")
    sys.exit(1 if complaints or seen == 0 else 0)


main()
