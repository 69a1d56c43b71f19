"""
The law of `onhand rebuild`: a random ledger, projected by a real server and rebuilt from the tables, is the same ledger,
object by object and byte by byte, has_forgotten and remembered movements included.

    test_rebuild_law.py                    one seed, as CI does
    ONHAND_SEED=7 ONHAND_ROUNDS=100 ...    from that seed on, so many
"""
import os
import shutil
import subprocess
import tempfile
import time

from support.case import main
from support.fsck import complaints
from support.postgres import PostgresCase
from support.projection import ProjectingServer
from support.server import run

BUSY = os.environ.get('ONHAND_BUSY_LEDGER', 'build/dev/tests/integration/onhand_busy_ledger')
SEED = int(os.environ.get('ONHAND_SEED', '7'))
ROUNDS = int(os.environ.get('ONHAND_ROUNDS', '1'))
COMMANDS = int(os.environ.get('ONHAND_COMMANDS', '8000'))
HISTORY = 1024      # what busy_ledger remembers


def busy(*arguments):
    done = subprocess.run([BUSY, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300,
                          errors='backslashreplace')     # keys may be any bytes
    if done.returncode != 0:
        raise AssertionError(f'busy_ledger: {done}')
    return done.stdout.splitlines()


class Law(PostgresCase):
    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(prefix='onhand-test-')
        self.addCleanup(shutil.rmtree, self.home, True)

    def path(self, name):
        return os.path.join(self.home, name)

    def project(self, name, database):
        server = ProjectingServer(self.postgres, database, directory=self.path(name))
        self.addCleanup(server.close)
        server.start()
        server.wait_projected()
        server.stop()

    def rebuild(self, database, name):
        done = run('rebuild', '--postgres', self.postgres.uri(database), '--data', self.path(name), '--history',
                   str(HISTORY))
        self.assertEqual((done.returncode, done.stderr), (0, ''), done)
        return done.stdout

    def objects(self, name):
        return sorted(busy('objects', self.path(name)))

    def same(self, expected, name, what):
        found = self.objects(name)
        lost, new = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
        if lost or new or len(found) != len(expected):
            raise AssertionError(f'{what}: lost {len(lost)}, new {len(new)}\n' +
                                 '\n'.join([*('- ' + line for line in lost[:8]), *('+ ' + line for line in new[:8])]))

    def tables_are_whole(self, database):
        with self.postgres.session(database) as session:
            self.assertEqual(complaints(session), [])

    def law(self, seed):
        first, second = self.postgres.create_database(), self.postgres.create_database()
        names = [f'{name}{seed}' for name in ('first', 'rebuilt', 'loaded', 'continued')]
        busy('fill', self.path(names[0]), seed, COMMANDS, int(time.time()))
        self.project(names[0], first)
        expected = self.objects(names[0])
        self.rebuild(first, names[1])
        self.same(expected, names[1], 'rebuilt')

        # The rebuilt directory, into tables that are empty: they begin with its snapshot.
        self.project(names[1], second)
        self.tables_are_whole(second)
        expected = self.objects(names[1])
        self.rebuild(second, names[2])
        self.same(expected, names[2], 'rebuilt from the tables of a snapshot')

        # And it goes on, into the tables that follow it.
        busy('fill', self.path(names[1]), seed + 1000000, COMMANDS // 4, int(time.time()))
        self.project(names[1], first)
        self.tables_are_whole(first)
        expected = self.objects(names[1])
        self.rebuild(first, names[3])
        self.same(expected, names[3], 'rebuilt once more')
        for name in names:
            done = run('verify', self.path(name))
            self.assertEqual(done.returncode, 0, done)
            shutil.rmtree(self.path(name))

    def test_a_rebuilt_ledger_is_the_same(self):
        for seed in range(SEED, SEED + ROUNDS):
            try:
                self.law(seed)
            except AssertionError as error:
                command = f'ONHAND_SEED={seed} python3 tests/integration/test_rebuild_law.py'
                raise AssertionError(f'repeat with: {command}\n{error}') from error


if __name__ == '__main__':
    main()
