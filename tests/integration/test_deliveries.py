"""What became of parcels: reports of deliveries, their verdicts, their limit, and that they are kept."""
import json

from support.case import ServerCase, main
from support.server import run

LIMIT = 10_000


def report(**more):
    return {'service': 'express', 'origin_region': 'north', 'destination_region': 'GB-SW',
            'handed_over_at': '2026-11-02T17:00:00+01:00', 'delivered_at': '2026-11-03T10:30:00Z', **more}


class Deliveries(ServerCase):
    def send(self, *reports, headers=None):
        return self.client.post('/v1/deliveries', {'reports': list(reports)}, headers)

    def verdicts(self, *reports):
        return [row['verdict'] for row in self.ok(self.send(*reports))['reports']]

    def test_each_report_has_its_verdict(self):
        self.ok(self.client.put('/v1/nodes/n', {'type': 'store', 'country': 'GB', 'postal_code': 'EC1A 1BB'}), 201)
        by_node = {name: value for name, value in report().items() if name not in ('origin_region', 'destination_region')}
        by_node.update(origin_node='n', destination={'country': 'GB', 'postal_code': 'sw1a 1aa'})
        self.assertEqual(self.verdicts(report(id='d1'), report(), by_node), ['ok', 'ok', 'ok'])
        self.assertEqual(self.verdicts(report(id='d1'), report(id='d2')), ['repeated', 'ok'])
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.verdicts(report(id='d1'), report(id='d2')), ['repeated', 'repeated'])
        self.refused(self.send(report(), report(id='d1', service='economy')), 422, 'idempotency_mismatch', 'reports[1].id')
        key = {'Idempotency-Key': 'k'}
        first, again = self.ok(self.send(report(), headers=key)), self.ok(self.send(report(), headers=key))
        self.assertEqual(first, again)

    def test_what_is_wrong_is_named_and_nothing_counts(self):
        self.ok(self.client.put('/v1/nodes/bare', {'type': 'store'}), 201)
        without = lambda *names, **more: {name: value for name, value in report(**more).items() if name not in names}
        for wrong, status, code, field in (
                (without('service'), 400, 'missing_field', 'service'),
                (without('origin_region'), 400, 'missing_field', 'origin_node'),
                (report(origin_node='bare'), 400, 'invalid_value', 'origin_node'),
                (without('origin_region', origin_node='x'), 422, 'unknown_node', 'origin_node'),
                (without('origin_region', origin_node='bare'), 422, 'unknown_region', 'origin_node'),
                (without('destination_region'), 400, 'missing_field', 'destination'),
                (without('destination_region', destination={'country': 'gb', 'postal_code': 'M1'}), 400, 'invalid_value',
                 'destination.country'),
                (without('destination_region', destination={'country': 'GB', 'postal_code': ' - '}), 400, 'invalid_value',
                 'destination.postal_code'),
                (report(handed_over_at='yesterday'), 400, 'invalid_time', 'handed_over_at'),
                (report(handed_over_at='2199-01-01T00:00:00Z'), 400, 'invalid_time', 'handed_over_at'),
                (report(delivered_at='2026-11-02T15:59:59Z'), 400, 'invalid_time', 'delivered_at'),
                (report(handed_over_at='2025-01-01T00:00:00Z', delivered_at='2026-01-01T00:00:01Z'), 400, 'invalid_time',
                 'delivered_at'),
                (report(id=''), 400, ('invalid_id', 'invalid_value', 'too_short'), 'id')):
            with self.subTest(wrong=wrong):
                self.refused(self.send(report(), wrong), status, code, f'reports[1].{field}')
        same = report(id='twice')
        self.refused(self.send(same, same), 400, 'duplicate_member', 'reports[1].id')
        self.assertEqual(self.verdicts(report(handed_over_at='2025-01-01T00:00:00Z', delivered_at='2026-01-01T00:00:00Z')),
                         ['ok'])

    def test_the_limit_and_one_more(self):
        self.assertEqual(self.verdicts(*[report()] * LIMIT), ['ok'] * LIMIT)
        self.refused(self.send(*[report()] * (LIMIT + 1)), 400, 'too_many', 'reports')
        self.refused(self.send(), 400, ('too_few', 'out_of_range', 'invalid_value', 'too_many'), 'reports')

    def test_the_weekday_is_that_of_the_date_as_written(self):
        self.ok(self.send(report(handed_over_at='2026-11-02T00:30:00+01:00'), report(handed_over_at='2026-11-01T23:30:00Z')))
        self.server.stop()
        lines = run('dump', self.server.data).stdout.splitlines()
        effects = [effect for line in lines for effect in json.loads(line)['effects'] if effect['effect'] == 'transit']
        self.assertEqual([effect['weekday'] for effect in effects], [0, 6])
        self.assertEqual(effects[0]['buckets'], effects[1]['buckets'])


if __name__ == '__main__':
    main()
