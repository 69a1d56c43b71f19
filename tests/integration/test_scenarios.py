"""The acceptance scenarios A1-A7, R1-R14, S1-S4 over HTTP, and what nobody else tests. Named after their numbers."""
import random
import signal
import threading
import time

from support.case import ServerCase, main, seconds, utc, wait_past
from support.client import request_bytes, url
from support.fixtures import load_fixture_m
from support.server import wait_until


def in_parallel(jobs):
    """Runs functions at the same moment, on a thread each; their results, in order. The first failure is raised."""
    barrier = threading.Barrier(len(jobs))
    results, errors = [None] * len(jobs), []

    def work(index, job):
        try:
            barrier.wait()
            results[index] = job()
        except BaseException as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


class Availability(ServerCase):
    def setUp(self):
        super().setUp()
        load_fixture_m(self)

    def test_a1_available_per_group(self):
        expected = {'SKU-1': (8.5, 0, 8.5), 'SKU-2': (0, 5, 5), 'SKU-3': (0, 0, 0)}
        for sku, figures in expected.items():
            by_group = tuple(self.available(sku, group=group) for group in ('EU', 'US', 'GLOBAL'))
            by_channel = tuple(self.available(sku, channel=channel) for channel in ('eu', 'us', 'global'))
            self.assertEqual((by_group, by_channel), (figures, figures), sku)

    def test_a2_part_of_a_claim_released(self):
        claim = self.reserve({'sku': 'SKU-1', 'quantity': 5, 'group': 'EU'})
        self.ok(self.act(claim, 'release', {'lines': [{'line': 1, 'quantity': 1.5}]}))
        self.assertEqual(self.available('SKU-1', group='EU'), 5.0)

    def test_a2_all_claimed_leaves_nothing_for_any_quantity(self):
        self.reserve({'sku': 'SKU-1', 'quantity': 8.5, 'group': 'EU'})
        self.assertEqual(self.available('SKU-1', group='EU'), 0)
        for quantity in (0.001, 0.01, 1, 8.5):
            self.refused(self.ask({'sku': 'SKU-1', 'quantity': quantity, 'group': 'EU'}), 409, 'insufficient_stock')

    def test_a3_threshold_of_a_channel(self):
        self.rule('t1', sku='SKU-1', channel='eu', threshold=5)
        self.rule('t2', sku='SKU-2', channel='us', threshold=5)
        self.assertEqual(self.available('SKU-1', channel='eu'), 3.5)
        problem = self.refused(self.ask(('SKU-1', 4), channel='eu'), 409, 'insufficient_stock')
        self.assertEqual(problem['lines'][0]['available'], 3.5)
        self.reserve(('SKU-1', 3), channel='eu')
        self.assertEqual(self.available('SKU-1', channel='eu'), 0.5)
        self.assertEqual(self.available('SKU-2', channel='us'), 0)
        self.refused(self.ask(('SKU-2', 0.001), channel='us'), 409, 'insufficient_stock')
        self.assertEqual(self.available('SKU-1', group='EU'), 5.5, 'the threshold is the channel\'s alone')

    def test_a3_threshold_caps_a_line_pinned_to_a_node(self):
        self.rule('t1', sku='SKU-1', channel='eu', threshold=5)
        self.refused(self.ask(('SKU-1', 4, 'eu-1'), channel='eu'), 409, 'insufficient_stock')
        self.reserve(('SKU-1', 3.5, 'eu-1'), channel='eu')

    def test_a4_backorder_limit_is_met_exactly(self):
        self.rule('b', sku='SKU-1', node='eu-1', backorder_limit=1)
        self.reserve({'sku': 'SKU-1', 'quantity': 9.33, 'group': 'EU'})
        self.refused(self.ask({'sku': 'SKU-1', 'quantity': 0.171, 'group': 'EU'}), 409, 'insufficient_stock')
        self.reserve({'sku': 'SKU-1', 'quantity': 0.17, 'group': 'EU'})
        sellable, held = self.figures('SKU-1', 'eu-1', 'sellable', 'held')
        self.assertEqual((sellable, held), (5.5, 6.5))
        self.refused(self.ask({'sku': 'SKU-1', 'quantity': 0.01, 'group': 'EU'}), 409, 'insufficient_stock')

    def test_a5_quantity_rules(self):
        table = [('min_quantity', 7, {1: 'quantity_below_minimum', 7: None, 8: None}),
                 ('max_quantity', 6, {6: None, 7: 'quantity_above_maximum'}),
                 ('quantity_increment', 3, {1: 'quantity_not_increment', 3: None, 6: None, 9: 'insufficient_stock'})]
        for attribute, value, asks in table:
            self.rule('q', sku='SKU-1', **{attribute: value})
            for quantity, code in asks.items():
                with self.subTest(attribute=attribute, quantity=quantity):
                    response = self.ask({'sku': 'SKU-1', 'quantity': quantity, 'group': 'EU'})
                    if code:
                        self.refused(response, 409, code)
                    else:
                        self.ok(self.act(self.ok(response, 201), 'release'))

    def test_a6_safety_stock_and_partial(self):
        self.stock('A', n1=3)
        self.rule('s', sku='A', safety_stock=2)
        claim = self.reserve(('A', 2, 'n1'), allow_partial=True)
        self.assertEqual((claim['lines'][0]['requested'], claim['lines'][0]['quantity']), (2, 1))

    def test_a6_backorder_limit_is_not_shrunk_by_safety_stock(self):
        for safety in (0, 2):
            self.stock(f'A{safety}', n1=3)
            self.rule('r' + str(safety), sku=f'A{safety}', backorder_limit=5, safety_stock=safety)
            self.refused(self.ask((f'A{safety}', 9, 'n1')), 409, 'insufficient_stock')
            claim = self.reserve((f'A{safety}', 8, 'n1'))
            self.assertEqual(self.figures(f'A{safety}', 'n1', 'on_hand', 'held', 'available'), (3, 8, 0))
            self.ok(self.act(claim, 'confirm'))
            self.assertEqual(self.figures(f'A{safety}', 'n1', 'on_hand'), (3,))
            self.ok(self.act(claim, 'fulfil'))
            self.assertEqual(self.figures(f'A{safety}', 'n1', 'sellable', 'confirmed'), (-5, 0))

    def test_a7_pickup_switched_off(self):
        self.stock('A', s1=50)
        self.rule('s', sku='A', safety_stock=5)
        self.assertEqual(self.available('A', node='s1'), 45)
        self.rule('p', sku='A', node='s1', pickup_allowed=False)
        answer = self.answer('A', node='s1', kind='collect')
        self.assertEqual((answer['available'], answer['reason']), (0, 'pickup_not_allowed'))
        self.assertEqual(self.available('A', node='s1', kind='ship'), 45)
        self.refused(self.ask(('A', 1, 's1'), kind='collect'), 409, 'pickup_not_allowed')
        self.reserve(('A', 1, 's1'), kind='ship')

    def test_a7_two_nodes_add_up(self):
        self.stock('A', s1=6, s2=7)
        self.group('two', 's1', 's2')
        self.assertEqual(self.available('A', group='two'), 13)


