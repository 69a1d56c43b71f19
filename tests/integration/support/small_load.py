"""
A small client load that asks for everything once, and knows what must come of it.

Every write is repeatable: it has an idempotency key, or an Import-Id. The client sends a request until it has a success
or the process is gone; what it was told is remembered. Afterwards `check` asks a server on the same data for all of it
again: what was acknowledged is answered as a repeat, what was not is done now, and then every figure is what the
arithmetic at the top of `Load` says, so nothing is lost and nothing was done twice.
"""
import json
import time

from .client import Client, request_bytes, url

ANSWER_S = 20.0     # longer than any answer of a server that is alive, and than it may refuse
PAUSE_S = 0.01      # between a refusal and the next try
PAST = '2024-05-01T10:00:00Z'
REFUSALS = {'storage_full', 'storage_busy', 'out_of_memory', 'time_zones_unreadable', 'too_many_imports', 'connections_max'}
BULK_ENTRIES = 10000


class Wrong(AssertionError):
    """The server did what it must never do."""


class Request:
    def __init__(self, name, method, target, body=None, headers=None, is_write=False, statuses=(200, 201)):
        self.name = name
        self.is_write = is_write
        self.statuses = statuses
        self.is_import = target.startswith('/v1/import/') and is_write
        self.is_batch = target.endswith('/batch')
        headers = dict(headers or {})
        if is_write and not self.is_import:
            headers['Idempotency-Key'] = name
        if self.is_import:
            headers['Transfer-Encoding'] = 'chunked'
            cut = len(body) // 2
            body_bytes = b''.join(b'%x\r\n%s\r\n' % (len(part), part) for part in (body[:cut], body[cut:])) + b'0\r\n\r\n'
            self.data = request_bytes(method, target, None, headers) + body_bytes
        else:
            self.data = request_bytes(method, target, body, headers)


def repeatable(value):
    """What a repeat says again. Of a promise it is the id: the rest is as it is kept now, confirmed or sourced anew."""
    if 'promise' in value:
        return value['promise']
    return {name: member for name, member in value.items() if name != 'seq'}


