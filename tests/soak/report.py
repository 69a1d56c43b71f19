"""
The report: report.html (one file, plots as inline SVG), report.md (the figures) and soak.ndjson (every row it is made of).
"""
import html
import json
import math
import os
import time

from checks import CHECKS

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1080, 190, 62, 12, 12, 24
COLORS = ('#1f5fa8', '#d9822b', '#3d8b57', '#8e4a9e')
FAULT_COLORS = {'kill': '#c0392b', 'slow_kill': '#c0392b', 'fail_sync': '#c0392b', 'term': '#c76b1d', 'stop': '#7d5ba6', 'slow_sync': '#2f7f86',
                'slow_disk': '#2f7f86', 'disk_full': '#8a6d1a', 'hup': '#6b7683', 'flood': '#4a6fa5', 'garbage': '#4a6fa5'}
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;background:#f6f7f9;margin:0}
main{max-width:1130px;margin:0 auto;padding:28px 24px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:18px;margin:34px 0 10px}
.verdict{display:inline-block;padding:3px 14px;border-radius:99px;color:#fff;font-weight:600;background:#2e7d4f}
.bad{background:#b3261e}.muted{color:#5b6875}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(168px,1fr));gap:12px;margin:20px 0}
.tile,.plot,.card{background:#fff;border:1px solid #e1e5ea;border-radius:8px}
.tile{padding:12px 14px}.tile b{display:block;font-size:19px;white-space:nowrap;font-variant-numeric:tabular-nums}
.tile span{color:#5b6875;font-size:13px}
.plot{padding:10px 12px 4px;margin:0 0 12px}.plot h3{font-size:14px;margin:0 0 2px;display:flex;gap:16px;flex-wrap:wrap}
.key{font-weight:400;color:#5b6875}.key i{display:inline-block;width:14px;height:3px;margin-right:6px;vertical-align:middle}
svg{display:block;width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:#5b6875}
.card{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;padding:6px 12px;border-bottom:1px solid #eceff2;vertical-align:top}
th{color:#5b6875;font-weight:600;background:#fafbfc}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
tr:last-child td{border-bottom:0}.red{color:#b3261e;font-weight:600}pre{white-space:pre-wrap;margin:0;padding:12px;font-size:13px}
"""


def write(soak, growth):
    story = Story(soak, growth)
    for name, text in (('report.html', page(story)), ('report.md', markdown(story)), ('soak.ndjson', rows_text(soak))):
        with open(os.path.join(soak.out, name), 'w', encoding='utf-8') as file:
            file.write(text)


class Story:
    """What the run was, in figures; both reports tell it."""

    def __init__(self, soak, growth):
        self.soak, self.growth = soak, growth or []
        self.samples = [row for row in soak.watch.samples if 'rss_mib' in row]
        self.latencies = soak.latencies.rows
        self.faults, self.checks = soak.rows['faults'], soak.rows['checks']
        self.is_ok = not soak.trouble and not soak.checks.violations
        self.ran_s = time.time() - soak.began
        self.environment = soak.environment()

    def most(self, name):
        return max((row[name] for row in self.samples if name in row), default=0)

    def figures(self):
        """(value, what it is)."""
        lat, writes = self.soak.latencies, [row for row in self.samples if row.get('seq')]
        merged = {}
        for tally in self.soak.tallies.values():
            for name, count in tally.items():
                merged[name] = merged.get(name, 0) + count
        return [
            (span(self.ran_s), 'ran'), (f'{lat.count():,}', 'requests answered'),
            (f'{lat.count() / max(1, self.ran_s):.0f}/s', 'on average, pauses included'),
            (f'{writes[-1]["seq"]:,.0f}' if writes else '0', 'records in the ledger'),
            (str(len(self.faults)), 'faults'), (str(len(self.checks)), 'checks'),
            (f'{sum(self.soak.checks.counts.values()):,}', 'comparisons'), (str(len(self.soak.checks.violations)), 'violations'),
            (f'{lat.percentile(1, 0.5):.1f} / {lat.percentile(1, 0.99):.0f} ms', 'writes, p50 / p99'),
            (f'{lat.percentile(0, 0.5):.1f} / {lat.percentile(0, 0.99):.0f} ms', 'reads, p50 / p99'),
            (f'{max(lat.worst) / 1e6:.1f} s', 'longest wait, restarts included'),
            (f'{self.most("rss_mib"):.0f} MiB', 'most memory (RSS)'),
            (f'{self.most("journal_mib") + self.most("snapshot_mib"):.0f} MiB', 'most disk'),
            (f'{merged.get("cut", 0):,}', 'clients cut in mid-request'), (f'{merged.get("replayed", 0):,}', 'idempotent repeats'),
            (f'{merged.get("retried", 0):,}', 'requests sent again'), (f'{merged.get("import_rows", 0):,}', 'rows imported')]


def span(seconds):
    hours, rest = divmod(int(seconds), 3600)
    return f'{hours} h {rest // 60:02d} min' if hours else f'{rest // 60} min {rest % 60:02d} s'


# ---- plots

def ticks(most):
    """Round steps from 0 to at least `most`, four or five of them."""
    step = 10 ** len(str(int(most))) / 100 if most >= 1 else 0.01
    while most / step > 5:
        for factor in (2, 2.5, 2):
            if most / step > 5:
                step *= factor
    return [step * number for number in range(int(-(-most // step)) + 1)] if most else [0, 1]


class Plot:
    def __init__(self, title, unit, story, is_log=False):
        self.title, self.unit, self.story, self.is_log = title, unit, story, is_log
        self.series = []

    def add(self, name, rows, column, factor=1.0):
        self.series.append((name, [(row['t'], row[column] * factor) for row in rows if row.get(column) is not None]))
        return self

    def scale(self):
        values = [value for _, points in self.series for _, value in points]
        if self.is_log:
            low = 0.1
            high = 10 ** len(str(int(max(values, default=1))))
            marks = [low]
            while marks[-1] < high:
                marks.append(marks[-1] * 10)
            return marks, lambda value: position_log(value, low, high)
        marks = ticks(max(values, default=0))
        return marks, lambda value: value / marks[-1]

    def svg(self):
        marks, part_of = self.scale()
        ran = max(self.story.ran_s, 1)
        plot_width, plot_height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

        def x_of(t):
            return LEFT + plot_width * min(1, t / ran)

        def y_of(value):
            return TOP + plot_height * (1 - part_of(value))
        lines = [self.fault_mark(fault, x_of) for fault in self.story.faults]
        for mark in marks:
            lines.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(mark):.1f}" y2="{y_of(mark):.1f}" stroke="#e6e9ed"/>'
                         f'<text x="{LEFT - 8}" y="{y_of(mark) + 4:.1f}" text-anchor="end">{mark:,g}</text>')
        for t in time_marks(ran):
            lines.append(f'<text x="{x_of(t):.1f}" y="{HEIGHT - 6}" text-anchor="middle">{time_text(t)}</text>')
        for (_, points), color in zip(self.series, COLORS):
            lines.append(self.path(points, color, x_of, y_of))
        return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(self.title)}">{"".join(lines)}</svg>'

    def path(self, points, color, x_of, y_of):
        """A gap in time is a gap in the line."""
        gap = 4 * self.story.soak.interval_s() + 2
        steps, last = [], None
        for t, value in points:
            steps.append(f'{"M" if last is None or t - last > gap else "L"}{x_of(t):.1f} {y_of(value):.1f}')
            last = t
        return f'<path d="{" ".join(steps)}" fill="none" stroke="{color}" stroke-width="1.6" stroke-linejoin="round"/>'

    @staticmethod
    def fault_mark(fault, x_of):
        start, end = x_of(fault['t']), x_of(fault.get('end', fault['t']))
        color = FAULT_COLORS.get(fault['fault'], '#888')
        title = html.escape(f'{fault["fault"]} at {time_text(fault["t"])}: {fault.get("what", "failed")}')
        return (f'<rect x="{start:.1f}" y="{TOP}" width="{max(1.5, end - start):.1f}" height="{HEIGHT - TOP - BOTTOM}" '
                f'fill="{color}" opacity="0.22"><title>{title}</title></rect>')

    def html(self):
        keys = ''.join(f'<span class="key"><i style="background:{color}"></i>{html.escape(name)}</span>'
                       for (name, _), color in zip(self.series, COLORS))
        return f'<div class="plot"><h3>{html.escape(self.title)}, {html.escape(self.unit)} {keys}</h3>{self.svg()}</div>'


def position_log(value, low, high):
    return math.log(max(value, low) / low) / math.log(high / low)


def time_marks(ran):
    step = next((step for step in (5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400) if ran / step <= 10), 86400)
    return range(0, int(ran) + 1, step)


def time_text(t):
    hours, rest = divmod(int(t), 3600)
    return f'{hours}:{rest // 60:02d}:{rest % 60:02d}' if hours else f'{rest // 60}:{rest % 60:02d}'


def plots(story):
    syncs = [{'t': row['t'], 'mean': (row['sync_us'] - last['sync_us']) / max(1, row['syncs'] - last['syncs']) / 1000,
              'lag': row['seq'] - row['durable']}
             for last, row in zip(story.samples, story.samples[1:])
             if row.get('syncs') and last.get('syncs') is not None and row['syncs'] > last['syncs']]
    lat, samples = story.latencies, story.samples
    return [
        Plot('Throughput', 'answers a second', story).add('answered', lat, 'rate'),
        Plot('Latency of writes', 'ms, logarithmic', story, True).add('p50', lat, 'write_p50').add('p99', lat, 'write_p99')
        .add('longest', lat, 'write_max'),
        Plot('Latency of reads', 'ms, logarithmic', story, True).add('p50', lat, 'read_p50').add('p99', lat, 'read_p99')
        .add('longest', lat, 'read_max'),
        Plot('Memory', 'MiB', story).add('resident', samples, 'rss_mib').add('ledger', samples, 'memory_mib'),
        Plot('File descriptors and threads', 'number', story).add('file descriptors', samples, 'fds').add('threads', samples, 'threads'),
        Plot('Data directory', 'MiB on disk', story).add('journal', samples, 'journal_mib').add('snapshots', samples, 'snapshot_mib'),
        Plot('Mean time of a sync', 'ms, logarithmic', story, True).add('since the last sample', syncs, 'mean'),
        Plot('Records that are not durable yet', 'number', story).add('lag', syncs, 'lag'),
        Plot('Claims', 'number', story).add('live holds', samples, 'holds').add('positions that are short', samples, 'short'),
        Plot('Remembered for a day', 'thousands', story).add('reservations', samples, 'reservations', 0.001)
        .add('claims', samples, 'claims', 0.001).add('idempotency keys', samples, 'keys', 0.001)]


# ---- pages

def table(heads, rows):
    """`heads` that end with # are of numbers."""
    numbers = [head.endswith('#') for head in heads]
    head = ''.join(f'<th{" class=n" if is_number else ""}>{html.escape(name.rstrip("#"))}</th>' for name, is_number in zip(heads, numbers))
    body = ''.join('<tr>' + ''.join(f'<td{" class=n" if is_number else ""}>{cell}</td>' for cell, is_number in zip(row, numbers))
                   + '</tr>' for row in rows)
    return f'<div class="card"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def check_rows(story):
    found = {}
    for violation in story.soak.checks.violations:
        found[violation['check']] = found.get(violation['check'], 0) + 1
    return [(name, text, story.soak.checks.counts[name], found.get(name, 0)) for name, text in CHECKS.items()]


def growth_rows(story):
    return [(what, f'{slope:+.1f}', 'none' if bound is None else bound) for what, slope, bound in story.growth]


def growth_text(story):
    if not story.growth:
        return '<p class="muted">Runs of some minutes are too short for a slope.</p>'
    note = '' if any(bound for _, _, bound in story.growth) else '<p class="muted">Judged in runs of an hour and more.</p>'
    return note + table(('what', 'an hour#', 'bound#'), growth_rows(story))


def fault_rows(story):
    kinds = {}
    for fault in story.faults:
        kinds.setdefault(fault['fault'], []).append(fault)
    return sorted(kinds.items())


def page(story):
    word = 'no violation' if story.is_ok else 'FAILED'
    tiles = ''.join(f'<div class="tile"><b>{html.escape(value)}</b><span>{html.escape(text)}</span></div>'
                    for value, text in story.figures())
    checks = table(('check', 'says', 'comparisons#', 'violations#'),
                   [(name, html.escape(text), f'{count:,}', f'<span class="red">{bad}</span>' if bad else '0')
                    for name, text, count, bad in check_rows(story)])
    kinds = table(('fault', 'times#', 'the last one'), [
        (f'<span style="color:{FAULT_COLORS.get(kind, "#888")}">&#9632;</span> {kind}', len(rows),
         html.escape(rows[-1].get('what', 'failed'))) for kind, rows in fault_rows(story)])
    every = table(('at', 'fault', 'what was done'), [(time_text(row['t']), row['fault'], html.escape(row.get('what', 'failed')))
                                                     for row in story.faults])
    paused = table(('at', 'why', 'answers judged#', 'load paused, s#', 'violations#'), [
        (time_text(row['t']), html.escape(row['reason']), f'{row["events"]:,}', row['paused_s'], row['violations'])
        for row in story.checks])
    statuses = table(('request and status', 'answers#'), [(html.escape(name), f'{count:,}')
                                                          for name, count in sorted(story.soak.statuses.items())])
    environment = table(('what', 'value'), [(name, html.escape(value)) for name, value in story.environment.items()])
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Onhand soak: {word}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body><main>'
            f'<h1>Onhand soak <span class="verdict{"" if story.is_ok else " bad"}">{word}</span></h1>'
            f'<div class="muted">{html.escape(story.environment["began"])} · commit {html.escape(story.environment["commit"])}</div>'
            f'{trouble(story)}<div class="tiles">{tiles}</div>'
            f'<h2>Invariants</h2>{checks}<h2>Over time</h2><p class="muted">Bands are faults: hold the pointer over one. '
            'Latency is from the first sending of a request to its answer, so it contains restarts and retries. Gaps in a line: '
            f'nothing was measured. During checks the load pauses.</p>{"".join(plot.html() for plot in plots(story))}'
            f'<h2>Growth</h2>{growth_text(story)}<h2>Faults</h2>{kinds}<h2>Every fault</h2>{every}<h2>Every check</h2>{paused}'
            f'<h2>Answers</h2>{statuses}<h2>Environment</h2>{environment}</main></body></html>\n')


def trouble(story):
    found = [f'{one["check"]}: {one["what"]}' for one in story.soak.checks.violations[:20]]
    if story.soak.trouble:
        found.insert(0, story.soak.trouble)
    if not found:
        return ''
    text = '\n\n'.join(found) + f'\n\nrepeat with: {story.environment["command"]}'
    return f'<h2 class="red">What was found</h2><div class="card"><pre>{html.escape(text)}</pre></div>'


def markdown(story):
    lines = [f'# Onhand soak: {"no violation" if story.is_ok else "FAILED"}', '', '| figure | |', '|---|---:|']
    lines += [f'| {text} | {value} |' for value, text in story.figures()]
    lines += ['', '| check | comparisons | violations |', '|---|---:|---:|']
    lines += [f'| {name} | {count:,} | {bad} |' for name, _, count, bad in check_rows(story)]
    lines += ['', '| growth an hour | | bound |', '|---|---:|---:|']
    lines += [f'| {what} | {slope} | {bound} |' for what, slope, bound in growth_rows(story)]
    lines += ['', '| fault | times |', '|---|---:|']
    lines += [f'| {kind} | {len(rows)} |' for kind, rows in fault_rows(story)]
    lines += ['', '| environment | |', '|---|---|']
    lines += [f'| {name} | {value} |' for name, value in story.environment.items()]
    lines += [f'\nVIOLATION of {one["check"]}: {one["what"]}' for one in story.soak.checks.violations]
    return '\n'.join(lines + ([f'\nTROUBLE: {story.soak.trouble}'] if story.soak.trouble else [])) + '\n'


def rows_text(soak):
    """One row a line; `row` says what it is."""
    rows = [{'row': 'environment', **soak.environment()}]
    for name, some in (('sample', soak.watch.samples), ('latency', soak.latencies.rows), ('fault', soak.rows['faults']),
                       ('check', soak.rows['checks']), ('violation', soak.checks.violations)):
        rows += [{'row': name, **one} for one in some]
    rows.append({'row': 'end', 'ok': not soak.trouble and not soak.checks.violations, 'trouble': soak.trouble,
                 'counts': soak.checks.counts, 'statuses': soak.statuses, 'fold_records': soak.fold_records})
    return ''.join(json.dumps(row, default=str) + '\n' for row in rows)
