"""
Memory that is not there, in the real process: each allocation of the server and its libraries fails once, or twenty in a
row; and less address space than it wants. Short reads and writes of every file, too.

    test_memory_faults.py               a sample, as CI does
    test_memory_faults.py all [PART]    each allocation (hours); PART: only cases whose name contains it
    test_memory_faults.py SCENARIO N[xK]    one of them, as a failure prints it

ONHAND_SEED and ONHAND_CASES change the sample.
"""
import os
import random
import sys
import time

from support.fault_sweep import FaultSweep, SCENARIOS
from support.small_load import Load, Wrong

FAULTS = os.environ.get('ONHAND_FAULTS', '')
TIMES = (1, 20)
SMALL = {'items_max': 1000, 'positions_max': 10000, 'reservations_max': 1000, 'claims_max': 10000, 'keys_max': 200000,
         'history_max': 131072}
ENOUGH_MIB = 40000      # of address space; the ledger reserves 16 GiB for text alone
STEP_MIB = 8


class MemoryCase:
    program = 'test_memory_faults.py'
    what = 'memory'

    def __init__(self, scenario, text):
        self.scenario = scenario
        self.text = text

    def __str__(self):
        return f'{self.scenario} {self.text}'

    def prepare(self, server):
        server.environment = {'LD_PRELOAD': FAULTS, 'ONHAND_FAULTS_MEMORY': self.text,
                              'ONHAND_FAULTS_REPORT': os.path.join(server.home, 'report')}

    @staticmethod
    def counts(server):
        """Allocations, and how many failed."""
        with open(os.path.join(server.home, 'report'), encoding='ascii') as file:
            return tuple(int(word) for word in file.read().split())

    def is_hit(self, server):
        return self.counts(server)[1] > 0

    @staticmethod
    def must_serve():
        return False    # at the start it may be refused

    @staticmethod
    def must_end():
        return False

    @staticmethod
    def may_stop():
        return False


class ShortCase(MemoryCase):
    """Nothing fails, but no call does all it is asked for."""
    what = 'short'

    def prepare(self, server):
        server.environment = {'LD_PRELOAD': FAULTS, 'ONHAND_FAULTS_SHORT': '1'}

    def is_hit(self, server):
        return True

    @staticmethod
    def must_serve():
        return True


def allocation_count(sweep, scenario):
    """Of a run without a fault."""
    case = MemoryCase(scenario, '0')
    server = sweep.server(scenario)
    try:
        case.prepare(server)
        server.start()
        if not Load('new').run(server):
            raise Wrong(f'it ended:\n{server.log()}')
        server.stop()
        return case.counts(server)[0]
    finally:
        server.close()


def limited_outcome(sweep, size_mib):
    """What becomes of a server that gets so much address space: refused, served, or refusing."""
    server = sweep.server('empty')
    server.config.update(SMALL)
    server.wrapper = ['prlimit', f'--as={size_mib << 20}', '--']
    try:
        server.spawn()
        outcome = 'refused'
        if sweep.wait_for_start(server):
            outcome = limited_load(server)
            server.terminate()
        code = sweep.wait_for_end(server)
        if code != (1 if outcome == 'refused' else 0):
            raise Wrong(f'{size_mib} MiB: it ended with {code}:\n{server.log()}')
        if outcome == 'refused' and 'event=start_failed' not in server.log():
            raise Wrong(f'{size_mib} MiB: it did not start, and does not say why:\n{server.log()}')
        return outcome
    finally:
        server.close()


def limited_load(server):
    try:
        return 'served' if Load('new', bulk_count=0).run(server) else 'ended'
    except Wrong as error:
        if 'refused for' in str(error):
            return 'refusing'
        raise


def check_address_space(sweep):
    """Around the least that lets it start: a reason, or a server that answers, refuses by name, and ends when told."""
    low, high = 1024, ENOUGH_MIB
    outcomes = {low: limited_outcome(sweep, low), high: limited_outcome(sweep, high)}
    while high - low > STEP_MIB:
        middle = (low + high) // 2
        outcomes[middle] = limited_outcome(sweep, middle)
        low, high = (middle, high) if outcomes[middle] == 'refused' else (low, middle)
    for more in range(1, 9):
        outcomes[high + more * STEP_MIB] = limited_outcome(sweep, high + more * STEP_MIB)
    print('address space, MiB:', dict(sorted(outcomes.items())))
    if outcomes[1024] != 'refused' or outcomes[ENOUGH_MIB] != 'served':
        raise Wrong('the limits are all on one side')


def cases_of(sweep, arguments):
    if len(arguments) == 2 and arguments[0] != 'all':
        return [MemoryCase(*arguments)]
    cases = [MemoryCase(scenario, f'{number}x{times}') for scenario in SCENARIOS
             for number in range(1, allocation_count(sweep, scenario) + 1) for times in TIMES]
    print(f'{len(cases)} cases in all')
    if not arguments:
        seed = int(os.environ.get('ONHAND_SEED') or random.SystemRandom().randrange(1 << 32))
        print(f'seed {seed}')
        cases = random.Random(seed).sample(cases, int(os.environ.get('ONHAND_CASES') or 25))
    cases += [ShortCase(scenario, 'short') for scenario in SCENARIOS]
    return [case for case in cases if ' '.join(arguments[1:]) in str(case)]


def main(arguments):
    if os.environ.get('ONHAND_SANITIZE') or not os.path.exists(FAULTS):
        print('skipped: a sanitizer wants to be the first library; or the library of faults was not built')
        return 77
    start = time.monotonic()
    sweep = FaultSweep()
    try:
        sweep.make_template()
        cases = cases_of(sweep, arguments)
        wrong = sweep.run(cases)
        if len(arguments) < 2:
            check_address_space(sweep)
        sweep.report()
        print(f'{len(cases)} cases, {wrong} wrong, {sweep.unreached} not reached, {time.monotonic() - start:.0f} s')
        return 1 if wrong else 0
    finally:
        sweep.close()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
