"""What all emulated vendors share: rules with their sources, limits, and two kinds of resources.

A rule says what a request must be like. One that breaks it is answered as the vendor would, and
stands in `violations`, which fails the test: `held_to_its_rules`.
"""

import json
import math
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from provisioning.scim import patching
from provisioning.scim.messages import CORE_USER, ERROR, LIST_RESPONSE, PATCH_OP
from provisioning.scim.schema import CORE_GROUP
from tests.support.servers import HttpServer, Reply, json_reply
from tests.support.target import TOKEN, Document

Resources = dict[str, Document]
WRITES = "(POST|PUT|PATCH|DELETE)"


@dataclass(frozen=True)
class Asked:
    """One request. `place` is "/Users", "/Users/…" or whatever else stands behind the base URL."""

    method: str
    path: str
    place: str
    key: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    text: str
    # None if the text is no JSON, {} if there is none.
    body: Any

    @property
    def operation(self) -> str:
        return f"{self.method} {self.place}"

    @property
    def document(self) -> Document:
        return self.body if isinstance(self.body, dict) else {}

    @property
    def operations(self) -> list[Document]:
        """Those of a PATCH."""
        listed = self.document.get("Operations")
        return [each for each in listed if isinstance(each, dict)] if listed else []

    def parameter(self, name: str, otherwise: str = "") -> str:
        return self.query.get(name, [otherwise])[0]


@dataclass(frozen=True)
class Example:
    """A request that breaks a rule."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """What the vendor asks of the operations that `on` matches as a whole.

    `broken_by` is a request that breaks it, so that a test can show that the rule does something.
    """

    says: str
    source: str
    on: str
    kept: Callable[[Asked], bool]
    broken_by: Example
    status: int = 400


@dataclass
class Clock:
    """The vendor's own clock, in seconds. It stands still until a test moves it."""

    now: float = 0.0

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Limit:
    """So many of the matching operations in `per` seconds, and `burst` of them at once."""

    on: str
    most: float
    per: float
    burst: float
    _left: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._left = self.burst

    def wait(self, operation: str, now: float) -> float:
        """Seconds until this is taken; 0 if it is taken now, which then counts."""
        if not re.fullmatch(self.on, operation):
            return 0.0
        each = self.per / self.most
        self._left = min(self.burst, self._left + (now - self._at) / each)
        self._at = now
        if self._left >= 1:
            self._left -= 1
            return 0.0
        return (1 - self._left) * each


