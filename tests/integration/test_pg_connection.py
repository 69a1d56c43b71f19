"""Our side of PostgreSQL's protocol against a real server, and what the server and the network do to it."""
import os
import select
import socket
import subprocess
import threading
import time

from support.case import main
from support.postgres import PASSWORD, Postgres, PostgresCase, free_port
from support.server import ROOT, SANITIZER, wait_until

PROBE = os.environ.get('ONHAND_PG_PROBE') or os.path.join(ROOT, 'build/dev/tests/integration/onhand_pg_probe')
DEADLINE_S = 60.0
COPY_SQL = 'COPY many FROM STDIN (FORMAT binary)'


class Probe:
    """One process of pg_probe.c."""

    def __init__(self):
        stop_read, self.stop_write = os.pipe()
        self.process = subprocess.Popen(
            ['sh', '-c', f'exec 3<&{stop_read}; exec "$0"', PROBE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, pass_fds=[stop_read])
        os.close(stop_read)
        self.buffer = b''

    def send(self, *words):
        self.process.stdin.write('\t'.join(map(str, words)).encode() + b'\n')
        self.process.stdin.flush()

    def receive(self, deadline_s=DEADLINE_S):
        """The words of the next answer."""
        end = time.monotonic() + deadline_s
        while b'\n' not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise AssertionError(f'no answer within {deadline_s} s')
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                raise AssertionError(f'it ended: {self.process.stderr.read().decode()}')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line.decode().split('\t')

    def ask(self, *words):
        self.send(*words)
        return self.receive()

    def stop(self):
        os.write(self.stop_write, b'x')

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        said = self.process.stderr.read().decode()
        self.process.stdout.close()
        self.process.stderr.close()
        os.close(self.stop_write)
        if self.process.returncode != 0 or SANITIZER.search(said):
            raise AssertionError(f'the probe ended with {self.process.returncode}: {said}')


class ProbeCase(PostgresCase):
    def setUp(self):
        super().setUp()
        self.probe = Probe()
        self.addCleanup(self.probe.close)

    def ok(self, *words):
        answer = self.probe.ask(*words)
        self.assertEqual(answer[0], 'ok', (words, answer))
        return answer[1:]

    def open(self, database=None, statement_ms=30000):
        """A new connection to a database; its name."""
        name = database or self.postgres.create_database()
        self.ok('open', self.postgres.uri(name), 10000, statement_ms)
        return name

    def failed(self, error, *words):
        """What a call says that ends in that error; no password is in it."""
        return self.judge(error, self.probe.ask(*words))

    def judge(self, error, answer):
        self.assertEqual(answer[0], error, answer)
        self.assertNotIn(PASSWORD, ' '.join(answer))
        return answer[2]


UNAVAILABLE, REFUSED = 'the service cannot be reached', 'refused by the other side'
INVALID, STOPPED, VERSION = 'invalid argument', 'told to stop', 'format version is not supported'


class TestOpening(ProbeCase):
    def refuse(self, error, uri, connect_ms=10000):
        return self.failed(error, 'open', uri, connect_ms, 10000)

    def test_nobody_listens(self):
        said = self.refuse(UNAVAILABLE, f'postgresql://onhand:{PASSWORD}@127.0.0.1:{free_port()}/x')
        self.assertIn('Connection refused', said)
        self.refuse(UNAVAILABLE, f'host=/nonexistent user=onhand password={PASSWORD}')

    def test_what_the_server_refuses(self):
        name = self.postgres.create_database()
        said = self.refuse(REFUSED, self.postgres.uri(name, password='wrong'))
        self.assertIn('28P01: password authentication failed', said)
        self.assertIn('28P01', self.refuse(REFUSED, self.postgres.uri(name, user='nobody')))
        self.assertIn('3D000', self.refuse(REFUSED, self.postgres.uri('no_such_database')))
        self.open(name)

    def test_malformed_uris_show_nothing(self):
        for uri in (f'postgresql://onhand:{PASSWORD}@127.0.0.1:1%zz/x', f'postgresql://onhand:{PASSWORD}@h/x?no_such=1',
                    f'password={PASSWORD} port', f'host=x nothing={PASSWORD}', f'postgresql://u:a/{PASSWORD}@h/x',
                    f'postgresql://u:a@{PASSWORD}@127.0.0.1/x', f'postgresql://u:{PASSWORD}/x@127.0.0.1/x', PASSWORD, ''):
            with self.subTest(uri):
                said = self.refuse(INVALID, uri) if uri else None
                self.assertNotIn('127.0.0.1', said or '')

    def test_an_empty_listen_queue_is_waited_for_no_longer_than_told(self):
        """What a firewall does: nothing comes back. The queue of one connection is full."""
        with socket.socket() as full:
            full.bind(('127.0.0.1', 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [self.filler(port) for _ in range(4)]
            try:
                begin = time.monotonic()
                self.refuse(UNAVAILABLE, f'postgresql://u@127.0.0.1:{port}/x', 300)
                self.probe.send('open', f'postgresql://u@127.0.0.1:{port}/x', 60000, 1000)
                self.probe.stop()
                self.judge(STOPPED, self.probe.receive())
                self.assertLess(time.monotonic() - begin, 30)
            finally:
                for filler in fillers:
                    filler.close()

    @staticmethod
    def filler(port):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(('127.0.0.1', port))
        return filler

    def test_a_server_that_never_answers(self):
        with socket.socket() as silent:
            silent.bind(('127.0.0.1', 0))
            silent.listen(5)
            uri = f'postgresql://u@127.0.0.1:{silent.getsockname()[1]}/x'
            self.assertEqual(self.refuse(UNAVAILABLE, uri, 200), 'the server does not answer')
            self.probe.send('open', uri, 60000, 1000)
            self.probe.stop()
            self.judge(STOPPED, self.probe.receive())

    def test_somebody_who_is_no_postgresql(self):
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen(5)

            def answer_web():
                talk, _ = other.accept()
                with talk:
                    talk.recv(1000)
                    talk.sendall(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
            thread = threading.Thread(target=answer_web)
            thread.start()
            self.refuse(UNAVAILABLE, f'postgresql://u@127.0.0.1:{other.getsockname()[1]}/x')
            thread.join()

    def test_a_server_that_starts_or_ends_is_unavailable(self):
        """Not refused: nobody has to do anything about it."""
        with socket.socket() as other:
            other.bind(('127.0.0.1', 0))
            other.listen(5)

            def answer_starting():
                talk, _ = other.accept()
                with talk:
                    talk.recv(1000)
                    body = b'SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0'
                    talk.sendall(b'E' + (len(body) + 4).to_bytes(4, 'big') + body)
            thread = threading.Thread(target=answer_starting)
            thread.start()
            self.assertIn('starting up', self.refuse(UNAVAILABLE, f'postgresql://u@127.0.0.1:{other.getsockname()[1]}/x?sslmode=disable'))
            thread.join()


class TestStatements(ProbeCase):
    def test_a_refusal_leaves_the_connection_usable(self):
        self.open()
        self.ok('run', 'CREATE TABLE one (i integer PRIMARY KEY)')
        self.ok('run', 'BEGIN; INSERT INTO one VALUES (1)')
        answer = self.probe.ask('query', 'INSERT INTO one VALUES (1)')
        self.assertEqual(answer[:2], [REFUSED, '23505'])
        self.assertNotIn('(i)', answer[2], 'a detail shows rows')
        self.assertEqual(self.probe.ask('query', 'SELECT 1')[:2], [REFUSED, '25P02'])
        self.ok('run', 'ROLLBACK')
        self.assertEqual(self.ok('query', "SELECT count(*)::text FROM one")[2], '0')

    def test_one_of_several_statements_is_refused(self):
        self.open()
        self.assertEqual(self.probe.ask('run', 'SELECT 1; SELECT no_such; SELECT 2')[:2], [REFUSED, '42703'])
        self.assertEqual(self.ok('query', "SELECT 'fine'")[2], 'fine')

    def test_counts_and_values(self):
        self.open()
        self.ok('run', 'CREATE TABLE thousand (i integer)')
        self.assertEqual(self.ok('query', 'INSERT INTO thousand SELECT generate_series(1, 1000)')[:2], ['0', '1000'])
        self.assertEqual(self.ok('query', 'UPDATE thousand SET i = i WHERE i <= 10')[:2], ['0', '10'])
        self.assertEqual(self.ok('query', "SELECT repeat('x', 30000) FROM thousand LIMIT 50"), ['50', '50', 'x' * 30000])
        self.assertEqual(self.ok('query', 'SELECT NULL')[0], '1')

    def test_silence_ends(self):
        self.open(statement_ms=300)
        self.assertEqual(self.failed(UNAVAILABLE, 'run', 'SELECT pg_sleep(60)'), 'the server does not answer')

    def test_a_stop_ends_every_wait(self):
        for words in (('run', 'SELECT pg_sleep(60)'), ('query', 'SELECT pg_sleep(60)'), ('pause', 60000),
                      ('copy_out', 'COPY (SELECT pg_sleep(60)) TO STDOUT (FORMAT binary)')):
            with self.subTest(words[0]):
                probe = self.probe = Probe()
                self.addCleanup(probe.close)
                self.open()
                probe.send(*words)
                probe.stop()
                self.assertEqual(probe.receive(20)[0], STOPPED)

    def test_a_pause_is_over(self):
        self.ok('pause', 1)

    def test_a_session_that_is_ended(self):
        self.open()
        wait_until(lambda: self.postgres.reset_connections(), 'it is not there')
        self.assertEqual(self.probe.ask('query', 'SELECT 1')[0], UNAVAILABLE)
        self.assertEqual(self.probe.ask('query', 'SELECT 1')[0], UNAVAILABLE)
        self.ok('close')
        self.open()

    def test_a_statement_that_is_cancelled(self):
        """By a person: the statement is refused, the session lives."""
        self.open()
        self.probe.send('query', 'SELECT pg_sleep(60)')
        wait_until(lambda: self.postgres.query(
            "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"), 'it does not run')
        self.assertEqual(self.probe.receive()[:2], [REFUSED, '57014'])
        self.ok('query', 'SELECT 1')


class TestMeanwhile(ProbeCase):
    """Work that is done while the server is waited for; a lock that another session holds says for how long that is."""

    def setUp(self):
        super().setUp()
        self.name = self.open()
        self.ok('run', "CREATE TABLE one (t text); INSERT INTO one VALUES ('fine')")
        self.other = self.postgres.session(self.name)
        self.addCleanup(self.other.close)

    def begin(self, pieces, told):
        """A query that waits for the other session, with so many pieces of work meanwhile, of which so many are told."""
        self.other.query('BEGIN; LOCK TABLE one')
        self.ok('meanwhile', pieces)
        self.probe.send('query', 'SELECT t FROM one')
        for _ in range(told):
            self.assertEqual(self.probe.receive(), ['piece'])

    def end(self):
        self.other.query('COMMIT')
        self.assertEqual(self.probe.receive()[::3], ['ok', 'fine'])
        return int(self.ok('pieces')[0])

    def test_it_ends_when_nothing_is_left(self):
        self.begin(3, 3)
        self.assertEqual(self.end(), 3)
        self.ok('query', "SELECT pg_sleep(0.05)")
        self.assertEqual(self.ok('pieces'), ['3'], 'it had said that nothing was left')
        self.begin(4, 4)
        self.assertEqual(self.end(), 4)

    def test_it_ends_with_the_answer(self):
        self.begin(-1, 5)
        self.assertGreater(self.end(), 5)

    def test_what_is_left_goes_on_with_the_next_call(self):
        self.begin(-1, 5)
        done = self.end()
        self.ok('query', 'SELECT pg_sleep(0.05)')
        self.assertGreater(int(self.ok('pieces')[0]), done)

    def test_there_may_be_nothing_to_do(self):
        self.begin(3, 3)
        self.assertEqual(self.end(), 3)
        self.begin(0, 0)
        self.assertEqual(self.end(), 0)

    def test_it_ends_with_a_stop(self):
        self.begin(-1, 5)
        self.probe.stop()
        self.assertEqual(self.probe.receive(20)[0], STOPPED)

    def test_it_ends_with_the_session(self):
        self.begin(-1, 5)
        self.postgres.reset_connections()
        self.assertEqual(self.probe.receive()[0], UNAVAILABLE)


class TestCopy(ProbeCase):
    def setUp(self):
        super().setUp()
        self.name = self.open()
        self.ok('run', 'CREATE TABLE many (i bigint PRIMARY KEY, t text)')

    def test_in_and_out(self):
        self.assertEqual(self.probe.ask('copy_in', COPY_SQL, 5000, 4000), ['begun'])
        self.assertEqual(self.probe.receive(), ['ok'])
        self.assertEqual(self.ok('copy_out', 'COPY many TO STDOUT (FORMAT binary)'), ['5000', str(5000 * 4008)])
        self.assertEqual(self.ok('copy_out', 'COPY (SELECT 1 WHERE false) TO STDOUT (FORMAT binary)'), ['0', '0'])

    def test_what_is_refused_shows_at_the_end(self):
        self.ok('run', 'INSERT INTO many VALUES (3)')
        self.probe.send('copy_in', COPY_SQL, 20000, 4000)
        self.assertEqual(self.probe.receive(), ['begun'])
        self.assertEqual(self.probe.receive()[:2], [REFUSED, '23505'])
        self.assertEqual(self.ok('query', 'SELECT count(*)::text FROM many')[2], '1')

    def test_a_copy_that_does_not_begin(self):
        self.assertEqual(self.probe.ask('copy_in', 'COPY no_such FROM STDIN (FORMAT binary)', 1, 1)[:2], [REFUSED, '42P01'])
        self.assertEqual(self.probe.ask('copy_out', 'COPY no_such TO STDOUT (FORMAT binary)')[:2], [REFUSED, '42P01'])
        self.ok('query', 'SELECT 1')

    def test_an_error_in_the_middle_of_rows(self):
        self.assertEqual(self.probe.ask('copy_out', 'COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 6000) i)'
                                                    ' TO STDOUT (FORMAT binary)')[:2], [REFUSED, '22012'])
        self.ok('query', 'SELECT 1')

    def is_copying(self):
        return self.postgres.query("SELECT 1 FROM pg_stat_progress_copy WHERE bytes_processed > 1000000")

    def begin_endless(self):
        self.probe.send('copy_in', COPY_SQL, 1 << 40, 10000)
        self.assertEqual(self.probe.receive(), ['begun'])
        wait_until(self.is_copying, 'nothing is copied')

    def test_the_session_ends_meanwhile(self):
        self.begin_endless()
        self.postgres.reset_connections()
        self.judge(UNAVAILABLE, self.probe.receive())
        self.ok('close')
        self.open(self.name)
        self.assertEqual(self.ok('query', 'SELECT count(*)::text FROM many')[2], '0')

    def test_a_stop_meanwhile(self):
        self.ok('run', 'BEGIN; LOCK TABLE many IN SHARE ROW EXCLUSIVE MODE; COMMIT')
        with self.postgres.session(self.name) as other:
            other.query('BEGIN; LOCK TABLE many IN EXCLUSIVE MODE')
            self.probe.send('copy_in', COPY_SQL, 1 << 40, 10000)
            self.probe.stop()
            self.judge(STOPPED, self.probe.receive())


class TestServerThatGoes(ProbeCase):
    options = {}

    def setUp(self):
        super().setUp()
        if self.postgres.process is None:
            self.postgres.start()
        self.name = self.open(statement_ms=1500)
        self.ok('run', 'CREATE TABLE many (i bigint PRIMARY KEY, t text)')

    is_copying = TestCopy.is_copying
    begin_endless = TestCopy.begin_endless

    def test_killed_during_a_copy(self):
        self.begin_endless()
        self.postgres.kill()
        self.judge(UNAVAILABLE, self.probe.receive())
        self.failed(UNAVAILABLE, 'query', 'SELECT 1')
        self.ok('close')
        self.failed(UNAVAILABLE, 'open', self.postgres.uri(self.name), 1000, 1000)
        self.postgres.start()
        self.open(self.name)
        self.assertEqual(self.ok('query', 'SELECT count(*)::text FROM many')[2], '0')

    def test_stopped_in_order(self):
        self.probe.send('query', 'SELECT pg_sleep(1000)')
        wait_until(lambda: self.postgres.query("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%sleep(1000)%' AND pid <> pg_backend_pid()"),
                   'it does not run')
        self.postgres.stop()
        self.judge(UNAVAILABLE, self.probe.receive())

    def test_frozen(self):
        self.postgres.freeze()
        try:
            self.assertEqual(self.failed(UNAVAILABLE, 'query', 'SELECT 1'), 'the server does not answer')
            self.ok('close')
            self.failed(UNAVAILABLE, 'open', self.postgres.uri(self.name), 300, 300)
        finally:
            self.postgres.thaw()
        self.open(self.name)

    def test_frozen_during_a_copy(self):
        self.begin_endless()
        self.postgres.freeze()
        try:
            self.assertEqual(self.judge(UNAVAILABLE, self.probe.receive()), 'the server does not answer')
        finally:
            self.postgres.thaw()


class TestValues(ProbeCase):
    def test_there_and_back(self):
        self.open()
        seed = int(os.environ.get('ONHAND_SEED', '1'))
        for i in range(int(os.environ.get('ONHAND_ROUNDS', '5'))):
            answer = self.probe.ask('round_trip', seed + i, 2000)
            self.assertEqual(answer, ['ok'], f'repeat with: ONHAND_SEED={seed + i} ONHAND_ROUNDS=1')
        self.ok('round_trip', 7, 0)
        self.ok('round_trip', 8, 1)

    def test_without_memory(self):
        name = self.postgres.create_database()
        failed, live = self.ok('no_memory', self.postgres.uri(name))
        self.assertGreaterEqual(int(failed), 3)
        self.assertEqual(live, '0')


class TestMigrations(ProbeCase):
    def version(self):
        return self.postgres.query('SELECT version, name FROM onhand.schema_version ORDER BY 1', self.name)

    def setUp(self):
        super().setUp()
        self.name = self.open()

    def test_empty_then_again(self):
        self.assertIn('run onhand migrate', self.failed(VERSION, 'check'))
        start, end, known = self.ok('migrate')
        self.assertEqual((start, end), ('0', known))
        self.ok('check')
        self.assertEqual(self.ok('migrate'), [known, known, known])
        self.assertEqual([int(version) for version, _ in self.version()], list(range(1, int(known) + 1)))

    def test_two_at_once(self):
        others = [Probe() for _ in range(4)]
        for probe in others:
            self.addCleanup(probe.close)
            self.assertEqual(probe.ask('open', self.postgres.uri(self.name), 10000, 30000), ['ok'])
        for probe in others:
            probe.send('migrate')
        answers = [probe.receive() for probe in others]
        self.assertEqual({answer[0] for answer in answers}, {'ok'}, answers)
        self.ok('check')

    def test_a_newer_schema_is_refused_and_left(self):
        self.ok('migrate')
        self.postgres.query("INSERT INTO onhand.schema_version VALUES (99, 'from_the_future')", self.name)
        for command in ('migrate', 'check'):
            self.assertIn('version 99', self.failed(VERSION, command))
        self.assertEqual(self.version()[-1], ('99', 'from_the_future'))

    def test_half_a_migration_is_none(self):
        """Something of the name is there already: 0001 fails in its middle."""
        self.ok('run', 'CREATE SCHEMA onhand; CREATE TABLE onhand.movement (i integer)')
        self.assertIn('42P07', self.failed(REFUSED, 'migrate'))
        self.assertEqual(self.postgres.query(
            "SELECT relname FROM pg_class WHERE relnamespace = 'onhand'::regnamespace AND relkind = 'r' ORDER BY 1", self.name),
            [('movement',), ('schema_version',)])
        self.assertEqual(self.version(), [])
        self.ok('run', 'DROP TABLE onhand.movement')
        self.ok('migrate')

    def test_killed_in_the_middle(self):
        """Whatever was under way is rolled back; the next try does it."""
        with self.postgres.session(self.name) as other:
            other.query('CREATE SCHEMA onhand; GRANT ALL ON SCHEMA onhand TO onhand; BEGIN; SELECT pg_advisory_xact_lock(4710815)')
            self.probe.send('migrate')
            wait_until(lambda: self.postgres.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"),
                       'it does not wait')
            self.postgres.reset_connections()
            self.judge(UNAVAILABLE, self.probe.receive())
            other.query('ALTER SCHEMA onhand OWNER TO onhand; COMMIT')
        self.ok('close')
        self.open(self.name)
        self.ok('migrate')

    def test_a_role_without_rights(self):
        self.postgres.query('REVOKE CREATE ON DATABASE ' + self.name + ' FROM PUBLIC; CREATE ROLE poor LOGIN PASSWORD '
                            f"'{PASSWORD}'", self.name)
        self.addCleanup(self.postgres.query, 'DROP ROLE poor', self.name)
        self.ok('close')
        self.ok('open', self.postgres.uri(self.name, user='poor'), 10000, 10000)
        self.assertIn('42501', self.failed(REFUSED, 'migrate'))
        self.ok('query', 'SELECT 1')


if __name__ == '__main__':
    main()
