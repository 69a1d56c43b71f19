#!/usr/bin/env python3
"""
Soak: a real server on a real folder under mixed load and random faults for hours; its invariants are checked each minute
and after each fault; a report with plots at the end. `--help` says the rest; docs/PROOF.md, section 10, how to read it.
"""
import argparse
import json
import multiprocessing
import multiprocessing.connection
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests', 'integration'))

CONFIG = {'journal_segment_mib': 9, 'snapshot_journal_mib': 16, 'keep_snapshots': 2, 'connections_max': 120,
          'history_max': 262144}


def options():
    parser = argparse.ArgumentParser(description='Runs a server under load and faults and checks its invariants.')
    parser.add_argument('--hours', type=float, default=0)
    parser.add_argument('--minutes', type=float, default=0)
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument('--out', default='soak-report', help='folder of the report, new or of an earlier one')
    parser.add_argument('--program', help='the server; default: build/release/onhand, else build/dev/onhand')
    parser.add_argument('--durability', default='disk', choices=('process', 'disk'))
    parser.add_argument('--rate', type=float, default=200, help='requests a second of all clients together')
    parser.add_argument('--clients', type=int, default=3, help='client processes')
    parser.add_argument('--items', type=int, default=120)
    parser.add_argument('--check-seconds', type=float, default=60, help='between two checks')
    parser.add_argument('--fault-seconds', type=float, default=40, help='between two faults, on average; 0: none')
    parser.add_argument('--faults', help='these only, in this order, each at least once: kill,term,stop,...')
    parser.add_argument('--small-disk', type=int, default=0, metavar='MIB',
                        help='put the data on a tmpfs of this size (root only), so that a full disk is one')
    parser.add_argument('--sabotage', action='store_true', help='falsify the oracle by 0.001 once: the run must fail')
    given = parser.parse_args()
    given.seconds = given.hours * 3600 + given.minutes * 60 or 60
    return given


def find_program(given):
    places = [given.program, os.environ.get('ONHAND_PROGRAM'), *(f'{ROOT}/build/{preset}/onhand' for preset in ('release', 'dev'))]
    for place in places:
        if place and os.path.exists(place):
            return os.path.abspath(place)
    sys.exit('no server found: build it, or say --program')


GIVEN = options() if __name__ == '__main__' else None
if GIVEN:
    os.environ['ONHAND_PROGRAM'] = find_program(GIVEN)

# These read ONHAND_PROGRAM when they are imported.
from checks import Checks                           # noqa: E402  pylint: disable=wrong-import-position
from faults import Faults                           # noqa: E402  pylint: disable=wrong-import-position
from judge import Judge                             # noqa: E402  pylint: disable=wrong-import-position
from load import DEADLINE_S, now_us, work           # noqa: E402  pylint: disable=wrong-import-position
from support.server import PROGRAM, Server, wait_until   # noqa: E402  pylint: disable=wrong-import-position
from watch import Latencies, Watch                  # noqa: E402  pylint: disable=wrong-import-position
import report                                       # noqa: E402  pylint: disable=wrong-import-position
import world as worlds                              # noqa: E402  pylint: disable=wrong-import-position


def make_new(folder):
    """Takes the place of an older report, never of anything else."""
    if os.path.isdir(folder) and os.listdir(folder):
        if not os.path.isdir(os.path.join(folder, 'server')) or os.path.ismount(os.path.join(folder, 'data')):
            sys.exit(f'{folder} is not empty, and not the report of an earlier soak')
        shutil.rmtree(folder)
    os.makedirs(folder, exist_ok=True)


def interrupt(*_):
    raise KeyboardInterrupt


class SoakServer(Server):
    """Keeps its folder, log and configuration in the folder of the report."""

    def __init__(self, out, data, durability):
        super().__init__(directory=data, durability=durability, config=CONFIG)
        shutil.rmtree(self.home)
        self.home = os.path.join(out, 'server')
        os.makedirs(self.home)
        self.log_path = os.path.join(self.home, 'log')
        self.config_path = os.path.join(self.home, 'onhand.conf')
        self.port_path = os.path.join(self.home, 'port')
        self.start_count = 0

    def spawn(self):
        """Each start has another number of network threads."""
        self.config['network_threads'] = self.start_count % 3
        self.start_count += 1
        return super().spawn()


