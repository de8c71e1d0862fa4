"""Small HTTP and raw servers on 127.0.0.1, with TLS if wanted, for tests over real sockets."""

import datetime
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
from urllib3 import HTTPHeaderDict


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What arrived. `headers` ignores case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Handler = Callable[[str, str, Mapping[str, str], bytes], Reply]
# Given the connection after the head of a request has been read from it; it is closed afterwards.
Behaviour = Callable[[socket.socket], None]


def json_reply(value: Any, *, status: int = 200, content_type: str = "application/json") -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": content_type})


class Authority:
    """A certificate authority of a test's own."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    @property
    def pem(self) -> str:
        """Its certificate, for a client."""
        return self._ca.cert_pem.bytes().decode()

    def write(self, folder: Path) -> str:
        """The path of the CA file, for a client."""
        path = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(path)
        return str(path)

    def server(self, *names: str, not_after: datetime.datetime | None = None) -> ssl.SSLContext:
        """What a server needs to be one of `names`, expired if `not_after` is in the past."""
        not_before = not_after - datetime.timedelta(days=9) if not_after else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = self._ca.issue_cert(*names, not_before=not_before, not_after=not_after)
        certificate.configure_cert(context)
        return context


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    # A test may start a server where another one has just stopped.
    allow_reuse_address = True
    tls: ssl.SSLContext | None = None
    connections = 0

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.connections += 1
        if self.tls:
            # The handshake comes with the first read, in the thread of this connection.
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: a client that leaves early is what many of the tests are about."""


class _Serving:
    """A listener in a thread of its own, from `with` to the end of it."""

    def __init__(
        self,
        handler: type[socketserver.BaseRequestHandler],
        tls: ssl.SSLContext | None,
        port: int = 0,
    ) -> None:
        self._listener = _Listener(("127.0.0.1", port), handler)
        self._listener.tls = tls
        self.port: int = self._listener.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many times somebody has connected."""
        return self._listener.connections

    def __enter__(self) -> Self:
        threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.shutdown()
        self._listener.server_close()


class HttpServer(_Serving):
    """Answers every request with what `handler` returns, and remembers the requests.

    If `handler` raises, the connection is closed without an answer.
    """

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.requests: list[Request] = []
        # The time that it tells, if not the real one.
        self.clock = ""
        requests, server = self.requests, self

        class Answering(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = HTTPHeaderDict(self.headers.items())
                requests.append(Request(self.command, self.path, headers, body))
                reply = handler(self.command, self.path, headers, body)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in reply.headers and reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

            def date_time_string(self, timestamp: float | None = None) -> str:
                return server.clock or super().date_time_string(timestamp)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing on the terminal."""

        super().__init__(Answering, tls, port)


class RawServer(_Serving):
    """Reads the head of one request per connection, then does whatever `behaviour` does."""

    def __init__(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> None:
        class Behaving(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                while self.rfile.readline().strip():
                    pass
                behaviour(self.connection)

        super().__init__(Behaving, tls)


def never_answer(connection: socket.socket) -> None:
    """Hold the connection until the client gives up."""
    while connection.recv(65_536):
        pass


def reset(connection: socket.socket) -> None:
    """Break the connection off instead of closing it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())


def send(data: bytes) -> Behaviour:
    """Send these bytes as they are, and close."""
    return lambda connection: connection.sendall(data)


def drip(start: bytes, *, piece: bytes = b"1", pause: float = 0.05) -> Behaviour:
    """Send `start`, and then `piece` every `pause` seconds until the client gives up."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)
            time.sleep(pause)

    return behave


def pour(start: bytes, piece: bytes) -> Behaviour:
    """Send `start`, and then `piece` again and again until the client gives up."""
    return drip(start, piece=piece, pause=0)
