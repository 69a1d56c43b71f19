"""The questions that are put to Onhand alone: how it stands against a number, not against others."""

import contextlib
import json
import os
import threading
import time

import loads
from contenders import Onhand, Postgres
from field import field
from machine import memory_mib
from targets import alone, at_least, at_most, ratio, values
from wide import WideOnhand, write_stock


NEVER_MIB = 1048576  # of journal before a snapshot: it is taken when a question says so


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
    name, unit = "tail", "requests"
    title = "Open loop at half of the peak, reads and reservations, projection on, a snapshot meanwhile"

    def run(self, bench):
        with field(bench) as there:
            pg = there.add("PostgreSQL", lambda: Postgres(bench, core=bench.cores.behind, is_in_memory=True),
                           start_behind)
            if pg is None:
                return
            pg.resume()
            uri = new_database(bench, pg)
            onhand = there.add("Onhand", lambda: WideOnhand(
                bench, bench.positions // self.nodes(bench), self.nodes(bench), postgres_uri=uri,
                config={"snapshot_journal_mib": NEVER_MIB}))
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
        onhand.reload(snapshot_journal_mib=NEVER_MIB)
        load.join()
        if not results:
            raise RuntimeError("the open loop did not end well")
        is_taken = onhand.metric("snapshots_done_total") > taken
        bench.note(self.name, "open", f"open loop at {rate:,}/s for {bench.tail_seconds} s; snapshot "
                   f"{f'taken in {seconds:.1f} s' if is_taken else 'NOT taken'}", number,
                   {**results[0], "server_mib": memory_mib(onhand.pids()), **latencies(results[0]["report"]["latency_us"]),
                    "has_snapshot": is_taken})
        for op, what in (("available", "reads"), ("reserve", "reservations")):
            if f"{op}_us" in results[0]["report"]:
                bench.note(self.name, f"open {op}", f"of these the {what}", number, latencies(results[0]["report"][f"{op}_us"]))

    def targets(self, bench):
        has_snapshot = all(values(bench, self.name, "open", "has_snapshot"))
        note = "" if has_snapshot else "no snapshot was taken in time"
        pause = alone(bench, self.name, "open", "max_ms") if has_snapshot else {"measured": None}
        return [at_most(self.name, "p99", 0.5, unit=" ms", **alone(bench, self.name, "open", "p99_ms")),
                at_most(self.name, "p99.9", 2, unit=" ms", **alone(bench, self.name, "open", "p999_ms")),
                at_most(self.name, f"longest answer while {bench.positions:,} positions are written", 20, unit=" ms", note=note,
                        **pause)]


def latencies(found):
    return {"p99_ms": found["p99"] / 1e3, "p999_ms": found["p99.9"] / 1e3, "max_ms": found["max"] / 1e3}


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
        onhand = WideOnhand(bench, bench.positions // nodes, nodes, durability="process",
                            config={"snapshot_journal_mib": NEVER_MIB})
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
        onhand.reload(snapshot_journal_mib=NEVER_MIB)

    def make_events(self, bench, onhand):
        """A third are reservations, the rest are counts that differ from the ones before."""
        before = onhand.metric("claims")
        while onhand.metric("claims") - before < bench.events / 3:
            loads.onhand_bench(bench, onhand, "reserve-batch", "--batch", 1000, "--connections", 4, seconds=1, may_fail=True)
        left, passes = bench.events * 2 // 3, 0
        while left > 0:
            passes += 1
            skus = min(onhand.sku_count, max(1, left // onhand.node_count))
            as_of = f"2026-01-{6 + passes:02}T05:00:00Z"
            onhand.import_file(write_stock(bench, skus, onhand.node_count, 1000 + passes, as_of))
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
        counts = values(bench, self.name, "replay", "count")
        note = f"replay scaled from {counts[0]:,.0f} events" if counts and counts[0] < self.EVENTS_ASKED else ""
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
        self.items_over_http(bench)
        loads.write_targets(bench.folder / "targets", 1)
        with field(bench) as there:
            onhand = there.add("Onhand", lambda: Onhand(bench))
            for connections in (32, self.connections(bench)):
                there.enter(f"connections/{connections}", f"Onhand, reads on {connections:,} connections", onhand,
                            lambda s, connections=connections: loads.wrk_read(bench, s, connections))
            there.measure(self.name)

    def items_over_http(self, bench):
        """Reads at random, of more items than the processor's cache can hold when there are many."""
        with field(bench) as there:
            for key, items in (("few", self.FEW), ("many", bench.positions)):
                onhand = there.add("Onhand", lambda key=key, items=items: WideOnhand(bench, items, 1, folder_name=f"onhand-{key}"))
                there.enter(f"http/{key}", f"Onhand, reads at random of {items:,} items, over HTTP", onhand,
                            lambda s, items=items: self.read_at_random(bench, s, items))
            there.measure(self.name)

    @staticmethod
    def read_at_random(bench, server, items):
        loads.write_targets(bench.folder / "targets", 2, count=400_000 if not bench.is_smoke else 1000, sku_count=items,
                            node_count=1)
        return loads.wrk_read(bench, server)

    @staticmethod
    def connections(bench):
        return 4096 if not bench.is_smoke else 256

    def worst(self, bench, kind):
        """Of all operations the one that grows most."""
        found = [(ratio(bench, self.name, f"many: {what} {kind}", f"few: {what} {kind}", "ns"), what)
                 for what in self.OPERATIONS]
        found = [pair for pair in found if pair[0]["measured"] is not None]
        return max(found, key=lambda pair: pair[0]["measured"], default=({"measured": None}, "none"))

    def targets(self, bench):
        (random, random_what), (hot, hot_what) = self.worst(bench, "random"), self.worst(bench, "hot")
        items = f"from 10,000 to {bench.positions:,} items"
        return [at_most(self.name, f"{items}, at random; the worst is {random_what}", 2, unit="x", **random),
                at_most(self.name, f"{items}, hot; the worst is {hot_what}", 1.2, unit="x", **hot),
                at_most(self.name, f"{items}, at random, CPU of a read over HTTP", 2, unit="x",
                        **ratio(bench, self.name, "http/many", "http/few", "server_cpu_s_per_1k")),
                at_most(self.name, f"from 32 to {self.connections(bench):,} connections, CPU of a request", 1.3, unit="x",
                        **ratio(bench, self.name, f"connections/{self.connections(bench)}", "connections/32",
                                "server_cpu_s_per_1k"))]
