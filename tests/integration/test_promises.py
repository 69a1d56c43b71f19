"""When, from where, and what is booked of it: the scenarios of dates and sourcing through the API (docs/spec/promise.md)."""
import concurrent.futures
import resource
import time
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from support.case import ServerCase, main, utc
from support.client import url
from support.server import wait_until

UTC = timezone.utc
TRANSIT_DAY = {'transit': [{'hours': 24}]}


def at(moment):
    """RFC 3339 of a datetime, in UTC."""
    return moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z'


def instant(text):
    return datetime.fromisoformat(text.replace('Z', '+00:00'))


def coming(weekday, hour=0, minute=0, days=2):
    """The next such day from `days` on, at that time UTC. Monday is 0."""
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
    day += timedelta(days=(weekday - day.weekday()) % 7)
    return day + timedelta(hours=hour, minutes=minute)


class PromiseCase(ServerCase):
    def put(self, body, *segments):
        return self.ok(self.client.put(url('v1', *segments), body), 200, 201)

    def service(self, name='standard', **members):
        self.put(members or TRANSIT_DAY, 'services', name)

    def schedule(self, node, **members):
        self.put(members, 'nodes', node, 'schedule')

    def sourcing(self, channel='all', **members):
        self.put(members, 'channels', channel, 'sourcing')

    def pickups(self, node, *times, service='standard', days=None, **more):
        self.schedule(node, pickups=[{'service': service, 'at': time, **({'days': days} if days else {})}
                                     for time in times], **more)

    def supply(self, name, sku, node, quantity, eta):
        self.put({'sku': sku, 'node': node, 'quantity': quantity, 'eta': at(eta)}, 'supplies', name)

    def promise_response(self, *lines, headers=None, **more):
        body = {'channel': 'all', 'destination': {'lat': 51.5, 'lon': -0.1},
                'lines': [{'sku': sku, 'quantity': quantity} for sku, quantity in lines], **more}
        return self.client.post('/v1/promises', {name: value for name, value in body.items() if value is not None},
                                headers)

    def promise(self, *lines, **more):
        return self.ok(self.promise_response(*lines, **more))

    def option(self, *lines, **more):
        """The only option there is."""
        options = self.promise(*lines, **more)['options']
        self.assertEqual(len(options), 1, options)
        return options[0]

    def hold(self, *lines, ttl_seconds=600, select='first', headers=None, **more):
        held = {'ttl_seconds': ttl_seconds, 'select': select}
        return self.promise_response(*lines, hold=held, headers=headers, **more)

    @staticmethod
    def picks(option):
        return [(line['sku'], parcel['node'], line['quantity'])
                for parcel in option['parcels'] for line in parcel['lines']]

    def reasons(self, answer):
        return {(row.get('node'), row['reason']) for row in answer['explain']['rejected']}


