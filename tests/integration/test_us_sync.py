"""Real stock reports as counts: in order, shuffled and twice make the same ledger."""
import random
import unittest

from support import us_sync
from support.case import ServerCase, main
from support.uk_replay import has_data


@unittest.skipUnless(has_data(), 'the data is not there')
class Reports(ServerCase):
    durability = 'process'

    def test_the_ledger_does_not_depend_on_the_order_of_the_reports(self):
        seed = random.SystemRandom().randrange(1 << 32)
        counts, empty = us_sync.reports()
        wanted = us_sync.expected(counts)
        print(f'seed {seed}: {len(counts)} counts, {empty} reports without a quantity left out, {len(wanted)} positions')
        first = None
        for name, order in us_sync.orders(counts, seed):
            self.server.kill()
            self.server.data += '-'
            self.server.start()
            skus = us_sync.load(self.server, counts)
            verdicts, spent = us_sync.feed(self.server, order)
            rows = us_sync.ledger(self.server, skus)
            print(f'{name}: {len(order) / spent:.0f} counts a second, {dict(verdicts)}')
            self.assertEqual({place: row['sellable'] for place, row in rows.items()}, wanted, name)
            first = first or rows
            self.assertEqual(rows, first, name)
        self.assertGreater(verdicts['stale'], 0)


if __name__ == '__main__':
    main()
