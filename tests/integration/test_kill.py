"""
kill -9 of the real process under load, again and again: nothing acknowledged is lost, nothing is there twice.

A cycle: clients write all at once; the process is killed after some answer, in the middle of a snapshot or while it
starts; it starts again on the same directory; every request without an answer is sent again; then everything a client
can see must be the sum of what was answered. Some cycles make a life, which has a directory of its own and a class,
`process` and `disk` in turn.

    ONHAND_KILL_CYCLES=10000 python3 tests/integration/test_kill.py

ONHAND_KILL_SEED and ONHAND_KILL_LIFE repeat one life; a failure prints them.
"""
import os
import random
import select
import time
import unittest

from support import journal
from support.case import main
from support.client import Parser, request_bytes, url
from support.kill_oracle import Oracle, Wrong
from support.server import Server, run

SANITIZED = bool(os.environ.get('ONHAND_SANITIZE'))
CYCLES = int(os.environ.get('ONHAND_KILL_CYCLES') or (12 if SANITIZED else 100))
CYCLES_OF_A_LIFE = 6 if SANITIZED else 20
SEED = int(os.environ.get('ONHAND_KILL_SEED') or random.SystemRandom().randrange(1 << 32))
ONE_LIFE = os.environ.get('ONHAND_KILL_LIFE')
CLIENTS = 6
SKUS = [f'S{number}' for number in range(4)]
NODES = ['n1', 'n2', 'n3']
CONFIG = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1, 'items_max': 64, 'positions_max': 1024,
          'reservations_max': 100000, 'claims_max': 200000, 'keys_max': 200000, 'history_max': 1048576}
REASON = 'r' * 120


class Op:
    """A request that is sent until it is answered."""

    def __init__(self, kind, key, target, body, headers=None, **more):
        self.kind, self.key, self.target, self.body = kind, key, target, body
        self.repeats = True   # the same answer for ever
        self.tries = 0
        self.floor = 0        # the greatest seq that was answered before it was sent
        self.step = self.reservation = self.rows = None
        self.__dict__.update(more)
        self.data = request_bytes('POST', target, body, headers)


