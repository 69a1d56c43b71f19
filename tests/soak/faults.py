"""
What goes wrong, one thing at a time, chosen by the seed. Each fault is a function that does it and undoes it, and
returns a sentence for the report. The clock is never touched: the machine's clock is everybody's.
"""
import os
import random
import re
import signal
import socket
import time

from support.client import Client, request_bytes
from support.server import wait_until

ANSWERS_TO_GARBAGE = {400, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 503, 505}


class Faults:
    def __init__(self, server, port, seed, library, ballast):
        self.server, self.port = server, port
        self.chance = random.Random(f'{seed}/faults')
        self.names = random.Random(f'{seed}/names')     # of its own: how many are needed is up to the disk
        self.library, self.ballast = library, ballast
        self.wish_path = os.path.join(server.home, 'wish')
        self.kinds = {'kill': self.kill, 'term': self.term, 'stop': self.stop, 'hup': self.hup,
                      'flood': self.flood, 'garbage': self.garbage}
        if library:
            server.environment = {'LD_PRELOAD': library, 'ONHAND_FAULTS_FILE': self.wish_path}
            self.kinds.update(slow_sync=self.slow_sync, slow_disk=self.slow_disk, slow_kill=self.slow_kill,
                              fail_sync=self.fail_sync)
        if library or ballast:
            self.kinds['disk_full'] = self.disk_full

    def pick(self):
        return self.chance.choice(sorted(self.kinds))

    def wish(self, text):
        """Replaced in one step: a half-written wish would be none."""
        with open(self.wish_path + '.new', 'w', encoding='ascii') as file:
            file.write(text)
        os.rename(self.wish_path + '.new', self.wish_path)

    def start(self):
        began = time.monotonic()
        self.server.start()
        self.port.value = self.server.port
        return time.monotonic() - began

    def pause(self, least, most):
        pause_s = self.chance.uniform(least, most)
        time.sleep(pause_s)
        return pause_s

    # ---- the process

    def kill(self):
        self.server.kill()
        down_s = self.pause(0, 1) if self.chance.random() < 0.3 else 0
        return f'kill -9; {down_s:.1f} s later started, ready after {self.start():.2f} s'

    def term(self):
        self.server.terminate()
        code = self.server.wait()
        if code != 0:
            raise AssertionError(f'SIGTERM ended it with {code}')
        return f'SIGTERM, ended with 0; started, ready after {self.start():.2f} s'

    def stop(self):
        os.kill(self.server.process.pid, signal.SIGSTOP)
        try:
            stopped_s = self.pause(0.2, 4)
        finally:
            os.kill(self.server.process.pid, signal.SIGCONT)
        return f'SIGSTOP for {stopped_s:.1f} s'

    def hup(self):
        limits = {'connections_max': self.chance.randrange(60, 150), 'body_size_max': self.chance.choice((4, 8, 16)) << 20,
                  'output_soft_size': self.chance.choice((65536, 1 << 20)),
                  'snapshot_journal_mib': self.chance.choice((9, 16, 32)), 'idle_timeout_ms': self.chance.choice((10000, 75000))}
        self.server.config.update(limits)
        self.server.write_config()
        before = self.server.log().count('event=reloaded')
        self.server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.server.log().count('event=reloaded') != before, 'the configuration is not read again', 30)
        return 'SIGHUP with ' + ', '.join(f'{key} = {value}' for key, value in limits.items())

    # ---- the disk

    def slow_sync(self):
        delay_ms = self.chance.choice((20, 100, 400, 900))
        return self.slow(f'delay {delay_ms}', f'each sync takes {delay_ms} ms more')

    def slow_disk(self):
        delay_ms = self.chance.choice((5, 30, 100))
        return self.slow(f'slow {delay_ms}', f'each write and each sync takes {delay_ms} ms more')

    def slow(self, wish, text):
        self.wish(wish)
        try:
            spent_s = self.pause(2, 10)
        finally:
            self.wish('')
        return f'{text}, for {spent_s:.1f} s'

    def slow_kill(self):
        """The process dies with writes and syncs under way."""
        self.wish(f'slow {self.chance.choice((30, 200))}')
        self.pause(0.5, 2)
        self.server.kill()
        self.wish('')
        return f'kill -9 on a slow disk; started, ready after {self.start():.2f} s'

    def fail_sync(self):
        """A sync that fails ends acknowledging for good: the process must end by itself, and not with 0."""
        self.wish('fail')
        try:
            code = self.server.wait()
        finally:
            self.wish('')
        if code == 0:
            raise AssertionError('a failed sync ended the server with 0')
        return f'a sync failed, the server ended with {code}; started, ready after {self.start():.2f} s'

    def disk_full(self):
        """Until writes are refused and a moment longer; then there is space again."""
        began = time.monotonic()
        self.fill()
        try:
            written = self.write_until_full(began + 60)
            full_s = self.pause(1, 4)
            self.reads_go_on()
        finally:
            self.empty()
        wait_until(self.is_ready, 'space has come back and writes have not', 30)
        return f'no space for new files; full after {written >> 20} MiB, for {full_s:.1f} s; ready again'

    def fill(self):
        if not self.ballast:
            return self.wish('full')
        with open(self.ballast, 'wb', buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                return None

    def empty(self):
        if self.ballast:
            os.unlink(self.ballast)
        else:
            self.wish('')

    def write_until_full(self, end):
        """Renames items that nobody else touches: many at a time, then one by one, until the smallest write is refused."""
        count, written = 2000, 0
        while True:
            if time.monotonic() > end:
                raise AssertionError(f'writes are not refused, with {written >> 20} MiB written and no space')
            try:
                with Client(self.server.port) as client:
                    status = self.rename(client, count)
            except OSError:
                continue
            if status == 503 and count == 1:
                return written
            count = max(1, count // 2) if status == 503 else count
            written += 128 * count if status == 200 else 0

    def rename(self, client, count):
        """The worst status of renaming so many items; one is renamed many times."""
        if count == 1:
            return max(answer.status for answer in client.pipeline(
                request_bytes('PUT', '/v1/items/filler0', {'name': self.new_name()}) for _ in range(64)))
        text = 'sku,name\n' + ''.join(f'filler{number},{self.new_name()}\n' for number in range(count))
        return client.post('/v1/import/items', text.encode(), {'Content-Type': 'text/csv'}).status

    def new_name(self):
        return f'{self.names.getrandbits(480):0120x}'

    def reads_go_on(self):
        with Client(self.server.port) as client:
            if client.get('/v1/items?limit=1').status != 200:
                raise AssertionError('a full disk refuses reads')

    def is_ready(self):
        try:
            with Client(self.server.port, timeout_s=10) as client:
                return client.get('/readyz').status == 200
        except OSError:
            return True

    # ---- clients

    def flood(self):
        """More connections than there may be: those beyond are told so, and the others are served."""
        limit = int(self.server.config['connections_max'])
        sockets, statuses = [], {}
        try:
            for _ in range(limit + 30):
                sockets.append(socket.create_connection(('127.0.0.1', self.server.port), 10))
                sockets[-1].sendall(request_bytes('GET', '/healthz'))
            for one in sockets:
                status = self.status_of(one)
                statuses[status] = statuses.get(status, 0) + 1
        finally:
            for one in sockets:
                one.close()
        if not set(statuses) <= {200, 503, None} or not statuses.get(503):
            raise AssertionError(f'{limit + 30} connections of {limit} answer {statuses}')
        return f'{limit + 30} connections where {limit} may be: {statuses.get(200, 0)} served, {statuses[503]} told 503'

    def garbage(self):
        counts = {}
        for _ in range(60):
            try:
                with socket.create_connection(('127.0.0.1', self.server.port), 10) as one:
                    one.sendall(self.some_garbage())
                    one.shutdown(socket.SHUT_WR)
                    status = self.status_of(one)
            except OSError:
                status = None
            counts[status] = counts.get(status, 0) + 1
        if not {status for status in counts if status} <= ANSWERS_TO_GARBAGE:
            raise AssertionError(f'garbage is answered {counts}')
        return 'garbage of 60 clients: ' + ', '.join(f'{count} x {status or "closed"}' for status, count in counts.items())

    def some_garbage(self):
        noise = self.chance.randbytes(self.chance.choice((1, 40, 5000)))
        return self.chance.choice((
            noise, b'GET ' + noise, b'POST /v1/reservations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n' + noise[:9].ljust(9),
            b'PUT /v1/items/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n' + noise,
            b'GET /v1/items HTTP/1.1\r\nHost: x\r\n' + b'A: b\r\n' * 100 + b'\r\n', b'\x16\x03\x01' + noise))

    @staticmethod
    def status_of(one):
        try:
            head = one.recv(64)
        except OSError:
            return None
        match = re.match(rb'HTTP/1\.1 (\d+)', head)
        return int(match.group(1)) if match else None
