"""Every limit of a document, at it and one past, and what a refusal leaves (docs/spec/promise.md, DO1 to DO5)."""
import json
import os
import shutil
import tempfile

from support.case import ServerCase, main, utc
from support.client import url

DOCUMENT_SIZE_MAX = 65536
MINUTES_MAX = 525600


def dates(count):
    return [f'{2000 + i // 336}-{i // 28 % 12 + 1:02d}-{i % 28 + 1:02d}' for i in range(count)]


def clock(i):
    return f'{i // 60:02d}:{i % 60:02d}'


def windows(count):
    return [{'from': clock(i), 'to': clock(i + 1), 'limit': 1} for i in range(count)]


def slots(count):
    """As few entries as that many slots a week take."""
    week = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
    rows = [{'from': clock(i), 'to': clock(i + 1), 'limit': 1} for i in range(count // 7)]
    rest = {'days': week[:count % 7], 'from': clock(1000), 'to': clock(1001), 'limit': 1}
    return rows + [rest] if count % 7 else rows


def transit(**members):
    return {'transit': [{'days': 1, **members}]}


def service(**members):
    return {**transit(), **members}


def lane(**members):
    return {'from': 'a', 'to': 'b', 'departures': [{'at': '10:00'}], 'transit_minutes': 1, **members}


def pickup(**members):
    return {'pickups': [{'service': 's', 'at': '12:00', **members}]}


# (collection, what a document is with n of it, the most, code of one more, field)
COUNTS = (
    ('calendars', lambda n: {'days_off': dates(n)}, 1000, 'too_many', 'days_off'),
    ('calendars', lambda n: {'days_on': dates(n)}, 1000, 'too_many', 'days_on'),
    ('calendars', lambda n: {'days_off': dates(500), 'days_on': dates(n)}, 500, 'too_many', 'days_on'),
    ('zones', lambda n: {'matches': [{'country': 'GB'}] * n}, 1000, 'too_many', 'matches'),
    ('zones', lambda n: {'matches': [{'country': 'GB', 'postal_prefixes': ['A'] * n}]}, 1000, 'too_many',
     'matches[0].postal_prefixes'),
    ('zones', lambda n: {'matches': [{'country': 'GB', 'postal_prefixes': ['A' * n]}]}, 16, 'invalid_value',
     'matches[0].postal_prefixes[0]'),
    ('schedule', lambda n: {'closures': dates(n)}, 64, 'too_many', 'closures'),
    ('schedule', lambda n: {'hours': [{'from': '08:00', 'to': '09:00'}] * n}, 64, 'too_many', 'hours'),
    ('schedule', lambda n: {'collect_hours': [{'from': '08:00', 'to': '09:00'}] * n}, 64, 'too_many', 'collect_hours'),
    ('schedule', lambda n: {'collect_cutoffs': [{'at': '08:00'}] * n}, 64, 'too_many', 'collect_cutoffs'),
    ('schedule', lambda n: {'cutoffs': [{'at': '08:00'}] * n}, 64, 'too_many', 'cutoffs'),
    ('schedule', lambda n: {'pickups': [{'service': 's', 'at': '08:00'}] * n}, 512, 'too_many', 'pickups'),
    ('schedule', lambda n: {'capacity': {'unit': 'orders', 'windows': windows(n)}}, 64, 'too_many', 'capacity.windows'),
    ('schedule', lambda n: {'processing_minutes': {'classes': {f'c{i}': 1 for i in range(n)}}}, 64, 'too_many',
     'processing_minutes.classes'),
    ('schedule', lambda n: {'processing_minutes': {'classes': {'large': n}}}, MINUTES_MAX, 'out_of_range',
     'processing_minutes.classes.large'),
    ('schedule', lambda n: {'processing_minutes': {'default': n}}, MINUTES_MAX, 'out_of_range', 'processing_minutes.default'),
    ('schedule', lambda n: {'lead_minutes': n}, MINUTES_MAX, 'out_of_range', 'lead_minutes'),
    ('schedule', lambda n: {'receiving_minutes': n}, MINUTES_MAX, 'out_of_range', 'receiving_minutes'),
    ('schedule', lambda n: {'backorder_minutes': n}, MINUTES_MAX, 'out_of_range', 'backorder_minutes'),
    ('schedule', lambda n: pickup(notification_minutes=n), MINUTES_MAX, 'out_of_range', 'pickups[0].notification_minutes'),
    ('schedule', lambda n: {'priority': n}, 1000000, 'out_of_range', 'priority'),
    ('schedule', lambda n: {'sourcing_safety_stock': n}, 1000000000, 'out_of_range', 'sourcing_safety_stock'),
    ('services', lambda n: {'transit': [{'days': 1}] * n}, 2000, 'too_many', 'transit'),
    ('services', lambda n: service(cost=[{'amount': 1}] * n), 2000, 'too_many', 'cost'),
    ('services', lambda n: service(slots=slots(n)), 256, 'too_many', 'slots[36].days'),
    ('services', lambda n: service(accounts=[{'account': f'a{i}'} for i in range(n)]), 64, 'too_many', 'accounts'),
    ('services', lambda n: service(accounts=[{'account': 'a', 'daily_parcels': n}]), 1000000, 'out_of_range',
     'accounts[0].daily_parcels'),
    ('services', lambda n: transit(days=n), 365, 'out_of_range', 'transit[0].days'),
    ('services', lambda n: {'transit': [{'hours': n}]}, 8760, 'out_of_range', 'transit[0].hours'),
    ('services', lambda n: transit(distance_km_max=n), 20040, 'out_of_range', 'transit[0].distance_km_max'),
    ('services', lambda n: service(limits={'weight_grams_max': n}), 1000000000, 'out_of_range', 'limits.weight_grams_max'),
    ('services', lambda n: service(name='x' * n), 128, 'too_long', 'name'),
    ('lanes', lambda n: lane(departures=[{'at': '10:00'}] * n), 64, 'too_many', 'departures'),
    ('lanes', lambda n: lane(transit_minutes=n), MINUTES_MAX, 'out_of_range', 'transit_minutes'),
    ('sourcing', lambda n: {'parcels_max': n}, 8, 'out_of_range', 'parcels_max'),
    ('sourcing', lambda n: {'apart': [['a', f'b{i}'] for i in range(n)]}, 64, 'too_many', 'apart'),
    ('sourcing', lambda n: {'together': [['a', f'b{i}'] for i in range(n)]}, 64, 'too_many', 'together'),
    ('sourcing', lambda n: {'services': [f's{i}' for i in range(n)]}, 1024, 'too_many', 'services'),
    ('sourcing', lambda n: {'collect': {'stores_max': n}}, 20, 'out_of_range', 'collect.stores_max'),
    ('sourcing', lambda n: {'collect': {'radius_km': n}}, 20040, 'out_of_range', 'collect.radius_km'),
    ('sourcing', lambda n: {'transit_percentile': n}, 99, 'out_of_range', 'transit_percentile'),
    ('sourcing', lambda n: {'objective': [{'date': n}]}, 1000000, 'out_of_range', 'objective[0]'),
    ('sourcing', lambda n: {'balance': {'last_unit': n}}, 1000000, 'out_of_range', 'balance.last_unit'),
)

# (collection, document, code, field)
WRONG = (
    ('calendars', [], 'wrong_type', None),
    ('calendars', {'weekly_off': ['sunday']}, 'invalid_value', 'weekly_off[0]'),
    ('calendars', {'weekly_off': ['sun', 'sun']}, 'invalid_value', 'weekly_off[1]'),
    ('calendars', {'days_off': ['2026-01-01', '2026-01-01']}, 'invalid_value', 'days_off'),
    ('calendars', {'days_on': ['2200-01-01']}, 'invalid_time', 'days_on[0]'),
    ('zones', {}, 'missing_field', 'matches'),
    ('zones', {'matches': []}, 'invalid_value', 'matches'),
    ('zones', {'matches': [{'country': 'gb'}]}, 'invalid_value', 'matches[0].country'),
    ('zones', {'matches': [{'country': 'GB', 'postal_prefixes': [' -']}]}, 'invalid_value', 'matches[0].postal_prefixes[0]'),
    ('schedule', {'time_zone': '../etc/passwd'}, 'invalid_value', 'time_zone'),
    ('schedule', {'hours': [{'from': '24:00', 'to': '24:00'}]}, 'invalid_time', 'hours[0].from'),
    ('schedule', {'hours': [{'from': '8:00', 'to': '24:00'}]}, 'invalid_time', 'hours[0].from'),
    ('schedule', {'hours': [{'from': '08:00', 'to': '24:01'}]}, 'invalid_time', 'hours[0].to'),
    ('schedule', {'hours': [{'days': [], 'from': '08:00', 'to': '24:00'}]}, 'invalid_value', 'hours[0].days'),
    ('schedule', {'cutoffs': [{}]}, 'missing_field', 'cutoffs[0].at'),
    ('schedule', {'capacity': {'unit': 'parcels', 'windows': windows(1)}}, 'invalid_value', 'capacity.unit'),
    ('schedule', {'capacity': {'unit': 'orders', 'windows': windows(1) * 2}}, 'invalid_value', 'capacity.windows[1]'),
    ('schedule', {'capacity': {'unit': 'lines', 'windows': [{'from': '01:00', 'to': '02:00', 'limit': 1.5}]}},
     'invalid_value', 'capacity.windows[0].limit'),
    ('schedule', {'lead_minutes': -1}, 'out_of_range', 'lead_minutes'),
    ('schedule', {'lead_minutes': 1.5}, 'invalid_value', 'lead_minutes'),
    ('services', {'transit': [{}]}, 'missing_field', 'transit[0].days'),
    ('services', {'transit': [{'days': 1, 'hours': 1}]}, 'invalid_value', 'transit[0].hours'),
    ('services', transit(distance_km_max=0), 'out_of_range', 'transit[0].distance_km_max'),
    ('services', service(currency='eur'), 'invalid_value', 'currency'),
    ('services', service(accounts=[{'account': 'a'}] * 2), 'invalid_value', 'accounts[1].account'),
    ('services', service(slots=slots(1) * 2), 'invalid_value', 'slots[1].from'),
    ('lanes', lane(to='a'), 'invalid_value', 'to'),
    ('sourcing', {'objective': ['speed']}, 'invalid_value', 'objective[0]'),
    ('sourcing', {'objective': ['date', {'date': 2}]}, 'invalid_value', 'objective[1]'),
    ('sourcing', {'apart': [['a', 'b']], 'together': [['b', 'a']]}, 'invalid_value', 'together[0]'),
    ('sourcing', {'services': ['s', 's']}, 'invalid_value', 'services'),
    ('sourcing', {'transit_percentile': 49}, 'out_of_range', 'transit_percentile'),
    ('sourcing', {'future_supply': 'some'}, 'invalid_value', 'future_supply'),
)

GOOD = {'calendars': {}, 'zones': {'matches': [{'country': 'GB'}]}, 'schedule': {}, 'services': service(), 'lanes': lane(),
        'sourcing': {}}


class Documents(ServerCase):
    def setUp(self):
        super().setUp()
        self.node('n')
        self.channel('web')

    @staticmethod
    def target(collection):
        return {'schedule': '/v1/nodes/n/schedule', 'sourcing': '/v1/channels/web/sourcing'}.get(collection,
                                                                                                url('v1', collection, 'x'))

    def test_at_the_limit_and_one_past(self):
        for collection, document, most, code, field in COUNTS:
            with self.subTest(collection=collection, field=field):
                target = self.target(collection)
                self.ok(self.client.put(target, document(most)), 200, 201)
                kept = self.client.get(target).body
                problem = self.refused(self.client.put(target, document(most + 1)), 400, code, field)
                self.assertTrue(problem['detail'])
                self.assertEqual(self.client.get(target).body, kept)

    def test_what_is_wrong_is_named_and_changes_nothing(self):
        for collection, good in GOOD.items():
            self.ok(self.client.put(self.target(collection), good), 201)
        before = {collection: self.client.get(self.target(collection)).body for collection in GOOD}
        for collection, document, code, field in WRONG:
            with self.subTest(collection=collection, document=str(document)[:100]):
                self.refused(self.client.put(self.target(collection), document), 400, code, field)
                self.assertEqual(self.client.get(self.target(collection)).body, before[collection])

    def test_65536_bytes(self):
        headers = {'Content-Type': 'application/json'}
        for collection, good in GOOD.items():
            with self.subTest(collection=collection):
                text = json.dumps(good).encode()
                at_most = text + b' ' * (DOCUMENT_SIZE_MAX - len(text))
                self.ok(self.client.put(self.target(collection), at_most, headers), 201)
                self.refused(self.client.put(self.target(collection), at_most + b' ', headers), 400, 'too_long')

    def test_all_of_them_live_through_a_crash_and_so_does_their_end(self):
        for collection, good in GOOD.items():
            self.ok(self.client.put(self.target(collection), good), 201)
        gone = ('calendars', 'schedule')
        for collection in gone:
            self.ok(self.client.delete(self.target(collection)))
        before = {collection: self.client.get(self.target(collection)).body for collection in GOOD}
        self.server.crash()
        self.reconnect()
        for collection in GOOD:
            answer = self.client.get(self.target(collection))
            self.assertEqual((answer.status, answer.body), (404 if collection in gone else 200, before[collection]), collection)

    def test_another_tz_database_changes_nothing_that_was_kept(self):
        """London's clock is New York's after the crash, and then there is none: the journal has instants."""
        self.ok(self.client.put('/v1/services/s', service()), 201)
        schedule = {'time_zone': 'Europe/London', **pickup()}
        self.ok(self.client.put('/v1/nodes/n/schedule', schedule), 201)
        self.stock('A', n=9)
        question = {'channel': 'web', 'destination': {'lat': 51.5, 'lon': -0.1}, 'lines': [{'sku': 'A', 'quantity': 1}],
                    'at': utc(ahead_s=5 * 86400)[:11] + '00:00:00Z'}
        leaves = self.ok(self.client.post('/v1/promises', question))['options'][0]['parcels'][0]['leaves']
        asked_now = {name: value for name, value in question.items() if name != 'at'}
        held = self.ok(self.client.post('/v1/promises', {**asked_now, 'hold': {'ttl_seconds': 600}}), 201)
        target = url('v1', 'promises', held['promise'])
        before = [self.client.get(where).body for where in (target, '/v1/nodes/n/schedule', '/v1/stock/A/n')]
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        os.mkdir(os.path.join(folder, 'Europe'))
        london = os.path.join(folder, 'Europe', 'London')
        shutil.copy('/usr/share/zoneinfo/America/New_York', london)
        self.server.environment['TZDIR'] = folder
        for zone_is_there in (True, False):
            self.server.crash()
            self.reconnect()
            self.assertEqual([self.client.get(where).body for where in (target, '/v1/nodes/n/schedule', '/v1/stock/A/n')],
                             before)
            answer = self.ok(self.client.post('/v1/promises', {**question, 'explain': 'summary'}))
            if zone_is_there:
                self.assertGreater(answer['options'][0]['parcels'][0]['leaves'], leaves)
                os.remove(london)
            else:
                self.assertEqual(answer['options'], [])
                self.assertIn('unknown_time_zone', answer['explain']['reasons'])

    def test_a_document_that_is_named_may_go_and_is_missed(self):
        self.ok(self.client.put('/v1/services/s', service(transit_calendar='c')), 201)
        self.ok(self.client.put('/v1/calendars/c', {}), 201)
        self.ok(self.client.put('/v1/nodes/n/schedule', pickup()), 201)
        self.stock('A', n=1)
        question = {'channel': 'web', 'destination': {'lat': 51.5, 'lon': -0.1}, 'lines': [{'sku': 'A', 'quantity': 1}],
                    'explain': 'full'}
        self.assertEqual(len(self.ok(self.client.post('/v1/promises', question))['options']), 1)
        self.ok(self.client.delete('/v1/calendars/c'))
        answer = self.ok(self.client.post('/v1/promises', question))
        self.assertEqual(answer['options'], [])
        self.assertIn('unknown_calendar', answer['explain']['reasons'])
        self.ok(self.client.put('/v1/calendars/c', {}), 201)
        self.assertEqual(len(self.ok(self.client.post('/v1/promises', question))['options']), 1)


if __name__ == '__main__':
    main()
