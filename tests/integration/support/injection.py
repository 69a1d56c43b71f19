"""
System calls that fail, by strace: which ones a run makes, and a run in which one of them fails.

A site is one occurrence of one call: "the 3rd fdatasync of journal/prepared-2.tmp". strace counts per thread, so a
site on a file is exact, and a site of a call without a file (epoll_wait, mmap) fails once in each thread that gets so
far. What the dynamic loader calls before the program begins is no site, nor is the same number in another thread.
"""
import os
import re
import shutil
import subprocess

from .server import wait_until

LINE = re.compile(r'^(\d+) +(\w+)\((.*)$')
INJECTED = re.compile(r'\(INJECTED\)')


def is_permitted():
    """strace is here and may trace."""
    if shutil.which('strace') is None:
        return False
    probe = subprocess.run(['strace', '-o', '/dev/null', '-e', 'inject=getpid:error=EIO', 'true'],
                           capture_output=True, check=False)
    return probe.returncode == 0


# What each call may say. EINTR only where Linux interrupts. Not futex: what it may say is glibc's to bear, or to abort.
ERRORS = {
    'accept4': ('EMFILE', 'ENFILE', 'ECONNABORTED', 'EINTR', 'ENOMEM', 'EPROTO'),
    'bind': ('EADDRINUSE', 'EACCES'),
    'clone3': ('EAGAIN', 'ENOMEM'),
    'close': ('EIO', 'EINTR'),
    'connect': ('ECONNREFUSED', 'EINTR', 'ETIMEDOUT'),
    'epoll_create1': ('EMFILE', 'ENOMEM'),
    'epoll_ctl': ('ENOMEM', 'ENOSPC'),
    'epoll_wait': ('EINTR',),
    'eventfd2': ('EMFILE', 'ENOMEM'),
    'fallocate': ('ENOSPC', 'EIO', 'EOPNOTSUPP', 'EINTR'),
    'fdatasync': ('EIO', 'ENOSPC', 'EINTR'),
    'flock': ('ENOLCK', 'EAGAIN'),
    'fsync': ('EIO', 'ENOSPC', 'EINTR'),
    'getdents64': ('EIO',),
    'getrandom': ('EAGAIN', 'ENOSYS'),
    'getsockname': ('ENOBUFS',),
    'listen': ('EADDRINUSE',),
    'madvise': ('EINVAL', 'ENOMEM'),
    'mkdir': ('EIO', 'ENOSPC', 'EACCES'),
    'mmap': ('ENOMEM',),
    'munmap': ('ENOMEM',),
    'newfstatat': ('EIO',),
    'openat': ('EMFILE', 'EIO', 'ENOSPC', 'EINTR', 'EACCES'),
    'pipe2': ('EMFILE',),
    'pread64': ('EIO', 'EINTR'),
    'prlimit64': ('EPERM',),
    'pwritev': ('EIO', 'ENOSPC', 'EINTR'),
    'read': ('EINTR', 'EIO', 'EAGAIN'),
    'recvfrom': ('ECONNRESET', 'EINTR', 'ETIMEDOUT', 'ENOMEM'),
    'rename': ('EIO', 'ENOSPC'),
    'sendto': ('EPIPE', 'ECONNRESET', 'EINTR', 'ENOBUFS'),
    'setsockopt': ('ENOMEM',),
    'shutdown': ('ENOTCONN',),
    'socket': ('EMFILE', 'EACCES'),
    'unlink': ('EIO', 'EACCES'),
    'write': ('EIO', 'ENOSPC', 'EPIPE', 'EINTR', 'EAGAIN'),
}


class Site:
    def __init__(self, call, path, when):
        self.call = call
        self.path = path    # below the server's home, or None
        self.when = when

    @property
    def key(self):
        return self.call, self.path, self.when

    def __str__(self):
        return f'{self.call}{f" of {self.path}" if self.path else ""} number {self.when}'


class Injection:
    """One failure. `text` is its name: CALL[@PATH]:WHEN:ERROR."""

    def __init__(self, site, error):
        self.site = site
        self.error = error

    @classmethod
    def parse(cls, text):
        call, when, error = text.rsplit(':', 2)
        name, _, path = call.partition('@')
        return cls(Site(name, path or None, int(when)), error)

    def __str__(self):
        site = self.site
        return f'{site.call}{f"@{site.path}" if site.path else ""}:{site.when}:{self.error}'

    def wrapper(self, home):
        """What goes before the command. strace keeps aside (-D), so the process is the server itself."""
        site = self.site
        only = ['-P', os.path.join(home, site.path)] if site.path else []
        return ['strace', '-D', '-f', '-q', '-o', trace_of(home), *only, '-e', f'trace={site.call}',
                '-e', f'inject={site.call}:error={self.error}:when={site.when}']

    @staticmethod
    def is_hit(home):
        """Asked after the process has ended; strace writes its last line a little later."""
        return INJECTED.search(wait_until(lambda: trace_text(home), 'strace does not end')) is not None


def trace_of(home):
    return os.path.join(home, 'trace')


def trace_text(home):
    """What strace has written, or '' while it still writes."""
    with open(trace_of(home), encoding='utf-8', errors='replace') as file:
        text = file.read()
    return text if '+++' in text else ''


def watch_wrapper(trace_path, calls):
    """A run in which nothing fails, to see what it calls."""
    return ['strace', '-D', '-f', '-q', '-y', '-s', '0', '-o', trace_path, '-e', f'trace={",".join(calls)}']


def sites(trace_path, home, calls, begin):
    """The sites of a watched run, in order. The program begins with the first line that contains `begin`."""
    found = {}
    counts = {}
    loader_counts = {}
    below_home = re.compile(re.escape(home + '/') + r'([^">]+)')
    with open(trace_path, encoding='utf-8', errors='replace') as file:
        for line in file:
            match = LINE.match(line)
            if not match or match[2] not in calls:
                continue
            if begin in line and not loader_counts:
                loader_counts = dict.fromkeys(calls, 0) | {call: count for (_, call, _), count in counts.items()}
            thread, call, rest = match.groups()
            path = below_home.search(rest)
            path = path[1] if path else None
            for place in {None, path}:
                counts[thread, call, place] = counts.get((thread, call, place), 0) + 1
            site = Site(call, path, counts[thread, call, path])
            if call in ('read', 'write') and path is None:
                continue    # of an eventfd or a pipe that wakes the loop: such a call cannot fail
            if loader_counts and (path or site.when > loader_counts[call]):
                found.setdefault(site.key, site)
    return list(found.values())
