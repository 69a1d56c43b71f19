"""`onhand dump` and `onhand verify` on the golden data directory of version 1, whole and damaged."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
import unittest

from support import journal
from support.case import ServerCase, main
from support.client import request_bytes
from support.server import PROGRAM, run, wait_until

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data' / 'v1'
JOURNAL = 'journal/00000000000000000001.ohj'
SNAPSHOT = 'snapshot/00000000000000000015.ohs'
RECORD_COUNT = 17


def golden_bytes(name):
    return bytearray(bytes.fromhex((DATA / name).read_text(encoding='ascii')))


class Golden(unittest.TestCase):
    def setUp(self):
        self.path = tempfile.mkdtemp(prefix='onhand-test-')
        self.addCleanup(shutil.rmtree, self.path)
        self.journal = golden_bytes('journal.hex')
        self.snapshot = golden_bytes('snapshot.hex')
        os.mkdir(f'{self.path}/journal')
        os.mkdir(f'{self.path}/snapshot')
        self.write(JOURNAL, self.journal)
        self.write(SNAPSHOT, self.snapshot)

    def write(self, name, data):
        pathlib.Path(self.path, name).write_bytes(data)

    def ok(self, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, 0, result)
        return result.stdout

    def files(self):
        return {path: path.read_bytes() for path in pathlib.Path(self.path).rglob('*') if path.is_file()}

    def verdict(self, code):
        result = run('verify', '--json', self.path)
        self.assertEqual(result.returncode, code, result)
        verdict = json.loads(result.stdout)
        self.assertEqual(verdict['ok'], code == 0)
        return verdict

    def test_dump_of_the_journal(self):
        expected = (DATA / 'journal.ndjson').read_text(encoding='utf-8')
        self.assertEqual(self.ok('dump', self.path), expected)
        rows = [json.loads(line) for line in expected.splitlines()]
        self.assertEqual([row['seq'] for row in rows], list(range(1, RECORD_COUNT + 1)))
        part = self.ok('dump', self.path, '--from', '12', '--to', '14')
        self.assertEqual([json.loads(line) for line in part.splitlines()], rows[11:14])

    def test_dump_of_the_snapshot(self):
        expected = (DATA / 'snapshot.ndjson').read_text(encoding='utf-8')
        self.assertEqual(self.ok('dump', '--snapshot', self.path), expected)
        head = json.loads(expected.splitlines()[0])
        self.assertEqual((head['effect'], head['seq']), ('head', 15))

    def test_dump_without_a_snapshot(self):
        os.unlink(f'{self.path}/{SNAPSHOT}')
        expected = (DATA / 'journal.ndjson').read_text(encoding='utf-8')
        self.assertEqual(self.ok('dump', self.path), expected)
        result = run('dump', '--snapshot', self.path)
        self.assertEqual((result.returncode, result.stdout), (1, ''))
        self.assertNotEqual(result.stderr, '')

    def test_verify_of_what_is_right_changes_nothing(self):
        before = self.files()
        text = self.ok('verify', self.path)
        self.assertIn(f'journal: records 1 to {RECORD_COUNT}', text)
        self.assertIn('snapshot 15: ', text)
        self.assertEqual(text.splitlines()[-1], 'ok')
        verdict = self.verdict(0)
        self.assertEqual(verdict['journal']['records'], RECORD_COUNT)
        self.assertEqual([(row['seq'], row['equal']) for row in verdict['snapshots']], [(15, True)])
        self.assertTrue(verdict['restart_compared'])
        self.assertEqual((verdict['positions'], verdict['reservations']), (4, 2))
        self.assertEqual(self.files(), before)

    def test_verify_names_the_file_whatever_byte_of_it_is_changed(self):
        """But for bytes at the end of the journal: those may be a write that the power cut."""
        last_frame = len(self.journal) // 512 * 512
        for name, data, end in ((JOURNAL, self.journal, last_frame), (SNAPSHOT, self.snapshot, len(self.snapshot))):
            for at in list(range(0, end, 97)) + [end - 1]:
                with self.subTest(file=name, at=at):
                    changed = bytearray(data)
                    changed[at] ^= 1 << at % 8
                    self.write(name, changed)
                    verdict = self.verdict(1)
                    self.assertIn(os.path.basename(name), verdict['findings'][0])
            self.write(name, data)
        self.verdict(0)

    def test_verify_names_what_a_snapshot_says_otherwise(self):
        """The same snapshot with one more shirt at lille and half of a claim at the depot: whole, but not true."""
        self.write(SNAPSHOT, golden_bytes('snapshot_of_another.hex'))
        findings = self.verdict(1)['findings']
        self.assertIn('snapshot 15 is not what the journal leads to', findings)
        self.assertIn('sku shirt-m at node lille: sellable differs by 1 between the snapshot and the replay', findings)
        self.assertIn('sku shirt-m at node dépôt: held differs by -0.5 between the snapshot and the replay', findings)
        self.assertEqual(run('verify', self.path).stdout.splitlines()[-1], 'not ok')

    def test_verify_of_an_unfinished_write(self):
        proof = len(self.journal) // 512 * 512  # the last frame, without records
        self.write(JOURNAL, self.journal[:proof - 480])
        verdict = self.verdict(0)
        self.assertGreater(verdict['journal']['torn_bytes'], 0)
        self.assertLess(verdict['journal']['last_seq'], RECORD_COUNT)
        self.assertIn('unfinished write', self.ok('verify', self.path))

    def test_verify_of_a_journal_that_ends_before_its_snapshot(self):
        self.write(JOURNAL, self.journal[:4096 + 1024])
        self.assertIn('snapshot', self.verdict(1)['findings'][0])

    def test_verify_of_a_directory_without_a_journal(self):
        os.unlink(f'{self.path}/{JOURNAL}')
        self.verdict(1)

    def test_wrong_arguments(self):
        for arguments in (['verify'], ['verify', self.path, 'more'], ['verify', '--what', self.path], ['dump'],
                          ['dump', self.path, '--from', '0'], ['dump', self.path, '--to', 'x'],
                          ['dump', self.path, '--snapshot', '--from', '2']):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ''))
                self.assertNotEqual(result.stderr, '')
        for command in ('verify', 'dump'):
            self.assertIn('Usage: onhand ' + command, self.ok(command, '--help'))


class BesideAServer(ServerCase):
    """
    The server takes snapshots all the time, keeps the newest one, and removes the journal before it. What a reader has
    found when it came by it reads to the end; what is removed meanwhile is no damage.
    """
    config = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1, 'keep_snapshots': 1}
    VERIFIES, WHATIFS = 5, 5

    def setUp(self):
        super().setUp()
        self.stock('A', n=1)
        # A reason that is the entry's before is not written again, so these take turns.
        entries = [{'sku': 'A', 'node': 'n', 'quantity': 0.001, 'reason': letter * 100} for letter in 'rs']
        self.body = request_bytes('POST', '/v1/stock/adjust', {'source': 's', 'entries': entries * 500})

    def names(self, folder):
        return set(os.listdir(f'{self.server.data}/{folder}'))

    def write(self):
        for response in self.client.pipeline([self.body] * 4):
            self.ok(response, 200, 503)  # storage_busy: faster than a busy machine makes the next file

    def write_until_gone(self, folder):
        """Writes until none of the files of now is there any more."""
        before = self.names(folder)

        def are_gone():
            self.write()
            return not before & self.names(folder)
        wait_until(are_gone, f'of {before} some are still there', deadline_s=240.0)

    def read_slowly(self, folder, *arguments):
        """The rows of a dump that is held up, with its output unread, until all files that it began with are gone."""
        with subprocess.Popen([PROGRAM, 'dump', self.server.data, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, bufsize=0) as process:
            first = process.stdout.readline()  # byte by byte, so that communicate() misses nothing
            self.write_until_gone(folder)
            rest, said = process.communicate(timeout=120)
        self.assertEqual((process.returncode, said), (0, b''))
        return [json.loads(line) for line in (first + rest).splitlines()]

    def test_a_dump_is_whole_when_its_files_are_removed_meanwhile(self):
        while len(self.names('journal')) < 4 or not journal.snapshots(self.server.data):
            self.write()  # a file that is being prepared is one of them
        least = self.ok(self.client.get('/v1/stock/A/n'))['seq']
        seqs = [row['seq'] for row in self.read_slowly('journal')]
        self.assertEqual(seqs, list(range(seqs[0], seqs[0] + len(seqs))))
        self.assertGreaterEqual(seqs[-1], least)

    def test_a_dump_of_a_snapshot_is_whole_when_it_is_removed_meanwhile(self):
        while not journal.snapshots(self.server.data):
            self.write()  # one that is being written is none yet
        rows = self.read_slowly('snapshot', '--snapshot')
        self.assertEqual(rows[0]['effect'], 'head')
        self.assertGreater(len(rows), 1000)  # more than what a pipe holds

    def test_verify_and_whatif_come_by_at_any_moment(self):
        is_over = threading.Event()
        failures = []

        def write_on():
            try:
                while not is_over.is_set():
                    self.write()
            except Exception as error:  # pylint: disable=broad-except
                failures.append(error)
        writer = threading.Thread(target=write_on)
        writer.start()
        try:
            self.come_by()
        finally:
            is_over.set()
            writer.join()
        self.assertEqual(failures, [])

    def come_by(self):
        policy = f'{self.server.home}/policy.json'
        pathlib.Path(policy).write_text('{}', encoding='ascii')
        for _ in range(self.VERIFIES):
            result = run('verify', self.server.data)
            self.assertEqual((result.returncode, result.stderr), (0, ''), result)
        for _ in range(self.WHATIFS):
            result = run('whatif', self.server.data, '--policy', policy)
            self.assertEqual(result.returncode, 1, result)
            self.assertIn('no promise was held', result.stderr)


if __name__ == '__main__':
    main()
