"""Each stated limit: what is exactly at it is taken, one more is refused, and says so."""
import os
import time
import unittest

from support.case import ServerCase, main
from support.client import Client, request_bytes, url


class Ids(ServerCase):
    def test_ids_of_64_bytes_are_taken_and_65_refused(self):
        for fill in ('x', 'é', '→'):
            size = len(fill.encode())
            longest = fill * (64 // size) + 'x' * (64 % size)
            self.assertEqual(len(longest.encode()), 64)
            for collection, body in (('nodes', {'type': 'store'}), ('items', {}), ('groups', {'nodes': []}),
                                     ('channels', {})):
                with self.subTest(collection=collection, fill=fill):
                    self.ok(self.client.put(url('v1', collection, longest), body), 201)
                    got = self.ok(self.client.get(url('v1', collection, longest)))
                    self.assertIn(longest, got.values())
                    self.refused(self.client.put(url('v1', collection, longest + 'x'), body), 400,
                                 ('invalid_id', 'too_long'))

    def test_names_of_128_bytes_are_taken_and_129_refused(self):
        self.ok(self.client.put('/v1/items/A', {'name': 'é' * 64}), 201)
        self.refused(self.client.put('/v1/items/A', {'name': 'é' * 64 + 'x'}), 400, ('too_long', 'invalid_value'), 'name')

    def test_keys_of_64_bytes_are_taken_and_65_refused(self):
        self.ok(self.client.put('/v1/items/A', {}, {'Idempotency-Key': 'k' * 64}), 201)
        self.refused(self.client.put('/v1/items/B', {}, {'Idempotency-Key': 'k' * 65}), 400,
                     ('invalid_id', 'too_long', 'invalid_value'))
        self.assertEqual(self.client.get('/v1/items/B').status, 404)


class Lists(ServerCase):
    def setUp(self):
        super().setUp()
        self.channel('all')
        self.stock('A', n1=1_000_000)

    def lines(self, count):
        return [{'sku': 'A', 'quantity': 1, 'node': 'n1'}] * count

    def test_1000_lines(self):
        self.ok(self.ask(*self.lines(1000), id='r'), 201)
        self.refused(self.ask(*self.lines(1001)), 400, 'too_many', 'lines')
        self.assertEqual(self.figures('A', 'n1', 'held'), (1000,))
        action = [{'line': number + 1} for number in range(1000)]
        self.refused(self.act('r', 'confirm', {'lines': action + [{'line': 1}]}), 400, 'too_many', 'lines')
        self.ok(self.act('r', 'confirm', {'lines': action}))
        self.assertEqual(self.figures('A', 'n1', 'held', 'confirmed'), (0, 1000))

    def test_10000_entries(self):
        adjust = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r'}
        count = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'as_of': '2020-01-01T00:00:00Z'}
        for call, entry in (('adjust', adjust), ('sync', count)):
            target = f'/v1/stock/{call}'
            answer = self.ok(self.client.post(target, {'source': 's', 'entries': [entry] * 10_000}))
            self.assertEqual(len(answer['entries']), 10_000)
            self.refused(self.client.post(target, {'source': 's', 'entries': [entry] * 10_001}), 400, 'too_many', 'entries')

    def test_1000_reservations_in_a_batch(self):
        one = {'kind': 'cart', 'channel': 'all', 'lines': self.lines(1)}
        answer = self.ok(self.client.post('/v1/reservations/batch', {'reservations': [one] * 1000}))
        self.assertEqual(len(answer['results']), 1000)
        self.refused(self.client.post('/v1/reservations/batch', {'reservations': [one] * 1001}), 400, 'too_many',
                     'reservations')
        self.assertEqual(self.figures('A', 'n1', 'held'), (1000,))

    def test_10000_lines_in_a_batch(self):
        one = {'kind': 'cart', 'channel': 'all', 'lines': self.lines(1000)}
        self.ok(self.client.post('/v1/reservations/batch', {'reservations': [one] * 10}))
        more = [one] * 10 + [{**one, 'lines': self.lines(1)}]
        self.refused(self.client.post('/v1/reservations/batch', {'reservations': more}), 400, 'too_many')
        self.assertEqual(self.figures('A', 'n1', 'held'), (10_000,))

    def test_4096_claims(self):
        """One line over 4,096 nodes is the most. A move that would make more is refused; nothing is out of sight."""
        count = 8300
        rows = ''.join(f'c{number},store\n' for number in range(count))
        self.ok(self.client.post('/v1/import/nodes', ('node,type\n' + rows).encode(), {'Content-Type': 'text/csv'}))
        self.item('M')
        entries = [{'sku': 'M', 'node': f'c{number}', 'quantity': 2, 'reason': 'r'} for number in range(count)]
        self.ok(self.client.post('/v1/stock/adjust', {'source': 's', 'entries': entries}))
        self.group('g', *[f'c{number}' for number in range(4097)])
        self.refused(self.ask({'sku': 'M', 'quantity': 8193, 'group': 'g'}), 409, 'too_many_splits')
        claim = self.reserve({'sku': 'M', 'quantity': 8192, 'group': 'g'}, id='r')
        self.assertEqual(len(self.claims(claim)), 4096)
        for start in range(0, 4096, 1000):
            lines = [{'line': 1, 'node': f'c{number}', 'to_node': f'c{number + 4100}', 'quantity': 1}
                     for number in range(start, min(4096, start + 1000))]
            self.refused(self.act('r', 'move', {'lines': lines}), 409, 'too_many_splits')
        self.ok(self.act('r', 'confirm'))
        self.server.crash()
        self.reconnect()
        got = self.reservation('r')
        self.assertEqual(sum(part['confirmed'] for part in got['lines'][0]['claims']), 8192)
        self.ok(self.act('r', 'fulfil'))
        self.assertEqual(self.figures('M', 'c0', 'sellable', 'confirmed'), (0, 0))

    def test_claims_do_not_pile_up(self):
        self.stock('A', n2=1000)
        self.reserve(('A', 10, 'n1'), id='r')
        requests = []
        for number in range(1000):
            change = {'lines': [{'line': 1, 'quantity': 11 + number % 2}]}
            requests.append(request_bytes('POST', '/v1/reservations/r/change', change))
            requests.append(request_bytes('POST', '/v1/reservations/r/move', {'to_node': ('n2', 'n1')[number % 2]}))
        self.assertEqual({reply.status for reply in self.client.pipeline(requests)}, {200})
        self.assertLessEqual(len(self.reservation('r')['lines'][0]['claims']), 2)
        self.assertEqual((self.figures('A', 'n1', 'held'), self.figures('A', 'n2', 'held')), ((12,), (0,)))

    def test_100000_cells(self):
        for number in range(9):
            self.node(f'm{number}')
        nodes = ['n1'] + [f'm{number}' for number in range(9)]
        for question in ({'skus': ['A'] * 10_000, 'nodes': nodes},
                         {'skus': ['A'] * 10_000, 'near': {'lat': 0, 'lon': 0, 'limit': 10}},
                         {'skus': ['A'] * 100_000, 'channel': 'all'}):
            answer = self.ok(self.client.post('/v1/availability', question))
            self.assertEqual(len(answer['items']), len(question['skus']))
            more = {**question, 'skus': question['skus'] + ['A']}
            self.refused(self.client.post('/v1/availability', more), 400, 'too_many')

    @unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'a sanitizer has memory of its own')
    def test_large_replies_at_once_take_no_new_pages_each_time(self):
        def faults():
            with open(f'/proc/{self.server.process.pid}/stat', encoding='ascii') as file:
                return int(file.read().rsplit(') ', 1)[1].split()[7])

        def ask(times):
            for _ in range(times):
                for client in clients:
                    client.send(question)
                for client in clients:
                    self.assertGreater(len(client.receive().body), 400_000)
        question = request_bytes('POST', '/v1/availability', {'skus': ['A'] * 8_000, 'nodes': ['n1']})
        clients = [Client(self.server.port) for _ in range(8)]
        ask(5)
        before = faults()
        ask(10)
        self.assertLess((faults() - before) / 80, 10, 'pages of 4 KiB: such a reply has 109')
        for client in clients:
            client.close()

    def test_quantities_up_to_a_billion(self):
        self.stock('Q', n1=0)
        self.adjust('Q', 'n1', 999_999_999.999)
        self.adjust('Q', 'n1', 0.001)
        self.assertEqual(self.figures('Q', 'n1', 'sellable'), (1_000_000_000,))
        self.reserve(('Q', 1_000_000_000, 'n1'))
        response = self.client.get(url('v1', 'stock', 'Q', 'n1'))
        self.assertIn(b'"held":1000000000,', response.body, 'written shortest')

    def test_a_counter_does_not_leave_its_range(self):
        self.stock('Q', n1=0)
        billion = {'sku': 'Q', 'node': 'n1', 'quantity': 1_000_000_000, 'reason': 'r'}
        body = {'source': 's', 'entries': [billion] * 9007}
        self.ok(self.client.post('/v1/stock/adjust', body))
        before = self.position('Q', 'n1')
        self.refused(self.client.post('/v1/stock/adjust', body), 409, 'quantity_overflow')
        self.assertEqual(self.position('Q', 'n1'), before)

    def test_ttl_of_a_year(self):
        self.reserve(('A', 1, 'n1'), ttl_seconds=31_536_000)
        self.refused(self.ask(('A', 1, 'n1'), ttl_seconds=31_536_000.001), 400, ('out_of_range', 'invalid_value'),
                     'ttl_seconds')

    def test_line_numbers(self):
        self.reserve({'line': 2_147_483_647, 'sku': 'A', 'quantity': 1, 'node': 'n1'})
        for line in (0, -1, 2_147_483_648):
            self.refused(self.ask({'line': line, 'sku': 'A', 'quantity': 1, 'node': 'n1'}), 400,
                         ('out_of_range', 'invalid_value'), 'lines[0].line')

    def test_pages_of_1000(self):
        rows = ''.join(f'I{number}\n' for number in range(1500))
        self.ok(self.client.post('/v1/import/items', ('sku\n' + rows).encode(), {'Content-Type': 'text/csv'}))
        page = self.ok(self.client.get('/v1/items?limit=1000'))
        self.assertEqual(len(page['items']), 1000)
        self.assertEqual(len(self.ok(self.client.get('/v1/items'))['items']), 100)
        self.assertEqual(self.client.get('/v1/items?limit=1001').status, 400)


