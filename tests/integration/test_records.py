"""`onhand dump` against a decoder of records that was written from the documents: golden and random journals.

    ONHAND_SEED=7 ONHAND_RECORDS=20000 python3 tests/integration/test_records.py     more, or others
"""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
from decimal import Decimal

from support.case import main
from support.journal import segments
from support.records import Decoder, records
from support.server import PROGRAM

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data'
RANDOM_JOURNAL = os.environ.get('ONHAND_RANDOM_JOURNAL')
SEED = int(os.environ.get('ONHAND_SEED', '1'))
RECORD_COUNT = int(os.environ.get('ONHAND_RECORDS', '300'))


def without_null(value):
    if isinstance(value, dict):
        return {name: without_null(part) for name, part in value.items() if part is not None}
    return [without_null(part) for part in value] if isinstance(value, list) else value


def dumped(path):
    text = subprocess.run([PROGRAM, 'dump', path], capture_output=True, check=True, timeout=120).stdout
    return [without_null(json.loads(line, parse_int=Decimal, parse_float=Decimal))
            for line in text.decode('utf-8', 'surrogateescape').split('\n')[:-1]]


def decoded(path):
    decoder = Decoder()
    return [without_null(decoder.record(data)) for file in segments(path) for data in records(file)]


class Records(unittest.TestCase):
    def setUp(self):
        self.path = tempfile.mkdtemp(prefix='onhand-test-')
        self.addCleanup(shutil.rmtree, self.path)

    def golden(self):
        os.mkdir(f'{self.path}/journal')
        os.mkdir(f'{self.path}/snapshot')
        data = bytes.fromhex((DATA / 'v1' / 'journal.hex').read_text(encoding='ascii'))
        pathlib.Path(self.path, 'journal', '00000000000000000001.ohj').write_bytes(data)

    def assert_same(self, path, count):
        twins = decoded(path)
        self.assertEqual(len(twins), count)
        for ours, twin in zip(dumped(path), twins, strict=True):
            self.assertEqual(ours, twin, f'seed {SEED}')

    def test_golden_records(self):
        self.golden()
        self.assert_same(self.path, 17)

    def test_random_records(self):
        subprocess.run([RANDOM_JOURNAL, self.path, str(SEED), str(RECORD_COUNT)], check=True, timeout=120)
        self.assert_same(self.path, RECORD_COUNT)

    def test_the_twin_disagrees_when_a_byte_of_the_record_differs(self):
        """But for a few bytes that are not dumped: what a remembered answer says, the number of an import."""
        self.golden()
        ours = dumped(self.path)
        whole = list(records(segments(self.path)[0]))
        for number, data in enumerate(whole):
            found = sum(self.disagrees(ours, whole, number, at) for at in range(len(data)))
            self.assertGreater(found, len(data) * 0.5, number)

    def disagrees(self, ours, whole, number, at):
        changed = bytearray(whole[number])
        changed[at] ^= 1
        decoder = Decoder()
        try:
            for data in whole[:number]:
                decoder.record(data)
            return ours[number] != without_null(decoder.record(bytes(changed)))
        except (AssertionError, IndexError, KeyError, ArithmeticError, MemoryError):
            return True


if __name__ == '__main__':
    main()
