"""Compares a configuration with the one that is stored: what to add, to change and to remove."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from provisioning.configuration.document import Document, Entry
from provisioning.configuration.shape import APPS, POLICIES, ROWS

# What is removed, when asked for; the others may be used by what no file says.
PRUNED = (POLICIES, APPS)
_ORDER = "order"


class What(Enum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True)
class Difference:
    """One field that is to be another; None stands for nothing at all."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What is to be done to one entry of a section. What is added has all that is said of it."""

    what: What
    section: str
    name: str
    fields: tuple[Difference, ...] = ()


def differences(wanted: Document, stored: Document, *, prune: bool = False) -> list[Change]:
    """In the order of the sections and names. What `wanted` does not say stays as it is.

    With `prune`, apps and policies that are not in it are to be removed, if it has that section.
    """
    found = list(_to_write(wanted, stored))
    for section in PRUNED:
        if not prune or (section,) not in wanted.places:
            continue
        gone = stored.sections[section].keys() - wanted.sections[section].keys()
        found += [Change(What.REMOVE, section, name) for name in sorted(gone)]
    return found


def _to_write(wanted: Document, stored: Document) -> Iterator[Change]:
    for section, name, entry in wanted.entries():
        old = stored.sections[section].get(name)
        if old is None:
            yield Change(What.ADD, section, name, tuple(_fields(entry, {})))
        elif fields := tuple(_fields(entry, old)):
            yield Change(What.CHANGE, section, name, fields)


def _fields(new: Entry, old: Entry) -> Iterator[Difference]:
    for name, value in new.items():
        if name in ROWS:
            yield from _rows(name, value, old.get(name, []))
        elif name == "settings":
            before = old.get(name, {})
            for key, each in value.items():
                yield from _one(f"{name}.{key}", before.get(key), each)
        else:
            yield from _one(name, old.get(name), value)


def _one(name: str, old: Any, new: Any) -> Iterator[Difference]:
    if old != new:
        yield Difference(name, old, new)


def _rows(name: str, new: list[Entry], old: list[Entry]) -> Iterator[Difference]:
    """Rows are told apart by what they fill; all of them together are the mapping."""
    now, then = ({row["target"]: row for row in rows} for rows in (old, new))
    for target in then:
        if target not in now:
            yield Difference(f"{name}.{target}", None, then[target])
    for target in now:
        if target not in then:
            yield Difference(f"{name}.{target}", now[target], None)
            continue
        for key, value in then[target].items():
            yield from _one(f"{name}.{target}.{key}", now[target][key], value)
    order = [target for target in now if target in then]
    if order != [target for target in then if target in now]:
        yield Difference(f"{name}.{_ORDER}", list(now), list(then))
