"""docs/openapi.yaml, GET /openapi.json and the router say the same; answers fit the schemas."""
import importlib.util
import json
import os
import re
import unittest

from support.calls import CALLS, make_ground
from support.case import ServerCase, main
from support.client import url
from support.server import ROOT, run

METHODS = ('get', 'put', 'post', 'delete')


def document():
    """docs/openapi.yaml, read by the converter of the build."""
    spec = importlib.util.spec_from_file_location('yaml_to_json', os.path.join(ROOT, 'cmake', 'yaml_to_json.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(os.path.join(ROOT, 'docs', 'openapi.yaml'), encoding='utf-8') as file:
        return module, module.load(file.read())


def operations(contract):
    """{('GET', '/v1/nodes/{}')}: names of parameters do not matter to a router."""
    return {(method.upper(), re.sub(r'\{[^}]*\}', '{}', path))
            for path, methods in contract['paths'].items() for method in methods if method in METHODS}


class Fit:
    """Checks values against the part of JSON Schema that the document uses."""

    def __init__(self, contract):
        self.contract = contract

    def resolve(self, schema):
        while '$ref' in schema:
            target = self.contract
            for part in schema['$ref'][2:].split('/'):
                target = target[part]
            schema = {**target, **{name: value for name, value in schema.items() if name != '$ref'}}
        return schema

    def faults(self, schema, value, place='body'):
        schema = self.resolve(schema)
        for part in schema.get('allOf', []):
            yield from self.faults(part, value, place)
        kinds = schema.get('type', [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(self.is_kind(kind, value) for kind in kinds):
            yield f'{place}: {value!r} is not {kinds}'
            return
        if 'enum' in schema and value not in schema['enum']:
            yield f'{place}: {value!r} is none of {schema["enum"]}'
        if 'const' in schema and value != schema['const']:
            yield f'{place}: {value!r} is not {schema["const"]!r}'
        if isinstance(value, dict):
            yield from self.object_faults(schema, value, place)
        if isinstance(value, list) and 'items' in schema:
            for index, element in enumerate(value):
                yield from self.faults(schema['items'], element, f'{place}[{index}]')

    def object_faults(self, schema, value, place):
        properties = schema.get('properties', {})
        for name in schema.get('required', []):
            if name not in value:
                yield f'{place}: {name} is missing'
        for name, member in value.items():
            if name in properties:
                yield from self.faults(properties[name], member, f'{place}.{name}')
            elif properties and 'allOf' not in schema and place == 'body':
                yield f'{place}: {name} is not in the document'

    @staticmethod
    def is_kind(kind, value):
        if kind == 'null':
            return value is None
        if isinstance(value, bool):
            return kind == 'boolean'
        return isinstance(value, {'string': str, 'number': (int, float), 'integer': int, 'array': list, 'object': dict,
                                  'boolean': bool}[kind])


class Converter(unittest.TestCase):
    def test_what_is_not_the_subset_is_refused_with_its_line(self):
        module, _ = document()
        for text, line in (('a: 1\na: 2\n', 2), ('a: &x 1\n', 1), ('a:\n\tb: 1\n', 2), ('a: b: c\n', 1), ('a:\n', 1),
                           ('a: 1\n   b: 2\n', 2), ('a: [1, 2\n', 1), ("a: 'x'\n", 1), ('just text\n', 1)):
            with self.subTest(text=text):
                with self.assertRaisesRegex(module.YamlError, f'line {line}:'):
                    module.load(text)

    def test_what_it_reads(self):
        module, _ = document()
        text = '# c\na:\n  - 1\n  - b: x\n    c: ["y", 2.5]\n  - "q: r"\nd: >-\n  one\n  two\n"200":\n  e: true\n  f: null\n'
        self.assertEqual(module.load(text), {'a': [1, {'b': 'x', 'c': ['y', 2.5]}, 'q: r'], 'd': 'one two',
                                             '200': {'e': True, 'f': None}})

    def test_every_reference_leads_somewhere(self):
        _, contract = document()
        fit = Fit(contract)

        def walk(value):
            if isinstance(value, dict):
                if '$ref' in value:
                    fit.resolve(value)
                for member in value.values():
                    walk(member)
            elif isinstance(value, list):
                for element in value:
                    walk(element)
        walk(contract)

    def test_every_code_of_the_program_is_in_the_document(self):
        _, contract = document()
        codes = set(contract['components']['schemas']['Code']['enum'])
        for name, pattern in (('include/onhand/verdict.h', r'X\(OH_V_\w+,\s*(\d+),\s*"(\w+)",\s*(\d+)'),
                              ('src/codec/fault.h', r'X\(OH_FAULT_\w+(),\s*"(\w+)",\s*(\d+)'),
                              ('src/server/http_head.h', r'X\(OH_HTTP_\w+,\s*((\d+)), "(\w+)"')):
            with open(os.path.join(ROOT, name), encoding='utf-8') as file:
                rows = re.findall(pattern, file.read())
            self.assertGreater(len(rows), 10)
            for _, first, second in rows:
                code, status = (second, first) if first.isdigit() else (first, second)
                if status != '200':
                    self.assertIn(code, codes)


class Contract(ServerCase):
    def test_the_server_offers_the_document(self):
        _, contract = document()
        self.assertEqual(self.ok(self.client.get('/openapi.json')), contract)

    def test_the_router_has_what_the_document_has(self):
        _, contract = document()
        result = run('routes')
        self.assertEqual(result.returncode, 0, result)
        routed = set()
        for line in result.stdout.splitlines():
            method, pattern = line.split()
            routed.add((method, re.sub(r'\{[^}]*\}', '{}', pattern)))
        self.assertEqual(routed, operations(contract))

    def check_answer(self, contract, fit, method, pattern, reply):
        responses = contract['paths'][pattern][method.lower()]['responses']
        self.assertIn(str(reply.status), responses, f'{method} {pattern}: {reply}')
        response = fit.resolve(responses[str(reply.status)])
        for schema in (media['schema'] for media in response['content'].values()):
            faults = list(fit.faults(schema, reply.json))
            self.assertEqual(faults, [], f'{method} {pattern}: {reply}')

    def test_answers_fit_the_schemas(self):
        _, contract = document()
        fit = Fit(contract)
        make_ground(self)
        order = ('node', 'item', 'group', 'channel', 'rule', 'fence', 'supply', 'adjust', 'sync', 'reserve', 'batch', 'extend',
                 'change', 'move', 'confirm', 'release', 'fulfil')
        patterns = {'node': '/v1/nodes/{node}', 'item': '/v1/items/{sku}', 'group': '/v1/groups/{group}',
                    'channel': '/v1/channels/{channel}', 'rule': '/v1/rules/{rule}', 'fence': '/v1/fences/{fence}',
                    'supply': '/v1/supplies/{id}', 'adjust': '/v1/stock/adjust', 'sync': '/v1/stock/sync',
                    'reserve': '/v1/reservations', 'batch': '/v1/reservations/batch'}
        for call in order:
            method, target, body = CALLS[call]
            pattern = patterns.get(call, '/v1/reservations/{id}/' + call)
            with self.subTest(call=call):
                self.check_answer(contract, fit, method, pattern, self.client.request(method, target, body))
        for pattern, target in (('/v1/nodes', url('v1', 'nodes')), ('/v1/items', url('v1', 'items')),
                                ('/v1/groups', url('v1', 'groups')), ('/v1/channels', url('v1', 'channels')),
                                ('/v1/nodes/{node}', '/v1/nodes/x1'), ('/v1/items/{sku}', '/v1/items/X'),
                                ('/v1/groups/{group}', '/v1/groups/xg'), ('/v1/channels/{channel}', '/v1/channels/xc'),
                                ('/v1/rules/{rule}', '/v1/rules/xr'), ('/v1/fences/{fence}', '/v1/fences/xf'),
                                ('/v1/supplies/{id}', '/v1/supplies/xs'), ('/v1/stock/{sku}', '/v1/stock/A'),
                                ('/v1/stock/{sku}/{node}', '/v1/stock/A/n1'),
                                ('/v1/availability/{sku}', '/v1/availability/A'),
                                ('/v1/availability/{sku}', '/v1/availability/A?node=n1&channel=web&explain=true&min_quantity=1'),
                                ('/v1/availability/{sku}', '/v1/availability/A?near=48,2&limit=3'),
                                ('/v1/reservations', '/v1/reservations?limit=5'),
                                ('/v1/reservations/{id}', '/v1/reservations/hold'), ('/healthz', '/healthz'),
                                ('/readyz', '/readyz'), ('/v1/items/{sku}', '/v1/items/none'),
                                ('/v1/reservations/{id}', '/v1/reservations/none'), ('/v1/nodes', '/v1/nodes?limit=0')):
            with self.subTest(target=target):
                self.check_answer(contract, fit, 'GET', pattern, self.client.get(target))
        question = {'skus': ['A', 'none'], 'nodes': ['n1'], 'channel': 'web'}
        self.check_answer(contract, fit, 'POST', '/v1/availability', self.client.post('/v1/availability', question))
        refused = {'kind': 'cart', 'channel': 'web', 'lines': [{'sku': 'A', 'quantity': 1000}]}
        self.check_answer(contract, fit, 'POST', '/v1/reservations', self.client.post('/v1/reservations', refused))

    def test_promises_and_their_documents_fit_the_schemas(self):
        _, contract = document()
        fit = Fit(contract)
        make_ground(self)
        documents = {'/v1/calendars/{calendar}': '/v1/calendars/working-days', '/v1/zones/{zone}': '/v1/zones/islands',
                     '/v1/services/{service}': '/v1/services/next-day', '/v1/lanes/{lane}': '/v1/lanes/night',
                     '/v1/nodes/{node}/schedule': '/v1/nodes/n1/schedule',
                     '/v1/channels/{channel}/sourcing': '/v1/channels/web/sourcing'}
        for pattern, target in documents.items():
            example = contract['paths'][pattern]['put']['requestBody']['content']['application/json']['example']
            with self.subTest(target=target):
                self.check_answer(contract, fit, 'PUT', pattern, self.client.put(target, example))
                self.check_answer(contract, fit, 'GET', pattern, self.client.get(target))
                self.assertEqual(self.client.get(target).json['document'], example)
        for pattern in ('/v1/calendars', '/v1/zones', '/v1/services', '/v1/lanes', '/v1/schedules', '/v1/sourcing'):
            with self.subTest(pattern=pattern):
                self.check_answer(contract, fit, 'GET', pattern, self.client.get(pattern))
        self.client.put('/v1/services/next-day', {'transit': [{'hours': 24}], 'slots': [{'from': '09:00', 'to': '12:00', 'limit': 9}]})
        asked = {'channel': 'web', 'destination': {'lat': 48, 'lon': 2}, 'lines': [{'sku': 'A', 'quantity': 1}], 'explain': 'full'}
        for body in (asked, {**asked, 'separately': True}, {**asked, 'hold': {'ttl_seconds': 60, 'id': 'promise-1'}},
                     {'replace': {'reservation': 'promise-1', 'without': ['n1']}},
                     {**asked, 'lines': [{'sku': 'A', 'quantity': 9999}], 'hold': {'ttl_seconds': 60}}):
            with self.subTest(body=body):
                self.check_answer(contract, fit, 'POST', '/v1/promises', self.client.post('/v1/promises', body))
        self.check_answer(contract, fit, 'GET', '/v1/promises/{promise}', self.client.get('/v1/promises/promise-1'))
        for pattern, target in documents.items():
            with self.subTest(target=target):
                self.check_answer(contract, fit, 'DELETE', pattern, self.client.delete(target))
                self.check_answer(contract, fit, 'GET', pattern, self.client.get(target))

    def test_examples_of_the_document_have_the_shape_the_server_takes(self):
        """Sent as they are, they may be refused for names that are unknown here, never for their shape."""
        _, contract = document()
        shape_codes = {'invalid_json', 'wrong_type', 'unknown_field', 'missing_field', 'invalid_value', 'invalid_time',
                       'number_not_exact', 'not_found', 'out_of_range'}
        for path, methods in contract['paths'].items():
            for method, operation in methods.items():
                content = operation.get('requestBody', {}).get('content', {})
                for media, body in content.items():
                    example = body['example']
                    data = example.encode() if isinstance(example, str) else json.dumps(example).encode()
                    target = re.sub(r'\{[^}]*\}', 'example', path)
                    with self.subTest(path=path, media=media):
                        reply = self.client.request(method.upper(), target, data, {'Content-Type': media})
                        if reply.status != 200 and reply.status != 201:
                            self.assertNotIn(reply.json['code'], shape_codes, reply)
                        elif reply.body and 'rejections' in reply.json:
                            for row in reply.json['rejections']:
                                self.assertNotIn(row['code'], shape_codes, row)


if __name__ == '__main__':
    main()
