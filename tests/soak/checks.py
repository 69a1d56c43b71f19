"""
The invariants. Most are looked at while the load is paused and nothing is in doubt; a hold that ends while an answer is
on its way is asked for again, so each comparison is exact to the microsecond.
"""
import json
import os
import re
import shutil

from fold import Fold
from load import milli, now_us, us_of
from oracle import STATES
from support.client import url
from support.server import run, wait_until
from world import NODES, PROBE

COLUMNS = (*STATES, 'on_hand', 'held', 'confirmed', 'safety_stock', 'fenced', 'available', 'short')
CHECKS = {
    'positions': 'every position says what the oracle says: states, held, confirmed, safety stock, fences, available, short',
    'availability': 'every cell and every total of every channel is what the oracle says',
    'reservations': 'exactly the claims that live are listed, line by line; no acknowledged write is missing',
    'expiry': 'a hold counts before expires_at and not at it, read around that very moment',
    'admission': 'each admitted claim fitted when it was admitted: nothing is sold twice',
    'refusal': 'each refusal has a reason',
    'verdict': 'each adjust, count and action is answered as the rules say',
    'order': 'seq and ledger time of answers never go back, no two writes share a seq',
    'seq': 'a read never speaks for less than was answered before, through restarts too',
    'idempotency': 'a repeated request has the first answer',
    'replies': 'only expected status codes, each request answered in time',
    'differences': 'onhand_ledger_differences is 0, and what was written becomes durable',
    'verify': 'onhand verify of a copy of the data directory says ok',
    'bounds': 'file descriptors, threads and the data directory stay within their bounds',
    'fold': 'at the end: a fold of onhand dump is what the oracle says',
    'growth': 'at the end: memory grows by what is remembered and no more, file descriptors and threads do not',
}


