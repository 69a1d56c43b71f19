"""What promises are like on a real network: 25 nodes, 3,002 postal codes, the real baskets of a year (not part of the
project).

    python3 bench/promises_uk.py [--program build/release/onhand] [--orders 2000] [--data FOLDER]

1. One item to every postal code there is: delivered by two services, and collected.
2. The baskets of the year, the largest of 1,106 items included (1,112 rows; its postal code is not known: it is asked for
   beside the node that sent it), under three policies: parcels and distance for each order, how many were promised whole, whether the search
   was optimal, and how long it took.

Time is the wall clock of a request on a connection of its own, and the server's CPU for it, everything included: HTTP, JSON,
engine. Every store has ten times its opening stock, so that a basket can mostly be had. Figures: see bench/README.md.
"""
import argparse
import collections
import csv
import gzip
import os
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
POLICIES = {
    'fewest parcels': {'objective': ['complete', 'parcels', 'date', 'distance']},
    'nearest': {'objective': ['complete', 'distance', 'parcels']},
    'date and cost': {'objective': ['complete', {'date': 1, 'cost': 1}, 'parcels']},
}
WORKING_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri']


def rows(data, name):
    with gzip.open(os.path.join(data, 'uk', name), 'rt', encoding='utf-8', newline='') as file:
        yield from csv.DictReader(file)


def text(data, name):
    with gzip.open(os.path.join(data, 'uk', name), 'rb') as file:
        return file.read()


def stocked(data, times):
    lines = ['sku,node,quantity,as_of']
    lines += [f"{row['sku']},{row['node']},{float(row['quantity']) * times:g},2020-01-01T00:00:00Z"
              for row in rows(data, 'stock.csv.gz')]
    return '\n'.join(lines + ['']).encode()


def prepare(client, data):
    def ok(response):
        assert response.status in (200, 201), response
        return response.json
    for kind, body in (('nodes', text(data, 'nodes.csv.gz')), ('items', text(data, 'items.csv.gz')),
                       ('postal_codes', text(data, 'postal_codes.csv.gz')), ('stock', stocked(data, 10))):
        answer = ok(client.post(f'/v1/import/{kind}', body, {'Content-Type': 'text/csv'}))
        assert answer['rejected'] == 0, answer
    ok(client.put('/v1/calendars/working-days', {'weekly_off': ['sat', 'sun']}))
    for service, days, cost in (('next-day', 1, 4.95), ('standard', 3, 2.95)):
        ok(client.put(f'/v1/services/{service}', {
            'time_zone': 'Europe/London', 'transit_calendar': 'working-days', 'delivery_calendar': 'working-days',
            'transit': [{'country': 'GB', 'postal_prefix': 'BT', 'days': days + 1}, {'country': 'GB', 'days': days}],
            'delivery_window': {'from': '08:00', 'to': '20:00'}, 'cost': [{'amount': cost}], 'currency': 'GBP'}))
    for row in rows(data, 'nodes.csv.gz'):
        is_store = row['type'] == 'store'
        ok(client.put(f"/v1/nodes/{row['node']}/schedule", {
            'hours': [{'days': WORKING_DAYS, 'from': '08:00', 'to': '18:00'}], 'lead_minutes': 15,
            'collect_hours': [{'from': '09:00', 'to': '19:00'}], 'cutoffs': [{'days': WORKING_DAYS, 'at': '16:00'}],
            'processing_minutes': {'default': 60 if is_store else 120},
            'pickups': [{'service': service, 'days': WORKING_DAYS, 'at': '17:00'} for service in ('next-day', 'standard')],
            'priority': 10 if is_store else 1}))
    for number, policy in enumerate(POLICIES.values()):
        ok(client.put(f'/v1/channels/p{number}', {'policy': 'priority'}))
        ok(client.put(f'/v1/channels/p{number}/sourcing', {**policy, 'allow_partial': True, 'parcels_max': 8}))


def cpu_s(pid):
    with open(f'/proc/{pid}/stat', encoding='ascii') as file:
        fields = file.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


