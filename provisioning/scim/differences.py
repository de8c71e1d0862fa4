"""Builds the PATCH that turns one document into another, one operation with a path a change."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from provisioning.scim import filters, matching, paths
from provisioning.scim.filters import And, Comparison, Filter, FilterError, Place
from provisioning.scim.messages import PATCH_OP
from provisioning.scim.paths import Document, Path
from provisioning.scim.schema import READ_ONLY

Operation = dict[str, Any]

# Two of them and the rest of a path are together as long as a path may be.
_LONGEST = 400

# What tells the entries of a list apart; a member is who it is, whatever its type.
_IDENTITIES = (("type",), ("value",), ("type", "value"))
_OF_MEMBERS = (("value",),)


def difference(old: Document, new: Document) -> dict[str, Any]:
    """The PatchOp after which a target that holds `old` holds `new`; no operations if it does.

    What the target sets itself is left alone, and so are `schemas`, which follow from the
    attributes, and names that no path can say. Null and what is empty are no value. The order of
    entries means nothing.
    """
    operations: list[Operation] = []
    for name in _names(old, new):
        before, after = _value(old, name), _value(new, name)
        if name.lower() in READ_ONLY or name.lower() == "schemas":
            continue
        if ":" in name:
            operations += _of_extension(name, before, after)
        else:
            operations += _of_attribute(Path(None, name), before, after)
    return {"schemas": [PATCH_OP], "Operations": operations}


def _names(old: Document, new: Document) -> list[str]:
    """Every name in either of them, as the old one spells it."""
    spelled = {name.lower(): name for name in (*new, *old)}
    return list(spelled.values())


def _value(document: Document, name: str) -> Any:
    return _meant(paths.field(document, name))


def _meant(value: Any) -> Any:
    """The value without what is no value in it (RFC 7643 2.5), None if nothing is left."""
    if isinstance(value, dict):
        parts = {name: _meant(each) for name, each in value.items()}
        return {name: each for name, each in parts.items() if each is not None} or None
    if isinstance(value, list):
        entries = [_meant(each) for each in value]
        return [each for each in entries if each is not None] or None
    return value


def _of_extension(schema: str, before: Any, after: Any) -> Iterator[Operation]:
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    for name in _names(old, new):
        path = Path(schema, name)
        yield from _of_attribute(path, _value(old, name), _value(new, name))


def _of_attribute(path: Path, before: Any, after: Any) -> list[Operation]:
    if _same(before, after) or not _can_be_said(Place(path)):
        return []
    if isinstance(before, list) and isinstance(after, list):
        return _of_list(path, before, after)
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_parts(partial(_in, Place(path)), before, after)
    if before is not None and after is not None and isinstance(before, dict | list):
        # What has several values cannot be replaced by what has one, nor the other way round.
        return [_removal(Place(path)), _operation("add", Place(path), after)]
    return [_change(Place(path), before, after)]


def _of_parts(place: Callable[[str], Place], old: Document, new: Document) -> list[Operation]:
    changes = ((name, _value(old, name), _value(new, name)) for name in _names(old, new))
    return [
        _change(place(name), before, after)
        for name, before, after in changes
        if not _same(before, after) and _can_be_said(place(name))
    ]


def _change(place: Place, before: Any, after: Any) -> Operation:
    if after is None:
        return _removal(place)
    return _operation("add" if before is None else "replace", place, after)


def _removal(place: Place) -> Operation:
    return {"op": "remove", "path": str(place)}


def _operation(op: str, place: Place, value: Any) -> Operation:
    return {"op": op, "path": str(place), "value": value}


# --------------------------------------------------------------------------------------- lists


def _of_list(path: Path, before: list[Any], after: list[Any]) -> list[Operation]:
    """The fewest operations on single entries, the whole list where they cannot be told apart."""
    is_members = path.attribute.lower() == "members"
    tried = [
        _by_identity(path, parts, before, after)
        for parts in (_OF_MEMBERS if is_members else _IDENTITIES)
    ]
    possible = [operations for operations in tried if operations is not None]
    return min(possible, key=len, default=[_operation("replace", Place(path), after)])


def _by_identity(
    path: Path, parts: Sequence[str], before: list[Any], after: list[Any]
) -> list[Operation] | None:
    old = _identified(path.attribute, parts, before)
    new = _identified(path.attribute, parts, after)
    if old is None or new is None:
        return None
    operations: list[Operation] = []
    for key, entry in old.items():
        place = Place(path, _choosing(parts, entry))
        if key not in new:
            operations.append(_removal(place))
        else:
            operations += _of_parts(partial(_in, place), entry, new[key])
    added = [entry for key, entry in new.items() if key not in old]
    if added:
        operations.append(_operation("add", Place(path), added))
    return operations


def _identified(
    attribute: str, parts: Sequence[str], entries: list[Any]
) -> dict[Hashable, Document] | None:
    """What makes each entry another one, to the entry; None if that is not certain."""
    found: dict[Hashable, Document] = {}
    for entry in entries:
        values = [paths.field(entry, part) for part in parts]
        if not all(map(_can_identify, values)):
            return None
        compared = zip(parts, values, strict=True)
        found[tuple(matching.compared_by(attribute, *each) for each in compared)] = entry
    return found if len(found) == len(entries) else None


def _can_identify(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable()


def _choosing(parts: Sequence[str], entry: Document) -> Filter:
    terms = tuple(Comparison(Path(None, part), "eq", paths.field(entry, part)) for part in parts)
    return terms[0] if len(terms) == 1 else And(terms)


def _in(place: Place, part: str) -> Place:
    return replace(place, attribute=replace(place.attribute, sub=part))


def _can_be_said(place: Place) -> bool:
    """Whether the path means this place for whoever reads it."""
    try:
        return filters.place(str(place)) == place
    except FilterError:
        return False


def _same(before: Any, after: Any) -> bool:
    """Equal as JSON is. In Python True equals 1."""
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = ({name.lower(): each for name, each in d.items()} for d in (before, after))
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    if isinstance(before, list) and isinstance(after, list):
        pairs = zip(before, after, strict=False)
        return len(before) == len(after) and all(_same(*pair) for pair in pairs)
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)
