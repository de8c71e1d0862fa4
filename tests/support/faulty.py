"""A small SCIM server in memory that keeps a journal and fails in the ways it is told to."""

import json
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from provisioning.scim import filters, matching, patching
from tests.support.faulty_groups import FaultyGroups
from tests.support.servers import HttpServer, Reply, json_reply
from tests.support.target import CORE_USER, TOKEN, Document

# Given what does and answers the request as an honest server would.
Fault = Callable[[Callable[[], Reply]], Reply]


def answer(status: int, body: Any = None, **headers: str) -> Fault:
    """This answer, and no effect. `Retry_After="5"` is the header Retry-After."""
    reply = _reply(status, body, headers)
    return lambda serve: reply


def effect_then(status: int, body: Any = None, **headers: str) -> Fault:
    """Do it, but give this answer."""
    reply = _reply(status, body, headers)

    def fault(serve: Callable[[], Reply]) -> Reply:
        serve()
        return reply

    return fault


def lose_answer(serve: Callable[[], Reply]) -> Reply:
    """Do it, and close the connection without an answer."""
    serve()
    raise ConnectionAbortedError


def lose_request(serve: Callable[[], Reply]) -> Reply:
    """Close the connection before anything is done."""
    raise ConnectionAbortedError


def html(status: int) -> tuple[int, bytes]:
    """For `answer` and `effect_then`: a web page with this status."""
    return status, b"<!doctype html><html><body>Please sign in</body></html>"


# Given everybody who was asked for, startIndex and count: the body of the answer.
Paging = Callable[[list[Document], int, int], Document]


def pages(most: int = 1000) -> Paging:
    """Honest pages of at most so many, whatever was asked for (RFC 7644 3.4.2.4)."""

    def page(found: list[Document], start: int, count: int) -> Document:
        shown = found[max(start, 1) - 1 :][: max(0, min(count, most))]
        return {
            "totalResults": len(found),
            "startIndex": start,
            "itemsPerPage": len(shown),
            "Resources": shown,
        }

    return page


def lying(change: Callable[[Document, int, int], None], *, most: int) -> Paging:
    """Honest pages, changed by `change`, which is given the body, startIndex and the real total."""

    def page(found: list[Document], start: int, count: int) -> Document:
        body = pages(most)(found, start, count)
        change(body, start, len(found))
        return body

    return page


def start_ignored(most: int) -> Paging:
    """The first page, whatever was asked for."""
    return lambda found, start, count: pages(most)(found, 1, count)


