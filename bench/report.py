"""What was found: Markdown tables and one plot."""

import html
import math
import os
import pathlib
import re
import statistics
import subprocess
import time

import machine

QUIET_CORES = 0.15  # what the orchestrator and the kernel take at most
ROOT = pathlib.Path(__file__).resolve().parents[1]
VERSIONS = {"nginx": ("nginx", "-v"), "Redis": ("redis-server", "--version"), "PostgreSQL": ("psql", "--version"),
            "Node": ("node", "--version"), "wrk": ("wrk", "-v")}


def facts_of(bench, options):
    """Of the machine and of the run, before it begins."""
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False).stdout.strip()
    versions = {name: version_of(machine.first_line(*command)) for name, command in VERSIONS.items()}
    cores = bench.cores
    return {"when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "commit": commit or "?",
            "machine": machine.description(bench.folder),
            "cores": f"server {cores.server}, load {cores.load}, PostgreSQL of the projection {cores.behind}" +
                     ("" if cores.are_two else " (only one core: numbers say little)"),
            "versions": ", ".join(f"{name} {text}" for name, text in versions.items() if text),
            "options": f"{bench.rounds} rounds of {bench.seconds} s, {bench.positions:,} positions, {bench.events:,} events" +
                       (", SMOKE: the numbers mean nothing" if options.smoke else ""),
            "load average before": f"{os.getloadavg()[0]:.2f}"}


def version_of(line):
    """The first number with a dot in it."""
    match = re.search(r"\d+(\.\d+)+", line or "")
    return match.group() if match else None


# ---- numbers for people

def number(value):
    """Three significant digits, and no more than there are."""
    if value is None:
        return ""
    if value != value or math.isinf(value):
        return "?"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(low, high):
    return f" ({number(low)} to {number(high)})" if low is not None else ""


def verdict(target):
    return {None: "not measured", True: "met", False: "**not met**"}[target.is_met]


# ---- Markdown

