"""The same key with the same request: the same answer, for every write, also after a restart and after kill -9."""
from support.calls import CALLS, make_ground
from support.case import ServerCase, main
from support.client import url

# Another request of the same shape, for each call: what an honest mix-up of keys looks like.
OTHERS = {
    'node': {'type': 'warehouse'}, 'item': {'name': 'Y'}, 'group': {'nodes': ['n2']}, 'channel': {'policy': 'priority'},
    'rule': {'safety_stock': 2}, 'fence': {'channel': 'web', 'sku': 'A', 'node': 'n1', 'quantity': 2},
    'supply': {'sku': 'A', 'node': 'n1', 'quantity': 6, 'eta': '2030-01-01T00:00:00Z'},
    'adjust': {'source': 's', 'entries': [{'sku': 'A', 'node': 'n1', 'quantity': 2, 'reason': 'r'}]},
    'sync': {'source': 's', 'entries': [{'sku': 'A', 'node': 'n1', 'quantity': 2, 'as_of': '2020-01-01T00:00:00Z'}]},
    'reserve': {'kind': 'cart', 'channel': 'web', 'lines': [{'sku': 'A', 'quantity': 3}]},
    'batch': {'reservations': [{'kind': 'cart', 'channel': 'web', 'lines': [{'sku': 'A', 'quantity': 2}]}]},
    'confirm': {'lines': [{'line': 2}]}, 'release': {'lines': [{'line': 2}]}, 'extend': {'ttl_seconds': 50},
    'change': {'lines': [{'line': 1, 'quantity': 1}]}, 'move': {'to_node': 'n2'}, 'fulfil': {'lines': [{'line': 2}]},
}


