"""A server with a projection, a load of everything a client can do, and what must be true of the tables afterwards."""
import random
import re
import threading
import time

from . import fsck, projected_fold
from .client import url
from .postgres import PostgresCase
from .server import Server, wait_until

CONFIG = {'snapshot_journal_mib': 1000}     # the journal stays whole, so that it can be folded
NODES, ITEMS, STEPS = 4, 30, ('confirm', 'release', 'fulfil', 'extend', 'change', 'move')


class Load(threading.Thread):
    """
    Random writes, one after the other, until stop(): as fast as they go up to `allowed`, then some fifty a second. Every
    answer must be one that a ledger without PostgreSQL gives.
    """

    ttls = (1, 2, 3600)
    allowed = 0

    def __init__(self, port, seed):
        super().__init__(daemon=True)
        self.server = Server.__new__(Server)
        self.server.port = port
        self.random = random.Random(seed)
        self.is_over = threading.Event()
        self.reservations = []
        self.count = 0
        self.longest_s = 0.0
        self.wrong = []

    def stop(self):
        self.is_over.set()
        self.join(120)
        if self.is_alive():
            raise AssertionError('a write does not come back')
        if self.wrong:
            raise AssertionError(f'{len(self.wrong)} writes went wrong; the first: {self.wrong[0]}')
        return self

    def run(self):
        try:
            with self.server.client() as self.client:
                while not self.is_over.is_set():
                    if self.count >= self.allowed:
                        self.is_over.wait(0.02)
                    self.step()
        except Exception as error:  # whatever it is, stop() tells it
            self.wrong.append(repr(error))

    def ask(self, method, target, body=None, headers=None):
        begin = time.monotonic()
        if headers is None and self.random.random() < 0.2:
            headers = {'Idempotency-Key': f'{self.ident}-{self.count}'}
        reply = self.client.request(method, target, body, headers)
        self.longest_s = max(self.longest_s, time.monotonic() - begin)
        self.count += 1
        if reply.status not in (200, 201, 404, 409, 422):
            self.wrong.append(f'{method} {target} {body}: {reply}')
        return reply

    # ---- what there is

    def place(self):
        return {'sku': f'S{self.random.randrange(ITEMS)}', 'node': f'n{self.random.randrange(NODES)}'}

    def quantity(self, most=20):
        return self.random.choice((self.random.randrange(1, most), self.random.randrange(1, most * 1000) / 1000))

    def make_ground(self):
        with self.server.client() as self.client:
            for i in range(NODES):
                self.ask('PUT', f'/v1/nodes/n{i}', {'type': 'store', 'lat': 48 + i, 'lon': 2.5 + i / 4, 'country': 'FR'})
            for i in range(ITEMS):
                self.ask('PUT', f'/v1/items/S{i}', {'name': f'item {i} é'})
            self.ask('PUT', '/v1/groups/g', {'nodes': ['n0', 'n2', 'n1']})
            self.ask('PUT', '/v1/channels/web', {'policy': 'priority'})
            self.ask('PUT', '/v1/channels/shop', {'policy': 'nearest', 'nodes': ['n1'], 'groups': ['g']})
            self.put_documents()
            self.adjust([{'sku': f'S{i}', 'node': f'n{j}', 'quantity': 200, 'reason': 'first'}
                         for i in range(ITEMS) for j in range(NODES)])
        return self

    # ---- one write

    def step(self):
        self.random.choice((self.reserve, self.reserve, self.reserve, self.act, self.act, self.act, self.act, self.deltas,
                            self.count_stock, self.refer, self.reserve_many, self.load_rows, self.promise, self.promise,
                            self.put_documents, self.report))()

    def adjust(self, entries):
        self.ask('POST', '/v1/stock/adjust', {'source': 'load', 'entries': entries})

    def deltas(self):
        self.adjust([{**self.place(), 'quantity': self.quantity() * self.random.choice((1, 1, -1)), 'reason': 'r',
                      **({'state': 'damaged'} if self.random.random() < 0.2 else {}),
                      **({'id': f'e{self.ident}-{self.count}-{i}'} if self.random.random() < 0.3 else {}),
                      **({'at': self.ago()} if self.random.random() < 0.3 else {})} for i in range(self.random.randrange(1, 4))])

    def ago(self):
        return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - self.random.randrange(1, 300)))

    @staticmethod
    def soon():
        return time.strftime('%Y-%m-%dT00:00:00Z', time.gmtime(time.time() + 3 * 86400))

    def count_stock(self):
        self.ask('POST', '/v1/stock/sync', {'source': 'till', 'entries': [
            {**self.place(), 'quantity': self.quantity(300), 'as_of': self.ago(),
             **({'source_seq': self.count} if self.random.random() < 0.5 else {})}]})

    def reserve(self):
        lines = [{'sku': f'S{self.random.randrange(ITEMS)}', 'quantity': self.quantity(5),
                  **({'node': f'n{self.random.randrange(NODES)}'} if self.random.random() < 0.5 else {})}
                 for _ in range(self.random.randrange(1, 4))]
        reply = self.ask('POST', '/v1/reservations', {
            'kind': self.random.choice(('cart', 'collect', 'ship')), 'channel': self.random.choice(('web', 'shop')),
            'lines': lines, 'allow_partial': self.random.random() < 0.3,
            **({'customer': f'c{self.random.randrange(50)}', 'order': 'o"1'} if self.random.random() < 0.5 else {}),
            **({'ttl_seconds': self.random.choice(self.ttls)} if self.random.random() < 0.6 else {}),
            'near': {'lat': 48, 'lon': 2}})
        if reply.status == 201:
            self.reservations.append(reply.json)

    def put_documents(self):
        """What dates are made of; one of them goes and comes back."""
        times = [{'from': '08:00', 'to': '14:00', 'limit': 40}, {'from': '14:00', 'to': '22:00', 'limit': 60}]
        unit = self.random.choice(('orders', 'lines', 'units'))
        self.ask('PUT', '/v1/services/post', {'transit': [{'hours': 24}], 'accounts': [{'account': 'a', 'daily_parcels': 500}],
                                              'slots': [{'from': '10:00', 'to': '18:00', 'limit': self.random.randrange(20, 90)}]})
        self.ask('PUT', f'/v1/nodes/n{self.random.randrange(NODES)}/schedule', {
            'capacity': {'unit': unit, 'windows': times}, 'pickups': [{'service': 'post', 'at': '12:00'}], 'priority': self.count})
        self.ask('PUT', '/v1/channels/web/sourcing', {'objective': ['priority'], 'future_supply': 'all'})
        if self.random.random() < 0.5:
            self.ask('PUT', '/v1/calendars/c', {'days_off': [f'2030-01-{self.random.randrange(10, 28)}']})
        else:
            self.ask('DELETE', '/v1/calendars/c')

    def report(self):
        self.ask('POST', '/v1/deliveries', {'reports': [{
            'service': 'post', 'origin_region': f'R{self.random.randrange(3)}', 'destination_region': 'FR-69',
            'handed_over_at': f'2026-11-{self.random.randrange(10, 20)}T10:00:00Z', 'delivered_at': '2026-11-22T09:00:00Z',
            **({'id': f'd{self.count}-{i}'} if self.random.random() < 0.5 else {})} for i in range(self.random.randrange(1, 4))]})

    def promise(self):
        """One that is held, or a part of an older one that goes elsewhere."""
        held = [made for made in self.reservations[-60:] if made.get('promise')]
        if held and self.random.random() < 0.4:
            made = self.random.choice(held)
            self.ask('POST', '/v1/promises', {'replace': {'reservation': made['id'], 'without': [f'n{self.random.randrange(NODES)}']},
                                              'hold': {}})
            return
        reply = self.ask('POST', '/v1/promises', {
            'channel': self.random.choice(('web', 'shop')), 'destination': {'lat': 48, 'lon': 2},
            'lines': [{'sku': f'S{self.random.randrange(ITEMS)}', 'quantity': self.quantity(40)} for _ in range(self.random.randrange(1, 4))],
            'hold': {'ttl_seconds': self.random.choice(self.ttls),
                     **({'id': f'p{self.random.randrange(9)}'} if self.random.random() < 0.1 else {})}})
        if reply.status == 201:
            made = self.client.get(url('v1', 'reservations', reply.json['promise']))
            if made.status == 200:
                self.reservations.append({**made.json, 'promise': True})

    def reserve_many(self):
        reply = self.ask('POST', '/v1/reservations/batch', {'reservations': [
            {'kind': 'cart', 'channel': 'web', 'lines': [{**self.place(), 'quantity': self.quantity(3)}],
             **({'id': f'own{self.count}-{i}'} if i % 2 else {})} for i in range(self.random.randrange(1, 6))]})
        self.reservations += [row['reservation'] for row in (reply.json or {}).get('reservations', [])
                              if row.get('reservation')]

    def load_rows(self):
        """An import; some rows are wrong, and are passed over."""
        def number():
            return self.random.randrange(100) / 4
        kind, rows = self.random.choice((
            ('items', ['sku,name,gtin'] + [f'T{self.random.randrange(99)},name {self.count},' for _ in range(9)]),
            ('groups', ['group,node,priority'] + [
                f'{self.random.choice("gh")},n{self.random.randrange(NODES + 1)},{self.random.randrange(3)}' for _ in range(3)]),
            ('stock', ['sku,node,quantity,as_of,state,source_seq'] + [
                f'S{self.random.randrange(ITEMS + 2)},n0,{number()},{self.ago()},display,{self.count}' for _ in range(9)]),
            ('supplies', ['supply,sku,node,quantity,eta', f's{self.random.randrange(6)},S1,n1,{number()},2031-01-01T00:00:00Z']),
            ('postal_codes', ['country,postal_code,place,lat,lon'] + [
                f'FR,{69000 + self.random.randrange(30)},P{self.count},{number()},{number()}' for _ in range(4)])))
        self.ask('POST', f'/v1/import/{kind}', '\n'.join(rows + ['']).encode(), {
            'Content-Type': 'text/csv', **({'Import-Id': f'i{self.count}'} if self.random.random() < 0.7 else {})})

    def act(self):
        if not self.reservations:
            return
        made = self.random.choice(self.reservations[-60:])
        step = self.random.choice(STEPS)
        lines = [{'line': line['line'], 'node': claim['node'], 'quantity': claim['quantity']}
                 for line in made['lines'] for claim in line['claims']]
        body = None
        if step == 'extend':
            body = {'ttl_seconds': self.random.choice((0, *self.ttls))}
        elif step == 'move' and lines:
            body = {'lines': [{**self.random.choice(lines), 'to_node': f'n{self.random.randrange(NODES)}'}]}
            if body['lines'][0]['node'] == body['lines'][0]['to_node']:
                return
        elif step == 'change' and lines:
            body = {'lines': [{**self.random.choice(lines), 'quantity': self.quantity(5)}]}
        elif step in ('move', 'change'):
            return
        elif lines and self.random.random() < 0.5:
            body = {'lines': [self.random.choice(lines)]}
            if step in ('confirm', 'fulfil') and self.random.random() < 0.3:
                body['return_rest'] = True
        self.ask('POST', url('v1', 'reservations', made['id'], step), body)

    def refer(self):
        """Reference data that changes."""
        name = self.random.randrange(6)
        self.random.choice((
            lambda: self.ask('PUT', f'/v1/rules/r{name}', {**self.place(), 'safety_stock': name}),
            lambda: self.ask('DELETE', f'/v1/rules/r{name}'),
            lambda: self.ask('PUT', f'/v1/fences/f{name}', {
                **self.place(), 'channel': self.random.choice(('web', 'shop')), 'quantity': self.quantity(),
                'policy': self.random.choice(('regular', 'restrict'))}),
            lambda: self.ask('DELETE', f'/v1/fences/f{name}'),
            lambda: self.ask('PUT', f'/v1/supplies/s{name}', {**self.place(), 'quantity': self.quantity(),
                                                              'eta': self.random.choice(('2030-01-01T00:00:00Z', self.soon()))}),
            lambda: self.ask('DELETE', f'/v1/supplies/s{name}'),
            lambda: self.ask('PUT', '/v1/groups/g', {'nodes': self.random.sample(['n0', 'n1', 'n2', 'n3'], 3)}),
            lambda: self.ask('PUT', f'/v1/items/S{name}', {'name': f'again {self.count}'}),
            lambda: self.ask('PUT', f'/v1/nodes/n{name % NODES}', {
                'type': 'store', 'lat': 48 + self.random.randrange(100) / 100, 'lon': 2.5, 'ships': self.random.random() < 0.7})))()


