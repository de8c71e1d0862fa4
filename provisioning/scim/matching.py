"""Says whether a document is as a filter asks (RFC 7644 3.4.2.2). Knows no schema but the core."""

import operator
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, Final
from unicodedata import normalize

from provisioning.scim import paths
from provisioning.scim.filters import And, Comparison, Entry, Filter, Not, Or, Present
from provisioning.scim.paths import Document, Path
from provisioning.scim.schema import is_core

# Compared letter by letter (RFC 7643 3.1 and 8.7.1); members are named by such ids.
_CASE_EXACT: Final = frozenset(
    {"id", "externalid", "meta.resourcetype", "meta.version", "members.value", "groups.value"}
)

_ORDER: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_WITHIN: Final[dict[str, Callable[[str, str], bool]]] = {
    "co": operator.contains,
    "sw": str.startswith,
    "ew": str.endswith,
}


def matches(wanted: Filter, document: Document) -> bool:
    """Whether the document is as the filter asks; one of several values is enough.

    Names are compared in any letter case, and so is text but for ids.
    """
    return _matches(wanted, document, within="")


def chosen(wanted: Filter, held: Any, *, attribute: str) -> bool:
    """Whether one entry of a multi-valued attribute is as the filter in brackets asks.

    An entry that is a single value is its own `value`.
    """
    entry = held if isinstance(held, dict) else {"value": held}
    return _matches(wanted, entry, within=f"{attribute}.")


def compared_by(attribute: str, part: str, value: Any) -> Hashable:
    """What a part of an entry is compared by, None if it is no single value."""
    if not isinstance(value, str | bool | int | float):
        return None
    exact = _is_exact(Path(None, part), within=f"{attribute}.", entries=False)
    return _kind(value), _comparable(value, exact=exact)


def _matches(wanted: Filter, document: Document, *, within: str) -> bool:
    match wanted:
        case Comparison():
            return _compares(wanted, document, within=within)
        case Present():
            return any(map(_says_something, _held(document, wanted.attribute)))
        case Entry(attribute, inner):
            held = _held(document, attribute)
            return any(chosen(inner, each, attribute=attribute.attribute) for each in held)
        case Not(inner):
            return not _matches(inner, document, within=within)
        case And(parts):
            return all(_matches(part, document, within=within) for part in parts)
        case Or(parts):
            return any(_matches(part, document, within=within) for part in parts)


def _held(document: Document, path: Path) -> list[Any]:
    """All values at the path, those of every entry."""
    container = document if is_core(path.schema) else paths.field(document, path.schema)
    values = _listed(paths.field(container, path.attribute))
    if path.sub is not None:
        values = [part for each in values for part in _listed(paths.field(each, path.sub))]
    return [value for value in values if value is not None]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _says_something(value: Any) -> bool:
    """Null and what is empty are no value (RFC 7643 2.5); false and 0 are."""
    if isinstance(value, dict):
        return any(map(_says_something, value.values()))
    if isinstance(value, list):
        return any(map(_says_something, value))
    return value is not None and value != ""


def _compares(wanted: Comparison, document: Document, *, within: str) -> bool:
    held = _held(document, wanted.attribute)
    if wanted.value is None:
        return any(map(_says_something, held)) is (wanted.operator == "ne")
    # Of an entry as a whole its value is meant.
    values = [paths.field(each, "value") if isinstance(each, dict) else each for each in held]
    entries = any(isinstance(each, dict) for each in held)
    exact = _is_exact(wanted.attribute, within=within, entries=entries)
    right = _comparable(wanted.value, exact=exact)
    lefts = [_comparable(value, exact=exact) for value in values]
    match wanted.operator:
        case "eq":
            return any(_same(left, right) for left in lefts)
        case "ne":
            return not any(_same(left, right) for left in lefts)
        case "co" | "sw" | "ew":
            found = _WITHIN[wanted.operator]
            texts = [value for value in (str(wanted.value), *values) if isinstance(value, str)]
            sought, *others = texts if exact else map(_folded, texts)
            return any(found(text, sought) for text in others)
    in_order = _ORDER[wanted.operator]
    return any(_kind(left) == _kind(right) and in_order(left, right) for left in lefts)


def _is_exact(path: Path, *, within: str, entries: bool) -> bool:
    part = path.sub or ("value" if entries else "")
    name = f"{within}{path.attribute}{'.' if part else ''}{part}".lower()
    return is_core(path.schema) and name in _CASE_EXACT


def _comparable(value: Any, *, exact: bool) -> Any:
    if not isinstance(value, str) or exact:
        return value
    return _moment(value) or _folded(value)


def _moment(text: str) -> datetime | None:
    """A date with a time, None if it is none (RFC 7643 2.3.5)."""
    if text[10:11] not in {"T", "t"}:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _folded(text: str) -> str:
    return normalize("NFC", normalize("NFC", text).casefold())


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and bool(left == right)


def _kind(value: Any) -> str:
    """What can be compared with each other. In Python True equals 1."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
