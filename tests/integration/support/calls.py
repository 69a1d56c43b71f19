"""One valid body for every call that writes, and the stock, claims and names they are valid on."""
import time

from .case import utc

NOW = utc(time.time() - 60)

# The valid body of each call, on what setUp makes. Every mutation starts from one of these.
CALLS = {
    'node': ('PUT', '/v1/nodes/x1', {
        'node': 'x1', 'name': 'X', 'type': 'store', 'lat': 48.5, 'lon': 2.5, 'country': 'FR',
        'time_zone': 'Europe/Paris', 'city': 'C', 'region': 'R', 'postal_code': '75011', 'gln': '4006381333931',
        'ships': True, 'collects': False, 'enabled': True}),
    'item': ('PUT', '/v1/items/X', {
        'sku': 'X', 'name': 'X', 'gtin': '4006381333931', 'class': 'large', 'weight_grams': 1, 'side_mm': 1,
        'volume_cm3': 1}),
    'group': ('PUT', '/v1/groups/xg', {'group': 'xg', 'name': 'X', 'nodes': ['n1', 'n2']}),
    'channel': ('PUT', '/v1/channels/xc', {
        'channel': 'xc', 'name': 'X', 'policy': 'nearest', 'nodes': ['n1'], 'groups': ['g']}),
    'rule': ('PUT', '/v1/rules/xr', {
        'rule': 'xr', 'sku': 'A', 'node': 'n1', 'safety_stock': 1, 'threshold': 1, 'min_quantity': 0.5,
        'max_quantity': 100, 'quantity_increment': 0.5, 'backorder_limit': 1, 'low_stock': 1,
        'pickup_allowed': True, 'ship_allowed': True, 'preorder': False}),
    'fence': ('PUT', '/v1/fences/xf', {
        'fence': 'xf', 'channel': 'web', 'sku': 'B', 'node': 'n1', 'quantity': 1, 'policy': 'regular'}),
    'supply': ('PUT', '/v1/supplies/xs', {
        'supply': 'xs', 'sku': 'A', 'node': 'n1', 'quantity': 5, 'eta': '2030-01-01T00:00:00Z'}),
    'adjust': ('POST', '/v1/stock/adjust', {'source': 's', 'entries': [
        {'id': 'e1', 'sku': 'A', 'node': 'n1', 'quantity': -1, 'state': 'sellable', 'reason': 'r', 'at': NOW},
        {'id': 'e2', 'sku': 'B', 'node': 'n2', 'quantity': 1, 'state': 'damaged', 'reason': 'r', 'at': NOW}]}),
    'sync': ('POST', '/v1/stock/sync', {'source': 's', 'entries': [
        {'sku': 'A', 'node': 'n1', 'quantity': 7, 'state': 'sellable', 'as_of': utc(), 'source_seq': 5},
        {'sku': 'B', 'node': 'n2', 'quantity': 7, 'state': 'display', 'as_of': utc(), 'source_seq': 6}]}),
    'reserve': ('POST', '/v1/reservations', {
        'kind': 'cart', 'channel': 'web', 'customer': 'c', 'order': 'o', 'ttl_seconds': 60,
        'allow_partial': False, 'near': {'lat': 48.5, 'lon': 2.5, 'radius_km': 2000}, 'lines': [
            {'line': 1, 'sku': 'A', 'quantity': 1, 'node': 'n1'},
            {'line': 2, 'sku': 'B', 'quantity': 1, 'group': 'g'}]}),
    'batch': ('POST', '/v1/reservations/batch', {'reservations': [
        {'kind': 'cart', 'channel': 'web', 'ttl_seconds': 60, 'lines': [{'sku': 'A', 'quantity': 1, 'node': 'n1'}]}]}),
    'confirm': ('POST', '/v1/reservations/hold/confirm', {
        'lines': [{'line': 1, 'node': 'n1', 'quantity': 2}], 'return_rest': True}),
    'release': ('POST', '/v1/reservations/hold/release', {'lines': [{'line': 1, 'node': 'n1', 'quantity': 2}]}),
    'extend': ('POST', '/v1/reservations/hold/extend', {'ttl_seconds': 100}),
    'change': ('POST', '/v1/reservations/hold/change', {'lines': [{'line': 1, 'node': 'n1', 'quantity': 2}]}),
    'move': ('POST', '/v1/reservations/hold/move', {
        'lines': [{'line': 1, 'node': 'n1', 'to_node': 'n2', 'quantity': 2}]}),
    'fulfil': ('POST', '/v1/reservations/firm/fulfil', {
        'at': NOW, 'lines': [{'line': 1, 'node': 'n1', 'quantity': 2}], 'return_rest': False}),
}


def make_ground(case):
    """What the valid bodies stand on."""
    case.node('n1', lat=48, lon=2)
    case.node('n2', lat=47, lon=3)
    case.stock('A', n1=20, n2=20)
    case.stock('B', n1=20, n2=20)
    case.group('g', 'n1', 'n2')
    case.channel('web')
    case.reserve(('A', 5, 'n1'), ('B', 5, 'n2'), channel='web', id='hold', ttl_seconds=3600)
    case.reserve(('A', 5, 'n1'), ('B', 5, 'n2'), channel='web', id='firm')
    case.ok(case.act('firm', 'confirm'))
