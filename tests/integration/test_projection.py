"""
The tables of the projection against a fold of the journal, and its views against what the server answers.

More and other writes: ONHAND_SEED=7 ONHAND_WRITES=100000 python3 tests/integration/test_projection.py TestTables
"""
import os
import subprocess
import time
from urllib.parse import quote

from support import fsck, journal
from support.case import main, utc
from support.client import url
from support.projected_case import ProjectionCase
from support.server import run, wait_until

BUSY = os.environ.get('ONHAND_BUSY_LEDGER', 'build/dev/tests/integration/onhand_busy_ledger')
SEED = int(os.environ.get('ONHAND_SEED', '1'))
WRITES = int(os.environ.get('ONHAND_WRITES', '300' if os.environ.get('ONHAND_SANITIZE') else '1000'))


class TestTables(ProjectionCase):
    seed = SEED

    def test_they_are_the_fold(self):
        self.start()
        self.run_load(WRITES)
        self.check_groups()
        self.assertIn('projector', self.server.thread_names())
        fold = self.check_tables()
        # What may be removed may be gone at the end.
        may_be_empty = ('opening', 'rule', 'fence', 'supply', 'booking', 'promise')
        self.assertFalse([table for table, rows in fold.tables().items() if table not in may_be_empty and not rows])

    def check_groups(self):
        """The order of their members, which the tables tell by two columns."""
        self.wait_drained()
        with self.server.client() as client, self.postgres.session(self.name) as session:
            for group in ('g', 'h'):
                rows = session.query("SELECT node FROM onhand.node_group_member WHERE node_group = "
                                     f"'{group}' ORDER BY priority, ordinal")
                self.assertEqual([node for (node,) in rows], client.get(url('v1', 'groups', group)).json['nodes'])

    def test_across_restarts_of_the_server(self):
        self.start()
        for i in range(3):
            self.run_load(WRITES // 8)
            if i == 1:
                self.server.crash()
            else:
                self.server.restart()
        self.check_tables()

    def test_months_go_by(self):
        """A history of four months: ids and keys come back after their day, partitions are made as they are needed."""
        self.server = self.make_server()
        for i, days in enumerate((100, 70, 69, 2, 0)):
            done = subprocess.run([BUSY, 'fill', self.server.data, str(SEED + i), str(WRITES), str(int(time.time()) - days * 86400)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done)
        self.server.start()
        self.wait_drained()
        self.check_tables()
        with self.postgres.session(self.name) as session:
            months = session.value("SELECT count(DISTINCT date_trunc('month', at, 'UTC')) FROM onhand.reservation_event")
            self.assertGreaterEqual(int(months), 2)

    def test_any_text_a_client_may_send(self):
        """What PostgreSQL would refuse must not get that far, or nothing behind it would ever arrive."""
        self.start()
        odd = ['é', '€', '😀', '"', "'", '\\', '\\N', '{a,b}', '$1', '%s', ' a  b ', '\ufeff', '\u202e', '\u0085', '\ud7ff',
               '\ud800', '\udfff x',
               '\ufffe', '\uffff', '\U0010ffff', '\u0000', 'a\u0000b', '\t', '\n', '\u007f', 'x' * 60, '-- ;', "';DROP"]
        with self.server.client() as client:
            client.put('/v1/nodes/n', {'type': 'store'})
            client.put('/v1/channels/web', {'policy': 'priority'})
            taken = 0
            for i, text in enumerate(odd):
                replies = [
                    client.put(url('v1', 'items', f'i{i}'), {'name': text}), client.put('/v1/items/' + quote(f'j{i}{text}'.encode('utf-8', 'surrogatepass'), safe=''), {}),
                    client.put(f'/v1/nodes/m{i}', {'type': 'store', 'name': text}),
                    client.put(f'/v1/nodes/o{i}', {'type': 'store', 'city': text, 'region': text, 'postal_code': text}),
                    client.post('/v1/stock/adjust', {'source': text, 'entries': [
                        {'sku': f'i{i}', 'node': 'n', 'quantity': 2, 'reason': text, 'id': text}]}),
                    client.post('/v1/stock/adjust', {'source': 's', 'entries': [
                        {'sku': f'i{i}', 'node': 'n', 'quantity': 2, 'reason': text}]}),
                    client.post('/v1/reservations', {
                        'kind': 'cart', 'channel': 'web', 'customer': text, 'order': text,
                        'lines': [{'sku': f'i{i}', 'node': 'n', 'quantity': 1}]}),
                    client.post('/v1/reservations', {
                        'kind': 'cart', 'channel': 'web', 'id': text, 'lines': [{'sku': f'i{i}', 'node': 'n', 'quantity': 1}]})]
                taken += sum(reply.status in (200, 201) for reply in replies)
                self.assertTrue(all(reply.status in (200, 201, 400, 404, 409, 422) for reply in replies), replies)
            rows = 'sku,name\r\n' + ''.join(f'k{i},"{text}"\r\n' for i, text in enumerate(odd) if '"' not in text)
            client.post('/v1/import/items', rows.encode('utf-8', 'surrogatepass'), {'Content-Type': 'text/csv'})
        self.assertGreater(taken, 5 * 10)
        self.check_tables()

    def test_what_depends_on_the_order_within_a_batch(self):
        """PostgreSQL is away meanwhile, so that all of it is one batch."""
        self.start()
        self.run_load(20)
        with self.server.client() as client:
            def ask(method, target, body=None):
                reply = client.request(method, target, body)
                self.assertIn(reply.status, (200, 201), reply)
                return reply.json

            def reserve(name, node):
                ask('POST', '/v1/reservations', {'id': name, 'kind': 'ship', 'channel': 'web', 'lines': [
                    {'line': 1, 'sku': 'S3', 'quantity': 2, 'node': node}, {'line': 2, 'sku': 'S4', 'quantity': 2, 'node': node}]})

            def move(name, node):
                ask('POST', url('v1', 'reservations', name, 'move'), {'lines': [{'line': 1, 'to_node': node}]})
            ask('POST', '/v1/stock/adjust', {'source': 's', 'entries': [
                {'sku': sku, 'node': node, 'quantity': 500, 'reason': 'r'} for sku in ('S3', 'S4') for node in ('n0', 'n1')]})
            reserve('before', 'n0')
            self.wait_drained()
            self.postgres.stop()
            move('before', 'n1')        # a claim goes, and comes back behind the other one
            move('before', 'n0')
            reserve('within', 'n0')
            ask('POST', '/v1/reservations', {'id': 'one', 'kind': 'ship', 'channel': 'web', 'lines': [
                {'line': 1, 'sku': 'S3', 'quantity': 2, 'node': 'n0'}]})
            move('one', 'n1')           # its only claim: it does not end in between
            fence = {'sku': 'S3', 'node': 'n0', 'channel': 'web', 'quantity': 10, 'policy': 'regular'}
            ask('PUT', '/v1/fences/again', fence)
            for step in ('confirm', 'fulfil'):
                ask('POST', url('v1', 'reservations', 'within', step))
            ask('PUT', '/v1/fences/again', fence)       # what left before does not use it
            ask('PUT', '/v1/groups/g', {'nodes': ['n3', 'n0']})
            ask('PUT', '/v1/groups/g', {'nodes': ['n1', 'n2']})
        self.postgres.start()
        self.wait_drained()
        self.assertNotIn('state=refused', self.server.log())    # a constraint may have helped, one record at a time
        self.check_tables()

    def test_tables_that_begin_with_a_snapshot(self):
        """The server has run without PostgreSQL, and its journal does not go back to the beginning."""
        self.server = self.make_server(uri='', snapshot_journal_mib=1, keep_snapshots=1, journal_segment_mib=9)
        self.server.start()
        self.run_load(300)
        with self.server.client() as client:
            def is_cut():
                client.post('/v1/stock/adjust', {'source': 'many', 'entries': [
                    {'sku': f'S{i % 30}', 'node': 'n0', 'quantity': 1, 'reason': os.urandom(24).hex()} for i in range(5000)]})
                return int(os.path.basename(journal.segments(self.server.data)[0]).split('.')[0]) > 1
            wait_until(is_cut, 'the journal keeps its beginning')
        self.server.stop()
        self.server.config['postgres_uri'] = self.postgres.uri(self.name)
        self.server.start()
        self.run_load(200)
        self.wait_drained()
        with self.postgres.session(self.name) as session:
            self.assertEqual(fsck.complaints(session), [])
            self.assertEqual(session.value('SELECT history_from IS NOT NULL FROM onhand.watermark'), 't')
        self.check_views()

    def test_retention_and_then_a_rebuild(self):
        """Half of the history is a month old, and goes. What is left is the same ledger."""
        self.start()
        load = self.load()
        load.ttls = (3600,)
        self.go_on(load, 300)
        load.stop()
        self.wait_drained()
        self.server.restart()
        before = self.stock()
        self.wait_drained()
        self.server.stop()
        with self.postgres.session(self.name) as session:
            half = int(session.value('SELECT seq / 2 FROM onhand.watermark'))
            session.query(f"""
                SELECT onhand.month_add(now() - interval '1 month');
                UPDATE onhand.movement SET recorded_at = recorded_at - interval '1 month' WHERE seq <= {half};
                UPDATE onhand.reservation_event SET at = at - interval '1 month' WHERE seq <= {half};
                UPDATE onhand.reservation SET created_at = created_at - interval '1 month' WHERE made_seq <= {half}""")
            self.assertEqual(session.value("SELECT onhand.drop_months_before(now(), true)"), '1')
            self.assertGreater(int(session.value('SELECT count(*) FROM onhand.opening')), 0)
            self.assertEqual(fsck.complaints(session), [])
        self.server.data += '-rebuilt'
        done = run('rebuild', '--postgres', self.postgres.uri(self.name), '--data', self.server.data)
        self.assertEqual(done.returncode, 0, done)
        self.server.start()
        self.assertEqual(self.stock(), before)
        self.run_load(100)
        self.check_views()
        with self.postgres.session(self.name) as session:
            self.assertEqual(fsck.complaints(session), [])

    # ---- views

    def stock(self):
        """What the server answers about every position."""
        names = ('available', 'on_hand', 'sellable', 'held', 'confirmed', 'safety_stock', 'fenced', 'short')
        found = {}
        with self.server.client() as client:
            for i in range(30):
                for row in client.get(url('v1', 'stock', f'S{i}')).json['positions']:
                    found[row['sku'], row['node']] = tuple(float(row[name]) for name in names)
        return found

    def view(self):
        with self.postgres.session(self.name) as session:
            rows = session.query('SELECT sku, node, available, on_hand, sellable, held, confirmed, safety_stock, fenced, short'
                                 ' FROM onhand.availability')
        return {row[:2]: tuple(map(float, row[2:])) for row in rows}

    def check_views(self):
        """Holds end meanwhile: once both say the same."""
        def is_same():
            self.wait_drained()
            self.seen = (self.stock(), self.view())
            return self.seen[0] == self.seen[1]
        try:
            wait_until(is_same, '', 30)
        except AssertionError:
            stock, view = self.seen
            self.fail([(place, stock.get(place), view.get(place)) for place in sorted({*stock, *view})
                       if stock.get(place) != view.get(place)][:5])

    def test_availability_is_what_the_server_answers(self):
        self.start()
        for _ in range(3):
            self.run_load(WRITES // 6)
            self.check_views()
        with self.postgres.session(self.name) as session:
            oversold = {row[:2] for row in session.query('SELECT sku, node FROM onhand.oversold')}
        self.assertEqual(oversold, {place for place, row in self.view().items() if row[-1] > 0})

    def test_stock_at_is_what_the_server_answered_then(self):
        self.start()
        seen = []
        for _ in range(3):
            load = self.load()
            load.ttls = (3600,)
            self.go_on(load, 150)
            load.stop()
            seen.append((utc(), self.stock()))
        self.wait_drained()
        with self.postgres.session(self.name) as session:
            for at, stock in seen:
                for (sku, node), row in stock.items():
                    ((sellable, held, confirmed),) = session.query(
                        f"SELECT sellable, held, confirmed FROM onhand.stock_at('{sku}', '{node}', '{at}')")
                    self.assertEqual((float(sellable), float(held), float(confirmed)), row[2:5], (at, sku, node))


if __name__ == '__main__':
    main()
