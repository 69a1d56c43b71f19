"""Imports: every kind, both formats, a verdict per row, any size in constant memory, resumable."""
import gzip
import json
import os
import subprocess
import tempfile

from support.case import ServerCase, main
from support.client import url
from support.server import PROGRAM, run, wait_until

FILES = {
    'nodes': ('node,name,type,lat,lon,country,time_zone,ships,collects,enabled,city,region,postal_code,gln\n'
              'n1,"Lyon, Part-Dieu",store,45.7606,4.8589,FR,Europe/Paris,1,0,1,Lyon,ARA,69003,4006381333931\n'
              'n2,,warehouse,,,,,,,,,,,\n'),
    'items': ('sku,name,gtin,class,weight_grams,side_mm,volume_cm3\n'
              'A,"a ""quoted"" name",4006381333931,large,12000,800,90000\nB,"two, in one",,,,,\n'),
    'groups': 'group,node,priority\ng,n1,2\ng,n2,1\nh,n1,1\n',
    'stock': 'sku,node,quantity,as_of,state,source_seq\nA,n1,10.5,2020-01-01T00:00:00Z,,\nA,n2,3,2020-01-01T00:00:00Z,damaged,7\n',
    'supplies': 'supply,sku,node,quantity,eta\ns1,A,n1,5,2030-01-01T00:00:00Z\n',
    'postal_codes': 'country,postal_code,place,lat,lon\nFR,69003,Lyon,45.7606,4.8589\n',
}
WHOLES = ('priority', 'source_seq', 'weight_grams', 'side_mm', 'volume_cm3')
NUMBERS = ('lat', 'lon', 'quantity') + WHOLES
FLAGS = ('ships', 'collects', 'enabled')


def as_ndjson(text):
    """The same rows, a JSON object each. Quoted CSV is read by Python's own reader."""
    import csv  # pylint: disable=import-outside-toplevel
    import io   # pylint: disable=import-outside-toplevel
    lines = []
    for row in csv.DictReader(io.StringIO(text, newline='')):
        given = {name: value for name, value in row.items() if value != ''}
        lines.append({name: float(value) if name in NUMBERS else value == '1' if name in FLAGS else value
                      for name, value in given.items()})
        for name in WHOLES:
            if name in lines[-1]:
                lines[-1][name] = int(lines[-1][name])
    return ''.join(json.dumps(line) + '\n' for line in lines)


