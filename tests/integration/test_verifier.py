"""The online verifier, the metrics and the log."""
import re
import threading

from support.case import ServerCase, main
from support.client import request_bytes
from support.server import wait_until

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[^}]*\})? (-?[0-9.eE+-]+|\+Inf|NaN)$')


class Verifier(ServerCase):
    def metrics(self):
        """name -> [(labels, value)]; checks the text format on the way."""
        reply = self.client.get('/metrics')
        self.assertTrue(reply.headers['content-type'].startswith('text/plain'), reply.headers)
        found, kinds, seen = {}, {}, set()
        for line in reply.body.decode().splitlines():
            if line.startswith('# TYPE '):
                _, _, name, kind = line.split(' ')
                self.assertNotIn(name, kinds, 'a metric is declared twice')
                kinds[name] = kind
            elif line and not line.startswith('#'):
                match = SAMPLE.match(line)
                self.assertTrue(match, line)
                name, labels, value = match.groups()
                self.assertNotIn((name, labels), seen, 'a sample comes twice')
                seen.add((name, labels))
                base = re.sub(r'_(bucket|sum|count)$', '', name)
                self.assertTrue(name in kinds or base in kinds, f'{name} has no TYPE')
                found.setdefault(name, []).append((labels or '', float(value)))
        return found

    def value(self, name):
        return sum(value for _, value in self.metrics().get(name, []))

    def churn(self, shoppers=3, rounds=400):
        def work(number):
            with self.server.client() as client:
                requests = []
                for turn in range(rounds):
                    name = f'r{number}-{turn}'
                    body = {'id': name, 'kind': 'cart', 'channel': 'all', 'ttl_seconds': 0.05 if turn % 3 else 60,
                            'lines': [{'sku': f'S{turn % 20}', 'quantity': 1}, {'sku': 'S0', 'quantity': 0.5}]}
                    requests.append(request_bytes('POST', '/v1/reservations', body))
                    for action in (('confirm', 'fulfil'), ('release',), ())[turn % 3]:
                        requests.append(request_bytes('POST', f'/v1/reservations/{name}/{action}', b''))
                client.pipeline(requests, window=32)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(shoppers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def test_no_difference_after_load(self):
        self.channel('all')
        for number in range(20):
            self.stock(f'S{number}', n1=500, n2=500)
        self.churn()
        self.assertIn('onhand_ledger_differences', self.metrics())
        rounds = self.value('onhand_ledger_verify_rounds_total')

        def has_walked():
            self.adjust('S1', 'n1', 1)
            return self.value('onhand_ledger_verify_rounds_total') > rounds + 1
        wait_until(has_walked, 'the verifier does not walk', 30)
        self.assertGreater(self.value('onhand_ledger_verified_positions_total'), 40)
        self.assertEqual(self.value('onhand_ledger_differences'), 0)
        self.server.crash()
        self.reconnect()
        self.churn(1, 50)
        self.assertEqual(self.value('onhand_ledger_differences'), 0)

    def test_metrics_count_requests(self):
        before = self.metrics()
        for _ in range(10):
            self.client.get('/v1/items')
        after = self.metrics()
        grown = [name for name in after if name.endswith('_total')
                 and sum(value for _, value in after[name]) >= sum(value for _, value in before.get(name, [])) + 10]
        self.assertTrue(any('request' in name for name in grown), grown)

    def test_histograms_are_cumulative(self):
        self.churn_a_little()
        for name, samples in self.metrics().items():
            if name.endswith('_bucket'):
                series = {}
                for labels, value in samples:
                    rest = re.sub(r',?le="[^"]*"', '', labels)
                    series.setdefault(rest, []).append(value)
                for values in series.values():
                    self.assertEqual(values, sorted(values), name)

    def churn_a_little(self):
        self.channel('all')
        self.stock('S0', n1=100)
        for _ in range(5):
            self.reserve(('S0', 1))

    def test_the_log_is_logfmt(self):
        self.churn_a_little()
        self.server.stop()
        lines = self.server.log().splitlines()
        self.assertTrue(lines)
        for line in lines:
            self.assertRegex(line, r'(^| )event=[a-z_]+', line)


if __name__ == '__main__':
    main()