class Reservations(ServerCase):
    def setUp(self):
        super().setUp()
        self.channel('all')

    def test_r1_pinned_by_policy(self):
        self.channel('most', 'highest_stock')
        for sku in ('A', 'B'):
            self.stock(sku, n1=4, n2=3, n3=0)
        self.stock('C', n1=4, n2=3, n3=5)
        self.group('two-first', 'n2', 'n1')
        self.channel('ranked', 'priority', groups=['two-first'])
        claim = self.reserve(('A', 5), channel='most')
        self.assertEqual(self.claims(claim), [(1, 'n1', 4), (1, 'n2', 1)])
        claim = self.reserve(('B', 5), channel='ranked')
        self.assertEqual(self.claims(claim), [(1, 'n2', 3), (1, 'n1', 2)])
        claim = self.reserve(('C', 5, 'n3'), channel='most')
        self.assertEqual(self.claims(claim), [(1, 'n3', 5)])

    def test_r2_hold_of_seven_minutes(self):
        self.stock('A', n1=5)
        first = self.ask(('A', 1, 'n1'), ttl_seconds=420, headers={'Idempotency-Key': 'k'})
        again = self.ask(('A', 1, 'n1'), ttl_seconds=420, headers={'Idempotency-Key': 'k'})
        claim = self.ok(first, 201)
        self.assertAlmostEqual(seconds(claim['expires_at']) - seconds(claim['created_at']), 420, places=6)
        self.assertEqual((again.status, again.json), (200, claim))
        self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
        self.assertEqual(self.figures('A', 'n1', 'held'), (1,))

    def test_r3_lines_of_one_item_are_added_up(self):
        self.stock('A', n1=5)
        before = self.everything()
        self.refused(self.ask(('A', 3, 'n1'), ('A', 3, 'n1')), 409, 'insufficient_stock')
        self.assertEqual(self.everything(), before)

    def test_r4_a_count_below_the_claims_makes_the_position_short(self):
        self.stock('A', n1=5)
        self.reserve(('A', 5, 'n1'))
        entry = self.sync('A', 'n1', 2)
        self.assertEqual((entry['available'], entry['short']), (0, 3))
        self.assertEqual(self.figures('A', 'n1', 'available', 'short', 'sellable', 'held'), (0, 3, 2, 5))
        self.assertEqual(self.available('A', node='n1'), 0)

    def sample_until_expired(self, sku, node, claim):
        """Asks without a pause until the hold is over; every answer must agree with the clock around it."""
        expires = seconds(claim['expires_at'])
        counted = gone = 0
        while gone < 20:
            asked = time.time()
            held = self.position(sku, node)['held']
            answered = time.time()
            if answered < expires:
                counted += 1
                self.assertEqual(held, claim['lines'][0]['quantity'], f'{expires - answered:.6f} s before its end')
            elif asked >= expires:
                gone += 1
                self.assertEqual(held, 0, f'{asked - expires:.6f} s after its end')
        self.assertGreater(counted, 0)

    def test_r4_r5_a_hold_counts_up_to_its_expiry_and_not_after(self):
        self.stock('A', n1=5)
        for _ in range(3):
            self.sample_until_expired('A', 'n1', self.reserve(('A', 5, 'n1'), ttl_seconds=1))
            self.assertEqual(self.available('A', node='n1'), 5)

    def test_r6_backorder_limit_admits_a_hold(self):
        self.stock('A', n1=2)
        self.refused(self.ask(('A', 3, 'n1')), 409, 'insufficient_stock')
        self.assertEqual(self.figures('A', 'n1', 'held'), (0,))
        self.rule('b', sku='A', backorder_limit=1)
        self.reserve(('A', 3, 'n1'))
        self.assertEqual(self.figures('A', 'n1', 'held', 'short'), (3, 1))

    def test_r7_holds_run_out_one_by_one(self):
        self.stock('A', n1=100)
        holds = [self.reserve(('A', 10 + number, 'n1'), ttl_seconds=2 * number or None) for number in range(4)]
        self.assertEqual(self.figures('A', 'n1', 'held'), (46,))
        for hold, left in zip(holds[1:], (35, 23, 10)):
            wait_past(hold)
            self.assertEqual(self.figures('A', 'n1', 'held'), (left,))
            self.refused(self.act(hold, 'confirm'), 409, 'expired')
        self.ok(self.act(holds[0], 'confirm'))
        self.assertEqual(self.figures('A', 'n1', 'held', 'confirmed'), (0, 10))

    def test_r8_two_phases(self):
        self.stock('A', n1=100)
        holds = [self.reserve(('A', quantity, 'n1')) for quantity in (15, 15, 15, 7, 1, 1)]
        part = {'lines': [{'line': 1, 'quantity': 13}], 'return_rest': True}
        first = self.act(holds[0], 'confirm', part, {'Idempotency-Key': 'k1'})
        line = self.ok(first)['lines'][0]
        self.assertEqual((line['quantity'], line['returned']), (13, 2))
        self.assertEqual(self.figures('A', 'n1', 'held', 'confirmed'), (39, 13))
        again = self.act(holds[0], 'confirm', part, {'Idempotency-Key': 'k1'})
        self.assertEqual((again.status, again.json), (200, first.json))
        other = {'lines': [{'line': 1, 'quantity': 12}], 'return_rest': True}
        self.refused(self.act(holds[0], 'confirm', other, {'Idempotency-Key': 'k1'}), 422, 'idempotency_mismatch')
        self.refused(self.act(holds[0], 'confirm', part, {'Idempotency-Key': 'k2'}), 409, 'already_confirmed')
        self.ok(self.act(holds[1], 'release'))
        self.refused(self.act(holds[1], 'confirm'), 409, 'already_released')
        self.refused(self.act(holds[3], 'confirm', {'lines': [{'line': 1, 'quantity': 8}]}), 409, 'exceeds_claim')
        self.assertEqual(self.figures('A', 'n1', 'held', 'confirmed'), (24, 13))

    def test_r9_all_lines_or_none(self):
        self.stock('A', n1=5)
        self.stock('B', n1=1)
        before = self.everything()
        self.refused(self.ask(('A', 1, 'n1'), ('NONE', 1, 'n1')), 422, 'unknown_item', 'lines[1].sku')
        self.refused(self.ask(('A', 1, 'n1'), ('B', 2, 'n1')), 409, 'insufficient_stock', 'lines[1].quantity')
        self.assertEqual(self.everything(), before)

    def test_r10_partial(self):
        self.stock('A', n1=10)
        self.reserve(('A', 1, 'n1'))
        for asked, had in ((3, 3), (13, 6), (1, 0)):
            claim = self.reserve(('A', asked, 'n1'), allow_partial=True)
            self.assertEqual((claim['lines'][0]['requested'], claim['lines'][0]['quantity']), (asked, had))
        self.assertEqual(claim['status'], 'released')
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (10, 0))

    def test_r11_the_last_unit_is_sold_once_ten_thousand_times(self):
        rounds, clients = 10_000, 10
        self.node('n1')
        rows = ''.join(f'L{number}\n' for number in range(rounds))
        self.ok(self.client.post('/v1/import/items', ('sku\n' + rows).encode(), {'Content-Type': 'text/csv'}))
        entries = [{'sku': f'L{number}', 'node': 'n1', 'quantity': 1, 'reason': 'one'} for number in range(rounds)]
        self.ok(self.client.post('/v1/stock/adjust', {'source': 'test', 'entries': entries}))

        def body(number):
            return {'kind': 'cart', 'channel': 'all', 'lines': [{'sku': f'L{number}', 'quantity': 1}]}
        requests = [request_bytes('POST', '/v1/reservations', body(number)) for number in range(rounds)]

        def shopper():
            with self.server.client() as client:
                return [(reply.status, b'insufficient_stock' in reply.body)
                        for reply in client.pipeline(requests, window=32)]
        answers = in_parallel([shopper] * clients)
        for number, got in enumerate(zip(*answers)):
            self.assertEqual(sorted(got), [(201, False)] + [(409, True)] * (clients - 1), f'round {number}')
        held = sum(row['held'] for row in (self.position(f'L{number}', 'n1') for number in range(0, rounds, 100)))
        self.assertEqual(held, rounds / 100)

    def test_r12_claims_add_up_and_come_back(self):
        self.stock('A', n1=100)
        first = self.reserve(('A', 30, 'n1'))
        second = self.reserve(('A', 20, 'n1'))
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (50, 50))
        self.refused(self.ask(('A', 100, 'n1')), 409, 'insufficient_stock')
        self.ok(self.act(first, 'release'))
        self.assertEqual(self.figures('A', 'n1', 'held'), (20,))
        self.ok(self.act(second, 'release'))
        self.assertEqual(self.figures('A', 'n1', 'held'), (0,))
        self.reserve(('A', 100, 'n1'))

    def test_r13_move_in_one_step(self):
        self.stock('A', n1=10, n2=5, n3=0)
        self.rule('b', sku='A', node='n2', backorder_limit=2)
        claim = self.reserve(('A', 10, 'n1'))

        def move(to_node, quantity):
            return self.act(claim, 'move', {'lines': [{'line': 1, 'node': 'n1', 'to_node': to_node,
                                                       'quantity': quantity}]})
        before = self.everything()
        self.refused(move('n3', 7), 409, 'insufficient_stock')
        self.refused(move('n2', 8), 409, 'insufficient_stock')
        self.refused(move('n2', 0), 400, ('invalid_quantity', 'out_of_range'), 'lines[0].quantity')
        self.refused(move('n1', 7), 422, 'same_node')
        self.assertEqual(self.everything(), before)
        self.ok(move('n2', 7))
        self.assertEqual(self.figures('A', 'n1', 'held', 'on_hand'), (3, 10))
        self.assertEqual(self.figures('A', 'n2', 'held', 'on_hand'), (7, 5))

    def test_r14_lines_in_any_order_do_not_block_each_other(self):
        for number in range(40):
            skus = [f'A{number}', f'B{number}']
            for sku in skus:
                self.stock(sku, n1=200)

            def buyer(order):
                def buy():
                    with self.server.client() as client:
                        lines = [{'sku': sku, 'quantity': 60, 'node': 'n1'} for sku in order]
                        return client.post('/v1/reservations', {'kind': 'cart', 'channel': 'all',
                                                                'lines': lines}).status
                return buy
            statuses = in_parallel([buyer(skus if index % 2 else skus[::-1]) for index in range(5)])
            self.assertEqual(sorted(statuses), [201] * 3 + [409] * 2)
            for sku in skus:
                self.assertEqual(self.figures(sku, 'n1', 'held', 'available'), (180, 20))