def table(head, rows):
    if not rows:
        return ""
    line = "|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|"
    return "\n".join(["| " + " | ".join(head) + " |", line, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def targets_table(questions, targets):
    titles = [question.name for question in questions]
    rows = []
    for target in sorted(targets, key=lambda t: titles.index(t.question)):
        sign = "at least" if target.is_at_least else "at most"
        measured = f"{number(target.measured)}{target.unit}{spread(target.low, target.high)}"
        rows.append([target.question, target.text + (f"; {target.note}" if target.note else ""),
                     f"{sign} {number(target.asked)}{target.unit}", measured if target.measured is not None else "",
                     verdict(target)])
    return table(["question", "what", "asked", "measured (rounds)", ""], rows)


def column(rows, name, scale=1.0):
    return [row[name] * scale for row in rows if isinstance(row.get(name), (int, float)) and row[name] is not True]


def middle(rows, name, scale=1.0):
    found = column(rows, name, scale)
    return number(statistics.median(found)) if found else ""


COLUMNS = (("p99 ms", "p99_ms"), ("p99.9 ms", "p999_ms"), ("longest ms", "max_ms"), ("ready s", "seconds"),
           ("snapshot s", "snapshot_s"), ("replay s", "replay_s"), ("ns", "ns"), ("bytes", "bytes"),
           ("loop thread, us of a request", "loop_us"), ("network threads", "network_us"), ("one loop thread could, a second", "loop_could"),
           ("CPU s per 1,000, server", "server_cpu_s_per_1k"), ("load", "load_cpu_s_per_1k"),
           ("memory MiB, server", "server_mib"), ("load", "load_mib"), ("other programs, cores", "others_cores"))


def question_table(question, entries):
    """A row for each contender; columns that nobody filled are left out."""
    everything = [row for entry in entries.values() for row in entry["rows"]]
    columns = [(head, name) for head, name in COLUMNS if column(everything, name)]
    rows = []
    for entry in entries.values():
        rates = column(entry["rows"], "rate")
        cells = [number(statistics.median(rates)), f"{number(min(rates))} to {number(max(rates))}"] if rates else ["", ""]
        rows.append([entry["label"], *cells, *(middle(entry["rows"], name) for _, name in columns)])
    return table(["who", f"{question.unit}/s, median", "rounds", *(head for head, _ in columns)], rows)


def checks_table(checks):
    rows = [[check["label"], *(number(check[name]) for name in ("stock", "asked", "taken", "answered"))] for check in checks]
    return table(["sold out: who", "stock", "asked", "sold by its ledger", "answered as sold"], rows)


def disturbance(bench):
    """A word of warning, when other programs ran beside."""
    cores = [row["others_cores"] for entries in bench.results.values() for entry in entries.values() for row in entry["rows"]
             if "others_cores" in row]
    middle_cores = statistics.median(cores) if cores else 0
    if middle_cores < QUIET_CORES:
        return ""
    return f"**Other programs took {number(middle_cores)} cores meanwhile: the numbers are worth little.**\n"


def markdown(bench, questions, targets, facts):
    parts = ["# Onhand beside its peers\n", "".join(f"- {name}: {text}\n" for name, text in facts.items())]
    for head, said in (("Absent", bench.absent), ("Broken", bench.broken)):
        if said:
            parts.append(f"{head}:\n\n" + "".join(f"- {name}: {why}\n" for name, why in sorted(said.items())))
    parts.append(disturbance(bench))
    met = sum(target.is_met is True for target in targets)
    parts.append(f"## Targets: {met} of {len(targets)} met\n")
    parts += [targets_table(questions, targets), "![measured, of what is asked](plot.svg)\n"]
    for question in questions:
        parts.append(f"## {question.name}: {question.title}\n")
        parts.append(question_table(question, bench.results.get(question.name, {})) or "Nothing was measured.\n")
        if question.name in bench.checks:
            parts.append(checks_table(bench.checks[question.name]))
    return "\n".join(parts)


# ---- the plot: how far from what is asked, on a logarithmic scale

ROW, LEFT, WIDTH, RIGHT, SCALE = 22, 520, 420, 210, 6  # further away than 2^6 is drawn at the edge
GREEN, RED, GREY, INK = "#2b7a4b", "#b03a2e", "#999999", "#222222"


def score(target, value):
    """Above 1: better than asked. A target of 0 has none."""
    if value is None or not target.asked or not value:
        return None
    found = value / target.asked if target.is_at_least else target.asked / value
    return min(max(found, 2.0 ** -SCALE), 2.0 ** SCALE)


def plot(bench, targets):
    """A line for each target that was measured: the median, and from the worst to the best round."""
    drawn = [target for target in targets if score(target, target.measured) is not None]
    scores = [score(target, value) for target in drawn for value in (target.measured, target.low, target.high)]
    scores = [value for value in scores if value] + [0.5, 2.0]
    low, high = math.floor(math.log2(min(scores))), math.ceil(math.log2(max(scores)))

    def x_of(value):
        return LEFT + WIDTH * (math.log2(value) - low) / (high - low)

    height = ROW * (len(drawn) + 3)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{height}" '
             'font-family="sans-serif" font-size="12">', '<rect width="100%" height="100%" fill="white"/>',
             text(LEFT, 16, "measured, of what is asked; right of 1 is better", INK)]
    for power in range(low, high + 1):
        x, is_one = x_of(2.0 ** power), power == 0
        lines.append(f'<line x1="{x:.1f}" y1="{ROW}" x2="{x:.1f}" y2="{height - ROW}" stroke="{INK if is_one else GREY}" '
                     f'stroke-width="{1.5 if is_one else 0.3}"/>')
        lines.append(text(x, height - 6, number(2.0 ** power), INK, "middle"))
    for at, target in enumerate(drawn):
        lines += plot_row(target, ROW * (at + 1.5), x_of)
    return "\n".join([*lines, "</svg>\n"])


def plot_row(target, y, x_of):
    colour = GREEN if target.is_met else RED
    label = f"{target.question}: {target.text}"
    yield text(LEFT - 8, y + 4, label if len(label) <= 72 else label[:71] + "…", INK, "end")
    ends = [score(target, value) for value in (target.low, target.high)]
    if all(ends):
        yield f'<line x1="{x_of(min(ends)):.1f}" y1="{y}" x2="{x_of(max(ends)):.1f}" y2="{y}" stroke="{colour}" stroke-width="2"/>'
    yield f'<circle cx="{x_of(score(target, target.measured)):.1f}" cy="{y}" r="4.5" fill="{colour}"/>'
    sign = "≥" if target.is_at_least else "≤"
    yield text(LEFT + WIDTH + 10, y + 4, f"{number(target.measured)}{target.unit}, asked {sign} {number(target.asked)}", colour)


def text(x, y, words, colour, anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{html.escape(words)}</text>'
