"""The demo network by the commands of the quickstart, and a file of settings: one PUT a line."""
import json
import os

from support.case import ServerCase, main
from support.server import run

FILES = ('nodes', 'items', 'groups', 'stock')


class TestDemo(ServerCase):
    durability = 'process'

    def path(self, name):
        return os.path.join(self.server.home, name)

    def load(self, *options):
        return run('load', '--to', f'http://127.0.0.1:{self.server.port}', *options)

    def test_everything_can_be_promised(self):
        self.assertEqual(run('demo', '--out', self.server.home).returncode, 0)
        loaded = self.load(*(word for name in FILES for word in (f'--{name}', self.path(f'{name}.csv'))),
                           '--setup', self.path('setup.ndjson'))
        self.assertEqual((loaded.returncode, loaded.stderr), (0, ''), loaded)
        with open(self.path('items.csv'), encoding='utf-8') as file:
            skus = [line.split(',')[0] for line in file][1:]
        services, stores = set(), 0
        for sku in skus[::40]:
            reply = self.ok(self.client.post('/v1/promises', {
                'channel': 'web', 'destination': {'lat': 48.8566, 'lon': 2.3522}, 'lines': [{'sku': sku, 'quantity': 1}]}))
            services.update(option['service'] for option in reply['options'] if option['kind'] == 'ship')
            stores += sum(option['kind'] == 'collect' for option in reply['options'])
        self.assertEqual(services, {'standard', 'evening'})
        self.assertGreater(stores, 50)

    def test_settings_from_a_file(self):
        """What is wrong is named with its line, and everything else is put."""
        self.node('n')
        lines = [json.dumps({'path': f'/v1/calendars/c{i}', 'body': {'weekly_off': ['sun']}}) for i in range(2000)]
        lines[1] = json.dumps({'path': '/v1/calendars/wrong', 'body': {'weekly_off': ['someday']}})
        lines[2] = '{"path": "/v1/calendars/no-body"}'
        lines.append(json.dumps({'path': '/v1/nodes/n/schedule', 'body': {'calendar': 'c1999', 'time_zone': 'Europe/Paris'}}))
        with open(self.path('settings.ndjson'), 'w', encoding='utf-8') as file:
            file.write('\n'.join([*lines, '']))
        loaded = self.load('--setup', self.path('settings.ndjson'))
        self.assertEqual(loaded.returncode, 1)
        self.assertIn('/v1/calendars/wrong', loaded.stderr)
        self.assertIn('weekly_off', loaded.stderr)
        self.assertIn('line 3: not {"path"', loaded.stderr)
        self.assertIn('1999 of 2001 settings put', loaded.stdout)
        self.assertEqual(self.ok(self.client.get('/v1/nodes/n/schedule'))['document']['calendar'], 'c1999')
        self.assertEqual(self.client.get('/v1/calendars/wrong').status, 404)


if __name__ == '__main__':
    main()
