"""The groups of a FaultyScim, with a switch for each way in which real services misbehave."""

import json
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from provisioning.scim import filters, matching, patching, paths
from provisioning.scim.patching import PatchError
from tests.support.servers import Reply, json_reply
from tests.support.target import Document

CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"

Page = Callable[[list[Document], int, int], Document]


@dataclass
class FaultyGroups:
    """Honest, until a switch is set. `accounts` are the ids that may be members."""

    accounts: Collection[str]
    stored: dict[str, Document] = field(default_factory=dict)
    # There is no /Groups; 404 or 501.
    missing: int = 0
    # Whether /Schemas says what a group has.
    described: bool = False
    hides_members: bool = False
    # PATCH answers 200 with the group instead of 204.
    shows_changes: bool = False
    # The status for a path that chooses members.
    refuses_chosen: int = 0
    # The status for a list of members, in a removal and in an addition.
    refuses_lists: int = 0
    # Removing a list of members removes all.
    lists_empty: bool = False
    # One who is not in it cannot be removed: 400 with noTarget, or 404.
    strict_removal: int = 0
    # So many members in one PATCH; what it answers above.
    most_members: int = 1_000_000
    too_many: int = 413
    # The status for a member that is no account, 0 if it is taken.
    unknown_member: int = 0
    # The status for a member who is in already, 0 if that is fine.
    known_member: int = 0
    # A change is accepted and not made; of members, of these alone; a deletion.
    without_effect: bool = False
    ignored_members: set[str] = field(default_factory=set)
    keeps_deleted: bool = False
    refuses_patch: int = 0
    refuses_pathless: int = 0
    refuses_put: int = 0
    # Members are named by a list below the name “members” once more, in an addition too.
    named_lists: bool = False
    ignores_filter: bool = False
    refuses_filter: int = 0
    unique: bool = True
    conflict_type: str = "uniqueness"

    def add(self, name: str, /, *members: str, **attributes: Any) -> Document:
        """A group that somebody makes in the application itself."""
        entries = [{"value": member} for member in members]
        document = {"schemas": [CORE_GROUP], "displayName": name, "members": entries}
        return self._store({**document, **attributes})

    def named(self, name: str) -> Document:
        (found,) = [group for group in self.stored.values() if group["displayName"] == name]
        return found

    def members(self, name: str) -> set[str]:
        return _members(self.named(name))

    def names(self) -> list[str]:
        return sorted(group["displayName"] for group in self.stored.values())

    # -------------------------------------------------------------------------- the server

    def serve(self, method: str, path: str, body: bytes, *, paging: Page) -> Reply:
        parts = urlsplit(path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/Schemas"):
            return json_reply(SCHEMA) if self.described else refused(404, "Not found.")
        if self.missing:
            return refused(self.missing, "There are no groups.")
        if parts.path == "/Groups":
            if method == "POST":
                return self._create(json.loads(body))
            return self._list(query, paging)
        found = self.stored.get(unquote(parts.path.removeprefix("/Groups/")))
        if found is None:
            return refused(404, "Not found.")
        match method:
            case "PUT":
                return self._put(found, json.loads(body))
            case "PATCH":
                return self._patch(found, json.loads(body))
            case "DELETE":
                if not self.keeps_deleted:
                    del self.stored[found["id"]]
                return Reply(204)
        return json_reply(self._shown(found, query))

    def _list(self, query: Mapping[str, str], paging: Page) -> Reply:
        text = query.get("filter", "")
        if text and self.refuses_filter:
            return refused(self.refuses_filter, "Filters are not supported.")
        wanted = filters.parse(text) if text and not self.ignores_filter else None
        found = [each for each in self.stored.values() if not wanted or _is(wanted, each)]
        start, count = int(query.get("startIndex", 1)), int(query.get("count", 1000))
        return json_reply(paging([self._shown(each, query) for each in found], start, count))

    def _shown(self, group: Document, query: Mapping[str, str]) -> Document:
        if not self.hides_members and query.get("excludedAttributes") != "members":
            return group
        return {name: value for name, value in group.items() if name != "members"}

    def _create(self, document: Document) -> Reply:
        if self._taken(document):
            return self._conflict()
        return json_reply(self._shown(self._store(document), {}), status=201)

    def _put(self, held: Document, document: Document) -> Reply:
        if self.refuses_put:
            return refused(self.refuses_put, "PUT is not supported.")
        return self._replace(held, document)

    def _patch(self, held: Document, patch: Document) -> Reply:
        operations = patch["Operations"]
        if self.refuses_patch:
            return refused(self.refuses_patch, "PATCH is not supported.")
        if sum(map(_size, operations)) > self.most_members:
            return refused(self.too_many, "Too many members in one request.")
        for operation in operations:
            if (reason := self._refusal(held, operation)) is not None:
                return reason
        if self.without_effect:
            return self._replace(held, held)
        if self.named_lists:
            operations = [_unwrapped(each) for each in operations]
        if self.lists_empty and any(_is_list_removal(each) for each in operations):
            return self._replace(held, {**held, "members": []})
        try:
            changed = patching.applied(held, {"Operations": operations})
        except PatchError as error:
            return refused(400, error.detail, error.scim_type)
        return self._replace(held, self._without_ignored(held, changed))

    def _without_ignored(self, held: Document, changed: Document) -> Document:
        """The change, but for those members about whom nothing is done."""
        if not self.ignored_members:
            return changed
        kept = [each for each in held.get("members", []) if each["value"] in self.ignored_members]
        made = [
            each for each in changed.get("members", []) if each["value"] not in self.ignored_members
        ]
        return {**changed, "members": [*kept, *made]}

    def _refusal(self, held: Document, operation: Document) -> Reply | None:
        path = operation.get("path")
        is_chosen = str(path).startswith("members[")
        if is_chosen and self.refuses_chosen:
            return refused(self.refuses_chosen, "A path with a filter is not supported.")
        if path == "members" and self.refuses_lists and isinstance(operation["value"], list):
            return refused(self.refuses_lists, "A list of members is not supported.")
        if path is None and self.refuses_pathless:
            return refused(self.refuses_pathless, "A change without a path is not supported.")
        removed = {json.loads(str(path)[17:-1])} if is_chosen else set[str]()
        if self.strict_removal and removed - _members(held):
            return refused(self.strict_removal, "Not a member.", "noTarget")
        added = set(_named(operation)) if operation["op"] == "add" else set[str]()
        if self.unknown_member and added - set(self.accounts):
            return refused(self.unknown_member, "There is no such account.")
        if self.known_member and added & _members(held):
            return refused(self.known_member, "Is a member already.")
        return None

    def _replace(self, held: Document, document: Document) -> Reply:
        key = held["id"]
        if self._taken(document, but=key):
            return self._conflict()
        self.stored[key] = {**document, "id": key}
        if not self.shows_changes:
            return Reply(204)
        return json_reply(self._shown(self.stored[key], {}))

    def _taken(self, document: Document, but: str = "") -> bool:
        others = [group for group in self.stored.values() if group["id"] != but]
        return self.unique and document["displayName"] in {each["displayName"] for each in others}

    def _conflict(self) -> Reply:
        return refused(409, "A group with this name already exists.", self.conflict_type)

    def _store(self, document: Document) -> Document:
        key = uuid.uuid4().hex
        self.stored[key] = {**document, "id": key}
        return self.stored[key]


SCHEMA = {
    "id": CORE_GROUP,
    "attributes": [
        {"name": "displayName", "returned": "default"},
        {"name": "members", "returned": "default"},
    ],
}


def refused(status: int, detail: str, scim_type: str = "") -> Reply:
    kind = {"scimType": scim_type} if scim_type else {}
    return json_reply({"status": str(status), "detail": detail, **kind}, status=status)


def _is(wanted: filters.Filter, group: Document) -> bool:
    return matching.matches(wanted, group)


def _members(group: Document) -> set[str]:
    return {entry["value"] for entry in group.get("members") or []}


def _named(operation: Document) -> list[str]:
    """The members that are named in the value."""
    value = operation.get("value")
    if isinstance(value, dict):
        value = paths.field(value, "members")
    return [entry["value"] for entry in value] if isinstance(value, list) else []


def _unwrapped(operation: Document) -> Document:
    inner = paths.field(operation.get("value"), "members")
    return {**operation, "value": inner} if operation.get("path") == "members" else operation


def _size(operation: Document) -> int:
    return len(_named(operation)) or 1


def _is_list_removal(operation: Document) -> bool:
    return operation["op"] == "remove" and operation.get("path") == "members"