class Vendor(HttpServer):
    """Reads like a `Target`, but needs no request for it."""

    prefix: ClassVar[str] = "/scim/v2"
    # What there is, such as "GET /Users" and "PATCH /Users/…".
    operations: ClassVar[frozenset[str]]
    # Whole paths that are not below the base URL.
    beside: ClassVar[frozenset[str]] = frozenset()
    rules: tuple[Rule, ...]

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.base_url = f"{self.url}{self.prefix}"
        self.token = TOKEN
        self.clock = Clock()
        self.limits: list[Limit] = []
        self.violations: list[str] = []
        self.people: Resources = {}
        self.crews: Resources = {}
        self._lock = threading.Lock()

    # ------------------------------------------------------------------- for the test to use

    def add(self, name: str, /, **attributes: Any) -> Document:
        """A user that somebody makes in the application itself."""
        own = {"schemas": [CORE_USER], "userName": name, "active": True}
        return self.store(self.people, {**own, **attributes})

    def add_group(self, name: str, *members: str, **attributes: Any) -> Document:
        """A group that somebody makes in the application itself."""
        held = {"members": [{"value": each} for each in members]} if members else {}
        own = {"schemas": [CORE_GROUP], "displayName": name}
        return self.store(self.crews, {**own, **held, **attributes})

    def take_violations(self) -> list[str]:
        """What was done wrong so far, for a test that is about it."""
        taken, self.violations[:] = list(self.violations), []
        return taken

    @property
    def journal(self) -> list[str]:
        """Every request so far, such as "GET /Users" and "PATCH /Users/…"."""
        return [f"{each.method} {self._place(each.path)[0]}" for each in self.requests]

    @property
    def writes(self) -> list[str]:
        return [line for line in self.journal if re.match(f"{WRITES} /(Users|Groups)", line)]

    def users(self) -> list[Document]:
        return [copied(user) for user in self.people.values()]

    def names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users())

    def active_names(self) -> list[str]:
        return sorted(user["userName"] for user in self.users() if user.get("active"))

    def user(self, name: str) -> Document:
        (found,) = [user for user in self.users() if user["userName"] == name]
        return found

    def members(self, name: str) -> set[str]:
        """The ids of those in the group."""
        (found,) = [crew for crew in self.crews.values() if crew["displayName"] == name]
        return {member["value"] for member in found.get("members", [])}

    # ------------------------------------------------------------ for the vendor to fill in

    def error(self, status: int, detail: str) -> Reply:
        """As RFC 7644 3.12 has it."""
        said = {"schemas": [ERROR], "detail": detail, "status": str(status)}
        return json_reply(said, status=status)

    def knows(self, asked: Asked) -> bool:
        return asked.headers.get("Authorization") == f"Bearer {self.token}"

    def unknown(self) -> Reply:
        return self.error(401, "Unauthorized")

    def too_many(self, seconds: float) -> Reply:
        reply = self.error(429, "Too many requests")
        headers = {**reply.headers, "Retry-After": str(math.ceil(seconds))}
        return Reply(reply.status, reply.body, headers)

    def serve(self, asked: Asked) -> Reply:
        resources = self.crews if asked.place.startswith("/Groups") else self.people
        if not asked.key:
            return (self.create if asked.method == "POST" else self.listed)(asked, resources)
        if asked.key not in resources:
            return self.error(404, "Resource not found.")
        match asked.method:
            case "PUT":
                return self.put(asked, resources)
            case "PATCH":
                return self.patch(asked, resources)
            case "DELETE":
                return self.delete(asked, resources)
        return json_reply(self.shown(resources[asked.key]))

    def shown(self, document: Document) -> Document:
        return copied(document)

    def listed(self, asked: Asked, resources: Resources) -> Reply:
        raise NotImplementedError

    def create(self, asked: Asked, resources: Resources) -> Reply:
        if self.taken(asked.document, resources):
            return self.error(409, "Already exists.")
        return json_reply(self.shown(self.store(resources, asked.document)), status=201)

    def put(self, asked: Asked, resources: Resources) -> Reply:
        return self.replace(asked, resources, {**asked.document, "id": asked.key})

    def patch(self, asked: Asked, resources: Resources) -> Reply:
        try:
            changed = patching.applied(resources[asked.key], asked.document)
        except patching.PatchError as error:
            return self.error(400, str(error))
        return self.replace(asked, resources, changed)

    def delete(self, asked: Asked, resources: Resources) -> Reply:
        del resources[asked.key]
        return Reply(204)

    def replace(self, asked: Asked, resources: Resources, document: Document) -> Reply:
        if self.taken(document, resources, but=asked.key):
            return self.error(409, "Already exists.")
        if resources is self.crews and not _ids(document) <= self.people.keys():
            return self.error(400, "A member does not exist.")
        resources[asked.key] = document
        return Reply(204) if resources is self.crews else json_reply(self.shown(document))

    # --------------------------------------------------------------------------- the server

    def store(self, resources: Resources, document: Document) -> Document:
        key = self.new_id()
        resources[key] = {**document, "id": key}
        return resources[key]

    def new_id(self) -> str:
        return str(uuid.uuid4())

    def taken(self, document: Document, resources: Resources, but: str = "") -> bool:
        name = "displayName" if resources is self.crews else "userName"
        others = {each[name].casefold() for key, each in resources.items() if key != but}
        return str(document.get(name, "")).casefold() in others

    def violated(self, asked: Asked, says: str, status: int = 400) -> Reply:
        """Take note of it, and answer as the vendor would."""
        self.violations.append(f"{says}: {asked.method} {asked.path} {asked.text}")
        return self.error(status, says)

    def _handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._lock:
            place, key = self._place(path)
            query = parse_qs(urlsplit(path).query, keep_blank_values=True)
            text = body.decode()
            return self._answer(
                Asked(method, path, place, key, query, headers, text, _parsed(text))
            )

    def _answer(self, asked: Asked) -> Reply:
        if not self.knows(asked):
            return self.unknown()
        waits = [limit.wait(asked.operation, self.clock.now) for limit in self.limits]
        if any(waits):
            return self.too_many(max(waits))
        if asked.operation not in self.operations:
            return self.violated(asked, "There is no such operation", 404)
        for rule in self.rules:
            if re.fullmatch(rule.on, asked.operation) and not rule.kept(asked):
                return self.violated(asked, rule.says, rule.status)
        return self.serve(asked)

    def _place(self, path: str) -> tuple[str, str]:
        """What stands behind the base URL without its query, and the id in it."""
        whole = urlsplit(path).path
        place = whole.removeprefix(self.prefix)
        found = re.fullmatch("(/Users|/Groups)/([^/]+)", place)
        if whole in self.beside:
            return whole, ""
        if place == whole:
            return f"{whole}, which is not below the base URL", ""
        return (f"{found[1]}/…", unquote(found[2])) if found else (place, "")


