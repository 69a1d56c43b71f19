"""What an acknowledgement means: kill -9 under load, torn tails, damage, locks, a full disk, drains, snapshots."""
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from support import journal
from support.case import ServerCase, main
from support.client import request_bytes, url
from support.server import DEADLINE_S, Server, run, wait_until

SANITIZED = bool(os.environ.get('ONHAND_SANITIZE'))     # fewer rounds: each checks all that was answered so far


class Shopper(threading.Thread):
    """Reserves one unit at a time under keys of its own, remembers what was acknowledged, and never gives up."""

    def __init__(self, server, number, old=None):
        super().__init__(daemon=True)
        self.server = server
        self.name_prefix = f's{number}-'
        self.acknowledged = old.acknowledged if old else {}
        self.next_number = old.next_number if old else 0
        self.answered_count = 0
        self.error = None
        self.is_over = threading.Event()

    def request(self, number):
        name = f'{self.name_prefix}{number}'
        body = {'id': name, 'kind': 'cart', 'channel': 'all', 'order': name,
                'lines': [{'sku': f'A{number % 3}', 'quantity': 1}]}
        return request_bytes('POST', '/v1/reservations', body, {'Idempotency-Key': name})

    def round(self):
        """Pipelines requests until the connection breaks or it is told to end."""
        start = self.next_number
        sent = []

        def source():
            while not self.is_over.is_set():
                sent.append(start + len(sent))
                yield self.request(sent[-1])

        def take(reply):
            number = sent[self.answered_count]
            self.answered_count += 1
            if reply.status in (200, 201):
                self.acknowledged[f'{self.name_prefix}{number}'] = reply.json
                self.next_number = number + 1
            elif reply.status != 503:
                raise AssertionError(f'{number}: {reply}')
        self.answered_count = 0
        with self.server.client() as client:
            client.pipeline(source(), window=16, on_response=take)

    def run(self):
        try:
            self.round()
        except (ConnectionError, TimeoutError):
            pass
        except AssertionError as error:
            self.error = error


