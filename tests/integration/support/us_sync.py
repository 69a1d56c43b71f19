"""
Real stock reports as counts: late, duplicated, contradictory, sometimes empty.

A report says a day; the reports of one day for one place and item are told apart by when they were received, so
`received_at` is the source_seq, and two that came in one upload are told apart by their place in the file. A report
without a quantity says nothing about stock and is left out.
"""
import collections
import random
import time

from .client import request_bytes, url
from .uk_replay import read_rows, read_text

ENTRIES = 500
EPOCH_S = 1_640_000_000  # before the first report; keeps a source_seq within the 15 digits of a JSON number


def seconds(received_at):
    return int(time.mktime(time.strptime(received_at, '%Y-%m-%dT%H:%M:%SZ')) - time.timezone)


def reports():
    """(counts, how many rows were empty). A count is an entry of a sync."""
    counts, empty = [], 0
    for number, row in enumerate(read_rows('us', 'stock_reports.csv.gz')):
        if row['quantity'] == '' or row['as_of_date'] == '':
            empty += 1
            continue
        counts.append({'sku': row['sku'], 'node': row['node'], 'quantity': float(row['quantity']),
                       'as_of': row['as_of_date'] + 'T00:00:00Z',
                       'source_seq': (seconds(row['received_at']) - EPOCH_S) * 1_000_000 + number})
    return counts, empty


def expected(counts):
    """The independent answer: per position the count that is last by (as_of, source_seq)."""
    last = {}
    for count in counts:
        place = (count['sku'], count['node'])
        if place not in last or (count['as_of'], count['source_seq']) > (last[place]['as_of'], last[place]['source_seq']):
            last[place] = count
    return {place: count['quantity'] for place, count in last.items()}


def orders(counts, seed):
    """The feeds to try: as received, shuffled, and everything twice in no order."""
    chance = random.Random(seed)
    yield 'in order', counts
    yield 'shuffled', chance.sample(counts, len(counts))
    yield 'twice', chance.sample(counts + counts, 2 * len(counts))


def load(server, counts):
    with server.client() as client:
        answer = client.post(url('v1', 'import', 'nodes'), read_text('us', 'nodes.csv.gz'), {'Content-Type': 'text/csv'})
        if answer.status != 200 or answer.json['rejected']:
            raise AssertionError(f'import of nodes: {answer}')
        skus = sorted({count['sku'] for count in counts})
        client.post(url('v1', 'import', 'items'), ('sku\n' + '\n'.join(skus) + '\n').encode(), {'Content-Type': 'text/csv'})
    return skus


def feed(server, counts):
    """Sends the counts in order; (verdicts, seconds)."""
    verdicts = collections.Counter()

    def take(reply):
        if reply.status != 200:
            raise AssertionError(f'sync: {reply}')
        verdicts.update(entry['verdict'] for entry in reply.json['entries'])
    requests = [request_bytes('POST', '/v1/stock/sync', {'source': 'hhs', 'entries': counts[start:start + ENTRIES]})
                for start in range(0, len(counts), ENTRIES)]
    start = time.monotonic()
    with server.client() as client:
        client.pipeline(requests, window=32, on_response=take)
    return verdicts, time.monotonic() - start


def ledger(server, skus):
    """Every position: (sku, node) -> its whole row."""
    rows = {}
    with server.client() as client:
        for sku in skus:
            after = None
            while True:
                page = client.get(url('v1', 'stock', sku, limit=1000, after=after)).json
                rows.update({(sku, row['node']): row for row in page['positions']})
                after = page['next']
                if after is None:
                    break
    return rows
