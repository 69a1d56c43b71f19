"""A small HTTP/1.1 client: keep-alive, pipelining, and a raw mode for what no client should send."""
import json
import select
import socket
from urllib.parse import quote, urlencode

TIMEOUT_S = 60.0
RECEIVE_SIZE = 1 << 16     # a larger buffer would be mapped and unmapped each time


class Response:
    def __init__(self, status, head, body):
        self.status = status
        self.head = head
        self.body = body

    @property
    def headers(self):
        """Names in lower case; a header that comes twice keeps the last."""
        pairs = (line.split(':', 1) for line in self.head.decode('latin-1').split('\r\n')[1:] if ':' in line)
        return {name.strip().lower(): value.strip() for name, value in pairs}

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f'<{self.status} {self.body[:600]!r}>'


def url(*segments, **query):
    """url('v1', 'nodes', 'a b', limit=3) is "/v1/nodes/a%20b?limit=3"; None means not given."""
    path = ''.join('/' + quote(str(segment), safe='') for segment in segments)
    given = {name: value for name, value in query.items() if value is not None}
    return path + ('?' + urlencode(given) if given else '')


def request_bytes(method, target, body=None, headers=None):
    """The bytes of one request. `body` is bytes, or a value that is sent as JSON."""
    lines = [f'{method} {target} HTTP/1.1', 'Host: localhost']
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        lines.append('Content-Type: application/json')
    if body is not None:
        lines.append(f'Content-Length: {len(body)}')
    lines += [f'{name}: {value}' for name, value in (headers or {}).items()]
    return '\r\n'.join(lines).encode() + b'\r\n\r\n' + (body or b'')


class Parser:
    """Takes bytes, gives whole responses, in order."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data

    def take(self, is_head=False):
        """The next response, or None when it is not all here."""
        end = self.buffer.find(b'\r\n\r\n')
        if end < 0:
            return None
        head = bytes(self.buffer[:end])
        lower = head.lower()
        status = int(head[9:12])
        if is_head or status in (204, 304) or 100 <= status < 200:
            size = 0
        elif b'\r\ntransfer-encoding: chunked' in lower:
            return self.take_chunked(status, head, end + 4)
        else:
            at = lower.find(b'\r\ncontent-length:')
            if at < 0:
                return None
            size = int(lower[at + 17:].split(b'\r\n', 1)[0])
        if len(self.buffer) < end + 4 + size:
            return None
        body = bytes(self.buffer[end + 4:end + 4 + size])
        del self.buffer[:end + 4 + size]
        return Response(status, head, body)

    def take_chunked(self, status, head, at):
        body = b''
        while True:
            line = self.buffer.find(b'\r\n', at)
            if line < 0:
                return None
            size = int(bytes(self.buffer[at:line]).split(b';')[0], 16)
            if len(self.buffer) < line + 2 + size + 2:
                return None
            body += bytes(self.buffer[line + 2:line + 2 + size])
            at = line + 2 + size + 2
            if size == 0:
                del self.buffer[:at]
                return Response(status, head, body)


class Client:
    """One keep-alive connection. Opens again when the server has ended the last one by agreement."""

    def __init__(self, port, timeout_s=TIMEOUT_S):
        self.port = port
        self.timeout_s = timeout_s
        self.socket = None
        self.parser = Parser()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
            self.socket = None

    def connect(self):
        if self.socket is None:
            self.socket = socket.create_connection(('127.0.0.1', self.port), self.timeout_s)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.parser = Parser()
        return self.socket

    # ---- raw

    def send(self, data):
        self.connect().sendall(data)

    def receive(self, is_head=False):
        """The next response. ConnectionError when the server ends the connection first."""
        while True:
            response = self.parser.take(is_head)
            if response is not None and not 100 <= response.status < 200:
                return self.note_close(response)
            if response is None:
                data = self.connect().recv(RECEIVE_SIZE)
                if not data:
                    self.close()
                    raise ConnectionResetError('the server ended the connection')
                self.parser.feed(data)

    def note_close(self, response):
        if b'\r\nconnection: close' in response.head.lower():
            self.close()
        return response

    def is_closed_by_server(self):
        """True when the server ends the connection within the timeout and sends nothing more before."""
        try:
            return self.connect().recv(1) == b''
        except ConnectionResetError:
            return True

    # ---- requests

    def request(self, method, target, body=None, headers=None):
        self.send(request_bytes(method, target, body, headers))
        return self.receive(method == 'HEAD')

    def get(self, target, **headers):
        return self.request('GET', target, None, headers)

    def put(self, target, body, headers=None):
        return self.request('PUT', target, body, headers)

    def post(self, target, body=None, headers=None):
        return self.request('POST', target, body, headers)

    def delete(self, target, headers=None):
        return self.request('DELETE', target, None, headers)

    def pipeline(self, requests, window=256, on_response=None):
        """
        Sends `requests` (an iterable of bytes) with at most `window` unanswered, and returns the responses in order.
        With `on_response` each is handed over as it comes, and the number of them is returned.
        ConnectionError when the connection breaks; `self.answered` then says how many came.
        """
        responses = []
        take = on_response or responses.append
        source = iter(requests)
        self.answered = 0
        sent = 0
        waiting = bytearray()
        is_over = False
        self.connect().setblocking(False)
        try:
            while not is_over or sent > self.answered:
                while not is_over and sent - self.answered < window and len(waiting) < 1 << 18:
                    following = next(source, None)
                    if following is None:
                        is_over = True
                    else:
                        waiting += following
                        sent += 1
                if sent == self.answered:
                    continue
                self.exchange_some(waiting)
                while (response := self.parser.take()) is not None:
                    self.answered += 1
                    take(response)
        finally:
            if self.socket:
                self.socket.settimeout(self.timeout_s)
        return responses if on_response is None else self.answered

    def exchange_some(self, waiting):
        """Waits until bytes can be read or written, and moves some."""
        readable, writable, _ = select.select([self.socket], [self.socket] if waiting else [], [], self.timeout_s)
        if not readable and not writable:
            raise TimeoutError('the server neither reads nor answers')
        if writable:
            del waiting[:self.socket.send(memoryview(bytes(waiting[:1 << 17])))]
        if readable:
            data = self.socket.recv(RECEIVE_SIZE)
            if not data:
                self.close()
                raise ConnectionResetError('the server ended the connection')
            self.parser.feed(data)
