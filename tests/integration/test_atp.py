"""What can be had by a date: on hand and supplies to come, less the claims on them (docs/spec/promise.md, AT1 to AT3)."""
import time

from support.case import ServerCase, main, utc
from support.client import url

DAY_S = 86400


def ahead(days):
    return utc(time.time() + days * DAY_S)


class By(ServerCase):
    def supply(self, name, sku, node, quantity, eta):
        self.ok(self.client.put(url('v1', 'supplies', name),
                                {'sku': sku, 'node': node, 'quantity': quantity, 'eta': eta}), 200, 201)

    def ask_all(self, skus, **more):
        return self.ok(self.client.post('/v1/availability', {'skus': skus, **more}))['items']

    def test_inside_the_horizon_and_outside_d2(self):
        self.stock('A', n=5)
        self.channel('all')
        self.reserve(('A', 3, 'n'))
        eta, later = ahead(10), ahead(20)
        self.supply('s', 'A', 'n', 5, eta)
        self.supply('t', 'A', 'n', 1, later)
        inside = self.answer('A', node='n', by=ahead(11))
        self.assertEqual((inside['available'], inside['next_supply']), (7, {'quantity': 1, 'eta': later}))
        self.assertEqual(self.available('A', node='n', by=eta), 7)    # due by then
        outside = self.answer('A', node='n', by=ahead(9))
        self.assertEqual((outside['available'], outside['next_supply']), (2, {'quantity': 5, 'eta': eta}))
        self.assertEqual(self.available('A', node='n'), 2)

    def test_every_way_to_ask(self):
        self.stock('A', n1=1, n2=2, n3=0)
        self.stock('B', n1=4)
        for node, lat in (('n1', 1), ('n2', 2), ('n3', 3)):
            self.node(node, lat=lat, lon=0)
        self.group('g', 'n1', 'n3')
        self.channel('c', nodes=['n2', 'n3'])
        self.supply('s', 'A', 'n3', 10, ahead(1))
        by = ahead(2)
        self.assertEqual([self.available('A', group='g', **more) for more in ({}, {'by': by})], [1, 11])
        self.assertEqual([self.available('A', channel='c', **more) for more in ({}, {'by': by})], [2, 12])
        near = {'near': '3,0', 'radius_km': 10}
        self.assertEqual([[row['available'] for row in self.answer('A', **near, **more)['nodes']]
                          for more in ({}, {'by': by})], [[], [10]])
        self.assertEqual([[row['node'] for row in self.answer('A', **more)['nodes']] for more in ({}, {'by': by})],
                         [['n1', 'n2'], ['n1', 'n2', 'n3']])
        self.assertEqual(self.ask_all(['A', 'B'], nodes=['n1', 'n3'], by=by), [
            {'sku': 'A', 'nodes': [{'node': 'n1', 'available': 1}, {'node': 'n3', 'available': 10}]},
            {'sku': 'B', 'nodes': [{'node': 'n1', 'available': 4}, {'node': 'n3', 'available': 0}]}])
        self.assertEqual([row['available'] for row in self.ask_all(['A', 'B'], group='g', by=by)], [11, 4])
        self.assertEqual([row['available'] for row in self.ask_all(['A'], channel='c', by=by)], [12])
        self.assertEqual([row['available'] for row in self.ask_all(['A'], channel='c')], [2])

    def test_a_claim_on_a_supply_takes_from_it_and_not_from_now(self):
        self.stock('A', n=5)
        self.channel('all')
        self.ok(self.client.put('/v1/services/standard', {'transit': [{'hours': 24}]}), 201)
        self.ok(self.client.put('/v1/nodes/n/schedule', {'pickups': [{'service': 'standard', 'at': '00:00'}]}), 201)
        self.supply('s', 'A', 'n', 5, ahead(3))
        held = self.ok(self.client.post('/v1/promises', {
            'channel': 'all', 'destination': {'lat': 1, 'lon': 1}, 'lines': [{'sku': 'A', 'quantity': 8}],
            'hold': {'ttl_seconds': 600, 'select': 'first'}}), 201)
        self.assertEqual([self.available('A', node='n', by=ahead(days)) for days in (1, 4)], [2, 2])
        self.assertEqual(self.available('A', node='n'), 2)
        self.supply('t', 'A', 'n', 4, ahead(2))    # comes before the claim is due
        self.assertEqual([self.available('A', node='n', by=ahead(days)) for days in (1, 2.5, 4)], [5, 6, 6])
        self.ok(self.act(held['promise'], 'release'))
        self.assertEqual([self.available('A', node='n', by=ahead(days)) for days in (1, 2.5, 4)], [5, 9, 14])

    def test_a_supply_that_is_late_counts_for_nothing(self):
        self.stock('A', n=1)
        self.supply('s', 'A', 'n', 5, utc(time.time() + 1))
        by = ahead(1)
        self.assertEqual(self.available('A', node='n', by=by), 6)
        time.sleep(1.1)
        self.assertEqual(self.available('A', node='n', by=by), 1)
        self.supply('s', 'A', 'n', 5, ahead(0.5))
        self.assertEqual(self.available('A', node='n', by=by), 6)

    def test_by_is_a_time_from_now_on(self):
        self.stock('A', n=1)
        for by in ('tomorrow', '2030-01-01', '2030-02-30T00:00:00Z', '2200-01-01T00:00:00Z', '2020-01-01T00:00:00Z',
                   utc(time.time() - 1)):
            for response in (self.client.get(url('v1', 'availability', 'A', node='n', by=by)),
                             self.client.post('/v1/availability', {'skus': ['A'], 'nodes': ['n'], 'by': by})):
                problem = self.refused(response, 400, 'invalid_time', 'by')
                self.assertRegex(problem['detail'], '2199-12-31|RFC 3339', by)
        self.assertEqual(self.available('A', node='n', by='2199-12-31T23:59:59Z'), 1)
        self.refused(self.client.post('/v1/availability', {'skus': ['A'], 'nodes': ['n'], 'by': 5}), 400, 'wrong_type', 'by')


if __name__ == '__main__':
    main()
