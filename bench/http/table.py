"""Results of run.sh as a Markdown table: table.py RESULTS SIZE_ONHAND SIZE_NGINX ROUNDS SECONDS."""

import collections
import statistics
import sys

path, size_onhand, size_nginx, rounds, seconds = sys.argv[1:]
rates, shares = collections.defaultdict(list), collections.defaultdict(list)
for line in open(path, encoding="utf-8"):
    what, name, rate, share = line.split("\t")
    rates[what, name].append(float(rate))
    shares[what, name].append(float(share))

TEXTS = {
    ("available", "onhand"): f"Onhand `GET /v1/availability/{{sku}}?node=` ({size_onhand} bytes)",
    ("available", "nginx"): f"nginx `return 200` ({size_nginx} bytes)",
    ("reserve", "onhand"): "Onhand `POST /v1/reservations`, class `disk`",
    ("reserve", "redis"): "Redis `EVALSHA` reserve, `appendfsync always`",
}

print(f"{rounds} round{'s' if rounds != '1' else ''} of {seconds} s, interleaved; server on one core, load on another, 32 connections.\n")
print("| what | median/s | min | max | Onhand is | server core used | per second of server CPU |")
print("|---|---:|---:|---:|---:|---:|---:|")
for (what, name), text in TEXTS.items():
    values = rates[what, name]
    costs = [rate / share for rate, share in zip(values, shares[what, name]) if share > 0] or [0]
    ratio = ""
    if name != "onhand":
        ours = rates[what, "onhand"]
        pairs = sorted(a / b for a, b in zip(ours, values))
        ratio = f"{statistics.median(ours) / statistics.median(values):.2f}x ({pairs[0]:.2f} to {pairs[-1]:.2f})"
    print(
        f"| {text} | {statistics.median(values):,.0f} | {min(values):,.0f} | {max(values):,.0f} "
        f"| {ratio} | {statistics.median(shares[what, name]):.0%} | {statistics.median(costs):,.0f} |"
    )
