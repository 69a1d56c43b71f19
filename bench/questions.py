"""The questions: who takes part, how it is measured, and what is asked for.

A question measures into bench.results and says afterwards which targets it has met. Contenders of one question are
started once and interleaved: A B C, then C B A, and so on; those that are not measured stand still.
"""

import contextlib
import json
import os
import statistics
import threading
import time

import loads
from contenders import (NODE_COUNT, NODE_FIRST, SKU_COUNT, SKU_FIRST, STOCK_DEEP, Absent, FastifyPg, FastifyRedis, Nginx, Onhand,
                        PeersPostgres, Postgres, Redis, medusa, need, reply_size, vendure)
from machine import memory_mib


class Target:
    """asked: "at least" or "at most" a number. measured: None when it could not be."""

    def __init__(self, question, text, is_at_least, asked, measured, unit="", low=None, high=None, note=""):
        self.question, self.text, self.is_at_least, self.asked, self.unit = question, text, is_at_least, asked, unit
        self.measured, self.low, self.high, self.note = measured, low, high, note

    @property
    def is_met(self):
        if self.measured is None:
            return None
        return self.measured >= self.asked if self.is_at_least else self.measured <= self.asked


def at_least(*arguments, **more):
    return Target(arguments[0], arguments[1], True, *arguments[2:], **more)


def at_most(*arguments, **more):
    return Target(arguments[0], arguments[1], False, *arguments[2:], **more)


class Entry:
    """One row of a table: a contender under one load."""

    def __init__(self, key, label, server, load):
        self.key, self.label, self.server, self.load = key, label, server, load


class Field:
    """The contenders of one question that are there."""

    def __init__(self, bench, stack):
        self.bench, self.stack, self.entries, self.servers = bench, stack, [], []

    def add(self, name, make, start=lambda server: server.start()):
        """Starts it and gives it the data. None: absent, and the report says so."""
        try:
            server = make()
            self.stack.callback(server.stop)
            start(server)
            if hasattr(server, "load"):
                server.load()
        except Absent as why:
            self.bench.say_absent(name, str(why))
            return None
        except (RuntimeError, OSError, AssertionError) as error:
            self.bench.say_broken(name, f"did not start: {error}")
            return None
        server.pause()
        self.servers.append(server)
        return server

    def enter(self, key, label, server, load):
        if server is not None:
            self.entries.append(Entry(key, label, server, load))

    def measure(self, question):
        """All entries, all rounds, after a second of warm-up each."""
        with self.bench.shorter(1):
            for entry in list(self.entries) if not self.bench.is_smoke else ():
                self.one(question, entry, None)
        for number in range(self.bench.rounds):
            for entry in list(self.entries if number % 2 == 0 else reversed(self.entries)):
                self.one(question, entry, number)

    def one(self, question, entry, number):
        entry.server.resume()
        try:
            result = entry.load(entry.server)
            if number is not None:
                self.bench.note(question, entry.key, entry.label, number, result)
        except Absent as why:
            self.bench.say_absent(entry.label, str(why))
            self.entries.remove(entry)
        except RuntimeError as error:
            self.bench.say_broken(f"{question}: {entry.label}", str(error))
            self.entries.remove(entry)
        finally:
            entry.server.pause()


@contextlib.contextmanager
def field(bench):
    with contextlib.ExitStack() as stack:
        yield Field(bench, stack)


# ---- from measurements to ratios

def values(bench, question, key, name="rate"):
    return [row[name] for row in bench.results.get(question, {}).get(key, {"rows": []})["rows"]]


def median(numbers):
    return statistics.median(numbers) if numbers else None


def ratio(bench, question, over, under, name="rate"):
    """measured, low, high: of the medians, and the smallest and the largest of one round."""
    above, below = values(bench, question, over, name), values(bench, question, under, name)
    if not above or not below or not median(below):
        return {"measured": None}
    pairs = [a / b for a, b in zip(above, below) if b]
    return {"measured": median(above) / median(below), "low": min(pairs), "high": max(pairs)}


