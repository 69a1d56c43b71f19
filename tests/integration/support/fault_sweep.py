"""
A sweep of one fault per run over the real process: start, a small load, SIGTERM, then a start without the fault.

A case says what fails: `prepare(server)` sets it up, `is_hit(server)` tells whether it happened, and `must_serve`,
`must_end` and `may_stop` what may come of it. The rest is the same for all: no signal, no hang, a reason for every end,
nothing acknowledged that was not durable, everything acknowledged is there afterwards, and `onhand verify` agrees.
"""
import collections
import os
import shutil
import tempfile

from .server import Server, run, wait_until
from .small_load import Load, Wrong

CONFIG = {'journal_segment_mib': 9, 'snapshot_journal_mib': 1, 'keep_snapshots': 1}
END_S = 30.0
SAID_EVERY = 100    # cases: a run of hours that is ended has said how far it was

SCENARIOS = {   # durability, whether there is data, threads of the network
    'empty': ('disk', False, 0),   # a new data directory
    'full': ('disk', True, 0),     # one with a journal, a snapshot, and little room left in the journal's file
    'process': ('process', True, 0),
    'threads': ('process', True, 2),
}


class FaultSweep:
    def __init__(self):
        self.home = tempfile.mkdtemp(prefix='onhand-faults-')
        self.template = os.path.join(self.home, 'template')
        self.outcomes = collections.Counter()
        self.unreached = 0

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)

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
        durability, has_data, network_threads = SCENARIOS[scenario]
        server = Server(durability=durability, config={**CONFIG, 'network_threads': network_threads})
        if has_data:
            shutil.copytree(self.template, server.data)
        return server

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
        self.outcomes[case.what, outcome] += 1

    def run_with_fault(self, case, server, load):
        """Starts, loads, ends. Returns what became of it."""
        case.prepare(server)
        server.spawn()
        is_up = self.wait_for_start(server)
        is_loaded = is_up and load.run(server)
        if is_loaded:
            server.terminate()
        code = self.wait_for_end(server)
        server.check_sanitizers()
        is_hit = case.is_hit(server)
        self.unreached += not is_hit
        return self.judge(case, server, load, code, is_up, is_loaded, is_hit)

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
        if case.must_serve():
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
        server.environment = {}
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
        for number, case in enumerate(cases, 1):
            try:
                self.check(case)
            except (Wrong, AssertionError, OSError) as error:
                wrong += 1
                print(f'repeat with: python3 tests/integration/{case.program} {case}\n    {error}', flush=True)
            if number % SAID_EVERY == 0:
                print(f'{number} of {len(cases)} cases, {wrong} wrong, the last: {case}', flush=True)
        return wrong

    def report(self):
        for (what, outcome), count in sorted(self.outcomes.items()):
            print(f'{what:14} {outcome:12} {count}')
