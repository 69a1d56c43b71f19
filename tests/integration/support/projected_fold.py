"""
What the tables must hold: a fold of `onhand dump`, and a reading of the tables in the same form.

It follows docs/spec/ledger.md and the comments of sql/0001_tables.sql, and shares no code with the projector: records in,
rows out, one dictionary per table. Only a journal that begins with record 1 can be folded.
"""
import decimal
import hashlib
import json
import subprocess
from datetime import datetime, timezone

from .server import PROGRAM

STATES = ('sellable', 'damaged', 'quality_control', 'display', 'returned')
RULE_VALUES = ('safety_stock', 'threshold', 'min_quantity', 'max_quantity', 'quantity_increment', 'backorder_limit',
               'low_stock', 'pickup_allowed', 'ship_allowed', 'preorder')

# Columns of each table and how to read them: t text, i integer, q quantity, z time, b boolean, d double.
TABLES = {
    'node': 'node:t index:i type:t name:t gln:t country:t time_zone:t city:t region:t postal_code:t latitude:d longitude:d'
            ' ships:b collects:b enabled:b seq:i',
    'item': 'sku:t index:i name:t gtin:t class:t weight_grams:i side_mm:i volume_cm3:i seq:i',
    'node_group': 'node_group:t index:i name:t seq:i',
    'node_group_member': 'node_group:t node:t priority:i ordinal:i',
    'channel': 'channel:t index:i name:t policy:t seq:i',
    'channel_node': 'channel:t ordinal:i node:t',
    'channel_group': 'channel:t ordinal:i node_group:t',
    'rule': 'rule:t sku:t node:t channel:t safety_stock:q threshold:q min_quantity:q max_quantity:q quantity_increment:q'
            ' backorder_limit:q low_stock:q pickup_allowed:b ship_allowed:b preorder:b seq:i',
    'fence': 'fence:t sku:t node:t channel:t quantity:q policy:t seq:i',
    'supply': 'supply:t sku:t node:t quantity:q eta:z seq:i',
    'postal_code': 'country:t postal_code:t place:t latitude:d longitude:d seq:i',
    'transit': 'service:t origin:t destination:t weekday:i bucket:i deliveries:i seq:i',
    'document': 'kind:t id:t body:t seq:i',
    'position': 'sku:t node:t sellable:q damaged:q quality_control:q display:q returned:q held:q confirmed:q seq:i'
                ' first_movement:i has_forgotten:b',
    'position_count': 'sku:t node:t state:t as_of:z source_seq:i quantity:q source:t seq:i',
    'opening': 'sku:t node:t state:t quantity:q',
    'movement': 'seq:i ordinal:i recorded_at:z at:z sku:t node:t state:t kind:t quantity:q told:q number:i source:t reason:t'
                ' reservation:t line:i',
    'reservation': 'reservation:t kind:t channel:t customer:t order_ref:t status:t created_at:z expires_at:z ended_at:z'
                   ' made_seq:i seq:i',
    'reservation_line': 'reservation:t line:i sku:t node:t quantity:q held:q confirmed:q fulfilled:q expired:q released:q'
                        ' due_at:z ordinal:i seq:i',
    'booking': 'reservation:t node:t resource:t unit:t from_at:z until_at:z quantity:q ordinal:i seq:i',
    'promise': 'reservation:t body:t seq:i',
    'reservation_event': 'seq:i ordinal:i at:z reservation:t line:i sku:t node:t event:t quantity:q held:q confirmed:q'
                         ' expires_at:z',
    'idempotency_key': 'seq:i ordinal:i at:z answer_seq:i fingerprint:t key:t answer:i',
    'import_progress': 'import:t rows:i rejected:i number:i',
}

# What is not a column as it stands.
EXPRESSIONS = {
    ('idempotency_key', 'fingerprint'): "lpad(to_hex(fingerprint), 16, '0')",
    ('idempotency_key', 'key'): "encode(key, 'hex')",
    ('idempotency_key', 'answer'): 'length(answer)',
}


