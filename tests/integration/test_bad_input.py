"""Every wrong body, for every write call: status, code and field are right, and nothing changed."""
import copy
import json

from support.calls import CALLS, make_ground
from support.case import ServerCase, main, utc
from support.client import request_bytes, url

CONTROL = 'a\u0001b'
# What may be left out of each; everything else is needed.
NEEDED = {
    'node': ['type'], 'item': [], 'group': ['nodes'], 'channel': [], 'rule': [],
    'fence': ['channel', 'sku', 'node', 'quantity'], 'supply': ['sku', 'node', 'quantity', 'eta'],
    'adjust': ['source', 'entries', 'entries[0].sku', 'entries[1].node', 'entries[0].quantity', 'entries[1].reason'],
    'sync': ['source', 'entries', 'entries[0].sku', 'entries[1].node', 'entries[0].quantity', 'entries[1].as_of'],
    'reserve': ['kind', 'channel', 'lines', 'lines[0].sku', 'lines[1].quantity'],
    'batch': ['reservations', 'reservations[0].kind', 'reservations[0].channel', 'reservations[0].lines',
              'reservations[0].lines[0].sku', 'reservations[0].lines[0].quantity'],
    'confirm': ['lines[0].line'], 'release': ['lines[0].line'], 'extend': ['ttl_seconds'],
    'change': ['lines', 'lines[0].line', 'lines[0].quantity'], 'move': ['lines[0].line', 'lines[0].to_node'],
    'fulfil': ['lines[0].line'],
}
MAY_BE_EMPTY = ('confirm', 'release', 'fulfil')
WORDS = ('type', 'policy', 'state', 'kind')
TIMES = ('at', 'as_of', 'eta')
REALS = ('lat', 'lon', 'radius_km')
INTEGERS = ('line', 'source_seq', 'weight_grams', 'side_mm', 'volume_cm3')
UNKNOWN = {'sku': 'unknown_item', 'node': 'unknown_node', 'to_node': 'unknown_node', 'group': 'unknown_group',
           'channel': 'unknown_channel'}


