"""Reference data: put, get, page; rules resolve first match wins; supplies, status bands, explanations."""
import itertools
import time

from support.case import ServerCase, main, utc
from support.client import url

# Most specific first: the order in which the scopes of a rule win.
SCOPES = [{'sku': 'A', 'node': 'n1'}, {'sku': 'A', 'channel': 'web'}, {'sku': 'A'}, {'node': 'n1'}, {'channel': 'web'}, {}]


class PutAndGet(ServerCase):
    def put_twice(self, target, body, seen):
        """Creates, reads back, puts again (the same, then the same with its own seq)."""
        created = self.ok(self.client.put(target, body), 201)
        self.assertEqual({**created, 'seq': 0}, {**seen, 'seq': 0})
        got = self.ok(self.client.get(target))
        self.assertEqual(got, created)
        again = self.ok(self.client.put(target, body), 200)
        self.assertEqual({**again, 'seq': 0}, {**created, 'seq': 0})

    def test_node(self):
        full = {'name': 'Marseille "Vieux-Port"', 'type': 'store', 'lat': 43.2965, 'lon': 5.3698, 'country': 'FR',
                'time_zone': 'Europe/Paris', 'city': 'Marseille', 'region': 'PACA', 'postal_code': '13001',
                'gln': '4006381333931', 'ships': False, 'collects': True, 'enabled': False}
        self.put_twice('/v1/nodes/n1', {'node': 'n1', **full}, {'node': 'n1', **full})

    def test_node_defaults(self):
        for kind, collects in (('store', True), ('pickup_point', True), ('warehouse', False), ('supplier', False)):
            got = self.ok(self.client.put(url('v1', 'nodes', kind), {'type': kind, 'name': None}), 201)
            self.assertEqual((got['ships'], got['collects'], got['enabled']), (True, collects, True), kind)

    def test_more_digits_of_a_point_than_are_kept(self):
        """As programs write the nearest double; what is said of it is what was kept, so it can be put again."""
        created = self.ok(self.client.put('/v1/nodes/n1', {'type': 'store', 'lat': 48.85661400000001, 'lon': -122.39999999999999}),
                          201)
        self.assertEqual((created['lat'], created['lon']), (48.856614, -122.4))
        again = self.ok(self.client.put('/v1/nodes/n1', {'type': 'store', 'lat': created['lat'], 'lon': created['lon']}), 200)
        self.assertEqual(again['seq'], created['seq'])

    def test_put_replaces_the_whole(self):
        self.node('n1', name='One', lat=1, lon=2)
        got = self.node('n1', kind='warehouse')
        self.assertNotIn('lat', {name for name, value in got.items() if value is not None})
        self.assertEqual(got['type'], 'warehouse')

    def test_item(self):
        self.put_twice('/v1/items/A%2FB%20%C3%A9', {'name': 'é', 'gtin': '96385074'},
                       {'sku': 'A/B é', 'name': 'é', 'gtin': '96385074'})
        for gtin in ('036000291452', '4006381333931', '00012345600012'):
            self.ok(self.client.put('/v1/items/G', {'gtin': gtin}), 200, 201)

    def test_traits_of_an_item(self):
        most = {'class': 'x' * 64, 'weight_grams': 10 ** 9, 'side_mm': 10 ** 6, 'volume_cm3': 10 ** 9}
        self.put_twice('/v1/items/A', most, {'sku': 'A', **most})
        self.put_twice('/v1/items/B', {'side_mm': 1}, {'sku': 'B', 'side_mm': 1})
        self.assertEqual(self.ok(self.client.get('/v1/items'))['items'], [{'sku': 'A', **most}, {'sku': 'B', 'side_mm': 1}])
        self.server.kill()
        self.server.start()
        self.reconnect()
        self.assertEqual({**self.ok(self.client.get('/v1/items/A')), 'seq': 0}, {'sku': 'A', **most, 'seq': 0})

    def test_an_item_without_traits_is_as_before_there_were_any(self):
        absent = {'class': '', 'weight_grams': 0, 'side_mm': 0, 'volume_cm3': 0}
        created = self.client.put('/v1/items/A', {'name': 'a', 'gtin': '96385074'})
        self.assertEqual(created.body, b'{"sku":"A","name":"a","gtin":"96385074","seq":1}')
        for traits in (absent, dict.fromkeys(absent)):
            again = self.client.put('/v1/items/A', {'name': 'a', 'gtin': '96385074', **traits})
            self.assertEqual((again.status, again.body), (200, created.body))

    def test_a_put_without_traits_takes_them_away(self):
        self.ok(self.client.put('/v1/items/A', {'class': 'large', 'weight_grams': 5}), 201)
        got = self.ok(self.client.put('/v1/items/A', {}), 200)
        self.assertEqual(got, {'sku': 'A', 'seq': got['seq']})

    def test_classes_have_a_limit(self):
        rows = ''.join(f'I{i},c{i}\n' for i in range(4097))
        answer = self.ok(self.client.post('/v1/import/items', ('sku,class\n' + rows).encode(), {'Content-Type': 'text/csv'}))
        self.assertEqual((answer['applied'], answer['rejected']), (4096, 1))
        rejection = answer['rejections'][0]
        self.assertEqual((rejection['row'], rejection['code'], rejection['field']), (4097, 'ledger_full', 'class'))
        self.ok(self.client.put('/v1/items/I4096', {'class': 'c4095'}), 201)
        self.refused(self.client.put('/v1/items/I4097', {'class': 'other'}), 503, 'ledger_full', 'class')

    def test_group_and_channel(self):
        for node in ('n1', 'n2'):
            self.node(node)
        self.put_twice('/v1/groups/g', {'name': 'G', 'nodes': ['n2', 'n1']}, {'group': 'g', 'name': 'G', 'nodes': ['n2', 'n1']})
        got = self.ok(self.client.put('/v1/channels/c', {'policy': 'nearest', 'nodes': ['n1'], 'groups': ['g']}), 201)
        self.assertEqual((got['channel'], got['policy'], got['nodes'], got['groups']), ('c', 'nearest', ['n1'], ['g']))
        self.assertEqual(self.ok(self.client.get('/v1/channels/c')), got)
        self.assertEqual(self.ok(self.client.put('/v1/channels/d', {}), 201)['policy'], 'priority')

    def test_a_group_that_changes_its_nodes_changes_its_answers(self):
        self.stock('A', n1=3, n2=4)
        self.group('g', 'n1')
        self.channel('c', groups=['g'])
        self.assertEqual((self.available('A', group='g'), self.available('A', channel='c')), (3, 3))
        self.group('g', 'n2', 'n1')
        self.assertEqual((self.available('A', group='g'), self.available('A', channel='c')), (7, 7))

    def test_a_node_named_twice_through_groups_counts_once(self):
        self.stock('A', n1=3, n2=4)
        self.group('g', 'n1', 'n2')
        self.group('h', 'n2')
        self.channel('c', nodes=['n2'], groups=['g', 'h'])
        self.assertEqual(self.available('A', channel='c'), 7)

    def test_rule_life(self):
        self.stock('A', n1=10)
        body = {'sku': 'A', 'node': 'n1', 'safety_stock': 2.5, 'pickup_allowed': False}
        created = self.ok(self.client.put('/v1/rules/r', body), 201)
        self.assertEqual({name: created[name] for name in body}, body)
        self.assertEqual(self.available('A', node='n1'), 7.5)
        self.ok(self.client.put('/v1/rules/r', {'sku': 'A', 'safety_stock': 1}), 200)
        self.assertEqual(self.available('A', node='n1'), 9)
        seq = self.ok(self.client.delete('/v1/rules/r'))['seq']
        self.assertGreater(seq, created['seq'])
        self.assertEqual(self.available('A', node='n1'), 10)
        self.refused(self.client.get('/v1/rules/r'), 404, 'unknown_rule')
        self.refused(self.client.delete('/v1/rules/r'), 404, 'unknown_rule')

    def test_two_rules_for_one_scope_conflict(self):
        self.item('A')
        self.rule('r1', sku='A', safety_stock=1)
        self.rule('r2', sku='A', low_stock=1)
        self.refused(self.client.put('/v1/rules/r3', {'sku': 'A', 'safety_stock': 2}), 409, 'rule_conflict')

    def test_fence_and_supply_life(self):
        self.stock('A', n1=10)
        self.channel('web')
        body = {'channel': 'web', 'sku': 'A', 'node': 'n1', 'quantity': 4, 'policy': 'restrict'}
        created = self.ok(self.client.put('/v1/fences/f', body), 201)
        self.assertEqual({name: created[name] for name in body}, body)
        self.reserve(('A', 1.5, 'n1'), channel='web')
        self.assertEqual(self.ok(self.client.get('/v1/fences/f'))['used'], 1.5)
        self.ok(self.client.delete('/v1/fences/f'))
        self.refused(self.client.get('/v1/fences/f'), 404, 'unknown_fence')
        body = {'sku': 'A', 'node': 'n1', 'quantity': 20, 'eta': '2030-01-01T00:00:00Z'}
        created = self.ok(self.client.put('/v1/supplies/s', body), 201)
        self.assertEqual({name: created[name] for name in body}, body)
        self.ok(self.client.delete('/v1/supplies/s'))
        self.refused(self.client.get('/v1/supplies/s'), 404, 'unknown_supply')

    def test_times_in_any_offset(self):
        self.stock('A', n1=0)
        for number, (text, seen) in enumerate((('2030-01-01T01:00:00+01:00', '2030-01-01T00:00:00Z'),
                                               ('2030-01-01T00:00:00.5Z', '2030-01-01T00:00:00.500Z'),
                                               ('2030-01-01t00:00:00.000001z', '2030-01-01T00:00:00.000001Z'))):
            body = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'eta': text}
            self.assertEqual(self.ok(self.client.put(f'/v1/supplies/s{number}', body), 201)['eta'], seen)


