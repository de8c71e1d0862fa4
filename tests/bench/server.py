"""The application of a bench run: a small, fast SCIM server in a process of its own.

It keeps connections open, sends without delay (Nagle off) and finds by dictionary, so that the
hundred-thousandth account costs it what the first one did. A path begins with the tenant:
/zoom/Users. The tenant “dead” takes requests and never answers; those that begin with “far” answer
after 50 ms.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote
from urllib.request import urlopen

_ASKED = re.compile(r'filter=(\w+) eq "([^"]*)"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REASON = {200: b"OK", 201: b"Created", 409: b"Conflict"}
_DEAD = "dead"
FAR = "far"
_AWAY = 0.05

# {tenant: {user name: account}}
_by_name: dict[str, dict[str, dict[str, Any]]] = {}
# (when, tenant, method, user name or id) of every request, on the clock that all processes share.
_journal: list[tuple[float, str, str, str]] = []


class _Connection(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        # asyncio switches Nagle's algorithm off by itself.
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while True:
            head, end, rest = self._received.partition(b"\r\n\r\n")
            length = int(found[1]) if (found := _LENGTH.search(head)) else 0
            if not end or len(rest) < length:
                return
            self._received = rest[length:]
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self._answer(method, target, rest[:length])

    def _answer(self, method: str, target: str, body: bytes) -> None:
        answer = _answered(method, target, body)
        if answer is None:
            return
        status, content = answer
        raw = b"" if content is None else json.dumps(content).encode()
        told = (
            b"HTTP/1.1 %d %s\r\nContent-Type: application/scim+json\r\nContent-Length: %d\r\n\r\n%s"
            % (status, _REASON[status], len(raw), raw)
        )
        if target.startswith(f"/{FAR}"):
            asyncio.get_running_loop().call_later(_AWAY, self._transport.write, told)
        else:
            self._transport.write(told)


def _answered(method: str, target: str, body: bytes) -> tuple[int, Any] | None:
    """Status and content; None for no answer, ever."""
    path, _, query = target.partition("?")
    _, tenant, *more = path.split("/")
    if tenant == "_count":
        return 200, {"requests": len(_journal), "accounts": sum(map(len, _by_name.values()))}
    if tenant == "_journal":
        return 200, _journal
    if tenant == "_forget":
        _by_name.clear()
        _journal.clear()
        return 200, {}
    now = time.monotonic()
    if method == "POST":
        return _created(now, tenant, json.loads(body))
    if method == "GET" and len(more) == 1:
        return _listed(now, tenant, unquote(query))
    key = more[-1]
    _journal.append((now, tenant, method, key))
    if tenant == _DEAD:
        return None
    # Of what a PATCH has changed, the engine asks only for this to be shown.
    operations = json.loads(body)["Operations"] if method == "PATCH" else []
    switched = [("active", each["value"]) for each in operations if each.get("path") == "active"]
    return 200, {"id": key, **dict(switched)}


def _created(now: float, tenant: str, document: dict[str, Any]) -> tuple[int, Any] | None:
    name = document["userName"]
    _journal.append((now, tenant, "POST", name))
    if tenant == _DEAD:
        return None
    held = _by_name.setdefault(tenant, {})
    if name in held:
        return 409, {"status": "409", "scimType": "uniqueness"}
    made = {**document, "id": f"{tenant}-{len(held)}"}
    held[name] = made
    return 201, made


def _listed(now: float, tenant: str, query: str) -> tuple[int, Any] | None:
    asked = _ASKED.search(query)
    name = asked[2] if asked and asked[1] == "userName" else ""
    _journal.append((now, tenant, "GET", name))
    if tenant == _DEAD:
        return None
    found = _by_name.get(tenant, {}).get(name)
    resources = [found] if found else []
    return 200, {"totalResults": len(resources), "Resources": resources}


class Server:
    """The server as the bench sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def counted(self) -> dict[str, int]:
        found: dict[str, int] = self._ask("_count")
        return found

    def journal(self) -> list[tuple[float, str, str, str]]:
        """(when, tenant, method, user name or id) of every request since the last `forget`."""
        return [(when, *rest) for when, *rest in self._ask("_journal")]

    def forget(self) -> None:
        """Begin anew: no accounts, no journal."""
        self._ask("_forget")

    def _ask(self, what: str) -> Any:
        with urlopen(f"{self.url}/{what}", timeout=60) as answer:  # noqa: S310 - our own server
            return json.load(answer)


@contextlib.contextmanager
def running() -> Iterator[Server]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.server"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Server(process.stdout.readline().strip())
    finally:
        process.kill()
        process.communicate()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=256)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
