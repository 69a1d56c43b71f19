"""The questions in which Onhand is one of several."""

import time

import loads
from contenders import STOCK_DEEP, Nginx, Onhand, Postgres, Redis, reply_size
from field import field
from node_peers import FastifyPg, FastifyRedis, Medusa, PeersPostgres, Vendure
from targets import alone, at_least, at_most, best_of, ratio


# ---- read

class Read:
    name, title, unit = "read", "`GET /v1/availability/{sku}?node=`, 32 connections (wrk)", "requests"

    def run(self, bench):
        loads.write_targets(bench.folder / "targets", 1)
        with field(bench) as there:
            onhand = there.add("Onhand", lambda: Onhand(bench))
            onhand.resume()
            size = reply_size(onhand, (bench.folder / "targets").read_text().split()[:200])
            onhand.pause()
            nginx = there.add("nginx", lambda: Nginx(bench), lambda server: server.start_as_long_as(size))
            there.enter("onhand", f"Onhand, replies of {size} bytes", onhand, lambda s: loads.wrk_read(bench, s))
            there.enter("nginx", f"nginx `return 200`, {size} bytes", nginx, lambda s: loads.wrk_read(bench, s))
            if bench.peers is not None:
                self.add_services(bench, there)
            there.measure(self.name)

    @staticmethod
    def add_services(bench, there):
        for name, kind, make in (("Fastify + pg", FastifyPg, lambda: Postgres(bench)),
                                 ("Fastify + ioredis", FastifyRedis, lambda: Redis(bench, "everysec"))):
            server = there.add(name, make)
            if server is not None:
                server.resume()
                peer = there.add(name, lambda kind=kind, server=server: kind(bench, server))
                there.enter(name, name, peer, lambda s: loads.wrk_read(bench, s))

    def targets(self, bench):
        return [at_least(self.name, "requests a second, of nginx's", 0.9, unit="x", **ratio(bench, "read", "onhand", "nginx")),
                at_most(self.name, "CPU of a request, of nginx's", 1.1, unit="x",
                        **ratio(bench, "read", "onhand", "nginx", "server_cpu_s_per_1k"))]


# ---- reserve

def enter_reserve(there, bench, connections, is_hot=False):
    """Everybody who can take a reservation; the servers of one question are shared by its entries."""
    def http(server):
        return loads.wrk_reserve(bench, server, connections, is_hot)
    servers, suffix = there.by_name, f"/{connections}"
    text = f", {connections} connections"
    there.enter("onhand" + suffix, "Onhand, class `disk`" + text, servers["onhand"], http)
    for fsync in ("always", "everysec"):
        there.enter(f"redis-{fsync}{suffix}", f"Redis `EVALSHA`, `{fsync}`{text}", servers[f"redis-{fsync}"],
                    lambda s: loads.redis_reserve(bench, s, connections, is_hot=is_hot))
    for script, what in (("update", "guarded `UPDATE` + `INSERT`"), ("for_update", "`SELECT FOR UPDATE`")):
        there.enter(f"pg-{script}{suffix}", f"PostgreSQL, {what}{text}", servers["pg"],
                    lambda s, script=script: loads.pgbench_reserve(bench, s, connections, script, is_hot))
    there.enter("fastify-pg" + suffix, "Fastify + pg" + text, servers["fastify-pg"], http)
    for fsync in ("always", "everysec"):
        there.enter(f"fastify-redis-{fsync}{suffix}", f"Fastify + ioredis, Lua, `{fsync}`{text}",
                    servers[f"fastify-redis-{fsync}"], http)
    if connections <= 32:
        there.enter("medusa" + suffix, "Medusa, inventory module" + text, servers["medusa"], http)
        there.enter("vendure" + suffix, "Vendure, stock allocation" + text, servers["vendure"], http)


def add_reservers(there, bench):
    servers = {"onhand": there.add("Onhand", lambda: Onhand(bench)),
               "pg": there.add("PostgreSQL", lambda: Postgres(bench))}
    for fsync in ("always", "everysec"):
        servers[f"redis-{fsync}"] = there.add("Redis", lambda fsync=fsync: Redis(bench, fsync))

    def on_top_of(name, label, make, base):
        if base is not None:
            base.resume()
        servers[name] = there.add(label, lambda: make(base)) if base is not None else None
    on_top_of("fastify-pg", "Fastify + pg", lambda base: FastifyPg(bench, base), servers["pg"])
    for fsync in ("always", "everysec"):
        on_top_of(f"fastify-redis-{fsync}", "Fastify + ioredis", lambda base: FastifyRedis(bench, base),
                  servers[f"redis-{fsync}"])
    shop_pg = there.add("PostgreSQL of Medusa and Vendure", lambda: PeersPostgres(bench)) if bench.has_shops else None
    if not bench.has_shops:
        bench.say_absent("Medusa, Vendure", "no --peers")
    for name, make in (("medusa", Medusa), ("vendure", Vendure)):
        on_top_of(name, name.capitalize(), lambda base, make=make: make(bench, base), shop_pg)
    there.by_name = servers


