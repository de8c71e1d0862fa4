"""Builds the documents that are sent to a SCIM target and reads the ones that come back."""

import copy
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from provisioning.scim import paths
from provisioning.scim.paths import Document, Path
from provisioning.scim.schema import CORE_USER, ENTERPRISE_USER, READ_ONLY, is_core, is_whole_list

# A list is sorted and holds each text once.
Value = paths.Value | list[str]

__all__ = [
    "CORE_USER",
    "ENTERPRISE_USER",
    "ERROR",
    "LIST_RESPONSE",
    "PATCH_OP",
    "Change",
    "created",
    "equals",
    "equals_bare",
    "error_detail",
    "merged",
    "patch",
    "patch_whole",
    "quoted",
    "read",
    "scim_type",
    "sought",
    "unclear",
    "user",
]

LIST_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"

_LONGEST_DETAIL = 500
# What follows is for the programmers of the service.
_TRACE = "Traceback (most recent call last)"
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9._%+@-]+")


@dataclass(frozen=True)
class Change:
    """One mapped target: what the application holds, and what it should. None is no value."""

    path: str
    old: Value | None
    new: Value | None


def user(values: Mapping[str, Value | None], *, external_id: str | None = None) -> dict[str, Any]:
    """The body that creates a user (RFC 7644 3.3); None is left out.

    Raises PathError for a key that is no path.
    """
    return created(CORE_USER, values, external_id=external_id)


def created(
    schema: str, values: Mapping[str, Value | None], *, external_id: str | None
) -> dict[str, Any]:
    """The body that creates what this schema describes."""
    document: Document = {}
    paths.declare(document, schema)
    if external_id is not None:
        document["externalId"] = external_id
    for text, value in values.items():
        if value is not None:
            _put(document, paths.parse(text), value)
    return document


def read(document: dict[str, Any], targets: Iterable[str]) -> dict[str, Value]:
    """Path to value for what a remote document holds of the targets.

    Whatever is absent, or neither a single value nor a list of texts, is left out. Raises PathError
    for a target that is no path.
    """
    found: dict[str, Value] = {}
    for text in targets:
        path = paths.parse(text)
        value = paths.get(document, path)
        if text == "active":
            value = _as_bool(value)
        elif isinstance(value, list):
            filled = is_whole_list(path) or not is_core(path.schema)
            value = _texts(value) or None if filled else None
        if isinstance(value, str | bool | int | float | list):
            found[text] = value
    return found


def unclear(document: dict[str, Any]) -> str:
    """What stands for `active` and is neither yes nor no, as text; "" if that is not so.

    A guess would leave somebody switched on, or off.
    """
    value = paths.get(document, paths.parse("active"))
    return "" if value is None or _as_bool(value) is not None else _clean(str(value)) or "nothing"


def _texts(entries: list[Any]) -> list[str]:
    values = (paths.field(each, "value") if isinstance(each, dict) else each for each in entries)
    return sorted({value for value in values if isinstance(value, str)})


def _as_bool(value: Any) -> bool | None:
    """Some targets answer "True" or "False" as text, as Entra sends it."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def patch(changes: Sequence[Change], *, held: Collection[str] = ()) -> dict[str, Any]:
    """The PatchOp of the changes, an operation with a path for each (RFC 7644 3.5.2).

    A new entry of a multi-valued attribute is added as a whole, in one operation for all of its
    parts: `replace` in an entry that does not exist is refused as noTarget, and one `add` for each
    part makes an entry for each. An entry is there already if a change has an old value in it,
    or if a path of `held` leads into it.
    """
    known = [*held, *(change.path for change in changes if change.old is not None)]
    existing = {_entry(paths.parse(text)) for text in known}
    added: dict[Path, Document] = {}
    operations: list[dict[str, Any]] = []
    for change in changes:
        path = paths.parse(change.path)
        entry = _entry(path)
        if change.new is None:
            removed = entry if path.part == "value" else path
            operations.append({"op": "remove", "path": str(removed)})
        elif not path.terms or entry in existing:
            value = _entries(path, change.new)
            operations.append({"op": "replace", "path": str(path), "value": value})
        elif entry in added:
            added[entry][str(path.part)] = change.new
        else:
            seed: Document = {term.attribute: term.value for term in path.terms}
            added[entry] = seed | {str(path.part): change.new}
            attribute = str(Path(path.schema, path.attribute))
            operations.append({"op": "add", "path": attribute, "value": [added[entry]]})
    return {"schemas": [PATCH_OP], "Operations": operations}


def _entry(path: Path) -> Path:
    return replace(path, sub=None)


def patch_whole(document: dict[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The PatchOp of the changes without paths, for a target that holds `document`.

    Each changed attribute goes as a whole, with what else is in it: some servers drop the parts
    that are not sent, and all replace a list.
    """
    touched = {_member_of(paths.parse(change.path)) for change in changes}
    body = merged(document, changes)
    value = {key: held for key, held in body.items() if key.lower() in touched}
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": value}]}