def columns_of(table):
    return [tuple(column.split(':')) for column in TABLES[table].split()]


def time_us(text):
    """Microseconds of an RFC 3339 text, or None."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text.replace('Z', '+00:00'))
    since = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (since.days * 86400 + since.seconds) * 1000000 + since.microseconds


def milli(value):
    return None if value is None else int(value * 1000)


# ---- The tables --------------------------------------------------------------------------------------------------

def select_of(table):
    values = []
    for name, kind in columns_of(table):
        text = EXPRESSIONS.get((table, name), name)
        if kind == 'q':
            text = f'({text} * 1000)::bigint'
        if kind == 'z':
            text = f'(extract(epoch FROM {text}) * 1000000)::bigint'
        values.append(text)
    return f'SELECT {", ".join(values)} FROM onhand.{table}'


READERS = {'t': str, 'i': int, 'q': int, 'z': int, 'b': lambda text: text == 't', 'd': float}


def tables(session):
    """{table: rows} of all tables, at one moment; rows as sorted lists of tuples. And the watermark's seq."""
    session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    read = {}
    for table in TABLES:
        readers = [READERS[kind] for _, kind in columns_of(table)]
        read[table] = in_order([tuple(None if value is None else reader(value) for reader, value in zip(readers, row))
                                for row in session.query(select_of(table))])
    seq = int(session.value('SELECT seq FROM onhand.watermark'))
    session.query('ROLLBACK')
    return read, seq


def in_order(rows):
    return sorted(rows, key=lambda row: tuple((value is not None, value) for value in row))


# ---- The fold ----------------------------------------------------------------------------------------------------
IMPORTS_KEPT = 4096


