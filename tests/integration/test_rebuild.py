"""`onhand rebuild` and `onhand migrate` on tables written by hand: what comes back, what is refused, what is left."""
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from support.case import main
from support.postgres import PASSWORD, PostgresCase
from support.projection import ProjectingServer
from support.server import PROGRAM, Server, run, wait_until

DATA = pathlib.Path(__file__).resolve().parents[1] / 'data' / 'v1'
PROJECTOR_LOCK = 4710816


class Tables(PostgresCase):
    """A database with the schema, and with the rows of the golden snapshot unless a test wants others."""

    def setUp(self):
        super().setUp()
        self.home = tempfile.mkdtemp(prefix='onhand-test-')
        self.addCleanup(shutil.rmtree, self.home, True)
        self.path = os.path.join(self.home, 'data')
        self.database = self.postgres.create_database()
        self.uri = self.postgres.uri(self.database)

    def query(self, sql):
        return self.postgres.query(sql, self.database)

    def fill(self):
        self.ok('migrate', '--postgres', self.uri)
        self.query((DATA / 'tables.sql').read_text(encoding='utf-8'))

    def ok(self, *arguments):
        result = run(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ''), result)
        return result.stdout

    def rebuild(self, *more):
        return self.ok('rebuild', '--postgres', self.uri, '--data', self.path, *more)

    def refused(self, *arguments, code=1):
        """The sentence of a refusal, which never shows the password."""
        result = run(*arguments)
        self.assertEqual(result.returncode, code, result)
        self.assertNotIn(PASSWORD, result.stdout + result.stderr)
        return result.stderr

    def rebuild_refused(self, *more, uri=None):
        """Nothing is left behind."""
        text = self.refused('rebuild', '--postgres', uri or self.uri, '--data', self.path, *more)
        self.assertFalse(os.path.exists(self.path), text)
        self.assertIn('no directory was made', text)
        return text

    def objects(self):
        return [json.loads(line) for line in self.ok('dump', '--snapshot', self.path).splitlines()]

    def watermark(self):
        columns = 'seq, ledger, record_print, epoch, known_seq'
        return self.query(f'SELECT {columns} FROM onhand.watermark')[0]


class Migrate(Tables):
    def test_a_schema_is_made_once_and_its_version_said(self):
        self.assertIn('version 0', self.refused('migrate', '--postgres', self.uri, '--check'))
        self.assertEqual(self.query("SELECT to_regnamespace('onhand')"), [(None,)])
        self.assertIn('made, version', self.ok('migrate', '--postgres', self.uri))
        self.assertIn('nothing to do', self.ok('migrate', '--postgres', self.uri))
        self.ok('migrate', '--postgres', self.uri, '--check')

    def test_a_newer_schema_is_refused_by_every_command(self):
        self.fill()
        self.query("INSERT INTO onhand.schema_version (version, name) VALUES (9999, 'of a later program')")
        for command in (['migrate'], ['migrate', '--check'], ['rebuild', '--data', self.path]):
            text = self.refused(command[0], '--postgres', self.uri, *command[1:])
            self.assertIn('9999', text)
            self.assertIn('use a newer program', text)
        self.assertFalse(os.path.exists(self.path))

    def test_what_is_wrong_is_said_and_a_password_never(self):
        wrong = self.postgres.uri(self.database, password='another-secret')
        for uri, part in ((wrong, 'password authentication failed'), (self.postgres.uri('nowhere'), 'does not exist'),
                          (f'postgresql://onhand:{PASSWORD}@127.0.0.1:1/x', 'refused'),
                          (f'postgresql://onhand:{PASSWORD}@%%%', 'malformed')):
            text = self.refused('migrate', '--postgres', uri)
            self.assertIn(part, text)
            self.assertNotIn('another-secret', text)
        for command in ('migrate', 'rebuild'):
            self.assertIn('--postgres URI is missing', self.refused(command, code=2))
            self.refused(command, f'--postgre-uri={self.uri}', code=2)
            self.refused(command, self.uri, code=2)


