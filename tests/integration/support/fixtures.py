"""Fixture M of the acceptance scenarios, loaded over HTTP."""

EU = ['eu-1', 'eu-2', 'eu-3', 'eu-x']
US = ['us-1']
GLOBAL = ['us-1', 'eu-x', 'eu-3', 'eu-2', 'eu-1']
PLACES = {'eu-1': (48.9833, 2.6167), 'eu-2': (43.5283, 5.4497), 'eu-3': (47.8496, 12.067)}


def load_fixture_m(case, **node_more):
    """Nodes, items, stock, groups and one channel per group (eu, us, global) plus `all` over every node."""
    for node in ['eu-1', 'eu-2', 'eu-3', 'eu-x', 'us-1']:
        place = dict(zip(('lat', 'lon'), PLACES.get(node, ())))
        case.node(node, enabled=node != 'eu-x', **place, **node_more.get(node.replace('-', '_'), {}))
    for sku in ('SKU-1', 'SKU-2', 'SKU-3', 'SKU-4'):
        case.item(sku)
    case.adjust('SKU-1', 'eu-1', 5.5)
    case.adjust('SKU-1', 'eu-2', 3)
    case.adjust('SKU-1', 'eu-3', 10, state='quality_control')
    case.adjust('SKU-1', 'eu-x', 10)
    case.adjust('SKU-2', 'us-1', 5)
    case.adjust('SKU-3', 'eu-2', 6, state='quality_control')
    case.adjust('SKU-4', 'eu-2', 6)
    for group, nodes in (('EU', EU), ('US', US), ('GLOBAL', GLOBAL)):
        case.group(group, *nodes)
        case.channel(group.lower(), groups=[group])
    case.channel('all')
