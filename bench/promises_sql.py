"""Promises a second over HTTP, beside the same answers computed by SQL in PostgreSQL, in one run.

    python3 bench/promises_sql.py [--program build/release/onhand] [--nodes 1000] [--items 100] [--seconds 10] [--rounds 3]

A network of nodes spread over Great Britain, each with hours, processing time and a daily pickup of its own; every node
has every item. One item is asked for, to one of 200 postal codes: from which node it is there first, the nearest one if
several are. PostgreSQL gets the timetable compiled: for each node and day until when to order, places on the sphere, an
index for the stock; a prepared statement, everything in its cache. Some questions are asked of both, and the answers must be
the same. Then both are loaded in turns: the server on one core, the load on the other (`onhand bench`, `pgbench`).

Also with `--at` nodes having the item: --at 100 makes each item lie at 100 of the nodes. Figures: see bench/README.md.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tests/integration"))
from support import postgres  # noqa: E402
from support.client import Client  # noqa: E402
from support.postgres_session import Session  # noqa: E402

EARTH_RADIUS_KM = 6371.0088
BANDS = ((100, 1), (400, 2), (None, 3))  # up to so many kilometres, days
PLACES = 200
DAYS = 14
SETTINGS = {"shared_buffers": "512MB", "autovacuum": "on", "max_parallel_workers_per_gather": "0"}

QUESTION = """
SELECT d.day + t.days, n.node, n.km
FROM (SELECT s.node, n.opens, n.closes, 2 * {radius} * asin(least(1, sqrt((n.x - p.x) ^ 2 + (n.y - p.y) ^ 2 + (n.z - p.z) ^ 2) / 2))
             AS km
      FROM stock s JOIN node n ON n.node = s.node, place p
      WHERE s.sku = :sku AND s.free >= 1 AND p.postal_code = :place) n
CROSS JOIN LATERAL (SELECT day FROM departure WHERE departure.node = n.node AND order_before > now()
                    ORDER BY order_before LIMIT 1) d
