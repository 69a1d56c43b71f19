"""
Folds what `onhand dump` writes: the newest snapshot, then the journal behind it. Shares nothing with the server, nor
with the oracle: this one follows what was recorded, that one what was answered.
"""
import json
import subprocess
from collections import defaultdict

from load import milli, us_of
from oracle import NEVER, STATES


class Fold:
    def __init__(self):
        self.states = defaultdict(int)      # (sku, node, state)
        self.claims = defaultdict(lambda: [0, 0])   # (reservation, sku, node) -> [held, confirmed]
        self.expires = {}
        self.seq = 0
        self.records = 0

    def read(self, program, data):
        """Reads a data directory that nobody writes to."""
        snapshot = subprocess.run([program, 'dump', '--snapshot', data], capture_output=True, text=True, check=False)
        current = None
        for line in snapshot.stdout.splitlines():
            current = self.apply(json.loads(line), current)
        with subprocess.Popen([program, 'dump', data, '--from', str(self.seq + 1)], stdout=subprocess.PIPE, text=True) as dump:
            for line in dump.stdout:
                self.record(json.loads(line))
        if dump.returncode != 0:
            raise AssertionError(f'onhand dump ended with {dump.returncode}')
        return self

    def record(self, record):
        if record['seq'] != self.seq + 1:
            raise AssertionError(f'record {record["seq"]} follows record {self.seq}')
        self.seq = record['seq']
        self.records += 1
        current = None
        for effect in record['effects']:
            current = self.apply(effect, current)

    def apply(self, effect, current):
        """One effect; returns the reservation that claims behind it belong to."""
        kind = effect['effect']
        if kind == 'head':
            self.seq = effect['seq']
        elif kind == 'position':
            for state in STATES:
                self.states[effect['sku'], effect['node'], state] += milli(effect.get(state, {}).get('quantity', 0))
        elif kind == 'movement' and not effect.get('counted'):
            self.states[effect['sku'], effect['node'], effect['state']] += milli(effect['quantity'])
        elif kind == 'count':
            self.states[effect['sku'], effect['node'], effect['state']] += milli(effect['change'])
        elif kind in ('reservation', 'extend'):
            self.expires[effect['id']] = us_of(effect.get('expires_at')) or NEVER
            return effect['id']
        elif kind == 'claim' and 'node' in effect:
            claim = self.claims[effect.get('id', current), effect['sku'], effect['node']]
            claim[0] += milli(effect['held'])
            claim[1] += milli(effect['confirmed'])
        elif kind == 'step':
            self.step(effect)
        return current

    def step(self, effect):
        claim, quantity = self.claims[effect['id'], effect['sku'], effect['node']], milli(effect['quantity'])
        step = effect['step']
        if step == 'confirm':
            claim[0] -= quantity
            claim[1] += quantity
        elif step == 'fulfil':
            claim[1] -= quantity
            if not effect.get('counted'):
                self.states[effect['sku'], effect['node'], 'sellable'] -= quantity
        else:
            claim[0 if step == 'expire' or effect.get('from') == 'held' else 1] -= quantity
        if min(claim) < 0:
            raise AssertionError(f'a claim below zero at record {self.seq}: {effect}')

    def rows(self, now):
        """(sku, node) -> what is there and claimed."""
        found = defaultdict(lambda: defaultdict(int))
        for (sku, node, state), quantity in self.states.items():
            found[sku, node][state] += quantity
        for (name, sku, node), (held, confirmed) in self.claims.items():
            found[sku, node]['held'] += held if now < self.expires[name] else 0
            found[sku, node]['confirmed'] += confirmed
        return found