class Fold:
    def __init__(self):
        self.seq = 0
        self.node, self.item, self.node_group, self.channel = {}, {}, {}, {}
        self.members, self.channel_nodes, self.channel_groups = {}, {}, {}
        self.rule, self.fence, self.supply, self.postal_code = {}, {}, {}, {}
        self.position, self.count, self.imports = {}, {}, {}
        self.reservation, self.line = {}, {}
        self.transit, self.document, self.booking, self.promise = {}, {}, {}, {}
        self.movement, self.event, self.key = [], [], []
        self.numbers = 0
        self.import_count = 0

    def read(self, data):
        """Folds the journal of a data directory that nobody writes to."""
        with subprocess.Popen([PROGRAM, 'dump', data], stdout=subprocess.PIPE) as dump:
            for line in dump.stdout:    # a key may be any bytes, in a name space of its own
                self.record(json.loads(line.decode('utf-8', 'surrogateescape'), parse_float=decimal.Decimal))
        if dump.returncode != 0:
            raise AssertionError(f'onhand dump ended with {dump.returncode}')
        return self

    def record(self, record):
        if record['seq'] != self.seq + 1:
            raise AssertionError(f'record {record["seq"]} follows record {self.seq}')
        self.seq, self.at = record['seq'], time_us(record['at'])
        for self.ordinal, effect in enumerate(record['effects']):
            getattr(self, 'take_' + effect['effect'].replace('-', '_'))(effect)

    # ---- reference data

    def take_node(self, e):
        text = [e.get(name, '') for name in ('name', 'gln', 'country', 'time_zone', 'city', 'region', 'postal_code')]
        point = [None if e.get(name) is None else float(e[name]) for name in ('lat', 'lon')]
        self.node[e['node']] = (e['node'], e['index'], e['type'], *text, *point, e['ships'], e['collects'], e['enabled'],
                                self.seq)

    def take_item(self, e):
        self.item[e['sku']] = (e['sku'], e['index'], e.get('name', ''), e.get('gtin', ''), e.get('class', ''),
                               e.get('weight_grams', 0), e.get('side_mm', 0), e.get('volume_cm3', 0), self.seq)

    def take_group(self, e):
        self.node_group[e['group']] = (e['group'], e['index'], e.get('name', ''), self.seq)
        self.members[e['group']] = {}
        for i, (node, priority) in enumerate(zip(e['nodes'], e['priorities'])):
            self.members[e['group']][node] = (e['group'], node, priority, self.seq * 65536 + i)

    def take_group_member(self, e):
        self.members[e['group']][e['node']] = (e['group'], e['node'], e['priority'], self.seq * 65536 + self.ordinal)

    def take_channel(self, e):
        self.channel[e['channel']] = (e['channel'], e['index'], e.get('name', ''), e['policy'], self.seq)
        self.channel_nodes[e['channel']] = [(e['channel'], i, node) for i, node in enumerate(e['nodes'])]
        self.channel_groups[e['channel']] = [(e['channel'], i, group) for i, group in enumerate(e['groups'])]

    def take_rule(self, e):
        self.rule.pop(e['rule'], None)
        if not e.get('removed'):
            values = [e.get(name) if isinstance(e.get(name), bool) else milli(e.get(name)) for name in RULE_VALUES]
            self.rule[e['rule']] = (e['rule'], e.get('sku'), e.get('node'), e.get('channel'), *values, self.seq)

    def take_fence(self, e):
        self.fence.pop(e['fence'], None)
        if not e.get('removed'):
            self.fence[e['fence']] = [e['fence'], e['sku'], e['node'], e['channel'], milli(e['quantity']), e['policy'], self.seq]
            self.place(e)

    def take_supply(self, e):
        self.supply.pop(e['supply'], None)
        if e['quantity']:
            self.supply[e['supply']] = (e['supply'], e['sku'], e['node'], milli(e['quantity']), time_us(e['eta']), self.seq)
            self.place(e)

    def take_postal_code(self, e):
        self.postal_code[e['country'], e['postal_code']] = (
            e['country'], e['postal_code'], e.get('place', ''), float(e['lat']), float(e['lon']), self.seq)

    def take_transit(self, e):
        for bucket, deliveries in e['buckets']:
            name = (e['service'], e['origin'], e['destination'], e['weekday'], bucket)
            self.transit[name] = (self.transit.get(name, (0, 0))[0] + deliveries, self.seq)

    def take_document(self, e):
        self.document.pop((e['kind'], e['id']), None)
        if not e.get('removed'):
            self.document[e['kind'], e['id']] = (e['body'], self.seq)

    # ---- stock

    def place(self, e):
        """The position, which is there from now on."""
        found = self.position.setdefault((e['sku'], e['node']), {**dict.fromkeys(STATES, 0), 'held': 0, 'confirmed': 0,
                                                                'first': None})
        found['seq'] = self.seq
        return found

    def move(self, e, kind, told, change, at, has_number, **more):
        position = self.place(e)
        position[e.get('state', 'sellable')] += change
        number = self.numbers if has_number else None
        if has_number:
            self.numbers += 1
            if position['first'] is None:
                position['first'] = number
        self.movement.append((self.seq, self.ordinal, self.at, at, e['sku'], e['node'], e.get('state', 'sellable'), kind,
                              change, told, number, more.get('source'), more.get('reason'), more.get('reservation'),
                              more.get('line')))

    def take_movement(self, e):
        told = milli(e['quantity'])
        is_counted = e.get('counted', False)
        self.move(e, 'adjust', told, 0 if is_counted else told, time_us(e['at']), not is_counted, source=e.get('source'),
                  reason=e.get('reason', ''))

    def take_count(self, e):
        self.move(e, 'count', milli(e['quantity']), milli(e['change']), time_us(e['as_of']), False, source=e.get('source'))
        self.count[e['sku'], e['node'], e['state']] = (
            e['sku'], e['node'], e['state'], time_us(e['as_of']), e.get('source_seq'), milli(e['quantity']), e.get('source'),
            self.seq)

    # ---- reservations

    def take_reservation(self, e):
        for name in [name for name in self.line if name[0] == e['id']]:
            del self.line[name]
        for name in [name for name in self.booking if name[0] == e['id']]:
            del self.booking[name]
        self.promise.pop(e['id'], None)
        self.reservation[e['id']] = {
            'kind': e['kind'], 'channel': e.get('channel'), 'customer': e.get('customer'), 'order': e.get('order'),
            'created': time_us(e['created_at']), 'expires': time_us(e.get('expires_at')), 'ended': time_us(e.get('ended_at')),
            'made': self.seq, 'seq': self.seq, 'lines': {}}

    def take_claim(self, e):
        reservation = self.reservation[e['id']]
        name = (e['line'], e['sku'], e.get('node'))
        line = reservation['lines'].setdefault(name, {**dict.fromkeys(('quantity', 'held', 'confirmed', 'fulfilled', 'expired'), 0),
                                                     'due': None, 'ordinal': self.seq * 65536 + self.ordinal})
        for figure in ('quantity', 'held', 'confirmed', 'fulfilled', 'expired'):
            line[figure] += milli(e.get(figure, 0))
        if line['due'] is None and e['held'] + e['confirmed'] > 0:
            line['due'] = time_us(e.get('due_at'))
        line['seq'] = reservation['seq'] = self.seq
        self.tell(e, 'claim' if 'node' in e else 'short', milli(e['quantity']), milli(e['held']), milli(e['confirmed']))

    def take_booking(self, e):
        name = (e['id'], e['node'], e['resource'], time_us(e['from']))
        made = (e['unit'], time_us(e['until']), 0, self.seq * 65536 + self.ordinal, self.seq)
        unit, until, _, ordinal, _ = self.booking.pop(name, made)
        if e['quantity']:
            self.booking[name] = (unit, until, milli(e['quantity']), ordinal, self.seq)     # what is counted stays

    def take_promise(self, e):
        self.promise[e['id']] = (e['body'], self.seq)

    def tell(self, e, event, quantity, held, confirmed):
        """One row of history; what it changes at the position."""
        if 'node' in e:
            position = self.place(e)
            position['held'] += held
            position['confirmed'] += confirmed
        self.event.append((self.seq, self.ordinal, self.at, e['id'], e['line'], e['sku'], e.get('node'), event, quantity, held,
                           confirmed, None))

    def take_step(self, e):
        step, quantity = e['step'], milli(e['quantity'])
        reservation = self.reservation[e['id']]
        line = reservation['lines'][e['line'], e['sku'], e['node']]
        is_held = step in ('confirm', 'expire') or (step != 'fulfil' and e['from'] == 'held')
        held, confirmed = (-quantity, 0) if is_held else (0, -quantity)
        if step == 'confirm':
            confirmed = quantity
        line['held'] += held
        line['confirmed'] += confirmed
        line['due'] = line['due'] if line['held'] + line['confirmed'] else None
        line['seq'] = reservation['seq'] = self.seq
        if step == 'fulfil':
            line['fulfilled'] += quantity
        if step == 'expire':
            line['expired'] += quantity
        if step == 'move':
            line['quantity'] -= quantity
            if line['quantity'] == 0:
                del reservation['lines'][e['line'], e['sku'], e['node']]
        elif reservation['ended'] is None and not any(l['held'] + l['confirmed'] for l in reservation['lines'].values()):
            reservation['ended'] = self.at
        self.tell(e, step, quantity, held, confirmed)
        if step == 'fulfil':
            self.leave(e, quantity, reservation['channel'])

    def leave(self, e, quantity, channel):
        is_counted = e.get('counted', False)
        self.move(e, 'fulfil', -quantity, 0 if is_counted else -quantity, time_us(e['at']), not is_counted,
                  reservation=e['id'], line=e['line'])
        for fence in self.fence.values():
            if fence[1:4] == [e['sku'], e['node'], channel]:
                fence[4] = max(0, fence[4] - quantity)
                fence[6] = self.seq

    def take_extend(self, e):
        reservation = self.reservation[e['id']]
        reservation['expires'], reservation['seq'] = time_us(e.get('expires_at')), self.seq
        self.event.append((self.seq, self.ordinal, self.at, e['id'], None, None, None, 'extend', None, 0, 0,
                           reservation['expires']))

    # ---- the rest

    def take_key(self, e):
        space = {'header': b'k', 'reservation': b'r', 'entry': b'e', 'delivery': b'd'}[e['of']]
        source = e['source'].encode('utf-8', 'surrogateescape') + b'\0' if e['of'] == 'entry' else b''
        self.key.append((self.seq, self.ordinal, time_us(e['at']), e['seq'], e['fingerprint'],
                         (space + source + e['key'].encode('utf-8', 'surrogateescape')).hex(), e['answer_size']))

    def take_import(self, e):
        self.import_count += 1
        self.imports[e['import']] = (e['import'], e['rows'], e['rejected'], self.import_count)

    # ---- as tables

    @staticmethod
    def status(lines):
        for figure, status in (('held', 'held'), ('confirmed', 'confirmed'), ('fulfilled', 'fulfilled'), ('expired', 'expired')):
            if any(line[figure] for line in lines):
                return status
        return 'released'

    def tables(self):
        lines = [(name, key, line) for name, r in self.reservation.items() for key, line in r['lines'].items()]
        found = {
            'node': self.node.values(), 'item': self.item.values(), 'node_group': self.node_group.values(),
            'node_group_member': [row for rows in self.members.values() for row in rows.values()],
            'channel': self.channel.values(),
            'channel_node': [row for rows in self.channel_nodes.values() for row in rows],
            'channel_group': [row for rows in self.channel_groups.values() for row in rows],
            'rule': self.rule.values(), 'fence': map(tuple, self.fence.values()), 'supply': self.supply.values(),
            'postal_code': self.postal_code.values(), 'position_count': self.count.values(), 'opening': [],
            'position': [(*place, *(p[state] for state in STATES), p['held'], p['confirmed'], p['seq'], p['first'], False)
                         for place, p in self.position.items()],
            'movement': self.movement, 'reservation_event': self.event, 'idempotency_key': self.key,
            'import_progress': sorted(self.imports.values(), key=lambda row: row[3])[-IMPORTS_KEPT:],
            'transit': [(*name, *row) for name, row in self.transit.items()],
            'document': [(*name, *row) for name, row in self.document.items()],
            'booking': [(*name[:3], row[0], name[3], *row[1:]) for name, row in self.booking.items()],
            'promise': [(name, *row) for name, row in self.promise.items()],
            'reservation': [(name, r['kind'], r['channel'], r['customer'], r['order'], self.status(r['lines'].values()),
                             r['created'], r['expires'], r['ended'], r['made'], r['seq'])
                            for name, r in self.reservation.items()],
            'reservation_line': [
                (name, *key, l['quantity'], l['held'], l['confirmed'], l['fulfilled'], l['expired'],
                 l['quantity'] - l['held'] - l['confirmed'] - l['fulfilled'] - l['expired'], l['due'], l['ordinal'],
                 l['seq'])
                for name, key, l in lines],
        }
        return {table: in_order(rows) for table, rows in found.items()}


# ---- Comparing ---------------------------------------------------------------------------------------------------

def digest(rows):
    """(count, sum of the quantities, hash) of a table's rows."""
    total = sum(value for row in rows for value in row if isinstance(value, int) and not isinstance(value, bool))
    return len(rows), total, hashlib.sha256(repr(rows).encode()).hexdigest()


def differences(expected, found):
    """Sentences: which tables differ, and the first rows that only one side has."""
    said = []
    for table in TABLES:
        if digest(expected[table]) != digest(found[table]):
            only = [(side, row) for side, rows, others in (('missing', expected, found), ('not expected', found, expected))
                    for row in sorted(set(rows[table]) - set(others[table]), key=repr)[:3]]
            said.append(f'{table}: {len(expected[table])} rows expected, {len(found[table])} found: {only}')
    return said