def _member_of(path: Path) -> str:
    """The member of the document, in lower case, that the path leads into."""
    return (path.attribute if is_core(path.schema) else str(path.schema)).lower()


def merged(
    document: dict[str, Any], changes: Iterable[Change], *, schema: str = CORE_USER
) -> dict[str, Any]:
    """What the target holds with the changes in it, for a PUT (RFC 7644 3.5.1).

    Right for a server that replaces and for one that merges: what is cleared is sent as null, a
    cleared entry is missing from its list. So is one without a value, which some servers show and
    do not take back. `document` stays as it is.
    """
    body = {
        key: copy.deepcopy(value) for key, value in document.items() if key.lower() not in READ_ONLY
    }
    paths.declare(body, schema)
    for change in changes:
        path = paths.parse(change.path)
        if change.new is None and path.terms:
            _clear_entry(body, path)
        elif change.new is None and is_whole_list(path):
            _put(body, path, [])
        else:
            _put(body, path, change.new)
    return {key: _without_empty_entries(value) for key, value in body.items()}


def _without_empty_entries(held: Any) -> Any:
    """django-scim2 0.23.0 shows an account without e-mail as [{"value": "", "primary": true}]."""
    if not isinstance(held, list):
        return held
    return [entry for entry in held if not (isinstance(entry, dict) and entry.get("value") == "")]


def _clear_entry(document: Document, path: Path) -> None:
    paths.remove(document, path)
    attribute = Path(path.schema, path.attribute)
    if paths.get(document, attribute) is None:
        # A server that merges keeps a list that is not sent (RFC 7643 2.5: [] is no value).
        _put(document, attribute, [])


def _put(document: Document, path: Path, value: Any) -> None:
    paths.put(document, path, _entries(path, value))
    if not is_core(path.schema):
        paths.declare(document, str(path.schema))


def sought(target: str) -> str:
    """How a filter names a mapped target: of a list every entry counts, whatever its type.

    Not all servers look into one entry, and none could say that another entry is somebody else's.
    Raises PathError for a target that is no path.
    """
    path = paths.parse(target)
    return str(replace(path, terms=(), sub=path.part))


def _entries(path: Path, value: Any) -> Any:
    """A list as a target takes it: entries with a value, but in an extension the values alone."""
    if isinstance(value, list) and is_whole_list(path):
        return [{"value": each} for each in value]
    return value


def equals(attribute: str, value: Value) -> str:
    """The filter for one exact value (RFC 7644 3.4.2.2), not yet percent-encoded."""
    return f"{attribute} eq {quoted(value)}"


def quoted(value: Value) -> str:
    """A value as a filter has it. It is escaped as JSON, so that none can change what is asked."""
    return json.dumps(value, ensure_ascii=False)


def equals_bare(attribute: str, value: Value) -> str:
    """The same without quotes, "" for a value that could then change what is asked."""
    bare = str(value)
    return f"{attribute} eq {bare}" if _NEEDS_NO_QUOTES.fullmatch(bare) else ""


def error_detail(body: Any) -> str:
    """What an error body says to a person, in one line of at most 500 characters, "" if nothing.

    `body` is the decoded JSON, or the text where it is none. Understood are `detail` (RFC 7644
    3.12), `message` with Zoom's `errors[].message`, Slack's `Errors.description`, `error` and text.
    """
    if isinstance(body, str):
        is_html = body.lstrip()[:5].lower() in {"<!doc", "<html"}
        return "" if is_html else _clean(body)
    plain = _text(body, "error") or _text(_member(body, "error"), "message")
    told = _text(body, "detail") or _text(body, "message") or plain
    texts = [told.partition(_TRACE)[0]]
    # Zoom's `errors` is a list, Slack's `Errors` is not.
    errors = _member(body, "errors")
    for error in errors if isinstance(errors, list) else [errors]:
        texts.append(_text(error, "message") or _text(error, "description"))
    return _clean(" ".join(texts))


def scim_type(body: Any) -> str:
    """The machine-readable reason in an error body, such as `uniqueness`, "" if there is none."""
    return _clean(_text(body, "scimType"))


def _text(body: Any, name: str) -> str:
    value = _member(body, name)
    return value if isinstance(value, str) else ""


def _member(body: Any, name: str) -> Any | None:
    return paths.get(body, Path(None, name))


def _clean(text: str) -> str:
    """One line without hidden characters, which could forge a log or turn the reading direction."""
    visible = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(visible.split())[:_LONGEST_DETAIL]
