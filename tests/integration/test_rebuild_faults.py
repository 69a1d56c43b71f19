"""
`onhand rebuild` when a system call or an allocation fails: the whole directory, or none and a reason. Never a part of one.

    test_rebuild_faults.py              a sample, as CI does
    test_rebuild_faults.py all [PART]   every site and error; PART: only cases whose name contains it
    test_rebuild_faults.py CASE         one of them, as a failure prints it

ONHAND_SEED and ONHAND_CASES change the sample.
"""
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

from support.injection import ERRORS, Injection, is_permitted, sites, trace_of, watch_wrapper
from support.postgres import Postgres, is_there
from support.server import PROGRAM, run

FAULTS = os.environ.get('ONHAND_FAULTS', '')
TABLES = pathlib.Path(__file__).resolve().parents[1] / 'data' / 'v1' / 'tables.sql'
END_S = 60
SITES_PER_PLACE_MAX = 12


class Wrong(Exception):
    pass


class Rebuilds:
    def __init__(self):
        self.postgres = Postgres().start()
        self.home = tempfile.mkdtemp(prefix='onhand-test-')
        self.path = os.path.join(self.home, 'data')
        self.database = self.postgres.create_database()
        # Over the socket and without a password: OpenSSL, at its first use, does not bear a failed allocation.
        self.uri = f'host={self.postgres.home} port={self.postgres.port} user=postgres dbname={self.database}'
        run('migrate', '--postgres', self.uri)
        self.postgres.query(TABLES.read_text(encoding='utf-8'), self.database)
        done = self.run()
        if done.returncode != 0:
            raise AssertionError(done)
        self.expected = self.dump()
        self.outcomes = collections.Counter()

    def close(self):
        self.postgres.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def run(self, wrapper=(), environment=None):
        shutil.rmtree(self.path, ignore_errors=True)
        return subprocess.run([*wrapper, PROGRAM, 'rebuild', '--data', self.path, '--postgres', self.uri],
                              capture_output=True, timeout=END_S, check=False, env={**os.environ, **(environment or {})})

    def dump(self):
        return run('dump', '--snapshot', self.path).stdout

    def epoch(self):
        return int(self.postgres.query('SELECT epoch FROM onhand.watermark', self.database)[0][0])

    # ---- cases

    def cases(self):
        trace = os.path.join(self.home, 'watched')
        self.run(watch_wrapper(trace, ERRORS))
        places = collections.defaultdict(list)
        for site in sites(trace, self.home, ERRORS, self.path):
            places[site.call, site.path].append(site)
        for found in places.values():
            step = max(1.0, len(found) / SITES_PER_PLACE_MAX)
            for index in range(int(len(found) / step)):
                site = found[int(index * step)]
                yield from (str(Injection(site, error)) for error in ERRORS[site.call]
                            if self.is_plausible(site, error))
        yield from (f'memory:{number}' for number in self.allocations())

    def allocations(self):
        """Numbers of those that can fail: libraries make some before the library of faults has been told which."""
        self.run(environment=self.memory(0))
        low, high = 1, self.report()[0]
        end = high + 1
        while low < high:
            middle = (low + high) // 2
            if self.run_case(f'memory:{middle}')[1]:
                high = middle
            else:
                low = middle + 1
        return range(low, end)

    @staticmethod
    def is_plausible(site, error):
        """
        A send that fails has a dead connection behind it, on which nothing is received: strace cannot do that. And a
        lock that another holds is in a file of that other's.
        """
        if site.call == 'sendto':
            return error == 'EINTR'
        return (site.call, error) != ('flock', 'EAGAIN')

    def memory(self, number):
        return {'LD_PRELOAD': FAULTS, 'ONHAND_FAULTS_MEMORY': str(number),
                'ONHAND_FAULTS_REPORT': os.path.join(self.home, 'report')}

    def report(self):
        with open(os.path.join(self.home, 'report'), encoding='ascii') as file:
            return tuple(int(word) for word in file.read().split())

    def run_case(self, text):
        """What the command did, and whether the fault happened."""
        if text.startswith('memory:'):
            done = self.run(environment=self.memory(int(text[7:])))
            return done, self.report()[1] > 0
        injection = Injection.parse(text)
        if os.path.exists(trace_of(self.home)):
            os.unlink(trace_of(self.home))
        done = self.run(injection.wrapper(self.home))
        return done, injection.is_hit(self.home)

    def check(self, text):
        before = self.epoch()
        done, is_hit = self.run_case(text)
        words = (done.stdout + done.stderr).decode(errors='replace')
        if done.returncode not in (0, 1):
            raise Wrong(f'it ended with {done.returncode}: {words[-2000:]}')
        if done.returncode == 0:
            self.check_done(before, words)
        else:
            self.check_nothing(before, is_hit, done.stderr.decode(errors='replace'))
        outcome = 'not reached' if not is_hit else 'done' if done.returncode == 0 else 'no directory, in words'
        self.outcomes[outcome] += 1

    def check_done(self, before, words):
        if self.dump() != self.expected:
            raise Wrong(f'exit 0, and the directory is another: {words[-2000:]}')
        if self.epoch() != before + 1:
            raise Wrong(f'exit 0, and the tables do not follow: {words[-2000:]}')

    def check_nothing(self, before, is_hit, words):
        if not is_hit:
            raise Wrong(f'nothing failed, and it ended with 1: {words[-2000:]}')
        if not words.strip().endswith('no directory was made'):
            raise Wrong(f'it ended with 1, and says {words!r}')
        if os.path.exists(self.path):
            raise Wrong(f'it left {os.listdir(self.path)}: {words[-2000:]}')
        if self.epoch() not in (before, before + 1):
            raise Wrong(f'the tables have been touched more than once: {words[-2000:]}')


def chosen(rebuilds, arguments):
    if len(arguments) == 1 and arguments[0] != 'all':
        return arguments
    cases = list(rebuilds.cases())
    print(f'{len(cases)} cases in all')
    if arguments:
        return [case for case in cases if ' '.join(arguments[1:]) in case]
    seed = int(os.environ.get('ONHAND_SEED', '1'))
    print(f'seed {seed}')
    half = int(os.environ.get('ONHAND_CASES') or 40) // 2   # of calls, and of allocations: of these there are many
    calls = [case for case in cases if not case.startswith('memory:')]
    memory = [case for case in cases if case.startswith('memory:')]
    prng = random.Random(seed)
    return prng.sample(calls, min(half, len(calls))) + prng.sample(memory, min(half, len(memory)))


def main(arguments):
    if os.environ.get('ONHAND_SANITIZE') or not os.path.exists(FAULTS) or not is_permitted() or not is_there():
        print('skipped: a sanitizer; or the library of faults was not built; or strace or PostgreSQL are not here')
        return 77
    start = time.monotonic()
    rebuilds = Rebuilds()
    wrong = 0
    try:
        cases = chosen(rebuilds, arguments)
        for case in cases:
            try:
                rebuilds.check(case)
            except (Wrong, AssertionError, OSError, subprocess.TimeoutExpired) as error:
                wrong += 1
                print(f'repeat with: python3 tests/integration/test_rebuild_faults.py {case}\n    {error}', flush=True)
        for outcome, count in sorted(rebuilds.outcomes.items()):
            print(f'{outcome:24} {count}')
        print(f'{len(cases)} cases, {wrong} wrong, {time.monotonic() - start:.0f} s')
        return 1 if wrong else 0
    finally:
        rebuilds.close()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