def leaves(value, path=''):
    """Every (path, value) of a body, containers included: ('lines[0].sku', 'A')."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, member in value.items():
            yield from leaves(member, f'{path}.{key}' if path else key)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from leaves(element, f'{path}[{index}]')


def spot(body, path):
    """The container and the key of a path."""
    parts = path.replace('[', '.#').replace(']', '').split('.')
    keys = [int(part[1:]) if part.startswith('#') else part for part in parts]
    for key in keys[:-1]:
        body = body[key]
    return body, keys[-1]


def with_text(body, path, text):
    """The body as JSON, the value at `path` replaced by raw text."""
    changed = copy.deepcopy(body)
    container, key = spot(changed, path)
    container[key] = '@@'
    return json.dumps(changed).replace('"@@"', text).encode()


def without(body, path):
    changed = copy.deepcopy(body)
    container, key = spot(changed, path)
    del container[key]
    return json.dumps(changed).encode()


def last(path):
    return path.rsplit('.', 1)[-1].split('[')[0]


def unknown_of(path):
    """The code for a name at this path that does not exist, or None."""
    if path.startswith('nodes['):
        return 'unknown_node'
    return 'unknown_group' if path.startswith('groups[') else UNKNOWN.get(last(path))


def is_named(path):
    """A field of an object, not an element of a list."""
    return not path.endswith(']')


def objects(body):
    """Paths of the objects in a body, '' for the whole."""
    return [''] + [path for path, value in leaves(body) if isinstance(value, dict)]


class BadInput(ServerCase):
    def setUp(self):
        super().setUp()
        make_ground(self)
        self.before = self.seen()

    def seen(self):
        """What must not change: everything, and that the names of the valid bodies are still free."""
        return self.everything(rules=['xr'], fences=['xf'], supplies=['xs'])

    def wrong(self, call, body, code, field=None, status=400):
        method, target, _ = CALLS[call]
        with self.subTest(call=call, body=body[:300]):
            data = request_bytes(method, target, body, {'Content-Type': 'application/json'})
            self.client.send(data)
            self.judge(call, self.client.receive(), status, code, field)
            self.assertEqual(self.seen(), self.before)

    def judge(self, call, reply, status, code, field):
        """A batch is well-formed as a whole; what is wrong with the values of one reservation is the answer to that one."""
        if call != 'batch' or reply.status != 200:
            return self.refused(reply, status, code, field)
        result = reply.json['results'][0]
        self.assertEqual(result['status'], status, reply)
        self.assertIn(result['problem']['code'], (code,) if isinstance(code, str) else code, reply)
        if field is not None:
            self.assertEqual('reservations[0].' + result['problem']['field'], field, reply)

    def each(self):
        for call, (_, _, body) in CALLS.items():
            yield call, body

    def test_control_every_valid_body_is_taken(self):
        for call, (method, target, body) in CALLS.items():
            with self.subTest(call=call):
                self.server.kill()
                self.server.data += '-'
                self.server.start()
                self.reconnect()
                make_ground(self)
                self.ok(self.client.request(method, target, body), 200, 201)

    def test_not_json(self):
        for call, body in self.each():
            text = json.dumps(body).encode()
            for wrong in (b'{', b'nonsense', text + b'x', text + text, b"{'a':1}", text[:-1], b'{"a":1,}', b'\x00'):
                self.wrong(call, wrong, 'invalid_json')
            if call not in MAY_BE_EMPTY:
                self.wrong(call, b'', 'empty_body')

    def test_not_utf8(self):
        for call, body in self.each():
            path = next((path for path, value in leaves(body) if isinstance(value, str)), None)
            if path:
                data = with_text(body, path, '"@"')
                self.wrong(call, data.replace(b'"@"', b'"\xff"'), 'invalid_encoding')
                self.wrong(call, data.replace(b'"@"', b'"\xc0\xaf"'), 'invalid_encoding')
                self.wrong(call, data.replace(b'"@"', b'"\\ud800"'), 'invalid_encoding')
                self.wrong(call, data.replace(b'"@"', b'"a\\u0000b"'), 'invalid_encoding')

    def test_not_an_object(self):
        for call, _ in self.each():
            for wrong in (b'[]', b'1', b'"x"', b'null', b'true'):
                self.wrong(call, wrong, ('wrong_type', 'empty_body'))

    def test_wrong_type(self):
        for call, body in self.each():
            for path, value in leaves(body):
                if isinstance(value, bool):
                    others = ('1', '"true"')
                elif isinstance(value, (int, float)):
                    others = ('"1"', 'true', '[1]')
                elif isinstance(value, str):
                    others = ('1', 'false', '{}')
                elif isinstance(value, list):
                    others = ('{}', '"x"')
                else:
                    others = ('[]', '7')
                for other in others:
                    self.wrong(call, with_text(body, path, other), 'wrong_type', path)

    def test_unknown_field(self):
        for call, body in self.each():
            for path in objects(body):
                changed = copy.deepcopy(body)
                target = changed if not path else spot(changed, path)[0][spot(changed, path)[1]]
                target['bogus'] = 1
                field = f'{path}.bogus' if path else 'bogus'
                self.wrong(call, json.dumps(changed).encode(), 'unknown_field', field)

    def test_duplicate_field(self):
        for call, body in self.each():
            for path, value in leaves(body):
                if is_named(path):
                    text = json.dumps(value)
                    self.wrong(call, with_text(body, path, f'{text},"{last(path)}":{text}'), 'duplicate_field', path)

    def test_missing_field(self):
        for call, body in self.each():
            for path in NEEDED[call]:
                self.wrong(call, without(body, path), 'missing_field', path)
                self.wrong(call, with_text(body, path, 'null'), 'missing_field', path)

    def test_too_deep(self):
        for call, body in self.each():
            path = next(path for path, _ in leaves(body))
            self.wrong(call, with_text(body, path, '[' * 16 + ']' * 16), 'too_deep')
            self.wrong(call, b'[' * 100_000, ('too_deep', 'invalid_json'))

    def numbers(self):
        for call, body in self.each():
            for path, value in leaves(body):
                if isinstance(value, (int, float)) and not isinstance(value, bool):
                    yield call, body, path

    def test_numbers_that_are_none(self):
        for call, body, path in self.numbers():
            for text in ('NaN', 'Infinity', '-', '01', '1.', '.5', '0x10', '+1', '1e'):
                self.wrong(call, with_text(body, path, text), 'invalid_json')

    def test_numbers_out_of_range(self):
        for call, body, path in self.numbers():
            for text in ('1e400', '-1e400'):
                self.wrong(call, with_text(body, path, text), 'out_of_range')
            over = '9' * 15 if last(path) == 'source_seq' else '1e14'
            if last(path) == 'source_seq':
                over = '1e18'
            self.wrong(call, with_text(body, path, over),
                       ('out_of_range', 'invalid_quantity', 'invalid_value', 'wrong_type'), path)
            self.wrong(call, with_text(body, path, '-1e14'),
                       ('out_of_range', 'invalid_quantity', 'invalid_value', 'wrong_type'), path)

    def test_more_digits_than_are_kept(self):
        for call, body, path in self.numbers():
            if last(path) in REALS:
                continue
            codes = ('wrong_type', 'number_not_exact', 'invalid_value') if last(path) in INTEGERS else 'number_not_exact'
            for text in ('1.0005', '0.0001', '1e-4'):
                self.wrong(call, with_text(body, path, text), codes, path)
            self.wrong(call, with_text(body, path, '1.0000000000000001'), 'number_not_exact', path)

    def test_quantities_that_cannot_be(self):
        for call, body, path in self.numbers():
            name = last(path)
            if name in REALS + INTEGERS:
                continue
            is_delta = call == 'adjust'
            takes_zero = call in ('sync', 'fence', 'supply', 'change') or name in (
                'ttl_seconds', 'safety_stock', 'threshold', 'backorder_limit', 'low_stock')
            codes = ('invalid_quantity', 'out_of_range', 'invalid_value')
            if not is_delta:
                for text in ('-1', '-0.001'):
                    self.wrong(call, with_text(body, path, text), codes, path)
            if not takes_zero:
                for text in ('0', '0.000', '-0'):
                    self.wrong(call, with_text(body, path, text), codes, path)
            beyond = '31536000.001' if name == 'ttl_seconds' else '1000000000.001'
            self.wrong(call, with_text(body, path, beyond), codes, path)
            if is_delta:
                self.wrong(call, with_text(body, path, '-1000000000.001'), codes, path)

    def test_text_that_is_too_long_or_unprintable(self):
        for call, body in self.each():
            for path, value in leaves(body):
                if not isinstance(value, str) or last(path) in WORDS + TIMES + ('country', 'gln', 'gtin'):
                    continue
                is_text = last(path) in ('name', 'reason', 'city', 'region')
                size = 129 if is_text else 65
                for long in ('x' * size, 'é' * (size // 2 + 1), 'x' * 10_000):
                    self.wrong(call, with_text(body, path, json.dumps(long)), ('too_long', 'invalid_id', 'invalid_value'),
                               path)
                if not is_text and last(path) not in ('time_zone', 'postal_code'):
                    for bad in (CONTROL, 'a\u007fb') if last(path) == 'class' else ('', CONTROL, 'a\u007fb'):
                        self.wrong_id(call, body, path, bad)

    def wrong_id(self, call, body, path, bad):
        """An id that no id can be. Where the name is looked up, not being found is as true an answer."""
        data = with_text(body, path, json.dumps(bad))
        codes = ('invalid_id', 'invalid_value', 'missing_field', unknown_of(path) or 'invalid_id')
        method, target, _ = CALLS[call]
        with self.subTest(call=call, path=path, bad=bad):
            response = self.client.request(method, target, data, {'Content-Type': 'application/json'})
            status = response.json['results'][0]['status'] if response.status == 200 else response.status
            self.assertIn(status, (400, 422), response)
            self.judge(call, response, status, codes, path)
            self.assertEqual(self.seen(), self.before)

    def test_words_that_do_not_exist(self):
        for call, body in self.each():
            for path, value in leaves(body):
                if last(path) in WORDS and isinstance(value, str):
                    for word in ('"bogus"', '""', json.dumps(value.upper()), '"any"'):
                        self.wrong(call, with_text(body, path, word), 'invalid_value', path)

    def test_times_that_do_not_exist(self):
        bad = ('yesterday', '', '2026-02-30T00:00:00Z', '2026-11-22T24:00:00Z', '2026-11-22T13:00:00',
               '2026-11-22T13:61:00Z', '2026-13-01T00:00:00Z', '1969-12-31T23:59:59Z', '2200-01-01T00:00:00Z')
        for call, body in self.each():
            for path, value in leaves(body):
                if last(path) in TIMES:
                    for text in bad:
                        self.wrong(call, with_text(body, path, json.dumps(text)), 'invalid_time', path)
        ahead = json.dumps(utc(ahead_s=600))
        for call, path in (('adjust', 'entries[1].at'), ('sync', 'entries[1].as_of'), ('fulfil', 'at')):
            self.wrong(call, with_text(CALLS[call][2], path, ahead), 'invalid_time', path)

    def test_places_that_do_not_exist(self):
        for call, prefix in (('node', ''), ('reserve', 'near.')):
            body = CALLS[call][2]
            for path, text in (('lat', '90.001'), ('lat', '-91'), ('lon', '180.001'), ('lon', '-181')):
                self.wrong(call, with_text(body, prefix + path, text), ('out_of_range', 'invalid_value'), prefix + path)
            self.wrong(call, without(body, prefix + 'lat'), 'missing_field', prefix + 'lat')
            self.wrong(call, without(body, prefix + 'lon'), 'missing_field', prefix + 'lon')

    def test_names_that_are_unknown(self):
        for call, body in self.each():
            own_id = {'node': 'node', 'item': 'sku', 'group': 'group', 'channel': 'channel'}.get(call)
            for path, value in leaves(body):
                code = unknown_of(path)
                if not code or path == own_id or not isinstance(value, str):
                    continue
                if last(path) == 'node' and call in ('confirm', 'release', 'change', 'move', 'fulfil'):
                    continue
                self.wrong(call, with_text(body, path, '"nowhere"'), code, path, 422)
        for call in ('confirm', 'release', 'change', 'move', 'fulfil'):
            body = CALLS[call][2]
            self.wrong(call, with_text(body, 'lines[0].line', '99'), 'unknown_line', 'lines[0].line', 422)
            self.wrong(call, with_text(body, 'lines[0].node', '"n2"'), ('unknown_line', 'nothing_claimed'),
                       None, 422)

    def test_an_id_that_is_not_the_path(self):
        for call, field in (('node', 'node'), ('item', 'sku'), ('group', 'group'), ('channel', 'channel'),
                            ('rule', 'rule'), ('fence', 'fence'), ('supply', 'supply')):
            self.wrong(call, with_text(CALLS[call][2], field, '"other"'), 'invalid_value', field)

    def test_check_digits_and_countries(self):
        body = CALLS['node'][2]
        for gln in ('4006381333932', '400638133393', 'abcdefghijklm'):
            self.wrong('node', with_text(body, 'gln', json.dumps(gln)), ('invalid_value', 'too_long'), 'gln')
        for country in ('F', 'FRA', 'fr', '12'):
            self.wrong('node', with_text(body, 'country', json.dumps(country)), ('invalid_value', 'too_long'), 'country')
        for gtin in ('4006381333932', '123', '40063813339311'):
            self.wrong('item', with_text(CALLS['item'][2], 'gtin', json.dumps(gtin)), 'invalid_value', 'gtin')

    def test_traits_past_their_limits(self):
        body = CALLS['item'][2]
        for name, most in (('weight_grams', 10 ** 9), ('side_mm', 10 ** 6), ('volume_cm3', 10 ** 9)):
            for text in (str(most + 1), '-1', '4294967297'):
                self.wrong('item', with_text(body, name, text), 'out_of_range', name)

    def test_lists_that_are_empty_or_name_a_thing_twice(self):
        for call, path in (('adjust', 'entries'), ('sync', 'entries'), ('reserve', 'lines'), ('batch', 'reservations'),
                           ('change', 'lines')):
            self.wrong(call, with_text(CALLS[call][2], path, '[]'), ('missing_field', 'invalid_value', 'too_many'), path)
        self.wrong('group', with_text(CALLS['group'][2], 'nodes', '["n1","n2","n1"]'), 'duplicate_member', 'nodes[2]')
        self.wrong('channel', with_text(CALLS['channel'][2], 'nodes', '["n1","n1"]'), 'duplicate_member', 'nodes[1]')
        self.wrong('reserve', with_text(CALLS['reserve'][2], 'lines[1].line', '1'), 'duplicate_line', 'lines[1].line')
        both = with_text(CALLS['reserve'][2], 'lines[0].node', '"n1","group":"g"')
        self.wrong('reserve', both, 'invalid_value')

    def test_ids_of_reservations(self):
        for call, prefix, names in (('reserve', '', ('id',)), ('batch', 'reservations[0].', ('id', 'idempotency_key'))):
            body = CALLS[call][2]
            for name in names:
                for text, code in (('1', 'wrong_type'), ('{}', 'wrong_type'), (json.dumps('x' * 65), ('too_long', 'invalid_id')),
                                   (json.dumps(CONTROL if name == 'id' else ''), ('invalid_id', 'invalid_value')),
                                   ('"a","%s":"a"' % name, 'duplicate_field')):
                    data = with_text(body, prefix + 'kind', f'"cart","{name}":{text}')
                    self.wrong(call, data, code, prefix + name)

    def test_rules_that_say_nothing_or_too_much(self):
        self.wrong('rule', b'{"sku":"A"}', 'missing_field')
        self.wrong('rule', b'{}', 'missing_field')
        self.wrong('rule', b'{"node":"n1","channel":"web","safety_stock":1}', 'invalid_scope')
        self.wrong('rule', b'{"sku":"A","node":"n1","channel":"web","safety_stock":1}', 'invalid_scope')

    def test_reservations_that_are_not_there(self):
        for action in ('confirm', 'release', 'extend', 'change', 'move', 'fulfil'):
            body = CALLS[action][2]
            with self.subTest(action=action):
                self.refused(self.act('nobody', action, body), 404, 'unknown_reservation')
        self.refused(self.client.get('/v1/reservations/nobody'), 404, 'unknown_reservation')
        self.assertEqual(self.seen(), self.before)

    def test_path_names_that_are_not_there(self):
        for segments, code in ((('nodes', 'x'), 'unknown_node'), (('items', 'x'), 'unknown_item'),
                               (('groups', 'x'), 'unknown_group'), (('channels', 'x'), 'unknown_channel'),
                               (('rules', 'x'), 'unknown_rule'), (('fences', 'x'), 'unknown_fence'),
                               (('supplies', 'x'), 'unknown_supply'), (('import', 'x'), 'unknown_import'),
                               (('stock', 'x'), 'unknown_item'), (('stock', 'x', 'n1'), 'unknown_item'),
                               (('stock', 'A', 'x'), 'unknown_node'), (('availability', 'x'), 'unknown_item')):
            with self.subTest(path=segments):
                self.refused(self.client.get(url('v1', *segments)), 404, code)
        for collection, code in (('rules', 'unknown_rule'), ('fences', 'unknown_fence'),
                                 ('supplies', 'unknown_supply')):
            self.refused(self.client.delete(url('v1', collection, 'x')), 404, code)
        self.assertEqual(self.seen(), self.before)

    def test_bad_queries(self):
        for path in ('/v1/nodes?limit=0', '/v1/nodes?limit=1001', '/v1/nodes?limit=x', '/v1/nodes?bogus=1',
                     '/v1/nodes?limit=1&limit=2', '/v1/nodes?limit=%zz', '/v1/stock/A?limit=-1',
                     '/v1/availability/A?kind=bogus', '/v1/availability/A?explain=maybe',
                     '/v1/availability/A?min_quantity=0.0001', '/v1/availability/A?min_quantity=-1',
                     '/v1/availability/A?near=north', '/v1/availability/A?near=91,0', '/v1/availability/A?radius_km=5',
                     '/v1/availability/A?node=n1&group=g', '/v1/reservations?status=bogus', '/v1/nodes?min_seq=-1'):
            with self.subTest(path=path):
                response = self.client.get(path)
                self.assertEqual(response.status, 400, response)
                self.refused(response, 400, ('invalid_query', 'out_of_range', 'wrong_type', 'invalid_value',
                                             'number_not_exact'))
        for path, code in (('/v1/availability/A?node=x', 'unknown_node'), ('/v1/availability/A?group=x', 'unknown_group'),
                           ('/v1/availability/A?channel=x', 'unknown_channel'),
                           ('/v1/availability/A?near=FR:00000', 'unknown_postal_code'),
                           ('/v1/reservations?node=x', 'unknown_node')):
            with self.subTest(path=path):
                response = self.client.get(path)
                self.assertIn(response.status, (404, 422), response)
                self.assertEqual(response.json['code'], code)
        self.refused(self.client.get('/v1/nodes?min_seq=1000000'), 409, 'seq_not_reached')
        self.assertEqual(self.seen(), self.before)

    def test_wrong_media_type(self):
        for call, (method, target, body) in CALLS.items():
            for media in ('text/plain', 'application/x-www-form-urlencoded', 'application/jsonx'):
                with self.subTest(call=call, media=media):
                    data = json.dumps(body).encode()
                    self.refused(self.client.request(method, target, data, {'Content-Type': media}),
                                 415, 'unsupported_media_type')

    def test_encoded_body(self):
        for call, (method, target, body) in CALLS.items():
            with self.subTest(call=call):
                headers = {'Content-Type': 'application/json', 'Content-Encoding': 'gzip'}
                self.refused(self.client.request(method, target, json.dumps(body).encode(), headers),
                             415, 'unsupported_media_type')
        self.assertEqual(self.seen(), self.before)

    def test_availability_questions(self):
        question = {'skus': ['A', 'B'], 'nodes': ['n1', 'n2'], 'channel': 'web', 'kind': 'ship', 'min_quantity': 1}
        self.ok(self.client.post('/v1/availability', question))
        for change, status, code, field in (
                ({'skus': []}, 400, ('missing_field', 'invalid_value', 'too_many'), 'skus'),
                ({'skus': 'A'}, 400, 'wrong_type', 'skus'), ({'skus': [1]}, 400, 'wrong_type', 'skus[0]'),
                ({'nodes': ['x']}, 422, 'unknown_node', 'nodes[0]'), ({'channel': 'x'}, 422, 'unknown_channel', 'channel'),
                ({'nodes': None, 'group': 'x'}, 422, 'unknown_group', 'group'), ({'group': 'g'}, 400, 'invalid_value', None),
                ({'bogus': 1}, 400, 'unknown_field', 'bogus'), ({'kind': 'x'}, 400, 'invalid_value', 'kind'),
                ({'min_quantity': 0.0005}, 400, 'number_not_exact', 'min_quantity')):
            with self.subTest(change=change):
                self.refused(self.client.post('/v1/availability', {**question, **change}), status, code, field)


if __name__ == '__main__':
    main()
