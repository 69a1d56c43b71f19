"""How fast the projection to PostgreSQL is: beside a bare binary COPY of the same rows, and behind a running load.

    python3 bench/projection.py [--program build/release/onhand] [--only drains|lags] [--seconds 10] [--rate 20000]
                                [--connections 256] [--rounds 1] [--smoke]

1. Makes a journal of reservations without PostgreSQL, then starts with it and times how long it takes to drain.
2. Copies the rows that came of it, out to files in binary and from there into the same tables with the same indexes in
   another database of the same server, one table after the other, and times only the way in.
3. Runs reservations at a fixed rate without and with projection, in turn (A B B A), and looks at the lag, the latencies and what
   the server's processor time is. PostgreSQL stands for one on another machine: its data is in memory, and it takes what the load
   leaves of the second core, or a third. The server has the first to itself, and the disk.

PostgreSQL has its default safety (fsync on). Figures: see bench/README.md.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/integration"))
from support import postgres  # noqa: E402
from machine import Cores, cpu_seconds, on_core, with_children  # noqa: E402

SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum": "on", "checkpoint_timeout": "30min"}
TABLES = ("node", "item", "node_group", "node_group_member", "channel", "rule", "position", "position_count", "movement",
          "reservation", "reservation_line", "reservation_event", "document", "booking", "promise", "idempotency_key")
GENERATED = {"reservation_line": "reservation, line, sku, node, quantity, held, confirmed, fulfilled, expired, due_at, ordinal,"
                                 " seq"}


class Server:
    def __init__(self, program, folder, *options):
        self.port_file = os.path.join(folder, "port")
        if os.path.exists(self.port_file):
            os.unlink(self.port_file)
        self.log = open(os.path.join(folder, "log"), "ab")
        # Whatever happens to us, it ends too.
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, "serve", "--data",
                                         os.path.join(folder, "data"), "--listen", "127.0.0.1:0", "--port-file",
                                         self.port_file, *options], stderr=self.log)
        deadline = time.monotonic() + 60
        while not (os.path.exists(self.port_file) and os.path.getsize(self.port_file)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"onhand serve did not start: see {self.log.name}")
            time.sleep(0.01)
        with open(self.port_file, encoding="ascii") as file:
            self.url = f"http://127.0.0.1:{file.read().strip()}"

    def ready(self):
        with urllib.request.urlopen(self.url + "/readyz") as reply:
            return json.load(reply)

    def stop(self):
        self.process.terminate()
        self.process.wait(120)
        self.log.close()


def demo_load(program, server, folder):
    demo = os.path.join(folder, "demo")
    subprocess.run([program, "demo", "--out", demo], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([program, "load", "--to", server.url, "--nodes", f"{demo}/nodes.csv", "--items", f"{demo}/items.csv",
                    "--groups", f"{demo}/groups.csv", "--stock", f"{demo}/stock.csv", "--setup", f"{demo}/setup.ndjson"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return f"{demo}/stock.csv"


def bench(program, server, *options):
    run = subprocess.run([program, "bench", server.url, "--json", *map(str, options)], check=True, capture_output=True,
                         text=True)
    return json.loads(run.stdout)


def drained(server):
    while True:
        answer = server.ready()
        if answer["projection"].get("seq") == answer["seq"]:
            return answer["seq"]
        time.sleep(0.005)


def counts(session):
    return {table: int(session.query(f"SELECT count(*) FROM onhand.{table}")[0][0]) for table in TABLES}


def bare_copy(pg, source, target, folder):
    """Seconds of the way in, all tables one after the other, each in a transaction of its own."""
    spent = 0.0
    base = ["psql", "-q", "-h", pg.home, "-p", str(pg.port), "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
    for table in TABLES:
        path = os.path.join(folder, table)
        columns = GENERATED.get(table, "*")
        into = f"({columns})" if table in GENERATED else ""
        subprocess.run([*base, "-d", source, "-c",
                        f"\\copy (SELECT {columns} FROM onhand.{table}) TO '{path}' (FORMAT binary)"], check=True)
        begin = time.monotonic()
        subprocess.run([*base, "-d", target, "-c", f"\\copy onhand.{table}{into} FROM '{path}' (FORMAT binary)"],
                       check=True)
        spent += time.monotonic() - begin
    return spent


def database(pg, program):
    name = pg.create_database()
    uri = f"host={pg.home} port={pg.port} user=postgres dbname={name}"
    subprocess.run([program, "migrate", "--postgres", uri], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    return name, uri


def drain_bench(pg, program, folder, seconds, mode):
    server = Server(program, folder, "--durability", "process")
    stock = demo_load(program, server, folder)
    bench(program, server, "--mode", *mode, "--stock-from", stock, "--seconds", seconds, "--connections", 16)
    server.stop()
    source, uri = database(pg, program)
    target, _ = database(pg, program)
    server = Server(program, folder, "--durability", "process", "--postgres", uri)
    begin = time.monotonic()
    seq = drained(server)
    projected = time.monotonic() - begin
    server.stop()
    with pg.session(source) as session:
        rows = counts(session)
        month = session.query("SELECT at FROM onhand.watermark")[0][0]
    with pg.session(target) as session:
        session.query(f"SELECT onhand.month_add('{month}')")
        session.query("TRUNCATE onhand.watermark")
    copied = bare_copy(pg, source, target, folder)
    total = sum(rows.values())
    return {"mode": " ".join(map(str, mode)), "records": seq, "rows": total, "projection_s": round(projected, 2),
            "records_per_s": round(seq / projected), "rows_per_s": round(total / projected),
            "copy_s": round(copied, 2), "of_bare_copy": round(copied / projected, 2)}


def start_behind(cores):
    """A PostgreSQL that takes nothing from the server: neither its core nor its disk, nor what the load needs of its own."""
    memory = "/dev/shm"
    with on_core(cores.behind):
        pg = postgres.Postgres(fsync=True, settings=SETTINGS, place=memory if os.access(memory, os.W_OK) else None).start()
    if cores.behind == cores.load:
        for pid in with_children([pg.process.pid]):
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))  # those to come inherit it
    return pg


def lag_bench(pg, cores, folder, arguments, has_postgres):
    program = arguments.program
    options = ["--durability", "disk"]
    if has_postgres:
        options += ["--postgres", database(pg, program)[1]]
    with on_core(cores.server):
        server = Server(program, folder, *options)
    stock = demo_load(program, server, folder)
    if has_postgres:
        drained(server)
    os.sync()
    worst, cpu = 0.0, cpu_seconds([server.process.pid])
    with on_core(cores.load):
        run = subprocess.Popen([program, "bench", server.url, "--json", "--mode", "reserve", "--stock-from", stock,
                                "--seconds", str(arguments.seconds), "--rate", str(arguments.rate),
                                "--connections", str(arguments.connections)],
                               stdout=subprocess.PIPE, text=True)
    while run.poll() is None:
        if has_postgres:
            worst = max(worst, server.ready()["projection"]["lag_seconds"])
        time.sleep(0.05)
    result = json.loads(run.stdout.read())
    if has_postgres:
        drained(server)
    cpu = cpu_seconds([server.process.pid]) - cpu
    server.stop()
    return {"projection": has_postgres, "worst_lag_s": worst, "server_cpu_us": round(cpu / result["requests"] * 1e6, 1),
            "bench": result}


def lag_summary(rows):
    """Medians of the rounds, without and with."""
    def median(has_postgres, value):
        return statistics.median(value(row) for row in rows if row["projection"] == has_postgres)
    names = {"p50_us": lambda row: row["bench"]["latency_us"]["p50"], "p99_us": lambda row: row["bench"]["latency_us"]["p99"],
             "server_cpu_us": lambda row: row["server_cpu_us"]}
    pairs = {name: [median(False, value), median(True, value)] for name, value in names.items()}
    return {"without_and_with": pairs, "p99_ratio": round(pairs["p99_us"][1] / pairs["p99_us"][0], 2),
            "worst_lag_s": max(row["worst_lag_s"] for row in rows)}


def drains(program, seconds, is_smoke):
    pg = postgres.Postgres(fsync=True, settings=SETTINGS).start()
    try:
        for mode in [["reserve"]] if is_smoke else [["reserve-batch"], ["reserve"], ["reserve", "--cycle"]]:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(drain_bench(pg, program, folder, seconds, mode)), flush=True)
    finally:
        pg.close()


def lags(arguments, turns):
    cores, rows = Cores(), []
    pg = start_behind(cores)
    try:
        for has_postgres in turns:
            with tempfile.TemporaryDirectory() as folder:
                rows.append(lag_bench(pg, cores, folder, arguments, has_postgres))
            print(json.dumps(rows[-1]), flush=True)
        print(json.dumps(lag_summary(rows)), flush=True)
    finally:
        pg.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / "build/release/onhand"))
    parser.add_argument("--only", choices=("drains", "lags"), help="the first two steps, or the third")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=20000)
    parser.add_argument("--connections", type=int, default=256, help="of the third step: each waits for its answer, so that"
                        " what a pause holds up is worked off by all of them")
    parser.add_argument("--rounds", type=int, default=1, help="of four runs each in the third step")
    parser.add_argument("--smoke", action="store_true", help="a second of everything: does it still run")
    arguments = parser.parse_args()
    if not postgres.is_there():
        print("skipped: no PostgreSQL")
        sys.exit(77)
    if arguments.smoke:
        arguments.seconds, arguments.rate = 1, 500
    if arguments.only != "lags":
        drains(arguments.program, arguments.seconds, arguments.smoke)
    if arguments.only != "drains":
        lags(arguments, [False, True] if arguments.smoke else [False, True, True, False] * arguments.rounds)


main()