class Paging(ServerCase):
    def test_lists_page_in_the_order_of_creation(self):
        names = [f'n{number}' for number in range(25)][::-1]
        for name in names:
            self.node(name)
            self.item('S' + name)
        self.adjust('Sn0', 'n0', 1)
        for collection, field, expected in (('nodes', 'node', names), ('items', 'sku', ['S' + name for name in names])):
            for limit in (1, 7, 25, 26, 1000):
                seen, after = [], None
                while True:
                    page = self.ok(self.client.get(url('v1', collection, limit=limit, after=after)))
                    self.assertLessEqual(len(page[collection]), limit)
                    seen += [row[field] for row in page[collection]]
                    after = page['next']
                    if after is None:
                        break
                self.assertEqual(seen, expected, (collection, limit))

    def test_positions_page(self):
        self.item('A')
        for number in range(12):
            self.node(f'n{number}')
            self.adjust('A', f'n{number}', number + 1)
        for limit in (1, 5, 12, 100):
            seen, after = {}, None
            while True:
                page = self.ok(self.client.get(url('v1', 'stock', 'A', limit=limit, after=after)))
                seen.update((row['node'], row['sellable']) for row in page['positions'])
                after = page['next']
                if after is None:
                    break
            self.assertEqual(seen, {f'n{number}': number + 1 for number in range(12)})
        listed, after = {}, None
        while True:
            page = self.ok(self.client.get(url('v1', 'availability', 'A', limit=5, after=after, min_quantity=4)))
            listed.update((row['node'], row['available']) for row in page['nodes'])
            after = page['next']
            if after is None:
                break
        self.assertEqual(listed, {f'n{number}': number + 1 for number in range(3, 12)})

    def test_a_read_can_wait_for_a_position_in_the_ledger(self):
        seq = self.item('A')['seq']
        self.ok(self.client.get(url('v1', 'items', min_seq=seq)))
        self.ok(self.client.get(url('v1', 'stock', 'A', min_seq=seq)))
        self.refused(self.client.get(url('v1', 'items', min_seq=seq + 1)), 409, 'seq_not_reached')
        self.refused(self.client.get(url('v1', 'availability', 'A', min_seq=seq + 1)), 409, 'seq_not_reached')

    def test_every_write_has_the_next_seq(self):
        seqs = [self.item(f'S{number}')['seq'] for number in range(5)]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + 5)))


