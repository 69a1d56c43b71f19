"""
A private PostgreSQL for a test: its own data folder, socket and port, and every way in which it can be gone.

It is trusted over its socket as the superuser (session(), query()) and asks for a password over TCP (uri()), which is
how the program comes. As root it runs as the user `postgres`, for it refuses root.
"""
import atexit
import functools
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from .postgres_session import PostgresError, Session
from .server import wait_until

USER = 'onhand'
PASSWORD = 'secret-of-the-test'
VERSION_MIN = 15

SETTINGS = {
    'listen_addresses': '127.0.0.1', 'max_connections': 50, 'shared_buffers': '32MB', 'max_wal_size': '256MB',
    'autovacuum': 'off', 'log_min_messages': 'fatal', 'timezone': 'UTC', 'jit': 'off', 'bonjour': 'off',
}

ACCESS = 'local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n'


def programs():
    """The folder of the newest server that is new enough, or None."""
    found = glob.glob('/usr/lib/postgresql/*/bin/postgres') + glob.glob('/usr/pgsql-*/bin/postgres')
    folders = {path.split('/')[-3].replace('pgsql-', ''): os.path.dirname(path) for path in found}
    versions = [int(version) for version in folders if version.isdigit() and int(version) >= VERSION_MIN]
    return folders[str(max(versions))] if versions else None


def is_there():
    """There is a server, and somebody who may run it."""
    if programs() is None:
        return False
    if os.geteuid() != 0:
        return True
    try:
        pwd.getpwnam('postgres')
    except KeyError:
        return False
    return shutil.which('setpriv') is not None


