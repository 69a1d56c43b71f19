"""The base of the test cases: a fresh server for each test, and words to say what a test means."""
import sys
import time
import unittest
from datetime import datetime

from .client import url
from .server import Server, wait_until


def utc(at_s=None, ahead_s=0.0):
    """RFC 3339 with microseconds, of a Unix time or of now."""
    at_s = (time.time() if at_s is None else at_s) + ahead_s
    whole = int(at_s // 1)
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole)) + f'.{int((at_s - whole) * 1e6):06d}Z'


def seconds(time_text):
    """The Unix time of an RFC 3339 text in UTC."""
    return datetime.fromisoformat(time_text.replace('Z', '+00:00')).timestamp()


def wait_past(claim):
    """Returns when the hold is over by this machine's clock, which is the server's too."""
    wait_until(lambda: time.time() > seconds(claim['expires_at']), 'the clock stands')


class ServerCase(unittest.TestCase):
    durability = 'process'
    config = {}
    maxDiff = 4000

    def make_server(self):
        return Server(durability=self.durability, config=self.config)

    def setUp(self):
        self.server = self.make_server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.client = self.server.client()
        self.addCleanup(lambda: self.client.close())

    def tearDown(self):
        self.client.close()
        if self.server.process.poll() is None:
            self.server.stop()

    def reconnect(self):
        self.client.close()
        self.client = self.server.client()

    # ---- answers

    def ok(self, response, *statuses):
        """The JSON of a response that has one of the statuses (200 when none is named)."""
        self.assertIn(response.status, statuses or (200,), response)
        return response.json if response.body else None

    def refused(self, response, status, code, field=None):
        """The problem of a refusal, checked for status, code and (when given) field. `code` may be several."""
        self.assertEqual(response.status, status, response)
        self.assertEqual(response.headers.get('content-type'), 'application/problem+json', response)
        problem = response.json
        self.assertIn(problem['code'], (code,) if isinstance(code, str) else code, response)
        self.assertEqual(problem['type'], 'urn:onhand:problem:' + problem['code'])
        self.assertEqual(problem['status'], status)
        self.assertTrue(problem['title'])
        if field is not None:
            self.assertEqual(problem.get('field'), field, response)
        return problem

    # ---- what there is

    def node(self, node, kind='store', **more):
        return self.ok(self.client.put(url('v1', 'nodes', node), {'type': kind, **more}), 200, 201)

    def item(self, sku, **more):
        return self.ok(self.client.put(url('v1', 'items', sku), more), 200, 201)

    def group(self, group, *nodes):
        return self.ok(self.client.put(url('v1', 'groups', group), {'nodes': list(nodes)}), 200, 201)

    def channel(self, channel, policy='priority', **more):
        return self.ok(self.client.put(url('v1', 'channels', channel), {'policy': policy, **more}), 200, 201)

    def rule(self, rule, **more):
        return self.ok(self.client.put(url('v1', 'rules', rule), more), 200, 201)

    def fence(self, fence, channel, sku, node, quantity, policy='regular'):
        return self.ok(self.client.put(url('v1', 'fences', fence), {
            'channel': channel, 'sku': sku, 'node': node, 'quantity': quantity, 'policy': policy}), 200, 201)

    def adjust(self, sku, node, quantity, reason='test', source='test', **more):
        """One delta; its entry of the answer."""
        entry = {'sku': sku, 'node': node, 'quantity': quantity, 'reason': reason, **more}
        return self.ok(self.client.post('/v1/stock/adjust', {'source': source, 'entries': [entry]}))['entries'][0]

    def sync(self, sku, node, quantity, as_of=None, source='test', **more):
        """One count; its entry of the answer."""
        entry = {'sku': sku, 'node': node, 'quantity': quantity, 'as_of': as_of or utc(), **more}
        return self.ok(self.client.post('/v1/stock/sync', {'source': source, 'entries': [entry]}))['entries'][0]

    def stock(self, sku, **nodes):
        """Creates what is missing and puts stock there: stock('A', n1=5, n2=3). "_" in a name stands for "-"."""
        self.item(sku)
        for name, quantity in nodes.items():
            node = name.replace('_', '-')
            if self.client.get(url('v1', 'nodes', node)).status == 404:
                self.node(node)
            if quantity:
                self.adjust(sku, node, quantity)

    # ---- questions

    def position(self, sku, node):
        return self.ok(self.client.get(url('v1', 'stock', sku, node)))

    def figures(self, sku, node, *names):
        position = self.position(sku, node)
        return tuple(position[name] for name in names)

    def answer(self, sku, **query):
        return self.ok(self.client.get(url('v1', 'availability', sku, **query)))

    def available(self, sku, **query):
        return self.answer(sku, **query)['available']

    # ---- claims

    def ask(self, *lines, channel='all', kind='cart', headers=None, **more):
        """The response to a reservation; a line is (sku, quantity), (sku, quantity, node) or a dictionary."""
        named = [line if isinstance(line, dict) else dict(zip(('sku', 'quantity', 'node'), line)) for line in lines]
        body = {'kind': kind, 'channel': channel, 'lines': named, **more}
        return self.client.post('/v1/reservations', body, headers)

    def reserve(self, *lines, **more):
        return self.ok(self.ask(*lines, **more), 201)

    def act(self, reservation, action, body=None, headers=None):
        name = reservation if isinstance(reservation, str) else reservation['id']
        return self.client.post(url('v1', 'reservations', name, action), body, headers)

    def reservation(self, reservation):
        name = reservation if isinstance(reservation, str) else reservation['id']
        return self.ok(self.client.get(url('v1', 'reservations', name)))

    def claims(self, reservation):
        """[(line, node, quantity)] of what a reservation claimed."""
        return [(line['line'], claim['node'], claim['quantity'])
                for line in reservation['lines'] for claim in line['claims']]

    # ---- everything at once

    def pages(self, member, *segments, **query):
        """All rows of a list, page by page, and the last page."""
        rows, after = [], None
        while True:
            page = self.ok(self.client.get(url(*segments, limit=1000, after=after, **query)))
            rows += page[member]
            after = page['next']
            if after is None:
                return rows, page

    def everything(self, rules=(), fences=(), supplies=()):
        """All a client can see; two of them are equal when nothing changed in between. Rules and such by id."""
        seen = {}
        for member in ('nodes', 'items', 'groups', 'channels'):
            seen[member] = self.pages(member, 'v1', member)
        for item in seen['items'][0]:
            seen['stock ' + item['sku']] = self.pages('positions', 'v1', 'stock', item['sku'])
            seen['available ' + item['sku']] = self.client.get(url('v1', 'availability', item['sku'])).body
        seen['reservations'] = self.pages('reservations', 'v1', 'reservations')
        for collection, names in (('rules', rules), ('fences', fences), ('supplies', supplies)):
            for name in names:
                seen[f'{collection} {name}'] = self.client.get(url('v1', collection, name)).body
        return seen


def main():
    """Runs the file's tests. Ends with 0, 1, or 77 when every test was skipped."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules['__main__'])
    if len(sys.argv) > 1:
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules['__main__'])
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    if result.testsRun == 0 or not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if len(result.skipped) == result.testsRun else 0)
