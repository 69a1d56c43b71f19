"""The whole life of a reservation, by whole and by part, and the lists that find it again."""
import time

from support.case import ServerCase, main, utc, wait_past
from support.client import url

TERMINAL = {'fulfil': 'already_fulfilled', 'release': 'already_released'}


class Life(ServerCase):
    def setUp(self):
        super().setUp()
        self.channel('all')
        self.stock('A', n1=100, n2=50)
        self.stock('B', n1=100)

    def totals(self, claim):
        """Held, confirmed, fulfilled, released, expired over all claims."""
        rows = [part for line in self.reservation(claim)['lines'] for part in line['claims']]
        return tuple(sum(row[name] for row in rows) for name in ('held', 'confirmed', 'fulfilled', 'released', 'expired'))

    def status(self, claim):
        return self.reservation(claim)['status']

    def test_hold_confirm_fulfil(self):
        claim = self.reserve(('A', 5, 'n1'), ('B', 2, 'n1'), ttl_seconds=60, customer='c', order='o', kind='collect')
        self.assertEqual((claim['status'], claim['kind']), ('held', 'collect'))
        confirmed = self.ok(self.act(claim, 'confirm'))
        self.assertEqual([(line['line'], line['sku'], line['node'], line['quantity']) for line in confirmed['lines']],
                         [(1, 'A', 'n1', 5), (2, 'B', 'n1', 2)])
        self.assertEqual(confirmed['status'], 'confirmed')
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'held', 'confirmed'), (100, 0, 5))
        self.ok(self.act(claim, 'fulfil'))
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'held', 'confirmed', 'available'), (95, 0, 0, 95))
        got = self.reservation(claim)
        self.assertEqual((got['status'], got['customer'], got['order'], got['channel']), ('fulfilled', 'c', 'o', 'all'))
        self.assertEqual(self.totals(claim), (0, 0, 7, 0, 0))

    def test_a_confirmed_reservation_does_not_expire(self):
        claim = self.reserve(('A', 5, 'n1'), ttl_seconds=1.5)
        self.ok(self.act(claim, 'confirm'))
        wait_past(claim)
        self.assertEqual((self.status(claim), self.figures('A', 'n1', 'confirmed')), ('confirmed', (5,)))

    def test_confirm_in_parts(self):
        claim = self.reserve(('A', 10, 'n1'))
        self.ok(self.act(claim, 'confirm', {'lines': [{'line': 1, 'quantity': 4}]}))
        self.assertEqual((self.totals(claim), self.status(claim)), ((6, 4, 0, 0, 0), 'held'))
        self.refused(self.act(claim, 'confirm', {'lines': [{'line': 1, 'quantity': 6.001}]}), 409, 'exceeds_claim')
        self.ok(self.act(claim, 'confirm'))
        self.assertEqual((self.totals(claim), self.status(claim)), ((0, 10, 0, 0, 0), 'confirmed'))

    def test_fulfil_in_parts_and_return_the_rest(self):
        claim = self.reserve(('A', 10, 'n1'), ('B', 3, 'n1'))
        self.ok(self.act(claim, 'confirm'))
        self.ok(self.act(claim, 'fulfil', {'lines': [{'line': 1, 'quantity': 4}]}))
        self.assertEqual((self.totals(claim), self.status(claim)), ((0, 9, 4, 0, 0), 'confirmed'))
        answer = self.ok(self.act(claim, 'fulfil', {'lines': [{'line': 1, 'quantity': 1}], 'return_rest': True}))
        self.assertEqual(sum(line.get('returned', 0) for line in answer['lines']), 8)
        self.assertEqual((self.totals(claim), self.status(claim)), ((0, 0, 5, 8, 0), 'fulfilled'))
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'available'), (95, 95))

    def test_fulfil_needs_a_confirmation(self):
        claim = self.reserve(('A', 10, 'n1'))
        self.refused(self.act(claim, 'fulfil'), 409, 'not_confirmed')
        self.assertEqual(self.totals(claim), (10, 0, 0, 0, 0))

    def test_fulfil_at_a_time_that_a_count_has_seen(self):
        left = utc(time.time() - 100)
        claim = self.reserve(('A', 10, 'n1'))
        self.ok(self.act(claim, 'confirm'))
        self.sync('A', 'n1', 80, utc(time.time() - 50))
        self.ok(self.act(claim, 'fulfil', {'at': left}))
        # The opening movement of 100 came after the count: 80 + 100. What left before the count is in the 80 already.
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'confirmed'), (180, 0))

    def test_release_whole_and_in_parts(self):
        claim = self.reserve(('A', 10, 'n1'), ('B', 3, 'n1'))
        self.ok(self.act(claim, 'release', {'lines': [{'line': 2}]}))
        self.assertEqual((self.totals(claim), self.status(claim)), ((10, 0, 0, 3, 0), 'held'))
        self.ok(self.act(claim, 'release', {'lines': [{'line': 1, 'node': 'n1', 'quantity': 2.5}]}))
        self.assertEqual(self.figures('A', 'n1', 'held'), (7.5,))
        self.ok(self.act(claim, 'release'))
        self.assertEqual((self.totals(claim), self.status(claim)), ((0, 0, 0, 13, 0), 'released'))

    def test_what_was_released_before_the_rest_expired(self):
        claim = self.reserve(('A', 10, 'n1'), ttl_seconds=1.5)
        self.ok(self.act(claim, 'release', {'lines': [{'line': 1, 'quantity': 4}]}))
        wait_past(claim)
        for _ in range(2):
            self.assertEqual((self.totals(claim), self.status(claim)), ((0, 0, 0, 4, 6), 'expired'))
            self.server.crash()
            self.reconnect()

    def test_a_confirmed_claim_can_be_released(self):
        claim = self.reserve(('A', 10, 'n1'))
        self.ok(self.act(claim, 'confirm'))
        self.ok(self.act(claim, 'release', {'lines': [{'line': 1, 'quantity': 4}]}))
        self.assertEqual(self.totals(claim), (0, 6, 0, 4, 0))

    def test_what_has_ended_says_how(self):
        for ending, code in TERMINAL.items():
            claim = self.reserve(('A', 1, 'n1'))
            if ending == 'fulfil':
                self.ok(self.act(claim, 'confirm'))
            self.ok(self.act(claim, ending))
            for action, body in (('confirm', None), ('release', None), ('fulfil', None), ('extend', {'ttl_seconds': 5}),
                                 ('change', {'lines': [{'line': 1, 'quantity': 2}]}), ('move', {'to_node': 'n2'})):
                with self.subTest(ending=ending, action=action):
                    self.refused(self.act(claim, action, body), 409, code)
        claim = self.reserve(('A', 1, 'n1'), ttl_seconds=0.05)
        wait_past(claim)
        for action, body in (('confirm', None), ('release', None), ('fulfil', None), ('extend', {'ttl_seconds': 5}),
                             ('change', {'lines': [{'line': 1, 'quantity': 2}]}), ('move', {'to_node': 'n2'})):
            with self.subTest(ending='expire', action=action):
                self.refused(self.act(claim, action, body), 409, 'expired')
        self.assertEqual((self.status(claim), self.totals(claim)), ('expired', (0, 0, 0, 0, 1)))

    def test_extend_counts_from_now(self):
        claim = self.reserve(('A', 1, 'n1'), ttl_seconds=5)
        asked = utc(ahead_s=600)
        answer = self.ok(self.act(claim, 'extend', {'ttl_seconds': 600}))
        self.assertGreaterEqual(answer['expires_at'].ljust(27, '0'), asked[:19])
        self.assertEqual(self.reservation(claim)['expires_at'], answer['expires_at'])
        wait_past(self.ok(self.act(claim, 'extend', {'ttl_seconds': 0.1})))
        self.assertEqual(self.status(claim), 'expired')

    def test_extend_is_for_holds(self):
        claim = self.reserve(('A', 1, 'n1'), ttl_seconds=60)
        self.ok(self.act(claim, 'confirm'))
        self.refused(self.act(claim, 'extend', {'ttl_seconds': 5}), 409, ('not_held', 'already_confirmed'))

    def test_change_up_and_down(self):
        claim = self.reserve(('A', 10, 'n1'))
        self.ok(self.act(claim, 'change', {'lines': [{'line': 1, 'quantity': 25}]}))
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (25, 75))
        self.ok(self.act(claim, 'change', {'lines': [{'line': 1, 'node': 'n1', 'quantity': 4}]}))
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (4, 96))
        self.refused(self.act(claim, 'change', {'lines': [{'line': 1, 'quantity': 100.001}]}), 409, 'insufficient_stock')
        self.assertEqual(self.figures('A', 'n1', 'held'), (4,))
        self.ok(self.act(claim, 'change', {'lines': [{'line': 1, 'quantity': 0}]}))
        self.assertEqual((self.figures('A', 'n1', 'held'), self.status(claim)), ((0,), 'released'))

    def test_move_whole_and_by_line(self):
        claim = self.reserve(('A', 10, 'n1'))
        self.ok(self.act(claim, 'move', {'to_node': 'n2'}))
        self.assertEqual((self.figures('A', 'n1', 'held'), self.figures('A', 'n2', 'held')), ((0,), (10,)))
        self.ok(self.act(claim, 'confirm'))
        self.ok(self.act(claim, 'move', {'lines': [{'line': 1, 'node': 'n2', 'to_node': 'n1', 'quantity': 4}]}))
        self.assertEqual((self.figures('A', 'n1', 'confirmed'), self.figures('A', 'n2', 'confirmed')), ((4,), (6,)))
        self.ok(self.act(claim, 'fulfil'))
        self.assertEqual((self.figures('A', 'n1', 'sellable'), self.figures('A', 'n2', 'sellable')), ((96,), (44,)))

    def test_a_move_is_all_or_nothing(self):
        claim = self.reserve(('A', 10, 'n1'), ('B', 10, 'n1'))
        before = self.everything()
        self.refused(self.act(claim, 'move', {'to_node': 'n2'}), 409, 'insufficient_stock')
        self.assertEqual(self.everything(), before)

    def test_partial_lines_can_be_had_in_part(self):
        claim = self.reserve(('A', 30, 'n2'), ('A', 30, 'n2'), ('B', 5, 'n1'), allow_partial=True)
        self.assertEqual([line['quantity'] for line in claim['lines']], [30, 20, 5])
        got = self.reservation(claim)
        self.assertEqual([(line['requested'], line['quantity']) for line in got['lines']], [(30, 30), (30, 20), (5, 5)])

    def test_a_reservation_of_nothing_survives_a_crash(self):
        self.adjust('A', 'n2', -50)
        claim = self.reserve(('A', 3, 'n2'), allow_partial=True, customer='c')
        before = self.reservation(claim)
        self.assertEqual((before['status'], before['lines'][0]['requested'], before['lines'][0]['claims']), ('released', 3, []))
        for restart in (self.server.crash, self.server.restart):
            restart()
            self.reconnect()
            self.assertEqual(self.reservation(claim), before)
        self.refused(self.act(claim, 'confirm'), 409, ('nothing_claimed', 'already_released'))

    def test_an_action_is_all_or_nothing(self):
        claim = self.reserve(('A', 10, 'n1'), ('B', 3, 'n1'))
        before = self.everything()
        for action, bad in (('confirm', {'line': 2, 'quantity': 4}), ('release', {'line': 3}),
                            ('change', {'line': 2, 'quantity': 1000})):
            first = {'line': 1, 'quantity': 1}
            response = self.act(claim, action, {'lines': [first, bad]})
            self.assertIn(response.status, (409, 422), response)
            self.assertTrue(response.json['field'].startswith('lines[1]'), response)
            self.assertEqual(self.everything(), before)

    def test_a_batch_judges_each_alone(self):
        def one(sku, quantity, **more):
            return {'kind': 'cart', 'channel': 'all', 'lines': [{'sku': sku, 'quantity': quantity, 'node': 'n1'}], **more}
        answer = self.ok(self.client.post('/v1/reservations/batch', {'reservations': [
            one('A', 60, id='first'), one('A', 60), one('X', 1), one('A', 40, allow_partial=True), one('A', 60, id='first')]}))
        self.assertEqual([result['status'] for result in answer['results']], [201, 409, 422, 201, 200])
        self.assertEqual(answer['results'][1]['problem']['code'], 'insufficient_stock')
        self.assertEqual(answer['results'][2]['problem']['code'], 'unknown_item')
        self.assertEqual(answer['results'][4]['reservation'], answer['results'][0]['reservation'])
        self.assertEqual(self.figures('A', 'n1', 'held'), (100,))

    def test_refused_lines_say_what_could_be_had(self):
        problem = self.refused(self.ask(('A', 200, 'n1'), ('B', 1, 'n1')), 409, 'insufficient_stock', 'lines[0].quantity')
        line = problem['lines'][0]
        self.assertEqual((line['line'], line['sku'], line['node'], line['requested'], line['available'], line['verdict']),
                         (1, 'A', 'n1', 200, 100, 'insufficient_stock'))

    def test_nodes_outside_the_channel(self):
        self.channel('one', nodes=['n2'])
        self.refused(self.ask(('A', 1, 'n1'), channel='one'), 409, 'not_in_channel')
        self.assertEqual(self.claims(self.reserve(('A', 1), channel='one')), [(1, 'n2', 1)])

    def test_nearest_needs_a_point(self):
        self.channel('near', 'nearest')
        self.node('n1', lat=45, lon=3)
        self.node('n2', lat=46, lon=3)
        self.refused(self.ask(('A', 1), channel='near'), 422, 'near_required')
        self.assertEqual(self.claims(self.reserve(('A', 1), channel='near', near={'lat': 45.9, 'lon': 3})), [(1, 'n2', 1)])
        self.assertEqual(self.claims(self.reserve(('A', 60), channel='near', near={'lat': 45.9, 'lon': 3})),
                         [(1, 'n2', 49), (1, 'n1', 11)])
        self.refused(self.ask(('A', 90), channel='near', near={'lat': 45, 'lon': 3, 'radius_km': 10}),
                     409, 'insufficient_stock')
        self.assertEqual(self.claims(self.reserve(('A', 1), channel='near',
                                                  near={'lat': 45, 'lon': 3, 'radius_km': 10})), [(1, 'n1', 1)])
        self.refused(self.ask(('A', 1), channel='near', near={'postal_code': '00000', 'country': 'FR'}),
                     422, 'unknown_postal_code', 'near.postal_code')

    def test_backorder_comes_after_all_real_stock(self):
        self.rule('b', sku='A', node='n1', backorder_limit=10)
        self.group('g', 'n1', 'n2')
        claim = self.reserve({'sku': 'A', 'quantity': 155, 'group': 'g'})
        self.assertEqual(sorted(self.claims(claim))[-1], (1, 'n2', 50))
        self.assertEqual(self.figures('A', 'n1', 'held', 'short'), (105, 5))

    def test_actions_survive_a_crash(self):
        claim = self.reserve(('A', 10, 'n1'), ('B', 3, 'n1'), ttl_seconds=3600)
        self.ok(self.act(claim, 'confirm', {'lines': [{'line': 1, 'quantity': 6}]}))
        self.ok(self.act(claim, 'move', {'lines': [{'line': 1, 'node': 'n1', 'to_node': 'n2', 'quantity': 2}]}))
        self.ok(self.act(claim, 'extend', {'ttl_seconds': 7200}))
        before, positions = self.reservation(claim), self.position('A', 'n1')
        for restart in (self.server.crash, self.server.restart):
            restart()
            self.reconnect()
            self.assertEqual(self.reservation(claim), before)
            self.assertEqual(self.position('A', 'n1'), positions)