def _reply(status: int, body: Any, headers: Mapping[str, str]) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        return Reply(status, body, {"Content-Type": "text/html", **named})
    if body is None:
        return Reply(status, b"", named)
    return Reply(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


@dataclass
class _Planned:
    method: str
    about: str
    fault: Fault
    times: float


class FaultyScim(HttpServer):
    """Reads like a `Target`, but needs no request for it.

    `unique` says whether two users may have one user name; `ignores_filter` answers every search
    with everybody; the ids in `hidden` are never found by a search; `paging` makes the pages of
    a list. What `groups` does wrong is said there.
    """

    def __init__(self, *, unique: bool = True, port: int = 0) -> None:
        super().__init__(self._handle, port=port)
        self.base_url = self.url
        self.token = TOKEN
        self.unique = unique
        self.ignores_filter = False
        self.hidden: set[str] = set()
        self.paging = pages()
        self.stored: dict[str, Document] = {}
        self.groups = FaultyGroups(self.stored.keys())
        self._faults: list[_Planned] = []
        self._lock = threading.Lock()

    # ------------------------------------------------------------------- for the test to say

    def on(
        self, method: str, fault: Fault, *, about: str = "", times: float = float("inf")
    ) -> None:
        """Fail requests of this method ("*" for all) that hold the text `about` somewhere."""
        self._faults.append(_Planned(method, about, fault, times))

    def heal(self) -> None:
        self._faults.clear()

    def add(self, name: str, /, **attributes: Any) -> Document:
        """A user that somebody makes in the application itself."""
        return self._store({"schemas": [CORE_USER], "active": True, "userName": name, **attributes})

    # ------------------------------------------------------------------- for the test to ask

    @property
    def journal(self) -> list[str]:
        """Every request so far, such as "GET /Users" and "PATCH /Users/…"."""
        return [f"{request.method} {_pattern(request.path)}" for request in self.requests]

    @property
    def sizes(self) -> list[int]:
        """How many bytes the body of each of them had."""
        return [len(request.body) for request in self.requests]

    @property
    def writes(self) -> list[str]:
        return [line for line in self.journal if not line.startswith("GET")]

    def users(self) -> list[Document]:
        return list(self.stored.values())

    def names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users())

    def active_names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users() if user.get("active"))

    def user(self, name: str) -> Document:
        (found,) = [user for user in self.users() if user["userName"] == name]
        return found

    # -------------------------------------------------------------------------- the server

    def _handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._lock:
            fault = self._fault(method, f"{unquote(path)} {body.decode()}")
            if fault is not None:
                return fault(lambda: self._serve(method, path, headers, body))
            return self._serve(method, path, headers, body)

    def _fault(self, method: str, text: str) -> Fault | None:
        for planned in self._faults:
            if planned.method in {method, "*"} and planned.about in text and planned.times > 0:
                planned.times -= 1
                return planned.fault
        return None

    def _serve(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if headers.get("Authorization") != f"Bearer {self.token}":
            return _error(401, "The token is not valid.")
        parts = urlsplit(path)
        if parts.path.startswith(("/Groups", "/Schemas/")):
            return self.groups.serve(method, path, body, paging=self.paging)
        if parts.path == "/Users":
            if method == "POST":
                return self._create(json.loads(body))
            return self._list({key: values[0] for key, values in parse_qs(parts.query).items()})
        found = self.stored.get(unquote(parts.path.removeprefix("/Users/")))
        if found is None:
            return _error(404, "Not found.")
        match method:
            case "PUT":
                return self._replace(found["id"], json.loads(body))
            case "PATCH":
                return self._replace(found["id"], patching.applied(found, json.loads(body)))
            case "DELETE":
                del self.stored[found["id"]]
                return Reply(204)
        return json_reply(found)

    def _list(self, query: Mapping[str, str]) -> Reply:
        found = [user for user in self.users() if self._shown(user, query.get("filter", ""))]
        start, count = int(query.get("startIndex", 1)), int(query.get("count", 1000))
        return json_reply(self.paging(found, start, count))

    def _shown(self, user: Document, text: str) -> bool:
        if not text or self.ignores_filter:
            return True
        return user["id"] not in self.hidden and matching.matches(filters.parse(text), user)

    def _create(self, document: Document) -> Reply:
        if self._taken(document):
            return _error(409, "A user with this name already exists.")
        return json_reply(self._store(document), status=201)

    def _replace(self, key: str, document: Document) -> Reply:
        if self._taken(document, but=key):
            return _error(409, "A user with this name already exists.")
        self.stored[key] = {**document, "id": key}
        return json_reply(self.stored[key])

    def _taken(self, document: Document, but: str = "") -> bool:
        name = document["userName"].casefold()
        others = [user for user in self.users() if user["id"] != but]
        return self.unique and name in {user["userName"].casefold() for user in others}

    def _store(self, document: Document) -> Document:
        key = uuid.uuid4().hex
        self.stored[key] = {**document, "id": key}
        return self.stored[key]


def _pattern(path: str) -> str:
    return re.sub("(/Users/|/Groups/).+", r"\1…", path.partition("?")[0])


def _error(status: int, detail: str) -> Reply:
    # Without a scimType, as many servers answer.
    return json_reply({"status": str(status), "detail": detail}, status=status)
