"""
`onhand verify`, `dump`, `whatif` and `load` when a call or an allocation fails: an error in words and an exit status that is not 0,
or all of the work done. Never a crash, never an "ok" for what was not looked at.

    test_command_faults.py              a sample, as CI does
    test_command_faults.py all [PART]   every site and error; PART: only cases whose name contains it
    test_command_faults.py COMMAND CASE one of them, as a failure prints it

ONHAND_SEED and ONHAND_CASES change the sample.
"""
import collections
import json
import os
import random
import subprocess
import sys
import time

from support.fault_sweep import FaultSweep
from support.injection import ERRORS, Injection, is_permitted, sites, watch_wrapper, trace_of
from support.server import PROGRAM, Server
from support.small_load import Wrong

FAULTS = os.environ.get('ONHAND_FAULTS', '')
END_S = 60
ROWS = 'sku\n' + ''.join(f'L{number}\n' for number in range(50))
SITES_PER_PLACE_MAX = 12


class Commands:
    def __init__(self):
        self.sweep = FaultSweep()
        self.sweep.make_template()
        self.home = self.sweep.home
        self.server = Server(durability='process').start()
        self.rows_path = os.path.join(self.home, 'items.csv')
        with open(self.rows_path, 'w', encoding='ascii') as file:
            file.write(ROWS)
        data = self.sweep.template
        promised, policy = self.make_promise(os.path.join(self.home, 'whatif'))
        self.words = {
            'whatif': ['whatif', promised, '--policy', policy, '--each'],
            'verify': ['verify', data],
            'dump': ['dump', data],
            'snapshot': ['dump', data, '--snapshot'],
            'load': ['load', '--to', f'http://127.0.0.1:{self.server.port}', '--items', self.rows_path],
        }
        self.begins = {name: data for name in self.words}
        self.begins.update(load=self.rows_path, whatif=os.path.dirname(policy))
        self.expected = {name: self.run(name) for name in self.words}
        self.outcomes = collections.Counter()

    @staticmethod
    def make_promise(home):
        """A data directory with a promise, and a policy that would have made another."""
        os.mkdir(home)
        data, policy = os.path.join(home, 'data'), os.path.join(home, 'policy.json')
        with open(policy, 'w', encoding='ascii') as file:
            json.dump({'objective': ['parcels']}, file)
        server = Server(directory=data, durability='process').start()
        try:
            with server.client() as client:
                for path, body in (('nodes/n', {'type': 'store'}), ('items/A', {}), ('channels/all', {})):
                    client.put(f'/v1/{path}', body)
                entry = {'sku': 'A', 'node': 'n', 'quantity': 2, 'reason': 'delivery'}
                client.post('/v1/stock/adjust', {'source': 's', 'entries': [entry]})
                held = client.post('/v1/promises', {'channel': 'all', 'lines': [{'sku': 'A', 'quantity': 1}],
                                                    'hold': {'ttl_seconds': 600}})
                if held.status != 201:
                    raise Wrong(f'no promise: {held}')
            server.kill()
        finally:
            server.close()
        return data, policy

    def close(self):
        self.server.close()
        self.sweep.close()

    def run(self, name, wrapper=(), environment=None):
        return subprocess.run([*wrapper, PROGRAM, *self.words[name]], capture_output=True, timeout=END_S, check=False,
                              env={**os.environ, **(environment or {})})

    # ---- cases: (command, text)

    def cases(self):
        for name in self.words:
            trace = os.path.join(self.home, 'watched')
            self.run(name, watch_wrapper(trace, ERRORS))
            places = collections.defaultdict(list)
            for site in sites(trace, self.home, ERRORS, self.begins[name]):
                places[site.call, site.path].append(site)
            for found in places.values():
                step = max(1.0, len(found) / SITES_PER_PLACE_MAX)
                for index in range(int(len(found) / step)):
                    site = found[int(index * step)]
                    yield from ((name, str(Injection(site, error))) for error in ERRORS[site.call]
                                if self.is_plausible(site, error))
            yield from ((name, f'memory:{number}') for number in range(1, self.allocations(name) + 1))

    @staticmethod
    def is_plausible(site, error):
        """A send that fails has a dead connection behind it, on which nothing is received: strace cannot do that."""
        return site.call != 'sendto' or error == 'EINTR'

    def allocations(self, name):
        self.run(name, environment=self.memory(0))
        return self.report()[0]

    def memory(self, number):
        return {'LD_PRELOAD': FAULTS, 'ONHAND_FAULTS_MEMORY': str(number),
                'ONHAND_FAULTS_REPORT': os.path.join(self.home, 'report')}

    def report(self):
        with open(os.path.join(self.home, 'report'), encoding='ascii') as file:
            return tuple(int(word) for word in file.read().split())

    def run_case(self, name, text):
        """What the command did, and whether the fault happened."""
        if text.startswith('memory:'):
            done = self.run(name, environment=self.memory(int(text[7:])))
            return done, self.report()[1] > 0
        injection = Injection.parse(text)
        if os.path.exists(trace_of(self.home)):
            os.unlink(trace_of(self.home))
        done = self.run(name, injection.wrapper(self.home))
        return done, injection.is_hit(self.home)

    def check(self, name, text):
        done, is_hit = self.run_case(name, text)
        words = (done.stdout + done.stderr).decode(errors='replace')
        if done.returncode < 0 or done.returncode > 2:
            raise Wrong(f'it ended with {done.returncode}: {words[-2000:]}')
        if done.returncode == 0:
            if name != 'load' and done.stdout != self.expected[name].stdout:
                raise Wrong(f'exit 0, and not all of it was written: {words[-2000:]}')
            if name == 'load':
                self.check_loaded()
        elif not is_hit:
            raise Wrong(f'nothing failed, and it ended with {done.returncode}: {words[-2000:]}')
        elif not done.stderr.strip() and name != 'verify' or not words.strip():
            raise Wrong(f'it ended with {done.returncode}, and says nothing')
        elif name == 'verify' and done.stdout.rstrip().endswith(b'\nok'):
            raise Wrong(f'it ended with {done.returncode}, and says ok: {words[-2000:]}')
        outcome = 'not reached' if not is_hit else 'done' if done.returncode == 0 else 'error in words'
        self.outcomes[name, outcome] += 1

    def check_loaded(self):
        with self.server.client() as client:
            rows = client.get('/v1/items?limit=1000').json['items']
        if len(rows) != ROWS.count('\n') - 1:
            raise Wrong(f'exit 0, and {len(rows)} items are there')


