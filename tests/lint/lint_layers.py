"""Who may include whom: app -> server -> storage -> timetable -> codec -> core -> base."""

import re

import lint

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)
LAYERS = ["base", "core", "codec", "timetable", "storage", "server", "app"]

CLOCKS_AND_SOCKETS = r"time\.h|sys/time\.h|sys/timerfd\.h|sys/socket\.h|sys/un\.h|sys/epoll\.h|poll\.h|netdb\.h|netinet/.*|arpa/.*"
# Per layer, the system headers it must not include.
REFUSED = {
    "base": CLOCKS_AND_SOCKETS + r"|event2/.*|openssl/.*|libpq.*|cJSON\.h|cjson/.*|zstd.*|llhttp\.h|xxhash\.h",
    "codec": CLOCKS_AND_SOCKETS + r"|event2/.*|openssl/.*|libpq.*|zstd.*|llhttp\.h",
    "timetable": CLOCKS_AND_SOCKETS + r"|event2/.*|openssl/.*|libpq.*|zstd.*|llhttp\.h|cJSON\.h|cjson/.*",
    "storage": r"event2/.*|openssl/.*|llhttp\.h|cJSON\.h|cjson/.*",
    "server": r"libpq.*",
    "app": r"libpq.*",
}
# The core names what it may include instead: the list is short.
CORE_ALLOWED = r"stdbool\.h|stddef\.h|stdint\.h|stdalign\.h|stdlib\.h|string\.h|limits\.h|math\.h|xxhash\.h"
# Headers only some files of a layer may include: (header, layer, file name).
ONLY_IN = [
    (r"libpq.*", "storage", r"pg_.*"),
    (r"cJSON\.h|cjson/.*", "codec", r".*json.*|request.*"),
    (r"event2/.*", "server", r"reactor\.h"),
]


def own_complaint(layer, header):
    owner = header.split("/")[0]
    if owner == "onhand":
        return None
    if owner not in LAYERS:
        return f'"{header}" is not written from src/ or include/'
    if LAYERS.index(owner) > LAYERS.index(layer):
        return f'{layer} must not include "{header}"'
    if header == "base/log.h" and layer in ("core", "codec", "timetable"):
        return f"{layer} must not log"
    return None


def system_complaint(layer, name, header):
    if layer == "core" and not re.fullmatch(CORE_ALLOWED, header):
        return f"core must not include <{header}>"
    if layer in REFUSED and re.fullmatch(REFUSED[layer], header):
        return f"{layer} must not include <{header}>"
    for pattern, owner, files in ONLY_IN:
        if layer == owner and re.fullmatch(pattern, header) and not re.fullmatch(files, name):
            return f"<{header}> belongs in {owner}/{files}"
    return None


def check(root):
    seen, complaints = 0, []
    for path in lint.files(root, ".c", ".h", under=("src", "include")):
        parts = path.relative_to(root).parts
        layer = "core" if parts[0] == "include" else parts[1]
        for kind, header in INCLUDE.findall(path.read_text(encoding="utf-8")):
            seen += 1
            said = own_complaint(layer, header) if kind == '"' else system_complaint(layer, path.name, header)
            if said:
                complaints.append(f"{path}: {said}")
            if parts[0] == "include" and kind == '"' and not header.startswith("onhand/"):
                complaints.append(f'{path}: a public header must not include "{header}"')
    return seen, complaints


def one(path, line):
    return {path: line + "\n"}


lint.main(
    check,
    good=[
        one("src/base/a.c", '#include "base/a.h"'),
        one("src/core/a.c", "#include <string.h>"),
        one("src/codec/json_read.c", "#include <cJSON.h>"),
        one("src/timetable/tz_database.c", "#include <fcntl.h>"),
        one("src/server/reactor.h", "#include <event2/event.h>"),
        one("src/app/a.c", '#include "server/a.h"'),
    ],
    bad=[
        one("src/base/a.c", '#include "core/a.h"'),
        one("src/base/a.c", "#include <time.h>"),
        one("src/core/a.c", "#include <stdio.h>"),
        one("src/core/a.h", "#  include <errno.h>"),
        one("src/core/a.c", '#include "base/log.h"'),
        one("src/codec/a.c", '#include "storage/a.h"'),
        one("src/codec/csv.c", "#include <cjson/cJSON.h>"),
        one("src/codec/a.c", '#include "timetable/a.h"'),
        one("src/timetable/a.c", '#include "storage/a.h"'),
        one("src/timetable/builder.c", "#include <zstd.h>"),
        one("src/timetable/a.c", "#include <time.h>"),
        one("src/storage/a.c", "#include <event2/event.h>"),
        one("src/storage/journal.c", "#include <libpq-fe.h>"),
        one("src/server/a.c", '#include "app/a.h"'),
        one("src/server/server.c", "#include <event2/event.h>"),
        one("src/app/a.c", '#include "a.h"'),
        one("include/onhand/a.h", '#include "base/a.h"'),
        one("include/onhand/a.h", "#include <stdio.h>"),
    ],
)
