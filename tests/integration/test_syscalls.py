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
import sys
import time

from support.fault_sweep import SCENARIOS, FaultSweep
from support.injection import ERRORS, Injection, is_permitted, sites, watch_wrapper
from support.small_load import Load, Wrong

SITES_PER_PLACE_MAX = 24    # of a call that is made again and again while it serves, these many, evenly

# Start and service go on without these.
TOLERATED = {'accept4', 'close', 'epoll_wait', 'madvise', 'munmap', 'prlimit64', 'recvfrom', 'sendto', 'shutdown'}

# Once it serves, only these may end it: the journal's own file, and giving the next one its name.
STOPS = {'pwritev', 'fdatasync', 'rename', 'fsync', 'openat'}

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
    program = 'test_syscalls.py'

    def __init__(self, scenario, injection):
        self.scenario = scenario
        self.injection = injection
        self.what = injection.site.call

    @classmethod
    def parse(cls, text):
        scenario, injection = text.split()
        return cls(scenario, Injection.parse(injection))

    def __str__(self):
        return f'{self.scenario} {self.injection}'

    def prepare(self, server):
        server.wrapper = self.injection.wrapper(server.home)

    def is_hit(self, server):
        return self.injection.is_hit(server.home)

    def must_serve(self):
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


class Sweep(FaultSweep):
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
