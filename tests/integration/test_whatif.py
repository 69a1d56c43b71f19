"""
`onhand whatif`: the promises of a journal under another policy (docs/spec/promise.md, WI1 to WI6). What they were and
would have been is computed here from the documents alone: a lead time, one pickup a day, a day of transit, a price a
parcel; or asked of the server at the time.
"""
import collections
import json
import os
import random
import signal
import time
from datetime import datetime, timedelta, timezone

from support.case import ServerCase, main, utc, wait_past
from support.client import request_bytes, url
from support.server import run, wait_until

DAY = timedelta(days=1)
DATE_FIRST = {'objective': ['date', 'cost']}
PARCELS_FIRST = {'objective': ['parcels', 'date']}


def instant(text):
    return datetime.fromisoformat(text.replace('Z', '+00:00'))


def there_by(ordered, lead_days):
    """The end of the day after that of the first pickup, at 23:59 UTC, at or after the lead time."""
    ready = ordered + lead_days * DAY
    midnight = ready.replace(hour=0, minute=0, second=0, microsecond=0)
    pickup_day = midnight if ready <= midnight + timedelta(hours=23, minutes=59) else midnight + DAY
    return pickup_day + 2 * DAY


class WhatIf(ServerCase):
    """Fast nodes, a and b, with one item each, and a slow one with both: by date two parcels, else one and later."""
    config = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1, 'keep_snapshots': 1}

    def setUp(self):
        super().setUp()
        self.price = 4
        self.leads = {'a': 0, 'b': 0, 'both': 2}
        self.channel('all')
        self.stock('A', a=50, both=3)
        self.stock('B', b=50, both=3)
        self.service()
        for node in self.leads:
            self.schedule(node)
        self.put(DATE_FIRST, 'channels', 'all', 'sourcing')
        self.held = []  # what each promise was and would be: (before, after), of (until, parcels, cost)

    def put(self, body, *segments):
        return self.ok(self.client.put(url('v1', *segments), body), 200, 201)

    def service(self):
        self.put({'transit': [{'days': 1}], 'cost': [{'amount': self.price}], 'currency': 'EUR'},
                 'services', 'standard')

    def schedule(self, node):
        self.put({'lead_minutes': self.leads[node] * 1440, 'pickups': [{'service': 'standard', 'at': '23:59'}]},
                 'nodes', node, 'schedule')

    def hold(self, *skus, channel='all', **more):
        body = {'channel': channel, 'destination': {'lat': 51.5, 'lon': -0.1}, 'options': {'kinds': ['ship']},
                'lines': [{'sku': sku, 'quantity': 1} for sku in skus], 'hold': {'ttl_seconds': 600, **more}}
        return self.ok(self.client.post('/v1/promises', body), 201)

    def take(self, *skus, **more):
        """Holds, and writes down what that is by hand: each from its own node, or all of several from the slow one."""
        promise = self.hold(*skus, **more)
        ordered = instant(promise['at'])
        nodes = [sku.lower() for sku in skus]
        before = (max(there_by(ordered, self.leads[node]) for node in nodes), len(nodes), len(nodes) * self.price)
        self.assertEqual(instant(promise['promised_until']), before[0])
        nodes = nodes if len(nodes) == 1 else ['both']
        after = (there_by(ordered, self.leads[nodes[0]]), 1, self.price)
        self.held.append((before, after))
        return promise

    def policy(self, document):
        path = os.path.join(self.server.home, 'policy.json')
        with open(path, 'w', encoding='utf-8') as file:
            file.write(document if isinstance(document, str) else json.dumps(document))
        return path

    def whatif(self, document, *arguments, code=0):
        return self.run_whatif(self.server.data, '--policy', self.policy(document), *arguments, code=code)

    def run_whatif(self, *arguments, code=0):
        result = run('whatif', *arguments)
        self.assertEqual(result.returncode, code, result)
        if code == 0:
            self.assertEqual(result.stderr, '')
        else:
            self.assertEqual(result.stdout, '')
        return result.stdout if code == 0 else result.stderr

    def report(self, document, *arguments):
        return json.loads(self.whatif(document, '--json', *arguments))

    def check_report(self, report):
        """The report says of `held` what this test has computed."""
        hours = sorted((after[0] - before[0]) / timedelta(hours=1) for before, after in self.held)
        count = len(hours)
        self.assertEqual((report['held'], report['reproduced'], report['not_reproduced']), (count, count, 0))
        self.assertEqual((report['same'], report['earlier'], report['later']),
                         (sum(x == 0 for x in hours), sum(x < 0 for x in hours), sum(x > 0 for x in hours)))
        self.assertEqual(report['not_promisable'], 0)
        difference = report['difference_hours']
        self.assertAlmostEqual(difference['mean'], sum(hours) / count)
        self.assertEqual((difference['p50'], difference['p90']),
                         (hours[-(-count * 50 // 100) - 1], hours[-(-count * 90 // 100) - 1]))
        self.assertEqual(report['parcels'], {side: sum(pair[at][1] for pair in self.held)
                                             for at, side in enumerate(('before', 'after'))})
        self.assertEqual(report['cost'], [{'currency': 'EUR', **{side: sum(pair[at][2] for pair in self.held)
                                                                 for at, side in enumerate(('before', 'after'))}}])

    # ---- figures

    def test_the_report_is_what_a_computation_by_hand_says(self):
        for skus in (('A', 'B'), ('A',), ('A', 'B'), ('B',), ('A', 'B'), ('A', 'B'), ('A', 'B')):
            self.take(*skus)  # five baskets of two, and the slow node has three: each is judged on its own (WI3)
        self.server.stop()
        report = self.report(PARCELS_FIRST)
        self.check_report(report)
        self.assertEqual((report['same'], report['later'], report['difference_hours']['p90']), (2, 5, 48))
        self.assertEqual((report['parcels'], report['other_nodes']), ({'before': 12, 'after': 7}, 5))
        text = self.whatif(PARCELS_FIRST)
        for line in ('promises: 7 held', 'compared: 7, promised the same again by the policy as it was',
                     'promised until: 2 the same, 0 earlier, 5 later, 0 not promisable', 'parcels: 12 -> 7',
                     'cost: 48 -> 28 EUR', 'p90 +48.00'):
            self.assertIn(line, text)
        same = self.report(DATE_FIRST)
        self.assertEqual((same['same'], same['other_nodes'], same['difference_hours']['mean']), (7, 0, 0))

    def test_each_promise_is_a_line(self):
        promise = self.take('A', 'B')
        self.take('A')
        rows = [json.loads(line) for line in self.whatif(PARCELS_FIRST, '--json', '--each').splitlines()]
        self.assertEqual([row['outcome'] for row in rows[:-1]], ['compared', 'compared'])
        self.assertEqual(rows[0]['promise'], promise['promise'])
        self.assertEqual((rows[0]['before']['nodes'], rows[0]['after']['nodes']), ('a,b', 'both'))
        for row, pair in zip(rows, self.held):
            for side, expected in zip(('before', 'after'), pair):
                figures = row[side]
                self.assertEqual((instant(figures['until']), figures['parcels'], figures['cost']), expected)
        self.check_report(rows[-1])

    def test_documents_that_changed_in_between_are_those_of_their_time(self):
        self.take('A', 'B')
        self.leads['a'] = 1
        self.schedule('a')
        self.take('A', 'B')
        self.price = 5.5
        self.service()
        self.take('A', 'B')
        self.leads.update(a=0, both=0)
        self.schedule('a')
        self.schedule('both')
        self.put(PARCELS_FIRST, 'channels', 'all', 'sourcing')
        last = self.hold('A', 'B')
        until = there_by(instant(last['at']), 0)
        self.held.append(((until, 1, 5.5), (until, 1, 5.5)))
        report = self.report(PARCELS_FIRST)
        self.check_report(report)
        self.assertEqual((report['same'], report['later'], report['other_nodes']), (1, 3, 3))

    def test_holds_that_ended_by_the_clock_are_gone_then_too(self):
        self.stock('C', a=1, both=1)
        first = self.hold('C', ttl_seconds=0.05)
        wait_past(first)
        again = self.hold('C')
        self.assertEqual(again['promised']['parcels'][0]['node'], 'a')
        third = self.hold('C')
        self.assertEqual(third['promised']['parcels'][0]['node'], 'both')
        report = self.report(PARCELS_FIRST)
        self.assertEqual((report['held'], report['reproduced'], report['same']), (3, 3, 3))

    def test_what_the_other_policy_cannot_promise_is_counted_apart(self):
        self.take('A', 'B')
        self.adjust('A', 'both', -3)
        self.hold('A', 'B')
        report = self.report({'objective': ['date'], 'split_orders': False})
        self.assertEqual((report['held'], report['reproduced']), (2, 2))
        self.assertEqual((report['not_promisable'], report['later']), (1, 1))
        self.assertEqual(report['not_promisable_reasons'], {'less_complete': 1})  # the nodes that have a part
        self.assertEqual((report['parcels'], report['difference_hours']['mean']), ({'before': 2, 'after': 1}, 48))

    def test_a_policy_that_promises_nothing_says_what_it_lacks(self):
        self.take('A', 'B')
        self.take('A')
        report = self.report({'services': ['none']})
        self.assertEqual((report['not_promisable'], report['parcels']), (2, {'before': 0, 'after': 0}))
        self.assertEqual(report['not_promisable_reasons'], {'unknown_service': 2})
        text = self.whatif({'services': ['none']})
        self.assertIn('why not, by how many of them: unknown_service 2\n', text)
        self.assertIn('0 later, 2 not promisable\n', text)

    def test_the_option_that_was_chosen_is_looked_for_again(self):
        self.put({'transit': [{'hours': 1}], 'cost': [{'amount': 20}], 'currency': 'USD'}, 'services', 'express')
        self.put({'pickups': [{'service': name, 'at': '23:59'} for name in ('standard', 'express')]},
                 'nodes', 'a', 'schedule')
        promise = self.hold('A', select='ship/express')
        self.assertEqual(promise['promised']['service'], 'express')
        self.assertEqual(self.report({})['same'], 1)
        report = self.report({'services': ['standard']})
        self.assertEqual((report['option_gone'], report['later']), (1, 1))
        self.assertEqual(collections.Counter((row['currency'], row['before'], row['after']) for row in report['cost']),
                         collections.Counter([('USD', 20, 0), ('EUR', 0, 4)]))

    def test_one_channel_and_a_part_that_was_replaced(self):
        self.channel('app')
        self.put(DATE_FIRST, 'channels', 'app', 'sourcing')
        taken = self.take('A', 'B')
        self.hold('A', channel='app')
        self.ok(self.client.post('/v1/promises', {'replace': {'reservation': taken['promise'], 'without': ['a']},
                                                  'hold': {}}), 200)
        report = self.report(PARCELS_FIRST, '--channel', 'all')
        self.check_report(report)
        self.assertEqual((report['held'], report['replacements']), (1, 1))
        self.assertEqual(self.report(PARCELS_FIRST)['held'], 2)
        self.assertIn("there is no channel 'none'", self.whatif(PARCELS_FIRST, '--channel', 'none', code=1))

    def test_another_horizon_than_the_server_had_is_told(self):
        self.stock('D', both=1)  # two days of lead time, and one of transit
        self.hold('D')
        report = self.report(PARCELS_FIRST, '--promise-horizon-days', '1')
        self.assertEqual((report['held'], report['reproduced'], report['not_reproduced']), (1, 0, 1))
        self.assertEqual(self.report(PARCELS_FIRST, '--promise-horizon-days', '120')['reproduced'], 1)

    # ---- the files

    def test_beside_a_server_and_after_a_crash(self):
        self.take('A', 'B')
        self.server.freeze()  # else it makes its next file of the journal whenever it likes
        before = self.server.files()
        beside = self.report(PARCELS_FIRST)
        self.check_report(beside)
        self.assertEqual(self.server.files(), before)
        self.server.process.send_signal(signal.SIGCONT)
        self.take('B')
        self.check_report(self.report(PARCELS_FIRST))
        self.server.kill()
        self.check_report(self.report(PARCELS_FIRST))
        self.server.start()
        self.reconnect()
        self.take('A', 'B')
        self.check_report(self.report(PARCELS_FIRST))

    def test_of_a_journal_whose_beginning_is_forgotten(self):
        forgotten = self.hold('A', 'B')
        # A reason that is the entry's before is not written again, so these take turns.
        entries = [{'sku': 'A', 'node': 'both', 'quantity': 0.001, 'reason': letter * 100} for letter in 'rs']
        body = request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': entries * 500})
        first = os.path.join(self.server.data, 'journal', f'{1:020}.ohj')

        def is_forgotten():
            self.client.pipeline([body] * 4)
            return not os.path.exists(first)
        wait_until(is_forgotten, 'the journal is kept whole', deadline_s=240.0)
        taken = self.take('A', 'B')
        rows = [json.loads(line) for line in self.whatif(PARCELS_FIRST, '--json', '--each').splitlines()]
        self.assertEqual([row['promise'] for row in rows[:-1]], [taken['promise']])
        self.assertNotEqual(taken['promise'], forgotten['promise'])
        self.assertGreater(rows[-1]['journal']['replayed_from'], 0)
        self.assertGreater(rows[-1]['journal']['first_seq'], rows[-1]['journal']['replayed_from'])
        self.check_report(rows[-1])

    # ---- what cannot be done

    def test_a_wrong_policy_is_named(self):
        self.take('A')
        missing = self.run_whatif(self.server.data, '--policy', '/nonexistent.json', code=1)
        self.assertIn('/nonexistent.json: No such file', missing)
        self.assertIn('cannot read', self.run_whatif(self.server.data, '--policy', self.server.home, code=1))
        for document, words in (('{"objective": ["prority"]}', 'objective[0]'),
                                ('{"objective": ["date"]', 'invalid_json'),
                                ('{"parcels_max": 9}', 'parcels_max'), ('{"objectives": []}', 'objectives'),
                                ('', 'empty_body'), ('{}' + ' ' * 65536, '65536 bytes')):
            with self.subTest(document=document[:40]):
                said = self.whatif(document, code=1)
                self.assertIn(words, said)
                self.assertIn('policy.json', said)

    def test_a_directory_without_what_is_asked_for(self):
        self.assertIn('no promise was held', self.whatif(PARCELS_FIRST, code=1))
        nothing = os.path.join(self.server.home, 'nothing')
        self.assertIn(nothing, self.run_whatif(nothing, '--policy', self.policy({}), code=1))

    def test_wrong_arguments(self):
        data = self.server.data
        for arguments, words in (((), 'data directory'), ((data,), '--policy FILE is missing'),
                                 ((data, data, '--policy', 'x'), 'one data directory'),
                                 ((data, '--polcy', 'x'), '--polcy'), ((data, '--promise-steps', '1'), 'promise-steps'),
                                 ((data, '--promise-horizon-days', '401'), 'promise-horizon-days')):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.run_whatif(*arguments, code=2))
        self.assertIn('Usage: onhand whatif', self.run_whatif('--help'))


class BusyHistory(ServerCase):
    """
    Promises, some of them chosen by name, among movements, expiry, releases, capacity that fills up, and documents that
    change. Before each hold the server is asked under the draft: the replay has to find the same afterwards (WI1, WI2).
    """
    NODES = [f'n{number}' for number in range(8)]
    SKUS = [f'S{number}' for number in range(10)]
    DRAFT = {'objective': ['parcels', 'cost', 'priority'], 'parcels_max': 2,
             'collect': {'stores_max': 2, 'radius_km': 900}}
    ROUNDS = 150

    def setUp(self):
        super().setUp()
        seed = int(os.environ.get('ONHAND_SEED', time.time_ns() % 1_000_000))
        print(f'seed {seed}', flush=True)
        self.random = random.Random(seed)
        for number, node in enumerate(self.NODES):
            self.node(node, lat=48 + number / 2, lon=2 + number % 3, region=f'r{number % 2}')
        self.channel('all')
        for sku in self.SKUS:
            self.item(sku, weight_grams=self.random.randrange(0, 3000))
        for node in self.NODES:
            self.schedule(node)
            for sku in self.random.sample(self.SKUS, 6):
                self.adjust(sku, node, self.random.randrange(1, 30))
        for name in ('post', 'slots'):
            self.service(name)
        for origin in self.NODES[:3]:
            self.put({'from': origin, 'to': self.NODES[5], 'departures': [{'at': '17:00'}], 'transit_minutes': 600},
                     'lanes', f'{origin}-n5')
        self.put({'objective': ['date', 'parcels'], 'collect': {'stores_max': 3, 'radius_km': 900}},
                 'channels', 'all', 'sourcing')
        self.expected = {}  # promise: the figures under the draft, or None
        self.ran_on = {}    # promise: how long after that question it was held

    put = WhatIf.put

    def schedule(self, node):
        pick = self.random.choice
        self.put({'lead_minutes': pick((0, 30, 3000)), 'priority': self.random.randrange(9),
                  'hours': [{'from': '00:00', 'to': pick(('12:00', '24:00'))}],
                  'processing_minutes': {'default': pick((0, 45))},
                  'sourcing_safety_stock': pick((0, 1)),
                  'capacity': {'unit': pick(('orders', 'lines', 'units')),
                               'windows': [{'from': '00:00', 'to': '12:00', 'limit': 6},
                                           {'from': '12:00', 'to': '24:00', 'limit': 6}]},
                  'pickups': [{'service': name, 'at': pick(('08:00', '18:00'))} for name in ('post', 'slots')]},
                 'nodes', node, 'schedule')

    def service(self, name):
        body = {'transit': [{'origin_region': 'r0', 'days': 1}, {'days': self.random.randrange(1, 4)}],
                'cost': [{'weight_grams_max': 2000, 'amount': self.random.randrange(1, 900) / 100}, {'amount': 9.5}],
                'limits': {'weight_grams_max': 4000}, 'currency': 'EUR'}
        if name == 'slots':
            body['slots'] = [{'from': '08:00', 'to': '12:00', 'limit': 4}, {'from': '12:00', 'to': '20:00', 'limit': 4}]
        self.put(body, 'services', name)

    def disturb(self):
        pick = self.random.choice
        what = self.random.randrange(8)
        if what == 0:
            self.schedule(pick(self.NODES))
        elif what == 1:
            self.service(pick(('post', 'slots')))
        elif what == 2:
            self.put({'sku': pick(self.SKUS), 'node': pick(self.NODES), 'quantity': 20,
                      'eta': utc(ahead_s=self.random.randrange(3600, 500_000))}, 'supplies', f's{len(self.expected)}')
        elif what == 3 and self.expected:
            self.act(pick(list(self.expected)), pick(('release', 'confirm', 'fulfil')))
        elif what < 6:
            self.adjust(pick(self.SKUS), pick(self.NODES), pick((-7, -2, 3, 11)))
        elif what == 6:
            sku = pick(self.SKUS)
            self.rule(f'rule-{sku}', sku=sku, safety_stock=self.random.randrange(3))

    def basket(self):
        where = self.random.choice(({'lat': 49, 'lon': 2.5}, {'lat': 51, 'lon': 3}))
        skus = self.random.sample(self.SKUS, self.random.randrange(1, 4))
        return {'channel': 'all', 'destination': where,
                'lines': [{'sku': sku, 'quantity': self.random.randrange(1, 5)} for sku in skus]}

    @staticmethod
    def figures(option):
        parcels = option['parcels']
        return {'option': option['option'], 'until': instant(option['until']).timestamp(),
                'nodes': ','.join(parcel['node'] for parcel in parcels),
                'parcels': sum(parcel['boxes'] for parcel in parcels),
                'cost': round(sum(parcel['cost'] for parcel in parcels), 3)}

    def shop(self):
        basket = self.basket()
        now = self.ok(self.client.post('/v1/promises', basket))['options']
        asked = self.ok(self.client.post('/v1/promises', {**basket, 'policy': self.DRAFT}))
        draft = asked['options']
        select = self.random.choice(['first'] + [option['option'] for option in now])
        hold = {'ttl_seconds': self.random.choice((0.02, 600)), 'select': select}
        response = self.client.post('/v1/promises', {**basket, 'hold': hold})
        if response.status != 201:
            self.refused(response, 409, ('not_promisable', 'option_gone'))
            return
        chosen = [option for option in draft if option['option'] == select] or draft[:1]
        self.expected[response.json['promise']] = self.figures(chosen[0]) if chosen else None
        self.ran_on[response.json['promise']] = instant(response.json['at']) - instant(asked['at'])
        if hold['ttl_seconds'] < 1:
            wait_past(response.json)  # so that it does not end between the next question and its hold

    def check_row(self, row):
        expected = self.expected[row['promise']]
        self.assertEqual(row['outcome'], 'compared' if expected else 'not_promisable', row)
        if expected:
            found = {name: row['after'][name] for name in expected}
            # What is collected is ready by the clock, which ran on between the question and the hold.
            later_s = instant(found.pop('until')).timestamp() - expected['until']
            self.assertGreaterEqual(later_s, -0.001, row)
            self.assertLessEqual(later_s, self.ran_on[row['promise']].total_seconds() + 0.001, row)
            self.assertEqual(found, {name: value for name, value in expected.items() if name != 'until'}, row)

    def test_the_replay_finds_what_the_server_said_at_the_time(self):
        for _ in range(self.ROUNDS):
            self.disturb()
            self.shop()
        self.server.kill()
        path = os.path.join(self.server.home, 'policy.json')
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(self.DRAFT, file)
        result = run('whatif', self.server.data, '--policy', path, '--each', '--json')
        self.assertEqual(result.returncode, 0, result)
        *rows, report = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertGreater(len(rows), self.ROUNDS // 3)
        self.assertEqual([row['promise'] for row in rows], list(self.expected))
        self.assertEqual({row['before']['option'].split('/')[0] for row in rows}, {'ship', 'collect'})
        self.assertEqual((report['held'], report['reproduced']), (len(rows), len(rows)))
        for row in rows:
            self.check_row(row)


if __name__ == '__main__':
    main()
