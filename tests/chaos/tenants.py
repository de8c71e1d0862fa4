"""What the fault server keeps for one application: its users, and what each request did to them."""

import copy
import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from provisioning.scim import paths

Document = dict[str, Any]


@dataclass
class Done:
    """The honest answer to a request, and its effect for the journal.

    `kind` is what a write does by its form (create, update, deactivate, reactivate, delete; find
    and read change nothing); `changed` whether the target is another one afterwards.
    """

    status: int
    body: Any = None
    kind: str = "read"
    remote_id: str = ""
    name: str = ""
    external_id: str = ""
    changed: bool = False


@dataclass
class Tenant:
    """`unique`: refuses a second user of one name. `deaf`: answers every search with everybody.

    `silent`: shows no account in the answer to a change of it.
    """

    unique: bool = False
    deaf: bool = False
    silent: bool = False
    users: dict[str, Document] = field(default_factory=dict)

    def serve(self, method: str, path: str, body: bytes) -> Done:
        parts = urlsplit(path)
        document = json.loads(body) if body else {}
        if parts.path == "/Users":
            if method == "POST":
                return self._create(document)
            return self._list(parse_qs(parts.query).get("filter", [""])[0])
        return self._one(method, unquote(parts.path.removeprefix("/Users/")), document)

    def _list(self, text: str) -> Done:
        attribute, value = _asked(text)
        found = [
            user
            for user in self.users.values()
            if self.deaf or str(user.get(attribute, "")).casefold() == value.casefold()
        ]
        told = {
            "name": value if attribute == "userName" else "",
            "external_id": value if attribute == "externalId" else "",
        }
        return Done(200, {"totalResults": len(found), "Resources": found}, kind="find", **told)

    def _create(self, document: Document) -> Done:
        told: dict[str, Any] = {
            "kind": "create",
            "name": document["userName"],
            "external_id": document.get("externalId", ""),
        }
        if self._taken(document):
            return Done(409, _error(409), **told)
        key = uuid.uuid4().hex
        self.users[key] = {**document, "id": key}
        return Done(201, self.users[key], remote_id=key, changed=True, **told)

    def _one(self, method: str, key: str, document: Document) -> Done:
        user = self.users.get(key)
        kind = _kind(method, document)
        if user is None:
            return Done(404, _error(404), kind=kind, remote_id=key)
        told: dict[str, Any] = {
            "kind": kind,
            "remote_id": key,
            "name": user["userName"],
            "external_id": user.get("externalId", ""),
        }
        if method == "GET":
            return Done(200, user, **told)
        if method == "DELETE":
            del self.users[key]
            return Done(204, changed=True, **told)
        new = {**document, "id": key} if method == "PUT" else patched(user, document)
        if self._taken(new, but=key):
            return Done(409, _error(409), **told)
        self.users[key] = new
        answer: dict[str, Any] = {"status": 204} if self.silent else {"status": 200, "body": new}
        return Done(**answer, changed=new != user, **told)

    def _taken(self, document: Document, but: str = "") -> bool:
        name = document["userName"].casefold()
        others = (user for key, user in self.users.items() if key != but)
        return self.unique and any(user["userName"].casefold() == name for user in others)


def patched(user: Document, message: Document) -> Document:
    document = copy.deepcopy(user)
    for operation in message["Operations"]:
        if "path" not in operation:
            document |= operation["value"]
        elif operation["op"] == "remove":
            paths.remove(document, paths.parse(operation["path"]))
        elif operation["op"] == "add" and isinstance(operation["value"], list):
            document.setdefault(operation["path"], []).extend(operation["value"])
        else:
            paths.put(document, paths.parse(operation["path"]), operation["value"])
    return document


def _kind(method: str, message: Document) -> str:
    if method != "PATCH":
        return {"GET": "read", "PUT": "update", "DELETE": "delete"}[method]
    switched = [_switch(operation) for operation in message["Operations"]]
    if len(switched) == 1 and switched[0] is not None:
        return "reactivate" if switched[0] else "deactivate"
    return "update"


def _switch(operation: Document) -> bool | None:
    """What `active` is set to, if the operation does just that."""
    value = operation.get("value")
    if operation.get("path") == "active":
        return bool(value)
    if "path" not in operation and isinstance(value, dict) and value.keys() == {"active"}:
        return bool(value["active"])
    return None


def _asked(text: str) -> tuple[str, str]:
    asked = re.fullmatch(r"(\w+) eq (.+)", text)
    return (asked[1], str(json.loads(asked[2]))) if asked else ("", "")


def _error(status: int) -> Document:
    return {"status": str(status), "detail": "No."}