class Import(ServerCase):
    def send(self, kind, text, media='text/csv', name=None, first_row=None):
        headers = {'Content-Type': media, **({'Import-Id': name} if name else {})}
        data = text if isinstance(text, bytes) else text.encode()
        return self.client.post(url('v1', 'import', kind, first_row=first_row), data, headers)

    def load_all(self, convert, media):
        for kind, text in FILES.items():
            answer = self.ok(self.send(kind, convert(text), media))
            self.assertEqual((answer['rejected'], answer['rejections']), (0, []), kind)
            self.assertEqual(answer['rows'], answer['applied'] + answer['unchanged'], kind)

    def check_all(self):
        node = self.ok(self.client.get('/v1/nodes/n1'))
        self.assertEqual((node['name'], node['lat'], node['ships'], node['collects'], node['gln']),
                         ('Lyon, Part-Dieu', 45.7606, True, False, '4006381333931'))
        self.assertEqual(self.ok(self.client.get('/v1/nodes/n2'))['type'], 'warehouse')
        item = self.ok(self.client.get('/v1/items/A'))
        self.assertEqual({**item, 'seq': 0}, {
            'sku': 'A', 'name': 'a "quoted" name', 'gtin': '4006381333931', 'class': 'large', 'weight_grams': 12000,
            'side_mm': 800, 'volume_cm3': 90000, 'seq': 0})
        item = self.ok(self.client.get('/v1/items/B'))
        self.assertEqual(item, {'sku': 'B', 'name': 'two, in one', 'seq': item['seq']})
        self.assertEqual(self.ok(self.client.get('/v1/groups/g'))['nodes'], ['n2', 'n1'])
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (10.5,))
        self.assertEqual(self.figures('A', 'n2', 'damaged', 'sellable'), (3, 0))
        self.assertEqual(self.ok(self.client.get('/v1/supplies/s1'))['quantity'], 5)
        self.assertEqual([row['node'] for row in self.answer('A', near='FR:69003', limit=1)['nodes']], ['n1'])

    def test_every_kind_as_csv(self):
        self.load_all(lambda text: text, 'text/csv')
        self.check_all()
        self.server.crash()
        self.reconnect()
        self.check_all()

    def test_every_kind_as_ndjson(self):
        self.load_all(as_ndjson, 'application/x-ndjson')
        self.check_all()

    def test_the_same_again_changes_nothing(self):
        self.load_all(lambda text: text, 'text/csv')
        before = self.everything(supplies=['s1'])
        for kind, text in FILES.items():
            answer = self.ok(self.send(kind, text))
            self.assertEqual(answer['rejected'], 0)
            if kind == 'stock':
                self.assertEqual((answer['applied'], answer['unchanged']), (0, answer['rows']))
        after = self.everything(supplies=['s1'])
        for seen in (before, after):
            for value in seen.values():
                if isinstance(value, tuple):
                    value[1].pop('seq')
        self.assertEqual({name: value for name, value in after.items() if isinstance(value, tuple)},
                         {name: value for name, value in before.items() if isinstance(value, tuple)})

    def test_line_ends_byte_order_mark_and_column_order(self):
        for text in ('sku,name\r\nA,x\r\nB,y\r\n', '\ufeffsku,name\nA,x\nB,y', 'name,sku\nx,A\n\ny,B\n'):
            answer = self.ok(self.send('items', text))
            self.assertEqual((answer['rows'], answer['rejected']), (2, 0), text)
            self.assertEqual(self.ok(self.client.get('/v1/items/B'))['name'], 'y')

    def test_each_row_has_its_verdict(self):
        self.load_all(lambda text: text, 'text/csv')
        rows = ['A,n1,1,2021-01-01T00:00:00Z', 'X,n1,1,2021-01-01T00:00:00Z', 'A,x,1,2021-01-01T00:00:00Z',
                'A,n1,-1,2021-01-01T00:00:00Z', 'A,n1,1.0005,2021-01-01T00:00:00Z', 'A,n1,one,2021-01-01T00:00:00Z',
                'A,n1,1,yesterday', 'A,n1,,2021-01-01T00:00:00Z', 'A,n1,1', 'A,n1,1,2021-01-01T00:00:00Z,more',
                'A,"n1,1,2021-01-01T00:00:00Z"', 'A' * 9000 + ',n1,1,2021-01-01T00:00:00Z', 'B,n2,4,2021-01-01T00:00:00Z']
        answer = self.ok(self.send('stock', 'sku,node,quantity,as_of\n' + '\n'.join(rows) + '\n'))
        self.assertEqual((answer['rows'], answer['applied'], answer['rejected']), (len(rows), 2, len(rows) - 2))
        by_row = {row['row']: row for row in answer['rejections']}
        self.assertEqual(sorted(by_row), list(range(2, len(rows))))
        for row, code, field in ((2, 'unknown_item', 'sku'), (3, 'unknown_node', 'node'), (5, 'number_not_exact', 'quantity'),
                                 (7, 'invalid_time', 'as_of'), (8, 'missing_field', 'quantity'), (12, 'too_long', None)):
            self.assertEqual(by_row[row]['code'], code)
            if field:
                self.assertEqual(by_row[row]['field'], field)
        self.assertEqual((self.figures('A', 'n1', 'sellable'), self.figures('B', 'n2', 'sellable')), ((1,), (4,)))

    def test_at_most_10000_rejections_are_listed(self):
        answer = self.ok(self.send('stock', 'sku,node,quantity,as_of\n' + 'X,n1,1,2021-01-01T00:00:00Z\n' * 10_050))
        self.assertEqual((answer['rejected'], len(answer['rejections']), answer['rejections_omitted']), (10_050, 10_000, 50))

    def test_a_wrong_head_refuses_the_import(self):
        for kind, text, code in (('items', 'sku,bogus\nA,1\n', ('unknown_field', 'invalid_value')),
                                 ('items', 'name\nA\n', 'missing_field'), ('items', 'sku,sku\nA,A\n', 'duplicate_field')):
            with self.subTest(text=text):
                self.refused(self.send(kind, text), 400, code)
                self.reconnect()
        self.refused(self.send('items', 'sku\nA\n', 'text/plain'), 415, 'unsupported_media_type')
        self.reconnect()
        self.assertEqual(self.client.post('/v1/import/bogus', b'x', {'Content-Type': 'text/csv'}).status, 405)
        self.reconnect()
        self.assertEqual(self.client.get('/v1/items/A').status, 404)

    def test_a_chunked_import(self):
        data = ('sku,name\n' + ''.join(f'C{number},n\n' for number in range(5000))).encode()
        self.client.send(b'POST /v1/import/items HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n'
                         b'Transfer-Encoding: chunked\r\n\r\n')
        for start in range(0, len(data), 777):
            piece = data[start:start + 777]
            self.client.send(b'%x\r\n%s\r\n' % (len(piece), piece))
        self.client.send(b'0\r\n\r\n')
        self.assertEqual(self.ok(self.client.receive())['applied'], 5000)

    def test_an_import_goes_on_where_it_was(self):
        rows = [f'R{number}\n' for number in range(1000)]
        answer = self.ok(self.send('items', 'sku\n' + ''.join(rows[:400]), name='load-1', first_row=1))
        self.assertEqual((answer['import'], answer['rows']), ('load-1', 400))
        self.refused(self.send('items', 'sku\n' + ''.join(rows[500:]), name='load-1', first_row=501), 409, 'import_gap')
        self.reconnect()
        self.server.crash()
        self.reconnect()
        progress = self.ok(self.client.get('/v1/import/load-1'))
        self.assertEqual((progress['rows'], progress['rejected']), (400, 0))
        answer = self.ok(self.send('items', 'sku\n' + ''.join(rows[300:]), name='load-1', first_row=301))
        self.assertEqual(answer['applied'], 600)
        self.assertEqual(self.ok(self.client.get('/v1/import/load-1'))['rows'], 1000)
        self.assertEqual(len(self.pages('items', 'v1', 'items')[0]), 1000)

    def test_an_import_id_is_of_one_kind(self):
        self.ok(self.send('items', 'sku\nA\n', name='z'))
        reply = self.send('nodes', 'node,type\nn1,store\n', name='z')
        if reply.status == 200:
            self.assertEqual(self.client.get('/v1/nodes/n1').status, 200, 'a row was skipped for an import of another kind')
        else:
            self.assertIn(reply.status, (409, 422), reply)

    def test_sigterm_during_an_import_keeps_what_it_says(self):
        self.client.send(b'POST /v1/import/items?first_row=1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n'
                         b'Import-Id: ended\r\nContent-Length: 100000000\r\n\r\nsku\n')
        self.client.send(b''.join(b'T%d\n' % number for number in range(20_000)))
        wait_until(lambda: self.server.client().get('/v1/items/T0').status == 200, 'nothing was applied', 10)
        self.server.terminate()
        self.assertEqual(self.server.wait(), 0)
        self.server.start()
        self.reconnect()
        done = self.ok(self.client.get('/v1/import/ended'))['rows']
        self.assertEqual(len(self.pages('items', 'v1', 'items')[0]), done)
        left = 'sku\n' + ''.join(f'T{number}\n' for number in range(done, 20_000))
        self.assertEqual(self.ok(self.send('items', left, name='ended', first_row=done + 1))['applied'], 20_000 - done)

    def test_a_connection_that_breaks_keeps_what_it_brought(self):
        self.client.send(b'POST /v1/import/items?first_row=1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n'
                         b'Import-Id: broken\r\nContent-Length: 10000000\r\n\r\nsku\n')
        self.client.send(b''.join(b'K%d\n' % number for number in range(50_000)))
        wait_until(lambda: self.server.client().get('/v1/items/K0').status == 200, 'nothing was applied', 10)
        self.client.close()
        self.reconnect()
        rows = self.client.get('/v1/import/broken')
        done = rows.json['rows'] if rows.status == 200 else 0
        self.assertEqual(len(self.pages('items', 'v1', 'items')[0]) >= done, True)
        left = 'sku\n' + ''.join(f'K{number}\n' for number in range(done, 50_000))
        answer = self.ok(self.send('items', left, name='broken', first_row=done + 1))
        self.assertEqual(answer['rejected'], 0)
        self.assertEqual(len(self.pages('items', 'v1', 'items')[0]), 50_000)


