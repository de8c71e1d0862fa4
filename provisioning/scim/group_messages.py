"""Builds what is sent to a SCIM target about its groups, and reads who is in one."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from provisioning.scim import messages, paths
from provisioning.scim.dialect import Members
from provisioning.scim.grammar import Path, PathError, Term, parse
from provisioning.scim.messages import PATCH_OP, Value
from provisioning.scim.schema import CORE_GROUP, is_core

_NO_OTHER = (
    "Of a group only “displayName” and attributes of extensions are mapped. Remove this row."
)


def target(text: str) -> Path:
    """The path of a group attribute that a mapping may fill, in canonical form.

    Raises PathError.
    """
    path = parse(text)
    if not is_core(path.schema):
        return path
    if path.attribute.lower() != "displayname" or path.terms or path.sub:
        raise PathError(text, 0, _NO_OTHER)
    return Path(None, "displayName")


def group(values: Mapping[str, Value | None], *, external_id: str | None) -> dict[str, Any]:
    """The body that creates a group with nobody in it (RFC 7644 3.3)."""
    return messages.created(CORE_GROUP, values, external_id=external_id)


def adding(form: Members, members: Iterable[str]) -> dict[str, Any]:
    """The PatchOp that puts these accounts in."""
    entries = [{"value": member} for member in members]
    if form is Members.PATHLESS:
        return _patch([{"op": "add", "value": {"members": entries}}])
    value = {"members": entries} if form is Members.NAMED_LIST else entries
    return _patch([{"op": "add", "path": "members", "value": value}])


def removing(form: Members, members: Iterable[str]) -> dict[str, Any]:
    """The PatchOp that takes these accounts out."""
    if form is Members.CHOSEN:
        chosen = [Path(None, "members", (Term("value", member),)) for member in members]
        return _patch([{"op": "remove", "path": str(path)} for path in chosen])
    entries = [{"value": member} for member in members]
    value = {"members": entries} if form is Members.NAMED_LIST else entries
    return _patch([{"op": "remove", "path": "members", "value": value}])


def whole(
    document: dict[str, Any],
    changes: Iterable[messages.Change] = (),
    *,
    adding: Collection[str] = (),
    removing: Collection[str] = (),
) -> dict[str, Any]:
    """The group as it is held, with these changes in it, for a PUT. `document` stays as it is."""
    body = messages.merged(document, changes, schema=CORE_GROUP)
    # Some servers show null where they then take none.
    held = [{name: part for name, part in e.items() if part is not None} for e in _entries(body)]
    there = [entry for entry in held if _id(entry) not in removing]
    fresh = sorted(set(adding) - {_id(entry) for entry in there})
    body[paths.spelling(body, "members")] = [*there, *({"value": member} for member in fresh)]
    return body


def members(document: Any) -> frozenset[str] | None:
    """The ids of the accounts that the group is shown with, None if it is shown without a list.

    Groups in it are left out.
    """
    if not isinstance(paths.field(document, "members"), list):
        return None
    found = [entry for entry in _entries(document) if not _is_group(entry)]
    return frozenset(filter(None, map(_id, found)))


def says_shown(schema: Any) -> bool:
    """Whether a description of groups (RFC 7643 section 7) says that members are shown."""
    told = paths.field(schema, "attributes")
    for attribute in told if isinstance(told, list) else []:
        if str(paths.field(attribute, "name")).lower() == "members":
            return paths.field(attribute, "returned") in {"always", "default"}
    return False


def _patch(operations: list[dict[str, Any]]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": operations}


def _entries(document: Any) -> list[dict[str, Any]]:
    held = paths.field(document, "members")
    return [each for each in held if isinstance(each, dict)] if isinstance(held, list) else []


def _id(entry: dict[str, Any]) -> str:
    return str(paths.field(entry, "value") or "")


def _is_group(entry: dict[str, Any]) -> bool:
    return str(paths.field(entry, "type")).lower() == "group"
