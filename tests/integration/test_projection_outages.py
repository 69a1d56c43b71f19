"""
Everything that can happen to PostgreSQL, while clients go on: they notice nothing, it says what is wrong, and afterwards
the tables are the fold of the journal.

An outage of half an hour: ONHAND_OUTAGE_S=1800 ctest --preset dev -R test_projection_outages, or this file and a test's name.
"""
import base64
import os
import subprocess
import time
import unittest

from support import fsck
from support.case import main
from support.client import url
from support.postgres import PostgresError, as_user, programs
from support.projected_case import ProjectionCase
from support.server import run, wait_until

SEED = int(os.environ.get('ONHAND_SEED', '3'))
OUTAGE_S = float(os.environ.get('ONHAND_OUTAGE_S', '1'))
MEMORY_KIB = 64 << 10
LONGEST_S = 20.0    # no write may wait for PostgreSQL, and none of its deadlines is as short


# Refusals that differ only in PostgreSQL's words.
alike = unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'one refusal is enough for a slow program')


class OutageCase(ProjectionCase):
    seed = SEED

    def during(self, begin, end, state, reason, writes=150):
        """Clients before, during and after an outage; what they see of it is nothing."""
        self.start()
        load = self.load()
        self.go_on(load, 100)
        self.wait_drained()
        begin()
        self.wait_state(state, reason)
        self.go_on(load, writes, OUTAGE_S)
        self.assertGreater(self.lag(), 0)
        end()
        self.wait_drained()
        load.stop()
        self.assertLess(load.longest_s, LONGEST_S)
        self.check_tables()

    def lag(self):
        """Records; as /readyz and /metrics say."""
        self.assertGreaterEqual(self.metric('onhand_projection_failures_total'), 1)
        return self.projection()['lag_records']


class TestGone(OutageCase):
    def test_absent_at_start(self):
        self.postgres.stop()
        self.start()
        load = self.load()
        self.wait_state('unavailable', 'Connection refused')
        self.go_on(load, 200, OUTAGE_S)
        self.assertNotIn('seq', self.projection(), 'it cannot know how far the tables are')
        self.server.crash()
        load.wrong.clear()
        load = self.load()
        self.go_on(load, 100)
        self.postgres.start()
        self.wait_drained()
        load.stop()
        self.check_tables()

    def test_stopped(self):
        self.during(self.postgres.stop, self.postgres.start, 'unavailable', '')

    def test_killed_again_and_again(self):
        self.start()
        load = self.load()
        for i in range(6):
            self.go_on(load, 40 + 7 * i)
            self.postgres.kill()
            self.go_on(load, 10)
            self.postgres.start()
        self.wait_drained()
        load.stop()
        self.assertLess(load.longest_s, LONGEST_S)
        self.check_tables()

    def test_killed_when_a_commit_is_written_and_not_told(self):
        """The commit waits for a standby that there is not: it is on disk, and the projector does not know."""
        self.start()
        load = self.load()
        self.go_on(load, 100)
        self.wait_drained()
        for _ in range(3):
            self.postgres.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
            self.postgres.query('SELECT pg_reload_conf()')
            wait_until(lambda: self.postgres.query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
                       'no commit waits')
            self.postgres.kill()
            os.unlink(os.path.join(self.postgres.data, 'postgresql.auto.conf'))
            self.postgres.start()
            self.wait_drained()
        load.stop()
        self.check_tables()

    def test_connections_reset_every_100_ms(self):
        self.start()
        load = self.load()
        count, begin = 0, time.monotonic()
        while time.monotonic() < begin + max(3.0, OUTAGE_S) or count < 5:
            count += self.postgres.reset_connections()
            time.sleep(0.1)
            self.assertLess(time.monotonic(), begin + 120 + OUTAGE_S, 'it does not come back')
        self.wait_drained()
        load.stop()
        self.assertLess(load.longest_s, LONGEST_S)
        self.check_tables()

    def test_frozen(self):
        """SIGSTOP: connections stay, and nothing comes back."""
        self.start()
        load = self.load()
        self.go_on(load, 100)
        self.wait_drained()
        self.postgres.freeze()
        try:
            self.go_on(load, 200, OUTAGE_S)
            wait_until(lambda: self.projection()['lag_seconds'] > 2, 'nobody can see that it does not answer')
            self.assertGreater(self.projection()['lag_records'], 0)
            if OUTAGE_S > 90:
                self.wait_state('unavailable', 'the server does not answer')
        finally:
            self.postgres.thaw()
        self.wait_drained()
        load.stop()
        self.assertLess(load.longest_s, LONGEST_S)
        self.check_tables()

    def test_an_end_does_not_wait_for_a_frozen_server(self):
        self.start()
        self.run_load(100)
        self.wait_drained()
        self.postgres.freeze()
        try:
            self.run_load(50)
            begin = time.monotonic()
            self.server.stop()
            self.assertLess(time.monotonic() - begin, LONGEST_S)
        finally:
            self.postgres.thaw()
        self.server.start()
        self.check_tables()


