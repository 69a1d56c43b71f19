"""What network threads take off the loop thread. Two cores cannot show more requests a second: the load has one of them. So
the time of each kind of thread is measured, and what one loop thread could do follows from it."""

import pathlib

import loads
from contenders import Onhand
from field import field
from targets import at_least, at_most, ratio

COUNTS = (0, 1, 2)


class Threads:
    name, title, unit = "threads", "Threads that receive and send (`network_threads`), all on one core", "requests"

    def run(self, bench):
        loads.write_targets(bench.folder / "targets", 1)
        with field(bench) as there:
            for count in COUNTS:
                onhand = there.add("Onhand", lambda count=count: Onhand(
                    bench, config={"network_threads": count}, folder_name=f"onhand-{count}"))
                there.enter(f"read/{count}", f"reads, {count} network threads", onhand,
                            lambda s, count=count: by_thread(s, count, lambda: loads.wrk_read(bench, s)))
                there.enter(f"reserve/{count}", f"reservations, class `disk`, 256 connections, {count} network threads", onhand,
                            lambda s, count=count: by_thread(s, count, lambda: loads.wrk_reserve(bench, s, 256)))
            there.measure(self.name)

    def targets(self, bench):
        rows = [at_least(self.name, f"{what} one loop thread has time for, of what it has without the other", asked, unit="x",
                         **ratio(bench, self.name, f"{key}/1", f"{key}/0", "loop_could"))
                for key, what, asked in (("read", "reads", 3), ("reserve", "reservations", 2))]
        return [*rows, at_most(self.name, "CPU of a read, of what it is without the other thread", 1.2, unit="x",
                               **ratio(bench, self.name, "read/1", "read/0", "server_cpu_s_per_1k"))]


def by_thread(server, network_threads, measure):
    """What `measure` gives, and of the server's time that of the loop thread and of the network threads, for one request."""
    before = thread_seconds(server)
    result = measure()
    loop, network = (after - start for after, start in zip(thread_seconds(server), before))
    result["loop_us"] = loop / result["count"] * 1e6
    result["loop_could"] = result["count"] / loop
    if network_threads > 0:
        result["network_us"] = network / result["count"] * 1e6
    return result


def thread_seconds(server):
    """(of the loop thread, of the network threads together)."""
    (pid,) = server.pids()
    loop, network = 0, 0
    for folder in pathlib.Path(f"/proc/{pid}/task").iterdir():
        seconds = int((folder / "schedstat").read_text().split()[0]) / 1e9
        if folder.name == str(pid):
            loop = seconds
        elif (folder / "comm").read_text().strip() == "network":
            network += seconds
    return loop, network
