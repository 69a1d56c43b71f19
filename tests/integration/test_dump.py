"""`onhand dump` and `onhand verify` on the golden data directory of version 1, whole and damaged."""
import json
import os
import pathlib
import shutil
import tempfile
import unittest

from support.case import main
from support.server import run

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


if __name__ == '__main__':
    main()
