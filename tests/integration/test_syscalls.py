"""
Every system call fails once: the server starts or says why not, serves or stops for good, and loses nothing.

A watched run collects the calls that the server makes (strace, no fault). Then, for each call at each place with each
error that the kernel may give there, a run of its own: start, a small load, SIGTERM; then a start without a fault,
where everything that was acknowledged must be there, and `onhand verify`.

    test_syscalls.py                      a sample, as CI does
    test_syscalls.py all [PART]           every site and error (20 minutes); PART: only cases whose name contains it
    test_syscalls.py SCENARIO CASE        one of them, as a failure prints it

ONHAND_SEED and ONHAND_CASES change the sample.
"""
import collections
import os
import random
import shutil
import sys
import tempfile
import time

from support.injection import Injection, injected_count, is_permitted, sites, watch_wrapper
from support.server import Server, run, wait_until
from support.small_load import Load, Wrong

CONFIG = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1, 'keep_snapshots': 1}
END_S = 30.0
SITES_PER_PLACE_MAX = 24    # of a call that is made again and again while it serves, these many, evenly

# What each call may say. EINTR only where Linux interrupts. Not futex: what it may say is glibc's to bear, or to abort.
ERRORS = {
    'accept4': ('EMFILE', 'ENFILE', 'ECONNABORTED', 'EINTR', 'ENOMEM', 'EPROTO'),
    'bind': ('EADDRINUSE', 'EACCES'),
    'clone3': ('EAGAIN', 'ENOMEM'),
    'close': ('EIO', 'EINTR'),
    'epoll_create1': ('EMFILE', 'ENOMEM'),
    'epoll_ctl': ('ENOMEM', 'ENOSPC'),
    'epoll_wait': ('EINTR',),
    'eventfd2': ('EMFILE', 'ENOMEM'),
    'fallocate': ('ENOSPC', 'EIO', 'EOPNOTSUPP', 'EINTR'),
    'fdatasync': ('EIO', 'ENOSPC', 'EINTR'),
    'flock': ('ENOLCK', 'EAGAIN'),
    'fsync': ('EIO', 'ENOSPC', 'EINTR'),
    'getdents64': ('EIO',),
    'getrandom': ('EAGAIN', 'ENOSYS'),
    'getsockname': ('ENOBUFS',),
    'listen': ('EADDRINUSE',),
    'madvise': ('EINVAL', 'ENOMEM'),
    'mkdir': ('EIO', 'ENOSPC', 'EACCES'),
    'mmap': ('ENOMEM',),
    'munmap': ('ENOMEM',),
    'newfstatat': ('EIO',),
    'openat': ('EMFILE', 'EIO', 'ENOSPC', 'EINTR', 'EACCES'),
    'pipe2': ('EMFILE',),
    'pread64': ('EIO', 'EINTR'),
    'prlimit64': ('EPERM',),
    'pwritev': ('EIO', 'ENOSPC', 'EINTR'),
    'read': ('EINTR', 'EIO', 'EAGAIN'),
    'recvfrom': ('ECONNRESET', 'EINTR', 'ETIMEDOUT', 'ENOMEM'),
    'rename': ('EIO', 'ENOSPC'),
    'sendto': ('EPIPE', 'ECONNRESET', 'EINTR', 'ENOBUFS'),
    'setsockopt': ('ENOMEM',),
    'shutdown': ('ENOTCONN',),
    'socket': ('EMFILE', 'EACCES'),
    'unlink': ('EIO', 'EACCES'),
    'write': ('EIO', 'ENOSPC', 'EPIPE', 'EINTR', 'EAGAIN'),
}

# Start and service go on without these.
TOLERATED = {'accept4', 'close', 'epoll_wait', 'madvise', 'munmap', 'prlimit64', 'recvfrom', 'sendto', 'shutdown'}

# Once it serves, only these may end it: the journal's own file, and giving the next one its name.
STOPS = {'pwritev', 'fdatasync', 'rename', 'fsync', 'openat'}

SCENARIOS = {
    'empty': ('disk', False),   # a new data directory
    'full': ('disk', True),     # one with a journal, a snapshot, and little room left in the journal's file
    'process': ('process', True),
}