class Sourcing(PromiseCase):
    def setUp(self):
        super().setUp()
        self.service()
        self.channel('all')

    def open_nodes(self, *nodes, **more):
        for priority, node in enumerate(nodes):
            self.pickups(node, '18:00', priority=priority, **more)

    def test_by_priority_s2(self):
        self.stock('SKU-1', eu_1=5.5, eu_2=3, eu_3=10)
        self.stock('SKU-4', eu_1=0, eu_2=6, eu_3=6)
        self.open_nodes('eu-1', 'eu-2', 'eu-3')
        self.sourcing(objective=['priority'])
        option = self.option(('SKU-1', 8), ('SKU-4', 4))
        self.assertEqual(sorted(self.picks(option)),
                         [('SKU-1', 'eu-1', 5.5), ('SKU-1', 'eu-2', 2.5), ('SKU-4', 'eu-2', 4)])
        self.assertEqual(option['search'], 'optimal')

    def test_priority_or_fewest_parcels_s3(self):
        self.stock('A', n1=2, n2=5)
        self.open_nodes('n1', 'n2')
        self.sourcing(objective=['priority'])
        self.assertEqual(sorted(self.picks(self.option(('A', 5)))), [('A', 'n1', 2), ('A', 'n2', 3)])
        self.sourcing(objective=['parcels', 'priority'])
        self.assertEqual(self.picks(self.option(('A', 5))), [('A', 'n2', 5)])

    def test_sourcing_safety_stock_s5(self):
        self.stock('A', n1=9, n2=9)
        self.open_nodes('n1', sourcing_safety_stock=10)
        self.open_nodes('n2')
        answer = self.promise(('A', 1), explain='full')
        self.assertEqual(self.picks(answer['options'][0]), [('A', 'n2', 1)])
        self.assertIn(('n1', 'below_sourcing_safety_stock'), self.reasons(answer))
        rejected = next(row for row in answer['explain']['rejected'] if row.get('node') == 'n1')
        self.assertEqual((rejected['sku'], rejected['requested']), ('A', 1))

    def test_a_draft_policy_and_a_closed_node_change_nothing(self):
        self.stock('A', n1=2, n2=5)
        self.open_nodes('n1', 'n2')
        self.sourcing(objective=['parcels', 'priority'])
        seq = self.answer('A')['seq']
        draft = self.option(('A', 5), policy={'objective': ['priority']})
        self.assertEqual(sorted(self.picks(draft)), [('A', 'n1', 2), ('A', 'n2', 3)])
        closed = self.option(('A', 2), without=['n2'])
        self.assertEqual(self.picks(closed), [('A', 'n1', 2)])
        self.assertEqual(self.answer('A')['seq'], seq)
        self.refused(self.promise_response(('A', 5), policy={'objective': ['prority']}), 400, 'invalid_value',
                     'policy.objective[0]')
        self.refused(self.promise_response(('A', 5), policy='nobody'), 422, 'unknown_channel', 'policy')
        self.refused(self.hold(('A', 5), policy={'objective': ['priority']}), 400, 'invalid_value', 'hold')

    def test_what_cannot_be_asked_is_named(self):
        self.stock('A', n1=1)
        self.open_nodes('n1')
        problem = self.refused(self.promise_response(('A', 1), destination={'country': 'GB', 'postal_code': 'XX1'}), 422,
                               'unknown_postal_code', 'destination.postal_code')
        self.assertIn('XX1', problem['detail'])
        for body, status, code, field in (
                ({'lines': [{'sku': 'A', 'quantity': 0}]}, 400, 'invalid_quantity', 'lines[0].quantity'),
                ({'lines': [{'sku': 'none', 'quantity': 1}]}, 422, 'unknown_item', 'lines[0].sku'),
                ({'lines': [{'sku': 'A', 'quantity': 1}] * 2049}, 400, 'too_many', 'lines'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'options': {'kinds': ['fly']}}, 400, 'invalid_value', 'options.kinds'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'options': {'services': ['none']}, 'explain': 'full'}, 200, None, None),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'options': {'stores': ['none']}}, 422, 'unknown_node', 'options.stores[0]'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'without': ['none']}, 422, 'unknown_node', 'without[0]'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'channel': 'none'}, 422, 'unknown_channel', 'channel'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'destination': {'lat': 1}}, 400, 'missing_field', 'destination.lon'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'destination': {'postal_code': 'X'}}, 400, 'missing_field',
                 'destination.country'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'destination': {'country': 'gb', 'postal_code': 'X'}}, 400,
                 'invalid_value', 'destination.country'),
                ({'lines': [{'sku': 'A', 'quantity': 1}], 'at': '2020-01-01T00:00:00Z'}, 400, 'invalid_time', 'at'),
                ({}, 400, 'missing_field', 'lines')):
            response = self.client.post('/v1/promises', {'channel': 'all', 'destination': {'lat': 51.5, 'lon': -0.1}, **body})
            with self.subTest(body=str(body)[:120]):
                if code is None:
                    self.assertEqual(self.ok(response)['options'], [])
                else:
                    self.refused(response, status, code, field)

    def test_documents_are_refused_with_the_field_and_come_back_as_they_were(self):
        for target, body, code, field in (
                ('/v1/services/s', {}, 'missing_field', 'transit'),
                ('/v1/services/s', {'transit': [{'days': 366}]}, 'out_of_range', 'transit[0].days'),
                ('/v1/services/s', {'transit': [{'days': 1}], 'time_zone': 'Mars/Base'}, 'invalid_value', 'time_zone'),
                ('/v1/services/s', {'transit': [{'days': 1}], 'id': 'other'}, 'invalid_value', 'id'),
                ('/v1/calendars/c', {'days_off': ['2026-02-30']}, 'invalid_time', 'days_off[0]'),
                ('/v1/calendars/c', {'weekly': ['sat']}, 'unknown_field', 'weekly'),
                ('/v1/lanes/l', {'from': 'n1', 'to': 'n2', 'departures': [{'at': '25:00'}], 'transit_minutes': 1}, 'invalid_time',
                 'departures[0].at')):
            with self.subTest(body=body):
                self.refused(self.client.put(target, body), 400, code, field)
        self.refused(self.client.put('/v1/nodes/none/schedule', {}), 404, 'unknown_node')
        self.refused(self.client.delete('/v1/zones/none'), 404, 'unknown_document')
        body = b'  { "weekly_off" : [ "sun" ] }\n'
        headers = {'Content-Type': 'application/json'}
        self.assertEqual(self.client.put('/v1/calendars/c', body, headers).status, 201)
        seq = self.ok(self.client.get('/v1/calendars/c'))['seq']
        self.assertEqual(self.ok(self.client.put('/v1/calendars/c', body, headers))['seq'], seq)   # nothing was written
        self.server.crash()
        self.reconnect()
        self.assertIn(body.strip(), self.client.get('/v1/calendars/c').body)
        for i in range(5):
            self.put({'weekly_off': ['sat']}, 'calendars', f'c{i}')
        page = self.ok(self.client.get('/v1/calendars?limit=4'))
        rest = self.ok(self.client.get(f"/v1/calendars?limit=4&after={page['next']}"))
        names = [row['calendar'] for row in page['calendars'] + rest['calendars']]
        self.assertEqual((sorted(names), rest['next']), (['c', 'c0', 'c1', 'c2', 'c3', 'c4'], None))
        self.ok(self.client.delete('/v1/calendars/c'))
        self.refused(self.client.get('/v1/calendars/c'), 404, 'unknown_document')

    def test_a_listing_asks_for_each_line_by_itself(self):
        self.stock('A', n1=1)
        self.stock('B', n1=1)
        self.open_nodes('n1')
        rows = self.promise(('A', 1), ('missing', 1), ('B', 2), separately=True)['promises']
        self.assertEqual([(row['sku'], row.get('verdict'), len(row.get('options', []))) for row in rows],
                         [('A', None, 1), ('missing', 'unknown_item', 0), ('B', None, 0)])
        told = self.client.get('/metrics').body.decode()
        self.assertIn('\nonhand_promises_total 3\n', told)
        self.assertIn('\nonhand_promises_bounded_total 0\n', told)