class PickupAndSourcing(ServerCase):
    def test_s1_never_more_than_what_is_left_at_a_node(self):
        for policy in ('priority', 'nearest', 'highest_stock', 'fewest_splits'):
            with self.subTest(policy=policy):
                sku = 'S-' + policy
                self.stock(sku, a=5, b=4, c=1)
                for number, node in enumerate('abc'):
                    self.node(node, lat=48 + number, lon=2)
                self.group('g', 'a', 'b', 'c')
                self.channel('web', policy, groups=['g'])
                self.reserve((sku, 4, 'a'), kind='collect', channel='web')
                claim = self.reserve({'sku': sku, 'quantity': 2, 'group': 'g'}, kind='ship', channel='web',
                                     near={'lat': 48, 'lon': 2})
                at_a = sum(quantity for _, node, quantity in self.claims(claim) if node == 'a')
                self.assertLessEqual(at_a, 1)
                self.assertEqual(sum(quantity for *_, quantity in self.claims(claim)), 2)

    def test_s2_by_priority(self):
        load_fixture_m(self)
        claim = self.reserve(('SKU-1', 8), ('SKU-4', 4), channel='eu')
        self.assertEqual(self.claims(claim), [(1, 'eu-1', 5.5), (1, 'eu-2', 2.5), (2, 'eu-2', 4)])

    def test_s3_fewest_splits(self):
        self.stock('A', n1=2, n2=5)
        self.stock('B', n1=2, n2=5)
        self.channel('few', 'fewest_splits')
        self.channel('all')
        self.assertEqual(self.claims(self.reserve(('A', 5))), [(1, 'n1', 2), (1, 'n2', 3)])
        self.assertEqual(self.claims(self.reserve(('B', 5), channel='few')), [(1, 'n2', 5)])

    def test_s3_fewest_splits_prefers_the_node_that_has_more_of_the_lines(self):
        """Found by the simulator (seed 1): both have all of A, only the second has all of B."""
        self.stock('A', n1=9, n2=5)
        self.stock('B', n2=5)
        self.channel('few', 'fewest_splits')
        self.assertEqual(self.claims(self.reserve(('A', 5), ('B', 5), channel='few')), [(1, 'n2', 5), (2, 'n2', 5)])

    def test_s4_pickup_near_a_place(self):
        load_fixture_m(self, eu_2={'collects': False})
        self.stock('P', eu_1=1, eu_2=1, eu_3=1)
        codes = b'country,postal_code,place,lat,lon\nDE,81671,Munich,48.1226,11.6117\nFR,84490,Apt,43.9333,5.3833\n'
        self.ok(self.client.post('/v1/import/postal_codes', codes, {'Content-Type': 'text/csv'}))

        def near(place, radius):
            rows = self.answer('P', near=place, radius_km=radius, kind='collect')['nodes']
            self.assertEqual(rows, sorted(rows, key=lambda row: row['distance_km']))
            return [row['node'] for row in rows]
        self.assertEqual(near('DE:81671', 500), ['eu-3'])
        self.assertEqual(near('48.1226,11.6117', 500), ['eu-3'])
        self.assertEqual(near('FR:84490', 1000), ['eu-1', 'eu-3'])