class Client:
    """One connection, one request at a time; owns its reservations."""

    def __init__(self, number, chance, oracle, counter, with_ends, with_imports):
        self.number, self.chance, self.oracle, self.counter = number, chance, oracle, counter
        self.with_ends, self.with_imports = with_ends, with_imports
        self.serial = 0
        self.mine = []
        self.op = None
        self.past = []
        self.connection = None
        self.parser = None
        self.is_waiting = False

    # ---- what it asks

    def key(self):
        self.serial += 1
        return f'c{self.number}-{self.serial}'

    def keyed(self, kind, target, body, **more):
        key = self.key()
        return Op(kind, key, target, body, {'Idempotency-Key': key}, **more)

    def line(self):
        return {'sku': self.chance.choice(SKUS), 'node': self.chance.choice(NODES), 'quantity': self.chance.randint(1, 4)}

    def reservation(self, name, **more):
        lines = [{'line': number + 1, **self.line()} for number in range(self.chance.choice((1, 1, 2)))]
        return {'id': name, 'kind': 'cart', 'channel': 'all', 'lines': lines, **more}

    def ask_reserve(self):
        key = self.key()
        ttl = {'ttl_seconds': 1} if self.with_ends and self.chance.random() < 0.2 else {}
        headers = {'Idempotency-Key': key} if self.chance.random() < 0.5 else {}
        return Op('reserve', key, '/v1/reservations', self.reservation(key, **ttl), headers)

    def ask_batch(self):
        key = self.key()
        wanted = [self.reservation(f'{key}-{number}') for number in range(self.chance.randint(1, 5))]
        return Op('batch', key, '/v1/reservations/batch', {'reservations': wanted}, repeats=False)

    def ask_adjust(self):
        many = self.chance.random() < 0.4
        entries = [{**self.line(), 'reason': f'{number}{REASON}'[:120 if many else 1]} for number in range(120 if many else 2)]
        for entry in entries:
            entry['quantity'] = self.chance.choice((-2, 1, 2, 3))
        if self.chance.random() < 0.5:
            return self.keyed('adjust', '/v1/stock/adjust', {'source': 'k', 'entries': entries})
        key = self.key()
        for number, entry in enumerate(entries):
            entry['id'] = f'{key}-{number}'
        return Op('adjust', key, '/v1/stock/adjust', {'source': 'k', 'entries': entries}, repeats=False)

    def as_of(self):
        """Counts are of the year 2001, before every movement; not all are sent in their order."""
        return time.strftime('2001-%m-%dT%H:%M:%SZ', time.gmtime(next(self.counter) * 4 - self.chance.choice((0, 7))))

    def ask_sync(self):
        entry = {**self.line(), 'quantity': self.chance.randint(0, 90), 'as_of': self.as_of()}
        return self.keyed('sync', '/v1/stock/sync', {'source': 'k', 'entries': [entry]})

    def ask_import(self):
        rows = [(self.chance.choice(SKUS), self.chance.choice(NODES), self.as_of(), self.chance.randint(0, 90))
                for _ in range(self.chance.choice((3, 100)))]
        text = 'sku,node,quantity,as_of\n' + ''.join(f'{sku},{node},{quantity},{at}\n' for sku, node, at, quantity in rows)
        key = self.key()
        headers = {'Import-Id': key, 'Content-Type': 'text/csv'}
        return Op('import', key, '/v1/import/stock', text.encode(), headers, rows=rows, repeats=False)

    def ask_action(self):
        """Something that can be done with a reservation of its own, or None."""
        now = time.time()
        live = [claim for claim in self.mine if claim.stage() in ('held', 'confirmed') and not claim.is_over(now)]
        if not live:
            return None
        claim = self.chance.choice(live)
        steps = ['confirm', 'release'] if claim.stage() == 'held' else ['fulfil', 'fulfil', 'release']
        if len(claim.claims) == 1 and claim.expires_at is None:
            steps += ['change', 'move']
        step = self.chance.choice(steps)
        target = url('v1', 'reservations', claim.id, step)
        if step == 'change':
            body = {'lines': [{'line': 1, 'quantity': self.chance.randint(1, 6)}]}
            if body['lines'][0]['quantity'] == claim.claims[1][2]:
                body['lines'][0]['quantity'] += 1
            return self.keyed('change', target, body, reservation=claim.id)
        if step == 'move':
            others = [node for node in NODES if node != claim.claims[1][1]]
            return self.keyed('move', target, {'to_node': self.chance.choice(others)}, reservation=claim.id)
        return self.keyed('step', target, None, reservation=claim.id, step=step)

    def ask(self):
        choice = self.chance.random()
        if choice < 0.3:
            return self.ask_reserve()
        if choice < 0.36:
            return self.ask_batch()
        if choice < 0.5:
            return self.ask_adjust()
        if choice < 0.55:
            return self.ask_sync()
        if choice < 0.58 and self.with_imports:
            return self.ask_import()
        return self.ask_action() or self.ask_reserve()

    # ---- how it asks

    def send(self):
        """What was not answered, else what was answered long ago, else something new."""
        if self.op is None:
            repeat = self.past and self.chance.random() < 0.05
            self.op = self.chance.choice(self.past) if repeat else self.ask()
            self.op.floor = self.op.floor or self.oracle.last_seq
        self.op.tries += 1
        self.is_waiting = True
        self.connection.setblocking(True)
        self.connection.sendall(self.op.data)

    def take(self, reply):
        """True when the request is answered."""
        if reply.status == 503:
            return False
        op, self.op = self.op, None
        self.oracle.take(op, reply.status, reply.json)
        if op.repeats:
            self.past = self.past[-50:] + [op]
        new = [op.key] if op.kind == 'reserve' else [one['id'] for one in op.body['reservations']] if op.kind == 'batch' else []
        known = {claim.id for claim in self.mine}
        self.mine += [self.oracle.reservations[name] for name in new
                      if name in self.oracle.reservations and name not in known]
        self.mine = [claim for claim in self.mine if claim.stage() in ('held', 'confirmed')]
        return True

    def receive(self):
        """Takes the answer if it is here. False: the connection is over."""
        try:
            data = self.connection.recv(1 << 16)
        except ConnectionError:
            return False
        self.parser.feed(data)
        reply = self.parser.take()
        if reply is not None:
            self.is_waiting = False
            self.take(reply)
        return bool(data)


