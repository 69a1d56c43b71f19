"""
One client process: a seeded mix of requests at a steady rate, through cuts, kills and refusals.

Every write carries an idempotency key and is sent again until it is answered, so when the load is paused nothing is in
doubt. What was asked and answered goes to the parent as events, in the words of judge.py. The reservations it acts on
are its own; items, nodes, rules and fences are everybody's.
"""
import calendar
import os
import random
import select
import signal
import socket
import time
import traceback

from support.client import Client, request_bytes, url

BUSY = {'storage_full', 'storage_busy', 'draining', 'not_ready', 'out_of_memory', 'too_many_imports'}
DEADLINE_S = 240
KINDS = ('cart', 'collect', 'ship', 'staff', 'transfer')
STATES = ('sellable',) * 6 + ('damaged', 'quality_control', 'display', 'returned')
HELD_ACTIONS = ('confirm', 'confirm', 'confirm', 'confirm', 'release', 'extend', 'change', 'move', 'fulfil')
FIRM_ACTIONS = ('confirm', 'release', 'extend', 'change', 'move', 'fulfil', 'fulfil', 'fulfil')
ENDED = ('expired', 'already_released', 'already_fulfilled', 'already_confirmed', 'not_confirmed', 'exceeds_claim',
         'nothing_claimed', 'not_held', 'unknown_line', 'insufficient_stock')


def now_us():
    return time.time_ns() // 1000


def text_of(at_us):
    whole, part = divmod(at_us, 1_000_000)
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole)) + f'.{part:06d}Z'


def us_of(text):
    """Microseconds of an RFC 3339 time in UTC, exactly."""
    if text is None:
        return None
    whole, _, part = text.rstrip('Z').partition('.')
    return calendar.timegm(time.strptime(whole, '%Y-%m-%dT%H:%M:%S')) * 1_000_000 + int((part + '000000')[:6])


def milli(value):
    return round(value * 1000)


class Ask:
    """One request, sent until it is answered."""
    __slots__ = ('method', 'target', 'body', 'headers', 'allowed', 'done', 'sent', 'answer', 'route')

    def __init__(self, route, method, target, body=None, key=None, allowed=(200,), done=None, media=None):
        self.route, self.method, self.target, self.body = route, method, target, body
        self.headers = {'Idempotency-Key': key} if key else {}
        if media:
            self.headers['Content-Type'] = media
        self.allowed, self.done, self.sent, self.answer = allowed, done, 0, None

    def data(self):
        return request_bytes(self.method, self.target, self.body, self.headers)


