"""Contenders that run on Node, all of them optional (--peers): hand-made services, and the stock code of two shop systems."""

import json
import os
import signal
import subprocess

from contenders import (HERE, NODE_COUNT, NODE_FIRST, SKU_FIRST, STOCK, Absent, Contender, free_port, need, postgres,
                        wait_until)
from machine import with_children


def modules_of(bench, *names):
    """node_modules in which these packages are, below --peers."""
    need("node")
    if bench.peers is None:
        raise Absent("no --peers")
    for folder in (bench.peers / "node_modules", bench.peers / "handroll/node_modules"):
        if all((folder / name).is_dir() for name in names):
            return folder
    raise Absent(f"{bench.peers} has no node_modules with {', '.join(names)}")


class Fastify(Contender):
    """A hand-made service over a store that is a contender too."""

    def __init__(self, bench, server):
        super().__init__(bench)
        self.modules, self.server, self.depends_on = modules_of(bench, "fastify", self.client), server, (server,)

    def serve(self, environment):
        self.port = free_port()
        self.spawn(["node", HERE / "peers" / self.program], environment={
            "NODE_PATH": str(self.modules), "NODE_ENV": "production", "PORT": str(self.port), **environment})
        self.wait_for_http(f"/v1/availability/SKU-{SKU_FIRST}?node=NODE-{NODE_FIRST}")
        return self

    def set_hot(self, quantity):
        self.server.set_hot(quantity)

    def hot_taken(self):
        return self.server.hot_taken()


class FastifyPg(Fastify):
    label, client, program = "Fastify + pg", "pg", "fastify_pg.js"

    def start(self):
        return self.serve({"PGHOST": self.server.server.home, "PGPORT": str(self.server.port), "PGUSER": "postgres",
                           "PGDATABASE": "postgres"})


class FastifyRedis(Fastify):
    label, client, program = "Fastify + ioredis, Lua", "ioredis", "fastify_redis.js"

    def start(self):
        return self.serve({"REDIS_PORT": str(self.server.port), "NODES": str(NODE_COUNT)})


class PeersPostgres(Contender):
    """The PostgreSQL that Medusa and Vendure were set up in: DIR/pg/d, on the port that their set-up chose."""
    label = "PostgreSQL of the peers"

    def __init__(self, bench):
        super().__init__(bench)
        need("node")
        if bench.peers is None:
            raise Absent("no --peers")
        self.data = bench.peers / "pg/d"
        if not (self.data / "PG_VERSION").exists() or postgres.programs() is None:
            raise Absent(f"{bench.peers} has no PostgreSQL data in pg/d")
        self.port, self.found_pid = 9120, None

    def running_pid(self):
        """That of a server that their set-up left running, or None."""
        file = self.data / "postmaster.pid"
        pid = int(file.read_text().split()[0]) if file.exists() else None
        return pid if pid is not None and os.path.exists(f"/proc/{pid}") else None

    def start(self):
        self.found_pid = self.running_pid()
        if self.found_pid is None:
            self.spawn([*postgres.as_user(), f"{postgres.programs()}/postgres", "-D", self.data], cwd="/")
        ready = [f"{postgres.programs()}/pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL of the peers answers")
        for pid in self.own_pids():
            os.sched_setaffinity(pid, {self.cores.server})
        return self

    def own_pids(self):
        return with_children([self.found_pid]) if self.found_pid is not None else super().own_pids()

    def stop(self):
        """One that ran before goes on."""
        self.signal_all(signal.SIGCONT)
        for process in self.processes:
            process.send_signal(signal.SIGINT)
        super().stop()

    def query(self, database, sql):
        run = subprocess.run(["psql", "-qAtX", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-v",
                              "ON_ERROR_STOP=1", database, "-c", sql], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise RuntimeError(f"{database}: {run.stderr[-300:]}")
        return run.stdout.strip()


class ShopPeer(Contender):
    """A shop system's own stock code behind two calls: GET /avail/{sku} and POST /reserve."""
    body, path, sku_first, node_first = '{"sku":{sku},"node":{node},"qty":1}', "/reserve", 1, 1
    limited_stock = 50  # they are slow
    ENVIRONMENT = {"NODE_ENV": "production", "MEDUSA_DISABLE_TELEMETRY": "1", "VENDURE_DISABLE_TELEMETRY": "1"}

    def __init__(self, bench, server):
        super().__init__(bench)
        self.cwd, self.server, self.depends_on = bench.peers / self.database, server, (server,)
        if not (self.cwd / "ids.json").exists():
            raise Absent(f"{self.cwd} has no ids.json")

    def start(self):
        self.port = free_port()
        self.spawn(["node", self.program], cwd=self.cwd, environment={**self.ENVIRONMENT, "PORT": str(self.port)})
        self.wait_for_http("/avail/1")
        return self

    def hot_where(self):
        """The condition of the first item at the first node."""
        ids = json.loads((self.cwd / "ids.json").read_text())
        return f"{self.item_column} = '{ids[self.items_name][0]}' AND {self.node_column} = '{ids['locs'][0]}'"

    def load(self):
        """Everything unsold, and enough of it."""
        self.set_stock(STOCK, "true")

    def set_hot(self, quantity):
        self.set_stock(quantity, self.hot_where())

    def hot_taken(self):
        return round(float(self.server.query(self.database, self.taken_sql + self.hot_where())))


class Medusa(ShopPeer):
    label, database, program = "Medusa, inventory module", "medusa", "module-alone.js"
    items_name, item_column, node_column = "items", "inventory_item_id", "location_id"
    taken_sql = "SELECT coalesce(sum(quantity), 0) FROM reservation_item WHERE deleted_at IS NULL AND "

    def set_stock(self, quantity, where):
        raw, none = (f'{{"value":"{value}","precision":20}}' for value in (quantity, 0))
        self.server.query(self.database, f"DELETE FROM reservation_item WHERE {where}")
        self.server.query(self.database, "UPDATE inventory_level SET reserved_quantity = 0, raw_reserved_quantity = "
                          f"'{none}', stocked_quantity = {quantity}, raw_stocked_quantity = '{raw}' WHERE {where}")


class Vendure(ShopPeer):
    label, database, program = "Vendure, stock allocation", "vendure", "server.js"
    items_name, item_column, node_column = "variants", '"productVariantId"', '"stockLocationId"'
    taken_sql = "SELECT coalesce(sum(quantity), 0) FROM stock_movement WHERE type = 'ALLOCATION' AND "

    def set_stock(self, quantity, where):
        self.server.query(self.database, f"DELETE FROM stock_movement WHERE {where}")
        self.server.query(self.database, f'UPDATE stock_level SET "stockAllocated" = 0, "stockOnHand" = {quantity} '
                          f"WHERE {where}")
