"""Who is compared: how each one starts, gets the data, is asked, stands still and stops.

All have the same 1,000 items at the same 20 nodes. Each runs on the server's core with files of its own in one folder.
"""

import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

from machine import on_core, with_children

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests/integration"))
from support import postgres  # noqa: E402

SKU_FIRST, SKU_COUNT, NODE_FIRST, NODE_COUNT = 100000, 1000, 10, 20
STOCK, STOCK_DEEP = 1_000_000, 100_000_000
START_S_MAX = 120
TTL_S = 7200  # longer than a question takes: whoever sweeps what has expired would do more than the others
BODY = (f'{{"id":"{{id}}","kind":"cart","channel":"web","ttl_seconds":{TTL_S},'
        '"lines":[{"line":1,"sku":"SKU-{sku}","quantity":1,"node":"NODE-{node}"}]}')
TEMP_PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Absent(Exception):
    """A contender cannot take part on this machine; why."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition, what):
    end = time.monotonic() + START_S_MAX
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {START_S_MAX} s")
        time.sleep(0.02)


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            raise Absent(f"{program} is not installed")


class Contender:
    """A server of one or more processes. Those that are not measured stand still (SIGSTOP) and cost nothing."""
    body, path = BODY, "/v1/reservations"
    sku_first, node_first = SKU_FIRST, NODE_FIRST
    depends_on = ()
    limited_stock = 1000  # fewer than it can sell in the time of a sell-out

    def __init__(self, bench, folder_name=None):
        self.cores, self.folder = bench.cores, pathlib.Path(bench.folder) / (folder_name or type(self).__name__.lower())
        self.processes, self.port = [], None
        self.folder.mkdir(exist_ok=True)

    def spawn(self, command, cwd=None, environment=None):
        with on_core(self.cores.server), open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdout=log, stderr=log,
                                       cwd=cwd, env={**os.environ, **(environment or {})})
        self.processes.append(process)
        return process

    def check_lives(self, process):
        if process.poll() is not None:
            text = (self.folder / "log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{type(self).__name__} ended with {process.returncode}: {text}")

    def wait_for_http(self, path):
        def answers():
            self.check_lives(self.processes[-1])
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.ask("GET", path)[0] == 200
            return False
        wait_until(answers, f"{type(self).__name__} answers {path}")

    def ask(self, method, path, body=None, content_type="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def own_pids(self):
        return with_children([process.pid for process in self.processes if process.poll() is None])

    def pids(self):
        """Every process that works for an answer."""
        return [*self.own_pids(), *(pid for other in self.depends_on for pid in other.pids())]

    def signal_all(self, number):
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self):
        self.signal_all(signal.SIGSTOP)

    def resume(self):
        self.signal_all(signal.SIGCONT)

    def stop(self):
        self.signal_all(signal.SIGCONT)
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


class Onhand(Contender):
    label = "Onhand"

    def __init__(self, bench, durability="disk", config=None, postgres_uri=None, folder_name=None):
        super().__init__(bench, folder_name)
        self.program, self.durability, self.postgres_uri = bench.program, durability, postgres_uri
        self.config = {"log_level": "info", **(config or {})}
        self.data = self.folder / "data"

    def start(self, has_data=False):
        if not has_data:
            shutil.rmtree(self.data, ignore_errors=True)
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        self.write_config()
        more = ["--postgres", self.postgres_uri] if self.postgres_uri else []
        process = self.spawn([self.program, "serve", "--data", self.data, "--listen", "127.0.0.1:0", "--port-file",
                              port_file, "--durability", self.durability, "--config", self.folder / "conf", *more])
        wait_until(lambda: self.check_lives(process) or (port_file.exists() and port_file.read_text().endswith("\n")),
                   "Onhand listens")
        self.port = int(port_file.read_text())
        self.wait_for_http("/readyz")
        return self

    def write_config(self):
        (self.folder / "conf").write_text("".join(f"{key} = {value}\n" for key, value in self.config.items()))

    def reload(self, **config):
        """New values of keys that can change while it runs."""
        self.config.update(config)
        self.write_config()
        self.processes[-1].send_signal(signal.SIGHUP)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def put(self, path, body):
        status, answer = self.ask("PUT", path, json.dumps(body))
        if status not in (200, 201):
            raise RuntimeError(f"PUT {path}: {status} {answer[:300]}")

    def import_rows(self, what, text):
        status, answer = self.ask("POST", f"/v1/import/{what}", text, "text/csv")
        if status != 200 or json.loads(answer)["rejected"] != 0:
            raise RuntimeError(f"import of {what}: {status} {answer[:500]}")

    def load_names(self, sku_count=SKU_COUNT, node_count=NODE_COUNT):
        self.import_rows("nodes", "node,name,type,ships,collects\n" + "".join(
            f"NODE-{NODE_FIRST + n},Node {n},warehouse,1,1\n" for n in range(node_count)))
        self.import_rows("items", "sku,name\n" + "".join(f"SKU-{SKU_FIRST + s},Item {s}\n" for s in range(sku_count)))
        self.put("/v1/channels/web", {"name": "Web", "policy": "priority"})

    def load(self):
        self.load_names()
        self.import_rows("stock", "sku,node,quantity,as_of\n" + "".join(
            f"SKU-{SKU_FIRST + s},NODE-{NODE_FIRST + n},{STOCK},2026-01-06T05:00:00Z\n"
            for s in range(SKU_COUNT) for n in range(NODE_COUNT)))

    def set_hot(self, quantity):
        """That much can be sold of the first item at the first node from now on."""
        row = self.position(SKU_FIRST, NODE_FIRST)
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.import_rows("stock", "sku,node,quantity,as_of\n"
                         f"SKU-{SKU_FIRST},NODE-{NODE_FIRST},{row['held'] + row['confirmed'] + quantity},{now}\n")

    def position(self, sku, node):
        status, answer = self.ask("GET", f"/v1/stock/SKU-{sku}/NODE-{node}")
        if status != 200:
            raise RuntimeError(f"stock: {status} {answer[:300]}")
        return json.loads(answer)

    def hot_taken(self):
        """What its ledger says is claimed of the hot position."""
        row = self.position(SKU_FIRST, NODE_FIRST)
        return round(row["held"] + row["confirmed"])

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[1].decode().splitlines():
            if line.startswith(f"onhand_{name} "):
                return float(line.split()[1])
        raise RuntimeError(f"no metric {name}")

    def kill(self):
        self.processes[-1].kill()
        self.processes[-1].wait()
        self.processes = []

    def log_value(self, event, name):
        """A number of the last log line of that event."""
        lines = [line for line in (self.folder / "log").read_text(errors="replace").splitlines() if f"event={event}" in line]
        return float(lines[-1].split(f" {name}=")[1].split()[0])


class Nginx(Contender):
    label = "nginx `return 200`"

    def __init__(self, bench):
        super().__init__(bench)
        need("nginx")

    def start(self, body="x"):
        """One process, no access log. The body makes its replies as long as ours."""
        self.port = free_port()
        paths = " ".join(f"{name}_temp_path {self.folder}/{name};" for name in TEMP_PATHS)
        (self.folder / "conf").write_text(f"""