def known(tables, at_us):
    """Without the keys that the ledger has forgotten: the tables have them for up to an hour more."""
    keys = [row for row in tables['idempotency_key'] if row[2] > at_us - 24 * 3600 * 1000000]
    return {**tables, 'idempotency_key': keys}


class ProjectionCase(PostgresCase):
    seed = 1

    def setUp(self):
        super().setUp()
        if self.postgres.process is None:
            self.postgres.start()
        self.name = self.postgres.create_database()

    def make_server(self, uri=None, migrate='on', **config):
        """A server that is projected into this test's database, or another, or ('') none; not started."""
        server = Server(config={**CONFIG, 'postgres_uri': self.postgres.uri(self.name) if uri is None else uri,
                                'postgres_migrate': migrate, **config})
        self.addCleanup(server.close)
        return server

    def start(self, **more):
        self.server = self.make_server(**more).start()
        return self.server

    def load(self):
        """A running load; the ground is made with the first one."""
        load = Load(self.server.port, self.seed)
        if not hasattr(self, 'has_ground'):
            load.make_ground()
            self.has_ground = True
        load.start()
        self.addCleanup(load.is_over.set)
        return load

    def run_load(self, count):
        """Some writes, and their load, ended."""
        load = self.load()
        self.go_on(load, count)
        return load.stop()

    def go_on(self, load, writes, least_s=0.0):
        """Until the load has done that many more, and so long."""
        load.allowed, until = load.count + writes, time.monotonic() + least_s
        wait_until(lambda: (load.count >= load.allowed and time.monotonic() >= until) or not load.is_alive(),
                   'the load stands', 60 + least_s)
        self.assertTrue(load.is_alive(), load.wrong)

    # ---- looking

    def ready(self):
        with self.server.client() as client:
            reply = client.get('/readyz')
        self.assertEqual(reply.status, 200, reply)
        return reply.json

    def projection(self):
        return self.ready()['projection']

    def metric(self, name):
        with self.server.client() as client:
            text = client.get('/metrics').body.decode()
        return float(re.search(rf'^{re.escape(name)} (\S+)$', text, re.M)[1])

    def wait_state(self, state, reason=''):
        """Until the projection is in that state, for that reason; in /readyz, /metrics and the log alike."""
        def is_there():
            seen = self.projection()
            return seen['state'] == state and reason in seen.get('reason', '')
        try:
            wait_until(is_there, '')
        except AssertionError:
            self.fail(f'it is not {state} ({reason}): {self.ready()}\n{self.server.log()}')
        wait_until(lambda: self.metric(f'onhand_projection_state{{state="{state}"}}') == 1, 'the metric says otherwise')
        said = reason.replace('"', '\\"')
        wait_until(lambda: re.search(f'event=projection state={state} .*{re.escape(said)}', self.server.log()),
                   'the log does not say so')

    def wait_drained(self):
        """Until everything that is known now is in the tables."""
        target = self.metric('onhand_ledger_seq')
        try:
            wait_until(lambda: self.metric('onhand_projection_seq') >= target
                       and self.metric('onhand_projection_state{state="following"}') == 1, '', 120)
        except AssertionError:
            self.fail(f'it does not drain; the target is {target}:\n{self.server.log()}')

    # ---- judging

    def check_tables(self):
        """Ends the server; the tables are the fold of its journal, and fsck finds nothing."""
        self.wait_drained()
        self.server.stop()
        fold = projected_fold.Fold().read(self.server.data)
        with self.postgres.session(self.name) as session:
            found, seq = projected_fold.tables(session)
            self.assertEqual(seq, fold.seq)
            self.assertEqual(projected_fold.differences(known(fold.tables(), fold.at), known(found, fold.at)), [])
            self.assertEqual(fsck.complaints(session), [])
        self.assertNotIn('secret-of-the-test', self.server.log())
        return fold
