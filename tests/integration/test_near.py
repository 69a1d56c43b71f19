"""Who has it near me: the index of places against a search of every node, all over the world."""
import random

from support.case import ServerCase, main
from support.client import request_bytes, url
from support.uk_replay import distance_km

CORNERS = [(0, 0), (90, 0), (-90, 0), (89.9, 12), (-89.9, -170), (0, 180), (0, -180), (10, 179.99), (10, -179.99),
           (-17.8, 178), (-17.8, -178), (51.5, -0.1)]


class Near(ServerCase):
    def setUp(self):
        super().setUp()
        seed = random.SystemRandom().randrange(1 << 32)
        print('seed', seed)
        self.chance = random.Random(seed)
        self.places = {}
        for number in range(800):
            self.places[f'n{number}'] = self.place(number)
        self.quantities = {node: self.chance.randrange(0, 4) for node in self.places}
        self.client.pipeline(request_bytes('PUT', url('v1', 'nodes', node), {'type': 'store', 'lat': lat, 'lon': lon})
                             for node, (lat, lon) in self.places.items())
        self.node('nowhere')
        self.item('A')
        entries = [{'sku': 'A', 'node': node, 'quantity': quantity, 'reason': 'r'}
                   for node, quantity in [*self.quantities.items(), ('nowhere', 9)] if quantity]
        self.ok(self.client.post('/v1/stock/adjust', {'source': 's', 'entries': entries}))

    def place(self, number):
        """Corner cases first, then a crowd in one region, then all over."""
        if number < len(CORNERS):
            return CORNERS[number]
        if number < 400:
            return round(self.chance.uniform(43, 50), 4), round(self.chance.uniform(-2, 7), 4)
        return round(self.chance.uniform(-90, 90), 4), round(self.chance.uniform(-180, 180), 4)

    def expected(self, point, radius_km, least):
        rows = [(distance_km(point, place), node) for node, place in self.places.items() if self.quantities[node] >= least]
        return sorted(row for row in rows if radius_km is None or row[0] <= radius_km)

    def check(self, point, radius_km, least, limit):
        near = f'{point[0]},{point[1]}'
        answer = self.answer('A', near=near, radius_km=radius_km, limit=limit, min_quantity=least)['nodes']
        wanted = self.expected(point, radius_km, least or 1)
        label = (near, radius_km, least, limit)
        got = [row['distance_km'] for row in answer]
        self.assertEqual(len(got), min(limit, len(wanted)), label)
        for row, (distance, _) in zip(answer, wanted):
            self.assertAlmostEqual(row['distance_km'], distance, delta=0.01, msg=label)
            self.assertAlmostEqual(row['distance_km'], distance_km(point, self.places[row['node']]), delta=0.01, msg=label)
            self.assertEqual(row['available'], self.quantities[row['node']], label)

    def test_the_nearest_are_the_nearest(self):
        points = CORNERS + [self.place(self.chance.randrange(len(CORNERS), 800)) for _ in range(120)]
        for point in points:
            radius_km = self.chance.choice((None, 1, 50, 300, 2000, 15000))
            self.check(point, radius_km, self.chance.choice((None, 1, 2, 3)), self.chance.choice((1, 5, 40, 1000)))

    def test_a_node_that_moves_is_found_where_it_is(self):
        for node in self.chance.sample(sorted(self.places), 200):
            self.places[node] = self.place(self.chance.randrange(800))
            lat, lon = self.places[node]
            self.ok(self.client.put(url('v1', 'nodes', node), {'type': 'store', 'lat': lat, 'lon': lon}))
        for node in self.chance.sample(sorted(self.places), 50):
            del self.places[node]
            self.ok(self.client.put(url('v1', 'nodes', node), {'type': 'store'}))
        for restart in (None, self.server.crash):
            if restart:
                restart()
                self.reconnect()
            for _ in range(60):
                self.check(self.place(self.chance.randrange(800)), self.chance.choice((None, 100, 1000)), None, 20)

    def test_reservations_by_distance_take_the_nearest_first(self):
        self.channel('near', 'nearest')
        for _ in range(40):
            point = self.place(self.chance.randrange(800))
            quantity = self.chance.randrange(1, 12)
            claim = self.reserve(('A', quantity), channel='near', near={'lat': point[0], 'lon': point[1]})
            taken = 0
            for (_, node, had), (distance, _) in zip(self.claims(claim), self.expected(point, None, 1)):
                self.assertAlmostEqual(distance_km(point, self.places[node]), distance, delta=0.001)
                self.quantities[node] -= had
                taken += had
            self.assertEqual(taken, quantity)


if __name__ == '__main__':
    main()