# Found by this test, and mended.
FOUND = (
    'empty recvfrom:49:EINTR',              # no edge came a second time: the request had no answer
    'full sendto:40:EINTR',
    'empty getsockname:1:ENOBUFS',          # the port file said 0
    'empty openat@data/journal:1:EINTR',    # a folder that was listed: no start
    'empty flock@data/LOCK:1:ENOLCK',       # the reason was a process that was not there
    'process fdatasync@data/journal/00000000000000000001.ohj:2:EIO',    # the last sync failed, and the exit status was 0
)


class Case:
    def __init__(self, scenario, injection):
        self.scenario = scenario
        self.injection = injection

    @classmethod
    def parse(cls, text):
        scenario, injection = text.split()
        return cls(scenario, Injection.parse(injection))

    def __str__(self):
        return f'{self.scenario} {self.injection}'

    def is_tolerated(self):
        """Start and service have to go on. An interrupted call is made again, but for what libc opens itself."""
        site = self.injection.site
        is_ours = site.path is not None and site.path.startswith('data')
        return (site.call, site.path) != ('close', 'port.new') and site.call in TOLERATED or self.injection.error == 'EINTR' and is_ours

    def must_end(self):
        """Records that are not on the disk: the exit status has to say so."""
        site = self.injection.site
        is_records = site.call in ('pwritev', 'fdatasync') and site.path is not None and site.path.endswith('.ohj')
        return is_records and self.injection.error != 'EINTR'

    def may_stop(self):
        site = self.injection.site
        return site.call in STOPS and site.path is not None and site.path.startswith('data/journal')


class Sweep:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='onhand-syscalls-')
        self.template = os.path.join(self.home, 'template')
        self.outcomes = collections.Counter()
        self.unreached = 0

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)

    # ---- what there is to fail

    def make_template(self):
        server = Server(directory=self.template, durability='process', config=CONFIG)
        try:
            load = Load('old', bulk_count=4)
            server.start()
            if not load.run(server):
                raise Wrong(f'it ended:\n{server.log()}')
            wait_until(lambda: 'snapshot_done' in server.log(), 'no snapshot')
            server.kill()
        finally:
            server.close()

    def server(self, scenario):
        durability, has_data = SCENARIOS[scenario]
        server = Server(durability=durability, config=CONFIG)
        if has_data:
            shutil.copytree(self.template, server.data)
        return server

    def watch(self, scenario):
        """The sites of one scenario."""
        server = self.server(scenario)
        trace = os.path.join(self.home, 'watched')
        server.wrapper = watch_wrapper(trace, ERRORS)
        try:
            server.start()
            if not Load('new').run(server):
                raise Wrong(f'it ended:\n{server.log()}')
            server.stop()
            return sites(trace, server.home, ERRORS, 'onhand.conf')
        finally:
            server.close()

    def cases(self, scenario):
        places = collections.defaultdict(list)
        for site in self.watch(scenario):
            places[site.call, site.path].append(site)
        for found in places.values():
            count = len(found)
            step = max(1.0, count / SITES_PER_PLACE_MAX)
            chosen = sorted({int(index * step) for index in range(int(count / step))} | {count - 1})
            for site in (found[index] for index in chosen):
                for error in ERRORS[site.call]:
                    yield Case(scenario, Injection(site, error))

    # ---- one case

    def check(self, case):
        server = self.server(case.scenario)
        load = Load('new')
        try:
            outcome = self.run_with_fault(case, server, load)
            self.run_without(case, server, load)
        except Wrong as error:
            raise Wrong(f'{error}\nits log:\n{server.log()}') from error
        finally:
            server.close()
        self.outcomes[case.injection.site.call, outcome] += 1

    def run_with_fault(self, case, server, load):
        """Starts, loads, ends. Returns what became of it."""
        trace = os.path.join(server.home, 'trace')
        server.wrapper = case.injection.wrapper(server.home, trace)
        server.spawn()
        is_up = self.wait_for_start(server)
        is_loaded = is_up and load.run(server)
        if is_loaded:
            server.terminate()
        code = self.wait_for_end(server)
        server.check_sanitizers()
        wait_until(lambda: self.is_written(trace), 'strace does not end')
        is_hit = injected_count(trace) > 0
        self.unreached += not is_hit
        return self.judge(case, server, load, code, is_up, is_loaded, is_hit)

    @staticmethod
    def is_written(trace):
        """strace writes its last line after the process has ended. No file: it did not like its arguments."""
        with open(trace, encoding='utf-8', errors='replace') as file:
            return '+++' in file.read()

    @staticmethod
    def wait_for_start(server):
        def is_decided():
            try:
                return server.is_ready()
            except AssertionError:
                return True
        wait_until(is_decided, 'neither ready nor at its end', END_S)
        return server.process.poll() is None

    @staticmethod
    def wait_for_end(server):
        try:
            return server.wait(END_S)
        except AssertionError as error:
            raise Wrong(f'it does not end: {error}') from error

    def judge(self, case, server, load, code, is_up, is_loaded, is_hit):
        log = server.log()
        if code not in (0, 1, 2):
            raise Wrong(f'it ended with {code}')
        if code == 0 and is_hit and case.must_end():
            raise Wrong('records could not be written or synced, and it ended with 0')
        if code == 0 and is_loaded:
            return 'served' if is_hit else 'not reached'
        if not is_hit:
            raise Wrong(f'nothing failed, and it ended with {code}')
        if case.is_tolerated():
            raise Wrong(f'it ended with {code}, for something that may be passed over')
        if not is_up:
            if 'event=start_failed' not in log and 'onhand serve:' not in log:
                raise Wrong(f'it did not start, and does not say why; exit {code}')
            return 'refused'
        if 'event=journal_failed' not in log:
            raise Wrong(f'it stopped with {code}, and does not say why')
        if not case.may_stop():
            raise Wrong('this must not end it')
        durable_seq = int(log.rsplit('durable_seq=', 1)[1].split()[0])
        if load.acknowledged_seq > durable_seq:
            raise Wrong(f'{load.acknowledged_seq} was acknowledged, and only {durable_seq} durable')
        return 'stopped'

    @staticmethod
    def run_without(case, server, load):
        """A start without a fault finds everything."""
        server.wrapper = []
        server.durability = 'process'
        try:
            server.start()
        except AssertionError as error:
            raise Wrong(f'afterwards it does not start: {error}') from error
        load.check(server)
        if SCENARIOS[case.scenario][1]:
            Load('old', bulk_count=4).check_figures(server)
        server.stop()
        verified = run('verify', server.data)
        if verified.returncode != 0:
            raise Wrong(f'verify: {verified.stdout}{verified.stderr}')

    # ---- all of them

    def run(self, cases):
        """The number of cases that went wrong."""
        wrong = 0
        for case in cases:
            try:
                self.check(case)
            except (Wrong, AssertionError, OSError) as error:
                wrong += 1
                print(f'FAILED python3 tests/integration/test_syscalls.py {case}\n{error!r}\n{error}', flush=True)
        return wrong

    def report(self):
        for (call, outcome), count in sorted(self.outcomes.items()):
            print(f'{call:14} {outcome:12} {count}')