class Idempotency(ServerCase):
    durability = 'process'

    def setUp(self):
        super().setUp()
        make_ground(self)
        self.first = {}

    def send(self, call, body=None):
        method, target, valid = CALLS[call]
        return self.client.request(method, target, valid if body is None else body, {'Idempotency-Key': f'key-{call}'})

    def send_all(self):
        """Each call once, in an order in which each is possible."""
        for call in ('node', 'item', 'group', 'channel', 'rule', 'fence', 'supply', 'adjust', 'sync', 'reserve', 'batch',
                     'extend', 'change', 'move', 'fulfil'):
            self.first[call] = self.send(call)
            self.ok(self.first[call], 200, 201)

    def check_repeats(self):
        before = self.everything(rules=['xr'], fences=['xf'], supplies=['xs'])
        for call, first in self.first.items():
            with self.subTest(call=call):
                again = self.send(call)
                if call == 'batch':
                    self.check_batch(first, again)
                    continue
                self.assertIn(again.status, (200, 201), again)
                self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
                self.assertEqual(again.json, first.json)
                self.refused(self.send(call, OTHERS[call]), 422, 'idempotency_mismatch')
        self.assertEqual(self.everything(rules=['xr'], fences=['xf'], supplies=['xs']), before)

    def check_batch(self, first, again):
        """The key of a batch gives each of its reservations a key of its own."""
        for one, other in zip(first.json['results'], again.json['results']):
            self.assertEqual((one['status'], other['status'], other['reservation']), (201, 200, one['reservation']))
        other = self.send('batch', OTHERS['batch']).json['results'][0]
        self.assertEqual((other['status'], other['problem']['code']), (422, 'idempotency_mismatch'))

    def test_every_write_repeats_its_answer(self):
        self.send_all()
        self.check_repeats()
        self.server.restart()
        self.reconnect()
        self.check_repeats()
        self.server.crash()
        self.reconnect()
        self.check_repeats()

    def check_alone(self, call):
        self.first = {call: self.send(call)}
        self.ok(self.first[call])
        self.check_repeats()
        self.server.crash()
        self.reconnect()
        self.check_repeats()

    def test_confirm_repeats_its_answer(self):
        self.check_alone('confirm')

    def test_release_repeats_its_answer(self):
        self.check_alone('release')

    def test_deletes_repeat_theirs(self):
        for collection, call in (('rules', 'rule'), ('fences', 'fence'), ('supplies', 'supply')):
            with self.subTest(collection=collection):
                self.send(call)
                target = CALLS[call][1]
                first = self.client.delete(target, {'Idempotency-Key': f'delete-{call}'})
                self.ok(first)
                again = self.client.delete(target, {'Idempotency-Key': f'delete-{call}'})
                self.assertEqual((again.status, again.json), (200, first.json))
                self.assertEqual(again.headers.get('idempotency-replayed'), 'true')

    def test_an_answer_is_repeated_though_its_object_has_changed_since(self):
        first = self.client.put('/v1/items/C', {'name': 'one'}, {'Idempotency-Key': 'k'})
        self.ok(self.client.put('/v1/items/C', {'name': 'two'}))
        again = self.client.put('/v1/items/C', {'name': 'one'}, {'Idempotency-Key': 'k'})
        self.assertEqual(again.json, first.json)
        self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
        self.assertEqual(self.ok(self.client.get('/v1/items/C'))['name'], 'two')

    def test_a_refusal_is_remembered_too(self):
        body = {'kind': 'cart', 'channel': 'web', 'lines': [{'sku': 'A', 'quantity': 1000, 'node': 'n1'}]}
        first = self.client.post('/v1/reservations', body, {'Idempotency-Key': 'k'})
        self.refused(first, 409, 'insufficient_stock')
        self.adjust('A', 'n1', 5000)
        for restart in (None, self.server.restart, self.server.crash):
            if restart:
                restart()
                self.reconnect()
            again = self.client.post('/v1/reservations', body, {'Idempotency-Key': 'k'})
            self.assertEqual((again.status, again.json), (409, first.json))
            self.assertEqual(again.headers.get('idempotency-replayed'), 'true')
        self.ok(self.client.post('/v1/reservations', body, {'Idempotency-Key': 'k2'}), 201)

    def test_an_own_id_is_a_key(self):
        first = self.reserve(('A', 2, 'n1'), channel='web', id='mine')
        for restart in (None, self.server.restart, self.server.crash):
            if restart:
                restart()
                self.reconnect()
            again = self.ask(('A', 2, 'n1'), channel='web', id='mine')
            self.assertEqual((again.status, again.json), (200, first))
            self.refused(self.ask(('A', 3, 'n1'), channel='web', id='mine'), 422, 'idempotency_mismatch')
        self.assertEqual(self.figures('A', 'n1', 'held'), (7,))

    def test_a_key_is_one_name_space_for_all_writes(self):
        key = {'Idempotency-Key': 'shared'}
        self.ok(self.client.put('/v1/items/C', {}, key), 201)
        self.refused(self.client.put('/v1/items/D', {}, key), 422, 'idempotency_mismatch')
        self.refused(self.client.post('/v1/reservations/hold/confirm', None, key), 422, 'idempotency_mismatch')
        self.refused(self.client.get(url('v1', 'items', 'D')), 404, 'unknown_item')
        self.assertEqual(self.reservation('hold')['status'], 'held')

    def test_a_wrong_body_does_not_use_its_key_up(self):
        key = {'Idempotency-Key': 'k'}
        self.refused(self.client.post('/v1/reservations', {'kind': 'cart'}, key), 400, 'missing_field')
        body = {'kind': 'cart', 'channel': 'web', 'lines': [{'sku': 'A', 'quantity': 1}]}
        self.ok(self.client.post('/v1/reservations', body, key), 201)

    def test_entries_of_a_batch_have_keys_of_their_own(self):
        one = {'kind': 'cart', 'channel': 'web', 'idempotency_key': 'b', 'lines': [{'sku': 'A', 'quantity': 1, 'node': 'n1'}]}
        first = self.ok(self.client.post('/v1/reservations/batch', {'reservations': [one, one]}))
        self.assertEqual([result['status'] for result in first['results']], [201, 200])
        self.assertEqual(first['results'][0]['reservation'], first['results'][1]['reservation'])
        again = self.ok(self.client.post('/v1/reservations/batch', {'reservations': [one]}))
        self.assertEqual(again['results'][0], first['results'][1])
        self.assertEqual(self.figures('A', 'n1', 'held'), (6,))


if __name__ == '__main__':
    main()