class Load(ServerCase):
    shoppers = 4

    def fill(self):
        self.channel('all')
        for number in range(3):
            self.stock(f'A{number}', n1=10_000_000, n2=10_000_000)

    def start_shoppers(self):
        """Threads start once: each shopper goes on in a new one, with what the old one remembers."""
        self.threads = [Shopper(self.server, number, old) for number, old in enumerate(self.threads)]
        for shopper in self.threads:
            shopper.start()

    def let_them_shop(self, shopping_s):
        """For a while, and until something new has been acknowledged."""
        before = self.acknowledged_count()
        time.sleep(shopping_s)
        wait_until(lambda: self.acknowledged_count() > before, 'nothing is acknowledged')

    def acknowledged_count(self):
        return sum(len(shopper.acknowledged) for shopper in self.threads)

    def end_shoppers(self):
        for shopper in self.threads:
            shopper.is_over.set()
        for shopper in self.threads:
            shopper.join(DEADLINE_S)
            self.assertFalse(shopper.is_alive())
            if shopper.error:
                raise shopper.error

    def check_acknowledged(self):
        """Every acknowledged reservation is there, as it was answered; and the counters agree with all there are."""
        wanted = {name: answer for shopper in self.threads for name, answer in shopper.acknowledged.items()}
        targets = [request_bytes('GET', url('v1', 'reservations', name)) for name in wanted]
        for (name, answer), reply in zip(wanted.items(), self.client.pipeline(targets)):
            self.assertEqual(reply.status, 200, f'{name} was acknowledged and is gone')
            lines = [(line['line'], line['sku'], [(claim['node'], claim['held']) for claim in line['claims']])
                     for line in reply.json['lines']]
            expected = [(line['line'], line['sku'], [(claim['node'], claim['quantity']) for claim in line['claims']])
                        for line in answer['lines']]
            self.assertEqual(lines, expected, name)
        rows = self.pages('reservations', 'v1', 'reservations', status='held')[0]
        names = [row['id'] for row in rows]
        self.assertEqual(len(names), len(set(names)), 'a reservation is there twice')
        held = sum(self.figures(f'A{number}', node, 'held')[0] for number in range(3) for node in ('n1', 'n2'))
        self.assertEqual(held, len(names))
        return len(wanted), len(names)

    def crash_rounds(self, rounds, longest_s=0.6, is_enough=lambda: True):
        """So many, and as many more as it takes."""
        seed = random.SystemRandom().randrange(1 << 32)
        print('seed', seed)
        chance = random.Random(seed)
        self.fill()
        self.threads = [None] * self.shoppers
        for number in range(10 * rounds):
            if number >= rounds and is_enough():
                break
            self.start_shoppers()
            self.let_them_shop(chance.uniform(0.05, longest_s))
            self.server.kill()
            self.end_shoppers()
            self.server.start()
            self.reconnect()
            acknowledged, there = self.check_acknowledged()
            print(f'round {number}: {acknowledged} acknowledged, {there} there')
            self.assertGreater(acknowledged, 0)
        self.retry_all()
        self.assertEqual(self.differences(), 0)

    def retry_all(self):
        """Every request again, answered or not: nothing is doubled."""
        for shopper in self.threads:
            again = [shopper.request(number) for number in range(shopper.next_number)]
            replies = self.client.pipeline(again)
            for number, reply in enumerate(replies):
                name = f'{shopper.name_prefix}{number}'
                self.assertIn(reply.status, (200, 201), name)
                if name in shopper.acknowledged:
                    self.assertEqual((reply.status, reply.json), (200, shopper.acknowledged[name]))
                shopper.acknowledged[name] = reply.json
        acknowledged, there = self.check_acknowledged()
        self.assertGreaterEqual(there, acknowledged)
        self.assertLessEqual(there, acknowledged + 16 * self.shoppers * 8, 'only what was in flight at a crash is extra')

    def differences(self):
        body = self.client.get('/metrics').body.decode()
        return sum(float(line.split()[-1]) for line in body.splitlines() if line.startswith('onhand_ledger_differences'))


class CrashProcess(Load):
    durability = 'process'

    def test_kill_9_under_load_loses_no_acknowledged_reservation(self):
        self.crash_rounds(2 if SANITIZED else 5)


class CrashDisk(Load):
    durability = 'disk'

    def test_kill_9_under_load_loses_no_acknowledged_reservation(self):
        self.crash_rounds(2 if SANITIZED else 4)


class CrashSnapshots(Load):
    durability = 'process'
    config = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1}

    def test_kill_9_while_snapshots_are_taken_loses_nothing(self):
        self.crash_rounds(2 if SANITIZED else 5, 1.5, lambda: journal.snapshots(self.server.data))
        self.assertTrue(journal.snapshots(self.server.data))
        self.server.stop()
        self.assertEqual(run('verify', self.server.data).returncode, 0)


class Drain(Load):
    def test_sigterm_under_load_loses_no_answered_request_and_ends_with_0(self):
        self.fill()
        self.threads = [None] * self.shoppers
        for _ in range(3):
            self.start_shoppers()
            self.let_them_shop(0.3)
            self.server.stop()
            self.end_shoppers()
            self.server.start()
            self.reconnect()
            self.assertGreater(self.check_acknowledged()[0], 0)

    def test_a_request_that_was_read_is_answered(self):
        self.fill()
        body = {'kind': 'cart', 'channel': 'all', 'lines': [{'sku': 'A0', 'quantity': 1}] * 10}
        one = {'reservations': [body] * 1000}
        data = request_bytes('POST', '/v1/reservations/batch', one)
        self.client.send(data[:-1])
        self.server.terminate()
        self.client.send(data[-1:])
        self.assertEqual(self.client.receive().status, 200)
        self.assertEqual(self.server.wait(), 0)
        self.server.start()
        self.reconnect()
        self.assertEqual(self.figures('A0', 'n1', 'held')[0] + self.figures('A0', 'n2', 'held')[0], 10_000)


