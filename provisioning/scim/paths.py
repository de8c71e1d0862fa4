"""Finds, puts and removes the value that a path means in a document, which may be malformed."""

from typing import Any

from provisioning.scim.grammar import Path, PathError, Term, parse
from provisioning.scim.lexer import Value
from provisioning.scim.schema import HAVE_PRIMARY, is_core, target

__all__ = [
    "Path",
    "PathError",
    "Term",
    "Value",
    "child",
    "declare",
    "field",
    "get",
    "parse",
    "put",
    "remove",
    "spelling",
    "spellings",
    "target",
    "undeclare",
]

Document = dict[str, Any]


def get(document: Document, path: Path) -> Any | None:
    """What stands at the path, None if nothing does.

    Names and text in filters are compared in any letter case, as targets answer in odd ones (RFC
    7643 2.1). What has the wrong type is absent.
    """
    container = document if is_core(path.schema) else field(document, path.schema)
    held = field(container, path.attribute)
    if not path.terms:
        return held if path.sub is None else field(held, path.sub)
    entries = held if isinstance(held, list) else []
    values = (field(entry, path.part) for entry in entries if _matches(entry, path.terms))
    return next((value for value in values if value is not None), None)


def put(document: Document, path: Path, value: Any) -> None:
    """Let `value` stand at the path; containers and the entry are made if missing.

    A new entry holds what its filter says, and is the primary one if it is the only one.
    What has the wrong type is replaced.
    """
    container = document if is_core(path.schema) else child(document, str(path.schema))
    if path.terms:
        _set(_entry(container, path), str(path.part), value)
    elif path.sub is not None:
        _set(child(container, path.attribute), path.sub, value)
    else:
        _set(container, path.attribute, value)


def remove(document: Document, path: Path) -> None:
    """Let nothing stand at the path; no error if nothing does.

    An entry goes as a whole with its `value`, or when nothing but its filter is left of it.
    Containers that become empty go too.
    """
    if is_core(path.schema):
        _remove_from(document, path)
        return
    for key in spellings(document, str(path.schema)):
        if isinstance(document[key], dict):
            _remove_from(document[key], path)
            if not document[key]:
                del document[key]


def _remove_from(container: Document, path: Path) -> None:
    for key in spellings(container, path.attribute):
        left = _without(container[key], path)
        if left is None or left in ([], {}):
            del container[key]
        else:
            container[key] = left


def _without(held: Any, path: Path) -> Any:
    """What is left of an attribute."""
    if path.terms:
        return _without_entry(held, path) if isinstance(held, list) else held
    if path.sub is None:
        return None
    return _without_field(held, path.sub) if isinstance(held, dict) else held


def _without_entry(entries: list[Any], path: Path) -> list[Any]:
    kept: list[Any] = []
    for entry in entries:
        if not _matches(entry, path.terms):
            kept.append(entry)
        elif path.part != "value":
            rest = _without_field(entry, str(path.part))
            if _says_more_than(rest, path.terms):
                kept.append(rest)
    return kept


def _without_field(container: Document, name: str) -> Document:
    return {key: value for key, value in container.items() if key.lower() != name.lower()}


def _says_more_than(entry: Document, terms: tuple[Term, ...]) -> bool:
    known = {"primary", *(term.attribute.lower() for term in terms)}
    return any(key.lower() not in known for key, value in entry.items() if value is not None)


def _matches(entry: Any, terms: tuple[Term, ...]) -> bool:
    return isinstance(entry, dict) and all(
        _same(field(entry, term.attribute), term.value) for term in terms
    )


def _same(held: Any, wanted: Value) -> bool:
    if isinstance(held, str) and isinstance(wanted, str):
        return held.casefold() == wanted.casefold()
    # In Python True equals 1.
    return isinstance(held, bool) == isinstance(wanted, bool) and bool(held == wanted)


def _entry(container: Document, path: Path) -> Document:
    """The first entry that the filter chooses, made if there is none."""
    key = spelling(container, path.attribute)
    if not isinstance(container.get(key), list):
        container[key] = []
    entries: list[Any] = container[key]
    for held in entries:
        if isinstance(held, dict) and _matches(held, path.terms):
            return held
    entry: Document = {term.attribute: term.value for term in path.terms}
    if not entries and is_core(path.schema) and path.attribute in HAVE_PRIMARY:
        entry.setdefault("primary", True)
    entries.append(entry)
    return entry


def child(container: Document, name: str) -> Document:
    key = spelling(container, name)
    if not isinstance(container.get(key), dict):
        container[key] = {}
    held: Document = container[key]
    return held


def _set(container: Document, name: str, value: Any) -> None:
    container[spelling(container, name)] = value


def field(container: Any, name: str | None) -> Any | None:
    if not isinstance(container, dict) or name is None:
        return None
    return container.get(spelling(container, name))


def spelling(container: Document, name: str) -> str:
    """The name as the container spells it, unchanged if it has none."""
    if name in container:
        return name
    return next(iter(spellings(container, name)), name)


def spellings(container: Document, name: str) -> list[str]:
    """Every spelling of the name in the container: a careless target may hold two."""
    return [key for key in container if key.lower() == name.lower()]


def declare(document: Document, schema: str) -> None:
    """List the schema among those that the document uses (RFC 7643 3.1)."""
    schemas = _declared(document)
    if schema.lower() not in {each.lower() for each in schemas}:
        schemas.append(schema)
    _set(document, "schemas", schemas)


def undeclare(document: Document, schema: str) -> None:
    """The document no longer uses the schema."""
    left = [each for each in _declared(document) if each.lower() != schema.lower()]
    if spellings(document, "schemas"):
        _set(document, "schemas", left)


def _declared(document: Document) -> list[str]:
    listed = field(document, "schemas")
    return [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else []
