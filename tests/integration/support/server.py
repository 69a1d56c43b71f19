"""One server process on a data directory: start, wait, kill, stop, look at its log."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from .client import Client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PROGRAM = os.environ.get('ONHAND_PROGRAM') or os.path.join(ROOT, 'build', 'dev', 'onhand')
SANITIZER = re.compile(r'AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:')
DEADLINE_S = 60.0


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Calls `condition` until it is true; fails with `what` at the deadline. Returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'after {deadline_s} s: {what}')
        time.sleep(0.002)


def run(*arguments, timeout=120, **more):
    """Runs a command of the program to its end."""
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout, check=False, **more)


class Server:
    """Owns the process, its data directory (unless one is given) and its log."""

    def __init__(self, directory=None, durability='process', config=None, arguments=()):
        self.home = tempfile.mkdtemp(prefix='onhand-test-')
        self.data = directory or os.path.join(self.home, 'data')
        self.durability = durability
        # Two files of the usual 64 MiB, written full of zeros, are most of what a start costs.
        self.config = {'journal_segment_mib': 9, **(config or {})}
        self.arguments = list(arguments)
        self.environment = {}
        self.wrapper = []       # goes before the command
        self.log_path = os.path.join(self.home, 'log')
        self.config_path = os.path.join(self.home, 'onhand.conf')
        self.port_path = os.path.join(self.home, 'port')
        self.process = None
        self.was_ended = False  # and somebody knows
        self.port = None

    # ---- life

    def write_config(self):
        with open(self.config_path, 'w', encoding='utf-8') as file:
            file.writelines(f'{key} = {value}\n' for key, value in self.config.items())

    def spawn(self):
        """Starts the process and does not wait for it."""
        if os.path.exists(self.port_path):
            os.unlink(self.port_path)
        command = [*self.wrapper, PROGRAM, 'serve', '--data', self.data, '--listen', '127.0.0.1:0',
                   '--port-file', self.port_path, '--durability', self.durability, *self.arguments]
        self.write_config()
        command += ['--config', self.config_path]
        self.was_ended = False
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log,
                                            env={**os.environ, **self.environment})
        return self

    def start(self):
        self.spawn()
        wait_until(self.is_ready, f'the server is not ready; its log:\n{self.log()}')
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            self.was_ended = True
            raise AssertionError(f'the server ended with {self.process.returncode}; its log:\n{self.log()}')
        try:
            with open(self.port_path, encoding='ascii') as file:
                line = file.read()
            if not line.endswith('\n'):
                return False
            self.port = int(line)
            with Client(self.port) as client:
                return client.get('/readyz').status == 200
        except (FileNotFoundError, ConnectionError):
            return False

    def kill(self):
        """kill -9, as a power switch for the process."""
        self.was_ended = True
        self.process.kill()
        self.process.wait()
        self.check_sanitizers()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, deadline_s=DEADLINE_S):
        self.was_ended = True
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired as error:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f'the server did not end within {deadline_s} s; its log:\n{self.log()}') from error

    def stop(self):
        """SIGTERM; the process must drain and end with 0."""
        if self.process.poll() is None:
            self.terminate()
        code = self.wait()
        self.check_sanitizers()
        if code != 0:
            raise AssertionError(f'the server ended with {code}; its log:\n{self.log()}')

    def restart(self):
        self.stop()
        return self.start()

    def crash(self):
        """kill -9, then a start on the same directory."""
        self.kill()
        return self.start()

    def close(self):
        """Ends a process that still runs; removes what it left. Fails when it ended by itself, and nobody asked."""
        code, log = self.process.poll() if self.process else None, self.log()
        if self.process and code is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
        if code is not None and not self.was_ended:
            raise AssertionError(f'the server ended by itself with {code}; its log:\n{log}')

    # ---- looking

    def client(self, **options):
        return Client(self.port, **options)

    def log(self):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as file:
                return file.read()[-20000:]
        except FileNotFoundError:
            return ''

    def check_sanitizers(self):
        log = self.log()
        if SANITIZER.search(log):
            raise AssertionError(f'a sanitizer spoke:\n{log}')

    def memory_peak_kib(self):
        with open(f'/proc/{self.process.pid}/status', encoding='ascii') as file:
            return int(re.search(r'VmHWM:\s+(\d+) kB', file.read()).group(1))

    def thread_names(self):
        """As `top -H` shows them, in order."""
        tasks = f'/proc/{self.process.pid}/task'
        names = []
        for task in os.listdir(tasks):
            try:
                with open(f'{tasks}/{task}/comm', encoding='ascii') as file:
                    names.append(file.read().strip())
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
        return sorted(names)

    def freeze(self):
        """SIGSTOP, and none of its threads does anything any more."""
        def is_frozen():
            tasks = f'/proc/{self.process.pid}/task'
            states = []
            for task in os.listdir(tasks):
                with open(f'{tasks}/{task}/stat', encoding='ascii') as file:
                    states.append(file.read().rsplit(')', 1)[1].split()[0])
            return set(states) == {'T'}
        self.process.send_signal(signal.SIGSTOP)
        wait_until(is_frozen, 'it does not stop')

    def files(self):
        """Every file of the data directory, by path, with its size."""
        found = {}
        for folder, _, names in os.walk(self.data):
            for name in names:
                path = os.path.join(folder, name)
                found[path] = os.path.getsize(path)
        return found
