"""
The process is killed before and after calls of libpq, one after the other, while it brings a busy ledger to PostgreSQL.
Whatever was under way, the tables are in the end what an independent fold of the journal says: nothing twice, nothing missing.

    python3 tests/integration/test_projection_kills.py        a sample, as in CI
    ONHAND_PG_KILLS=5000 ONHAND_SEED=7 python3 ...            as many kills as it says
"""
import os
import random
import subprocess
import tempfile
import time
import unittest

from support.projected_case import ProjectionCase
from support.server import wait_until

KILLS = int(os.environ.get('ONHAND_PG_KILLS', '120'))
SEED = int(os.environ.get('ONHAND_SEED', '20261126'))
WRITES = 700
BATCH_EFFECTS = 25      # small transactions: more of them, and more moments
FUNCTIONS = {'PQconnectStartParams', 'PQconnectPoll', 'PQsetnonblocking', 'PQflush', 'PQconsumeInput', 'PQisBusy',
             'PQgetResult', 'PQputCopyData', 'PQputCopyEnd', 'PQgetCopyData', 'PQsendQuery', 'PQsendQueryParams'}


@unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'a sanitizer wants to be the first library')
class ProjectionKills(ProjectionCase):

    def make_journal(self):
        """A busy ledger that PostgreSQL has not seen."""
        server = self.start(uri='')
        self.run_load(WRITES)
        server.stop()
        self.data = server.data

    def life(self, moment, within=None):
        """A start that ends at that moment. False: everything was projected before it came."""
        server = self.make_server(postgres_batch_effects=BATCH_EFFECTS)
        server.data = self.data
        server.environment = {'LD_PRELOAD': os.environ['ONHAND_PG_KILLS_LIBRARY'], 'ONHAND_PG_KILL_AT': str(moment),
                              'ONHAND_PG_KILL_LOG': self.log_path, **({'ONHAND_PG_KILL_IN': within} if within else {})}
        server.spawn()
        self.server = server
        wait_until(lambda: server.process.poll() is not None or self.is_projected(server), 'neither killed nor done', 60)
        was_killed = server.process.poll() is not None
        if was_killed:
            self.assertEqual(server.wait(), -9, server.log())
        else:
            server.stop()
        server.close()
        return was_killed

    def is_projected(self, server):
        try:
            if not server.is_ready():
                return False
            answer = self.ready()
            return answer['projection'].get('seq') == answer['seq']
        except (AssertionError, ConnectionError, OSError):
            return False

    def kill_until_projected(self, moments):
        """Lives that end where `moments` says, until one is projected whole or there are no more; how many ended."""
        kills = 0
        for moment in moments:
            if not self.life(moment):
                break
            kills += 1
        return kills

    def test_projection_is_exact_when_the_process_is_killed_at_any_call(self):
        self.seed = SEED
        chance = random.Random(SEED)
        self.make_journal()
        self.log_path = os.path.join(self.postgres.home, 'kills')
        print(f'seed {SEED}, {KILLS} kills', flush=True)
        kills = 0
        first = 0
        while kills < KILLS:
            # The moments of a connection, one by one, then some of its batches; each round begins with empty tables.
            self.name = self.postgres.create_database()
            moments = [*range(first, first + 40), *(chance.randrange(300, 4000) for _ in range(40))]
            chance.shuffle(moments)
            first = (first + 40) % 1200
            kills += self.kill_until_projected(moments[:KILLS - kills])
            self.finish()
        functions = self.tell()
        if KILLS >= 1000:
            self.assertEqual(functions, FUNCTIONS)

    def test_an_id_that_comes_back_is_replaced_once_when_the_process_is_killed_meanwhile(self):
        """PostgreSQL refuses the copy, it is taken back, those of before go, it is made again."""
        with tempfile.TemporaryDirectory() as folder:
            self.data = os.path.join(folder, 'data')
            for days in (3, 0):
                subprocess.run([os.environ['ONHAND_BUSY_LEDGER'], 'fill', self.data, str(SEED), '2000',
                                str(int(time.time()) - days * 86400)], check=True)
            self.log_path = os.path.join(folder, 'kills')
            for within, moments in (('SAVEPOINT before_ids', (1, 30)), ('ROLLBACK TO before_ids', (0, 1, 3, 6, 10)),
                                    ('DELETE FROM onhand.reservation r', (0, 1, 3, 6, 10)), ('RELEASE before_ids', (1, 30))):
                self.name = self.postgres.create_database()
                lives = [self.life(moment, within) for moment in moments]
                self.assertTrue(all(lives), f'{within}: it was not sent')
                self.finish()
            self.tell()

    def finish(self):
        """The rest without a kill, and the tables against the fold."""
        self.server = self.make_server()
        self.server.data = self.data
        self.server.start()
        self.check_tables()

    def tell(self):
        with open(self.log_path, encoding='ascii') as file:
            lines = file.read().splitlines()
        sites = {tuple(line.split(' ', 1)) for line in lines}
        functions = {line.split(' ')[1] for line in lines}
        print(f'{len(lines)} kills at {len(sites)} different moments of {len(functions)} functions', flush=True)
        return functions


if __name__ == '__main__':
    unittest.main(verbosity=2)
