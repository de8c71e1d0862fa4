"""Stands between the product and a service, passes everything on, and counts it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import urllib3

from tests.support.servers import HttpServer, Reply

# Beyond this nothing is passed on: a product that never stops asking ends nevertheless.
MOST_REQUESTS = 1_500

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True)
class Entry:
    method: str
    path: str
    status: int


class Journal(HttpServer):
    """`base_url` is where the product finds the service."""

    def __init__(self, service: str) -> None:
        super().__init__(self._pass_on)
        origin, slash, path = service.removeprefix("http://").partition("/")
        self.base_url = f"{self.url}{slash}{path}"
        self.entries: list[Entry] = []
        self._service = f"http://{origin}"
        self._lock = threading.Lock()
        self._pool = urllib3.PoolManager(maxsize=8, retries=False)

    def _pass_on(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if len(self.entries) >= MOST_REQUESTS:
            return Reply(503)
        answer = self._pool.request(
            method,
            f"{self._service}{path}",
            body=body or None,
            headers=_kept(headers),
            redirect=False,
            decode_content=False,
            timeout=30,
        )
        with self._lock:
            self.entries.append(Entry(method, path, answer.status))
        return Reply(answer.status, answer.data, _kept(answer.headers))


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _NOT_PASSED_ON}