class RuleResolution(ServerCase):
    def setUp(self):
        super().setUp()
        self.stock('A', n1=1000)
        self.channel('web', nodes=['n1'])

    def set_rules(self, attribute, value_of, present):
        for index, scope in enumerate(SCOPES):
            name = f'{attribute}-{index}'
            if index in present:
                self.rule(name, **scope, **{attribute: value_of(index)})
            elif self.client.get(url('v1', 'rules', name)).status == 200:
                self.ok(self.client.delete(url('v1', 'rules', name)))

    def test_the_most_specific_scope_wins_for_every_set_of_rules(self):
        for size in range(len(SCOPES) + 1):
            for present in itertools.combinations(range(len(SCOPES)), size):
                self.set_rules('safety_stock', lambda index: index + 1, present)
                with self.subTest(present=present):
                    answer = self.answer('A', node='n1', channel='web', explain='true')
                    expected = present[0] + 1 if present else 0
                    self.assertEqual(answer['available'], 1000 - expected)
                    if present:
                        rule = answer['rules']['safety_stock']
                        self.assertEqual((rule['rule'], rule['value']), (f'safety_stock-{present[0]}', expected))

    def test_attributes_resolve_each_on_its_own(self):
        self.rule('general', safety_stock=10, max_quantity=5)
        self.rule('special', sku='A', node='n1', safety_stock=100)
        self.assertEqual(self.available('A', node='n1'), 900)
        self.refused(self.ask(('A', 6, 'n1'), channel='web'), 409, 'quantity_above_maximum')

    def test_quantity_rules_per_scope(self):
        for attribute, asked, code in (('min_quantity', 0.5, 'quantity_below_minimum'),
                                       ('max_quantity', 2, 'quantity_above_maximum'),
                                       ('quantity_increment', 1.5, 'quantity_not_increment')):
            for scope in SCOPES:
                with self.subTest(attribute=attribute, scope=scope):
                    self.rule('r', **scope, **{attribute: 1})
                    self.refused(self.ask(('A', asked, 'n1'), channel='web'), 409, code)
            self.ok(self.client.delete('/v1/rules/r'))

    def test_shipping_and_pickup_of_nodes_and_rules(self):
        self.node('n1', ships=False, collects=False)
        for kind, code in (('ship', 'ship_not_allowed'), ('collect', 'pickup_not_allowed')):
            answer = self.answer('A', node='n1', kind=kind)
            self.assertEqual((answer['available'], answer['reason']), (0, code))
            self.refused(self.ask(('A', 1, 'n1'), channel='web', kind=kind), 409, code)
        self.node('n1')
        self.rule('r', sku='A', node='n1', ship_allowed=False)
        self.assertEqual(self.answer('A', node='n1', kind='ship')['reason'], 'ship_not_allowed')
        self.reserve(('A', 1, 'n1'), channel='web', kind='collect')

    def test_a_disabled_node_sells_nothing(self):
        self.node('n1', enabled=False)
        answer = self.answer('A', node='n1')
        self.assertEqual((answer['available'], answer['reason']), (0, 'node_disabled'))
        self.refused(self.ask(('A', 1, 'n1'), channel='web'), 409, 'node_disabled')
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (1000,))