class Large(ServerCase):
    growth_kib_max = 48 * 1024

    def test_80_megabytes_in_constant_memory(self):
        nodes = ''.join(f'n{number}\n'.replace('\n', ',store\n') for number in range(100))
        self.ok(self.client.post('/v1/import/nodes', ('node,type\n' + nodes).encode(), {'Content-Type': 'text/csv'}))
        items = ''.join(f'S{number}\n' for number in range(100))
        self.ok(self.client.post('/v1/import/items', ('sku\n' + items).encode(), {'Content-Type': 'text/csv'}))
        row = b'S%d,n%d,%d,2020-01-01T00:00:00Z,sellable,\n'
        block = b''.join(row % (number % 100, number // 100 % 100, number % 50) for number in range(10_000))
        pad = b''.join(b'S%d,none-%s,1,2020-01-01T00:00:00Z,sellable,\n' % (number % 100, b'x' * 50) for number in range(1000))
        wanted = 80_000_000
        pieces = [block] + [pad] + [block] * ((wanted - len(pad)) // len(block))
        size = sum(map(len, pieces)) + 42
        before = self.server.memory_peak_kib()
        self.client.send(b'POST /v1/import/stock HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: %d\r\n\r\n'
                         % size)
        head = b'sku,node,quantity,as_of,state,source_seq\n'
        self.client.send(head.ljust(42, b'\n'))
        for piece in pieces:
            self.client.send(piece)
        answer = self.ok(self.client.receive())
        growth = self.server.memory_peak_kib() - before
        print(f'{size} bytes, {answer["rows"]} rows, {answer["rejected"]} rejected, memory peak grew by {growth} KiB')
        self.assertEqual(answer['rejected'], 1000)
        self.assertGreater(answer['rows'], 1_000_000)
        if not os.environ.get('ONHAND_SANITIZE'):
            self.assertLess(growth, self.growth_kib_max)


class Load(ServerCase):
    def setUp(self):
        super().setUp()
        self.folder = tempfile.TemporaryDirectory(prefix='onhand-load-')
        self.addCleanup(self.folder.cleanup)
        self.address = f'http://127.0.0.1:{self.server.port}'

    def write(self, name, text, packed=False):
        path = os.path.join(self.folder.name, name)
        with (gzip.open if packed else open)(path, 'wb') as file:
            file.write(text.encode())
        return path

    def test_onhand_load(self):
        arguments = []
        for kind in ('nodes', 'items', 'groups', 'stock', 'supplies'):
            arguments += [f'--{kind}', self.write(f'{kind}.csv', FILES[kind])]
        result = run('load', '--to', self.address, *arguments)
        self.assertEqual(result.returncode, 0, result)
        self.assertEqual(self.figures('A', 'n1', 'sellable'), (10.5,))
        self.assertEqual(self.ok(self.client.get('/v1/groups/g'))['nodes'], ['n2', 'n1'])

    def test_onhand_load_goes_on_after_the_server_was_killed(self):
        rows = 300_000
        path = self.write('items.csv', 'sku,name\n' + ''.join(f'L{number},{"x" * 60}\n' for number in range(rows)))
        loader = subprocess.Popen([PROGRAM, 'load', '--to', self.address, '--items', path],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(loader.kill)
        wait_until(lambda: self.server.client().get('/v1/items/L20000').status == 200, 'nothing arrives')
        self.server.kill()
        loader.kill()
        loader.wait(60)
        self.server.start()
        self.reconnect()
        self.address = f'http://127.0.0.1:{self.server.port}'
        again = run('load', '--to', self.address, '--items', path)
        self.assertEqual(again.returncode, 0, again)
        self.assertEqual(self.client.get(f'/v1/items/L{rows - 1}').status, 200)
        self.assertEqual(self.client.get('/v1/items/L0').status, 200)

    def test_onhand_load_says_what_was_rejected(self):
        path = self.write('stock.csv', 'sku,node,quantity,as_of\nX,n1,1,2020-01-01T00:00:00Z\n')
        result = run('load', '--to', self.address, '--stock', path)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('unknown_item', result.stdout + result.stderr)


if __name__ == '__main__':
    main()