def sample(cases, count, seed):
    """What was found before, one of each call, then any."""
    chance = random.Random(seed)
    chance.shuffle(cases)
    first = {}
    for case in cases:
        first.setdefault(case.injection.site.call, case)
    chosen = list(first.values()) + [case for case in cases if case not in first.values()]
    return [Case.parse(text) for text in FOUND] + chosen[:count - len(FOUND)]


def main(arguments):
    if os.environ.get('ONHAND_SANITIZE') or not is_permitted():
        print('skipped: a sanitizer is slow under strace; or strace is not here or may not trace')
        return 77
    start = time.monotonic()
    sweep = Sweep()
    try:
        sweep.make_template()
        if len(arguments) == 2 and arguments[0] != 'all':
            cases = [Case.parse(' '.join(arguments))]
        else:
            cases = [case for scenario in SCENARIOS for case in sweep.cases(scenario)]
            total = len(cases)
            if arguments:
                cases = [case for case in cases if ' '.join(arguments[1:]) in str(case)]
            else:
                seed = int(os.environ.get('ONHAND_SEED') or random.SystemRandom().randrange(1 << 32))
                cases = sample(cases, int(os.environ.get('ONHAND_CASES') or 60), seed)
                print(f'seed {seed}')
            print(f'{len(cases)} cases of {total}', flush=True)
        wrong = sweep.run(cases)
        sweep.report()
        print(f'{len(cases)} cases, {wrong} wrong, {sweep.unreached} not reached, {time.monotonic() - start:.0f} s')
        return 1 if wrong else 0
    finally:
        sweep.close()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
