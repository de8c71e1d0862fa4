"""Connections to other systems: where to, until when, and with whose leave. Below `http`."""

import http.client
import io
import socket
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from ipaddress import ip_address
from time import monotonic
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from provisioning.addresses import refusal
from provisioning.errors import Misconfigured, Unavailable

AGAIN = "Gatehouse tries again by itself."

# When the request that this thread is making has to be over, on the monotonic clock.
_ends: ContextVar[float] = ContextVar("ends")
# What has to agree before a byte of that request is sent.
_leave: ContextVar[Callable[[], None] | None] = ContextVar("leave")


def begin(*, ends: float, leave: Callable[[], None] | None) -> None:
    """What holds for the next request of this thread; reading needs no leave."""
    _ends.set(ends)
    _leave.set(leave)


class NoLeave(Exception):
    """The request may not be sent any more; holds why."""


class _WithinDeadline(io.RawIOBase):
    """What arrives on a socket, each piece within the read time-out and all within the deadline.

    A time-out alone starts anew with every byte: a server that sent one byte in half a second
    held `requests` with timeout=2 for 50 s (measured, 2026-11).
    """

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._patience = sock.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_time_left(self._patience))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = io.BufferedReader(_WithinDeadline(self.fp.detach(), sock))

    def begin(self) -> None:
        """Skip 102 and 103 as well as 100; http.client takes them for the answer."""
        super().begin()
        while 101 < self.status < 200:
            self.headers = None  # type: ignore[assignment]
            super().begin()


class _Http(HTTPConnection):
    response_class = _Answer

    def __init__(
        self, *args: Any, internal: bool, trusted: Callable[[str], None], **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self._internal = internal
        # Told until when the certificate is good, in the words of the certificate.
        self._trusted = trusted

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers, after a look at each.

        The address looked at is the very one connected to, so the name cannot turn into another
        one in between. A refused one is not even knocked at: nobody can map the network with this.
        """
        problem: OSError | None = None
        for family, kind, protocol, _, address in self._addresses():
            if reason := refusal(self.host, ip_address(address[0]), internal=self._internal):
                raise Misconfigured(reason)
            sock = socket.socket(family, kind, protocol)
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.settimeout(_time_left(self.timeout))
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                problem = error
        raise Unavailable(f"{_no_connection(self.host, problem)} {AGAIN}") from problem

    def send(self, data: Any) -> None:
        """Ask for leave when the connection stands, not before: making it can take seconds.

        In between the process may also have been frozen for as long as you like.
        """
        if self.sock is None:
            self.connect()
        if leave := _leave.get():
            try:
                leave()
            except Exception as error:
                # urllib3 would take some for a broken connection.
                raise NoLeave(error) from error
        super().send(data)

    def _addresses(self) -> list[Any]:
        try:
            return socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable(
                f"The name {self.host} was not found. Check the address for typing errors, and "
                f"that this machine can look up names. {AGAIN}"
            ) from error


class _Https(_Http, HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        certificate = self.sock.getpeercert() if isinstance(self.sock, ssl.SSLSocket) else None
        if certificate:
            self._trusted(str(certificate["notAfter"]))


class HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


def _no_connection(host: str, problem: OSError | None) -> str:
    if isinstance(problem, TimeoutError):
        return f"{host} did not accept a connection in time."
    if isinstance(problem, ConnectionRefusedError):
        return f"{host} refused the connection. Check that it is running, and the port."
    return f"{host} cannot be reached from this machine. Check the network between them."


def _time_left(at_most: float | None) -> float:
    """Seconds that the next step may take. Raises TimeoutError when the deadline is over."""
    left = _ends.get() - monotonic()
    if left <= 0:
        raise TimeoutError
    return left if at_most is None else min(left, at_most)