class Memory(ServerCase):
    durability = 'memory'

    def test_class_memory_keeps_nothing_and_says_so(self):
        self.item('A')
        self.server.restart()
        self.reconnect()
        self.assertEqual(self.client.get('/v1/items/A').status, 404)


class Files(ServerCase):
    def fill(self, count):
        for number in range(count):
            self.item(f'I{number}')

    def items(self):
        return [row['sku'] for row in self.pages('items', 'v1', 'items')[0]]

    def tear(self, keep):
        """Takes the last frame away but for its first `keep` bytes, as a crash in the middle of a write does."""
        path = journal.newest_segment_with_frames(self.server.data)
        every = journal.frames(path)
        written = [frame for frame in every if frame[2]]
        offset, size, *_ = written[-1]
        self.assertIs(every[-1], written[-1], 'a proof follows: this tail was on disk for certain')
        journal.overwrite(path, offset + keep, bytes(size - keep))

    def test_a_torn_tail_is_cut_and_logged(self):
        count = 5
        for keep in (0, 1, 16, 63, 64, 65, 70):
            with self.subTest(keep=keep):
                self.fill(count)
                self.item('last')
                self.server.kill()
                self.tear(keep)
                self.server.start()
                self.reconnect()
                self.assertEqual(self.items(), [f'I{number}' for number in range(count)])
                if keep:
                    self.assertRegex(self.server.log(), r'torn')
                self.item('after')
                self.server.crash()
                self.reconnect()
                self.assertEqual(self.items()[-1], 'after')
                self.server.kill()
                self.server.data += '-'
                self.server.start()
                self.reconnect()

    def expect_refusal(self, *words):
        """The server does not start, and says why."""
        self.server.spawn()
        self.assertNotEqual(self.server.wait(), 0)
        self.server.check_sanitizers()
        log = self.server.log().splitlines()[-5:]
        for word in words:
            self.assertTrue(any(word in line for line in log), f'{word!r} is not in {log}')

    def test_damage_in_the_middle_refuses_to_start_and_names_the_place(self):
        self.fill(50)
        self.server.stop()
        path = journal.newest_segment_with_frames(self.server.data)
        offset, size, *_ = [frame for frame in journal.frames(path) if frame[2]][10]
        for at in (offset + 3, offset + 20, offset + 64, offset + size - 1):
            with self.subTest(at=at - offset):
                journal.flip(path, at)
                try:
                    before = self.server.files()
                    self.expect_refusal(os.path.basename(path), str(offset))
                    verdict = run('verify', self.server.data)
                    self.assertNotEqual(verdict.returncode, 0)
                    self.assertIn(os.path.basename(path), verdict.stdout + verdict.stderr)
                    self.assertIn(str(offset), verdict.stdout + verdict.stderr)
                    self.assertEqual(self.server.files(), before)
                finally:
                    journal.flip(path, at)
        self.server.start()
        self.reconnect()
        self.assertEqual(len(self.items()), 50)

    def test_a_damaged_header_refuses_to_start(self):
        self.fill(3)
        self.server.stop()
        path = journal.segments(self.server.data)[0]
        for at in (0, 9, 20, 30, 45, 1000):
            with self.subTest(at=at):
                journal.flip(path, at)
                self.expect_refusal(os.path.basename(path))
                journal.flip(path, at)
        self.server.start()

    def test_one_process_per_directory(self):
        other = Server(directory=self.server.data)
        self.addCleanup(other.close)
        other.spawn()
        self.assertNotEqual(other.wait(), 0)
        self.assertIn(str(self.server.process.pid), other.log())
        self.item('A')
        self.server.crash()

    def test_verify_and_dump(self):
        self.channel('all')
        self.stock('A', n1=10)
        claim = self.reserve(('A', 2, 'n1'), id='r')
        self.ok(self.act(claim, 'confirm'))
        self.ok(self.act(claim, 'fulfil'))
        seq = self.ok(self.client.get('/readyz'))['seq']
        self.server.stop()
        verdict = run('verify', self.server.data)
        self.assertEqual(verdict.returncode, 0, verdict)
        dump = run('dump', self.server.data)
        self.assertEqual(dump.returncode, 0, dump.stderr)
        rows = [json.loads(line) for line in dump.stdout.splitlines()]
        self.assertEqual([row['seq'] for row in rows], list(range(1, seq + 1)))
        self.assertIn('fulfil', dump.stdout)
        self.assertIn('"r"', dump.stdout)

    def test_verify_of_a_running_server_changes_nothing(self):
        self.fill(20)
        verdict = run('verify', self.server.data)
        self.assertIn(verdict.returncode, (0, 1), verdict)
        self.fill(25)
        self.server.crash()
        self.reconnect()
        self.assertEqual(len(self.items()), 25)

    def test_a_directory_that_is_none(self):
        for arguments in (['verify', '/nowhere/at/all'], ['dump', '/nowhere/at/all']):
            result = run(*arguments)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn('/nowhere/at/all', result.stderr + result.stdout)