class ReferenceLimits(ServerCase):
    durability = 'memory'

    def import_rows(self, kind, header, rows):
        body = (header + '\n' + '\n'.join(rows) + '\n').encode()
        return self.ok(self.client.post(f'/v1/import/{kind}', body, {'Content-Type': 'text/csv'}))

    def test_65535_nodes(self):
        answer = self.import_rows('nodes', 'node,type', [f'n{number},store' for number in range(65_536)])
        self.assertEqual((answer['applied'], answer['rejected']), (65_535, 1))
        self.assertEqual((answer['rejections'][0]['row'], answer['rejections'][0]['code']), (65_536, 'ledger_full'))
        self.refused(self.client.put('/v1/nodes/more', {'type': 'store'}), 503, 'ledger_full')
        self.ok(self.client.put('/v1/nodes/n65534', {'type': 'warehouse'}), 200)

    def test_256_channels_and_4096_groups(self):
        for collection, limit, body in (('channels', 256, {}), ('groups', 4096, {'nodes': []})):
            replies = self.client.pipeline(request_bytes('PUT', url('v1', collection, f'c{number}'), body)
                                           for number in range(limit + 1))
            self.assertEqual({reply.status for reply in replies[:limit]}, {201})
            self.refused(replies[limit], 503, 'ledger_full')


