"""Random operations over HTTP against a naive model: every verdict, every quantity, every counter; with crashes."""
import os
import random

from support.case import ServerCase, main
from support.client import url

STEPS = int(os.environ.get('ONHAND_MODEL_STEPS', '4000'))
NODES = ('n1', 'n2', 'n3')
SKUS = ('A', 'B')
CHANNELS = ('web', 'app')


class Claim:
    """A quantity of one item at one node, and what has become of it. Thousandths."""

    def __init__(self, channel, line, sku, node, held, confirmed=0):
        self.channel, self.line, self.sku, self.node = channel, line, sku, node
        self.held, self.confirmed, self.fulfilled, self.released = held, confirmed, 0, 0

    def live(self):
        return self.held + self.confirmed


class Model:
    """The rules, written down as plainly as they are stated: everything is summed up anew for every question."""

    def __init__(self):
        self.sellable = {(sku, node): 0 for sku in SKUS for node in NODES}
        self.safety = {}     # sku -> quantity
        self.fences = {}     # (channel, sku, node) -> [quantity, is_restrict]
        self.claims = {}     # reservation -> [Claim]

    def at(self, sku, node):
        return [claim for claims in self.claims.values() for claim in claims if (claim.sku, claim.node) == (sku, node)]

    def live_of(self, channel, sku, node):
        return sum(claim.live() for claim in self.at(sku, node) if claim.channel == channel)

    def unused(self, channel, sku, node):
        quantity, _ = self.fences.get((channel, sku, node), (0, False))
        return max(0, quantity - self.live_of(channel, sku, node))

    def available(self, channel, sku, node):
        others = sum(self.unused(other, sku, node) for other in CHANNELS if other != channel)
        claimed = sum(claim.live() for claim in self.at(sku, node))
        free = max(0, self.sellable[sku, node] - claimed - self.safety.get(sku, 0) - others)
        fence = self.fences.get((channel, sku, node))
        if fence and fence[1]:
            free = min(free, self.unused(channel, sku, node))
        return free

    def reserve(self, name, channel, lines, is_partial):
        """[(line, sku, node, quantity)] of the claims, or None: refused."""
        made = []
        self.claims[name] = made
        for number, (sku, node, quantity) in enumerate(lines, 1):
            for place in [node] if node else NODES:
                had = min(quantity, self.available(channel, sku, place))
                if had:
                    made.append(Claim(channel, number, sku, place, had))
                    quantity -= had
            if quantity and not is_partial:
                del self.claims[name]
                return None
        return [(claim.line, claim.sku, claim.node, claim.held) for claim in made]

    def fulfil(self, claim, quantity):
        claim.confirmed -= quantity
        claim.fulfilled += quantity
        self.sellable[claim.sku, claim.node] -= quantity
        fence = self.fences.get((claim.channel, claim.sku, claim.node))
        if fence:
            fence[0] = max(0, fence[0] - quantity)