def best_of(bench, question, keys):
    """Of these contenders the one with the highest median rate."""
    there = [key for key in keys if values(bench, question, key)]
    return max(there, key=lambda key: median(values(bench, question, key)), default=keys[0])


def alone(bench, question, key, name="rate", scale=1.0):
    found = [value * scale for value in values(bench, question, key, name)]
    return {"measured": median(found), "low": min(found), "high": max(found)} if found else {"measured": None}


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
        on_top_of(f"fastify-redis-{fsync}", "Fastify + ioredis", lambda base: FastifyRedis(bench, base), servers[f"redis-{fsync}"])
    shop_pg = there.add("PostgreSQL of Medusa and Vendure", lambda: PeersPostgres(bench)) if bench.has_shops else None
    if not bench.has_shops:
        bench.say_absent("Medusa, Vendure", "no --peers")
    for name, make in (("medusa", medusa), ("vendure", vendure)):
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
    LIMITED = 1000

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
        server.set_hot(self.LIMITED)
        before = server.hot_taken()
        is_http = entry.key.split("-")[0] not in ("redis", "pg")
        with bench.shorter(2):
            result = loads.wrk_reserve(bench, server, 32, is_hot=True, counts=True) if is_http else entry.load(server)
        taken = server.hot_taken() - before
        bench.note_check(self.name, entry.key, entry.label, stock=self.LIMITED, asked=result["count"], taken=taken,
                         answered=result.get("granted"))
        server.pause()

    def targets(self, bench):
        pg = best_of(bench, self.name, ["pg-update/32", "pg-for_update/32"])
        checks = [check for check in bench.checks.get(self.name, []) if check["key"] == "onhand/32"]
        oversold = max((abs(check["taken"] - check["stock"]) + abs(check["taken"] - check["answered"]) for check in checks),
                       default=None)
        return [at_least(self.name, "of our own rate on 20,000 positions", 0.95, unit="x",
                         **ratio(bench, self.name, "onhand/32", "onhand-spread")),
                at_least(self.name, "of PostgreSQL's hot row", 30, unit="x", **ratio(bench, self.name, "onhand/32", pg)),
                at_most(self.name, f"stock of {self.LIMITED:,}, more asked: units sold that were not there, or not sold", 0,
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
                entries = [("onhand", f"Onhand, `POST /v1/reservations/batch` of {self.COUNT}", ("reserve-batch", "--batch"), 1),
                           ("onhand-lines", f"Onhand, one reservation of {self.COUNT} lines", ("reserve", "--lines"), 1)]
                for key, label, (mode, option), _ in entries:
                    there.enter(key, label, onhand, lambda s, mode=mode, option=option: self.durable(bench, s, mode, option))
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


# ---- cells

class Cells:
    name, title, unit = "cells", "`POST /v1/availability`, 100 items x 100 nodes", "cells"
    ITEMS, NODES = 100, 100

    def run(self, bench):
        with field(bench) as there:
            onhand = there.add("Onhand", lambda: WideOnhand(bench, 1000, self.NODES))
            there.enter("onhand", "Onhand, over HTTP, 8 connections", onhand, lambda s: loads.onhand_bench(
                bench, s, "availability-batch", "--batch", self.ITEMS, "--batch-nodes", self.NODES, "--connections", 8,
                operations_each=self.ITEMS * self.NODES))
            there.measure(self.name)
        engine_rows(bench)

    def targets(self, bench):
        per_cell = alone(bench, "engine", "100 items x 100 nodes, per cell")
        return [at_least(self.name, "cells a second over HTTP", 5e6, **alone(bench, self.name, "onhand")),
                at_least(self.name, "cells a second in the engine", 20e6, **per_cell)]


class WideOnhand(Onhand):
    """With more positions than the rest of us: it takes them from a file."""

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
        if answer.get("rejected") != 0:
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


# ---- engine

def engine_rows(bench):
    """bench_engine with the positions asked for, once for all questions that look at it."""
    if "engine" in bench.results:
        return
    nodes = 100 if bench.positions >= 10000 else 10
    for number in range(min(bench.rounds, 3)):
        rows, run = loads.engine(bench, "--items", bench.positions // nodes, "--nodes", nodes, "--operations", bench.operations)
        note_engine(bench, "engine", "", number, rows, run)


def note_engine(bench, question, prefix, number, rows, run):
    for text, row in rows.items():
        if "ns_per_operation" in row:
            bench.note(question, prefix + text, prefix + text, number, {
                "rate": row["operations_per_second"], "ns": row["ns_per_operation"], "count": row["operations"],
                "others_cores": run.others_cores})
        for name in ("bytes_per_position", "bytes_per_reservation"):
            if name in row and not prefix:
                bench.note("memory", f"{name} {text}", f"{name.replace('_', ' ')}, {text} (engine)", number, {"bytes": row[name]})


class Engine:
    name, title, unit = "engine", "The ledger without a server (`bench_engine`)", "operations"

    def run(self, bench):
        engine_rows(bench)

    def targets(self, bench):
        where = f"at random over {bench.positions:,} positions"
        return [at_most(self.name, f"{what} {text}", asked, unit=" ns", **alone(bench, self.name, f"{what} {key}", "ns"))
                for what, key, text, asked in (("available", "hot", "hot", 60), ("available", "random", where, 250),
                                               ("reserve", "hot", "hot", 120), ("reserve", "random", where, 350))]


# ---- tail

class Tail:
    name, title, unit = "tail", "Open loop at half of the peak, reads and reservations, projection on, a snapshot meanwhile", "requests"

    def run(self, bench):
        with field(bench) as there:
            pg = there.add("PostgreSQL", lambda: Postgres(bench, core=bench.cores.behind), start_behind)
            if pg is None:
                return
            pg.resume()
            uri = new_database(bench, pg)
            onhand = there.add("Onhand", lambda: WideOnhand(
                bench, bench.positions // self.nodes(bench), self.nodes(bench), postgres_uri=uri,
                config={"snapshot_journal_mib": 1048576}))
            onhand.resume()
            wait_until_projected(onhand)
            for number in range(bench.tail_rounds):
                peak = loads.onhand_bench(bench, onhand, "mixed", "--cycle", "--connections", 64, looks_at_memory=False)
                bench.note(self.name, "peak", f"closed loop, 64 connections, {bench.positions:,} positions", number, peak)
                self.open_loop(bench, onhand, number, max(1, int(peak["rate"] / 2)))

    @staticmethod
    def nodes(bench):
        return 100 if bench.positions >= 10000 else 10

    def open_loop(self, bench, onhand, number, rate):
        taken, results = onhand.metric("snapshots_done_total"), []
        load = threading.Thread(target=lambda: results.append(loads.onhand_bench(
            bench, onhand, "mixed", "--cycle", "--connections", 64, "--rate", rate, seconds=bench.tail_seconds,
            looks_at_memory=False)))
        load.start()
        time.sleep(bench.tail_seconds / 4)
        onhand.reload(snapshot_journal_mib=1)
        began = time.monotonic()
        while load.is_alive() and onhand.metric("snapshots_done_total") == taken:
            time.sleep(0.25)
        seconds = time.monotonic() - began
        onhand.reload(snapshot_journal_mib=1048576)
        load.join()
        if not results:
            raise RuntimeError("the open loop did not end well")
        latency = results[0]["report"]["latency_us"]
        is_taken = onhand.metric("snapshots_done_total") > taken
        bench.note(self.name, "open", f"open loop at {rate:,}/s for {bench.tail_seconds} s; snapshot "
                   f"{f'taken in {seconds:.1f} s' if is_taken else 'NOT taken'}", number,
                   {**results[0], "server_mib": memory_mib(onhand.pids()), "p99_ms": latency["p99"] / 1e3, "p999_ms": latency["p99.9"] / 1e3,
                    "max_ms": latency["max"] / 1e3, "has_snapshot": is_taken})

    def targets(self, bench):
        has_snapshot = all(values(bench, self.name, "open", "has_snapshot"))
        note = "" if has_snapshot else "no snapshot was taken in time"
        pause = alone(bench, self.name, "open", "max_ms") if has_snapshot else {"measured": None}
        return [at_most(self.name, "p99", 0.5, unit=" ms", **alone(bench, self.name, "open", "p99_ms")),
                at_most(self.name, "p99.9", 2, unit=" ms", **alone(bench, self.name, "open", "p999_ms")),
                at_most(self.name, f"longest answer while {bench.positions:,} positions are written", 20, unit=" ms", note=note,
                        **pause)]


def start_behind(server):
    """PostgreSQL takes what the load leaves of its core, unless it has one of its own."""
    server.start()
    if server.core == server.cores.load:
        for pid in server.pids():
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))
    server.load = lambda: None


def new_database(bench, pg):
    name = pg.server.create_database()
    uri = f"host={pg.server.home} port={pg.port} user=postgres dbname={name}"
    loads.checked(loads.Measured(bench.cores, [bench.program, "migrate", "--postgres", uri], lambda: [], 1,
                                 looks_at_memory=False), ["migrate"])
    return uri


def wait_until_projected(onhand):
    end = time.monotonic() + 1800
    while True:
        state = json.loads(onhand.ask("GET", "/readyz")[1])
        if state["projection"].get("seq") == state["seq"]:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"PostgreSQL is still behind: {state}")
        time.sleep(0.2)