class Disk(ServerCase):
    durability = 'disk'

    def journal_flags(self):
        """How the server has the newest file of its journal open."""
        newest = journal.newest_segment_with_frames(self.server.data)
        folder = f'/proc/{self.server.process.pid}'
        for number in os.listdir(f'{folder}/fd'):
            if os.path.realpath(f'{folder}/fd/{number}') == os.path.realpath(newest):
                with open(f'{folder}/fdinfo/{number}', encoding='ascii') as file:
                    return int(re.search(r'flags:\s+(\d+)', file.read()).group(1), 8)
        raise AssertionError(f'{newest} is not open')

    def test_it_is_written_past_the_page_cache(self):
        """Also after a start; with interrupted and short writes it is an ordinary file (test_journal_threads)."""
        self.item('a')
        try:
            os.close(os.open(journal.newest_segment_with_frames(self.server.data), os.O_WRONLY | os.O_DIRECT))
        except OSError:
            self.skipTest('the file system has no direct writes')
        self.assertTrue(self.journal_flags() & os.O_DIRECT)
        self.server.crash()
        self.reconnect()
        self.item('b')
        self.assertTrue(self.journal_flags() & os.O_DIRECT)
        self.assertEqual([row['sku'] for row in self.pages('items', 'v1', 'items')[0]], ['a', 'b'])


@unittest.skipIf(os.environ.get('ONHAND_SANITIZE') == 'thread', 'it is read by one thread, and slowly')
class Segments(ServerCase):
    config = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1000}

    def test_a_missing_segment_refuses_to_start(self):
        self.stock('A', n1=0)
        entry = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r' * 128}
        body = request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': [entry] * 10_000})
        while len([path for path in journal.segments(self.server.data) if journal.frames(path)]) < 3:
            self.assertEqual({reply.status for reply in self.client.pipeline([body] * 4)}, {200})
        self.server.stop()
        second = journal.segments(self.server.data)[1]
        os.rename(second, second + '.away')
        self.server.spawn()
        self.assertNotEqual(self.server.wait(), 0)
        self.assertIn('journal', self.server.log())
        os.rename(second + '.away', second)
        self.server.start()


