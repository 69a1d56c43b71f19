"""
A year of a retailer, replayed over HTTP in stream order.

Store sales, returns and corrections are adjusts. Click & collect is reserve, confirm, fulfil at the node. Shipping is
reserve by the nearest node that ships (by postal code; abroad: at the node of the event), confirm, fulfil. Every
Monday 05:00 each position is topped up to what it sold in the last 14 days. A sale takes what there is
(allow_partial); the rest was truly short.

Two things are kept beside the server: a fold of the answers (what each accepted event did), and a prediction (what a
naive model of the same stock would have answered). Neither asks the server for a position before the end.
"""
import collections
import csv
import datetime
import gzip
import json
import math
import os
import random
import signal
import time

from .client import request_bytes, url

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', '..', '..', 'shared', 'data')
FORTNIGHT = datetime.timedelta(days=14)
LINES_MAX = 1000
ENTRIES_MAX = 10_000
COUNTRY = 'GB'


def data_path(*names):
    return os.path.join(DATA, *names)


def has_data():
    return os.path.isdir(DATA)


def read_text(*names):
    with gzip.open(data_path(*names), 'rb') as file:
        return file.read()


def read_rows(*names):
    with gzip.open(data_path(*names), 'rt', encoding='utf-8', newline='') as file:
        yield from csv.DictReader(file)


def last_sunday(year, month):
    day = datetime.datetime(year, month, 31)
    return day - datetime.timedelta(days=(day.weekday() + 1) % 7)


def to_utc(local):
    """London's clock to UTC: one hour less between the last Sundays of March and October."""
    starts = last_sunday(local.year, 3) + datetime.timedelta(hours=1)
    ends = last_sunday(local.year, 10) + datetime.timedelta(hours=2)
    return local - datetime.timedelta(hours=1) if starts <= local < ends else local


def text(moment):
    return moment.strftime('%Y-%m-%dT%H:%M:%SZ')


def distance_km(a, b):
    """Great circle, haversine, the mean radius of the earth."""
    lat_a, lat_b = math.radians(a[0]), math.radians(b[0])
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b[1] - a[1]) / 2
    root = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return 2 * 6371.0088 * math.asin(math.sqrt(min(1.0, root)))


class Step:
    """One request and what to do with its answer."""

    __slots__ = ('data', 'take')

    def __init__(self, key, target, body, take):
        self.data = request_bytes('POST', target, body, {'Idempotency-Key': key})
        self.take = take


