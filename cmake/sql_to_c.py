"""The migrations of sql/ as one table in C: sql_to_c.py OUT.c FILE...

Each FILE is named NNNN_name.sql; the numbers are 1, 2, 3 without a gap.
"""

import pathlib
import re
import sys


def literal(text):
    """As bytes: string literals of C have a limit, arrays have none."""
    data = text.encode("utf-8") + b"\0"
    lines = (", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24))
    return ",\n    ".join(lines)


def main(out, paths):
    migrations = []
    for number, path in enumerate(sorted(map(pathlib.Path, paths)), 1):
        match = re.fullmatch(r"(\d{4})_([a-z_]+)\.sql", path.name)
        if match is None or int(match[1]) != number:
            sys.exit(f"sql_to_c.py: {path.name} is not migration {number:04d}_name.sql")
        migrations.append((number, match[2], path.read_text(encoding="utf-8")))
    parts = ['#include "storage/pg_migrate.h"\n']
    for number, _, text in migrations:
        parts.append(f"static const char sql_{number}[] = {{\n    {literal(text)}\n}};\n")
    parts.append("const struct oh_pg_migration oh_pg_migrations[] = {")
    parts += [f'    {{ {number}, "{name}", sql_{number} }},' for number, name, _ in migrations]
    parts.append("};")
    parts.append(f"const uint32_t oh_pg_migration_count = {len(migrations)};")
    pathlib.Path(out).write_text("\n".join(parts) + "\n", encoding="utf-8")


main(sys.argv[1], sys.argv[2:])
