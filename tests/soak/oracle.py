"""
The ledger as its clients must see it, written down as plainly as the rules are stated (docs/spec/ledger.md).

It is fed what was asked and what was answered, in the order of `seq`, and sums everything up anew for every question. It
shares no code with the server. Quantities are thousandths, times are microseconds since 1970. A hold counts until
`expires_at` and not at it; nothing here ever "expires": the question says which moment it is about.
"""
from collections import defaultdict

STATES = ('sellable', 'damaged', 'quality_control', 'display', 'returned')
NEVER = 1 << 62


class Claim:
    """A part of a reservation: a quantity of one item at one node."""
    __slots__ = ('reservation', 'line', 'place', 'held', 'confirmed')

    def __init__(self, reservation, line, place, held, confirmed=0):
        self.reservation, self.line, self.place = reservation, line, place
        self.held, self.confirmed = held, confirmed

    def held_at(self, now):
        return self.held if now < self.reservation.expires else 0

    def live_at(self, now):
        return self.held_at(now) + self.confirmed


class Reservation:
    """Who claims, until when, what."""
    __slots__ = ('id', 'channel', 'expires', 'claims')

    def __init__(self, name, channel, expires):
        self.id, self.channel, self.expires = name, channel, expires
        self.claims = []

    def of_line(self, line, node=None):
        return [claim for claim in self.claims if claim.line == line and node in (None, claim.place[1])]

    def live_at(self, now):
        return sum(claim.live_at(now) for claim in self.claims)


class Counter:
    """One state of one position: movements, and the greatest count of it."""
    __slots__ = ('base', 'count', 'movements')

    def __init__(self):
        self.base, self.count, self.movements = 0, None, []

    def move(self, at, quantity):
        """A movement; False when a count has seen it already (L11)."""
        if self.count and at <= self.count[0]:
            return False
        self.movements.append((at, quantity))
        return True

    def rank(self, count):
        """The order of counts (L12): as_of, then source_seq (none comes first), then the smaller quantity."""
        as_of, source_seq, quantity = count
        return as_of, -1 if source_seq is None else source_seq, -quantity

    def take_count(self, count):
        if self.count:
            if self.rank(count) == self.rank(self.count):
                return 'unchanged'
            if self.rank(count) < self.rank(self.count):
                return 'stale'
        self.count, self.base = count, count[2]
        self.movements = [movement for movement in self.movements if movement[0] > count[0]]
        return 'ok'

    def value(self):
        return self.base + sum(quantity for _, quantity in self.movements)

    def fold(self, before):
        """Adds up what no count can ask for again; only memory changes."""
        if len(self.movements) > 200:
            old = [movement for movement in self.movements if movement[0] < before]
            self.base += sum(quantity for _, quantity in old)
            self.movements = [movement for movement in self.movements if movement[0] >= before]


class Oracle:
    def __init__(self, nodes, channels, groups):
        self.nodes, self.channels, self.groups = nodes, channels, groups
        self.counters = defaultdict(Counter)        # (sku, node, state)
        self.safety = {}                            # (sku or None, node or None) -> quantity
        self.thresholds = {}                        # (sku, channel) -> quantity
        self.fences = {}                            # (channel, sku, node) -> [quantity, is_restrict]
        self.reservations = {}
        self.claims = defaultdict(list)             # place -> [Claim]

    # ---- questions

    def counter(self, place, state):
        found = self.counters.get((*place, state))
        return found.value() if found else 0

    def at(self, place, now, channel=None):
        return [claim for claim in self.claims.get(place, ()) if claim.live_at(now)
                and channel in (None, claim.reservation.channel)]

    def held(self, place, now):
        return sum(claim.held_at(now) for claim in self.at(place, now))

    def confirmed(self, place, now):
        return sum(claim.confirmed for claim in self.at(place, now))

    def safety_stock(self, place):
        sku, node = place
        for scope in ((sku, node), (sku, None), (None, node), (None, None)):
            if scope in self.safety:
                return self.safety[scope]
        return 0

    def unused_fence(self, channel, place, now):
        fence = self.fences.get((channel, *place))
        if not fence:
            return 0
        return max(0, fence[0] - sum(claim.live_at(now) for claim in self.at(place, now, channel)))

    def fenced(self, place, now, but=None):
        return sum(self.unused_fence(channel, place, now) for channel in self.channels if channel != but)

    def available(self, channel, place, now):
        """At one node. A threshold is not in it: that acts on the total."""
        free = (self.counter(place, 'sellable') - self.held(place, now) - self.confirmed(place, now)
                - self.safety_stock(place) - self.fenced(place, now, channel))
        fence = self.fences.get((channel, *place))
        if fence and fence[1]:
            free = min(free, self.unused_fence(channel, place, now))
        return max(0, free)

    def total(self, channel, sku, now):
        """Of all nodes of a channel, behind its threshold."""
        free = sum(self.available(channel, (sku, node), now) for node in self.nodes)
        return max(0, free - self.thresholds.get((sku, channel), 0))

    def row(self, place, now):
        """What GET /v1/stock/{sku}/{node} must say."""
        found = {state: self.counter(place, state) for state in STATES}
        held, confirmed = self.held(place, now), self.confirmed(place, now)
        return {**found, 'on_hand': sum(found.values()), 'held': held, 'confirmed': confirmed,
                'safety_stock': self.safety_stock(place), 'fenced': self.fenced(place, now),
                'available': self.available(None, place, now),
                'short': max(0, held + confirmed - found['sellable']) if held + confirmed else 0}

    def next_expiry(self, place, after):
        """The first hold that ends at a position of this item at or after a moment."""
        ends = [claim.reservation.expires for claim in self.claims.get(place, ())
                if claim.held and claim.reservation.expires >= after]
        return min(ends, default=NEVER)

    # ---- changes

    def add_claim(self, reservation, line, place, held, confirmed=0):
        for claim in reservation.of_line(line, place[1]):
            claim.held += held
            claim.confirmed += confirmed
            return claim
        claim = Claim(reservation, line, place, held, confirmed)
        reservation.claims.append(claim)
        self.claims[place].append(claim)
        return claim

    def reserve(self, name, channel, expires, claims):
        """`claims`: [(line, place, quantity)]."""
        made = self.reservations[name] = Reservation(name, channel, expires)
        for line, place, quantity in claims:
            self.add_claim(made, line, place, quantity)

    def fulfil(self, claim, quantity, at):
        claim.confirmed -= quantity
        fence = self.fences.get((claim.reservation.channel, *claim.place))
        if fence:
            fence[0] = max(0, fence[0] - quantity)
        self.counters[(*claim.place, 'sellable')].move(at, -quantity)

    def forget(self, before):
        """Drops what has ended and what no count can ask for again. A claim goes with its reservation, not before."""
        self.reservations = {name: made for name, made in self.reservations.items() if made.live_at(before)}
        for place, claims in self.claims.items():
            self.claims[place] = [claim for claim in claims if claim.reservation.id in self.reservations]
        for counter in self.counters.values():
            counter.fold(before)