Kind = TypeVar("Kind", bound=Vendor)


@contextmanager
def held_to_its_rules(vendor: Kind) -> Iterator[Kind]:
    """Fails the test if a request broke one of the vendor's rules."""
    with vendor:
        yield vendor
    assert not vendor.violations, "\n".join(vendor.violations)


# -------------------------------------------------------------------------------- for the rules


def is_patch_op(asked: Asked) -> bool:
    listed = asked.document.get("Operations")
    schemas = asked.document.get("schemas")
    return schemas == [PATCH_OP] and isinstance(listed, list) and asked.operations == listed != []


def names_changed(asked: Asked) -> list[str]:
    """The top-level attribute, or the extension, of each value that a PATCH changes."""
    changed: list[str] = []
    for operation in asked.operations:
        path, value = operation.get("path"), operation.get("value")
        if path:
            changed.append(_attribute(str(path)))
        elif isinstance(value, dict):
            changed += [_attribute(name) for name in value]
    return changed


def members_changed(asked: Asked) -> int:
    """How many members a request adds, removes or brings along."""
    if asked.method == "POST":
        return len(asked.document.get("members") or [])
    changed = 0
    for operation in asked.operations:
        path, value = str(operation.get("path") or ""), operation.get("value")
        if not path and isinstance(value, dict):
            value = value.get("members")
        elif not path.startswith("members"):
            continue
        changed += len(value) if isinstance(value, list) else 1
    return changed


def index_page(
    found: Sequence[Document], asked: Asked, *, otherwise: int, most: int
) -> dict[str, Any]:
    """By startIndex and count (RFC 7644 3.4.2.4)."""
    start = max(1, int(asked.parameter("startIndex", "1")))
    count = min(most, int(asked.parameter("count", str(otherwise))))
    shown = found[start - 1 :][:count]
    return {
        "schemas": [LIST_RESPONSE],
        "totalResults": len(found),
        "startIndex": start,
        "itemsPerPage": len(shown),
        "Resources": list(shown),
    }


def copied(document: Document) -> Document:
    again: Document = json.loads(json.dumps(document))
    return again


def _attribute(path: str) -> str:
    if path.lower().startswith("urn:"):
        # The extension with what is in it: the name ends behind the version and the type.
        return re.sub(r"(:\d\.\d:[A-Za-z]+).*", r"\1", path)
    return re.split(r"[.\[]", path)[0]


def _ids(document: Document) -> set[str]:
    return {str(member.get("value")) for member in document.get("members") or []}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return None
