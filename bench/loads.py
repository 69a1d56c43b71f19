"""What drives a contender: wrk, redis-benchmark, pgbench, `onhand bench`. Each gives a rate and what it cost."""

import json
import pathlib
import random
import re

from contenders import HERE, NODE_COUNT, NODE_FIRST, SKU_COUNT, SKU_FIRST, TTL_S, need
from machine import Measured


def record(run, count, seconds, **more):
    """count: of operations, in all that was measured; seconds: that they took."""
    if count == 0:
        raise RuntimeError(f"nothing was answered: {run.output[-500:]} {run.errors[-500:]}")
    thousands = count / 1000
    return {"rate": count / seconds, "count": count, "server_cpu_s_per_1k": run.server_cpu_s / thousands,
            "load_cpu_s_per_1k": run.load_cpu_s / thousands, "server_mib": run.server_mib, "load_mib": run.load_mib,
            "others_cores": run.others_cores, **more}


def checked(run, command):
    if run.code != 0:
        words = " ".join(map(str, command))[:300]
        raise RuntimeError(f"{words}: exit code {run.code}: {run.output[-1000:]} {run.errors[-1000:]}")
    return run


def found(pattern, text):
    """The groups of a pattern in what a program printed."""
    match = re.search(pattern, text)
    if match is None:
        raise RuntimeError(f"no {pattern} in: {text[-1000:]}")
    return match.groups()


# ---- wrk: every HTTP server that answers the same question

def wrk(bench, server, script, connections, environment):
    need("wrk")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{bench.seconds}s", "--timeout", "30s", "--latency", "-s",
               HERE / "scripts" / script, f"http://127.0.0.1:{server.port}"]
    run = checked(Measured(bench.cores, command, server.pids, bench.seconds, environment), command)
    count, seconds = found(r"(\d+) requests in ([\d.]+)s", run.output)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", run.output)
    socket_errors = re.search(r"Socket errors: (.*)", run.output)
    p99, unit = found(r"99%\s+([\d.]+)(us|ms|s)", run.output)
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}
    return record(run, int(count), float(seconds), refused=int(bad.group(1)) if bad else 0,
                  socket_errors=socket_errors.group(1) if socket_errors else "", output=run.output,
                  p99_ms=float(p99) * scale[unit])


def wrk_read(bench, server, connections=32):
    result = wrk(bench, server, "wrk_read.lua", connections, {"TARGETS": str(bench.folder / "targets")})
    if result["refused"] or result["socket_errors"]:
        raise RuntimeError(f"{server.label}: {result['output']}")
    return result


def wrk_reserve(bench, server, connections, is_hot=False, counts=False, seed=1):
    """Reservations of one line; `counts`: 409 is an answer too, and counted."""
    bench.run_count += 1
    result = wrk(bench, server, "wrk_reserve.lua", connections, {
        "PATH_AND_QUERY": server.path, "BODY": server.body, "RUN": f"{bench.run_id}-{bench.run_count}", "SEED": str(seed),
        "SKU_FIRST": str(server.sku_first), "SKU_COUNT": "1" if is_hot else str(SKU_COUNT),
        "NODE_FIRST": str(server.node_first), "NODE_COUNT": "1" if is_hot else str(NODE_COUNT),
        "COUNT": "1" if counts else "0"})
    result["granted"] = int(found(r"GRANTED (\d+)", result["output"])[0])
    if result["refused"] and not counts:
        raise RuntimeError(f"{server.label}: {result['output']}")
    return result


# ---- Redis: its own client, which counts requests and not seconds

def redis_reserve(bench, server, connections, pipeline=1, is_hot=False):
    bench.run_count += 1
    key = f"r:{bench.run_id}-{bench.run_count}:" + "__rand_int__" * 3
    guess = server.__dict__.setdefault("rates", {}).get((connections, pipeline), 5000)
    count = max(1000, int(guess * bench.seconds))
    command = ["redis-benchmark", "-p", server.port, "-c", connections, "-n", count, "-P", pipeline, "-r", SKU_COUNT,
               "--csv", "evalsha", server.script, 2, "s:000000000000" if is_hot else "s:__rand_int__", key,
               "0" if is_hot else "__rand_int__", NODE_COUNT, 1, TTL_S]
    run = checked(Measured(bench.cores, command, server.pids, count / guess), command)
    rate = float(run.output.splitlines()[1].split(",")[1].strip('"'))
    server.rates[connections, pipeline] = rate
    return record(run, count, count / rate)


# ---- PostgreSQL: pgbench, prepared statements

def pgbench_reserve(bench, server, connections, script, is_hot=False):
    last = (SKU_FIRST, NODE_FIRST) if is_hot else (SKU_FIRST + SKU_COUNT - 1, NODE_FIRST + NODE_COUNT - 1)
    names = {"sku_first": SKU_FIRST, "node_first": NODE_FIRST, "sku_last": last[0], "node_last": last[1]}
    # The time that it is given passes while it connects, one after the other; its rate does not count that.
    length = ("-t", 3) if bench.is_smoke else ("-T", bench.seconds + connections // 20)
    command = ["pgbench", "-n", "-M", "prepared", "-h", server.server.home, "-p", server.port, "-U", "postgres", "-c",
               connections, "-j", 1, *length, "-f", HERE / f"scripts/pgbench_{script}.sql",
               *(f"-D{name}={value}" for name, value in names.items()), "postgres"]
    run = checked(Measured(bench.cores, command, server.pids, bench.seconds), command)
    count = int(found(r"actually processed: (\d+)", run.output)[0])
    rate = float(found(r"tps = ([\d.]+)", run.output)[0])
    return record(run, count, count / rate)


# ---- onhand bench: what only Onhand is asked

def onhand_bench(bench, server, mode, *options, seconds=None, operations_each=1, looks_at_memory=True, may_fail=False):
    """operations_each: lines, cells or reservations in one request."""
    seconds = seconds or bench.seconds
    command = [bench.program, "bench", server.url, "--mode", mode, "--seconds", seconds, "--warmup-seconds", 0, "--json",
               *options]
    run = Measured(bench.cores, command, server.pids, seconds, looks_at_memory=looks_at_memory)
    if not may_fail:
        checked(run, command)
    report = json.loads(run.output)
    return record(run, report["requests"] * operations_each, seconds, report=report)


# ---- bench_engine: the ledger without a server

def engine(bench, *options):
    """{question: {...}} of one run on the server's core."""
    command = ["taskset", "-c", bench.cores.server, bench.engine_program, *options]
    run = checked(Measured(bench.cores, command, lambda: [], 1, looks_at_memory=False), command)
    lines = [json.loads(line) for line in run.output.splitlines() if line.startswith("{")]
    return {line["question"]: line for line in lines}, run


def write_targets(path, seed, count=10000, sku_count=SKU_COUNT, node_count=NODE_COUNT):
    """Targets of reads, made in advance, the same for all."""
    dice = random.Random(seed)
    pairs = [(SKU_FIRST + dice.randrange(sku_count), NODE_FIRST + dice.randrange(node_count)) for _ in range(count)]
    pathlib.Path(path).write_text("".join(f"/v1/availability/SKU-{sku}?node=NODE-{node}\n" for sku, node in pairs))