class Soak:
    def __init__(self, given):
        self.given = given
        self.out = os.path.abspath(given.out)
        self.chance = random.Random(f'{given.seed}/run')
        self.began = time.time()
        self.mount = None
        make_new(self.out)
        self.server = SoakServer(self.out, self.data_folder(), given.durability)
        self.world = worlds.make_world(given.items, live_max=250)
        self.judge = Judge(worlds.new_oracle())
        self.checks = Checks(self.server, self.judge, self.out)
        self.port = multiprocessing.Value('i', 0)
        self.faults = Faults(self.server, self.port, given.seed, self.fault_library(), self.ballast())
        self.faults_in_order = given.faults.split(',') if given.faults else []
        self.flags = {'stop': multiprocessing.Event(), 'pause': multiprocessing.Event()}
        self.latencies = Latencies(int(self.began * 1e6), self.interval_s())
        self.watch = Watch(self.server, self.began, self.interval_s(), self.latencies)
        self.lock = threading.Lock()
        self.events, self.statuses, self.tallies, self.idle = [], {}, {}, set()
        self.rows = {'faults': [], 'checks': []}
        self.workers, self.pipes = [], []
        self.trouble = None
        self.commit = subprocess.run(['git', 'log', '-1', '--format=%h %s'], capture_output=True, text=True, check=False,
                                     cwd=ROOT).stdout.strip()
        self.fold_records = 0

    def interval_s(self):
        return max(0.5, min(10.0, self.given.seconds / 200))

    # ---- the ground

    def data_folder(self):
        data = os.path.join(self.out, 'data')
        if self.given.small_disk:
            os.makedirs(data)
            done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={self.given.small_disk}m', 'tmpfs', data], check=False)
            self.mount = data if done.returncode == 0 else None
            if not self.mount:
                print('a tmpfs cannot be mounted here: the disk is full by decree instead')
        return os.path.join(data, 'onhand') if self.mount else data

    def ballast(self):
        return os.path.join(self.mount, 'ballast') if self.mount else None

    @staticmethod
    def fault_library():
        library = os.environ.get('ONHAND_FAULTS') or os.path.join(
            os.path.dirname(PROGRAM), 'tests', 'integration', 'libonhand_faults.so')
        return library if os.path.exists(library) and not os.environ.get('ONHAND_SANITIZE') else None

    def begin(self):
        self.server.start()
        self.port.value = self.server.port
        with self.server.client() as client:
            worlds.make(client, self.world, self.judge, self.given.seed)
        for number in range(self.given.clients):
            ours, theirs = multiprocessing.Pipe(False)
            process = multiprocessing.Process(target=work, daemon=True, args=(
                number, self.world, self.given.seed, self.given.rate / self.given.clients, self.port, self.flags, theirs))
            process.start()
            theirs.close()
            self.workers.append(process)
            self.pipes.append(ours)
        threading.Thread(target=self.listen, daemon=True).start()
        self.watch.start()

    def listen(self):
        """Takes what the clients report, until the last has gone."""
        pipes = list(self.pipes)
        while pipes:
            for pipe in multiprocessing.connection.wait(pipes, 1):
                try:
                    message = pipe.recv()
                except (EOFError, OSError):
                    pipes.remove(pipe)
                    continue
                with self.lock:
                    self.take(message)

    def take(self, message):
        self.events += message['events']
        self.latencies.add(message['latencies'])
        for name, count in message['statuses'].items():
            self.statuses[name] = self.statuses.get(name, 0) + count
        self.tallies[message['worker']] = message['tallies']
        for found in message['troubles']:
            self.checks.violation(found['check'], found['what'])
        self.watch.live[message['worker']] = message['live']
        if message['idle']:
            self.idle.add(message['worker'])

    # ---- the run

    def run(self):
        end = time.monotonic() + self.given.seconds
        following_check = time.monotonic() + self.given.check_seconds
        following_fault = self.after_a_while()
        while (time.monotonic() < end or self.owes_faults()) and not self.checks.violations:
            if time.monotonic() >= following_fault:
                self.check('after ' + self.fault())
                following_fault, following_check = self.after_a_while(), time.monotonic() + self.given.check_seconds
            elif time.monotonic() >= following_check:
                self.check('each minute')
                following_check = time.monotonic() + self.given.check_seconds
            elif self.server.process.poll() is not None:
                raise AssertionError(f'the server ended with {self.server.process.returncode}')
            else:
                time.sleep(min(0.1, max(0.01, end - time.monotonic())))
                with self.lock:
                    self.latencies.close(now_us() - 60_000_000)

    def owes_faults(self):
        return self.given.fault_seconds > 0 and len(self.rows['faults']) < len(self.faults_in_order)

    def after_a_while(self):
        if not self.given.fault_seconds:
            return float('inf')
        return time.monotonic() + self.given.fault_seconds * self.chance.uniform(0.5, 1.5)

    def fault(self):
        if self.faults_in_order:
            kind = self.faults_in_order[len(self.rows['faults']) % len(self.faults_in_order)]
        else:
            kind = self.faults.pick()
        row = {'t': round(time.time() - self.began, 2), 'fault': kind}
        self.rows['faults'].append(row)
        row['what'] = self.faults.kinds[kind]()
        row['end'] = round(time.time() - self.began, 2)
        print(f'{row["t"]:9.1f} s  {kind}: {row["what"]}', flush=True)
        return kind

    def check(self, reason, is_last=False):
        """Pauses the load, compares everything, lets it go on; the copy is verified beside the load."""
        row = {'t': round(time.time() - self.began, 2), 'reason': reason}
        self.idle.clear()
        self.flags['pause'].set()
        wait_until(lambda: len(self.idle) == len(self.workers), 'the clients do not come to rest', DEADLINE_S + 60)
        with self.lock:
            events, self.events = self.events, []
        self.feed(events)
        if self.given.sabotage and len(self.rows['checks']) == 1:
            self.judge.oracle.counters['sku0', 'n0', 'sellable'].base += 1
        with self.server.client() as client:
            self.checks.all(client, self.world['skus'] + self.world['import_skus'])
        self.count_tallies()
        copy = self.checks.copy_data()
        self.checks.bounds(self.watch.sample())
        if not is_last:
            self.flags['pause'].clear()
        row['paused_s'] = round(time.time() - self.began - row['t'], 2)
        if self.checks.verify(copy):
            shutil.rmtree(copy)
        row.update(events=len(events), violations=len(self.checks.violations), counts=dict(self.checks.counts))
        self.rows['checks'].append(row)
        print(f'{row["t"]:9.1f} s  check {reason}: {len(events)} answers, paused {row["paused_s"]} s, '
              f'{row["violations"]} violations', flush=True)

    def feed(self, events):
        for event in events:
            if event['op'] == 'import':
                for sku, node, quantity, as_of in event['rows']:
                    self.judge.oracle.counters[sku, node, 'sellable'].take_count((as_of, None, quantity))
        self.judge.fold([event for event in events if event['op'] != 'import'])

    def count_tallies(self):
        self.checks.counts['replies'] = sum(self.statuses.values())
        self.checks.counts['seq'] = sum(tally['seq'] for tally in self.tallies.values())
        self.checks.counts['idempotency'] = sum(tally['replayed'] for tally in self.tallies.values())

    def finish(self):
        """The last check, SIGTERM, verify, and the fold of what was recorded."""
        self.check('at the end', is_last=True)
        self.end_workers()
        self.server.stop()
        self.checks.verify(self.server.data)
        self.fold_records = self.checks.fold(PROGRAM)

    def end_workers(self):
        self.flags['stop'].set()
        self.flags['pause'].clear()
        for process in self.workers:
            process.join(10)
            if process.is_alive():
                process.kill()
                process.join()

    def clean_up(self):
        self.end_workers()
        self.watch.over.set()
        if self.watch.is_alive():
            self.watch.join(10)
        if self.server.process and self.server.process.poll() is None:
            self.server.process.terminate()
            self.server.wait()

    # ---- the whole

    def main(self):
        signal.signal(signal.SIGTERM, interrupt)
        print(f'seed {self.given.seed}, {self.given.seconds:.0f} s, {PROGRAM}', flush=True)
        try:
            self.begin()
            self.run()
            if not self.checks.violations:
                self.finish()
        except KeyboardInterrupt:
            self.trouble = 'interrupted'
        except Exception as error:  # pylint: disable=broad-except
            self.trouble = f'{type(error).__name__}: {error}'[:4000]
        try:
            self.clean_up()
        except AssertionError as error:
            self.trouble = self.trouble or str(error)
        growth = self.checks.growth(self.watch.samples)
        self.latencies.close()
        report.write(self, growth)
        return self.end()

    def end(self):
        """The data stay when something was found."""
        is_ok = not self.trouble and not self.checks.violations
        if self.mount and not is_ok:
            shutil.copytree(self.server.data, os.path.join(self.out, 'data-kept'))
        if self.mount:
            subprocess.run(['umount', self.mount], check=False)
        for found in self.checks.violations[:10]:
            print(f'VIOLATION of {found["check"]}: {found["what"][:1500]}')
        if self.trouble:
            print(f'TROUBLE: {self.trouble}')
        print(f'report: {os.path.join(self.out, "report.html")}')
        if is_ok:
            print('ok')
            return 0
        print(f'repeat with: {self.command()}')
        return 1

    def command(self):
        given = self.given
        words = ['python3', 'tests/soak/soak.py', '--minutes', f'{given.seconds / 60:g}', '--seed', str(given.seed)]
        for name, default in (('durability', 'disk'), ('rate', 200), ('clients', 3), ('items', 120), ('check_seconds', 60),
                              ('fault_seconds', 40), ('faults', None), ('small_disk', 0)):
            if getattr(given, name) != default:
                words += ['--' + name.replace('_', '-'), str(getattr(given, name))]
        return ' '.join(words + ['--sabotage'] * given.sabotage)

    def environment(self):
        def said(*words):
            try:
                return subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()
            except OSError:
                return ''
        return {'command': self.command(), 'commit': self.commit or 'unknown',
                'server': said(PROGRAM, '--version') or 'unknown', 'build': os.path.basename(os.path.dirname(PROGRAM)),
                'machine': f'{os.cpu_count()} processors, {platform.platform()}', 'python': platform.python_version(),
                'durability': self.given.durability, 'began': time.strftime('%Y-%m-%d %H:%M:%S UTC', time.gmtime(self.began)),
                'disk faults': 'tmpfs and preload' if self.mount else 'preload' if self.faults.library else 'none',
                'clock': 'never touched'}


if __name__ == '__main__':
    sys.exit(Soak(GIVEN).main())