class TestRefused(OutageCase):
    def admin(self, sql, database=None):
        return self.postgres.query(sql, database or self.name)

    def test_password_revoked(self):
        def revoke():
            self.postgres.set_password('another')
            self.postgres.reset_connections()
        self.addCleanup(self.postgres.set_password)
        self.during(revoke, self.postgres.set_password, 'refused', 'password authentication failed')

    @alike
    def test_database_gone(self):
        self.during(self.go, lambda: self.admin(f'ALTER DATABASE {self.name}x RENAME TO {self.name}', 'postgres'),
                    'refused', 'does not exist')

    def go(self):
        """Nobody may come in until it has another name; who is in has to leave."""
        self.admin(f'ALTER DATABASE {self.name} ALLOW_CONNECTIONS false', 'postgres')
        wait_until(lambda: not self.postgres.reset_connections(), 'somebody stays')
        self.admin(f'ALTER DATABASE {self.name} RENAME TO {self.name}x', 'postgres')
        self.admin(f'ALTER DATABASE {self.name}x ALLOW_CONNECTIONS true', 'postgres')

    @alike
    def test_newer_schema(self):
        def upgrade():
            self.admin("INSERT INTO onhand.schema_version VALUES (99, 'from_the_future')")
            self.postgres.reset_connections()
        self.during(upgrade, lambda: self.admin('DELETE FROM onhand.schema_version WHERE version = 99'), 'refused', 'version 99')

    @alike
    def test_older_schema_that_it_may_not_migrate(self):
        self.start(migrate='off')
        load = self.load()
        self.wait_state('refused', 'run onhand migrate')
        self.go_on(load, 100)
        migrated = run('migrate', '--postgres', self.postgres.uri(self.name))
        self.assertEqual(migrated.returncode, 0, migrated)
        self.wait_drained()
        load.stop()
        self.check_tables()

    def test_a_row_that_is_refused(self):
        """The reason names the record; what is behind it waits, and nothing is left out."""
        self.start()
        load = self.load()
        self.wait_drained()
        self.admin("ALTER TABLE onhand.item ADD CONSTRAINT no_poison CHECK (sku <> 'POISON')")
        with self.server.client() as client:
            seq = client.put(url('v1', 'items', 'POISON'), {}).json['seq']
        self.wait_state('refused', f'record {seq}: new row for relation "item" violates check constraint "no_poison"')
        self.go_on(load, 150, OUTAGE_S)
        self.assertEqual(self.projection()['seq'], seq - 1)
        self.admin('ALTER TABLE onhand.item DROP CONSTRAINT no_poison')
        self.wait_drained()
        load.stop()
        self.check_tables()

    @alike
    def test_a_table_that_is_gone(self):
        self.during(lambda: self.admin('ALTER TABLE onhand.reservation_line RENAME TO elsewhere'),
                    lambda: self.admin('ALTER TABLE onhand.elsewhere RENAME TO reservation_line'),
                    'refused', 'relation "onhand.reservation_line" does not exist')

    @alike
    def test_no_more_connections(self):
        def limit(count):
            self.admin(f'ALTER ROLE onhand CONNECTION LIMIT {count}')
            self.postgres.reset_connections()
        self.addCleanup(limit, -1)
        self.during(lambda: limit(0), lambda: limit(-1), 'refused', 'too many connections')

    def test_a_lock_that_somebody_holds(self):
        """A backup, a vacuum full, a person: it waits, and so does nobody else."""
        self.start()
        load = self.load()
        self.go_on(load, 100)
        self.wait_drained()
        with self.postgres.session(self.name) as other:
            other.query('BEGIN; LOCK TABLE onhand.movement, onhand.reservation, onhand.position IN ACCESS EXCLUSIVE MODE')
            self.go_on(load, 150, OUTAGE_S)
            self.assertGreater(self.projection()['lag_records'], 0)
        self.wait_drained()
        load.stop()
        self.assertLess(load.longest_s, LONGEST_S)
        self.check_tables()

    def test_a_second_server(self):
        """Who comes later is refused, as long as the first is there, and for good: these are another's tables."""
        self.start()
        self.run_load(50)
        self.wait_drained()
        first = self.server
        second = self.server = self.make_server().start()
        self.wait_state('refused', 'another projector')
        with second.client() as client:
            self.assertEqual(client.put('/v1/items/MINE', {}).status, 201)
        self.server = first
        self.run_load(50)
        self.wait_drained()
        first.stop()
        self.server = second
        self.wait_state('refused', 'another data directory')
        second.stop()
        first.start()
        self.server = first
        self.check_tables()

    def test_retention_meanwhile(self):
        """Months go while batches come; nobody waits for ever, and every sum stays."""
        self.start()
        load = self.load()
        self.wait_drained()
        with self.postgres.session(self.name) as other:
            for _ in range(20):
                other.query("SELECT onhand.drop_months_before(now(), true)")
        self.go_on(load, 50)
        self.wait_drained()
        load.stop()
        self.assertEqual(self.metric('onhand_projection_failures_total'), 0)
        self.check_tables()


