#!/usr/bin/env python3
"""
Feeds real stock reports (114,770, late, duplicated, contradictory) as counts: in order, shuffled, and twice. The
ledger must be the same each time. Prints one JSON line.

    ONHAND_PROGRAM=build/release/onhand python3 bench/us_sync.py [--durability disk|process|memory]

The data (../shared/data) is not part of the project; without it the program ends with 77.
"""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'integration'))

from support import us_sync  # noqa: E402  pylint: disable=wrong-import-position
from support.server import Server  # noqa: E402  pylint: disable=wrong-import-position
from support.uk_replay import has_data  # noqa: E402  pylint: disable=wrong-import-position


def feed_once(durability, counts, order):
    server = Server(durability=durability).start()
    try:
        skus = us_sync.load(server, counts)
        verdicts, spent = us_sync.feed(server, order)
        rows = us_sync.ledger(server, skus)
        server.stop()
        return rows, verdicts, spent
    finally:
        server.close()


def main():
    parser = argparse.ArgumentParser(description='Feed real stock reports as counts.')
    parser.add_argument('--durability', default='process', choices=['disk', 'process', 'memory'])
    parser.add_argument('--seed', type=int, default=1, help='for the shuffles')
    arguments = parser.parse_args()
    if not has_data():
        print('the data is not there', file=sys.stderr)
        return 77
    counts, empty = us_sync.reports()
    wanted = us_sync.expected(counts)
    report = {'bench': 'us_sync', 'counts': len(counts), 'empty_left_out': empty, 'positions': len(wanted),
              'durability': arguments.durability, 'seed': arguments.seed}
    first, is_same = None, True
    for name, order in us_sync.orders(counts, arguments.seed):
        rows, verdicts, spent = feed_once(arguments.durability, counts, order)
        first = first or rows
        is_same = is_same and rows == first and {place: row['sellable'] for place, row in rows.items()} == wanted
        report[name.replace(' ', '_')] = {'counts_per_second': round(len(order) / spent), **verdicts}
    report['same_ledger'] = is_same
    print(json.dumps(report))
    return 0 if is_same else 1


if __name__ == '__main__':
    sys.exit(main())
