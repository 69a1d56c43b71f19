"""Looks at the process, its folder and its metrics every few seconds, and sums up what the clients measured."""
import bisect
import os
import threading
import time

from checks import read_metrics
from support.client import Client

MIB = 1 << 20


def process_figures(pid):
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        lines = dict(line.split(':', 1) for line in file.read().splitlines())
    return {'rss_mib': int(lines['VmRSS'].split()[0]) / 1024, 'threads': int(lines['Threads']),
            'fds': len(os.listdir(f'/proc/{pid}/fd'))}


def folder_mib(path):
    """Of the disk, not of the names."""
    total = 0
    for name in os.listdir(path) if os.path.isdir(path) else ():
        try:
            total += os.stat(os.path.join(path, name)).st_blocks * 512
        except FileNotFoundError:
            pass
    return total / MIB


METRICS = {'seq': 'onhand_ledger_seq', 'durable': 'onhand_ledger_durable_seq', 'holds': 'onhand_holds',
           'reservations': 'onhand_reservations', 'claims': 'onhand_claims', 'keys': 'onhand_keys',
           'movements': 'onhand_movements_total', 'waiting': 'onhand_replies_waiting',
           'syncs': 'onhand_journal_syncs_total', 'sync_us': 'onhand_journal_sync_microseconds_total',
           'short': 'onhand_short_positions', 'snapshots': 'onhand_snapshots_done_total',
           'verify_rounds': 'onhand_ledger_verify_rounds_total', 'journal_bytes': 'onhand_journal_bytes_total'}


class Watch(threading.Thread):
    def __init__(self, server, began, interval_s, latencies):
        super().__init__(daemon=True)
        self.server, self.began, self.interval_s, self.latencies = server, began, interval_s, latencies
        self.samples = []
        self.over = threading.Event()
        self.live = {}

    def run(self):
        while not self.over.wait(self.interval_s):
            self.samples.append(self.sample())

    def sample(self):
        row = {'t': round(time.time() - self.began, 2)}
        try:
            row.update(process_figures(self.server.process.pid))
            row['journal_mib'] = folder_mib(os.path.join(self.server.data, 'journal'))
            row['snapshot_mib'] = folder_mib(os.path.join(self.server.data, 'snapshot'))
            with Client(self.server.port, timeout_s=2) as client:
                found = read_metrics(client)
            row.update({name: found[metric] for name, metric in METRICS.items()})
            row['memory_mib'] = found['onhand_memory_bytes'] / MIB
            row['live'] = sum(self.live.values())
        except (OSError, KeyError, ValueError, AttributeError):
            row['is_away'] = True
        return row


class Latencies:
    """Latencies of the clients in buckets of time, and of all time by class (0: reads, 1: writes)."""

    def __init__(self, began_us, interval_s):
        self.began_us, self.interval_us = began_us, int(interval_s * 1e6)
        self.open = {}
        self.rows = []
        self.edges = [int(10 * 1.1 ** power) for power in range(170)]
        self.sums = [[0] * 171, [0] * 171]
        self.worst = [0, 0]

    def add(self, latencies):
        for at, latency, kind in latencies:
            self.open.setdefault((at - self.began_us) // self.interval_us, ([], []))[kind].append(latency)
            self.sums[kind][bisect.bisect_left(self.edges, latency)] += 1
            self.worst[kind] = max(self.worst[kind], latency)

    def close(self, before_us=None):
        """Sums up the buckets that are over: all of them, or those that end before a moment."""
        for number in sorted(self.open):
            if before_us is None or (number + 1) * self.interval_us + self.began_us < before_us:
                self.rows.append(self.row(number, *self.open.pop(number)))

    def row(self, number, *kinds):
        row = {'t': (number + 1) * self.interval_us / 1e6, 'rate': sum(map(len, kinds)) * 1e6 / self.interval_us}
        for name, values in zip(('read', 'write'), kinds):
            values.sort()
            if values:
                row.update({f'{name}_p50': values[len(values) // 2] / 1000, f'{name}_p99': values[len(values) * 99 // 100] / 1000,
                            f'{name}_max': values[-1] / 1000})
        return row

    def percentile(self, kind, part):
        """Milliseconds, to within 10 %."""
        wanted, seen = part * sum(self.sums[kind]), 0
        for index, count in enumerate(self.sums[kind]):
            seen += count
            if count and seen >= wanted:
                return min(self.edges[min(index, 169)], self.worst[kind]) / 1000
        return 0.0

    def count(self):
        return sum(map(sum, self.sums))