class Checks:
    def __init__(self, server, judge, out):
        self.server, self.judge, self.oracle, self.out = server, judge, judge.oracle, out
        self.counts = {name: 0 for name in CHECKS}
        self.violations = []
        self.probes = 0

    def violation(self, check, text):
        self.violations.append({'check': check, 'what': text})

    def expect(self, check, what, got, wanted):
        self.counts[check] += 1
        if got != wanted:
            self.violation(check, f'{what}: the server says {got}, the oracle {wanted}')

    # ---- while the load is paused

    def all(self, client, skus):
        self.take_judgement()
        self.positions(client, skus)
        self.availability(client, skus)
        self.reservations(client)
        self.expiry(client)
        self.metrics(client)

    def take_judgement(self):
        for name, count in self.judge.counts.items():
            self.counts[name] += count
            self.judge.counts[name] = 0
        for found in self.judge.violations:
            event = {key: value for key, value in found['event'].items() if key not in ('lines', 'entries', 'answers', 'parts')}
            self.violation(found['check'], f'seq {found["seq"]}, {found["what"]}; {json.dumps(event, default=str)[:400]}')
        self.judge.violations = []

    def ask(self, client, places, send):
        """An answer and a moment it is exact for: no hold of `places` ends while it is on its way."""
        for _ in range(200):
            before = now_us()
            response = send(client)
            after = now_us()
            if response.status != 200:
                raise AssertionError(f'while paused: {response}')
            if all(self.oracle.next_expiry(place, before) > after for place in places):
                return response.json, before
        raise AssertionError('holds end faster than questions are answered')

    def positions(self, client, skus):
        for sku in skus:
            places = [(sku, node) for node in NODES]
            answer, now = self.ask(client, places, lambda one, sku=sku: one.get(url('v1', 'stock', sku)))
            rows = {row['node']: row for row in answer['positions']}
            for place in places:
                wanted = self.oracle.row(place, now)
                if place[1] in rows:
                    got = {name: milli(rows[place[1]][name]) for name in COLUMNS}
                    self.expect('positions', f'{place} at {now}', got, {name: wanted[name] for name in COLUMNS})
                else:
                    self.expect('positions', f'{place}, not listed', any(wanted[name] for name in (*STATES, 'held', 'confirmed')),
                                False)

    def availability(self, client, skus):
        for channel in self.oracle.channels:
            for start in range(0, len(skus), 5):
                some = skus[start:start + 5]
                places = [(sku, node) for sku in some for node in NODES]
                body = {'skus': some, 'channel': channel}
                totals, now = self.ask(client, places, lambda one, body=body: one.post('/v1/availability', body))
                for item in totals['items']:
                    self.expect('availability', f'total of {item["sku"]} for {channel} at {now}', milli(item['available']),
                                self.oracle.total(channel, item['sku'], now))
                cells, now = self.ask(client, places, lambda one, body=body: one.post('/v1/availability', {**body, 'nodes': NODES}))
                for item in cells['items']:
                    total = self.oracle.total(channel, item['sku'], now)
                    for cell in item['nodes']:
                        free = self.oracle.available(channel, (item['sku'], cell['node']), now)
                        self.expect('availability', f'{item["sku"]} at {cell["node"]} for {channel} at {now}',
                                    milli(cell['available']), min(free, total))

    def reservations(self, client):
        """What is listed as held or confirmed, against what must be, but for what ends while the pages are read."""
        before = now_us()
        listed = {}
        for status in ('held', 'confirmed'):
            for row in self.pages(client, status):
                listed.setdefault(row['id'], row)
        after = now_us()
        for name, made in self.oracle.reservations.items():
            if before <= made.expires <= after:
                listed.pop(name, None)
                continue
            wanted = {(claim.line, *claim.place): (claim.held_at(after), claim.confirmed)
                      for claim in made.claims if claim.live_at(after)}
            row = listed.pop(name, None)
            got = {(line['line'], line['sku'], claim['node']): (milli(claim['held']), milli(claim['confirmed']))
                   for line in row['lines'] for claim in line['claims'] if claim['held'] or claim['confirmed']} if row else {}
            if wanted or got:
                self.expect('reservations', name, got, wanted)
        for name in listed:
            self.expect('reservations', f'{name} is listed', True, False)

    def pages(self, client, status):
        after = None
        while True:
            page = client.get(url('v1', 'reservations', status=status, limit=1000, after=after)).json
            yield from page['reservations']
            after = page['next']
            if after is None:
                return

    def expiry(self, client):
        """Holds that end while they are looked at: each reading is wholly before or wholly at the end."""
        for ttl_s in (0.06, 0.12):
            self.probes += 1
            name = f'probe-{self.probes}'
            made = client.post('/v1/reservations', {'id': name, 'kind': 'cart', 'channel': 'web', 'ttl_seconds': ttl_s,
                                                    'lines': [{'sku': PROBE, 'quantity': 1, 'node': NODES[0]}]}).json
            expires = us_of(made['expires_at'])
            self.judge.fold([{'seq': made['seq'], 'op': 'reserve', 'status': 201, 'id': name, 'channel': 'web', 'partial': False,
                              'created': us_of(made['created_at']), 'expires': expires, 'hi': now_us(),
                              'claims': [(1, (PROBE, NODES[0]), 1000)], 'lines': [(1, PROBE, 1000, NODES[0])]}])
            after = 0
            while after < expires + 3000:
                before = now_us()
                row = client.get(url('v1', 'stock', PROBE, NODES[0])).json
                after = now_us()
                if after < expires or before >= expires:
                    self.expect('expiry', f'held {before - expires} us after the end', milli(row['held']),
                                1000 if after < expires else 0)

    def metrics(self, client):
        found = read_metrics(client)
        self.expect('differences', 'onhand_ledger_differences', found['onhand_ledger_differences'], 0)
        wait_until(lambda: read_metrics(client)['onhand_ledger_durable_seq'] >= found['onhand_ledger_seq'],
                   f'record {found["onhand_ledger_seq"]} does not become durable', 30)

    # ---- the process and its files

    def bounds(self, sample):
        """docs/OPERATIONS.md says what the data directory may take."""
        config = self.server.config
        disk_mib = 32 * (int(config['keep_snapshots']) + 1) + 4 * int(config['journal_segment_mib'])
        for name, most in (('fds', int(config['connections_max']) + 64), ('threads', 16),
                           ('journal_mib', disk_mib), ('snapshot_mib', 3 * 64)):
            self.counts['bounds'] += 1
            if sample.get(name, 0) > most:
                self.violation('bounds', f'{name} is {sample[name]}, may be {most}')

    def copy_data(self):
        """Links to files that are finished, copies of the newest: those are written on."""
        copy = os.path.join(self.out, 'copy')
        shutil.rmtree(copy, ignore_errors=True)
        for folder in ('journal', 'snapshot'):
            source = os.path.join(self.server.data, folder)
            os.makedirs(os.path.join(copy, folder))
            names = sorted(name for name in os.listdir(source) if not name.endswith('.tmp'))
            for name in names:
                self.copy_file(os.path.join(source, name), os.path.join(copy, folder, name), name in names[-2:])
        return copy

    @staticmethod
    def copy_file(source, target, is_new):
        if not is_new:
            try:
                return os.link(source, target)
            except OSError:
                pass
        return shutil.copyfile(source, target)

    def verify(self, copy):
        """True when it says ok; a copy that is not stays for a person to look at."""
        result = run('verify', '--json', copy, timeout=600)
        self.counts['verify'] += 1
        if result.returncode != 0:
            self.violation('verify', f'{result.stdout[-1500:]} {result.stderr[-500:]}')
        return result.returncode == 0

    def fold(self, program):
        """After the end: what was recorded, against what was answered."""
        fold = Fold().read(program, self.server.data)
        now = now_us()
        rows = fold.rows(now)
        places = {(sku, node) for sku, node, _ in self.oracle.counters} | set(self.oracle.claims) | set(rows)
        for place in places:
            wanted = {**{state: self.oracle.counter(place, state) for state in STATES},
                      'held': self.oracle.held(place, now), 'confirmed': self.oracle.confirmed(place, now)}
            got = {name: rows[place][name] for name in wanted}
            self.expect('fold', f'{place}', got, wanted)
        return fold.records

    def growth(self, samples):
        """
        [(what, growth an hour, bound)] by least squares, without the first quarter; None for less than minutes. Judged in
        runs of an hour and more: a full disk or a restart moves memory by some MiB, which is much in a few minutes.
        """
        rows = [row for row in samples if row.get('memory_mib') is not None]
        rows = rows[len(rows) // 4:]
        if len(rows) < 20 or rows[-1]['t'] - rows[0]['t'] < 300:
            return None
        is_judged = rows[-1]['t'] - rows[0]['t'] >= 2600
        found = []
        for what, bound, value in GROWTH:
            bound = bound if is_judged else None
            slope = slope_per_hour([(row['t'], value(row)) for row in rows])
            found.append((what, slope, bound))
            self.counts['growth'] += 0 if bound is None else 1
            if bound is not None and slope > bound:
                self.violation('growth', f'{what}: {slope:+.1f} an hour, may be {bound}')
        return found


def explained_mib(row):
    """docs/OPERATIONS.md, Capacity: bytes of each thing that is remembered for a day; a claim is counted with its reservation."""
    return (200 * row.get('reservations', 0) + 100 * row.get('claims', 0) + 200 * row.get('keys', 0)
            + 40 * min(row.get('movements', 0), 262144)) / (1 << 20)


# The data directory is a sawtooth with a bound of its own, above.
GROWTH = (('memory that is not explained by what is remembered, MiB', 64, lambda row: row['rss_mib'] - explained_mib(row)),
          ('resident memory, MiB', None, lambda row: row['rss_mib']),
          ('file descriptors', 20, lambda row: row['fds']),
          ('threads', 4, lambda row: row['threads']),
          ('data directory, MiB', None, lambda row: row['journal_mib'] + row['snapshot_mib']))


def slope_per_hour(points):
    """Least squares."""
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


SAMPLE = re.compile(r'(\w+)(\{[^}]*\})? (-?[0-9.eE+]+)$')


def read_metrics(client):
    """name -> sum of its samples."""
    found = {}
    for line in client.get('/metrics').body.decode().splitlines():
        match = SAMPLE.match(line)
        if match and '_bucket' not in match.group(1):
            found[match.group(1)] = found.get(match.group(1), 0) + float(match.group(3))
    return found