def chosen(commands, arguments):
    if len(arguments) == 2 and arguments[0] != 'all':
        return [tuple(arguments)]
    cases = list(commands.cases())
    print(f'{len(cases)} cases in all')
    if arguments:
        return [case for case in cases if ' '.join(arguments[1:]) in ' '.join(case)]
    seed = int(os.environ.get('ONHAND_SEED') or random.SystemRandom().randrange(1 << 32))
    print(f'seed {seed}')
    return random.Random(seed).sample(cases, int(os.environ.get('ONHAND_CASES') or 60))


def main(arguments):
    if os.environ.get('ONHAND_SANITIZE') or not os.path.exists(FAULTS) or not is_permitted():
        print('skipped: a sanitizer; or the library of faults was not built; or strace is not here or may not trace')
        return 77
    start = time.monotonic()
    commands = Commands()
    wrong = 0
    try:
        cases = chosen(commands, arguments)
        for case in cases:
            try:
                commands.check(*case)
            except (Wrong, AssertionError, OSError, subprocess.TimeoutExpired) as error:
                wrong += 1
                print(f'repeat with: python3 tests/integration/test_command_faults.py {" ".join(case)}\n    {error}',
                      flush=True)
        for (name, outcome), count in sorted(commands.outcomes.items()):
            print(f'{name:10} {outcome:16} {count}')
        print(f'{len(cases)} cases, {wrong} wrong, {time.monotonic() - start:.0f} s')
        return 1 if wrong else 0
    finally:
        commands.close()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
