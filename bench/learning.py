"""
What percentile promises would have been worth, on two real sets of deliveries (not part of the project).

The first half of the orders by time is what is known (only what was delivered before the cut); the second half is
promised and judged. The ledger's own sketches answer, through bench_learning. Days are whole: a delivery counts as noon of
its day, a promise is the day its hour falls on.

  python3 bench/learning.py [--program build/release/bench/bench_learning] [--data FOLDER]
"""
import argparse
import collections
import csv
import datetime
import gzip
import math
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, '..', '..', 'shared', 'data')
PERCENTILES = (50, 80, 90, 95)
DAYS_MAX = 364

Order = collections.namedtuple('Order', 'service origin destination ordered delivered promised')


def rows(*names):
    with gzip.open(os.path.join(*names), 'rt', encoding='utf-8', newline='') as file:
        yield from csv.DictReader(file)


def day(text):
    return datetime.date.fromisoformat(text)


def plain(text):
    return text.replace(',', ' ')[:120]


def us_orders(data):
    """One distributor, so one origin; the service is the product, each of which had a programme of its own."""
    seen = set()
    for row in rows(data, 'us', 'lead_times.csv.gz'):
        key = (row['node'], row['sku'], row['ordered'], row['delivered'])
        if key not in seen:    # the same order was told several times
            seen.add(key)
            yield Order(row['sku'], 'US', 'US-' + row['postal_code'][:2], day(row['ordered']), day(row['delivered']), None)


def scms_orders(data):
    """From the purchase order on; a lane is the site and the country, a service the way it was sent."""
    for row in rows(data, 'promise_truth_scms.csv.gz'):
        if row['po_sent']:
            yield Order(plain(f"{row['via']} {row['mode']}"), plain(row['origin_site']), plain(row['country']),
                        day(row['po_sent']), day(row['delivered']), day(row['promised']))


def took(order):
    return (order.delivered - order.ordered).days


class Learned:
    def __init__(self, program, orders):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for order in orders:
            self.write('d', order, took(order) * 86400 + 43200)

    def write(self, what, order, number):
        self.process.stdin.write(f'{what},{order.service},{order.origin},{order.destination},'
                                 f'{order.ordered.weekday()},{number}\n')

    def promise_all(self, orders, percentile):
        """Days for each order; None where too little was learned."""
        answers = []
        for start in range(0, len(orders), 500):    # fewer bytes than a pipe holds
            part = orders[start:start + 500]
            for order in part:
                self.write('q', order, percentile)
            self.process.stdin.flush()
            answers += [self.process.stdout.readline().strip() for _ in part]
        return [None if answer == '-' else int(answer) // 86400 for answer in answers]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait() != 0:
            raise SystemExit('bench_learning failed')


def table_of(known, key, choose):
    lanes = collections.defaultdict(list)
    for order in known:
        lanes[key(order)].append(took(order))
    return {name: choose(days) for name, days in lanes.items()}


def row_put(name, orders, promised, is_learned):
    """Late share and mean days promised: where something was learned, and of all orders, the others by the table."""
    cells = []
    for chosen in (is_learned, [True] * len(orders)):
        pairs = [(took(order), days) for order, days, has in zip(orders, promised, chosen) if has]
        cells.append(f'{100 * statistics.fmean(days > promise for days, promise in pairs):.1f} %')
        cells.append(f'{statistics.fmean(promise for _, promise in pairs):.1f}')
    print(f'| {name} | {" | ".join(cells)} |')


def judge(name, program, orders):
    orders = sorted((order for order in orders if 0 <= took(order) <= DAYS_MAX), key=lambda order: order.ordered)
    cut = orders[len(orders) // 2].ordered
    known = [order for order in orders if order.delivered < cut]
    service = table_of(known, lambda order: order.service, lambda days: math.ceil(statistics.median(days)))
    asked = [order for order in orders if order.ordered >= cut and order.service in service]
    learned = Learned(program, known)
    promises = {percentile: learned.promise_all(asked, percentile) for percentile in PERCENTILES}
    learned.close()
    is_learned = [days is not None for days in promises[PERCENTILES[0]]]
    by_service = [service[order.service] for order in asked]
    print(f'\n{name}: {len(orders)} orders, cut {cut}, {len(known)} known, {len(asked)} promised, of which '
          f'{sum(is_learned)} where something was learned\n')
    print('| promise | late | mean days | late, all | mean days, all |\n|---|---:|---:|---:|---:|')
    row_put('table: median of the service', asked, by_service, is_learned)
    for title, choose in (('table: median of the lane', lambda days: math.ceil(statistics.median(days))),
                          ('table: worst of the lane', max)):
        table = table_of(known, lambda order: order[:3], choose)
        row_put(title, asked, [table.get(order[:3], days) for order, days in zip(asked, by_service)], is_learned)
    for percentile, days in promises.items():
        row_put(f'learned, p{percentile}', asked,
                [by_table if value is None else value for value, by_table in zip(days, by_service)], is_learned)
    if asked[0].promised is not None:
        row_put('the source itself', asked, [(order.promised - order.ordered).days for order in asked], is_learned)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default=os.path.join(HERE, '..', 'build', 'release', 'bench', 'bench_learning'))
    parser.add_argument('--data', default=DATA)
    options = parser.parse_args()
    if not os.path.isdir(options.data):
        print(f'{options.data} is not there')
        sys.exit(77)
    us = list(us_orders(options.data))
    judge('us, by two digits of the ZIP', options.program, us)
    judge('us, the country as one region', options.program, [order._replace(destination='US') for order in us])
    judge('scms', options.program, list(scms_orders(options.data)))


if __name__ == '__main__':
    main()