@unittest.skipIf(os.geteuid() != 0, 'a small file system needs root')
class TestIdle(OutageCase):
    """Nothing is written, so that no batch finds what became of the tables: they are asked after."""

    def rest(self):
        """Everything is in the tables, and no hold will end; the seq that they have."""
        self.wait_drained()
        wait_until(lambda: not self.query("SELECT 1 FROM onhand.reservation WHERE status = 'held' AND"
                                          " expires_at < now() + interval '30 minutes'"), 'holds do not end')
        self.wait_drained()
        return self.metric('onhand_ledger_seq')

    def query(self, sql):
        return self.postgres.query(sql, self.name)

    def tool(self, name, *arguments, stdin=None):
        done = subprocess.run([*as_user(), os.path.join(programs(), name), '-h', self.postgres.home, '-p', str(self.postgres.port),
                               '-U', 'postgres', '-d', self.name, *arguments],
                              input=stdin, capture_output=True, text=True, check=False, cwd='/')
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def wait_back(self, seq):
        """Until the tables have everything again; nobody has written meanwhile."""
        def is_back():
            try:
                return self.query('SELECT seq FROM onhand.watermark') == [(f'{seq:.0f}',)]
            except PostgresError:
                return False
        try:
            wait_until(is_back, '')
        except AssertionError:
            self.fail(f'the tables stay as they are:\n{self.server.log()}')
        self.wait_state('following')
        self.assertEqual(self.metric('onhand_ledger_seq'), seq)
        self.check_tables()

    def test_tables_that_are_dropped(self):
        self.start()
        self.run_load(150)
        seq = self.rest()
        self.query('DROP SCHEMA onhand CASCADE')
        self.wait_back(seq)

    def test_tables_that_are_restored_to_an_earlier_time(self):
        self.start()
        self.run_load(100)
        self.wait_drained()
        backup = self.tool('pg_dump', '-n', 'onhand')
        self.run_load(100)
        seq = self.rest()
        self.tool('psql', '-q', '-v', 'ON_ERROR_STOP=1', '-1', stdin='DROP SCHEMA onhand CASCADE;' + backup)
        self.assertLess(int(self.query('SELECT seq FROM onhand.watermark')[0][0]), seq)
        self.wait_back(seq)
        self.assertIn('the tables were replaced', self.server.log())

    @alike
    def test_a_projector_that_was_replaced(self):
        self.start()
        self.run_load(50)
        seq = self.rest()
        self.query('UPDATE onhand.watermark SET epoch = epoch + 1')
        self.wait_state('refused', 'another projector has taken over')
        self.wait_back(seq)

    @alike
    def test_a_server_that_is_gone(self):
        self.start()
        self.run_load(50)
        seq = self.rest()
        self.postgres.stop()
        self.wait_state('unavailable')
        self.postgres.start()
        self.wait_back(seq)


class TestFull(OutageCase):
    options = {'disk_mib': 80, 'settings': {'max_wal_size': '6MB', 'min_wal_size': '3MB'}}

    def test_disk_full(self):
        self.during(self.postgres.fill_disk, self.end, 'refused', 'No space left on device', 400)

    def end(self):
        self.postgres.empty_disk()
        if not self.postgres.is_up():
            self.postgres.start()


