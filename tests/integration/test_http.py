"""HTTP/1.1 as others speak it, and as nobody should: framing, pipelining, deadlines, reload."""
import json
import signal
import socket
import time

from support.case import ServerCase, main
from support.client import request_bytes
from support.server import wait_until

HEALTH = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
PUT = b'PUT /v1/items/smuggled HTTP/1.1\r\nHost: x\r\n'


class Http(ServerCase):
    durability = 'process'

    def raw(self, data):
        """The first response to these bytes on a connection of their own, and whether the connection ended after it."""
        with self.server.client(timeout_s=10) as client:
            client.send(data)
            reply = client.receive()
            return reply, client.socket is None

    def refused_raw(self, data, *statuses):
        """Refused, the connection is ended, and nothing of it was taken for a request."""
        reply, is_ended = self.raw(data)
        self.assertIn(reply.status, statuses or (400,), reply)
        self.assertTrue(is_ended, 'what follows bad framing must not be read as a request')
        self.assertEqual(self.client.get('/v1/items/smuggled').status, 404, 'a request was smuggled')

    def test_service_calls(self):
        self.assertEqual(self.ok(self.client.get('/healthz')), {'status': 'ok'})
        self.assertEqual(self.ok(self.client.get('/readyz'))['status'], 'ready')
        self.assertEqual(self.client.get('/metrics').status, 200)
        self.assertEqual(self.ok(self.client.get('/openapi.json'))['openapi'], '3.1.0')

    def test_keep_alive_and_close(self):
        for _ in range(3):
            self.ok(self.client.get('/healthz'))
        first = self.client.socket
        self.ok(self.client.get('/healthz'))
        self.assertIs(self.client.socket, first)
        reply, is_ended = self.raw(HEALTH.replace(b'\r\n\r\n', b'\r\nConnection: close\r\n\r\n'))
        self.assertEqual((reply.status, is_ended), (200, True))
        with self.server.client() as client:
            client.send(b'GET /healthz HTTP/1.0\r\n\r\n')
            self.assertEqual(client.receive().status, 200)
            self.assertTrue(client.socket is None or client.is_closed_by_server())

    def test_pipelined_requests_are_answered_in_order(self):
        self.item('A')
        self.node('n1')
        requests = []
        for number in range(500):
            entry = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r'}
            requests.append(request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': [entry]}))
            requests.append(request_bytes('GET', '/v1/stock/A/n1'))
            requests.append(request_bytes('GET', f'/v1/items/none{number}'))
        replies = self.client.pipeline(requests, window=1500)
        for number in range(500):
            write, read, missing = replies[3 * number:3 * number + 3]
            self.assertEqual(write.json['entries'][0]['available'], number + 1)
            self.assertEqual(read.json['sellable'], number + 1)
            self.assertEqual(missing.status, 404)

    def test_requests_cut_anywhere(self):
        data = request_bytes('PUT', '/v1/items/cut', {'name': 'x'}) + HEALTH
        for size in (1, 2, 3, 7, 50):
            with self.server.client() as client:
                for start in range(0, len(data), size):
                    client.send(data[start:start + size])
                self.assertIn(client.receive().status, (200, 201))
                self.assertEqual(client.receive().status, 200)

    def chunked(self, *chunks, trailer=b''):
        return b''.join(b'%x\r\n%s\r\n' % (len(chunk), chunk) for chunk in chunks) + b'0\r\n' + trailer + b'\r\n'

    def test_chunked_bodies(self):
        head = b'PUT /v1/items/chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
        body = b'{"name":"in pieces"}'
        for chunks in ([body], [body[:1], body[1:5], body[5:]], [bytes([byte]) for byte in body]):
            self.client.send(head + self.chunked(*chunks) + HEALTH)
            self.assertEqual(self.ok(self.client.receive(), 200, 201)['name'], 'in pieces')
            self.assertEqual(self.client.receive().status, 200)
        self.client.send(head + self.chunked(body, trailer=b'X-T: 1\r\n') + HEALTH)
        self.ok(self.client.receive())
        self.assertEqual(self.client.receive().status, 200)

    def test_smuggling_is_refused(self):
        hidden = PUT + b'Content-Length: 2\r\n\r\n{}'
        host = b'POST /v1/stock/adjust HTTP/1.1\r\nHost: x\r\n'
        for lines in (b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', b'Content-Length: 5\r\nContent-Length: 6\r\n',
                      b'Content-Length: 5, 6\r\n', b'Content-Length: +5\r\n', b'Content-Length: -1\r\n',
                      b'Content-Length: 5a\r\n', b'Content-Length: 99999999999999999999999\r\n', b'Content-Length:\r\n',
                      b'Transfer-Encoding: xchunked\r\n', b'Transfer-Encoding: chunked, identity\r\n',
                      b'Transfer-Encoding : chunked\r\n', b'Content-Length : 5\r\n',
                      b'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', b' Content-Length: 5\r\n',
                      b'X: a\r\n folded: 1\r\n', b'X: a\x00b\r\n', b'X\x01: a\r\n', b'Bad Name: a\r\n', b': a\r\n'):
            with self.subTest(lines=lines):
                self.refused_raw(host + lines + b'\r\n0\r\n\r\n' + hidden, 400, 413, 501)
        chunk_head = host + b'Transfer-Encoding: chunked\r\n\r\n'
        for chunks in (b'5 \r\nhello\r\n0\r\n\r\n', b'0x5\r\nhello\r\n0\r\n\r\n', b'-1\r\n', b'ffffffffffffffffff\r\n',
                       b'5\r\nhelloX\r\n0\r\n\r\n', b'5\nhello\r\n0\r\n\r\n', b'\r\n', b'zz\r\n',
                       b'5;' + b'x' * 20_000 + b'\r\nhello\r\n0\r\n\r\n'):
            with self.subTest(chunks=chunks[:40]):
                self.refused_raw(chunk_head + chunks + hidden, 400, 413, 431)

    def test_request_lines_that_are_none(self):
        for line in (b'GET', b'GET /healthz', b'GET  /healthz HTTP/1.1', b'GET /healthz HTTP/2.0', b'GET /healthz HTTP/1.1 x',
                     b'G\x00T / HTTP/1.1', b'\xff\xfe', b'GET http HTTP/1.1', b'get /healthz HTTP/1.1',
                     b'PRI * HTTP/2.0', b'GET /hea\x01lthz HTTP/1.1', b'GET /a b HTTP/1.1', b'\x16\x03\x01\x02'):
            with self.subTest(line=line):
                self.refused_raw(line + b'\r\nHost: x\r\n\r\n' + PUT + b'Content-Length: 2\r\n\r\n{}', 400, 404, 405, 501, 505)

    def test_host_is_needed_once(self):
        self.refused_raw(b'GET /healthz HTTP/1.1\r\n\r\n')
        self.refused_raw(b'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')

    def test_bare_line_feeds_do_not_smuggle(self):
        with self.server.client(timeout_s=5) as client:
            client.send(b'GET /healthz HTTP/1.1\nHost: x\n\n' + PUT.replace(b'\r\n', b'\n') + b'Content-Length: 2\n\n{}')
            try:
                client.receive()
            except (ConnectionError, TimeoutError):
                pass
        self.assertEqual(self.client.get('/v1/items/smuggled').status, 404)

    def test_head_is_get_without_the_body(self):
        self.item('A')
        for target in ('/healthz', '/v1/items/A', '/v1/items/none', '/metrics', '/openapi.json'):
            got = self.client.get(target)
            head = self.client.request('HEAD', target)
            self.assertEqual((head.status, head.body), (got.status, b''))
            self.assertEqual(head.headers.get('content-type'), got.headers.get('content-type'))
            if target != '/metrics':
                self.assertEqual(head.headers.get('content-length'), got.headers.get('content-length'))
        self.ok(self.client.get('/healthz'))

    def test_unknown_paths_and_methods(self):
        for path in ('/', '/v1', '/v1/', '/v2/items', '/v1/items/', '/v1//items', '/v1/items/a/b', '/healthz/', '/v1/items/%zz',
                     '/v1/items/%00', '/../etc/passwd', '/v1/../healthz', '//healthz', '/v1/reservations/r/bogus'):
            with self.subTest(path=path):
                self.refused(self.client.get(path), 404, 'not_found')
        for method, path, allow in (('DELETE', '/v1/items/A', {'GET', 'HEAD', 'PUT'}), ('POST', '/healthz', {'GET', 'HEAD'}),
                                    ('PATCH', '/v1/rules/r', {'GET', 'HEAD', 'PUT', 'DELETE'}),
                                    ('DELETE', '/v1/stock/A/n1', {'GET', 'HEAD'}), ('PUT', '/v1/reservations', {'GET', 'HEAD', 'POST'}),
                                    ('GET', '/v1/reservations/r/confirm', {'POST'})):
            with self.subTest(method=method, path=path):
                reply = self.client.request(method, path)
                self.refused(reply, 405, 'method_not_allowed')
                self.assertEqual({word.strip() for word in reply.headers['allow'].split(',')}, allow)

    def test_percent_encoded_ids(self):
        for raw, sku in (('a%2Fb', 'a/b'), ('%E2%82%AC', '€'), ('a+b', 'a+b'), ('a%20b', 'a b'), ('%25', '%'), ('a;b', 'a;b')):
            self.assertEqual(self.ok(self.client.put(f'/v1/items/{raw}', {}), 201)['sku'], sku)
            self.assertEqual(self.ok(self.client.get(f'/v1/items/{raw}'))['sku'], sku)
        self.assertEqual(self.client.put('/v1/items/%FF', {}).status, 400)

    def test_expect_continue(self):
        body = b'{"name":"later"}'
        self.client.send(b'PUT /v1/items/later HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n'
                         % len(body))
        line = self.client.connect().recv(4096)
        self.assertTrue(line.startswith(b'HTTP/1.1 100'), line)
        self.client.send(body)
        self.assertEqual(self.client.receive().status, 201)

    def test_the_request_id_comes_back(self):
        self.assertEqual(self.client.get('/healthz', **{'X-Request-Id': 'abc-1'}).headers.get('x-request-id'), 'abc-1')

    def test_a_media_type_may_have_parameters(self):
        for media in ('application/json', 'application/json; charset=utf-8', 'Application/JSON'):
            self.ok(self.client.put('/v1/items/A', b'{}', {'Content-Type': media}), 200, 201)
        self.ok(self.client.put('/v1/items/A', b'{}'))

    def test_a_client_that_leaves_early_changes_nothing_for_others(self):
        self.item('A')
        self.node('n1')
        for data in (PUT + b'Content-Length: 50\r\n\r\n{', b'GET /v1/items HT', PUT + b'Transfer-Encoding: chunked\r\n\r\n5\r\nab'):
            for _ in range(20):
                with self.server.client() as client:
                    client.send(data)
        entry = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r'}
        for _ in range(50):
            client = self.server.client()
            client.send(request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': [entry]}))
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            client.close()
        self.assertEqual(self.client.get('/v1/items/smuggled').status, 404)
        self.assertLessEqual(self.figures('A', 'n1', 'sellable')[0], 50)

    def test_a_half_closed_client_still_gets_its_answers(self):
        with self.server.client() as client:
            client.send(HEALTH * 3)
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual([client.receive().status for _ in range(3)], [200] * 3)
            self.assertTrue(client.is_closed_by_server())


class Deadlines(ServerCase):
    config = {'header_timeout_ms': 300, 'body_timeout_ms': 400, 'idle_timeout_ms': 900, 'write_timeout_ms': 700}

    def ended_after(self, *pieces, pause_s=0.05):
        """Sends pieces slowly, waits for the end; (status or None, seconds until the end)."""
        client = self.server.client(timeout_s=10)
        client.connect()
        start = time.monotonic()
        status = None
        try:
            for piece in pieces:
                client.send(piece)
                time.sleep(pause_s)
            status = client.receive().status
            if client.socket is not None:
                client.is_closed_by_server()
        except (ConnectionError, BrokenPipeError):
            pass
        finally:
            client.close()
        return status, time.monotonic() - start

    def test_a_slow_head_ends_with_408(self):
        status, spent = self.ended_after(*[bytes([byte]) for byte in HEALTH[:30]], pause_s=0.05)
        self.assertIn(status, (408, None))
        self.assertLess(spent, 5)

    def test_a_slow_body_ends_with_408(self):
        status, spent = self.ended_after(PUT + b'Content-Length: 50\r\n\r\n{')
        self.assertEqual(status, 408)
        self.assertLess(spent, 5)
        self.assertEqual(self.client.get('/v1/items/smuggled').status, 404)

    def test_an_idle_connection_is_closed(self):
        with self.server.client(timeout_s=10) as client:
            self.ok(client.get('/healthz'))
            start = time.monotonic()
            self.assertTrue(client.is_closed_by_server())
            self.assertGreater(time.monotonic() - start, 0.5)

    def test_a_silent_connection_is_closed(self):
        status, spent = self.ended_after()
        self.assertIn(status, (408, None))
        self.assertLess(spent, 5)

    def test_a_reader_that_does_not_read_is_closed_and_others_are_served(self):
        rows = ''.join(f'I{number:05}\n' for number in range(2000))
        self.ok(self.client.post('/v1/import/items', ('sku\n' + rows).encode(), {'Content-Type': 'text/csv'}))
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(('127.0.0.1', self.server.port))
        slow.settimeout(10)
        try:
            slow.sendall(b'GET /v1/items?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n' * 2000)
        except (ConnectionError, TimeoutError, socket.timeout):
            pass
        for _ in range(20):
            with self.server.client() as client:
                self.ok(client.get('/healthz'))

        def is_gone():
            try:
                slow.sendall(b'x')
                return False
            except (ConnectionError, BrokenPipeError, TimeoutError):
                return True
        wait_until(is_gone, 'the slow reader is still there', 20)
        slow.close()


class Reload(ServerCase):
    config = {'body_size_max': 2000}

    def test_sighup_takes_new_limits_without_a_restart(self):
        big = json.dumps({'name': 'x'}).encode() + b' ' * 3000
        self.assertEqual(self.client.put('/v1/items/A', big).status, 413)
        self.server.config['body_size_max'] = 5000
        self.server.write_config()
        self.server.process.send_signal(signal.SIGHUP)

        def is_taken():
            self.reconnect()
            return self.client.put('/v1/items/A', big).status == 201
        wait_until(is_taken, 'the new limit is not in force', 10)
        self.assertIsNone(self.server.process.poll())

    def test_a_bad_configuration_keeps_the_old_one(self):
        self.server.config['no_such_key'] = 1
        self.server.write_config()
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: 'no_such_key' in self.server.log(), 'the log does not name the unknown key', 10)
        self.ok(self.client.put('/v1/items/A', {}), 201)


class HttpOnNetworkThreads(Http):
    """The same, where other threads receive and send."""
    config = {'network_threads': 2}

    def test_threads_have_names(self):
        """ThreadSanitizer has one of its own."""
        def are_named():
            names = self.server.thread_names()
            return names.count('network') == 2 and {'onhand', 'journal', 'journal-prepare'} <= set(names)
        wait_until(are_named, 'threads without names')


if __name__ == '__main__':
    main()