class Bands(ServerCase):
    def status(self, **query):
        return self.answer('A', node='n1', **query)['status']

    def test_status_bands(self):
        self.stock('A', n1=10)
        self.rule('low', sku='A', low_stock=3)
        self.assertEqual(self.status(), 'in_stock')
        self.adjust('A', 'n1', -7)
        self.assertEqual(self.status(), 'low_stock')
        self.adjust('A', 'n1', -3)
        self.assertEqual(self.status(), 'out_of_stock')
        self.rule('back', sku='A', node='n1', backorder_limit=5)
        answer = self.answer('A', node='n1')
        self.assertEqual((answer['status'], answer['available'], answer['backorder']), ('backorder', 0, 5))
        self.ok(self.client.delete('/v1/rules/back'))
        self.rule('pre', sku='A', node='n1', preorder=True)
        self.assertEqual(self.status(), 'out_of_stock')
        self.ok(self.client.put('/v1/supplies/s', {'sku': 'A', 'node': 'n1', 'quantity': 5,
                                                   'eta': '2030-01-01T00:00:00Z'}), 201)
        answer = self.answer('A', node='n1')
        self.assertEqual(answer['status'], 'preorder')
        self.assertEqual(answer['next_supply'], {'quantity': 5, 'eta': '2030-01-01T00:00:00Z'})

    def test_sufficient_counts_what_a_reservation_would_find(self):
        self.stock('A', n1=3)
        self.assertEqual([self.answer('A', node='n1', min_quantity=quantity)['sufficient'] for quantity in (3, 3.001)],
                         [True, False])
        self.rule('b', sku='A', backorder_limit=1)
        self.assertTrue(self.answer('A', node='n1', min_quantity=4)['sufficient'])

    def test_many_items_at_once(self):
        self.stock('A', n1=3, n2=1)
        self.stock('B', n1=0, n2=5)
        self.group('g', 'n1', 'n2')
        answer = self.ok(self.client.post('/v1/availability', {'skus': ['A', 'B', 'X'], 'nodes': ['n2', 'n1']}))
        self.assertEqual(answer['items'][0]['nodes'], [{'node': 'n2', 'available': 1}, {'node': 'n1', 'available': 3}])
        self.assertEqual([cell['available'] for cell in answer['items'][1]['nodes']], [5, 0])
        self.assertEqual(answer['items'][2], {'sku': 'X', 'verdict': 'unknown_item'})
        answer = self.ok(self.client.post('/v1/availability', {'skus': ['A', 'B'], 'group': 'g'}))
        self.assertEqual([item['available'] for item in answer['items']], [4, 5])

    def test_near_agrees_in_both_calls(self):
        self.item('A')
        for number in range(30):
            self.node(f'n{number}', lat=45 + number / 10, lon=3)
            self.adjust('A', f'n{number}', 1 + number % 3)
        one = self.answer('A', near='46.04,3', radius_km=50, limit=5, min_quantity=2)['nodes']
        self.assertEqual(len(one), 5)
        distances = [row['distance_km'] for row in one]
        self.assertEqual(distances, sorted(distances))
        self.assertTrue(all(row['available'] >= 2 for row in one))
        many = self.ok(self.client.post('/v1/availability', {'skus': ['A'], 'min_quantity': 2, 'near': {
            'lat': 46.04, 'lon': 3, 'radius_km': 50, 'limit': 5}}))['items'][0]['nodes']
        self.assertEqual([row['node'] for row in many], [row['node'] for row in one])


