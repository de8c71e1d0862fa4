"""Reads YAML that a stranger sent: one document, nothing twice, no references, and no guesses.

What a text without quotes means is not decided here, as YAML takes `no` for false and `1:30` for
90. Whoever knows what should stand in a place asks `Scalar.guess`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

LARGEST = 1_000_000
_DEEPEST = 12
# Written in C it is twenty times as fast; not every installation has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER = Resolver()
_TEXT = "tag:yaml.org,2002:str"


@dataclass(frozen=True, order=True)
class Place:
    """Where something stands, counted from 1."""

    line: int
    column: int


class Broken(Exception):
    """What is wrong with a text that claims to be YAML, and where."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place


@dataclass(frozen=True)
class Scalar:
    """One value; `plain` if it stands without quotes."""

    place: Place
    text: str
    plain: bool

    @property
    def guess(self) -> str:
        """What YAML takes it for: str, bool, int, float, null, timestamp …"""
        tag = _TEXT
        if self.plain:
            tag = _RESOLVER.resolve(  # type: ignore[no-untyped-call]
                yaml.ScalarNode, self.text, (True, False)
            )
        return tag.rpartition(":")[2]


@dataclass(frozen=True)
class Items:
    """A list."""

    place: Place
    nodes: list["Node"]


@dataclass(frozen=True)
class Entries:
    """Names and what they hold; each name with its place."""

    place: Place
    nodes: dict[str, tuple[Scalar, "Node"]]


Node = Scalar | Items | Entries


def parsed(raw: bytes) -> Node:
    """The only document of the text. Raises Broken."""
    start = Place(1, 1)
    if len(raw) > LARGEST:
        raise Broken(start, f"The file is larger than {LARGEST // 1_000_000} MB. Split it.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise Broken(Place(line, 1), "The file is not in UTF-8. Save it as UTF-8.") from error
    try:
        return _document(yaml.parse(text, Loader=_LOADER))
    except yaml.MarkedYAMLError as error:
        raise _malformed(error, text) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Broken(
            Place(line, 1),
            "A character stands here that cannot be seen. Delete it, or write it as an escape in "
            "double quotes.",
        ) from error


def _document(events: Iterator[Any]) -> Node:
    next(events)
    first = next(events)
    if isinstance(first, yaml.StreamEndEvent):
        raise Broken(Place(1, 1), "The file is empty.")
    node = _node(next(events), events, depth=0)
    next(events)
    after = next(events)
    if not isinstance(after, yaml.StreamEndEvent):
        raise Broken(
            _place(after), "A second document begins here. Put everything into one, without “---”."
        )
    return node


def _node(event: Any, events: Iterator[Any], *, depth: int) -> Node:
    place = _place(event)
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise Broken(place, "References with & and * are not read. Write out what is meant.")
    if event.tag is not None and event.tag != "!":
        raise Broken(place, f"The type “{event.tag[:50]}” is not read. Leave out what follows “!”.")
    if depth > _DEEPEST:
        raise Broken(place, "This is nested too deeply. Nothing that belongs here is.")
    match event:
        case yaml.SequenceStartEvent():
            return Items(place, list(_items(events, depth)))
        case yaml.MappingStartEvent():
            return Entries(place, _entries(events, depth))
    return Scalar(place, event.value, plain=event.style in (None, ""))


def _items(events: Iterator[Any], depth: int) -> Iterator[Node]:
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        yield _node(event, events, depth=depth + 1)


def _entries(events: Iterator[Any], depth: int) -> dict[str, tuple[Scalar, Node]]:
    found: dict[str, tuple[Scalar, Node]] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name = _node(event, events, depth=depth + 1)
        if not isinstance(name, Scalar):
            raise Broken(name.place, "A name must stand here, and not a list or more names.")
        if name.text in found:
            before = found[name.text][0].place.line
            raise Broken(
                name.place,
                f"“{name.text[:100]}” stands here twice, first in line {before}. Remove one.",
            )
        found[name.text] = (name, _node(next(events), events, depth=depth + 1))
    return found


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _malformed(error: yaml.MarkedYAMLError, text: str) -> Broken:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return Broken(Place(1, 1), f"This is not YAML: {error.problem}.")
    place = Place(mark.line + 1, mark.column + 1)
    line = (text.split("\n")[mark.line : mark.line + 1] or [""])[0]
    if line[: mark.column + 1].endswith("\t") or line[: len(line) - len(line.lstrip())].count("\t"):
        return Broken(place, "A tab stands here. Indent with blanks only.")
    return Broken(
        place,
        f"This is not YAML: {error.problem}. Look at the quotes, colons and indentation here and "
        "in the line above.",
    )