class RandomOperations(ServerCase):
    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get('ONHAND_SEED', random.SystemRandom().randrange(1 << 32)))
        print('seed', self.seed)
        self.chance = random.Random(self.seed)
        self.model = Model()
        for name in NODES:
            self.node(name)
        for name in SKUS:
            self.item(name)
        for name in CHANNELS:
            self.channel(name, nodes=list(NODES))
        self.number = 0

    def quantity(self, most):
        return self.chance.choice((1, 500, 1000, 1001, 2500, self.chance.randrange(1, most + 1)))

    def place(self):
        return self.chance.choice(SKUS), self.chance.choice(NODES)

    # ---- operations: each does the same to the server and to the model, and compares the answers

    def op_adjust(self):
        sku, node = self.place()
        change = self.chance.choice((-1, 1, 1)) * self.quantity(20_000)
        self.adjust(sku, node, change / 1000)
        self.model.sellable[sku, node] += change

    def op_safety(self):
        sku = self.chance.choice(SKUS)
        value = self.chance.randrange(0, 4000)
        self.rule('safety-' + sku, sku=sku, safety_stock=value / 1000)
        self.model.safety[sku] = value

    def op_fence(self):
        channel, (sku, node) = self.chance.choice(CHANNELS), self.place()
        quantity, is_restrict = self.chance.randrange(1, 15_000), self.chance.random() < 0.3
        self.fence(f'{channel}-{sku}-{node}', channel, sku, node, quantity / 1000, 'restrict' if is_restrict else 'regular')
        self.model.fences[channel, sku, node] = [quantity, is_restrict]

    def op_unfence(self):
        if self.model.fences:
            channel, sku, node = self.chance.choice(sorted(self.model.fences))
            response = self.client.delete(url('v1', 'fences', f'{channel}-{sku}-{node}'))
            is_used_up = self.model.fences.pop((channel, sku, node))[0] == 0
            self.assertIn(response.status, (200, 404) if is_used_up else (200,), response)

    def op_reserve(self):
        self.number += 1
        name, channel, is_partial = f'r{self.number}', self.chance.choice(CHANNELS), self.chance.random() < 0.4
        lines = []
        for _ in range(self.chance.randrange(1, 5)):
            sku, node = self.place()
            lines.append((sku, node if self.chance.random() < 0.5 else None, self.quantity(8000)))
        body = [{'sku': sku, 'quantity': quantity / 1000, **({'node': node} if node else {})} for sku, node, quantity in lines]
        response = self.ask(*body, channel=channel, id=name, allow_partial=is_partial)
        wanted = self.model.reserve(name, channel, lines, is_partial)
        if wanted is None:
            return self.refused(response, 409, 'insufficient_stock')
        got = [(line['line'], line['sku'], claim['node'], round(claim['quantity'] * 1000))
               for line in self.ok(response, 201)['lines'] for claim in line['claims']]
        return self.assertEqual(self.sums(got), self.sums(wanted), (lines, self.seed))

    @staticmethod
    def sums(claims):
        """What was claimed per line, item and node: how it is cut into claims is not promised."""
        total = {}
        for line, sku, node, quantity in claims:
            total[line, sku, node] = total.get((line, sku, node), 0) + quantity
        return total

    def some_claim(self):
        names = [name for name, claims in self.model.claims.items() if any(claim.live() for claim in claims)]
        if not names:
            return None, None
        name = self.chance.choice(names)
        return name, self.chance.choice([claim for claim in self.model.claims[name] if claim.live()])

    def step(self, name, claim, action, quantity, **more):
        line = {'line': claim.line, 'node': claim.node, 'quantity': quantity / 1000, **more}
        return self.act(name, action, {'lines': [line]})

    def op_confirm(self):
        name, claim = self.some_claim()
        if claim and claim.held:
            quantity = self.chance.choice((claim.held, self.chance.randrange(1, claim.held + 1), claim.held + 1))
            response = self.step(name, claim, 'confirm', quantity)
            if quantity > claim.held:
                return self.refused(response, 409, 'exceeds_claim')
            self.ok(response)
            claim.held -= quantity
            claim.confirmed += quantity
        return None

    def op_release(self):
        name, claim = self.some_claim()
        if claim:
            quantity = self.chance.choice((claim.live(), self.chance.randrange(1, claim.live() + 1), claim.live() + 1))
            response = self.step(name, claim, 'release', quantity)
            if quantity > claim.live():
                return self.refused(response, 409, 'exceeds_claim')
            self.ok(response)
            from_held = min(quantity, claim.held)
            claim.held -= from_held
            claim.confirmed -= quantity - from_held
            claim.released += quantity
        return None

    def op_fulfil(self):
        name, claim = self.some_claim()
        if claim and claim.confirmed:
            quantity = self.chance.randrange(1, claim.confirmed + 1)
            self.ok(self.step(name, claim, 'fulfil', quantity))
            self.model.fulfil(claim, quantity)

    def op_change(self):
        name, claim = self.some_claim()
        if not claim or claim.confirmed:
            return None
        room = self.model.available(claim.channel, claim.sku, claim.node)
        quantity = self.chance.randrange(0, claim.held + room + 2000)
        response = self.step(name, claim, 'change', quantity)
        if quantity - claim.held > room:
            return self.refused(response, 409, 'insufficient_stock')
        self.ok(response)
        claim.released += max(0, claim.held - quantity)
        claim.held = quantity
        return None

    def op_move(self):
        name, claim = self.some_claim()
        to_node = self.chance.choice(NODES)
        if not claim or to_node == claim.node or (claim.held and claim.confirmed):
            return None
        quantity = self.chance.randrange(1, claim.live() + 1)
        room = self.model.available(claim.channel, claim.sku, to_node)
        response = self.step(name, claim, 'move', quantity, to_node=to_node)
        if quantity > room:
            return self.refused(response, 409, 'insufficient_stock')
        self.ok(response)
        is_held = claim.held > 0
        there = [other for other in self.model.claims[name] if (other.line, other.node) == (claim.line, to_node)]
        if is_held:
            claim.held -= quantity
        else:
            claim.confirmed -= quantity
        if there:
            there[0].held += quantity if is_held else 0
            there[0].confirmed += 0 if is_held else quantity
        else:
            self.model.claims[name].append(Claim(claim.channel, claim.line, claim.sku, to_node,
                                                 quantity if is_held else 0, 0 if is_held else quantity))
        return None

    # ---- comparing

    def compare(self):
        self.model.claims = {name: claims for name, claims in self.model.claims.items()
                             if any(claim.live() for claim in claims)}
        for sku in SKUS:
            for node in NODES:
                row = self.position(sku, node)
                claims = self.model.at(sku, node)
                fenced = sum(self.model.unused(channel, sku, node) for channel in CHANNELS)
                wanted = (self.model.sellable[sku, node], sum(claim.held for claim in claims),
                          sum(claim.confirmed for claim in claims), fenced)
                got = tuple(round(row[name] * 1000) for name in ('sellable', 'held', 'confirmed', 'fenced'))
                self.assertEqual(got, wanted, (sku, node, self.seed))
                for channel in CHANNELS:
                    self.assertEqual(round(self.available(sku, node=node, channel=channel) * 1000),
                                     self.model.available(channel, sku, node), (sku, node, channel, self.seed))
            for channel in CHANNELS:
                total = sum(self.model.available(channel, sku, node) for node in NODES)
                self.assertEqual(round(self.available(sku, channel=channel) * 1000), total, (sku, channel, self.seed))

    def test_the_server_does_what_a_naive_model_does(self):
        operations = {self.op_adjust: 3, self.op_safety: 0.2, self.op_fence: 0.6, self.op_unfence: 0.3, self.op_reserve: 5,
                      self.op_confirm: 2, self.op_release: 2, self.op_fulfil: 2, self.op_change: 1, self.op_move: 1.5}
        crashes = sorted(self.chance.randrange(STEPS) for _ in range(3))
        for number in range(STEPS):
            self.chance.choices(list(operations), list(operations.values()))[0]()
            if number % 20 == 0:
                self.compare()
            if crashes and number == crashes[0]:
                crashes.pop(0)
                self.server.crash()
                self.reconnect()
                self.compare()
        self.compare()


if __name__ == '__main__':
    main()