class Clock:
    """Wall and CPU of the requests that are made through it."""

    def __init__(self, server, client):
        self.pid, self.client = server.process.pid, client
        self.walls, self.cpu_begin = [], cpu_s(server.process.pid)

    def ask(self, body):
        begin = time.perf_counter()
        response = self.client.post('/v1/promises', body)
        self.walls.append(time.perf_counter() - begin)
        assert response.status == 200, response
        return response.json

    def figures(self):
        walls = sorted(self.walls)
        p99 = walls[min(len(walls) - 1, len(walls) * 99 // 100)]
        return (f'{statistics.median(walls) * 1e6:.0f} / {p99 * 1e6:.0f} us',
                f'{(cpu_s(self.pid) - self.cpu_begin) / len(walls) * 1e6:.0f} us')


def everywhere(server, client, data):
    best = collections.Counter(row['sku'] for row in rows(data, 'stock.csv.gz')).most_common(1)[0][0]
    clock = Clock(server, client)
    ways = collections.Counter()
    places = [row['postal_code'] for row in rows(data, 'postal_codes.csv.gz')]
    for place in places:
        answer = clock.ask({'channel': 'p0', 'destination': {'country': 'GB', 'postal_code': place},
                            'lines': [{'sku': best, 'quantity': 1}]})
        for kind in {option['kind'] + ' ' + option.get('service', '') for option in answer['options']}:
            ways[kind] += 1
    wall, cpu = clock.figures()
    print(f'One item ({best}) to {len(places)} postal codes: {dict(ways)}; median / p99 {wall}, CPU {cpu}\n')


def nearest(node, places):
    """Of the postal codes, near enough on a map that is not a sphere."""
    def apart(place):
        return (float(place['lat']) - float(node['lat'])) ** 2 + (float(place['lon']) - float(node['lon'])) ** 2 / 2.6
    return min(places.values(), key=apart)['postal_code']


def baskets(data, places, most):
    """
    Orders with something sold, to a postal code that there is: the largest, and every n-th of the rest. Before them the
    largest of those whose postal code is not known, the largest of all among them: they are asked for beside the node
    that sent them.
    """
    home = {row['node']: nearest(row, places) for row in rows(data, 'nodes.csv.gz')}
    known, unknown = {}, {}
    for row in rows(data, 'events.csv.gz'):
        if row['type'] != 'sale' or float(row['quantity']) <= 0:
            continue
        place, found = row['postal_code'], known
        if place == '' and row['country'] == 'United Kingdom':
            place, found = home[row['node']], unknown
        if place in places:
            lines = found.setdefault(row['order'], (place, collections.Counter()))[1]
            lines[row['sku']] += float(row['quantity'])
    orders, others = (sorted(found.values(), key=lambda order: -len(order[1])) for found in (known, unknown))
    step = max(1, len(orders) // most)
    return others[:10] + orders[:10] + orders[10::step], len(orders) + len(others)


def policies(server, client, data, most):
    places = {row['postal_code']: row for row in rows(data, 'postal_codes.csv.gz')}
    orders, total = baskets(data, places, most)
    sizes = [len(lines) for _, lines in orders]
    print(f'{len(orders)} of {total} orders, {statistics.mean(sizes):.1f} lines on average, the largest {max(sizes)}\n')
    print('| policy | parcels | km of an order | whole | optimal | median / p99 | CPU |\n|---|---|---|---|---|---|---|')
    for number, name in enumerate(POLICIES):
        clock = Clock(server, client)
        parcels, distance, whole, optimal = [], [], 0, 0
        for place, lines in orders:
            answer = clock.ask({'channel': f'p{number}', 'destination': {'country': 'GB', 'postal_code': place},
                                'options': {'services': ['next-day']},
                                'lines': [{'sku': sku, 'quantity': quantity} for sku, quantity in lines.items()]})
            for option in answer['options'][:1]:
                parcels.append(len(option['parcels']))
                distance.append(sum(parcel.get('distance_km', 0) for parcel in option['parcels']))
                whole += option['complete']
                optimal += option['search'] == 'optimal'
        wall, cpu = clock.figures()
        print(f'| {name} | {statistics.mean(parcels):.2f} | {statistics.mean(distance):.0f} | {whole / len(orders):.1%} |'
              f' {optimal / len(orders):.1%} | {wall} | {cpu} |')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default=str(ROOT / 'build/release/onhand'))
    parser.add_argument('--data', default=str(ROOT.parent / 'shared/data'))
    parser.add_argument('--orders', type=int, default=2000)
    arguments = parser.parse_args()
    os.environ['ONHAND_PROGRAM'] = arguments.program
    sys.path.insert(0, str(ROOT / 'tests/integration'))
    from support.server import Server
    server = Server(durability='memory').start()
    try:
        with server.client() as client:
            prepare(client, arguments.data)
            everywhere(server, client, arguments.data)
            policies(server, client, arguments.data, arguments.orders)
    finally:
        server.stop()
        server.close()


if __name__ == '__main__':
    main()