# ---- recovery

class Recovery:
    name, title, unit = "recovery", "Ready again after kill -9: a snapshot, and events after it", "events"
    EVENTS_ASKED, READY_S = 50_000_000, 30

    def run(self, bench):
        nodes = Tail.nodes(bench)
        onhand = WideOnhand(bench, bench.positions // nodes, nodes, durability="process", config={"snapshot_journal_mib": 1048576})
        with contextlib.ExitStack() as stack:
            stack.callback(onhand.stop)
            onhand.start()
            onhand.load()
            self.take_snapshot(onhand)
            self.make_events(bench, onhand)
            for number in range(bench.rounds):
                onhand.kill()
                began = time.monotonic()
                onhand.start(has_data=True)
                self.note(bench, onhand, number, time.monotonic() - began)

    @staticmethod
    def take_snapshot(onhand):
        """A server looks whether one is due when its journal grows, so it is written to until it has been taken."""
        onhand.reload(snapshot_journal_mib=1)
        for attempt in range(6000):
            onhand.put("/v1/channels/web", {"name": f"Web {attempt}", "policy": "priority"})
            if onhand.metric("snapshots_done_total") > 0:
                break
            time.sleep(0.1)
        else:
            raise RuntimeError("no snapshot was taken")
        onhand.reload(snapshot_journal_mib=1048576)

    def make_events(self, bench, onhand):
        """A third are reservations, the rest are counts that differ from the ones before."""
        before = onhand.metric("claims")
        while onhand.metric("claims") - before < bench.events / 3:
            loads.onhand_bench(bench, onhand, "reserve-batch", "--batch", 1000, "--connections", 4, seconds=1, may_fail=True)
        left, passes = bench.events * 2 // 3, 0
        while left > 0:
            passes += 1
            skus = min(onhand.sku_count, max(1, left // onhand.node_count))
            onhand.import_file(write_stock(bench, skus, onhand.node_count, 1000 + passes, f"2026-01-{6 + passes:02}T05:00:00Z"))
            left -= skus * onhand.node_count

    def note(self, bench, onhand, number, ready_s):
        snapshot_s, replay_s = (onhand.log_value("recovery_done", name) / 1000 for name in ("snapshot_ms", "replay_ms"))
        events = onhand.log_value("recovery_done", "effects")
        rate = events / max(replay_s, 0.001)
        bench.note(self.name, "replay", f"replay of {events:,.0f} effects", number, {"rate": rate, "count": events})
        bench.note(self.name, "ready", f"{bench.positions:,} positions and {events:,.0f} events: ready", number,
                   {"seconds": ready_s, "snapshot_s": snapshot_s, "replay_s": replay_s,
                    "scaled_s": ready_s - replay_s + self.EVENTS_ASKED / rate})

    def targets(self, bench):
        note = f"from {bench.events:,} events; replay scaled to 50 M" if bench.events < self.EVENTS_ASKED else ""
        return [at_least(self.name, "events replayed a second", 3e6, **alone(bench, self.name, "replay")),
                at_most(self.name, f"{bench.positions:,} positions and 50 M events, ready", self.READY_S, unit=" s", note=note,
                        **alone(bench, self.name, "ready", "scaled_s"))]


# ---- import

class Import:
    name, title, unit = "import", "`POST /v1/import/stock`, CSV in one request (curl)", "rows"

    def run(self, bench):
        nodes = Tail.nodes(bench)
        skus = min(bench.positions, bench.rows) // nodes
        for number in range(bench.rounds):
            onhand = WideOnhand(bench, skus, nodes)
            try:
                onhand.start()
                onhand.load_names(skus, nodes)
                path = write_stock(bench, skus, nodes, 1000, "2026-01-06T05:00:00Z")
                bench.note(self.name, "onhand", f"Onhand, class `disk`, {skus * nodes:,} rows", number, onhand.import_file(path))
            finally:
                onhand.stop()
        engine_rows(bench)

    def targets(self, bench):
        return [at_least(self.name, "rows a second over HTTP", 3e5, **alone(bench, self.name, "onhand")),
                at_least(self.name, "rows a second in the engine", 1e6, **alone(bench, "engine", "load stock, per count"))]


# ---- memory

class Memory:
    name, title, unit = "memory", "Memory", ""

    def run(self, bench):
        engine_rows(bench)

    def targets(self, bench):
        return [at_most(self.name, "bytes a position", 48, unit=" B", **alone(bench, "memory", "bytes_per_position memory", "bytes")),
                at_most(self.name, "bytes a live reservation of one line", 128, unit=" B",
                        **alone(bench, "memory", "bytes_per_reservation memory random", "bytes"))]


# ---- growth

class Growth:
    name, title, unit = "growth", "From 10,000 to 10 M items, from 32 to 4,096 connections", "operations"
    FEW, OPERATIONS = 10_000, ("available", "available by name", "reserve", "confirm", "fulfil")

    def run(self, bench):
        many = bench.positions
        for number in range(min(bench.rounds, 3)):
            for items in (self.FEW, many) if number % 2 == 0 else (many, self.FEW):
                rows, run = loads.engine(bench, "--items", items, "--nodes", 1, "--operations", bench.operations)
                rows = {text: row for text, row in rows.items() if text.endswith((" hot", " random"))}
                note_engine(bench, self.name, "many: " if items == many else "few: ", number, rows, run)
        loads.write_targets(bench.folder / "targets", 1)
        with field(bench) as there:
            onhand = there.add("Onhand", lambda: Onhand(bench))
            for connections in (32, self.connections(bench)):
                there.enter(f"connections/{connections}", f"Onhand, reads on {connections:,} connections", onhand,
                            lambda s, connections=connections: loads.wrk_read(bench, s, connections))
            there.measure(self.name)

    @staticmethod
    def connections(bench):
        return 4096 if not bench.is_smoke else 256

    def worst(self, bench, kind):
        """Of all operations the one that grows most."""
        found = [(ratio(bench, self.name, f"many: {what} {kind}", f"few: {what} {kind}", "ns"), what) for what in self.OPERATIONS]
        found = [pair for pair in found if pair[0]["measured"] is not None]
        return max(found, key=lambda pair: pair[0]["measured"], default=({"measured": None}, "none"))

    def targets(self, bench):
        (random, random_what), (hot, hot_what) = self.worst(bench, "random"), self.worst(bench, "hot")
        return [at_most(self.name, f"from 10,000 to {bench.positions:,} items, at random; the worst is {random_what}", 2, unit="x", **random),
                at_most(self.name, f"from 10,000 to {bench.positions:,} items, hot; the worst is {hot_what}", 1.2, unit="x", **hot),
                at_most(self.name, f"from 32 to {self.connections(bench):,} connections, CPU of a request", 1.3, unit="x",
                        **ratio(bench, self.name, f"connections/{self.connections(bench)}", "connections/32",
                                "server_cpu_s_per_1k"))]


ALL = (Read(), Reserve(), Hot(), Batch(), Cells(), Engine(), Tail(), Recovery(), Import(), Memory(), Growth())
