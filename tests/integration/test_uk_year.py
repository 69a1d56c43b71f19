"""The real year of a retailer: three kill -9, and at the end no position differs from the fold of accepted events."""
import os
import unittest

from support.case import ServerCase, main
from support.uk_replay import Replay, has_data

EVENTS = int(os.environ.get('ONHAND_UK_EVENTS', '30000'))


@unittest.skipUnless(has_data(), 'the data is not there')
class Year(ServerCase):
    durability = 'process'

    def test_no_position_differs_from_the_accepted_events(self):
        replay = Replay(self.server, event_count=EVENTS or None)
        replay.load()
        replay.run()
        wrong = replay.compare()
        print(replay.report())
        self.assertEqual(replay.faults, [])
        self.assertEqual(wrong[:10], [], f'{len(wrong)} positions differ')
        self.assertEqual(replay.counts['restarts'], 3)
        self.assertGreater(replay.counts['positions'], 10_000)
        self.reconnect()
        metrics = self.client.get('/metrics').body.decode()
        self.assertIn('onhand_ledger_differences 0', metrics)


if __name__ == '__main__':
    main()