class Dates(PromiseCase):
    def setUp(self):
        super().setUp()
        self.channel('all')

    def test_supplies_to_come_d1(self):
        self.service()
        now = datetime.now(UTC).replace(microsecond=0)
        self.stock('ITEM-1', N=10)
        self.stock('ITEM-2', N=10)
        self.schedule('N', pickups=[{'service': 'standard', 'at': '00:00'}])
        first, second = now + timedelta(days=9), now + timedelta(days=19)
        self.supply('s1', 'ITEM-1', 'N', 10, first)
        self.supply('s2', 'ITEM-1', 'N', 10, second)
        option = self.option(('ITEM-1', 20), ('ITEM-2', 10))
        self.assertEqual(len(option['parcels']), 1)
        self.assertEqual(instant(option['parcels'][0]['ready']), first)

    def test_lead_capacity_cutoff_pickup_transit_d3(self):
        self.service(**TRANSIT_DAY)
        self.stock('A', N=100)
        self.schedule('N', lead_minutes=60,
                      capacity={'unit': 'units', 'windows': [{'from': '09:00', 'to': '12:00', 'limit': 4},
                                                             {'from': '13:00', 'to': '17:00', 'limit': 4}]},
                      cutoffs=[{'at': '10:00'}, {'at': '14:00'}],
                      pickups=[{'service': 'standard', 'at': time} for time in ('12:00', '16:00', '21:00')])
        day = coming(2)
        # Ready at 10:00 has missed the cut-off; 1 ms before has not.
        for asked, pickup in ((8, 12), (8.99999972, 12), (9, 16), (9.5, 16)):
            option = self.option(('A', 4), at=at(day + timedelta(hours=asked)))
            self.assertEqual(instant(option['parcels'][0]['leaves']), day + timedelta(hours=pickup), asked)
            self.assertEqual(instant(option['from']), day + timedelta(hours=pickup + 24), asked)
        early = self.option(('A', 4), at=at(day + timedelta(hours=8)))
        self.assertEqual(instant(early['valid_until']), day + timedelta(hours=9))

    def test_notification_d4(self):
        self.service()
        self.stock('A', N=100)
        monday = coming(0)

        def leaves(asked):
            option = self.option(('A', 1), at=at(monday + timedelta(hours=asked)))
            return instant(option['parcels'][0]['leaves']) - monday
        days = ['mon', 'wed', 'fri']
        self.pickups('N', '15:00', days=days)
        self.assertEqual(leaves(12), timedelta(hours=15))
        self.assertEqual(leaves(15.5), timedelta(days=2, hours=15))
        self.schedule('N', pickups=[{'service': 'standard', 'at': '15:00', 'days': days, 'notification_minutes': 240}])
        self.assertEqual(leaves(12), timedelta(days=2, hours=15))
        self.assertEqual(leaves(11), timedelta(hours=15))

    def test_days_without_transit_d5(self):
        thursday = coming(3)
        tuesday = (thursday + timedelta(days=5)).date().isoformat()
        self.put({'weekly_off': ['sat', 'sun'], 'days_off': [tuesday]}, 'calendars', 'moving')
        self.put({'days_off': [tuesday]}, 'calendars', 'delivering')
        self.service(transit=[{'days': 3}], transit_calendar='moving', delivery_calendar='delivering')
        self.stock('A', N=1)
        self.pickups('N', '15:00')
        option = self.option(('A', 1), at=at(thursday + timedelta(hours=12)))
        self.assertEqual(instant(option['from']).date(), (thursday + timedelta(days=6)).date())

    def test_cut_offs_on_the_days_the_clocks_change(self):
        """For each zone the next two changes within the horizon: 12:00 there is the same wall clock, not the same UTC."""
        self.service()
        self.stock('A', N=100)
        seen = 0
        for zone in ('Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Pacific/Auckland'):
            self.schedule('N', time_zone=zone, cutoffs=[{'at': '12:00'}],
                          pickups=[{'service': 'standard', 'at': '12:00'}])
            for day in self.change_days(ZoneInfo(zone)):
                noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
                before = self.option(('A', 1), at=at(noon - timedelta(milliseconds=1)))
                self.assertEqual(instant(before['parcels'][0]['leaves']), noon.astimezone(UTC), (zone, day))
                self.assertEqual(instant(before['valid_until']), noon.astimezone(UTC), (zone, day))
                after = self.option(('A', 1), at=at(noon))
                following = datetime.combine(day + timedelta(days=1), noon.timetz())
                self.assertEqual(instant(after['parcels'][0]['leaves']), following.astimezone(UTC), (zone, day))
                seen += 1
        if seen == 0:
            self.skipTest('no clock changes within the horizon of this day')

    @staticmethod
    def change_days(zone):
        start = datetime.now(UTC).date() + timedelta(days=1)
        for i in range(110):
            day = start + timedelta(days=i)
            midnight, next_midnight = (datetime(d.year, d.month, d.day, tzinfo=zone).utcoffset()
                                       for d in (day, day + timedelta(days=1)))
            if midnight != next_midnight:
                yield day

    def test_a_day_beyond_the_horizon_is_said(self):
        self.service()
        self.stock('A', N=1)
        self.pickups('N', '15:00')
        answer = self.promise(('A', 1), at=at(datetime.now(UTC) + timedelta(days=500)), explain='full')
        self.assertEqual(answer['options'], [])
        self.assertIn('beyond_horizon', answer['explain']['reasons'])


