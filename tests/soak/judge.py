"""
Feeds the oracle what was asked and answered, in the order of `seq`, and says what could not have happened.

A change has no more than the moments it was asked and answered at; the answer to a reservation tells its exact moment.
The ledger's time never steps back, so every exact moment is a bound for its neighbours. A verdict is a violation only
when no moment between the bounds explains it.
"""
from oracle import NEVER

ENTRIES_MAX = 100_000


class Judge:
    def __init__(self, oracle):
        self.oracle = oracle
        self.moment = 0         # the latest exact moment: no later record is earlier
        self.seq = 0
        self.entries = {}       # (source, id) of adjust entries, in their order
        self.counts = {'admission': 0, 'refusal': 0, 'verdict': 0, 'order': 0}
        self.violations = []

    def violation(self, check, event, text):
        self.violations.append({'check': check, 'seq': event['seq'], 'what': f'{event["op"]}: {text}', 'event': event})

    def fold(self, events):
        events = sorted(events, key=lambda event: event['seq'])
        latest = NEVER
        for event in reversed(events):      # what comes later in seq is not earlier in time
            latest = event['latest'] = min(latest, event.get('created') or event.get('hi', latest))
        for number, event in enumerate(events):
            self.counts['order'] += 1
            if event['seq'] <= self.seq:
                self.violation('order', event, f'two answers have seq {event["seq"]}, or seq went back')
            self.seq = max(self.seq, event['seq'])
            getattr(self, 'do_' + event['op'])(event)
            if number % 400 == 399:
                self.oracle.forget(self.moment - 120_000_000)

    # ---- rules and fences

    def do_rule(self, event):
        for name, quantity in event['safety']:
            self.set_or_drop(self.oracle.safety, tuple(name), quantity)
        for name, quantity in event['thresholds']:
            self.set_or_drop(self.oracle.thresholds, tuple(name), quantity)

    def do_fence(self, event):
        value = None if event['quantity'] is None else [event['quantity'], event['restrict']]
        self.set_or_drop(self.oracle.fences, tuple(event['scope']), value)

    @staticmethod
    def set_or_drop(table, name, value):
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value

    # ---- stock

    def do_adjust(self, event):
        for (name, sku, node, state, quantity, at), (verdict, said) in zip(event['entries'], event['answers']):
            counter = self.oracle.counters[sku, node, state]
            before = counter.value()
            if (event['source'], name) in self.entries:
                wanted = 'repeated'
            else:
                wanted = 'ok' if counter.move(at, quantity) else 'recorded'
                self.remember((event['source'], name))
            self.expect_entry(event, (wanted, counter.value() - before), (verdict, said))

    def remember(self, entry):
        """Clients repeat what they sent a moment ago: older entries are let go."""
        self.entries[entry] = True
        if len(self.entries) > ENTRIES_MAX:
            del self.entries[next(iter(self.entries))]

    def do_sync(self, event):
        for (sku, node, state, quantity, as_of, source_seq), (verdict, said) in zip(event['entries'], event['answers']):
            counter = self.oracle.counters[sku, node, state]
            before = counter.value()
            wanted = counter.take_count((as_of, source_seq, quantity))
            self.expect_entry(event, (wanted, counter.value() - before), (verdict, said))

    def expect_entry(self, event, wanted, answered):
        """The verdict, and the change that was made."""
        self.counts['verdict'] += 1
        if answered != wanted and (answered[0], wanted[1]) != ('repeated', 0):
            self.violation('verdict', event, f'answered {answered}, must be {wanted}')

    # ---- claims

    def do_reserve(self, event):
        if event['status'] == 409:
            return self.refused(event)
        self.moment = max(self.moment, event['created'])
        if event['created'] < self.moment:
            self.violation('order', event, 'the ledger took time back')
        wanted = {}
        for line, place, quantity in event['claims']:
            wanted[tuple(place)] = wanted.get(tuple(place), 0) + quantity
        self.admitted(event, wanted, event['created'])
        self.oracle.reserve(event['id'], event['channel'], event['expires'] or NEVER,
                            [(line, tuple(place), quantity) for line, place, quantity in event['claims']])
        if not event['partial']:
            for line, _, quantity, _ in event['lines']:
                got = sum(part for number, _, part in event['claims'] if number == line)
                if got != quantity:
                    self.violation('admission', event, f'line {line} got {got} of {quantity}')
        return None

    def do_batch(self, event):
        for part in event['parts']:
            self.do_reserve({**part, 'seq': event['seq'], 'op': 'batch', 'hi': event['hi']})

    def admitted(self, event, wanted, now):
        """Each place had what was taken, and each item's total behind its threshold too."""
        self.counts['admission'] += 1
        of_sku = {}
        for place, quantity in wanted.items():
            had = self.oracle.available(event['channel'], place, now)
            if quantity > had:
                self.violation('admission', event, f'{quantity} of {place} claimed, {had} were available')
            of_sku[place[0]] = of_sku.get(place[0], 0) + quantity
        for sku, quantity in of_sku.items():
            if (sku, event['channel']) in self.oracle.thresholds:
                had = self.oracle.total(event['channel'], sku, now)
                if quantity > had:
                    self.violation('admission', event, f'{quantity} of {sku} claimed, the channel had {had}')

    def refused(self, event):
        """Insufficient: some line does not fit while every hold that may still count does."""
        if event['code'] != 'insufficient_stock':
            return self.violation('refusal', event, f'refused with {event["code"]}')
        if len({line[1] for line in event['lines']}) < len(event['lines']):
            return None
        self.counts['refusal'] += 1
        if all(quantity <= self.room(event['channel'], sku, place, self.moment)
               for _, sku, quantity, place in event['lines']):
            self.violation('refusal', event, 'refused, though every line fits')
        return None

    def room(self, channel, sku, place, now):
        """`place` is a node, a group or None."""
        total = self.oracle.total(channel, sku, now)
        if place is None:
            return total
        nodes = self.oracle.groups.get(place, [place])
        return min(total, sum(self.oracle.available(channel, (sku, node), now) for node in nodes))

    def do_act(self, event):
        made = self.oracle.reservations.get(event['id'])
        if event['status'] != 200:
            return self.act_refused(event, made)
        if made is None:
            return self.violation('verdict', event, 'done to a reservation that has ended')
        return getattr(self, 'act_' + event['action'])(event, made)

    def act_refused(self, event, made):
        """A refusal needs a reason that holds at some moment between the bounds."""
        self.counts['refusal'] += 1
        code, latest = event['code'], event['hi']
        if made is None or made.live_at(latest) == 0:
            return
        if code == 'insufficient_stock' and event['action'] in ('change', 'move'):
            parts = made.of_line(event['line'], event['node'])
            place = (parts[0].place[0], event.get('to_node') or event['node'])
            more = event['quantity'] - (parts[0].held + parts[0].confirmed if event['action'] == 'change' else 0)
            total = self.oracle.total(made.channel, place[0], self.moment)
            if more <= min(total, self.oracle.available(made.channel, place, self.moment)):
                self.violation('refusal', event, 'refused, though it fits')
        elif code == 'expired' and made.expires > latest:
            self.violation('refusal', event, f'expired, though it lives until {made.expires}')
        elif self.could(event, made, latest):
            self.violation('refusal', event, f'{code}, though it could be done')

    def could(self, event, made, now):
        parts = made.of_line(event['line'], event['node']) if event.get('line') else made.claims
        held = sum(part.held_at(now) for part in parts)
        firm = sum(part.confirmed for part in parts)
        if event.get('line') is None:
            return {'confirm': held, 'release': held + firm, 'fulfil': firm and not held, 'extend': held}[event['action']] > 0
        need = {'confirm': held, 'release': held + firm, 'fulfil': firm, 'change': 0, 'move': 0}[event['action']]
        return 0 < event['quantity'] <= need

    def parts_of(self, event, made):
        return made.of_line(event['line'], event['node']) if event.get('line') else list(made.claims)

    def must_be_held(self, event, made):
        """A hold that is over by an earlier record cannot be confirmed, extended or changed any more."""
        if self.moment >= made.expires:
            self.violation('verdict', event, f'done at or after {self.moment}, the hold ended at {made.expires}')

    def act_confirm(self, event, made):
        self.must_be_held(event, made)
        for part in self.parts_of(event, made):
            quantity = event['quantity'] if event.get('line') else part.held
            self.take(event, part, 'held', quantity)
            part.confirmed += quantity

    def take_live(self, event, part, quantity, held_after):
        """
        Takes what is held first, then what is confirmed, and says how much of each. Whether a hold with something
        confirmed beside it had ended the bounds say, and where they do not, the status that was answered: `held` where
        something still is, so with `held_after` held parts left.
        """
        made, held = part.reservation, part.held
        if self.moment >= made.expires:
            held = 0
        elif part.confirmed >= quantity and event['latest'] >= made.expires and event.get('left') != 'held' and held_after > 0:
            held = 0
        from_held = min(quantity, held)
        part.held -= from_held
        self.take(event, part, 'confirmed', quantity - from_held)
        return from_held, quantity - from_held

    def act_release(self, event, made):
        for part in self.parts_of(event, made):
            if event.get('line'):
                held_after = sum(one.held for one in made.claims) - min(event['quantity'], part.held)
                self.take_live(event, part, event['quantity'], held_after)
            else:
                part.held, part.confirmed = 0, 0

    def act_fulfil(self, event, made):
        for part in self.parts_of(event, made):
            quantity = event['quantity'] if event.get('line') else part.confirmed
            if quantity > part.confirmed:
                self.violation('verdict', event, f'{quantity} fulfilled, {part.confirmed} were confirmed')
            self.oracle.fulfil(part, quantity, event['at'])

    def act_extend(self, event, made):
        self.must_be_held(event, made)
        made.expires = event['expires'] or NEVER
        if event['expires']:
            self.moment = max(self.moment, event['expires'] - event['ttl'])

    def act_change(self, event, made):
        self.must_be_held(event, made)
        for part in self.parts_of(event, made):
            more = event['quantity'] - part.held - part.confirmed
            if more > 0:
                self.admitted({**event, 'channel': made.channel}, {part.place: more}, event['hi'])
            if part.confirmed and not part.held:    # what is firm stays firm
                part.confirmed = event['quantity']
            part.confirmed = min(part.confirmed, event['quantity'])
            part.held = event['quantity'] - part.confirmed

    def act_move(self, event, made):
        part = self.parts_of(event, made)[0]
        place, quantity = (part.place[0], event['to_node']), event['quantity']
        self.counts['admission'] += 1
        if quantity > self.oracle.available(made.channel, place, event['hi']):
            self.violation('admission', event, f'{quantity} moved to {place}, which had less')
        held, confirmed = self.take_live(event, part, quantity, sum(one.held for one in made.claims))
        self.oracle.add_claim(made, part.line, place, held, confirmed)

    def take(self, event, part, what, quantity):
        had = getattr(part, what)
        if quantity > had:
            self.violation('verdict', event, f'{quantity} of {had} {what} taken')
        setattr(part, what, had - quantity)