daemon off; master_process off; worker_processes 1; pid {self.folder}/pid; worker_rlimit_nofile 10000;
events {{ worker_connections 8192; }}
http {{
    access_log off; keepalive_requests 1000000000; default_type application/json; {paths}
    server {{ listen 127.0.0.1:{self.port} backlog=4096; location / {{ return 200 '{body}'; }} }}
}}
""")
        self.spawn(["nginx", "-c", self.folder / "conf", "-e", self.folder / "error.log"])
        self.wait_for_http("/")
        return self

    def start_as_long_as(self, size):
        """size: of a whole reply, head and body."""
        self.start()
        size_of_head = reply_size(self, ["/"]) - 1
        self.stop()
        return self.start("x" * max(1, size - size_of_head))


def reply_size(server, targets):
    """Bytes of head and body, the mean."""
    total = 0
    with socket.create_connection(("127.0.0.1", server.port)) as connection, connection.makefile("rb") as file:
        for target in targets:
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            length = 0
            while (line := file.readline()) not in (b"\r\n", b""):
                total += len(line)
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            total += 2 + len(file.read(length))
    return round(total / len(targets))


class Redis(Contender):
    def __init__(self, bench, fsync):
        super().__init__(bench)
        need("redis-server", "redis-benchmark", "redis-cli")
        self.fsync, self.label, self.script = fsync, f"Redis `EVALSHA`, `appendfsync {fsync}`", None
        self.folder = self.folder.with_name(f"redis-{fsync}")
        self.folder.mkdir(exist_ok=True)

    def start(self):
        self.port = free_port()
        shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.spawn(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                    "--appendonly", "yes", "--appendfsync", self.fsync, "--auto-aof-rewrite-percentage", "0",
                    "--loglevel", "warning", "--maxclients", "5000"])
        wait_until(lambda: self.cli("ping") == "PONG", "Redis answers")
        return self

    def cli(self, *words):
        run = subprocess.run(["redis-cli", "-p", str(self.port), *map(str, words)], capture_output=True, text=True,
                             check=False)
        return run.stdout.strip()

    def load(self):
        self.cli("eval", f"for s = 0, {SKU_COUNT - 1} do for n = 0, {NODE_COUNT - 1} do "
                 f"redis.call('HSET', string.format('s:%012d', s), n, {STOCK}) end end", 0)
        self.script = self.cli("script", "load", (HERE / "scripts/redis_reserve.lua").read_text())

    def set_hot(self, quantity):
        self.cli("hset", "s:000000000000", 0, quantity)
        self.cli("set", "hot_before", self.reserved_count())

    def reserved_count(self):
        return int(self.cli("zcard", "expiry"))

    def hot_taken(self):
        return self.reserved_count() - int(self.cli("get", "hot_before"))


MEMORY_FOLDER = "/dev/shm"


class Postgres(Contender):
    """PostgreSQL with its default safety (fsync, synchronous_commit)."""
    SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "4GB", "checkpoint_timeout": "15min", "max_connections": "400",
                "autovacuum": "on", "synchronous_commit": "on"}

    def __init__(self, bench, core=None, is_in_memory=False):
        """is_in_memory: its data is not on the disk that is measured, as if it ran on another machine."""
        super().__init__(bench)
        self.place = MEMORY_FOLDER if is_in_memory and os.path.isdir(MEMORY_FOLDER) else None
        if not postgres.is_there():
            raise Absent("there is no PostgreSQL 15")
        need("pgbench")
        self.core = self.cores.server if core is None else core
        self.label, self.server = "PostgreSQL", None

    def start(self):
        with on_core(self.core):
            self.server = postgres.Postgres(fsync=True, settings=self.SETTINGS, place=self.place).start()
        self.port = self.server.port
        return self

    def own_pids(self):
        return self.server.pids() if self.server is not None and self.server.process is not None else []

    def stop(self):
        if self.server is not None:
            self.signal_all(signal.SIGCONT)
            self.server.close()
            self.server = None

    def load(self):
        with self.server.session() as session:
            session.query((HERE / "scripts/pg_schema.sql").read_text())
            session.query(f"INSERT INTO stock SELECT 'SKU-' || s, 'NODE-' || n, {STOCK} "
                          f"FROM generate_series({SKU_FIRST}, {SKU_FIRST + SKU_COUNT - 1}) s, "
                          f"generate_series({NODE_FIRST}, {NODE_FIRST + NODE_COUNT - 1}) n")
        self.server.query("VACUUM ANALYZE stock")

    def set_hot(self, quantity):
        self.server.query(f"UPDATE stock SET reserved = 0, on_hand = {quantity} "
                          f"WHERE sku = 'SKU-{SKU_FIRST}' AND node = 'NODE-{NODE_FIRST}'")
        self.server.query(f"DELETE FROM reservation WHERE sku = 'SKU-{SKU_FIRST}' AND node = 'NODE-{NODE_FIRST}'")

    def hot_taken(self):
        return int(self.server.query("SELECT coalesce(sum(quantity), 0) FROM reservation WHERE "
                                     f"sku = 'SKU-{SKU_FIRST}' AND node = 'NODE-{NODE_FIRST}'")[0][0])