class Snapshots(ServerCase):
    config = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1}

    def churn_until_snapshot(self):
        """Enough movements for a snapshot to be taken, with claims made meanwhile."""
        before = set(journal.snapshots(self.server.data))
        entry = {'sku': 'S0', 'node': 'n1', 'quantity': 1, 'reason': 'r' * 100}
        body = request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': [entry] * 1000})

        def is_there():
            self.client.pipeline([body] * 4)
            self.reserve(('S3', 1))
            return set(journal.snapshots(self.server.data)) - before
        wait_until(is_there, 'no snapshot was taken')

    def test_a_snapshot_bounds_recovery_and_loses_nothing(self):
        self.channel('all')
        skus = [f'S{number}' for number in range(300)]
        for sku in skus:
            self.item(sku)
        for node in ('n1', 'n2'):
            self.node(node, lat=45, lon=3)
            entries = [{'sku': sku, 'node': node, 'quantity': 1000, 'reason': 'r'} for sku in skus]
            self.ok(self.client.post('/v1/stock/adjust', {'source': 's', 'entries': entries}))
        self.rule('r', sku='S1', safety_stock=2)
        self.fence('f', 'all', 'S2', 'n1', 5)
        self.group('g', 'n1', 'n2')
        for number in range(400):
            claim = self.reserve((skus[number % 300], 2.5), id=f'r{number}', ttl_seconds=3600 if number % 2 else None)
            if number % 3 == 0:
                self.ok(self.act(claim, 'confirm'))
            if number % 6 == 0:
                self.ok(self.act(claim, 'fulfil'))
        for restart in (self.server.restart, self.server.crash, self.server.crash):
            self.churn_until_snapshot()
            self.reserve(('S4', 2), ttl_seconds=3600)
            before = self.everything(rules=['r'], fences=['f'])
            restart()
            self.reconnect()
            self.assertEqual(self.everything(rules=['r'], fences=['f']), before)
            recoveries = [line for line in self.server.log().splitlines() if 'event=recovery_done' in line]
            self.assertRegex(recoveries[-1], 'snapshot_seq=[1-9]')
        self.server.stop()
        verdict = run('verify', self.server.data)
        self.assertEqual(verdict.returncode, 0, verdict)


def can_mount():
    return os.geteuid() == 0 and shutil.which('mount') is not None


@unittest.skipUnless(can_mount(), 'only root can mount a small file system')
class FullDisk(unittest.TestCase):
    """A file system of its own, small, so that the disk is full when it should be."""

    def setUp(self):
        self.mount = tempfile.mkdtemp(prefix='onhand-disk-')
        self.addCleanup(shutil.rmtree, self.mount, True)
        mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=48m', 'onhand', self.mount], check=False)
        if mounted.returncode != 0:
            self.skipTest('this machine does not let root mount')
        self.addCleanup(subprocess.run, ['umount', '-l', self.mount], check=False)

    def test_writes_get_503_reads_go_on_and_service_resumes(self):
        server = Server(directory=os.path.join(self.mount, 'data'), config={'journal_segment_mib': 9})
        self.addCleanup(server.close)
        server.start()
        client = server.client()
        self.addCleanup(client.close)
        client.put('/v1/nodes/n1', {'type': 'store'})
        client.put('/v1/items/A', {})
        ballast = os.path.join(self.mount, 'ballast')
        ballast_file = os.open(ballast, os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(ballast_file, bytes(1 << 16)):
                pass
        except OSError:
            os.close(ballast_file)
        entry = {'sku': 'A', 'node': 'n1', 'quantity': 1, 'reason': 'r'}
        entries = [{**entry, 'reason': f'{number} {"r" * 100}'} for number in range(2000)]
        body = {'source': 's', 'entries': entries}
        accepted = 0
        for _ in range(2000):
            reply = client.post('/v1/stock/adjust', body)
            if reply.status != 200:
                break
            accepted += 1
        print(accepted, 'requests of 2000 entries fitted')
        self.assertEqual((reply.status, reply.json['code']), (503, 'storage_full'), reply)
        for _ in range(20):
            self.assertEqual(client.post('/v1/stock/adjust', body).status, 503)
        self.assertEqual(client.get('/v1/stock/A/n1').json['sellable'], accepted * 2000)
        self.assertEqual(client.get('/v1/availability/A?node=n1').json['available'], accepted * 2000)
        os.unlink(ballast)
        wait_until(lambda: client.post('/v1/stock/adjust', {'source': 's', 'entries': [entry]}).status == 200,
                   'the space is back and the service is not')
        self.assertEqual(client.get('/v1/stock/A/n1').json['sellable'], accepted * 2000 + 1)
        client.close()
        server.crash()
        self.assertEqual(server.client().get('/v1/stock/A/n1').json['sellable'], accepted * 2000 + 1)
        server.stop()


if __name__ == '__main__':
    main()
