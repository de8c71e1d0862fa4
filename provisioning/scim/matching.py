"""Says whether a document is as a filter asks (RFC 7644 3.4.2.2). Knows no schema but the core."""

import operator
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, Final
from unicodedata import normalize

from provisioning.scim import paths
from provisioning.scim.filters import And, Comparison, Entry, Filter, Not, Present
from provisioning.scim.paths import Document, Path
from provisioning.scim.schema import is_core

# Compared letter by letter (RFC 7643 3.1 and 8.7.1); members are named by such ids.
_CASE_EXACT: Final = frozenset(
    {"id", "externalid", "meta.resourcetype", "meta.version", "members.value", "groups.value"}
)

Test = Callable[[Document], bool]

_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.eq,
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
    return _test(wanted, within="")(document)


def chooser(wanted: Filter, *, attribute: str) -> Callable[[Any], bool]:
    """Whether one entry of a multi-valued attribute is as the filter in brackets asks.

    An entry that is a single value is its own `value`.
    """
    test = _test(wanted, within=f"{attribute}.")
    return lambda entry: test(entry if isinstance(entry, dict) else {"value": entry})


def holds(document: Document, attribute: Path, value: Any) -> bool:
    """Whether one of the values at this path is this one; a number may be written as text."""
    exact = _is_exact(attribute, within="", entries=False)
    wanted = _comparable(str(value), exact=exact)
    return any(_comparable(each, exact=exact) == wanted for each in values(document, attribute))


def values(document: Document, attribute: Path) -> list[str]:
    """Every single value at this path, those of all entries, as text."""
    found = _held(document, attribute)
    return [str(each) for each in found if isinstance(each, str | int | float)]


def compared_by(attribute: str, part: str, value: Any) -> Hashable:
    """What a part of an entry is compared by, None if it is no single value."""
    if not isinstance(value, str | bool | int | float):
        return None
    exact = _is_exact(Path(None, part), within=f"{attribute}.", entries=False)
    return _kind(value), _comparable(value, exact=exact)


def _test(wanted: Filter, *, within: str) -> Test:
    """The filter as a function, so that what is the same for every document is worked out once."""
    match wanted:
        case Comparison():
            return _comparison(wanted, within=within)
        case Present(attribute):
            return lambda document: any(map(_says_something, _held(document, attribute)))
        case Entry(attribute, inner):
            chosen = chooser(inner, attribute=attribute.attribute)
            return lambda document: any(map(chosen, _held(document, attribute)))
        case Not(inner):
            test = _test(inner, within=within)
            return lambda document: not test(document)
    tests = [_test(part, within=within) for part in wanted.parts]
    if isinstance(wanted, And):
        return lambda document: all(test(document) for test in tests)
    return lambda document: any(test(document) for test in tests)


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


def _comparison(wanted: Comparison, *, within: str) -> Test:
    path = wanted.attribute
    if wanted.value is None:
        absent = wanted.operator == "eq"
        return lambda document: any(map(_says_something, _held(document, path))) is not absent
    alone = _comparing(wanted, exact=_is_exact(path, within=within, entries=False))
    of_entry = _comparing(wanted, exact=_is_exact(path, within=within, entries=True))

    def compares(value: Any) -> bool:
        # Of an entry as a whole its value is meant.
        return of_entry(paths.field(value, "value")) if isinstance(value, dict) else alone(value)

    if wanted.operator == "ne":
        return lambda document: not any(map(compares, _held(document, path)))
    return lambda document: any(map(compares, _held(document, path)))


def _comparing(wanted: Comparison, *, exact: bool) -> Callable[[Any], bool]:
    """Whether one value is as the comparison asks; “ne” is asked as “eq”."""
    right = _comparable(wanted.value, exact=exact)
    if wanted.operator in _WITHIN:
        within, sought = _WITHIN[wanted.operator], str(wanted.value)
        if exact:
            return lambda value: isinstance(value, str) and within(value, sought)
        sought = _folded(sought)
        return lambda value: isinstance(value, str) and within(_folded(value), sought)
    kind, agrees = _kind(right), _COMPARED[wanted.operator]

    def compares(value: Any) -> bool:
        left = _comparable(value, exact=exact)
        return _kind(left) == kind and agrees(left, right)

    return compares


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
    return text.lower() if text.isascii() else normalize("NFC", normalize("NFC", text).casefold())


def _kind(value: Any) -> str:
    """What can be compared with each other. In Python True equals 1."""
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__