class Lists(ServerCase):
    def listed(self, **query):
        return {row['id'] for row in self.pages('reservations', 'v1', 'reservations', **query)[0]}

    def test_by_customer_order_node_and_status(self):
        self.channel('all')
        self.stock('A', n1=1000, n2=1000)
        made = {}
        for number in range(60):
            node = ('n1', 'n2')[number % 2]
            claim = self.reserve(('A', 1, node), customer=f'c{number % 3}', order=f'o{number % 5}', id=f'r{number}')
            status = ('held', 'confirmed', 'released', 'fulfilled')[number % 4]
            if status in ('confirmed', 'fulfilled'):
                self.ok(self.act(claim, 'confirm'))
            if status == 'fulfilled':
                self.ok(self.act(claim, 'fulfil'))
            if status == 'released':
                self.ok(self.act(claim, 'release'))
            made[f'r{number}'] = {'customer': f'c{number % 3}', 'order': f'o{number % 5}', 'node': node, 'status': status}
        for query in ({}, {'customer': 'c1'}, {'order': 'o4'}, {'node': 'n2'}, {'status': 'held'}, {'status': 'fulfilled'},
                      {'customer': 'c0', 'status': 'confirmed'}, {'order': 'o1', 'node': 'n1'}, {'customer': 'nobody'},
                      {'customer': 'c2', 'order': 'o2', 'node': 'n1', 'status': 'released'}):
            with self.subTest(query=query):
                expected = {name for name, row in made.items()
                            if all(row[field] == value for field, value in query.items())}
                self.assertEqual(self.listed(**query), expected)

    def test_pages_give_each_once(self):
        self.channel('all')
        self.stock('A', n1=1000)
        for number in range(50):
            self.reserve(('A', 1, 'n1'), id=f'r{number}')
        for limit in (1, 7, 50):
            seen, after = [], None
            while True:
                page = self.ok(self.client.get(url('v1', 'reservations', limit=limit, after=after)))
                self.assertLessEqual(len(page['reservations']), limit)
                seen += [row['id'] for row in page['reservations']]
                after = page['next']
                if after is None:
                    break
            self.assertEqual(sorted(seen), sorted(f'r{number}' for number in range(50)))

    def test_an_expired_hold_is_listed_as_such(self):
        self.channel('all')
        self.stock('A', n1=10)
        claim = self.reserve(('A', 1, 'n1'), ttl_seconds=2)
        self.assertEqual(self.listed(status='held'), {claim['id']})
        wait_past(claim)
        self.assertEqual((self.listed(status='held'), self.listed(status='expired')), (set(), {claim['id']}))


if __name__ == '__main__':
    main()
