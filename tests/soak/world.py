"""What the load plays on: nodes, groups, channels, items, first stock."""
import random

from load import milli, now_us, text_of
from oracle import Oracle

NODES = [f'n{number}' for number in range(8)]
GROUPS = {'north': NODES[:4], 'south': NODES[3:]}
CHANNELS = {'web': 'priority', 'app': 'highest_stock'}
PROBE = 'probe'


def make_world(item_count, live_max):
    return {'nodes': NODES, 'groups': GROUPS, 'channels': list(CHANNELS), 'live_max': live_max,
            'skus': [f'sku{number}' for number in range(item_count)],
            'import_skus': [f'imp{number}' for number in range(20)]}


def new_oracle():
    return Oracle(NODES, list(CHANNELS), GROUPS)


def must(response, *statuses):
    if response.status not in (statuses or (200, 201)):
        raise AssertionError(f'the world cannot be made: {response}')
    return response.json


def make(client, world, judge, seed):
    """Creates everything and tells the judge of the stock."""
    for number, node in enumerate(NODES):
        must(client.put(f'/v1/nodes/{node}', {'type': ('store', 'warehouse')[number % 2], 'lat': 48 + number / 10,
                                              'lon': 2 + number / 10, 'ships': True, 'collects': True}))
    for group, nodes in GROUPS.items():
        must(client.put(f'/v1/groups/{group}', {'nodes': nodes}))
    for channel, policy in CHANNELS.items():
        must(client.put(f'/v1/channels/{channel}', {'policy': policy, 'nodes': NODES}))
    rows = 'sku,name\n' + ''.join(f'{sku},A thing called {sku}\n' for sku in [*world['skus'], *world['import_skus'], PROBE])
    must(client.post('/v1/import/items', rows.encode(), {'Content-Type': 'text/csv'}))
    chance = random.Random(f'{seed}/world')
    entries = [(f'first-{sku}-{node}', sku, node, 'sellable', chance.randrange(5, 60) * 1000, now_us())
               for sku in world['skus'] for node in NODES]
    entries.append(('first-probe', PROBE, NODES[0], 'sellable', 1_000_000, now_us()))
    for start in range(0, len(entries), 1000):
        adjust(client, judge, entries[start:start + 1000])


def adjust(client, judge, entries):
    body = {'source': 'soak', 'entries': [
        {'id': name, 'sku': sku, 'node': node, 'state': state, 'quantity': quantity / 1000, 'reason': 'first', 'at': text_of(at)}
        for name, sku, node, state, quantity, at in entries]}
    answer = must(client.post('/v1/stock/adjust', body))
    judge.fold([{'seq': answer['seq'], 'op': 'adjust', 'source': 'soak', 'entries': entries,
                 'answers': [(entry['verdict'], milli(entry['quantity'])) for entry in answer['entries']]}])