class Stock(ServerCase):
    def test_states_are_kept_apart(self):
        self.stock('A', n1=10)
        for number, state in enumerate(('damaged', 'quality_control', 'display', 'returned')):
            self.adjust('A', 'n1', number + 1, state=state)
        self.assertEqual(self.figures('A', 'n1', 'on_hand', 'sellable', 'damaged', 'quality_control', 'display',
                                      'returned', 'available'), (20, 10, 1, 2, 3, 4, 10))

    def test_a_count_is_rebased_over_what_happened_after_it(self):
        now = time.time() - 1000
        self.stock('A', n1=0)
        self.adjust('A', 'n1', -2, at=utc(now + 100))
        entry = self.sync('A', 'n1', 50, utc(now + 50))
        self.assertEqual((entry['verdict'], entry['available']), ('ok', 48))
        self.assertEqual(self.adjust('A', 'n1', -7, at=utc(now + 20))['verdict'], 'recorded')
        self.assertEqual(self.adjust('A', 'n1', -7, at=utc(now + 50))['verdict'], 'recorded', 'at is not after as_of')
        self.assertEqual(self.adjust('A', 'n1', -1, at=utc(now + 51))['verdict'], 'ok')
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (47,))
        self.assertEqual(self.sync('A', 'n1', 99, utc(now + 10))['verdict'], 'stale')
        self.assertEqual(self.sync('A', 'n1', 50, utc(now + 50))['verdict'], 'unchanged')
        self.assertEqual(self.sync('A', 'n1', 40, utc(now + 200))['verdict'], 'ok')
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (40,))

    def test_counts_of_one_moment_have_an_order(self):
        at = utc(time.time() - 100)
        self.stock('A', n1=0)
        self.assertEqual(self.sync('A', 'n1', 9, at)['verdict'], 'ok')
        self.assertEqual(self.sync('A', 'n1', 10, at)['verdict'], 'stale', 'the smaller quantity wins')
        self.assertEqual(self.sync('A', 'n1', 8, at)['verdict'], 'ok')
        self.assertEqual(self.sync('A', 'n1', 20, at, source_seq=0)['verdict'], 'ok', 'a source_seq wins over none')
        self.assertEqual(self.sync('A', 'n1', 1, at)['verdict'], 'stale')
        self.assertEqual(self.sync('A', 'n1', 30, at, source_seq=2)['verdict'], 'ok')
        self.assertEqual(self.sync('A', 'n1', 5, at, source_seq=1)['verdict'], 'stale')
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (30,))

    def test_counts_of_each_state_are_independent(self):
        self.stock('A', n1=0)
        old, new = utc(time.time() - 100), utc(time.time() - 50)
        self.sync('A', 'n1', 5, new)
        self.assertEqual(self.sync('A', 'n1', 3, old, state='damaged')['verdict'], 'ok')
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'damaged'), (5, 3))

    def test_an_entry_with_an_id_is_applied_once(self):
        self.stock('A', n1=0)
        self.assertEqual(self.adjust('A', 'n1', 5, id='e')['verdict'], 'ok')
        self.assertEqual(self.adjust('A', 'n1', 5, id='e')['verdict'], 'repeated')
        self.assertEqual(self.adjust('A', 'n1', 5, id='e', source='other')['verdict'], 'ok')
        twice = {'source': 'x', 'entries': [{'id': 'd', 'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r'}] * 2}
        self.refused(self.client.post('/v1/stock/adjust', twice), 400, 'duplicate_member', 'entries[1].id')
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (10,))

    def test_a_sale_is_never_refused(self):
        self.stock('A', n1=1)
        entry = self.adjust('A', 'n1', -4)
        self.assertEqual((entry['quantity'], entry['available']), (-4, 0))
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'on_hand', 'available'), (-3, -3, 0))

    def test_decimals_are_exact(self):
        self.stock('A', n1=0)
        body = {'source': 's', 'entries': [{'sku': 'A', 'node': 'n1', 'quantity': 0.1, 'reason': 'r'}] * 1000}
        self.ok(self.client.post('/v1/stock/adjust', body))
        self.assertIn(b'"sellable":100,', self.client.get('/v1/stock/A/n1').body)
        self.adjust('A', 'n1', 0.125)
        self.assertIn(b'"sellable":100.125,', self.client.get('/v1/stock/A/n1').body)


if __name__ == '__main__':
    main()
