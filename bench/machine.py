"""The machine that is measured on: cores, processor time, memory, and what it is."""

import contextlib
import os
import pathlib
import platform
import subprocess
import threading
import time

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Cores:
    """Who runs where: servers on the first core, load and everything of ours on the second.

    settles   before each measurement the disk gets what is left to write, so that nobody waits for the one before.
    """

    def __init__(self, settles=True):
        self.settles = settles
        cores = sorted(os.sched_getaffinity(0))
        self.server, self.load = cores[0], cores[min(1, len(cores) - 1)]
        self.are_two = len(cores) > 1
        # PostgreSQL behind the projection: on a core of its own, else beside the load.
        self.behind = cores[2] if len(cores) > 2 else self.load


@contextlib.contextmanager
def on_core(core):
    """What is started inside inherits the core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stat_of(pid):
    """(parent, ticks of itself, ticks of its ended children), or None when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])


def with_children(pids):
    """These processes and all that come from them."""
    stats = {int(name): stat_of(name) for name in os.listdir("/proc") if name.isdigit()}
    found, left = [], list(pids)
    while left:
        pid = left.pop()
        if stats.get(pid) and pid not in found:
            found.append(pid)
            left += [child for child, stat in stats.items() if stat and stat[0] == pid]
    return found


def cpu_seconds(pids):
    """Processor time so far, of children that have ended too."""
    stats = [stat for stat in map(stat_of, pids) if stat]
    return sum(own + ended for _, own, ended in stats) / TICKS_A_SECOND


def memory_mib(pids):
    """What they hold, pages they share counted once."""
    total = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def busy_seconds():
    """Processor time of the whole machine so far."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_A_SECOND


class Measured:
    """A load that runs, on the load's core: what it printed, and what it and the server cost meanwhile."""

    def __init__(self, cores, command, server_pids, seconds, environment=None, looks_at_memory=True):
        if cores.settles:
            os.sync()
        self.server_mib = self.load_mib = None
        server = with_children(server_pids())
        busy, cpu, began = busy_seconds(), cpu_seconds(server), time.monotonic()
        with on_core(cores.load):
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})})
        timer = threading.Timer(seconds * 0.6, self.look_at_memory, (server_pids, process.pid))
        if looks_at_memory:
            timer.start()
        self.output, self.errors, self.code, usage = finished(process)
        self.elapsed_s = time.monotonic() - began
        timer.cancel()
        if looks_at_memory:
            timer.join()
        self.load_cpu_s = usage.ru_utime + usage.ru_stime
        self.server_cpu_s = cpu_seconds(with_children(server_pids())) - cpu
        others_s = busy_seconds() - busy - self.load_cpu_s - self.server_cpu_s
        self.others_cores = max(0.0, others_s / self.elapsed_s)

    def look_at_memory(self, server_pids, load_pid):
        self.load_mib = memory_mib(with_children([load_pid]))
        self.server_mib = memory_mib(with_children(server_pids()))


def finished(process):
    """Output, errors, exit code and resource usage of a process, once it has ended."""
    texts = {}
    readers = [threading.Thread(target=lambda n=name, f=file: texts.__setitem__(n, f.read()))
               for name, file in (("out", process.stdout), ("err", process.stderr))]
    for reader in readers:
        reader.start()
    _, status, usage = os.wait4(process.pid, 0)
    for reader in readers:
        reader.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return texts["out"], texts["err"], process.returncode, usage


def first_line(*command):
    """What a program says of its version."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return next(iter((run.stdout or run.stderr).splitlines()), "").strip()


def description(folder):
    """One line: processor, cores, memory, kernel, file system."""
    models = [line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    memory_gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    disk = first_line("stat", "--file-system", "--format=%T", str(folder)) or "?"
    processor = models[0] if models else platform.machine()
    return f"{len(models)} x {processor}, {memory_gib:.0f} GiB, {disk}, Linux {platform.release()}"