class Replay:
    def __init__(self, server, event_count=None, kill_count=3, seed=None, say=print):
        self.server = server
        self.event_count = event_count
        self.say = say
        self.on_hand = collections.Counter()      # the fold of accepted events
        self.predicted = collections.Counter()    # the naive model
        self.sales = collections.deque()          # (moment, sku, node, quantity) of the last fortnight
        self.short = collections.Counter()        # by channel: lines that were short
        self.counts = collections.Counter()
        self.faults = []
        self.seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
        self.kill_count = kill_count
        self.kill_at = []
        self.request_count = 0
        self.spent_s = 0.0
        self.key_number = 0

    # ---- the network

    def load(self):
        with self.server.client() as client:
            for kind in ('nodes', 'items', 'stock', 'postal_codes'):
                answer = client.post(url('v1', 'import', kind), read_text('uk', f'{kind}.csv.gz'), {'Content-Type': 'text/csv'})
                if answer.status != 200 or answer.json['rejected']:
                    raise AssertionError(f'import of {kind}: {answer}')
            self.add_missing_items(client)
            for channel, policy in (('till', 'priority'), ('pickup', 'priority'), ('web', 'nearest')):
                client.put(url('v1', 'channels', channel), {'policy': policy})
        self.nodes = {row['node']: (float(row['lat']), float(row['lon'])) for row in read_rows('uk', 'nodes.csv.gz')
                      if row['ships'] == '1'}
        self.places = {row['postal_code'].replace(' ', '').upper(): (float(row['lat']), float(row['lon']))
                       for row in read_rows('uk', 'postal_codes.csv.gz') if row['country'] == COUNTRY}
        for row in read_rows('uk', 'stock.csv.gz'):
            self.on_hand[row['sku'], row['node']] += int(row['quantity'])
        self.predicted.update(self.on_hand)
        self.ranked = {}

    def add_missing_items(self, client):
        """A few items are sold or found that the catalogue does not have."""
        catalogue = {row['sku'] for row in read_rows('uk', 'items.csv.gz')}
        missing = sorted({row['sku'] for row in self.events()} - catalogue)
        self.counts['items added'] = len(missing)
        replies = client.pipeline(request_bytes('PUT', url('v1', 'items', sku), {}) for sku in missing)
        if {reply.status for reply in replies} - {201}:
            raise AssertionError(f'items that are missing: {replies}')

    def nearest(self, postal_code):
        if postal_code not in self.ranked:
            point = self.places[postal_code]
            self.ranked[postal_code] = sorted(self.nodes, key=lambda node: distance_km(point, self.nodes[node]))
        return self.ranked[postal_code]

    # ---- the stream

    def events(self):
        for number, row in enumerate(read_rows('uk', 'events.csv.gz')):
            if number == self.event_count:
                return
            yield row

    def baskets(self):
        """Runs of events of one order at one moment and place, at most LINES_MAX long."""
        basket, name = [], None
        for row in self.events():
            this = (row['local_time'], row['order'], row['type'], row['channel'], row['node'], row['postal_code'])
            if basket and (this != name or len(basket) == LINES_MAX):
                yield basket
                basket = []
            basket.append(row)
            name = this
        if basket:
            yield basket

    def run(self):
        start = time.monotonic()
        monday = None
        steps = []
        chance = random.Random(self.seed)
        total = self.event_count or 538_914
        self.kill_at = sorted(chance.randrange(total // 20, total) for _ in range(self.kill_count))
        self.say(f'seed {self.seed}: kill -9 after about {self.kill_at} events')
        for basket in self.baskets():
            local = datetime.datetime.fromisoformat(basket[0]['local_time'])
            if monday is None:
                monday = self.next_monday(local)
            while local >= monday:
                self.play(steps)
                steps = self.top_up(monday)
                self.play(steps)
                steps = []
                monday += datetime.timedelta(days=7)
            steps += self.steps_of(basket, to_utc(local))
            self.counts['events'] += len(basket)
            if self.kill_at and self.counts['events'] >= self.kill_at[0]:
                self.play(steps, kill_after=max(1, len(steps) - chance.randrange(1, 200)))
                self.kill_at.pop(0)
                steps = []
        self.play(steps)
        self.spent_s = time.monotonic() - start

    @staticmethod
    def next_monday(local):
        day = local.replace(hour=5, minute=0, second=0)
        day += datetime.timedelta(days=(7 - day.weekday()) % 7)
        return day if day > local else day + datetime.timedelta(days=7)

    def key(self):
        self.key_number += 1
        return f'k{self.key_number}'

    # ---- steps

    def steps_of(self, basket, moment):
        kind = (basket[0]['type'], basket[0]['channel'])
        if kind == ('sale', 'click_collect'):
            return self.claim_steps(basket, moment, 'collect', 'pickup', basket[0]['node'], None)
        if kind == ('sale', 'ship'):
            place = basket[0]['postal_code'].replace(' ', '').upper()
            if place in self.places:
                return self.claim_steps(basket, moment, 'ship', 'web', None, place)
            return self.claim_steps(basket, moment, 'ship', 'till', basket[0]['node'], None)
        sign = 1 if basket[0]['type'] in ('return', 'adjust_in') else -1
        return self.adjust_steps(basket, moment, sign)

    def adjust_steps(self, basket, moment, sign):
        changes = [(row['sku'], row['node'], sign * int(row['quantity'])) for row in basket]
        is_sale = basket[0]['type'] == 'sale'
        for sku, node, change in changes:
            if is_sale:
                self.sales.append((moment, sku, node, -change))
                if self.predicted[sku, node] < -change:
                    self.short['store'] += 1
            self.predicted[sku, node] += change
        return [self.adjust_step(changes, moment, basket[0]['type'])]

    def adjust_step(self, changes, moment, reason):
        def take(reply):
            if reply.status != 200:
                return self.fault(reply)
            for entry, (sku, node, change) in zip(reply.json['entries'], changes):
                if (entry['verdict'], entry['sku'], entry['node'], entry['quantity']) != ('ok', sku, node, change):
                    self.fault(entry)
                self.on_hand[sku, node] += change
        entries = [{'sku': sku, 'node': node, 'quantity': change, 'reason': reason, 'at': text(moment)}
                   for sku, node, change in changes]
        return Step(self.key(), '/v1/stock/adjust', {'source': 'uk', 'entries': entries}, take)

    def predict(self, row, nodes):
        """What a naive model gives this line: from each node in turn what it has."""
        left, claims = int(row['quantity']), []
        for node in nodes:
            had = min(left, max(0, self.predicted[row['sku'], node]))
            if had:
                claims.append((node, had))
                self.predicted[row['sku'], node] -= had
                left -= had
        return claims, left

    def claim_steps(self, basket, moment, kind, channel, node, place):
        ranked = [node] if node else self.nearest(place)
        lines, expected = [], []
        for number, row in enumerate(basket, 1):
            line = {'line': number, 'sku': row['sku'], 'quantity': int(row['quantity'])}
            lines.append({**line, 'node': node} if node else line)
            claims, left = self.predict(row, ranked)
            expected.append(claims)
            for at, had in claims:
                self.sales.append((moment, row['sku'], at, had))
            if left:
                self.sales.append((moment, row['sku'], row['node'], left))
                self.short[row['channel']] += 1
        name = 'o' + self.key()
        body = {'id': name, 'kind': kind, 'channel': channel, 'order': basket[0]['order'], 'allow_partial': True,
                'lines': lines}
        if place:
            body['near'] = {'postal_code': place, 'country': COUNTRY}
        is_empty = not any(expected)
        steps = [Step(name, '/v1/reservations', body, lambda reply: self.take_claims(reply, expected))]
        for action in ('confirm', 'fulfil'):
            more = {'at': text(moment)} if action == 'fulfil' else {}
            take = self.take_fulfilled if action == 'fulfil' else self.take_action
            steps.append(Step(self.key(), url('v1', 'reservations', name, action), more,
                              (lambda reply, take=take: self.take_empty(reply) if is_empty else take(reply))))
        return steps

    def take_claims(self, reply, expected):
        if reply.status not in (200, 201):
            return self.fault(reply)
        got = [[(claim['node'], claim['quantity']) for claim in line['claims']] for line in reply.json['lines']]
        if got != expected:
            self.fault(f'claimed {got}, a naive model would have {expected}: {reply}')

    def take_action(self, reply):
        if reply.status != 200:
            self.fault(reply)

    def take_empty(self, reply):
        """Nothing could be had: the reservation ended as it began."""
        if reply.status != 409:
            self.fault(reply)

    def take_fulfilled(self, reply):
        if reply.status != 200:
            return self.fault(reply)
        for line in reply.json['lines']:
            self.on_hand[line['sku'], line['node']] -= line['quantity']

    def top_up(self, monday):
        """Up to the last 14 days' sales, by the fold of what was accepted."""
        moment = to_utc(monday)
        while self.sales and self.sales[0][0] < moment - FORTNIGHT:
            self.sales.popleft()
        target = collections.Counter()
        for _, sku, node, quantity in self.sales:
            target[sku, node] += quantity
        changes = [(sku, node, wanted - self.on_hand[sku, node]) for (sku, node), wanted in target.items()
                   if wanted > self.on_hand[sku, node]]
        self.counts['top-ups'] += len(changes)
        for sku, node, change in changes:
            self.predicted[sku, node] += change
        return [self.adjust_step(changes[start:start + ENTRIES_MAX], moment, 'top-up')
                for start in range(0, len(changes), ENTRIES_MAX)]

    def fault(self, what):
        if len(self.faults) < 20:
            self.faults.append(repr(what)[:1000])
        self.counts['faults'] += 1

    # ---- the wire

    def play(self, steps, kill_after=None):
        """Sends steps in order, over crashes: what was not answered is sent again under the same keys."""
        done = 0
        is_killed = kill_after is None

        def take(reply):
            nonlocal done, is_killed
            steps[done].take(reply)
            done += 1
            if not is_killed and done >= kill_after:
                is_killed = True
                self.server.process.kill()
        while done < len(steps):
            try:
                with self.server.client() as client:
                    client.pipeline((step.data for step in steps[done:]), window=128, on_response=take)
            except ConnectionError:
                self.start_again(len(steps) - done)
        self.request_count += len(steps)

    def start_again(self, unanswered):
        code = self.server.wait()
        self.server.check_sanitizers()
        if code != -signal.SIGKILL:
            raise AssertionError(f'the server ended with {code}; its log:\n{self.server.log()}')
        began = time.monotonic()
        self.server.start()
        self.counts['restarts'] += 1
        self.say(f'killed after {self.counts["events"]} events, {unanswered} requests unanswered, '
                 f'ready again in {time.monotonic() - began:.2f} s')

    # ---- the end

    def compare(self):
        """Every position against the fold and the model; the list of differences."""
        wrong = []
        skus = sorted({sku for sku, _ in self.on_hand})
        requests = (request_bytes('GET', url('v1', 'stock', sku, limit=1000)) for sku in skus)
        with self.server.client() as client:
            replies = client.pipeline(requests)
        seen = set()
        for sku, reply in zip(skus, replies):
            for row in reply.json['positions']:
                place = (sku, row['node'])
                seen.add(place)
                wanted = (self.on_hand[place], self.predicted[place], 0, 0)
                got = (row['sellable'], row['sellable'], row['held'], row['confirmed'])
                if got != wanted:
                    wrong.append((place, got, wanted))
        wrong += [(place, None, value) for place, value in self.on_hand.items() if value and place not in seen]
        self.counts['positions'] = len(seen)
        return wrong

    def report(self):
        return {'bench': 'uk_replay', 'events': self.counts['events'], 'requests': self.request_count,
                'seconds': round(self.spent_s, 1), 'events_per_second': round(self.counts['events'] / max(self.spent_s, 1e-9)),
                'restarts': self.counts['restarts'], 'top_ups': self.counts['top-ups'], 'positions': self.counts['positions'],
                'short_sales': dict(self.short), 'short_sales_total': sum(self.short.values()),
                'items_added': self.counts['items added'], 'faults': self.counts['faults'], 'seed': self.seed}


def as_line(report):
    return json.dumps(report)
