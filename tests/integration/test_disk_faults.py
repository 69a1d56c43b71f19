"""A disk that is slow or broken: no reply before its record is durable, one sync for many, none after a failed sync."""
import os
import threading
import time
import unittest

from support.case import ServerCase, main
from support.client import request_bytes
from support.server import wait_until

FAULTS = os.environ.get('ONHAND_FAULTS', '')
DELAY_S = 1.0


@unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'a sanitizer wants to be the first library')
@unittest.skipUnless(os.path.exists(FAULTS), 'the library of faults was not built')
class DiskFaults(ServerCase):
    durability = 'disk'

    def setUp(self):
        super().setUp()
        self.server.stop()
        self.wish_path = os.path.join(self.server.home, 'wish')
        self.server.environment = {'LD_PRELOAD': FAULTS, 'ONHAND_FAULTS_FILE': self.wish_path}
        self.server.start()
        self.reconnect()

    def wish(self, text):
        """Replaced in one step: a half-written wish would be none."""
        with open(self.wish_path + '.new', 'w', encoding='ascii') as file:
            file.write(text)
        os.rename(self.wish_path + '.new', self.wish_path)

    def spent(self, work):
        start = time.monotonic()
        result = work()
        return result, time.monotonic() - start

    def test_a_reply_waits_for_the_disk_and_reads_do_not(self):
        self.item('before')
        self.wish(f'delay {int(DELAY_S * 1000)}')
        with self.server.client() as writer:
            start = time.monotonic()
            writer.send(request_bytes('PUT', '/v1/items/A', {}) + request_bytes('GET', '/v1/items/before'))
            read, read_s = self.spent(lambda: wait_until(
                lambda: self.client.get('/v1/items/A').status == 200, 'the write is not applied'))
            self.assertLess(read_s, DELAY_S * 0.8, 'a read on another connection waits for the disk')
            self.assertTrue(read)
            self.assertEqual(writer.receive().status, 201)
            self.assertGreater(time.monotonic() - start, DELAY_S, 'acknowledged before the disk was asked')
            self.assertEqual(writer.receive().status, 200, 'the read behind the write comes behind it')

    def test_many_writes_share_a_sync(self):
        self.wish(f'delay {int(DELAY_S * 1000)}')
        statuses = []

        def work(number):
            with self.server.client() as client:
                requests = [request_bytes('PUT', f'/v1/items/W{number}-{index}', {}) for index in range(20)]
                statuses.extend(reply.status for reply in client.pipeline(requests))
        threads = [threading.Thread(target=work, args=(number,)) for number in range(10)]
        start = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(statuses, [201] * 200)
        self.assertLess(time.monotonic() - start, 20 * DELAY_S, 'a sync for each request')

    def test_after_a_failed_sync_nothing_is_acknowledged_and_the_process_ends(self):
        for number in range(5):
            self.item(f'kept{number}')
        self.wish('fail')
        with self.server.client() as client:
            client.send(b''.join(request_bytes('PUT', f'/v1/items/lost{number}', {}) for number in range(5)))
            try:
                while True:
                    self.assertGreaterEqual(client.receive().status, 500, 'acknowledged without the disk')
            except ConnectionError:
                pass
        self.assertNotEqual(self.server.wait(30), 0)
        os.unlink(self.wish_path)
        self.server.start()
        self.reconnect()
        for number in range(5):
            self.assertEqual(self.client.get(f'/v1/items/kept{number}').status, 200)

    def test_class_process_does_not_wait_for_the_disk(self):
        self.server.stop()
        self.server.durability = 'process'
        self.server.start()
        self.reconnect()
        self.wish(f'delay {int(DELAY_S * 1000)}')
        _, spent_s = self.spent(lambda: [self.item(f'P{number}') for number in range(5)])
        self.assertLess(spent_s, DELAY_S)

    def test_sigterm_waits_for_the_disk_and_answers(self):
        self.wish(f'delay {int(DELAY_S * 1000)}')
        self.client.send(request_bytes('PUT', '/v1/items/last', {}))
        with self.server.client() as other:
            wait_until(lambda: other.get('/v1/items/last').status == 200, 'the write is not applied')
        self.server.terminate()
        self.assertEqual(self.client.receive().status, 201)
        self.assertEqual(self.server.wait(), 0)
        self.server.start()
        self.reconnect()
        self.assertEqual(self.client.get('/v1/items/last').status, 200)


if __name__ == '__main__':
    main()
