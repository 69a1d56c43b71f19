"""Records of a journal, decoded once more: from docs/spec/records.md and docs/DURABILITY.md, not from src/codec.

What comes out has the form of `onhand dump`, numbers as Decimal, nothing where there is null. Of good journals only:
nothing is checked but that every byte of an effect is used.
"""
import datetime
import struct
from decimal import Decimal

from support.journal import FRAME_HEADER, frames

EPOCH = datetime.datetime(1970, 1, 1)
LAST_TIME = 7258118400000000  # the first microsecond of 2200: what dump writes for anything later
NEVER = -2**63
NODE_TYPES = ['store', 'warehouse', 'supplier', 'pickup_point']
STATES = ['sellable', 'damaged', 'quality_control', 'display', 'returned']
KINDS = ['any', 'cart', 'collect', 'ship', 'staff', 'transfer']
STEPS = ['confirm', 'release', 'expire', 'fulfil', 'move']
RULES = ['safety_stock', 'threshold', 'min_quantity', 'max_quantity', 'quantity_increment', 'backorder_limit',
         'low_stock', 'pickup_allowed', 'ship_allowed', 'preorder']
POLICIES = ['priority', 'nearest', 'highest_stock', 'fewest_splits']
FENCE_POLICIES = ['regular', 'restrict']
DOCUMENTS = ['calendar', 'zone', 'service', 'schedule', 'lane', 'sourcing']
UNITS = ['orders', 'lines', 'units', 'parcels']
KEY_SPACES = {b'k': 'header', b'r': 'reservation', b'e': 'entry', b'd': 'delivery'}


def text_of(data):
    return data.decode('utf-8', 'surrogateescape')


