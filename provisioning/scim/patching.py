"""Applies a PATCH to a document as RFC 7644 3.5.2 says, and as Okta and Entra send one.

Tolerated are: `op` in any letter case, values without a path that hold dotted names and names with
their schema, read-only names among them, members to remove that are named in the value, an entry to
add to that is not there yet, "True" for true, and what is to be removed and is not there.
"""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from provisioning.scim import filters, paths, values
from provisioning.scim.filters import FilterError, Place
from provisioning.scim.paths import Document
from provisioning.scim.schema import CORE_GROUP, ENTERPRISE_USER, READ_ONLY, is_core
from provisioning.scim.values import PatchError, Write

__all__ = ["MOST", "PatchError", "applied"]

# So many values and operations in one PATCH; entries of a list count as one.
MOST: Final = 1_000

_OPERATIONS = ("add", "replace", "remove")


def applied(document: Document, patch: Any) -> Document:
    """The document after all operations of the PatchOp. It stays as it is itself.

    Raises PatchError if one of them is wrong, and then none has any effect. Whether an attribute
    exists is for whoever knows the schema to say.
    """
    changed = copy.deepcopy(document)
    steps = 0
    for operation in _operations(patch):
        steps += _apply(changed, operation, room=MOST - steps)
    _refuse_missing(document, changed)
    return changed


def _operations(patch: Any) -> list[Any]:
    found = paths.field(patch, "Operations")
    if not isinstance(found, list):
        raise PatchError("invalidSyntax", "A PATCH has a list of Operations.")
    return found


def _apply(document: Document, operation: Any, *, room: int) -> int:
    """Carry out one operation; how many values it concerned."""
    op = str(paths.field(operation, "op")).lower()
    if op not in _OPERATIONS:
        raise PatchError("invalidSyntax", "Every operation has an op: add, replace or remove.")
    text, value = paths.field(operation, "path"), copy.deepcopy(paths.field(operation, "value"))
    if op == "remove":
        _refuse_too_many(1, room)
        _remove_at(document, text, value)
        return 1
    if not paths.spellings(operation, "value"):
        raise PatchError("invalidValue", f"There is no value to {op}.")
    writes = 0
    for writes, write in enumerate(_writes(document, op, text, value), start=1):
        _refuse_too_many(writes, room)
        _write(document, write)
    return max(writes, 1)


def _refuse_too_many(steps: int, room: int) -> None:
    if steps > room:
        raise PatchError("tooMany", f"One PATCH changes at most {MOST:,} values. Send several.")


def _place(text: Any) -> Place:
    if not isinstance(text, str):
        raise PatchError("invalidPath", "A path is text.")
    try:
        return filters.place(text)
    except FilterError as error:
        in_filter = "[" in text[: error.position + 1]
        kind = "invalidFilter" if in_filter else "invalidPath"
        raise PatchError(kind, error.problem) from None


def _writable(place: Place) -> Place:
    if _is_read_only(place):
        raise PatchError("mutability", f"“{place.attribute.attribute}” is read-only.")
    return place


def _is_read_only(place: Place) -> bool:
    return is_core(place.attribute.schema) and place.attribute.attribute.lower() in READ_ONLY


# ----------------------------------------------------------------------------- add and replace


def _writes(document: Document, op: str, text: Any, value: Any) -> Iterator[Write]:
    """Each value that the operation puts somewhere."""
    if text and not _is_schema(document, text, value):
        yield Write(op, _writable(_place(text)), value)
        return
    if not isinstance(value, dict):
        raise PatchError("invalidValue", f"Without the path of an attribute, {op} needs an object.")
    for name, each in value.items():
        yield from _named(document, op, f"{text}:{name}" if text else name, each)


def _named(document: Document, op: str, name: str, value: Any) -> Iterator[Write]:
    """What a name in a value without a path means: an attribute, a path or a whole extension."""
    if name.lower() == "schemas":
        # They follow from what is there.
        return
    if _is_schema(document, name, value):
        if not isinstance(value, dict):
            raise PatchError("invalidValue", f"{name} is a schema and needs an object.")
        writes = [Write(op, _in_schema(name, part), each) for part, each in value.items()]
    else:
        writes = [Write(op, _place(name), value)]
    yield from (write for write in writes if not _is_read_only(write.place))


def _in_schema(schema: str, name: str) -> Place:
    place = _place(name)
    return replace(place, attribute=replace(place.attribute, schema=schema))


def _is_schema(document: Document, name: Any, value: Any) -> bool:
    """Whether it names an extension as a whole and not an attribute."""
    if not isinstance(name, str) or ":" not in name:
        return False
    listed = paths.field(document, "schemas")
    known = [*document, *(listed if isinstance(listed, list) else []), ENTERPRISE_USER]
    if name.lower() in {each.lower() for each in known if isinstance(each, str)}:
        return True
    # One that the document does not have yet ends in a version or a type, as no attribute does.
    return isinstance(value, dict) and not _is_place(name)


def _is_place(text: str) -> bool:
    try:
        filters.place(text)
    except FilterError:
        return False
    return True


def _write(document: Document, write: Write) -> None:
    path = write.place.attribute
    if write.is_empty:
        if not write.adds:
            _remove(document, write.place, None)
        return
    container = document
    if not is_core(path.schema):
        container = paths.child(document, str(path.schema))
        paths.declare(document, str(path.schema))
    key = paths.spelling(container, path.attribute)
    container[key] = values.written(container.get(key), write)
    if container[key] == []:
        del container[key]


# -------------------------------------------------------------------------------------- remove


def _remove_at(document: Document, text: Any, value: Any) -> None:
    if not text:
        raise PatchError("noTarget", "What is removed is named by a path.")
    if _is_schema(document, text, None):
        for key in paths.spellings(document, text):
            del document[key]
        paths.undeclare(document, text)
    else:
        _remove(document, _writable(_place(text)), value)


def _remove(document: Document, place: Place, value: Any) -> None:
    path = place.attribute
    if is_core(path.schema):
        _remove_from(document, place, value)
        return
    for key in paths.spellings(document, str(path.schema)):
        if isinstance(document[key], dict):
            _remove_from(document[key], place, value)
            if not document[key]:
                del document[key]
                paths.undeclare(document, key)


def _remove_from(container: Document, place: Place, value: Any) -> None:
    for key in paths.spellings(container, place.attribute.attribute):
        left = values.left(container[key], place, value)
        if left in (None, [], {}):
            del container[key]
        else:
            container[key] = left


def _refuse_missing(before: Document, after: Document) -> None:
    """What every user or group must have may change, but not go."""
    schemas = paths.field(before, "schemas")
    is_group = isinstance(schemas, list) and CORE_GROUP in schemas
    name = "displayName" if is_group else "userName"
    if paths.field(before, name) and not paths.field(after, name):
        raise PatchError("mutability", f"“{name}” cannot be empty.")