class Reserve:
    name, title, unit = "reserve", "`POST /v1/reservations`, one line, on disk when it is answered", "reservations"
    connections = (32, 256)

    def run(self, bench):
        with field(bench) as there:
            add_reservers(there, bench)
            for connections in self.connections if not bench.is_smoke else (32,):
                enter_reserve(there, bench, connections)
            there.measure(self.name)

    def targets(self, bench):
        found = []
        for connections in self.connections:
            def against(key, connections=connections):
                return ratio(bench, self.name, f"onhand/{connections}", f"{key}/{connections}")
            pg = best_of(bench, self.name, [f"pg-update/{connections}", f"pg-for_update/{connections}"]).split("/")[0]
            text = f"{connections} connections, of "
            found += [at_least(self.name, text + "Redis `always`", 1.3, unit="x", **against("redis-always")),
                      at_least(self.name, text + "Redis `everysec`", 1.0, unit="x", **against("redis-everysec")),
                      at_least(self.name, text + "PostgreSQL", 8, unit="x", **against(pg)),
                      at_least(self.name, text + "Fastify + ioredis", 3, unit="x", **against("fastify-redis-everysec"))]
        return found


# ---- hot

class Hot:
    name, title, unit = "hot", "One item at one node, 32 connections", "reservations"
    def run(self, bench):
        with field(bench) as there:
            add_reservers(there, bench)
            for server in there.servers:
                if hasattr(server, "set_hot"):
                    server.resume()
                    server.set_hot(STOCK_DEEP)
                    server.pause()
            there.enter("onhand-spread", "Onhand, 20,000 positions", there.by_name["onhand"],
                        lambda s: loads.wrk_reserve(bench, s, 32))
            enter_reserve(there, bench, 32, is_hot=True)
            there.measure(self.name)
            for entry in there.entries:
                if entry.key != "onhand-spread":
                    self.sell_out(bench, entry)

    def sell_out(self, bench, entry):
        """A stock that is smaller than what is asked: nobody may get what there is not."""
        server = entry.server
        server.resume()
        server.set_hot(server.limited_stock)
        before = server.hot_taken()
        is_http = entry.key.split("-")[0] not in ("redis", "pg")
        with bench.shorter(2):
            result = loads.wrk_reserve(bench, server, 32, is_hot=True, counts=True) if is_http else entry.load(server)
        taken = self.settled(server) - before
        bench.note_check(self.name, entry.key, entry.label, stock=server.limited_stock, asked=result["count"], taken=taken,
                         answered=result.get("granted"))
        server.pause()

    @staticmethod
    def settled(server):
        """What is sold once requests that the load left behind are done."""
        taken = server.hot_taken()
        for _ in range(40):
            time.sleep(0.25)
            before, taken = taken, server.hot_taken()
            if before == taken:
                break
        return taken

    def targets(self, bench):
        pg = best_of(bench, self.name, ["pg-update/32", "pg-for_update/32"])
        checks = [check for check in bench.checks.get(self.name, []) if check["key"] == "onhand/32" and check["asked"] > check["stock"]]
        oversold = max((abs(check["taken"] - check["stock"]) + abs(check["taken"] - check["answered"]) for check in checks),
                       default=None)
        return [at_least(self.name, "of our own rate on 20,000 positions", 0.95, unit="x",
                         **ratio(bench, self.name, "onhand/32", "onhand-spread")),
                at_least(self.name, "of PostgreSQL's hot row", 30, unit="x", **ratio(bench, self.name, "onhand/32", pg)),
                at_most(self.name, "a stock sold out: units sold that were not there, or there and not sold", 0,
                        measured=oversold, unit=" units")]


# ---- batch

class Batch:
    name, title, unit = "batch", "256 reservations in one request, on disk when it is answered", "lines"
    COUNT = 256

    def run(self, bench):
        # A ledger remembers reservations for a day, so each round has a new one.
        for number in range(bench.rounds):
            with field(bench) as there:
                onhand = there.add("Onhand", lambda: Onhand(bench))
                there.enter("onhand", f"Onhand, `POST /v1/reservations/batch` of {self.COUNT}", onhand,
                            lambda s: self.durable(bench, s, "reserve-batch", "--batch"))
                there.enter("onhand-lines", f"Onhand, one reservation of {self.COUNT} lines", onhand,
                            lambda s: self.durable(bench, s, "reserve", "--lines"))
                for fsync in ("always", "everysec"):
                    redis = there.add("Redis", lambda fsync=fsync: Redis(bench, fsync))
                    there.enter(f"redis-{fsync}", f"Redis `EVALSHA`, `{fsync}`, {self.COUNT} pipelined", redis,
                                lambda s: loads.redis_reserve(bench, s, 8, pipeline=self.COUNT))
                for entry in there.entries if number % 2 == 0 else reversed(there.entries):
                    if entry.key.startswith("redis"):
                        with bench.shorter(1):
                            there.one(self.name, entry, None)  # its client counts requests: it has to know the rate
                    there.one(self.name, entry, number)

    def durable(self, bench, server, mode, option):
        before = server.metric("claims")
        result = loads.onhand_bench(bench, server, mode, option, self.COUNT, "--connections", 8, operations_each=self.COUNT)
        made = server.metric("claims") - before
        # Requests under way at the end are made and not counted; none that counts may be missing.
        if made < result["count"]:
            raise RuntimeError(f"{result['count']} lines answered, {made:.0f} made")
        return result

    def targets(self, bench):
        redis = best_of(bench, self.name, ["redis-always", "redis-everysec"])
        return [at_least(self.name, "durable lines a second", 1e6, **alone(bench, self.name, "onhand")),
                at_least(self.name, "of Redis pipelined, the faster of both", 4, unit="x",
                         **ratio(bench, self.name, "onhand", redis))]