class Rebuild(Tables):
    def test_the_rows_of_a_snapshot_give_the_snapshot(self):
        self.fill()
        said = self.rebuild()
        lines = self.ok('dump', '--snapshot', self.path).splitlines()
        self.assertEqual(sorted(lines), sorted((DATA / 'snapshot.ndjson').read_text(encoding='utf-8').splitlines()))
        claims = [json.loads(line)['line'] for line in lines if '"claim"' in line and '"cart-1"' in line]
        self.assertEqual(claims, [1, 2])
        self.assertIn('lost: at least 2 records, 16 to 17,', said)
        self.assertIn('2026-11-22T13:02:32Z', said)
        seq, ledger, record_print, epoch, known = self.watermark()
        self.assertEqual((seq, record_print, epoch, known), ('15', None, '4', '15'))
        self.assertNotEqual(ledger, '1')
        self.assertIn('\nok\n', self.ok('verify', self.path))

    def test_a_server_goes_on_from_it(self):
        self.fill()
        self.rebuild()
        server = Server(directory=self.path)
        self.addCleanup(server.close)
        server.start()
        with server.client() as client:
            held = client.get('/v1/reservations/staff-9').json
            self.assertEqual((held['status'], held['lines'][0]['claims'][0]['held']), ('held', 1))
            self.assertEqual(client.get('/v1/reservations/old').status, 404)
            self.assertGreater(client.put('/v1/items/after', {}).json['seq'], 15)
        server.crash()
        with server.client() as client:
            self.assertEqual(client.get('/v1/items/after').status, 200)
        server.stop()
        self.assertIn('\nok\n', self.ok('verify', self.path))

    def test_what_is_a_moment_younger_than_a_day_is_known(self):
        self.fill()
        self.query("""
            UPDATE onhand.reservation SET ended_at = ended_at + interval '1 us' WHERE reservation = 'old';
            UPDATE onhand.idempotency_key SET at = at + interval '1 us' WHERE answer_seq = 9""")
        self.rebuild()
        objects = self.objects()
        self.assertIn('old', [row['id'] for row in objects if row['effect'] == 'reservation'])
        self.assertIn(9, [row['seq'] for row in objects if row['effect'] == 'key'])

    def test_only_the_newest_movements_are_remembered(self):
        self.fill()
        self.query("""
            INSERT INTO onhand.movement (seq, ordinal, recorded_at, at, sku, node, state, kind, quantity, told, number)
            SELECT 15, n, '2026-11-22 13:02:31+00', timestamptz '2026-11-22 12:00:00+00' + n * interval '1 ms',
                   'shirt-m', 'lille', 'sellable', 'adjust', 0, 0, n FROM generate_series(3, 2047) n;
            UPDATE onhand.watermark SET movements = 2048""")
        self.rebuild('--history', '1024')
        objects = self.objects()
        remembered = [row['number'] for row in objects if row['effect'] == 'remembered']
        self.assertEqual(remembered, list(range(1024, 2048)))
        self.assertEqual(objects[0]['forgotten_at'], '2026-11-22T13:02:30Z')    # of movement 2, later than 1023's
        forgotten = {(row['sku'], row['node']) for row in objects if row.get('has_forgotten')}
        self.assertEqual(forgotten, {('shirt-m', 'lille'), ('rope', 'dépôt')})

    def test_an_old_history_that_is_gone_is_known_to_be(self):
        self.fill()
        self.query("""DELETE FROM onhand.movement WHERE number < 2;
                      UPDATE onhand.watermark SET forgotten = 2, forgotten_at = '2026-11-22 13:01:35+00'""")
        self.rebuild()
        objects = self.objects()
        self.assertEqual([row['number'] for row in objects if row['effect'] == 'remembered'], [2])
        self.assertEqual(objects[0]['forgotten_at'], '2026-11-22T13:01:35Z')

    def test_nothing_is_made_of_what_is_no_projection(self):
        self.assertIn('run onhand migrate', self.rebuild_refused())
        self.ok('migrate', '--postgres', self.uri)
        self.assertIn('the tables are empty', self.rebuild_refused())
        self.query((DATA / 'tables.sql').read_text(encoding='utf-8'))
        before = self.watermark()
        for change, part in (
                ("DELETE FROM onhand.item WHERE sku = 'rope'", 'onhand.supply: sku names what is not in its table'),
                ("DELETE FROM onhand.node WHERE node = 'lille'", 'onhand.node_group: node names what is not'),
                ("DELETE FROM onhand.movement WHERE number = 1", 'onhand.movement: number is not the next one'),
                ("DELETE FROM onhand.movement WHERE number = 2", 'onhand.movement: number does not reach'),
                ("UPDATE onhand.item SET index = 16777216 WHERE sku = 'rope'", 'onhand.item: index has an index beyond'),
                ("UPDATE onhand.supply SET eta = 'infinity'", 'onhand.supply: eta is no time'),
                ("DELETE FROM onhand.watermark", 'onhand.watermark is not one row')):
            name = self.postgres.create_database()
            self.postgres.query(f'DROP DATABASE {name}')
            self.postgres.query(f'CREATE DATABASE {name} TEMPLATE {self.database} OWNER onhand')
            self.postgres.query(change, name)
            self.assertIn(part, self.rebuild_refused(uri=self.postgres.uri(name)))
        self.assertEqual(self.watermark(), before)

    def test_a_projector_at_work_is_left_alone(self):
        self.fill()
        with self.postgres.session(self.database) as projector:
            projector.query(f'SELECT pg_advisory_lock({PROJECTOR_LOCK})')
            said = self.rebuild_refused()
            self.assertIn('a server projects into these tables', said)
            remedy = re.search(r'If its machine is gone: (SELECT pg_terminate_backend\(\d+\)); no', said)[1]
            self.assertEqual(self.query(remedy), [('t',)])
            wait_until(lambda: not self.query(f'SELECT 1 FROM pg_locks WHERE objid = {PROJECTOR_LOCK}'), 'it stays')
        self.rebuild()

    def test_a_directory_that_is_not_empty_is_left_alone(self):
        self.fill()
        os.mkdir(self.path)
        pathlib.Path(self.path, 'notes').write_text('mine', encoding='ascii')
        text = self.refused('rebuild', '--postgres', self.uri, '--data', self.path)
        self.assertIn("has 'notes'", text)
        self.assertEqual(os.listdir(self.path), ['notes'])
        self.rebuild_of_itself_is_refused()

    def rebuild_of_itself_is_refused(self):
        os.unlink(os.path.join(self.path, 'notes'))
        os.mkdir(os.path.join(self.path, 'lost+found'))     # as the root of a file system has it
        self.rebuild()
        before = sorted(os.listdir(self.path))
        self.assertIn('is not empty', self.refused('rebuild', '--postgres', self.uri, '--data', self.path))
        self.assertEqual(sorted(os.listdir(self.path)), before)

    def test_wrong_numbers_are_named_with_their_limit(self):
        for history, part in (('1023', 'from 1024 to 268435456'), ('1025', 'a power of two'), ('x', 'whole number')):
            text = self.refused('rebuild', '--postgres', self.uri, '--data', self.path, '--history', history, code=2)
            self.assertIn(part, text)

    # ---- in the middle

    def rebuild_begin(self, blocker):
        """A rebuild that waits for a table that `blocker` has locked."""
        blocker.query('BEGIN; LOCK TABLE onhand.position')
        process = subprocess.Popen([PROGRAM, 'rebuild', '--postgres', self.uri, '--data', self.path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        wait_until(lambda: self.query("SELECT 1 FROM pg_stat_activity WHERE application_name = 'onhand rebuild'"
                                      " AND wait_event_type = 'Lock'"), 'the rebuild does not come to the positions')
        return process

    def test_ctrl_c_leaves_nothing(self):
        self.fill()
        before = self.watermark()
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.postgres.session(self.database) as blocker:
                process = self.rebuild_begin(blocker)
                self.assertTrue(os.path.exists(self.path))
                process.send_signal(number)
                self.assertEqual(process.wait(60), 1)
            self.assertIn('told to stop', process.stderr.read())
            self.assertFalse(os.path.exists(self.path))
        self.assertEqual(self.watermark(), before)
        self.rebuild()

    def test_a_lost_connection_leaves_nothing(self):
        self.fill()
        with self.postgres.session(self.database) as blocker:
            process = self.rebuild_begin(blocker)
            self.postgres.reset_connections()
            self.assertEqual(process.wait(60), 1)
        self.assertFalse(os.path.exists(self.path))
        self.rebuild()

    def test_what_kill_9_leaves_is_no_ledger_and_goes_with_the_next(self):
        self.fill()
        with self.postgres.session(self.database) as blocker:
            process = self.rebuild_begin(blocker)
            text = self.refused('rebuild', '--postgres', self.uri, '--data', self.path)
            self.assertIn('LOCK: another process holds the directory', text)
            text = self.refused('serve', '--data', self.path, '--listen', '127.0.0.1:0')
            self.assertIn('holds the data directory', text)
            process.kill()
            process.wait()
        self.assertNotEqual(os.listdir(self.path), [])
        self.refused('verify', self.path)
        for name in ('journal', 'snapshot'):    # of the server that was refused
            os.rmdir(os.path.join(self.path, name))
        self.rebuild()
        self.assertEqual(sorted(os.listdir(self.path)), ['LOCK', 'journal', 'snapshot'])


class OldServer(Tables):
    def server(self, path):
        server = ProjectingServer(self.postgres, self.database, directory=path)
        self.addCleanup(server.close)
        return server.start()

    def put(self, server, sku):
        with server.client() as client:
            self.assertEqual(client.put(f'/v1/items/{sku}', {}).status, 201)

    def test_an_old_server_that_returns_is_refused(self):
        old = self.server(os.path.join(self.home, 'old'))
        self.put(old, 'before')
        old.wait_projected()
        self.assertIn('a server projects into these tables', self.rebuild_refused())
        old.kill()
        wait_until(lambda: 'the ledger at seq' in run('rebuild', '--postgres', self.uri, '--data', self.path).stdout,
                   'the session of the old server does not end')
        old.start()
        wait_until(lambda: 'the tables follow another data directory' in old.log(), 'the old server is not refused')
        self.put(old, 'lost')
        new = self.server(self.path)
        self.put(new, 'after')
        new.wait_projected()
        self.assertEqual(self.query('SELECT sku FROM onhand.item ORDER BY index'), [('before',), ('after',)])
        self.assertEqual(self.watermark()[0], '2')


if __name__ == '__main__':
    main()
