"""Where a destination is: postal codes in our layout and in that of GeoNames, whole codes and outward parts."""
import gzip
import os
import tempfile
import unittest

from support.case import ServerCase, main
from support.client import request_bytes, url
from support.server import run
from support.uk_replay import data_path, distance_km, has_data, read_rows

TSV = 'text/tab-separated-values'
GEONAMES = ('GB\tAB10\tAberdeen\tScotland\tSCT\tAberdeen City\t\t\t\t57.1348\t-2.1269\t4\n'
            'GB\tSW1A\tWestminster\tEngland\tENG\tGreater London\t\t\t\t51.501\t-0.1416\t4\n'
            'GB\tNOWHERE\tno place\tEngland\tENG\t\t\t\t\t\t\t1\n'
            'NL\t1011\tAmsterdam\tNoord-Holland\t07\tAmsterdam\t0363\t\t\t52.3728\t4.9004\t6\n')


class PostalCodes(ServerCase):
    def setUp(self):
        super().setUp()
        self.item('A')
        self.ok(self.client.put('/v1/nodes/n', {'type': 'store', 'lat': 51.5, 'lon': -0.1}), 201)
        entry = {'sku': 'A', 'node': 'n', 'quantity': 5, 'reason': 'r'}
        self.ok(self.client.post('/v1/stock/adjust', {'source': 's', 'entries': [entry]}))

    def send(self, kind, text, media, **query):
        headers = {'Content-Type': media, 'Import-Id': 'geo'}
        return self.client.post(url('v1', 'import', kind, **query), text.encode(), headers)

    def distance(self, near):
        return self.answer('A', near=near)['nodes'][0]['distance_km']

    def check_geonames(self):
        for near, place in (('GB:SW1A 1AA', (51.501, -0.1416)), ('GB:sw1a', (51.501, -0.1416)),
                            ('GB:ab10-1ab', (57.1348, -2.1269)), ('NL:1011 AB', (52.3728, 4.9004))):
            self.assertAlmostEqual(self.distance(near), distance_km((51.5, -0.1), place), delta=0.01, msg=near)

    def test_the_layout_of_geonames(self):
        answer = self.ok(self.send('postal_codes', GEONAMES, TSV))
        self.assertEqual((answer['rows'], answer['applied'], answer['rejected']), (4, 3, 1))
        self.assertEqual([(row['row'], row['code'], row['field']) for row in answer['rejections']],
                         [(3, 'missing_field', 'lat')])
        self.check_geonames()
        self.server.crash()
        self.reconnect()
        self.check_geonames()
        again = self.ok(self.send('postal_codes', ''.join(GEONAMES.splitlines(True)[2:]), TSV, first_row=3))
        self.assertEqual((again['rows'], again['applied'], again['rejected']), (4, 0, 0))  # all of it was done
        self.refused(self.send('postal_codes', GEONAMES, TSV, first_row=6), 409, 'import_gap')

    def test_only_postal_codes_have_it(self):
        problem = self.refused(self.send('nodes', GEONAMES, TSV), 415, 'unsupported_media_type')
        self.assertNotIn('tab-separated', problem['detail'])
        self.reconnect()
        problem = self.refused(self.send('postal_codes', GEONAMES, 'text/plain'), 415, 'unsupported_media_type')
        self.assertIn(TSV, problem['detail'])

    def test_a_file_of_geonames_loads_by_its_name(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'GB.txt.gz')
            with gzip.open(path, 'wt') as file:
                file.write(GEONAMES)
            address = f'http://127.0.0.1:{self.server.port}'
            result = run('load', '--to', address, '--allow-rejects', '--postal-codes', path)
            self.assertEqual(result.returncode, 0, result)
            self.check_geonames()
            result = run('load', '--to', address, '--nodes', path)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn('for postal codes', result.stderr)

    def test_a_code_nobody_knows_is_named(self):
        self.ok(self.send('postal_codes', GEONAMES, TSV))
        for near in ('GB:M1 1AE', 'FR:75011', 'GB:SW1'):
            problem = self.refused(self.client.get(url('v1', 'availability', 'A', near=near)), 422,
                                   'unknown_postal_code', 'near')
            self.assertIn(near.replace(':', ' '), problem['detail'])
        body = {'skus': ['A'], 'near': {'country': 'GB', 'postal_code': 'zz9 9zz'}}
        problem = self.refused(self.client.post('/v1/availability', body), 422, 'unknown_postal_code', 'near.postal_code')
        self.assertIn('GB zz9 9zz', problem['detail'])

    @unittest.skipUnless(has_data(), 'the data is not there')
    def test_every_code_of_a_country_is_found(self):
        result = run('load', '--to', f'http://127.0.0.1:{self.server.port}', '--postal-codes',
                     data_path('uk', 'postal_codes.csv.gz'))
        self.assertEqual(result.returncode, 0, result)
        rows = list(read_rows('uk', 'postal_codes.csv.gz'))
        self.assertEqual(len(rows), 3002)
        asks = [f"{row['country']}:{row['postal_code']}{inward}" for row in rows for inward in ('', ' 9zz')]
        answers = self.client.pipeline(request_bytes('GET', url('v1', 'availability', 'A', near=near)) for near in asks)
        for number, (near, response) in enumerate(zip(asks, answers)):
            row = rows[number // 2]
            wanted = distance_km((51.5, -0.1), (float(row['lat']), float(row['lon'])))
            self.assertAlmostEqual(self.ok(response)['nodes'][0]['distance_km'], wanted, delta=0.01, msg=near)


if __name__ == '__main__':
    main()