class Bytes:
    """A record's bytes, read from the front."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def raw(self, size):
        self.at += size
        assert self.at <= len(self.data)
        return self.data[self.at - size:self.at]

    def byte(self):
        return self.raw(1)[0]

    def u(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def i(self):
        value = self.u()
        return value // 2 if value % 2 == 0 else -(value + 1) // 2

    def s(self):
        return text_of(self.raw(self.u()))

    def d(self):
        return Decimal('%.15g' % struct.unpack('<d', self.raw(8))[0])

    def x(self):
        return self.u() - 1  # -1: none

    def milli(self):
        return Decimal(self.i()) / 1000


def time_text(us):
    us = min(max(us, 0), LAST_TIME)
    text = (EPOCH + datetime.timedelta(seconds=us // 1000000)).isoformat()
    micro = us % 1000000
    if micro % 1000:
        text += f'.{micro:06}'
    elif micro:
        text += f'.{micro // 1000:03}'
    return text + 'Z'


class Decoder:
    """Remembers the names of items, nodes, groups and channels, as `dump` does."""

    def __init__(self):
        self.names = {'sku': {}, 'node': {}, 'group': {}, 'channel': {}}

    def record(self, data):
        source = Bytes(data)
        assert source.byte() == 1
        self.seq = source.u()
        self.at = source.i()
        self.last = {'id': '', 'source': '', 'reason': ''}
        parts = []
        for _ in range(source.u()):
            kind = source.byte()
            parts.append((kind, Bytes(source.raw(source.u()))))
        assert source.at == len(data)
        for kind, part in parts:  # a name counts for the whole record
            self.learn(kind, part)
        at = None if self.at == NEVER else time_text(self.at)
        return {'seq': Decimal(self.seq), 'at': at, 'effects': [self.effect(*part) for part in parts]}

    def learn(self, kind, part):
        """Of a node, item, group or channel: its name is behind its index, of a node and a channel with a byte between."""
        what = {1: 'node', 2: 'sku', 3: 'group', 5: 'channel'}.get(kind)
        if what is None:
            return
        index = part.u()
        flags = part.byte() if what in ('node', 'channel') else 0
        if what == 'node' and flags & 8:
            part.raw(16)
        name = part.s()
        if name and (what != 'sku' or index < 2**24):
            self.names[what].setdefault(index, name)
        part.at = 0

    def effect(self, kind, part):
        name, read = {1: ('node', self.node), 2: ('item', self.item), 3: ('group', self.group),
                      4: ('group_member', self.group_member), 5: ('channel', self.channel), 6: ('rule', self.rule),
                      7: ('fence', self.fence), 8: ('supply', self.supply), 9: ('postal_code', self.postal_code),
                      10: ('movement', self.movement), 11: ('count', self.count), 12: ('reservation', self.reservation),
                      13: ('claim', self.claim), 14: ('step', self.step), 15: ('extend', self.extend),
                      16: ('key', self.key), 17: ('import', self.import_), 18: ('position', self.position),
                      19: ('remembered', self.remembered), 20: ('head', self.head), 21: ('document', self.document),
                      22: ('booking', self.booking), 23: ('promise', self.promise), 24: ('transit', self.transit)}[kind]
        out = {'effect': name, **read(part)}
        assert part.at == len(part.data), (name, part.at, len(part.data))
        return {name: value for name, value in out.items() if value is not None}

    # ---- Pieces

    def named(self, what, index):
        if index == -1:
            return {}
        name = self.names[what].get(index)
        return {what: name} if name else {('item' if what == 'sku' else what) + '_index': Decimal(index)}

    @staticmethod
    def no_node(index):
        """Here none is written as it is: the largest index."""
        return -1 if index == 2**16 - 1 else index

    def place(self, part):
        return {**self.named('sku', part.x()), **self.named('node', part.x())}

    def time(self, part):
        """A difference to the record's time, modulo 2^64. None: no time."""
        us = (part.i() + self.at + 2**63) % 2**64 - 2**63
        return None if us == NEVER else time_text(us)

    def same(self, part, what, is_same):
        if not is_same:
            self.last[what] = part.s()
        return self.last[what]

    def list(self, what, indexes):
        return [self.names[what].get(index) or Decimal(index) for index in indexes]

    # ---- Effects, in the order of the table in docs/spec/records.md

    def node(self, part):
        out = {'index': Decimal(part.u())}
        flags = part.byte()
        out.update(type=NODE_TYPES[flags & 7], ships=flags & 16 != 0, collects=flags & 32 != 0, enabled=flags & 64 != 0)
        if flags & 8:
            out.update(lat=part.d(), lon=part.d())
        out['node'] = part.s()
        for name in ('name', 'gln', 'country', 'time_zone', 'city', 'region', 'postal_code'):
            out[name] = part.s() or None
        return out

    def item(self, part):
        out = {'index': Decimal(part.u()), 'sku': part.s(), 'name': part.s() or None, 'gtin': part.s() or None}
        if part.at < len(part.data):
            out['class'] = part.s() or None
            for name in ('weight_grams', 'side_mm', 'volume_cm3'):
                out[name] = Decimal(part.u()) or None
        return out

    def group(self, part):
        out = {'index': Decimal(part.u()), 'group': part.s(), 'name': part.s() or None}
        count = part.u()
        out['nodes'] = self.list('node', [part.u() for _ in range(count)])
        priorities, last = [], 0
        for _ in range(count):
            last += part.i()
            priorities.append(Decimal(last))
        return {**out, 'priorities': priorities}

    def group_member(self, part):
        return {**self.named('group', self.no_node(part.u())), **self.named('node', self.no_node(part.u())), 'priority': Decimal(part.i())}

    def channel(self, part):
        out = {'index': Decimal(part.u()), 'policy': POLICIES[part.byte()], 'channel': part.s(),
               'name': part.s() or None}
        out['nodes'] = self.list('node', [part.u() for _ in range(part.u())])
        out['groups'] = self.list('group', [part.u() for _ in range(part.u())])
        return out

    def rule(self, part):
        out = {'rule': part.s(), **self.place(part), **self.named('channel', part.x())}
        mask = part.u()
        for bit in range(7):
            if mask >> bit & 1:
                out[RULES[bit]] = part.milli()
        flags = part.byte() if mask >> 7 else 0
        for bit in range(7, 10):
            if mask >> bit & 1:
                out[RULES[bit]] = flags >> bit - 7 & 1 != 0
        return {**out, 'removed': True if mask == 0 else None}

    def fence(self, part):
        out = {'fence': part.s()}
        item = part.x()
        where = {**self.named('sku', item), **self.named('node', part.x()), **self.named('channel', part.x())}
        where.update(quantity=part.milli(), policy=FENCE_POLICIES[part.byte()])
        return {**out, **({'removed': True} if item == -1 else where)}

    def supply(self, part):
        return {'supply': part.s(), **self.place(part), 'quantity': part.milli(), 'eta': self.time(part)}

    def postal_code(self, part):
        return {'country': part.s(), 'postal_code': part.s(), 'place': part.s() or None, 'lat': part.d(),
                'lon': part.d()}

    def movement(self, part):
        flags = part.byte()
        return {'state': STATES[flags & 7], **self.place(part), 'quantity': part.milli(), 'at': self.time(part),
                'counted': True if flags & 8 else None,
                'source': self.same(part, 'source', flags & 16) or None,
                'reason': self.same(part, 'reason', flags & 32) or None}

    def count(self, part):
        flags = part.byte()
        return {'state': STATES[flags & 7], **self.place(part), 'quantity': part.milli(), 'change': part.milli(),
                'as_of': self.time(part), 'source_seq': Decimal(part.i()) if flags & 8 else None,
                'source': self.same(part, 'source', flags & 16) or None}

    def reservation(self, part):
        flags = part.byte()
        self.last['id'] = part.s()
        return {'kind': KINDS[flags & 7], 'id': self.last['id'], **self.named('channel', part.x()),
                'created_at': self.time(part), 'expires_at': self.time(part) if flags & 8 else None,
                'ended_at': self.time(part) if flags & 16 else None, 'customer': part.s() if flags & 32 else None,
                'order': part.s() if flags & 64 else None}

    def claim(self, part):
        flags = part.byte()
        out = {'line': Decimal(part.u()), **self.place(part), 'quantity': part.milli()}
        shape = flags >> 3 & 3
        nothing = Decimal(0)
        out.update(held=out['quantity'] if shape == 1 else nothing, confirmed=out['quantity'] if shape == 2 else nothing,
                   fulfilled=nothing)
        if shape == 0:
            out.update(held=part.milli(), confirmed=part.milli(), fulfilled=part.milli())
        out['expired'] = part.milli() if flags & 1 else None
        out['due_at'] = self.time(part) if flags & 64 else None
        out['id'] = self.same(part, 'id', flags & 32)
        return out

    def step(self, part):
        flags = part.byte()
        step = STEPS[flags & 7]
        out = {'step': step, 'line': Decimal(part.u()), **self.place(part), 'quantity': part.milli(),
               'at': self.time(part), 'id': self.same(part, 'id', flags & 32), 'counted': True if flags & 16 else None}
        if step in ('release', 'move'):
            out['from'] = 'held' if flags & 8 else 'confirmed'
        return out

    def extend(self, part):
        flags = part.byte()
        return {'expires_at': self.time(part) if flags & 1 else None, 'id': self.same(part, 'id', flags & 2)}

    def key(self, part):
        key = part.raw(part.u())
        out = {'of': KEY_SPACES.get(key[:1], 'other')}
        rest = key[1:]
        if key[:1] == b'e' and rest:
            before, mark, behind = rest.partition(b'\0')
            out['source'] = text_of(before) if mark else ''
            rest = behind if mark else rest
        out['key'] = text_of(rest)
        out['fingerprint'] = f'{struct.unpack("<Q", part.raw(8))[0]:016x}'
        out['seq'] = Decimal((self.seq - part.i()) % 2**64)
        out['at'] = self.time(part)
        out['answer_size'] = Decimal(len(part.raw(part.u())))
        return out

    def import_(self, part):
        out = {'import': part.s(), 'rows': Decimal(part.u()), 'rejected': Decimal(part.u())}
        part.u()  # its number is not dumped
        return out

    def position(self, part):
        out = self.place(part)
        mask = part.byte()
        out['has_forgotten'] = True if mask & 32 else None
        for bit, name in enumerate(STATES):
            if mask >> bit & 1:
                flags = part.byte()
                state = {'quantity': part.milli() if flags & 1 else Decimal(0),
                         'as_of': self.time(part) if flags & 2 else None,
                         'source_seq': Decimal(part.i()) if flags & 4 else None}
                out[name] = {name: value for name, value in state.items() if value is not None}
        return out

    def remembered(self, part):
        return {'state': STATES[part.byte()], **self.place(part), 'quantity': part.milli(), 'at': self.time(part),
                'number': Decimal(part.u())}

    def document(self, part):
        out = {'kind': DOCUMENTS[part.byte()], 'id': part.s(), 'body': part.s() or None}
        return {**out, 'removed': True if out['body'] is None else None}

    def booking(self, part):
        flags = part.byte()
        out = {'unit': UNITS[flags & 7], **self.named('node', part.x()), 'resource': part.s()}
        begin = part.i() + self.at
        until = begin + part.i()
        out['from'], out['until'] = (None if us == NEVER else time_text(us)
                                     for us in ((us + 2**63) % 2**64 - 2**63 for us in (begin, until)))
        out['quantity'] = part.milli()
        out['id'] = self.same(part, 'id', flags & 8)
        return out

    def promise(self, part):
        flags = part.byte()
        return {'body': part.s(), 'id': self.same(part, 'id', flags & 1)}

    def transit(self, part):
        weekday = Decimal(part.byte())
        out = {'service': part.s(), 'origin': part.s(), 'destination': part.s(), 'weekday': weekday, 'buckets': []}
        bucket = 0
        for _ in range(part.u()):
            bucket += part.u()
            out['buckets'].append([Decimal(bucket), Decimal(part.u())])
        return out

    def head(self, part):
        return {'seq': Decimal(part.u()), 'time': self.time(part), 'movements': Decimal(part.u()),
                'forgotten_at': self.time(part)}


def records(path):
    """The bytes of each record of a journal file."""
    with open(path, 'rb') as file:
        data = file.read()
    for offset, size, count, _, _ in frames(path):
        payload = Bytes(data[offset + FRAME_HEADER.size:offset + size])
        for _ in range(count):
            yield payload.raw(struct.unpack('<I', payload.raw(4))[0])