CROSS JOIN LATERAL (SELECT days FROM transit WHERE n.km <= km_max ORDER BY km_max LIMIT 1) t
ORDER BY 1, 3, 2 LIMIT 1
""".format(radius=EARTH_RADIUS_KM)


class Network:
    def __init__(self, nodes, items, at, seed):
        draw = random.Random(seed)
        self.places = {f"P{i:03}": self.point(draw) for i in range(PLACES)}
        self.nodes = {f"n{i:04}": {"point": self.point(draw), "opens": draw.randrange(6, 10), "leaves": draw.randrange(12, 18)}
                      for i in range(nodes)}
        names = list(self.nodes)
        self.stock = {f"sku{i}": draw.sample(names, at) for i in range(items)}

    @staticmethod
    def point(draw):
        return round(50 + 8 * draw.random(), 5), round(-5 + 6.5 * draw.random(), 5)


def unit(point):
    latitude, longitude = (math.radians(value) for value in point)
    return math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)


# ---- the two sides

def fill_onhand(network, client):
    def ok(reply):
        if reply.status not in (200, 201) or (reply.json or {}).get("rejected", 0) != 0:
            sys.exit(f"{reply}")

    def rows(kind, head, lines):
        ok(client.post(f"/v1/import/{kind}", "\n".join([head, *lines, ""]).encode(), {"Content-Type": "text/csv"}))

    rows("nodes", "node,type,lat,lon", [f"{node},store,{of['point'][0]},{of['point'][1]}" for node, of in network.nodes.items()])
    rows("items", "sku,name", [f"{sku},{sku}" for sku in network.stock])
    rows("postal_codes", "country,postal_code,place,lat,lon",
         [f"GB,{code},{code},{point[0]},{point[1]}" for code, point in network.places.items()])
    rows("stock", "sku,node,quantity,as_of",
         [f"{sku},{node},1000000,2020-01-01T00:00:00Z" for sku, nodes in network.stock.items() for node in nodes])
    ok(client.put("/v1/channels/web", {"policy": "priority"}))
    ok(client.put("/v1/channels/web/sourcing", {"objective": ["complete", "parcels", "date", "cost", "distance"]}))
    ok(client.put("/v1/services/standard", {
        "transit": [{**({"distance_km_max": km} if km else {}), "days": days} for km, days in BANDS],
        "delivery_window": {"from": "08:00", "to": "20:00"}, "cost": [{"amount": 4.95}], "currency": "GBP"}))
    for node, of in network.nodes.items():
        ok(client.put(f"/v1/nodes/{node}/schedule", {
            "hours": [{"from": f"{of['opens']:02}:00", "to": "18:00"}], "processing_minutes": {"default": 30},
            "pickups": [{"service": "standard", "at": f"{of['leaves']:02}:00"}]}))


def fill_postgres(network, session):
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)

    def insert(table, rows):
        for begin in range(0, len(rows), 5000):
            session.query(f"INSERT INTO {table} VALUES {','.join(rows[begin:begin + 5000])}")

    session.query("CREATE TABLE node (node text PRIMARY KEY, x float8, y float8, z float8, opens int, closes int)")
    session.query("CREATE TABLE place (postal_code text PRIMARY KEY, x float8, y float8, z float8)")
    session.query("CREATE TABLE stock (sku text, node text, free numeric, PRIMARY KEY (sku, node) INCLUDE (free))")
    session.query("CREATE TABLE departure (node text, order_before timestamptz, day date, PRIMARY KEY (node, order_before)"
                  " INCLUDE (day))")
    session.query("CREATE TABLE transit (km_max float8 PRIMARY KEY, days int)")
    insert("node", [f"('{node}',{','.join(map(repr, unit(of['point'])))},{of['opens']},18)" for node, of in network.nodes.items()])
    insert("place", [f"('{code}',{','.join(map(repr, unit(point)))})" for code, point in network.places.items()])
    insert("stock", [f"('{sku}','{node}',1000000)" for sku, nodes in network.stock.items() for node in nodes])
    insert("departure", [f"('{node}','{today + datetime.timedelta(days=day, hours=of['leaves'], minutes=-30):%Y-%m-%d %H:%M:%S+00}',"
                         f"'{today + datetime.timedelta(days=day):%Y-%m-%d}')"
                         for node, of in network.nodes.items() for day in range(DAYS)])
    insert("transit", [f"({km if km else repr('infinity')},{days})" for km, days in BANDS])
    session.query("VACUUM ANALYZE")


def ask_onhand(client, sku, code):
    reply = client.post("/v1/promises", {
        "channel": "web", "destination": {"country": "GB", "postal_code": code}, "options": {"kinds": ["ship"]},
        "lines": [{"sku": sku, "quantity": 1}]})
    option = reply.json["options"][0]
    return option["until"][:10], option["parcels"][0]["node"]


def ask_postgres(session, sku, code):
    row = session.query(QUESTION.replace(":sku", f"'{sku}'").replace(":place", f"'{code}'"))[0]
    return row[0], row[1]


def compare(network, client, session, draw, count):
    for _ in range(count):
        sku, code = draw.choice(list(network.stock)), draw.choice(list(network.places))
        ours, theirs = ask_onhand(client, sku, code), ask_postgres(session, sku, code)
        if ours != theirs:
            sys.exit(f"{sku} to {code}: {ours} and {theirs}")
    return count


# ---- load

def pinned(core, *command):
    return ["taskset", "-c", str(core), *map(str, command)] if os.cpu_count() > 1 else list(map(str, command))


def load_onhand(program, port, network, seconds, connections):
    places = ",".join(f"GB:{code}" for code in network.places)
    run = subprocess.run(pinned(1, program, "bench", f"http://127.0.0.1:{port}", "--mode", "promise", "--to", places, "--seconds",
                                seconds, "--connections", connections, "--json"), stdout=subprocess.PIPE, check=True, text=True)
    figures = json.loads(run.stdout)
    return figures["requests_per_second"], figures["latency_us"]["p99"] / 1000


def load_postgres(pg, database, network, seconds, clients, folder):
    script = os.path.join(folder, "question.sql")
    with open(script, "w", encoding="ascii") as file:
        file.write(f"\\set s random(0, {len(network.stock) - 1})\n\\set p random(0, {len(network.places) - 1})\n")
        file.write(QUESTION.replace(":sku", "'sku' || (:s)::text").replace(":place", "'P' || lpad((:p)::text, 3, '0')")
                   .replace("\n", " ").strip() + ";\n")
    run = subprocess.run(pinned(1, os.path.join(postgres.programs(), "pgbench"), "-n", "-M", "prepared", "-f", script, "-T", seconds,
                                "-c", clients, "-h", pg.home, "-p", pg.port, "-U", "postgres", database),
                         check=True, capture_output=True, text=True)
    return float(re.search(r"tps = ([\d.]+)", run.stdout)[1])


def pin(pid, core):
    if os.cpu_count() > 1:
        subprocess.run(["taskset", "-a", "-cp", str(core), str(pid)], check=True, stdout=subprocess.DEVNULL)


def start_onhand(program, folder):
    port_file = os.path.join(folder, "port")
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *pinned(0, program, "serve", "--data", os.path.join(folder, "data"),
                                "--listen", "127.0.0.1:0", "--port-file", port_file)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (os.path.exists(port_file) and os.path.getsize(port_file)):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit("onhand serve did not start")
        time.sleep(0.01)
    with open(port_file, encoding="ascii") as file:
        return process, int(file.read())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=str(ROOT / "build/release/onhand"))
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--at", type=int, help="nodes that have an item; default: all")
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--questions", type=int, default=300, help="asked of both and compared")
    options = parser.parse_args()
    network = Network(options.nodes, options.items, options.at or options.nodes, 1)
    with tempfile.TemporaryDirectory() as folder:
        pg = postgres.Postgres(settings=SETTINGS)
        pg.start()
        database = pg.create_database(owner="postgres")
        session = pg.session(database)
        fill_postgres(network, session)
        process, port = start_onhand(options.program, folder)
        try:
            with Client(port) as client:
                fill_onhand(network, client)
                same = compare(network, client, session, random.Random(2), options.questions)
            for pid in pg.pids():
                pin(pid, 0)
            ours, theirs, tails = [], [], []
            for _ in range(options.rounds):
                rate, p99_ms = load_onhand(options.program, port, network, options.seconds, options.connections)
                ours.append(rate)
                tails.append(p99_ms)
                theirs.append(load_postgres(pg, database, network, options.seconds, 4, folder))
        finally:
            process.terminate()
            process.wait(60)
            session.close()
            pg.close()
    print(json.dumps({"nodes": options.nodes, "at": options.at or options.nodes, "same_answers": same,
                      "promises_per_second": [round(rate) for rate in ours], "p99_ms": [round(tail, 2) for tail in tails],
                      "sql_per_second": [round(rate, 1) for rate in theirs],
                      "ratio": round(statistics.median(ours) / statistics.median(theirs), 1)}))


main()