class Learning(PromiseCase):
    def test_a_channel_may_promise_by_what_was_learned(self):
        self.channel('all')
        self.channel('brave')
        self.service(transit=[{'days': 5}])
        self.client.post('/v1/import/postal_codes', b'country,postal_code,place,lat,lon\nGB,SW1A 1AA,London,51.5,-0.14\n',
                         {'Content-Type': 'text/csv'})
        self.node('n1', country='GB', postal_code='EC1A 1BB')
        self.item('A')
        self.adjust('A', 'n1', 10)
        self.pickups('n1', '12:00')
        self.sourcing(transit_percentile=90)
        to = {'country': 'GB', 'postal_code': 'SW1A 1AA'}
        day = coming(2)

        def hours(channel='all'):
            option = self.option(('A', 1), at=at(day + timedelta(hours=9)), destination=to, channel=channel)
            return (instant(option['until']) - day - timedelta(hours=12)).total_seconds() / 3600

        def report(count, took):
            left = datetime(2026, 3, 4, 12, tzinfo=UTC)   # a Wednesday, as the day of the promise
            rows = [{'service': 'standard', 'origin_node': 'n1', 'destination': to, 'handed_over_at': at(left),
                     'delivered_at': at(left + timedelta(hours=took))} for _ in range(count)]
            self.ok(self.client.post('/v1/deliveries', {'reports': rows}))
        self.assertEqual(hours(), 12 + 5 * 24)      # the end of the fifth day
        report(19, 20)
        self.assertEqual(hours(), 12 + 5 * 24)      # too few
        report(1, 20)
        self.assertEqual(hours('brave'), 12 + 5 * 24)
        self.assertAlmostEqual(hours(), 20, delta=0.2)
        report(4, 100)                              # 4 of 24 are later: the 90th percentile is theirs
        self.assertAlmostEqual(hours(), 100, delta=1)
        self.server.crash()
        self.reconnect()
        self.assertAlmostEqual(hours(), 100, delta=1)


class Collect(PromiseCase):
    def test_at_a_store_and_by_a_lane(self):
        self.channel('all')
        self.node('shop', lat=51.5, lon=-0.1)
        self.node('depot', 'warehouse', lat=52.5, lon=-1.9)
        self.item('A')
        self.adjust('A', 'depot', 5)
        self.schedule('shop', collect_hours=[{'from': '09:00', 'to': '18:00'}], receiving_minutes=60)
        self.put({'from': 'depot', 'to': 'shop', 'departures': [{'at': '20:00'}], 'transit_minutes': 600}, 'lanes', 'night')
        self.sourcing(collect={'ship_to_store': True, 'radius_km': 20, 'stores_max': 3})
        day = coming(1, 12)
        option = self.option(('A', 2), at=at(day), options={'kinds': ['collect']})
        self.assertEqual((option['store'], option['parcels'][0]['lane']), ('shop', 'night'))
        self.assertEqual(instant(option['from']), day.replace(hour=9) + timedelta(days=1))