class Http(ServerCase):
    durability = 'memory'
    config = {'body_size_max': 1_000_000, 'connections_max': 20}

    def test_a_body_at_its_limit_and_one_past(self):
        pad = b' ' * (1_000_000 - 2)
        self.ok(self.client.put('/v1/items/A', b'{}' + pad), 201)
        self.refused(self.client.put('/v1/items/B', b'{}' + pad + b' '), 413, 'body_too_large')
        self.reconnect()
        self.assertEqual(self.client.get('/v1/items/B').status, 404)

    def test_a_chunked_body_past_its_limit(self):
        self.client.send(b'PUT /v1/items/B HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
        try:
            for _ in range(20):
                self.client.send(b'10000\r\n' + b' ' * 65536 + b'\r\n')
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.refused(self.client.receive(), 413, 'body_too_large')
        self.reconnect()
        self.assertEqual(self.client.get('/v1/items/B').status, 404)

    def raw(self, data):
        with self.server.client() as client:
            client.send(data)
            return client.receive()

    def test_headers(self):
        head = b'GET /healthz HTTP/1.1\r\nHost: x\r\n'
        fits = b'X-A: ' + b'a' * (16_384 - len(head) - 5 - 4) + b'\r\n\r\n'
        self.assertEqual(self.raw(head + fits).status, 200)
        self.assertEqual(self.raw(head + b'X-A: ' + b'a' * 17_000 + b'\r\n\r\n').status, 431)
        self.assertEqual(self.raw(head + b'X-A: b\r\n' * 63 + b'\r\n').status, 200)
        self.assertEqual(self.raw(head + b'X-A: b\r\n' * 64 + b'\r\n').status, 431)

    def test_target(self):
        def get(size):
            target = b'/v1/items/' + b'x' * (size - 10)
            return self.raw(b'GET ' + target + b' HTTP/1.1\r\nHost: x\r\n\r\n').status
        self.assertEqual(get(8192), 404)
        self.assertEqual(get(8193), 414)

    def test_connections(self):
        clients = [self.server.client() for _ in range(19)]
        try:
            self.assertEqual({client.get('/healthz').status for client in [self.client, *clients]}, {200})
            with self.server.client() as one_more:
                one_more.send(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
                self.assertEqual(one_more.receive().status, 503)
                self.assertTrue(one_more.socket is None or one_more.is_closed_by_server())
            clients.pop().close()
            deadline = time.monotonic() + 10
            while self.another_is_served() is False:
                self.assertLess(time.monotonic(), deadline, 'the place of a closed connection is free again')
        finally:
            for client in clients:
                client.close()

    def another_is_served(self):
        try:
            with Client(self.server.port) as client:
                return client.get('/healthz').status == 200
        except ConnectionError:
            return False


if __name__ == '__main__':
    main()
