"""The fault server: SCIM tenants that fail at random and keep a journal that outlives the workers.

    python -m tests.chaos.server FOLDER SEED TENANTS

It says its port on the first line of its output and ends when its input is closed. FOLDER is that
of the orders; TENANTS is JSON, {"slug": {"unique": …, "deaf": …, "users": [documents]}}.
"""

import json
import random
import select
import socket
import socketserver
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.chaos.points import Orders
from tests.chaos.tenants import Done, Tenant

# A run that asks for more than this has gone round in circles: everything is refused then.
MOST_REQUESTS = 400_000
WRITES = {"create", "update", "deactivate", "reactivate", "delete"}
# (fault, weight). Those "after" have their effect and lose the answer in some way.
_FAULTS = (
    ("429-seconds", 1),
    ("429-date", 1),
    ("500", 4),
    ("502-html", 3),
    ("slow", 4),
    ("reset-before", 4),
    ("reset-after", 4),
    ("lost-after", 4),
    ("truncated-after", 4),
    ("mute-after", 1),
)
_SLOW = (0.02, 0.2)


class State:
    """Everything that the connections share."""

    def __init__(self, folder: Path, seed: int, tenants: dict[str, dict[str, Any]]) -> None:
        self.lock = threading.Lock()
        self.orders = Orders(folder)
        self.random = random.Random(seed)
        self.journal: list[dict[str, Any]] = []
        self.rate = 0.0
        # How long it stays mute: longer than a worker waits for an answer.
        self.mute = 1.0
        self.tenants: dict[str, Tenant] = {}
        for slug, options in tenants.items():
            users = [{**user, "id": uuid.uuid4().hex} for user in options.pop("users", [])]
            kept = {user["id"]: user for user in users}
            self.tenants[slug] = Tenant(**options, users=kept)

    def fault(self) -> str:
        with self.lock:
            if self.random.random() >= self.rate:
                return ""
            names, weights = zip(*_FAULTS, strict=True)
            return str(self.random.choices(names, weights)[0])

    def control(self, path: str, body: bytes) -> Any:
        """For the programme: what there is, and how often to fail from now on."""
        if path == "/_control/rate":
            told = json.loads(body)
            self.rate, self.mute = told["rate"], told["mute"]
        if path == "/_control/everything":
            users = {slug: list(tenant.users.values()) for slug, tenant in self.tenants.items()}
            return {"journal": self.journal, "users": users}
        return {"requests": len(self.journal)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: State

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/_control/"):
            self._send(200, self.state.control(self.path, body))
            return
        entry: dict[str, Any] = {
            "began": time.time(),
            "method": self.command,
            "pid": _pid(self.headers.get("User-Agent", "")),
            "fault": self.state.fault(),
            "correlation": self.headers.get("X-Correlation-ID", ""),
        }
        self._serve(entry, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _serve(self, entry: dict[str, Any], body: bytes) -> None:
        fault = entry["fault"]
        if fault in _REFUSALS:
            self._note(entry, body, effect=False)
            _REFUSALS[fault](self)
        elif fault == "reset-before":
            self._note(entry, body, effect=False)
            self._reset()
        else:
            if fault == "slow":
                time.sleep(random.uniform(*_SLOW))
            done = self._note(entry, body, effect=True)
            if done.changed:
                self.state.orders.reached("effect", by=entry["pid"])
            # Before the answer leaves: the client may send the next request the moment it comes.
            entry["ended"] = time.time()
            _AFTER.get(fault, Handler._honest)(self, done)
            if fault == "mute-after":
                entry["ended"] = time.time()

    def _note(self, entry: dict[str, Any], body: bytes, *, effect: bool) -> Done:
        """Do it, or find out what it would have done, and write it down before it is answered."""
        slug, path = self.path[1:].split("/", 1)
        tenant = self.state.tenants[slug]
        with self.state.lock:
            if len(self.state.journal) >= MOST_REQUESTS:
                raise ConnectionAbortedError
            held = dict(tenant.users)
            done = tenant.serve(self.command, f"/{path}", body)
            if not effect:
                tenant.users = held
                done.changed, done.status = False, 0
            entry |= {
                "app": slug,
                "at": time.time(),
                "ended": time.time(),
                "status": done.status,
                "kind": done.kind,
                "remote_id": done.remote_id,
                "name": done.name,
                "external_id": done.external_id,
                "changed": done.changed,
            }
            self.state.journal.append(entry)
        return done

    # ------------------------------------------------------------------ the ways to answer

    def _honest(self, done: Done) -> None:
        self._send(done.status, done.body)

    def _truncated(self, done: Done) -> None:
        self.close_connection = True
        if done.body is None:
            return
        content = json.dumps(done.body).encode()
        self.send_response(done.status)
        self.send_header("Content-Length", str(len(content) + 10))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])

    def _lost(self, done: Done) -> None:
        self.close_connection = True

    def _reset(self, done: Done | None = None) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        # Without a shutdown before it, so that the client gets a reset and no orderly end.
        socket.close(self.connection.detach())
        self.close_connection = True

    def _mute(self, done: Done) -> None:
        """Say nothing until the client gives up; the request is under way no longer than that."""
        select.select([self.connection], [], [], self.state.mute)
        self.close_connection = True

    def _busy_seconds(self) -> None:
        self._send(429, {"detail": "Slower."}, Retry_After="1")

    def _busy_date(self) -> None:
        self._send(429, {"detail": "Slower."}, Retry_After=formatdate(time.time() + 1, usegmt=True))

    def _broken(self) -> None:
        self._send(500, {"detail": "Broken."})

    def _web_page(self) -> None:
        page = b"<!doctype html><html><body>Bad gateway</body></html>"
        self._send(502, page, Content_Type="text/html")

    def _send(self, status: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        if body is None:
            content = b""
        self.send_response(status)
        for name, value in {"Content_Type": "application/scim+json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


_REFUSALS: dict[str, Callable[[Handler], None]] = {
    "429-seconds": Handler._busy_seconds,
    "429-date": Handler._busy_date,
    "500": Handler._broken,
    "502-html": Handler._web_page,
}
_AFTER: dict[str, Callable[[Handler, Done], None]] = {
    "reset-after": Handler._reset,
    "lost-after": Handler._lost,
    "truncated-after": Handler._truncated,
    "mute-after": Handler._mute,
}


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients die in the middle here: that is what this is for."""


def _pid(user_agent: str) -> int:
    """The workers say which process they are (tests/chaos/workers.py)."""
    last = user_agent.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


def main() -> None:
    folder, seed, tenants = sys.argv[1:]
    Handler.state = State(Path(folder), int(seed), json.loads(tenants))
    with _Listener(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        sys.stdout.write(f"{listener.server_address[1]}\n")
        sys.stdout.flush()
        # The programme holds the other end; when it is gone, whatever the reason, so is this.
        sys.stdin.read()
        listener.shutdown()


if __name__ == "__main__":
    main()