def as_user():
    """What goes before a command of PostgreSQL. The process ends with the test's, however that ends."""
    user = ['--reuid=postgres', '--regid=postgres', '--clear-groups'] if os.geteuid() == 0 else []
    return ['setpriv', *user, '--pdeathsig', 'KILL'] if shutil.which('setpriv') else []


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def process_state(pid):
    """(state, parent) of a process, or None."""
    try:
        with open(f'/proc/{pid}/stat', encoding='ascii', errors='replace') as file:
            fields = file.read().rsplit(')', 1)[1].split()
        return fields[0], int(fields[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


class Postgres:
    """
    fsync      off unless a test needs it: a killed process loses nothing, only a machine would
    settings   more of postgresql.conf
    disk_mib   keeps the data on a file system of that size, so that fill_disk() can fill it; needs to be root
    """

    def __init__(self, fsync=False, settings=None, disk_mib=None, place=None):
        self.home = tempfile.mkdtemp(prefix='onhand-pg-', dir=place)
        self.data = os.path.join(self.home, 'data')
        self.log_path = os.path.join(self.home, 'log')
        self.settings = {**SETTINGS, **({} if fsync else {'fsync': 'off'}), **(settings or {})}
        self.has_disk = False
        self.process = None
        self.port = free_port()
        self.database_count = 0
        try:
            self.make(disk_mib)
        except BaseException:
            self.close()
            raise

    def make(self, disk_mib):
        os.mkdir(self.data)
        if disk_mib:
            mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={disk_mib}m', 'onhand-test', self.data],
                                     capture_output=True, check=False)
            if mounted.returncode != 0:
                raise unittest.SkipTest('a small file system may not be mounted')
            self.has_disk = True
        os.chmod(self.data, 0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam('postgres')
            for path in (self.home, self.data):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        made = subprocess.run(
            [*as_user(), os.path.join(programs(), 'initdb'), '-D', self.data, '-U', 'postgres', '-A', 'trust', '-N',
             '-E', 'UTF8', '--locale=C.UTF-8', '--wal-segsize=1' if disk_mib else '--wal-segsize=16', '--no-instructions'],
            capture_output=True, text=True, check=False, cwd='/')
        if made.returncode != 0:
            raise AssertionError(f'initdb: {made.stdout}{made.stderr}')
        with open(os.path.join(self.data, 'pg_hba.conf'), 'w', encoding='ascii') as file:
            file.write(ACCESS)
        with open(os.path.join(self.data, 'postgresql.conf'), 'a', encoding='ascii') as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in self.settings.items())

    # ---- life

    def start(self):
        self.spawn()
        wait_until(self.is_ready, 'PostgreSQL is not ready')
        return self

    def spawn(self):
        """Starts it and does not wait."""
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(
                [*as_user(), os.path.join(programs(), 'postgres'), '-D', self.data, '-k', self.home, '-p',
                 str(self.port)], stdout=log, stderr=log, cwd='/')

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f'PostgreSQL ended with {self.process.returncode}; its log:\n{self.log()}')
        try:
            self.session().close()
            return True
        except (OSError, PostgresError):
            return False

    def is_up(self):
        """Its process lives; a full disk may have ended it."""
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Ends every session and then itself, in order ("fast")."""
        if self.process is None:
            return
        self.signal_all(signal.SIGCONT)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.process = None

    def kill(self):
        """kill -9 of the server and of every process of it: what a power cut is to it."""
        if self.process is None:
            return
        pids = self.pids()
        self.process.kill()
        for pid in pids[1:]:
            self.send(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not any(map(self.is_alive, pids)), 'PostgreSQL does not die')
        self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def freeze(self):
        """SIGSTOP: it takes connections and bytes as far as the kernel does, and never answers."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def close(self):
        self.kill()
        if self.has_disk:
            subprocess.run(['umount', '-l', self.data], check=False)
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- its processes

    def pids(self):
        """The server first, then its children."""
        children = [int(name) for name in os.listdir('/proc') if name.isdigit()]
        states = {pid: process_state(pid) for pid in children}
        own = self.process.pid
        return [own] + [pid for pid, state in states.items() if state and state[1] == own]

    def is_alive(self, pid):
        """Not a zombie either: those hold nothing."""
        state = process_state(pid)
        return state is not None and state[0] not in 'ZX'

    @staticmethod
    def send(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def signal_all(self, number):
        for pid in self.pids():
            self.send(pid, number)

    # ---- what is in it

    def create_database(self, owner=USER):
        """A new database of the program's user; its name."""
        self.database_count += 1
        name = f'test{self.database_count}'
        with self.session() as session:
            if not session.query(f"SELECT 1 FROM pg_roles WHERE rolname = '{owner}'"):
                session.query(f"CREATE ROLE {owner} LOGIN PASSWORD '{PASSWORD}'")
            session.query(f'CREATE DATABASE {name} OWNER {owner}')
        return name

    def uri(self, database='postgres', user=USER, password=PASSWORD):
        """How the program comes: over TCP, with a password."""
        return f'postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}'

    def session(self, database='postgres', user='postgres', **options):
        return Session(os.path.join(self.home, f'.s.PGSQL.{self.port}'), database, user, **options)

    def query(self, sql, database='postgres'):
        with self.session(database) as session:
            return session.query(sql)

    def log(self):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as file:
                return file.read()[-20000:]
        except FileNotFoundError:
            return ''

    # ---- what can happen to it

    def reset_connections(self, user=USER):
        """Ends the user's sessions; how many there were."""
        return len(self.query(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{user}'"))

    def set_password(self, password=PASSWORD, user=USER):
        """None: no password lets the user in. Sessions that are open stay."""
        text = 'NULL' if password is None else f"'{password}'"
        self.query(f'ALTER ROLE {user} PASSWORD {text}')

    def fill_disk(self):
        """Nothing more can be written (disk_mib)."""
        try:
            with open(os.path.join(self.data, 'filler'), 'ab', buffering=0) as file:
                while True:
                    file.write(bytes(4096))
        except OSError:
            pass

    def empty_disk(self):
        os.unlink(os.path.join(self.data, 'filler'))


@functools.cache
def shared():
    """The one server of a test file, gone when the file is done."""
    postgres = Postgres()
    atexit.register(postgres.close)
    return postgres.start()


class PostgresCase(unittest.TestCase):
    """Tests that share one server. A class with `options` (those of Postgres) has one of its own."""
    options = None
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.postgres, cls.why_not = None, 'there is no PostgreSQL 15'
        if not is_there():
            return
        if cls.options is None:
            cls.postgres = shared()
            return
        try:
            cls.postgres = Postgres(**cls.options)
            cls.addClassCleanup(cls.postgres.close)
            cls.postgres.start()
        except unittest.SkipTest as reason:
            cls.why_not = str(reason)

    def setUp(self):
        if self.postgres is None:
            self.skipTest(self.why_not)
        super().setUp()