class Holding(PromiseCase):
    def setUp(self):
        super().setUp()
        self.channel('all')
        self.service(transit=[{'hours': 24}],
                     slots=[{'from': '10:00', 'to': '12:00', 'limit': 2}])
        for node in ('n1', 'n2'):
            self.stock('A', **{node: 10})
            self.schedule(node, pickups=[{'service': 'standard', 'at': '06:00'}])

    def booked(self, promise):
        return [(row['resource'], row['quantity'])
                for parcel in promise['promised']['parcels'] for row in parcel.get('capacity', [])]

    def slot(self, promise):
        return promise['promised']['from']

    def test_takes_the_stock_and_the_slot_and_gives_them_back(self):
        held = self.ok(self.hold(('A', 4)), 201)
        self.assertEqual(self.booked(held), [('slot/standard', 1)])
        self.assertEqual(held['status'], 'held')
        claim = self.reservation(held['promise'])
        self.assertEqual((claim['kind'], self.claims(claim)), ('ship', [(1, held['promised']['parcels'][0]['node'], 4)]))
        self.ok(self.client.get(url('v1', 'promises', held['promise'])))
        second = self.ok(self.hold(('A', 1)), 201)
        third = self.ok(self.hold(('A', 1)), 201)
        self.assertEqual(self.slot(second), self.slot(held))
        self.assertNotEqual(self.slot(third), self.slot(held))   # the slot is full
        self.ok(self.act(held['promise'], 'release'))
        fourth = self.ok(self.hold(('A', 1)), 201)
        self.assertEqual(self.slot(fourth), self.slot(held))
        self.ok(self.act(fourth['promise'], 'confirm'))
        fifth = self.ok(self.hold(('A', 1)), 201)
        self.assertNotEqual(self.slot(fifth), self.slot(held))   # a confirmed one keeps its place

    def test_the_reservation_says_what_it_has_booked(self):
        self.schedule('n1', capacity={'unit': 'units', 'windows': [{'from': '00:00', 'to': '24:00', 'limit': 50}]},
                      pickups=[{'service': 'standard', 'at': '06:00'}])
        self.schedule('n2')    # no pickup
        held = self.ok(self.hold(('A', 4)), 201)
        capacity = held['promised']['parcels'][0]['capacity']
        bookings = self.reservation(held['promise'])['bookings']
        self.assertEqual([{**row, 'node': 'n1'} for row in capacity], bookings)
        self.assertEqual({row['resource']: row['quantity'] for row in bookings}, {'node/n1': 4, 'slot/standard': 1})
        self.assertEqual(self.ok(self.client.get(url('v1', 'reservations')))['reservations'][0]['bookings'], bookings)
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.reservation(held['promise'])['bookings'], bookings)
        self.ok(self.act(held['promise'], 'release', {'lines': [{'line': 1, 'quantity': 1}]}))
        self.assertEqual([row['quantity'] for row in self.reservation(held['promise'])['bookings']
                          if row['resource'] == 'node/n1'], [3])
        self.ok(self.act(held['promise'], 'release'))
        self.assertNotIn('bookings', self.reservation(held['promise']))

    def test_a_move_takes_the_slot_along(self):
        held = self.ok(self.hold(('A', 4)), 201)
        node = held['promised']['parcels'][0]['node']
        other = 'n2' if node == 'n1' else 'n1'
        self.ok(self.act(held['promise'], 'move', {'lines': [{'line': 1, 'to_node': other, 'quantity': 3}]}))
        [booking] = self.reservation(held['promise'])['bookings']
        self.assertEqual(booking['node'], node)    # one is still there
        self.ok(self.act(held['promise'], 'move', {'lines': [{'line': 1, 'node': node, 'to_node': other}]}))
        self.assertEqual(self.reservation(held['promise'])['bookings'], [{**booking, 'node': other}])
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.reservation(held['promise'])['bookings'], [{**booking, 'node': other}])
        second, third = (self.ok(self.hold(('A', 1)), 201)['promised']['from'] for _ in range(2))
        self.assertEqual(second, held['promised']['from'])
        self.assertNotEqual(third, second)    # the slot has room for two
        self.ok(self.act(held['promise'], 'release'))
        self.assertEqual(self.ok(self.hold(('A', 1)), 201)['promised']['from'], second)

    def test_a_claim_on_a_supply_says_when_it_is_due(self):
        eta = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        self.item('B')
        self.supply('s', 'B', 'n1', 5, eta)
        held = self.ok(self.hold(('B', 4)), 201)
        [claim] = self.reservation(held['promise'])['lines'][0]['claims']
        self.assertEqual(instant(claim['due_at']), eta)
        self.assertEqual(instant(held['promised']['parcels'][0]['lines'][0]['due_at']), eta)
        stock = self.ok(self.hold(('A', 4)), 201)
        self.assertNotIn('due_at', self.reservation(stock['promise'])['lines'][0]['claims'][0])
        short = self.ok(self.hold(('B', 1), ttl_seconds=0.1), 201)
        self.assertEqual(instant(short['promised']['parcels'][0]['lines'][0]['due_at']), eta)
        wait_until(lambda: 'due_at' not in self.reservation(short['promise'])['lines'][0]['claims'][0],
                   'a claim that has ended is still due')

    def moving(self, unit, limit):
        """n1 promises and is not limited, n2 is, from midnight to midnight, and no parcel leaves it: only a move takes there."""
        self.schedule('n2', capacity={'unit': unit, 'windows': [{'from': '00:00', 'to': '24:00', 'limit': limit}]})
        for node in ('n1', 'n2'):
            self.stock('B', **{node: 20})

    def work(self, promise):
        return [(row['node'], row['quantity']) for row in self.reservation(promise).get('bookings', [])
                if row['resource'].startswith('node/')]

    def move(self, promise, body, headers=None):
        return self.client.post(url('v1', 'reservations', promise, 'move'), body, headers)

    def test_a_move_books_the_new_nodes_own_window(self):
        self.moving('units', 4)
        first, second = (self.ok(self.hold(('A', 3)), 201)['promise'] for _ in range(2))
        self.ok(self.move(first, {'lines': [{'line': 1, 'to_node': 'n2', 'quantity': 2}]}))
        self.assertEqual(self.work(first), [('n2', 2)])
        headers = {'Idempotency-Key': 'move'}
        problem = self.refused(self.move(second, {'to_node': 'n2'}, headers), 409, 'no_capacity', 'to_node')
        self.assertEqual([(row['node'], row['requested'], row['available'], row['verdict']) for row in problem['lines']],
                         [('n2', 3, 2, 'no_capacity')])
        now = datetime.now(UTC)
        self.assertLess(instant(problem['window']['from']), now)
        self.assertLess(now, instant(problem['window']['until']))
        self.assertEqual(self.claims(self.reservation(second)), [(1, 'n1', 3)])   # all or nothing
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.work(first), [('n2', 2)])
        again = self.move(second, {'to_node': 'n2'}, headers)
        self.assertEqual(self.refused(again, 409, 'no_capacity', 'to_node'), problem)
        self.ok(self.act(first, 'release', {'lines': [{'line': 1, 'node': 'n2', 'quantity': 1}]}))
        self.ok(self.move(second, {'to_node': 'n2'}))
        self.assertEqual((self.work(first), self.work(second)), ([('n2', 1)], [('n2', 3)]))
        self.ok(self.move(second, {'to_node': 'n1'}))
        self.assertEqual(self.work(second), [])
        self.server.crash()
        self.reconnect()
        self.ok(self.move(first, {'lines': [{'line': 1, 'node': 'n1', 'to_node': 'n2'}]}))
        self.assertEqual(self.work(first), [('n2', 2)])

    def test_a_second_parcel_moved_to_a_node_takes_no_second_order(self):
        self.moving('orders', 1)
        first = self.ok(self.hold(('A', 3), ('B', 2)), 201)['promise']
        second = self.ok(self.hold(('A', 1)), 201)['promise']
        for line in (1, 2):
            self.ok(self.move(first, {'lines': [{'line': line, 'to_node': 'n2'}]}))
            self.assertEqual(self.work(first), [('n2', 1)])
        self.refused(self.move(second, {'to_node': 'n2'}), 409, 'no_capacity', 'to_node')
        self.ok(self.act(first, 'release'))
        self.ok(self.move(second, {'to_node': 'n2'}))

    def test_a_move_to_lines_counts_an_item_once(self):
        self.moving('lines', 1)
        first = self.ok(self.hold(('A', 2), ('A', 3)), 201)['promise']
        second = self.ok(self.hold(('A', 2), ('B', 2)), 201)['promise']
        self.refused(self.move(second, {'to_node': 'n2'}), 409, 'no_capacity', 'to_node')
        self.ok(self.move(first, {'to_node': 'n2'}))
        self.assertEqual(self.work(first), [('n2', 1)])

    def test_a_move_of_what_was_not_promised_books_nothing(self):
        self.moving('orders', 1)
        self.put({'nodes': ['n1', 'n2']}, 'channels', 'shop')
        self.ok(self.client.post('/v1/reservations', {'id': 'plain', 'kind': 'ship', 'channel': 'shop', 'ttl_seconds': 60,
                                                      'lines': [{'line': 1, 'sku': 'A', 'quantity': 2, 'node': 'n1'}]}), 201)
        self.ok(self.move('plain', {'to_node': 'n2'}))
        self.assertEqual(self.work('plain'), [])

    def test_a_move_to_a_node_without_a_window_left(self):
        self.moving('orders', 1)
        self.put({'days_off': [], 'weekly_off': ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']}, 'calendars', 'never')
        self.schedule('n2', calendar='never', capacity={'unit': 'orders', 'windows': [{'from': '00:00', 'to': '24:00', 'limit': 1}]})
        held = self.ok(self.hold(('A', 3)), 201)['promise']
        problem = self.refused(self.move(held, {'to_node': 'n2'}), 409, 'no_capacity', 'to_node')
        self.assertNotIn('window', problem)
        self.assertEqual(problem['lines'][0]['available'], 0)
        self.schedule('n2', lead_minutes=525600,
                      capacity={'unit': 'orders', 'windows': [{'from': '00:00', 'to': '24:00', 'limit': 1}]})
        self.refused(self.move(held, {'to_node': 'n2'}), 409, 'no_capacity', 'to_node')

    def test_a_hold_that_expires_gives_its_slot_back(self):
        held = [self.ok(self.hold(('A', 1), ttl_seconds=0.4), 201) for _ in range(2)]
        time.sleep(0.5)
        self.assertEqual(self.slot(self.ok(self.hold(('A', 1)), 201)), self.slot(held[0]))

    def test_the_same_key_gives_the_same_promise(self):
        headers = {'Idempotency-Key': 'k1'}
        first = self.hold(('A', 4), headers=headers)
        self.ok(first, 201)
        again = self.hold(('A', 4), headers=headers)
        self.assertEqual(self.ok(again, 200, 201), first.json)
        self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
        self.refused(self.hold(('A', 5), headers=headers), 422, 'idempotency_mismatch')
        self.assertEqual(sum(self.figures('A', node, 'held')[0] for node in ('n1', 'n2')), 4)
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.ok(self.hold(('A', 4), headers=headers), 200, 201), first.json)

    @staticmethod
    def without_answer(problem):
        """As a repeat says it: what there was to have was of its time."""
        return {name: value for name, value in problem.items() if name not in ('at', 'destination', 'options')}

    def test_a_refusal_is_remembered_too(self):
        headers = {'Idempotency-Key': 'k2'}
        problem = self.refused(self.hold(('A', 99), headers=headers), 409, 'not_promisable', 'hold.select')
        self.assertEqual(problem['options'], [])
        self.adjust('A', 'n1', 100)
        again = self.hold(('A', 99), headers=headers)
        self.assertEqual(self.refused(again, 409, 'not_promisable', 'hold.select'), self.without_answer(problem))
        self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
        self.ok(self.hold(('A', 99), headers={'Idempotency-Key': 'k3'}), 201)

    def test_an_option_that_is_gone(self):
        headers = {'Idempotency-Key': 'k4'}
        problem = self.refused(self.hold(('A', 1), select='ship/express', headers=headers), 409, 'option_gone', 'hold.select')
        self.assertEqual([option['option'] for option in problem['options']], ['ship/standard'])
        again = self.hold(('A', 1), select='ship/express', headers=headers)
        self.assertEqual(self.refused(again, 409, 'option_gone', 'hold.select'), self.without_answer(problem))
        self.refused(self.promise_response(('A', 1), hold={}), 400, 'missing_field', 'hold.ttl_seconds')
        self.refused(self.promise_response(('A', 1), hold={'ttl_seconds': 0}), 400, 'out_of_range', 'hold.ttl_seconds')

    def test_the_last_unit_and_the_last_slot_go_to_one_of_many(self):
        self.stock('LAST', n1=1)
        self.put({'transit': [{'hours': 24}], 'slots': [{'from': '10:00', 'to': '12:00', 'limit': 1}]},
                 'services', 'standard')

        def one(_):
            with self.server.client() as client:
                return client.post('/v1/promises', {'channel': 'all', 'destination': {'lat': 51.5, 'lon': -0.1},
                                                    'lines': [{'sku': 'LAST', 'quantity': 1}],
                                                    'hold': {'ttl_seconds': 600}}).status
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            statuses = sorted(pool.map(one, range(64)))
        self.assertEqual(statuses, [201] + [409] * 63)
        self.assertEqual(self.figures('LAST', 'n1', 'held', 'available'), (1, 0))

    def test_promises_live_through_a_crash(self):
        held = self.ok(self.hold(('A', 4)), 201)
        self.server.crash()
        self.reconnect()
        kept = self.ok(self.client.get(url('v1', 'promises', held['promise'])))
        self.assertEqual(kept['promised'], held['promised'])
        second = self.ok(self.hold(('A', 1)), 201)
        third = self.ok(self.hold(('A', 1)), 201)
        self.assertEqual((self.slot(second) == self.slot(held), self.slot(third) == self.slot(held)), (True, False))
        self.refused(self.client.get(url('v1', 'promises', 'nothing')), 404, 'unknown_promise')


class Replacing(PromiseCase):
    def setUp(self):
        super().setUp()
        self.channel('all')
        self.service(transit=[{'hours': 24}], slots=[{'from': '10:00', 'to': '12:00', 'limit': 1}])
        for node, notice in (('n1', 0), ('n2', 0), ('late', 3 * 1440)):
            self.stock('A', **{node: 5})
            self.schedule(node, pickups=[{'service': 'standard', 'at': '06:00', 'notification_minutes': notice}])
        self.sourcing(objective=['date', 'parcels'])
        self.held = self.ok(self.hold(('A', 5)), 201)
        self.node_of_held = self.held['promised']['parcels'][0]['node']
        self.other = 'n2' if self.node_of_held == 'n1' else 'n1'

    def test_a_second_parcel_sourced_at_a_node_takes_no_second_order(self):
        self.service(transit=[{'hours': 24}])
        self.stock('B', n2=5)
        self.stock('C', n1=5)
        self.schedule('n2', pickups=[{'service': 'standard', 'at': '06:00'}],
                      capacity={'unit': 'orders', 'windows': [{'from': '00:00', 'to': '24:00', 'limit': 1}]})
        held = self.ok(self.hold(('B', 3), ('C', 1)), 201)['promise']
        work = [row for row in self.reservation(held)['bookings'] if row['resource'] == 'node/n2']
        self.assertEqual([row['quantity'] for row in work], [1])
        self.stock('C', n2=5)
        self.ok(self.client.post('/v1/promises', {'replace': {'reservation': held, 'without': ['n1']}, 'hold': {}}), 200, 201)
        self.assertEqual(self.claims(self.reservation(held)), [(1, 'n2', 3), (2, 'n2', 1)])
        self.assertEqual([row for row in self.reservation(held)['bookings'] if row['resource'] == 'node/n2'], work)

    def replace(self, *without, headers=None, **more):
        return self.client.post('/v1/promises', {'replace': {'reservation': self.held['promise'],
                                                             'without': list(without)}, **more}, headers)

    def test_the_same_promised_time_first(self):
        asked = self.ok(self.replace(self.node_of_held))
        self.assertTrue(asked['kept'])
        self.assertEqual(asked['promised_until'], self.held['promised']['until'])
        self.assertEqual(self.picks(asked['options'][0]), [('A', self.other, 5)])
        self.assertEqual(self.claims(self.reservation(self.held['promise'])), [(1, self.node_of_held, 5)])
        replaced = self.ok(self.replace(self.node_of_held, hold={}), 200, 201)
        self.assertEqual((replaced['promise'], replaced['promised']['from']),
                         (self.held['promise'], self.held['promised']['from']))   # into the slot that it gave up
        self.assertEqual(len(replaced['before']), 1)
        self.assertEqual(self.claims(self.reservation(self.held['promise'])), [(1, self.other, 5)])

    def test_else_the_new_time_said_plainly(self):
        asked = self.ok(self.replace('n1', 'n2'))
        self.assertEqual((asked['kept'], self.picks(asked['options'][0])), (False, [('A', 'late', 5)]))
        replaced = self.ok(self.replace('n1', 'n2', hold={}), 200, 201)
        self.assertGreater(instant(replaced['promised_until']), instant(self.held['promised_until']))
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.claims(self.reservation(self.held['promise'])), [(1, 'late', 5)])

    def test_a_key_and_refusals(self):
        headers = {'Idempotency-Key': 'r1'}
        self.refused(self.replace('n1', 'n2', 'late', hold={}, headers=headers), 409, 'not_promisable')
        self.adjust('A', 'late', 100)
        self.refused(self.replace('n1', 'n2', 'late', hold={}, headers=headers), 409, 'not_promisable')
        self.refused(self.replace('late', hold={}), 409, 'nothing_claimed')
        self.refused(self.replace('nowhere'), 422, 'unknown_node', 'replace.without')
        self.refused(self.client.post('/v1/promises', {'replace': {'reservation': 'R0', 'without': ['n1']}}),
                     404, 'unknown_reservation', 'replace.reservation')
        self.refused(self.replace('n1', hold={'ttl_seconds': 5}), 400, 'invalid_value', 'hold')
        self.refused(self.replace('n1', lines=[{'sku': 'A', 'quantity': 1}]), 400, 'invalid_value', 'lines')
        self.refused(self.replace('n1', at=utc()), 400, 'invalid_value', 'replace')
        headers = {'Idempotency-Key': 'r2'}
        once = self.ok(self.replace(self.node_of_held, hold={}, headers=headers), 200, 201)
        self.assertEqual(self.ok(self.replace(self.node_of_held, hold={}, headers=headers), 200, 201), once)


class TimeZones(PromiseCase):
    def setUp(self):
        super().setUp()
        self.stock('A', n1=10)
        self.channel('all')
        self.service()
        self.pickups('n1', '18:00', time_zone='Europe/London')

    def descriptors(self, count):
        """What the server may open from now on; gives what it might before."""
        before, most = resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.server.process.pid, resource.RLIMIT_NOFILE, (count, most))
        return before

    def test_no_promise_is_made_of_zones_that_cannot_be_read(self):
        usual = self.descriptors(0)
        response = self.hold(('A', 1))
        self.refused(response, 503, 'time_zones_unreadable')
        self.assertEqual(response.headers['retry-after'], '1')
        tokyo = self.client.put(url('v1', 'nodes', 'n1', 'schedule'), {'time_zone': 'Asia/Tokyo'})
        self.refused(tokyo, 503, 'time_zones_unreadable', 'time_zone')
        self.reserve(('A', 1, 'n1'))        # needs no date
        self.assertIn('event=time_zones_unreadable', self.server.log())
        self.descriptors(usual)
        self.ok(self.hold(('A', 1)), 201)
        self.pickups('n1', '18:00', time_zone='Asia/Tokyo')


if __name__ == '__main__':
    main()