class NobodyTestsThese(ServerCase):
    def test_a_feed_duplicated_and_reordered_with_reservations_in_between(self):
        seed = random.SystemRandom().randrange(1 << 32)
        print('seed', seed)
        chance = random.Random(seed)
        now = time.time() - 7200
        nodes = ('n1', 'n2', 'n3')
        feed = []
        for number in range(120):
            sku, node, at = chance.choice('AB'), chance.choice(nodes), utc(now + chance.randrange(0, 3600, 5))
            if chance.random() < 0.25:
                feed.append(('sync', {'sku': sku, 'node': node, 'quantity': chance.randrange(50), 'as_of': at,
                                      'source_seq': number}))
            else:
                feed.append(('adjust', {'id': f'm{number}', 'sku': sku, 'node': node, 'reason': 'r', 'at': at,
                                        'quantity': chance.choice((-1, 1)) * chance.randrange(1, 9)}))
        orders = [feed, chance.sample(feed, len(feed)), chance.sample(feed + feed, 2 * len(feed))]
        results = []
        for order in orders:
            self.server.kill()
            self.server.data += '-'
            self.server.start()
            self.reconnect()
            for sku in 'AB':
                self.stock(sku, n1=0, n2=0, n3=0)
            self.channel('all')
            self.rule('b', backorder_limit=1000)
            for number, (call, entry) in enumerate(order):
                self.ok(self.client.post(f'/v1/stock/{call}', {'source': 'feed', 'entries': [entry]}))
                if number % 7 == 0:
                    claim = self.reserve(('A', 1), ('B', 0.5, 'n2'))
                    if number % 2:
                        self.ok(self.act(claim, 'release'))
            results.append([self.figures(sku, node, 'sellable', 'as_of') for sku in 'AB' for node in nodes])
        self.assertEqual(results[1], results[0], f'shuffled, seed {seed}')
        self.assertEqual(results[2], results[0], f'twice and shuffled, seed {seed}')

    def test_expiry_in_the_same_turn_as_its_confirm(self):
        count = 300
        self.channel('all')
        self.stock('A', n1=count)
        holds = [self.reserve(('A', 1, 'n1'), ttl_seconds=1.5) for _ in range(count)]
        first = seconds(holds[0]['expires_at'])
        last = seconds(holds[-1]['expires_at'])
        wait_until(lambda: time.time() > (first + last) / 2 - 0.02, 'the clock stands')
        confirms = [request_bytes('POST', url('v1', 'reservations', hold['id'], 'confirm'), b'') for hold in holds[::-1]]
        replies = self.client.pipeline(confirms)
        wait_until(lambda: time.time() > last, 'the clock stands')
        confirmed = sum(reply.status == 200 for reply in replies)
        for reply in replies:
            if reply.status != 200:
                self.refused(reply, 409, 'expired')
        self.assertEqual(self.figures('A', 'n1', 'held', 'confirmed', 'available'), (0, confirmed, count - confirmed))
        states = [self.reservation(hold)['status'] for hold in holds]
        self.assertEqual((states.count('confirmed'), states.count('expired')), (confirmed, count - confirmed))

    def test_a_hundred_thousand_holds_expire_in_one_turn(self):
        batches, size = 100, 1000
        self.channel('all')
        self.stock('A', n1=batches * size)
        batch = {'kind': 'cart', 'channel': 'all', 'ttl_seconds': 0.001, 'lines': [{'sku': 'A', 'quantity': 1, 'node': 'n1'}]}
        started = time.time()
        self.ok(self.client.post('/v1/reservations/batch', {'reservations': [batch] * size}))
        ends = time.time() + 4 + 2 * batches * (time.time() - started)
        for _ in range(batches):
            one = {**batch, 'ttl_seconds': round(ends - time.time(), 3)}
            answer = self.ok(self.client.post('/v1/reservations/batch', {'reservations': [one] * size}))
            self.assertEqual({result['status'] for result in answer['results']}, {201})
        self.assertLess(time.time(), ends, 'this machine is too slow to hold them all at once')
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (batches * size, 0))
        self.server.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: time.time() > ends + 0.5, 'the clock stands')
        self.server.process.send_signal(signal.SIGCONT)
        asked = time.monotonic()
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (0, batches * size))
        print(f'first answer after {time.monotonic() - asked:.3f} s')
        self.reserve(('A', batches * size, 'n1'))
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.figures('A', 'n1', 'held', 'available'), (batches * size, 0))

    def test_a_ring_fence_used_up_in_the_middle_of_a_request(self):
        self.stock('A', n1=10)
        for channel in ('web', 'other'):
            self.channel(channel)
        self.fence('f', 'web', 'A', 'n1', 5)
        self.reserve(('A', 4, 'n1'), channel='other')
        self.assertEqual((self.available('A', node='n1', channel='web'),
                          self.available('A', node='n1', channel='other')), (6, 1))
        twos = [('A', 2, 'n1')] * 3
        self.refused(self.ask(*twos, ('A', 0.001, 'n1'), channel='web'), 409, 'insufficient_stock')
        self.refused(self.ask(('A', 1.001, 'n1'), channel='other'), 409, 'insufficient_stock')
        claim = self.reserve(*twos, channel='web')
        self.assertEqual((self.available('A', node='n1', channel='web'),
                          self.available('A', node='n1', channel='other')), (0, 0))
        self.ok(self.act(claim, 'release', {'lines': [{'line': 3}]}))
        self.assertEqual((self.available('A', node='n1', channel='web'),
                          self.available('A', node='n1', channel='other')), (2, 1))

    def test_two_channels_that_overlap_on_one_node(self):
        self.stock('A', n1=10, n2=4)
        self.channel('web', nodes=['n1', 'n2'])
        self.channel('app', nodes=['n1'])
        self.rule('t', channel='web', threshold=3)
        self.assertEqual((self.available('A', channel='web'), self.available('A', channel='app')), (11, 10))
        self.fence('f', 'app', 'A', 'n1', 6)
        self.assertEqual((self.available('A', channel='web'), self.available('A', channel='app')), (5, 10))
        self.refused(self.ask(('A', 1, 'n2'), channel='app'), 409, 'not_in_channel')
        self.reserve(('A', 8), channel='app')
        self.assertEqual((self.available('A', channel='web'), self.available('A', channel='app')), (3, 2))
        self.reserve(('A', 3), channel='web')
        self.assertEqual((self.available('A', channel='web'), self.available('A', channel='app')),
                         (0, self.figures('A', 'n1', 'available')[0]))


if __name__ == '__main__':
    main()