class TestBacklog(OutageCase):
    @staticmethod
    def nodes():
        """Rows of names that cannot be compressed."""
        def name():
            return base64.b64encode(os.urandom(93)).decode()
        rows = (f'm{i},store,{name()},{name()},{name()}' for i in range(5000))
        return ('node,type,name,city,region\r\n' + '\r\n'.join(rows) + '\r\n').encode()

    def start_with_limit(self):
        self.start(journal_segment_mib=9, snapshot_journal_mib=16, keep_snapshots=1, postgres_backlog_mib=128)

    def fill(self, client):
        """One import that is taken, or refused for the backlog: then its answer."""
        self.bodies.reverse()
        reply = client.post('/v1/import/nodes', self.bodies[0], {'Content-Type': 'text/csv'})
        self.assertIn(reply.status, (200, 503), reply)
        self.assertTrue(reply.status == 503 or reply.json['rejected'] == 0, reply)
        return reply.status == 503 and reply

    def fill_to_the_limit(self, client):
        self.bodies = [self.nodes(), self.nodes()]   # by turns, so that every row is a change
        refused = wait_until(lambda: self.fill(client), 'the backlog has no end', 120)
        self.assertEqual(refused.json['code'], 'projection_backlog_full')
        self.assertGreaterEqual(self.metric('onhand_projection_backlog_bytes'), 128 << 20)

    def journal_files(self):
        return {path: size for path, size in self.server.files().items() if '/journal/' in path}

    def test_what_the_tables_have_is_no_backlog_after_a_start_without_them(self):
        self.start(journal_segment_mib=9, snapshot_journal_mib=1024, postgres_backlog_mib=128)
        self.bodies = [self.nodes(), self.nodes()]
        with self.server.client() as client:
            while len(self.journal_files()) < 6:
                self.assertFalse(self.fill(client))
        self.wait_drained()
        self.server.stop()
        self.postgres.stop()
        self.server.start()
        with self.server.client() as client:
            self.assertFalse(self.fill(client))
            self.assertLessEqual(self.metric('onhand_projection_backlog_bytes'), 3 * 9 << 20)
            self.assertGreaterEqual(len(self.journal_files()), 6)
        self.postgres.start()
        self.wait_drained()

    @unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'a limit of 128 MiB is far away for a slow program')
    def test_the_journal_is_kept_to_a_limit_and_then_writes_are_refused(self):
        """Never lost: past it writes are answered 503, and reads go on."""
        self.postgres.stop()
        self.start_with_limit()
        load = self.load()
        self.go_on(load, 100)
        load.stop()
        memory_kib = self.server.memory_peak_kib()
        with self.server.client() as client:
            self.fill_to_the_limit(client)
            self.assertEqual(client.get(url('v1', 'stock', 'S1')).status, 200)
            kept = self.journal_files()
            self.assertLess(sum(kept.values()), 4 * 128 << 20)
            self.assertEqual([self.fill(client).status for _ in range(20)], [503] * 20)
            self.assertEqual(self.journal_files(), kept)
            self.assertLess(self.server.memory_peak_kib() - memory_kib, MEMORY_KIB, 'it keeps in memory what is on the disk')
            self.postgres.start()
            self.wait_resumed(client)

    @unittest.skipIf(os.environ.get('ONHAND_SANITIZE'), 'a limit of 128 MiB is far away for a slow program')
    def test_the_limit_holds_while_the_projector_waits_for_a_frozen_server(self):
        """It has not even noticed: what the journal has got meanwhile counts, whoever waits for whom."""
        self.start_with_limit()
        self.run_load(100)
        self.wait_drained()
        self.postgres.freeze()
        try:
            with self.server.client() as client:
                begin = time.monotonic()
                self.fill_to_the_limit(client)
                if time.monotonic() - begin < 50:
                    self.assertEqual(self.metric('onhand_projection_failures_total'), 0, 'it was not the case that is meant')
                self.assertGreater(self.metric('onhand_projection_lag_records'), 0)
                wait_until(lambda: self.metric('onhand_projection_lag_microseconds') > 1000000, 'the lag stands still')
                self.assertEqual(client.get('/readyz').json['code'], 'projection_backlog_full')
        finally:
            self.postgres.thaw()
        with self.server.client() as client:
            self.wait_resumed(client)

    def wait_resumed(self, client):
        self.wait_drained()
        wait_until(lambda: client.put('/v1/items/AFTER', {}).status == 201, 'writes are still refused')
        self.wait_drained()
        self.server.stop()
        with self.postgres.session(self.name) as session:
            self.assertEqual(fsck.complaints(session), [])


if __name__ == '__main__':
    main()
