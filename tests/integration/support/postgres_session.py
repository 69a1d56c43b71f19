"""A session with PostgreSQL over its Unix socket: the simple query protocol, values as texts, nothing more."""
import socket
import struct

TIMEOUT_S = 60.0


class PostgresError(Exception):
    """What the server refused; `state` is the SQLSTATE."""

    def __init__(self, state, message):
        super().__init__(f'{message} ({state})')
        self.state = state


class Session:
    """One connection, trusted by the server. query() gives rows as tuples of texts; None is null."""

    def __init__(self, socket_path, database, user='postgres', timeout_s=TIMEOUT_S):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout_s)
        self.buffer = b''
        try:
            self.socket.connect(socket_path)
            names = ('user', user, 'database', database, 'options', '-c TimeZone=UTC -c DateStyle=ISO')
            body = struct.pack('!i', 196608) + b''.join(name.encode() + b'\0' for name in names) + b'\0'
            self.socket.sendall(struct.pack('!i', len(body) + 4) + body)
            self.results()
        except BaseException:
            self.socket.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def query(self, sql):
        """The rows of the last statement in `sql`."""
        self.begin(sql)
        return self.results()

    def value(self, sql):
        """The only value of the only row."""
        ((value,),) = self.query(sql)
        return value

    def begin(self, sql):
        """Sends and does not wait: results() does."""
        body = sql.encode() + b'\0'
        self.socket.sendall(b'Q' + struct.pack('!i', len(body) + 4) + body)

    def results(self):
        """Reads until the server is ready for the next query."""
        rows, error = [], None
        while True:
            kind, body = self.message()
            if kind == b'D':
                rows.append(row_of(body))
            elif kind == b'T':
                rows = []
            elif kind == b'E':
                error = error or error_of(body)
            elif kind == b'G':
                raise PostgresError('', 'this reader knows no COPY')
            elif kind == b'Z':
                break
        if error:
            raise error
        return rows

    def message(self):
        head = self.take(5)
        return head[:1], self.take(struct.unpack('!i', head[1:])[0] - 4)

    def take(self, size):
        while len(self.buffer) < size:
            data = self.socket.recv(1 << 16)
            if not data:
                raise ConnectionResetError('PostgreSQL ended the session')
            self.buffer += data
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken


def row_of(body):
    values, at = [], 2
    for _ in range(struct.unpack_from('!h', body)[0]):
        (size,) = struct.unpack_from('!i', body, at)
        at += 4
        values.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return tuple(values)


def error_of(body):
    fields = {field[:1]: field[1:].decode() for field in body.split(b'\0') if field}
    return PostgresError(fields.get(b'C', ''), fields.get(b'M', ''))
