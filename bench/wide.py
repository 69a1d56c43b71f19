"""Onhand with more positions than the comparison has: they come from a file."""

import json

import loads
from contenders import NODE_FIRST, SKU_FIRST, Onhand, need


class WideOnhand(Onhand):
    """sku_count times node_count positions, imported in one request."""

    def __init__(self, bench, sku_count, node_count, **more):
        super().__init__(bench, **more)
        self.bench, self.sku_count, self.node_count = bench, sku_count, node_count

    def load(self):
        self.load_names(self.sku_count, self.node_count)
        self.import_file(write_stock(self.bench, self.sku_count, self.node_count, 1000, "2026-01-06T05:00:00Z"))

    def import_file(self, path):
        """Rows and what the way in cost; all of them are taken."""
        need("curl")
        command = ["curl", "-sS", "-X", "POST", "-H", "Content-Type: text/csv", "-H", "Expect:", "-T", path,
                   f"{self.url}/v1/import/stock"]
        run = loads.checked(loads.Measured(self.cores, command, self.pids, 3), command)
        answer = json.loads(run.output)
        if answer.get("rejected") != 0 or answer["applied"] != answer["rows"]:
            raise RuntimeError(f"import: {run.output[:500]}")
        return loads.record(run, answer["rows"], run.elapsed_s)


def write_stock(bench, sku_count, node_count, quantity, as_of):
    """A stock file, node by node."""
    path = bench.folder / "stock.csv"
    with open(path, "w", encoding="ascii") as file:
        file.write("sku,node,quantity,as_of\n")
        for node in range(NODE_FIRST, NODE_FIRST + node_count):
            tail = f",NODE-{node},{quantity},{as_of}\nSKU-"
            for first in range(SKU_FIRST, SKU_FIRST + sku_count, 50000):
                names = map(str, range(first, min(first + 50000, SKU_FIRST + sku_count)))
                file.write("SKU-" + tail.join(names) + tail[:-4])
    return path
