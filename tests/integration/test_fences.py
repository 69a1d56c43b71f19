"""Ring-fences in every path: the reserve of others is never touched, and the answer is what is admitted."""
import random

from support.case import ServerCase, main


class Fences(ServerCase):
    def setUp(self):
        super().setUp()
        for channel in ('web', 'app', 'all'):
            self.channel(channel)
        self.stock('A', n1=10)

    def seen(self, sku='A', node='n1'):
        """Available to web, to app, and to nobody in particular."""
        return (self.available(sku, node=node, channel='web'), self.available(sku, node=node, channel='app'),
                self.figures(sku, node, 'available')[0])

    def test_regular_takes_its_fence_then_open_stock(self):
        self.fence('f', 'web', 'A', 'n1', 4)
        self.assertEqual(self.seen(), (10, 6, 6))
        self.reserve(('A', 3, 'n1'), channel='web')
        self.assertEqual(self.seen(), (7, 6, 6))
        self.reserve(('A', 5, 'n1'), channel='web')
        self.assertEqual(self.seen(), (2, 2, 2))

    def test_restrict_takes_its_fence_and_no_more(self):
        self.fence('f', 'web', 'A', 'n1', 4, 'restrict')
        self.assertEqual(self.seen(), (4, 6, 6))
        self.refused(self.ask(('A', 4.001, 'n1'), channel='web'), 409, 'insufficient_stock')
        self.reserve(('A', 4, 'n1'), channel='web')
        self.assertEqual(self.seen(), (0, 6, 6))
        self.refused(self.ask(('A', 0.001, 'n1'), channel='web'), 409, 'insufficient_stock')

    def test_a_fence_larger_than_the_stock(self):
        self.fence('f', 'web', 'A', 'n1', 25)
        self.assertEqual(self.seen(), (10, 0, 0))
        self.adjust('A', 'n1', 20)
        self.assertEqual(self.seen(), (30, 5, 5))

    def test_claims_come_back_to_the_fence(self):
        self.fence('f', 'web', 'A', 'n1', 4)
        claim = self.reserve(('A', 6, 'n1'), channel='web')
        self.assertEqual(self.seen(), (4, 4, 4))
        self.ok(self.act(claim, 'release', {'lines': [{'line': 1, 'quantity': 3}]}))
        self.assertEqual(self.seen(), (7, 6, 6))
        self.ok(self.act(claim, 'release'))
        self.assertEqual(self.seen(), (10, 6, 6))

    def test_fulfilment_uses_the_fence_up(self):
        self.fence('f', 'web', 'A', 'n1', 4)
        claim = self.reserve(('A', 3, 'n1'), channel='web')
        self.ok(self.act(claim, 'confirm'))
        self.assertEqual(self.seen(), (7, 6, 6))
        self.ok(self.act(claim, 'fulfil'))
        self.assertEqual(self.seen(), (7, 6, 6))
        self.assertEqual(self.figures('A', 'n1', 'sellable', 'fenced'), (7, 1))

    def test_a_restricted_fence_used_up_sells_nothing(self):
        self.fence('f', 'web', 'A', 'n1', 4, 'restrict')
        claim = self.reserve(('A', 4, 'n1'), channel='web')
        self.ok(self.act(claim, 'confirm'))
        self.ok(self.act(claim, 'fulfil'))
        self.assertEqual(self.seen(), (0, 6, 6))
        self.assertEqual(self.ok(self.client.get('/v1/fences/f'))['quantity'], 0)
        self.server.crash()
        self.reconnect()
        self.assertEqual(self.seen(), (0, 6, 6))
        self.fence('f', 'web', 'A', 'n1', 2, 'restrict')
        self.assertEqual(self.seen(), (2, 4, 4))

    def test_two_fences_at_one_position(self):
        self.fence('f', 'web', 'A', 'n1', 4)
        self.fence('g', 'app', 'A', 'n1', 3, 'restrict')
        self.assertEqual(self.seen(), (7, 3, 3))
        self.reserve(('A', 7, 'n1'), channel='web')
        self.assertEqual(self.seen(), (0, 3, 0))
        self.reserve(('A', 3, 'n1'), channel='app')
        self.assertEqual(self.figures('A', 'n1', 'held', 'available', 'short'), (10, 0, 0))

    def test_every_path_leaves_the_fence_of_others(self):
        self.stock('A', n2=0)
        self.fence('f', 'web', 'A', 'n1', 4)
        self.group('g', 'n1', 'n2')
        self.refused(self.ask(('A', 7, 'n1'), channel='app'), 409, 'insufficient_stock')
        self.refused(self.ask({'sku': 'A', 'quantity': 7, 'group': 'g'}, channel='app'), 409, 'insufficient_stock')
        self.refused(self.ask(('A', 7), channel='app'), 409, 'insufficient_stock')
        part = self.reserve(('A', 7, 'n1'), channel='app', allow_partial=True)
        self.assertEqual(part['lines'][0]['quantity'], 6)
        self.ok(self.act(part, 'release'))
        claim = self.reserve(('A', 2, 'n1'), channel='app')
        self.refused(self.act(claim, 'change', {'lines': [{'line': 1, 'quantity': 6.001}]}), 409, 'insufficient_stock')
        self.ok(self.act(claim, 'change', {'lines': [{'line': 1, 'quantity': 6}]}))
        self.ok(self.act(claim, 'release'))
        self.adjust('A', 'n2', 7)
        other = self.reserve(('A', 7, 'n2'), channel='app')
        self.refused(self.act(other, 'move', {'to_node': 'n1'}), 409, 'insufficient_stock')
        self.ok(self.act(other, 'move', {'lines': [{'line': 1, 'to_node': 'n1', 'quantity': 6}]}))
        self.assertEqual(self.seen(), (4, 0, 0))
        self.assertEqual(self.available('A', group='g', channel='app'), 6)
        cells = self.ok(self.client.post('/v1/availability', {'skus': ['A'], 'nodes': ['n1', 'n2'], 'channel': 'app'}))
        self.assertEqual([cell['available'] for cell in cells['items'][0]['nodes']], [0, 6])

    def test_an_expired_hold_gives_its_fence_back(self):
        self.fence('f', 'web', 'A', 'n1', 4)
        claim = self.reserve(('A', 6, 'n1'), channel='web', ttl_seconds=0.1)
        while self.reservation(claim)['status'] == 'held':
            pass
        self.assertEqual(self.seen(), (10, 6, 6))

    def test_a_fence_set_and_removed_over_live_claims(self):
        self.reserve(('A', 3, 'n1'), channel='web')
        self.reserve(('A', 2, 'n1'), channel='app')
        self.fence('f', 'web', 'A', 'n1', 5)
        self.assertEqual(self.seen(), (5, 3, 3), '3 of the 5 are in use')
        self.fence('f', 'web', 'A', 'n1', 2)
        self.assertEqual(self.seen(), (5, 5, 5))
        self.ok(self.client.delete('/v1/fences/f'))
        self.assertEqual(self.seen(), (5, 5, 5))

    def test_what_is_answered_is_what_is_admitted(self):
        seed = random.SystemRandom().randrange(1 << 32)
        print('seed', seed)
        chance = random.Random(seed)
        self.stock('A', n2=8)
        self.rule('s', sku='A', node='n1', safety_stock=1)
        live = []
        for number in range(250):
            channel = chance.choice(('web', 'app', 'all'))
            step = chance.randrange(6)
            if step == 0:
                at = chance.choice(('n1', 'n2'))
                self.fence(f'{channel}-{at}', channel, 'A', at, chance.randrange(8), chance.choice(('regular', 'restrict')))
            elif step == 5:
                self.adjust('A', chance.choice(('n1', 'n2')), chance.choice((-1, 1)))
            elif step == 1 and live:
                self.act(live.pop(), chance.choice(('release', 'confirm')))
            elif step == 2:
                reply = self.ask(('A', chance.randrange(1, 5), chance.choice(('n1', 'n2'))), channel=channel)
                live += [reply.json] if reply.status == 201 else []
            node = chance.choice(('n1', 'n2'))
            answered = self.available('A', node=node, channel=channel)
            over = self.ask(('A', answered + 0.001, node), channel=channel)
            self.assertEqual(over.status, 409, f'step {number}, seed {seed}: {answered} answered')
            self.assertEqual(over.json['lines'][0]['available'], answered, f'step {number}, seed {seed}')
            if answered:
                claim = self.ask(('A', answered, node), channel=channel)
                self.assertEqual(claim.status, 201, f'step {number}, seed {seed}: {answered} answered: {claim}')
                self.ok(self.act(claim.json, 'release'))


if __name__ == '__main__':
    main()