class Life:
    """A directory and a class; some kills."""

    def __init__(self, number):
        self.number = number
        self.chance = random.Random(f'{SEED}/{number}')
        self.oracle = Oracle()
        self.server = Server(durability='process' if number % 2 == 0 else 'disk',
                             config={**CONFIG, 'network_threads': number % 3})
        counter = iter(range(1, 1 << 22))
        options = self.chance.choice(((False, False), (False, False), (True, False), (False, True), (True, True)))
        self.clients = [Client(one, self.chance, self.oracle, counter, *options) for one in range(CLIENTS)]
        self.touched = set()

    def open(self):
        self.server.start()
        with self.server.client() as client:
            for node in NODES:
                client.put(url('v1', 'nodes', node), {'type': 'store'})
            for sku in SKUS:
                client.put(url('v1', 'items', sku), {})
            client.put('/v1/channels/all', {'policy': 'priority', 'nodes': NODES})
            self.first_seq = client.get('/readyz').json['seq'] + 1

    # ---- load

    def connect(self):
        for client in self.clients:
            client.link = self.server.client()
            client.connection, client.parser = client.link.connect(), Parser()

    def is_in_snapshot(self):
        folder = os.path.join(self.server.data, 'snapshot')
        return os.path.isdir(folder) and any(name.endswith('.tmp') for name in os.listdir(folder))

    def load(self, answers_max, until_snapshot):
        """Writes until some answers have come, or a snapshot is being written."""
        waiting = {client.connection: client for client in self.clients}
        for client in self.clients:
            client.send()
        answers = 0
        while answers < answers_max and not (until_snapshot and self.is_in_snapshot()):
            ready, _, _ = select.select(list(waiting), [], [], 60)
            if not ready:
                raise Wrong('nothing is answered for a minute')
            for connection in ready:
                client = waiting[connection]
                before = client.op
                if not client.receive():
                    raise Wrong(f'the server went away by itself; its log:\n{self.server.log()}')
                if client.op is None:
                    self.touched.add(before.reservation or before.key)
                    answers += 1
                if not client.is_waiting:  # a 503 is no answer: the same request again
                    client.send()

    def kill(self):
        """Kills, and takes the answers that were on their way."""
        self.server.kill()
        for client in self.clients:
            while client.receive():
                pass
            client.link.close()

    def start(self):
        """Starts, now and then killed while it does."""
        while self.chance.random() < 0.25:
            self.server.spawn()
            time.sleep(self.chance.uniform(0, 0.02))
            self.server.kill()
        self.server.start()

    # ---- looking

    def retry(self):
        """Everything without an answer, twice: the second answer is the first one."""
        with self.server.client() as link:
            for client in self.clients:
                while client.op is not None:
                    op = client.op
                    op.tries += 1
                    client.take(self.exchange(link, op))
                    self.touched.add(op.reservation or op.key)
                    if op.repeats and client.op is None:
                        self.oracle.take(op, *self.answer(link, op))

    def exchange(self, link, op):
        link.send(op.data)
        return link.receive()

    def answer(self, link, op):
        reply = self.exchange(link, op)
        return reply.status, reply.json

    def check_positions(self, link):
        """Read once more when a hold ended meanwhile."""
        while True:
            start = time.time()
            replies = link.pipeline([request_bytes('GET', url('v1', 'stock', sku)) for sku in SKUS])
            if not self.oracle.ends_between(start - 0.1, time.time()):
                break
        seen = {(row['sku'], row['node']): (row['sellable'], row['held'], row['confirmed'])
                for reply in replies for row in reply.json['positions']}
        wanted = self.oracle.positions(start)
        for place in sorted(set(seen) | set(wanted)):
            if seen.get(place, (0, 0, 0)) != wanted.get(place, (0, 0, 0)):
                raise Wrong(f'{place}: sellable, held, confirmed are {seen.get(place)}, answers add up to {wanted.get(place)}')

    def check_reservations(self, link, names):
        names = [name for name in sorted(names) if name in self.oracle.reservations]
        replies = link.pipeline([request_bytes('GET', url('v1', 'reservations', name)) for name in names])
        for name, reply in zip(names, replies, strict=True):
            if reply.status != 200:
                raise Wrong(f'{name} was acknowledged and is gone: {reply}')
            self.check_claims(self.oracle.reservations[name], reply.json)

    def check_claims(self, claim, seen):
        """Each line is, once, where and what it was answered to be."""
        for line in seen['lines']:
            sku, node, quantity, stage = claim.claims[line['line']]
            figures = [(one['node'], one[stage]) for one in line['claims'] if one.get(stage)]
            if stage in ('held', 'expired') and claim.expires_at is not None:
                continue  # its end is a matter of time; positions are checked
            if stage == 'released':
                wrong = any(one['held'] or one['confirmed'] or one['fulfilled'] for one in line['claims'])
            else:
                wrong = figures != [(node, quantity)]
            if wrong or line['sku'] != sku:
                raise Wrong(f'{claim.id} is {claim.claims}, seen as {seen}')
        if len(seen['lines']) != len(claim.claims):
            raise Wrong(f'{claim.id} is {claim.claims}, seen as {seen}')

    def check(self, names):
        with self.server.client() as link:
            self.check_positions(link)
            self.check_reservations(link, names)

    # ---- a life

    def cycle(self):
        self.touched.clear()
        self.connect()
        until_snapshot = self.chance.random() < 0.15
        self.load(300 if until_snapshot else self.chance.randint(1, 120), until_snapshot)
        self.kill()
        self.start()
        self.retry()
        self.check(self.touched)

    def run(self, cycles):
        self.open()
        for _ in range(cycles):
            self.cycle()
        self.check(self.oracle.reservations)
        with self.server.client() as link:
            self.oracle.check_seqs(self.first_seq, link.get('/readyz').json['seq'])
        self.server.stop()
        verdict = run('verify', self.server.data)
        if verdict.returncode != 0:
            raise Wrong(f'verify: {verdict.stdout}{verdict.stderr}')
        return len(journal.snapshots(self.server.data))


class Kill(unittest.TestCase):
    def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(self):
        lives = range(-(-CYCLES // CYCLES_OF_A_LIFE)) if ONE_LIFE is None else [int(ONE_LIFE)]
        writes = snapshots = 0
        for number in lives:
            life = Life(number)
            self.addCleanup(life.server.close)
            try:
                snapshots += life.run(CYCLES_OF_A_LIFE)
            except Exception:
                print(f'ONHAND_KILL_SEED={SEED} ONHAND_KILL_LIFE={number} python3 tests/integration/test_kill.py', flush=True)
                raise
            writes += len(life.oracle.seqs)
            life.server.close()
            if number % 10 == 9 or number == lives[-1]:
                print(f'seed {SEED}: {(number + 1) * CYCLES_OF_A_LIFE} kills, {writes} writes, {snapshots} snapshots', flush=True)
        self.assertGreater(writes, 0)


if __name__ == '__main__':
    main()