class Worker:
    def __init__(self, number, world, seed, rate, port, flags, pipe):
        self.number, self.world, self.rate = number, world, rate
        self.chance = random.Random(f'{seed}/{number}')
        self.port, self.flags, self.pipe = port, flags, pipe
        self.run = f'{number}'
        self.client = None
        self.key = 0
        self.mine = {}                    # reservation -> {'channel', 'expires', 'parts': [[line, sku, node, held, confirmed]]}
        self.recent_entries = []
        self.source_seq = 0
        self.seq_seen = 0
        self.events, self.latencies, self.troubles, self.statuses = [], [], [], {}
        self.tallies = {'replayed': 0, 'cut': 0, 'retried': 0, 'slow_reader': 0, 'pipelined': 0, 'import_rows': 0, 'seq': 0}

    # ---- the loop

    def main(self):
        following, flushed = time.monotonic(), time.monotonic()
        while not self.flags['stop'].is_set():
            if self.flags['pause'].is_set():
                self.flush(True)
                while self.flags['pause'].is_set() and not self.flags['stop'].is_set():
                    time.sleep(0.005)
                following = time.monotonic()
                continue
            asks = self.some_asks()
            self.send_all(asks)
            following = max(following + len(asks) / self.rate, time.monotonic() - 2)
            if time.monotonic() - flushed > 1:
                self.flush(False)
                flushed = time.monotonic()
            time.sleep(max(0, following - time.monotonic()))
        self.flush(True)

    def flush(self, is_idle):
        self.pipe.send({'worker': self.number, 'idle': is_idle, 'events': self.events, 'latencies': self.latencies,
                        'troubles': self.troubles, 'statuses': self.statuses, 'tallies': self.tallies,
                        'live': len(self.mine)})
        self.events, self.latencies, self.troubles, self.statuses = [], [], [], {}

    def trouble(self, check, text):
        if len(self.troubles) < 20:
            self.troubles.append({'check': check, 'what': text})

    # ---- asking

    def connection(self):
        if self.client is None or self.client.port != self.port.value:
            self.drop()
            self.client = Client(self.port.value, timeout_s=30)
        return self.client

    def drop(self):
        if self.client:
            self.client.close()
        self.client = None

    def send_all(self, asks):
        """Sends all at once, sometimes again when they are answered, and only then looks at the answers."""
        if len(asks) > 1:
            self.tallies['pipelined'] += len(asks)
        self.until_answered(asks, self.chance.random() < 0.01)
        if self.chance.random() < 0.04:
            self.repeat([ask for ask in asks if 'Idempotency-Key' in ask.headers and ask.route != 'batch'])
        for ask in asks:
            if ask.done and ask.answer is not None:
                ask.done(ask, ask.answer)

    def until_answered(self, asks, is_cut=False):
        """What was not answered goes out again, whatever has happened to the connection or the server."""
        waiting, end = list(asks), time.monotonic() + DEADLINE_S
        for ask in waiting:
            ask.sent = now_us()
        while waiting:
            if time.monotonic() > end:
                self.trouble('replies', f'no answer within {DEADLINE_S} s: {waiting[0].method} {waiting[0].target}')
                return
            try:
                if is_cut:
                    is_cut = False
                    self.cut(waiting)
                waiting = self.exchange(waiting)
            except OSError:
                self.drop()
                self.tallies['retried'] += len(waiting)
                time.sleep(0.02)

    def exchange(self, waiting):
        """One try on the open connection; returns what has to be sent again."""
        client = self.connection()
        client.send(b''.join(ask.data() for ask in waiting))
        again = []
        for index, ask in enumerate(waiting):
            try:
                response = client.receive()
            except OSError:
                self.drop()
                return again + waiting[index:]
            if response.status == 503 and self.is_busy(response):
                again.append(ask)
                if client.socket is None:
                    again += waiting[index + 1:]
                    break
                continue
            self.take(ask, response)
        if again:
            time.sleep(0.05)
        return again

    @staticmethod
    def is_busy(response):
        try:
            return response.json['code'] in BUSY
        except (ValueError, KeyError):
            return True

    def take(self, ask, response):
        now = now_us()
        self.latencies.append((now, now - ask.sent, 0 if ask.method == 'GET' else 1))
        name = f'{ask.route} {response.status}'
        self.statuses[name] = self.statuses.get(name, 0) + 1
        if response.status not in ask.allowed:
            self.trouble('replies', f'{ask.method} {ask.target} {str(ask.body)[:300]}: {response.status} {response.body[:300]!r}')
            return
        ask.answer = (response.status, response.json if response.body else None, now,
                      'idempotency-replayed' in response.head.decode('latin-1').lower())
        self.check_seq(ask)

    def check_seq(self, ask):
        """No answer may speak for less than an earlier answer did. A replayed one says what it said at first."""
        _, body, _, is_replayed = ask.answer
        if not isinstance(body, dict) or 'seq' not in body or is_replayed or ask.answer[0] not in (200, 201):
            return
        self.tallies['seq'] += 1
        if body['seq'] < self.seq_seen and ask.method == 'GET':
            self.trouble('seq', f'{ask.target} speaks for seq {body["seq"]} after {self.seq_seen} was answered')
        self.seq_seen = max(self.seq_seen, body['seq'])

    def cut(self, waiting):
        """Leaves in the middle of a request, or before the answers: what became of them must not matter."""
        self.tallies['cut'] += 1
        data = b''.join(ask.data() for ask in waiting)
        self.drop()
        with Client(self.port.value, timeout_s=5) as client:
            client.send(data[:self.chance.choice((len(data), len(data) - 1, len(data) // 2, 20))])

    def repeat(self, asks):
        """The same request with the same key: the same answer (L38: what can be mended uses no key up)."""
        asks = [ask for ask in asks if ask.answer and ask.answer[0] in (200, 201, 409)]
        before = [ask.answer for ask in asks]
        again = [Ask(ask.route, ask.method, ask.target, ask.body, ask.headers['Idempotency-Key'],
                     (*ask.allowed, 200)) for ask in asks]
        self.until_answered(again)
        for old, new in zip(before, again):
            self.tallies['replayed'] += 1
            if new.answer and (new.answer[1] != old[1] or (old[0] >= 400 and new.answer[0] != old[0])):
                self.trouble('idempotency', f'{new.target}: first {old[:2]}, then {new.answer[:2]}')

    # ---- the mix

    def some_asks(self):
        count = self.chance.choice((1, 1, 1, 1, 2, 4, 8))
        if len(self.mine) > self.world['live_max']:
            return [self.ask_end() for _ in range(8)]
        return [self.chance.choices(MIX_OPS, MIX_WEIGHTS)[0](self) for _ in range(count)]

    def sku(self):
        """Few are hot: a third of all requests ask for a twentieth of the items."""
        skus = self.world['skus']
        return skus[int(len(skus) * self.chance.random() ** 3)]

    def node(self):
        return self.chance.choice(self.world['nodes'])

    def quantity(self):
        return self.chance.choice((1000, 1000, 1000, 2000, 3000, 500, 1, 2500, self.chance.randrange(1, 9000)))

    def new_key(self):
        self.key += 1
        return f'k{self.run}-{self.key}'

    def event(self, ask, answer, op, **more):
        status, body, hi, _ = answer
        self.events.append({'seq': body['seq'], 'op': op, 'status': status, 'lo': ask.sent, 'hi': hi,
                            'code': body.get('code'), **more})

    # ---- stock

    def ask_adjust(self):
        entries = []
        for _ in range(self.chance.choice((1, 1, 1, 3, 20))):
            if self.recent_entries and self.chance.random() < 0.05:
                entries.append(self.chance.choice(self.recent_entries))
                continue
            quantity = self.quantity() * self.chance.choice((-1, 1, 1, 4))
            at = now_us() - self.chance.choice((0, 0, self.chance.randrange(90_000_000)))
            entries.append((self.new_key(), self.sku(), self.node(), self.chance.choice(STATES), quantity, at))
        entries = list({entry[0]: entry for entry in entries}.values())
        source = f's{self.run}'
        self.recent_entries = (self.recent_entries + entries)[-50:]
        body = {'source': source, 'entries': [
            {'id': name, 'sku': sku, 'node': node, 'state': state, 'quantity': quantity / 1000, 'reason': 'soak',
             'at': text_of(at)} for name, sku, node, state, quantity, at in entries]}

        def done(ask, answer):
            self.event(ask, answer, 'adjust', source=source, entries=entries, answers=self.verdicts(answer))
        return Ask('adjust', 'POST', '/v1/stock/adjust', body, self.new_key(), done=done)

    @staticmethod
    def verdicts(answer):
        return [(entry['verdict'], milli(entry['quantity'])) for entry in answer[1]['entries']]

    def ask_sync(self):
        entries = []
        for _ in range(self.chance.choice((1, 1, 5))):
            self.source_seq += 1
            as_of = now_us() - self.chance.choice((0, 1_000_000, self.chance.randrange(90_000_000)))
            entries.append((self.sku(), self.node(), self.chance.choice(STATES), self.quantity() * self.chance.choice((1, 9, 20)),
                            as_of, self.chance.choice((None, self.source_seq, self.source_seq - 5)) if self.source_seq > 5 else None))
        entries = list({entry[:3]: entry for entry in entries}.values())
        entries += [self.chance.choice(entries)] if self.chance.random() < 0.05 else []
        rows = [{'sku': sku, 'node': node, 'state': state, 'quantity': quantity / 1000, 'as_of': text_of(as_of),
                 **({} if number is None else {'source_seq': number})} for sku, node, state, quantity, as_of, number in entries]

        def done(ask, answer):
            if answer[0] == 200:
                self.event(ask, answer, 'sync', entries=entries, answers=self.verdicts(answer))
        return Ask('sync', 'POST', '/v1/stock/sync', {'source': f's{self.run}', 'entries': rows}, self.new_key(),
                   allowed=(200, 422, 409), done=done)

    def ask_import(self):
        """Counts of items that only imports touch, duplicated and out of order, sometimes resumed under an Import-Id."""
        rows = []
        for _ in range(self.chance.choice((20, 200, 1000))):
            if rows and self.chance.random() < 0.1:
                rows.append(self.chance.choice(rows))
                continue
            rows.append((self.chance.choice(self.world['import_skus']), self.node(), self.chance.randrange(100_000),
                         now_us() - self.chance.randrange(90_000_000)))
        text = 'sku,node,quantity,as_of\n' + ''.join(
            f'{sku},{node},{quantity / 1000:.3f},{text_of(as_of)}\n' for sku, node, quantity, as_of in rows)

        def done(ask, answer):
            body = answer[1]
            self.tallies['import_rows'] += len(rows)
            if body['rejected'] or body['rows'] != len(rows) or body['applied'] + body['unchanged'] > len(rows):
                self.trouble('replies', f'an import of {len(rows)} rows: {body}')
            self.events.append({'seq': 0, 'op': 'import', 'rows': rows})
        return Ask('import', 'POST', '/v1/import/stock', text.encode(), done=done, media='text/csv')

    # ---- reservations

    def reservation_body(self, name):
        channel = self.chance.choice(self.world['channels'])
        lines, asked = [], []
        for number in range(1, self.chance.choice((1, 1, 1, 2, 3, 5, 40)) + 1):
            sku, quantity = self.sku(), self.quantity()
            place = self.chance.choice((self.node(), self.node(), None, self.chance.choice(list(self.world['groups']))))
            where = {} if place is None else {'group': place} if place in self.world['groups'] else {'node': place}
            lines.append({'line': number, 'sku': sku, 'quantity': quantity / 1000, **where})
            asked.append((number, sku, quantity, place))
        ttl = self.chance.choice((0.05, 0.5, 1, 2, 3, 5, 10, 20, 60))
        partial = self.chance.random() < 0.3
        body = {'id': name, 'kind': self.chance.choice(KINDS), 'channel': channel, 'ttl_seconds': ttl,
                'customer': f'c{self.chance.randrange(50)}', 'allow_partial': partial, 'lines': lines}
        if self.chance.random() < 0.2:
            body['near'] = {'lat': self.chance.randrange(4800, 4900) / 100, 'lon': self.chance.randrange(200, 300) / 100}
        return body, {'id': name, 'channel': channel, 'lines': asked, 'partial': partial}

    def made(self, about, status, body):
        """The event of one reservation; remembers it as one to act on."""
        if status == 409:
            return {**about, 'status': 409, 'code': body['code'], 'claims': []}
        claims = [(line['line'], (line['sku'], claim['node']), milli(claim['quantity']))
                  for line in body['lines'] for claim in line['claims']]
        expires = us_of(body['expires_at'])
        parts = {}
        for line, (sku, node), quantity in claims:
            part = parts.setdefault((line, node), [line, sku, node, 0, 0])
            part[3] += quantity
        if claims and self.chance.random() < 0.8:
            self.mine[about['id']] = {'expires': expires, 'parts': list(parts.values())}
        return {**about, 'status': 201, 'code': None, 'claims': claims, 'created': us_of(body['created_at']), 'expires': expires}

    def ask_reserve(self):
        name = f'r{self.run}-{self.new_key()}'
        body, about = self.reservation_body(name)

        def done(ask, answer):
            status, reply, hi, _ = answer
            self.events.append({'seq': reply['seq'], 'op': 'reserve', 'hi': hi, 
                                **self.made(about, 409 if status == 409 else 201, reply)})
        return Ask('reserve', 'POST', '/v1/reservations', body, self.new_key(), (200, 201, 409), done)

    def ask_batch(self):
        bodies = [self.reservation_body(f'b{self.run}-{self.new_key()}') for _ in range(self.chance.choice((2, 5, 30)))]

        def done(ask, answer):
            parts, seqs = [], set()
            for (_, about), result in zip(bodies, answer[1]['results']):
                if result['status'] not in (200, 201, 409):
                    self.trouble('replies', f'in a batch: {result}')
                    continue
                reply = result.get('reservation') or result['problem']
                parts.append(self.made(about, 409 if result['status'] == 409 else 201, reply))
                seqs.add(reply['seq'])
            if len(seqs) > 1:
                self.trouble('order', f'a batch is one record, its answers say {seqs}')
            # The seq of a repeated batch is that of the moment; its parts keep theirs.
            self.events.append({'seq': max(seqs), 'op': 'batch', 'hi': answer[2], 'parts': parts})
        return Ask('batch', 'POST', '/v1/reservations/batch', {'reservations': [body for body, _ in bodies]},
                   self.new_key(), done=done)

    def ask_act(self):
        if not self.mine:
            return self.ask_reserve()
        name = self.chance.choice(list(self.mine))
        is_firm = any(part[4] > 0 for part in self.mine[name]['parts'])
        action = self.chance.choice(FIRM_ACTIONS if is_firm else HELD_ACTIONS)
        is_whole = action == 'extend' or (action in ('confirm', 'release', 'fulfil') and self.chance.random() < 0.4)
        return self.act(name, action, is_whole)

    def ask_end(self):
        """Ends one, by fulfilling or releasing all of it."""
        if not self.mine:
            return self.ask_reserve()
        name = next(iter(self.mine))
        is_firm = all(part[3] == 0 and part[4] > 0 for part in self.mine[name]['parts'])
        return self.act(name, 'fulfil' if is_firm else 'release', True, is_last=True)

    def act(self, name, action, is_whole, is_last=False):
        mine = self.mine[name]
        about = {'id': name, 'action': action, 'line': None, 'node': None, 'quantity': None}
        body, part = {}, None
        if action == 'extend':
            ttl = self.chance.choice((0.5, 2, 10, 30))
            body, about['ttl'] = {'ttl_seconds': ttl}, round(ttl * 1e6)
        elif not is_whole:
            part = self.chance.choice(mine['parts'])
            if action in ('change', 'move') and (part[3] > 0) == (part[4] > 0):
                action = about['action'] = 'release'
            if action == 'change' and part[4]:
                action = about['action'] = 'fulfil'
            had = {'confirm': part[3], 'release': part[3] + part[4], 'fulfil': part[4], 'change': part[3] + 3000,
                   'move': part[3] or part[4]}[action]
            quantity = self.chance.choice((had, self.chance.randrange(1, had + 1) if had else 1)) or 1
            line = {'line': part[0], 'node': part[2], 'quantity': quantity / 1000}
            if action == 'move':
                about['to_node'] = line['to_node'] = self.chance.choice([n for n in self.world['nodes'] if n != part[2]])
            body = {'lines': [line]}
            about.update(line=part[0], node=part[2], quantity=quantity)
        if action == 'fulfil':
            about['at'] = now_us() - self.chance.choice((0, self.chance.randrange(30_000_000)))
            body['at'] = text_of(about['at'])
        if is_last:
            self.mine.pop(name)

        def done(ask, answer):
            status, reply, _, _ = answer
            if status == 422:
                if reply['code'] != 'unknown_line':
                    self.trouble('replies', f'{action} {name}: {reply}')
                return
            if status == 409 and reply['code'] not in ENDED + ('same_node',):
                self.trouble('replies', f'{action} {name}: {reply}')
            self.event(ask, answer, 'act', **about, expires=us_of(reply.get('expires_at')), left=reply.get('status'))
            if status == 200:
                self.note(mine, part, about)
            elif reply['code'] != 'insufficient_stock' and self.chance.random() < 0.7:
                self.mine.pop(name, None)
        return Ask(action, 'POST', url('v1', 'reservations', name, action), body or None, self.new_key(),
                   (200, 409, 422), done)

    def note(self, mine, part, about):
        """What this client knows now of its reservation."""
        action, quantity = about['action'], about['quantity']
        for one in [part] if part else mine['parts']:
            if action == 'confirm':
                moved = quantity if part else one[3]
                one[3], one[4] = one[3] - moved, one[4] + moved
            elif action == 'release':
                moved = quantity if part else one[3] + one[4]
                from_held = min(moved, one[3])
                one[3], one[4] = one[3] - from_held, one[4] - (moved - from_held)
            elif action == 'fulfil':
                one[4] -= quantity if part else one[4]
            elif action == 'change':
                one[3] = quantity
        if action == 'move':
            index = 3 if part[3] else 4
            part[index] -= quantity
            there = [one for one in mine['parts'] if one[0] == part[0] and one[2] == about['to_node']]
            if not there:
                there = [[part[0], part[1], about['to_node'], 0, 0]]
                mine['parts'] += there
            there[0][index] += quantity
        mine['parts'] = [one for one in mine['parts'] if one[3] > 0 or one[4] > 0]
        if not mine['parts']:
            self.mine.pop(about['id'], None)

    # ---- rules and fences

    def ask_rule(self):
        chance, safety, thresholds = self.chance, [], []
        scope = chance.choice(('sku', 'place', 'node', 'channel'))
        body, name = {}, scope
        if scope in ('sku', 'place', 'channel'):
            body['sku'] = self.sku()
        if scope in ('place', 'node'):
            body['node'] = self.node()
        if scope == 'channel':
            body['channel'] = chance.choice(self.world['channels'])
        name = 'rule-' + '-'.join(str(value) for value in body.values()) + '-' + scope
        is_put = chance.random() < 0.7
        value = chance.randrange(0, 4000) if is_put else None
        if scope == 'channel':
            thresholds.append(((body['sku'], body['channel']), value))
            body['threshold'] = (value or 0) / 1000
        else:
            safety.append(((body.get('sku'), body.get('node')), value))
            body['safety_stock'] = (value or 0) / 1000

        def done(ask, answer):
            if answer[0] != 404:
                self.event(ask, answer, 'rule', safety=safety, thresholds=thresholds)
        if is_put:
            return Ask('rule', 'PUT', url('v1', 'rules', name), body, self.new_key(), (200, 201), done)
        return Ask('rule', 'DELETE', url('v1', 'rules', name), None, self.new_key(), (200, 404), done)

    def ask_fence(self):
        channel, sku, node = self.chance.choice(self.world['channels']), self.sku(), self.node()
        name = f'f-{channel}-{sku}-{node}'
        is_put = self.chance.random() < 0.6
        quantity = self.chance.randrange(1, 6000) if is_put else None
        restrict = self.chance.random() < 0.2

        def done(ask, answer):
            if answer[0] != 404:
                self.event(ask, answer, 'fence', scope=(channel, sku, node), quantity=quantity, restrict=restrict)
        if not is_put:
            return Ask('fence', 'DELETE', url('v1', 'fences', name), None, self.new_key(), (200, 404), done)
        body = {'channel': channel, 'sku': sku, 'node': node, 'quantity': quantity / 1000,
                'policy': 'restrict' if restrict else 'regular'}
        return Ask('fence', 'PUT', url('v1', 'fences', name), body, self.new_key(), (200, 201), done)

    # ---- questions

    def ask_read(self):
        chance = self.chance
        target = chance.choice((
            lambda: url('v1', 'stock', self.sku()),
            lambda: url('v1', 'stock', self.sku(), self.node()),
            lambda: url('v1', 'availability', self.sku(), channel=chance.choice(self.world['channels']), explain='true'),
            lambda: url('v1', 'availability', self.sku(), near='48.5,2.5', radius_km=500, limit=5),
            lambda: url('v1', 'availability', self.sku(), group=chance.choice(list(self.world['groups']))),
            lambda: url('v1', 'reservations', customer=f'c{chance.randrange(50)}', limit=20),
            lambda: url('v1', 'reservations', node=self.node(), status='held', limit=50),
            lambda: url('v1', 'items', limit=100),
            lambda: '/healthz'))()
        return Ask('read', 'GET', target)

    def ask_grid(self):
        body = {'skus': [self.sku() for _ in range(self.chance.choice((5, 50)))], 'nodes': self.world['nodes'],
                'channel': self.chance.choice(self.world['channels'])}

        def done(ask, answer):
            items = answer[1]['items']
            cells = [cell for item in items for cell in item['nodes']]
            if len(items) != len(body['skus']) or any(cell['available'] < 0 for cell in cells):
                self.trouble('replies', f'a grid of {len(body["skus"])} items answers {len(items)}, or less than nothing')
        return Ask('grid', 'POST', '/v1/availability', body, done=done)

    def ask_slow(self):
        """Asks for much and reads it byte by byte for a moment, then leaves or reads on."""
        self.tallies['slow_reader'] += 1
        try:
            with socket.create_connection(('127.0.0.1', self.port.value), 5) as slow:
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.sendall(request_bytes('GET', '/v1/items?limit=1000') * 40)
                for _ in range(20):
                    if select.select([slow], [], [], 0.02)[0] and not slow.recv(1):
                        break
        except OSError:
            pass
        return self.ask_read()


MIX = ((Worker.ask_reserve, 22), (Worker.ask_act, 26), (Worker.ask_adjust, 10), (Worker.ask_sync, 5), (Worker.ask_batch, 1),
       (Worker.ask_rule, 2), (Worker.ask_fence, 4), (Worker.ask_read, 26), (Worker.ask_grid, 3), (Worker.ask_import, 0.4),
       (Worker.ask_slow, 0.1))
MIX_OPS, MIX_WEIGHTS = zip(*MIX)


def work(number, world, seed, rate, port, flags, pipe):
    """The body of one client process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(1)
    worker = Worker(number, world, seed, rate, port, flags, pipe)
    try:
        worker.main()
    except Exception as error:  # pylint: disable=broad-except
        worker.trouble('replies', f'the client failed: {error!r} {traceback.format_exc()[-1500:]}')
        worker.flush(True)