class Load:
    """The requests of one client, in order. Two loads with different prefixes do not touch each other's stock."""

    def __init__(self, prefix, bulk_count=1):
        self.prefix = prefix
        self.bulk_count = bulk_count
        self.answers = {}        # of writes, by name: (status, JSON)
        self.acknowledged_seq = 0
        self.requests = list(self.make_requests())

    # ---- what there is to ask, and what it comes to

    def figures(self):
        """{(sku, node): (sellable, held, confirmed)} when all is done."""
        own = self.own
        return {
            (own('A'), 'n1'): (50 - 3 - 2, 0, 2),          # counted, sold at the till, R1 fulfilled; P1 confirmed
            (own('A'), 'n2'): (50, 2 + 4 + 1, 0),          # R2 after its change, R3 after its move, P2 sourced anew
            (own('B'), 'n1'): (20, 1, 1),                  # R5; R1 confirmed; R4 released
            (own('B'), 'n2'): (4, 0, 0),
            (own('C'), 'n1'): (7, 0, 0),
            (own('E'), 'n1'): (BULK_ENTRIES * self.bulk_count, 0, 0),
        }

    def own(self, name):
        return f'{self.prefix}{name}'

    def make_requests(self):
        yield from self.reference()
        yield from self.stock()
        yield from self.claims()
        yield from self.documents()
        yield from self.promises()
        yield from self.questions()
        yield from self.bulk()

    def put(self, collection, name, body):
        return Request(f'{self.prefix}-put-{name}', 'PUT', url('v1', collection, name), body, is_write=True)

    def post(self, name, target, body, **more):
        return Request(f'{self.prefix}-{name}', 'POST', target, body, is_write=True, **more)

    def reference(self):
        own = self.own
        yield Request('healthz', 'GET', '/healthz')
        yield self.put('nodes', 'n1', {'type': 'store', 'lat': 48, 'lon': 2, 'country': 'FR', 'collects': True})
        yield self.put('nodes', 'n2', {'type': 'warehouse', 'lat': 47, 'lon': 3, 'collects': True})
        for sku in 'ABC':
            yield self.put('items', own(sku), {'name': f'item {sku}'})
        rows = ''.join(json.dumps({'sku': own(sku)}) + '\n' for sku in 'DE').encode()
        yield self.post('import-items', '/v1/import/items', rows, headers={
            'Import-Id': own('items'), 'Content-Type': 'application/x-ndjson'})
        yield self.put('groups', own('g'), {'nodes': ['n1', 'n2']})
        yield self.put('channels', own('web'), {'policy': 'priority', 'groups': [own('g')]})
        yield self.put('rules', own('r1'), {'sku': own('C'), 'node': 'n1', 'safety_stock': 1})
        yield self.put('rules', own('r2'), {'sku': own('D'), 'threshold': 1})
        yield Request(f'{self.prefix}-delete-r2', 'DELETE', url('v1', 'rules', own('r2')), is_write=True)
        yield self.put('supplies', own('s1'), {
            'sku': own('A'), 'node': 'n1', 'quantity': 5, 'eta': '2040-01-01T00:00:00Z'})

    def stock(self):
        own = self.own
        rows = 'sku,node,quantity,as_of\n' + ''.join(
            f'{own(sku)},{node},{quantity},{PAST}\n'
            for sku, node, quantity in (('A', 'n1', 50), ('A', 'n2', 50), ('unknown', 'n1', 1), ('B', 'n1', 20)))
        yield self.post('import-stock', '/v1/import/stock', rows.encode(), headers={
            'Import-Id': own('stock'), 'Content-Type': 'text/csv'})
        yield self.post('adjust', '/v1/stock/adjust', {'source': 'till', 'entries': [
            {'id': own('sale'), 'sku': own('A'), 'node': 'n1', 'quantity': -3, 'reason': 'sale'},
            {'sku': own('B'), 'node': 'n2', 'quantity': 4, 'reason': 'receipt'}]})
        yield self.post('sync', '/v1/stock/sync', {'source': 'count', 'entries': [
            {'sku': own('C'), 'node': 'n1', 'quantity': 7, 'as_of': PAST}]})
        yield self.put('fences', own('f1'), {
            'channel': own('web'), 'sku': own('B'), 'node': 'n2', 'quantity': 2, 'policy': 'regular'})

    def reserve(self, name, kind, *lines):
        return {'id': self.own(name), 'kind': kind, 'channel': self.own('web'), 'ttl_seconds': 86400, 'lines': [
            {'line': number, 'sku': self.own(sku), 'quantity': quantity, 'node': node}
            for number, (sku, quantity, node) in enumerate(lines, 1)]}

    def act(self, name, action, body):
        return self.post(f'{action}-{name}', url('v1', 'reservations', self.own(name), action), body)

    def claims(self):
        create = '/v1/reservations'
        yield self.post('R1', create, self.reserve('R1', 'cart', ('A', 2, 'n1'), ('B', 1, 'n1')))
        yield self.post('R2', create, self.reserve('R2', 'collect', ('A', 3, 'n2')))
        yield self.post('R3', create, self.reserve('R3', 'staff', ('A', 4, 'n1')))
        yield self.post('batch', create + '/batch', {'reservations': [
            self.reserve('R4', 'cart', ('B', 1, 'n1')), self.reserve('R5', 'cart', ('B', 1, 'n1'))]})
        yield self.post('R6', create, self.reserve('R6', 'cart', ('C', 1000, 'n1')), statuses=(409,))
        yield self.act('R1', 'confirm', {})
        yield self.act('R2', 'extend', {'ttl_seconds': 90000})
        yield self.act('R2', 'change', {'lines': [{'line': 1, 'node': 'n2', 'quantity': 2}]})
        yield self.act('R3', 'move', {'lines': [{'line': 1, 'node': 'n1', 'to_node': 'n2', 'quantity': 4}]})
        yield self.act('R1', 'fulfil', {'lines': [{'line': 1, 'node': 'n1', 'quantity': 2}]})
        yield self.act('R4', 'release', {})

    def document(self, name, body, *segments):
        return Request(f'{self.prefix}-put-{name}', 'PUT', url('v1', *segments), body, is_write=True)

    def documents(self):
        own = self.own
        service = own('standard')
        yield self.document('calendar', {'weekly_off': ['sun']}, 'calendars', own('days'))
        yield self.document('zone', {'matches': [{'country': 'FR', 'postal_prefixes': ['69']}]}, 'zones', own('near'))
        yield self.document('service', {
            'time_zone': 'Europe/Paris', 'delivery_calendar': own('days'), 'transit': [{'hours': 24}],
            'slots': [{'from': '08:00', 'to': '20:00', 'limit': 50}], 'cost': [{'zone': own('near'), 'amount': 3},
                                                                               {'amount': 5}],
            'accounts': [{'account': 'first', 'nodes': ['n1', 'n2'], 'daily_parcels': 50}]}, 'services', service)
        for priority, node in enumerate(('n1', 'n2')):
            yield self.document(f'schedule-{node}', {
                'time_zone': 'Europe/Paris', 'priority': priority, 'hours': [{'from': '00:00', 'to': '24:00'}],
                'capacity': {'unit': 'units', 'windows': [{'from': '00:00', 'to': '24:00', 'limit': 500}]},
                'pickups': [{'service': service, 'at': '12:00'}]}, 'nodes', node, 'schedule')
        yield self.document('lane', {'from': 'n2', 'to': 'n1', 'departures': [{'at': '10:00'}], 'transit_minutes': 60}, 'lanes', own('lane'))
        yield self.document('sourcing', {'objective': ['complete', 'priority'], 'services': [service]},
                            'channels', own('web'), 'sourcing')
        yield self.document('calendar-2', {'weekly_off': ['mon']}, 'calendars', own('unused'))
        yield Request(f'{self.prefix}-delete-calendar', 'DELETE', url('v1', 'calendars', own('unused')), is_write=True)
        yield self.put('supplies', own('s2'), {
            'sku': own('A'), 'node': 'n2', 'quantity': 3, 'eta': '2040-01-02T00:00:00Z'})
        yield Request(f'{self.prefix}-delete-s2', 'DELETE', url('v1', 'supplies', own('s2')), is_write=True)

    def basket(self, quantity, **more):
        return {'channel': self.own('web'), 'destination': {'lat': 45.7, 'lon': 4.8}, 'options': {'kinds': ['ship']},
                'lines': [{'sku': self.own('A'), 'quantity': quantity}], **more}

    def hold(self, name, quantity, **more):
        hold = {'id': self.own(name), 'ttl_seconds': 86400, 'select': 'first'}
        return self.post(name, '/v1/promises', self.basket(quantity, hold=hold), **more)

    def promises(self):
        own = self.own
        yield Request('promise', 'POST', '/v1/promises', self.basket(1, explain='full'))
        yield self.hold('P1', 2)
        yield self.hold('P2', 1)
        yield self.hold('P3', 3)
        yield self.hold('P4', 100000, statuses=(409,))
        yield self.post('replace', '/v1/promises', {
            'replace': {'reservation': own('P2'), 'without': ['n1']}, 'hold': {'select': 'first'}})
        yield self.act('P1', 'confirm', {})
        yield self.act('P3', 'release', {})
        yield self.post('deliveries', '/v1/deliveries', {'reports': [{
            'id': own('d1'), 'service': own('standard'), 'origin_node': 'n1',
            'destination': {'country': 'FR', 'postal_code': '69003'},
            'handed_over_at': '2024-05-01T10:00:00Z', 'delivered_at': '2024-05-02T10:00:00Z'}]})
        for target in (url('v1', 'promises', own('P2')), url('v1', 'services', own('standard')),
                       url('v1', 'nodes', 'n1', 'schedule'), url('v1', 'channels', own('web'), 'sourcing'),
                       url('v1', 'availability', own('A'), node='n1', by='2040-01-03T00:00:00Z'),
                       url('v1', 'supplies', own('s1'))):
            yield Request(f'GET {target}', 'GET', target)

    def questions(self):
        own = self.own
        skus = [own(sku) for sku in 'ABCDE']
        for target in (url('v1', 'availability', own('A'), channel=own('web'), explain='true'),
                       url('v1', 'availability', own('A'), near='48,2', limit=2), url('v1', 'stock', own('A')),
                       url('v1', 'reservations', status='held'), url('v1', 'nodes', limit=1),
                       url('v1', 'import', own('stock')), '/metrics', '/readyz', '/openapi.json'):
            yield Request(f'GET {target}', 'GET', target)
        yield Request('grid', 'POST', '/v1/availability', {'skus': skus, 'nodes': ['n1', 'n2']})
        yield Request('unknown', 'GET', '/v1/items/nothing', statuses=(404,))

    def bulk(self):
        """More than a MiB of journal each: enough for a snapshot, and for a rotation now and then."""
        for number in range(self.bulk_count):
            yield self.post(f'bulk-{number}', '/v1/stock/adjust', {'source': 'bulk', 'entries': [
                {'sku': self.own('E'), 'node': 'n1', 'quantity': 1, 'reason': f'{index:0128}'}
                for index in range(BULK_ENTRIES)]})

    # ---- asking

    def run(self, server):
        """Asks for everything. False: the process ended before it was all answered."""
        with Client(server.port, ANSWER_S) as client:
            for number, request in enumerate(self.requests):
                if number % 9 == 8:
                    client.close()
                response = self.insist(server, client, request)
                if response is None:
                    return False
                self.note(request, response)
        return True

    def insist(self, server, client, request):
        """The answer that it deserves, however often it was refused before. None: the process is gone."""
        end = time.monotonic() + ANSWER_S
        while time.monotonic() < end:
            response = self.ask(server, client, request)
            if response is None:
                if server.process.poll() is not None:
                    return None
            elif response.status in request.statuses:
                return response
            elif response.status not in (500, 503) or response.json.get('code') not in REFUSALS:
                raise Wrong(f'{request.name}: {response}')
            else:
                time.sleep(PAUSE_S)
        raise Wrong(f'{request.name}: refused for {ANSWER_S} s')

    def ask(self, server, client, request):
        """One try. None: the connection broke."""
        try:
            client.send(request.data)
            return client.receive()
        except TimeoutError as error:
            client.close()
            if server.process.poll() is None:
                raise Wrong(f'{request.name}: no answer within {ANSWER_S} s') from error
        except OSError:
            client.close()
        return None

    def note(self, request, response):
        if not request.is_write or response.status not in (200, 201):
            return
        answer = response.json
        self.answers.setdefault(request.name, (response.status, answer))
        self.acknowledged_seq = max(self.acknowledged_seq, answer.get('seq', 0))

    # ---- judging

    def check(self, server):
        """On a server without faults: nothing acknowledged is gone, the rest can be done, and the sums are right."""
        acknowledged = dict(self.answers)
        with Client(server.port, ANSWER_S) as client:
            for request in self.requests:
                if request.is_write:
                    self.check_write(server, client, request, acknowledged.get(request.name))
        self.check_figures(server)

    def check_figures(self, server):
        with Client(server.port, ANSWER_S) as client:
            for (sku, node), expected in self.figures().items():
                position = client.get(url('v1', 'stock', sku, node)).json
                found = tuple(position.get(name) for name in ('sellable', 'held', 'confirmed'))
                if found != expected:
                    raise Wrong(f'{sku} at {node}: {found} instead of {expected} (sellable, held, confirmed)')

    def check_write(self, server, client, request, acknowledged):
        again = self.insist(server, client, request)
        if again is None:
            raise Wrong('it ended, without a fault')
        if acknowledged is None or request.is_import:
            return
        if request.is_batch:
            statuses = [result['status'] for result in again.json['results']]
            if statuses != [200] * len(statuses):
                raise Wrong(f'{request.name} was acknowledged and is lost: {again}')
        elif again.headers.get('idempotency-replayed') != 'true':
            raise Wrong(f'{request.name} was acknowledged and is lost: {again}')
        elif repeatable(again.json) != repeatable(acknowledged[1]):
            raise Wrong(f'{request.name} was answered {acknowledged[1]}, and is now {again.json}')
