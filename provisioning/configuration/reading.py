"""Reads a configuration from YAML, and names every place in which something else stands."""

import re
from dataclasses import dataclass, field
from typing import Any

from iam.text import normalise
from provisioning.configuration.document import Document, Entry, Path, Problem, Unusable
from provisioning.configuration.shape import FIELDS, MODELS, ROW_FIELDS, Field, Kind
from provisioning.configuration.strict_yaml import (
    Broken,
    Entries,
    Items,
    Node,
    Place,
    Scalar,
    parsed,
)

FORMAT, ONLY = "gatehouse_configuration", "only_app"
VERSION = 1
_MOST_PROBLEMS = 20
_MOST_ROWS = 1_000
_WHOLE = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,20})?", re.ASCII)
# What YAML takes a text without quotes for, in words.
_TAKEN_FOR = {
    "bool": "for true or false",
    "int": "for a number",
    "float": "for a number",
    "null": "for nothing",
    "timestamp": "for a date",
    "merge": "for a reference",
    "value": "for a value",
}
_NEEDED = ("target", "source")


def read(raw: bytes) -> Document:
    """The configuration of a file. Raises Unusable with all that is wrong, 20 at most."""
    try:
        node = parsed(raw)
    except Broken as error:
        raise Unusable([Problem(str(error), (), error.place)]) from error
    reader = _Reader()
    reader.read(node)
    if reader.problems:
        first = sorted(reader.problems, key=lambda problem: problem.place or Place(1, 1))
        raise Unusable(first[:_MOST_PROBLEMS])
    return reader.document


@dataclass
class _Reader:
    document: Document = field(default_factory=Document)
    problems: list[Problem] = field(default_factory=list)

    def read(self, node: Node) -> None:
        known = [FORMAT, ONLY, *MODELS]
        entries = self._entries(node, (), known)
        version = entries.get(FORMAT)
        if not isinstance(version, Scalar) or version.text != str(VERSION):
            self._wrong(version or node, (FORMAT,), f"Begin the file with “{FORMAT}: {VERSION}”.")
            return
        if ONLY in entries:
            only = self._value(entries[ONLY], Field(ONLY, Kind.TEXT), (ONLY,))
            self.document = Document(only=only or "", places=self.document.places)
        for section in MODELS:
            if section in entries:
                self._section(section, entries[section])

    def _section(self, section: str, node: Node) -> None:
        same: dict[str, str] = {}
        for name, inner in self._entries(node, (section,)).items():
            path = (section, name)
            if name != name.strip():
                self._wrong(inner, path, "Blanks stand around this name. Remove them.")
            if normalise(name) in same:
                self._wrong(inner, path, f"This is the same name as “{same[normalise(name)]}”.")
            same[normalise(name)] = name
            self.document.sections[section][name] = self._entry(section, inner, path)

    def _entry(self, section: str, node: Node, path: Path) -> Entry:
        fields = FIELDS[section]
        rows = ROW_FIELDS if section == "apps" else {}
        entry: Entry = {}
        for name, inner in self._entries(node, path, [*fields, *rows]).items():
            if name in rows:
                entry[name] = self._rows(inner, rows[name], (*path, name))
            else:
                entry[name] = self._value(inner, fields[name], (*path, name))
        return entry

    def _rows(self, node: Node, fields: dict[str, Field], path: Path) -> list[Entry]:
        if not isinstance(node, Items) or len(node.nodes) > _MOST_ROWS:
            self._wrong(node, path, f"Give a list of at most {_MOST_ROWS:,} rows, each after “- ”.")
            return []
        rows: list[Entry] = []
        targets: dict[str, int] = {}
        for number, inner in enumerate(node.nodes):
            row = self._row(inner, fields, (*path, number))
            target = row["target"]
            if target in targets:
                said = f"Row {targets[target]} already fills “{target}”. Remove one of the two."
                self._wrong(inner, (*path, number), said)
            targets[target] = number + 1
            rows.append(row)
        return rows

    def _row(self, node: Node, fields: dict[str, Field], path: Path) -> Entry:
        """Whole: what it does not say is as in a new row."""
        given = self._entries(node, path, list(fields))
        for name in _NEEDED:
            if name not in given:
                self._wrong(node, path, f"A row needs “{name}”.")
        return {
            name: self._value(given[name], wanted, (*path, name))
            if name in given
            else wanted.default
            for name, wanted in fields.items()
        }

    # ------------------------------------------------------------------------------- one value

    def _entries(self, node: Node, path: Path, known: list[str] | None = None) -> dict[str, Node]:
        if not isinstance(node, Entries):
            if isinstance(node, Scalar) and node.plain and not node.text:
                return {}
            self._wrong(node, path, "Names with colons must stand here, each in a line of its own.")
            return {}
        self.document.places.setdefault(path, node.place)
        found: dict[str, Node] = {}
        for name, (key, inner) in node.nodes.items():
            self.document.places[(*path, name)] = key.place
            if known is not None and name not in known:
                said = f"There is nothing called “{name[:100]}” here."
                self._wrong(key, path, f"{said} Known are: {', '.join(known)}.")
            elif self._text(key, path):
                found[name] = inner
        return found

    def _value(self, node: Node, wanted: Field, path: Path) -> Any:
        match wanted.kind:
            case Kind.TEXTS:
                return self._texts(node, wanted, path)
            case Kind.VALUES:
                values = self._entries(node, path)
                text = Field(wanted.name, Kind.TEXT)
                return {key: self._value(each, text, (*path, key)) for key, each in values.items()}
        if not isinstance(node, Scalar):
            self._wrong(node, path, f"Give {wanted.kind.value} here.")
            return wanted.default
        if wanted.may_be_null and node.plain and node.text == "null":
            return None
        if wanted.kind is Kind.TEXT:
            return self._chosen(node, wanted, path) if self._text(node, path) else ""
        return self._plain(node, wanted, path)

    def _texts(self, node: Node, wanted: Field, path: Path) -> list[str]:
        if not isinstance(node, Items):
            self._wrong(node, path, "Give a list: each in a line of its own after “- ”, or [].")
            return []
        text = Field(wanted.name, Kind.TEXT, wanted.choices)
        values = [self._value(each, text, (*path, n)) for n, each in enumerate(node.nodes)]
        return sorted(set(map(str, values)))

    def _plain(self, node: Scalar, wanted: Field, path: Path) -> Any:
        """A number, true or false: in one spelling, and without quotes."""
        if wanted.kind is Kind.FLAG and node.plain and node.text in {"true", "false"}:
            return node.text == "true"
        if wanted.kind is Kind.WHOLE and node.plain and _WHOLE.fullmatch(node.text):
            number = int(node.text)
            if not wanted.choices or node.text in wanted.choices:
                return number
        if wanted.kind is Kind.NUMBER and node.plain and _NUMBER.fullmatch(node.text):
            return float(node.text)
        allowed = ", ".join(wanted.choices) or wanted.kind.value
        empty = " or null" if wanted.may_be_null else ""
        self._wrong(node, path, f"Give {allowed}{empty} here, without quotes.")
        return wanted.default

    def _text(self, node: Scalar, path: Path) -> bool:
        """Whether it is a text for every reader of YAML, and not only for this one."""
        if node.guess == "str":
            return True
        taken = _TAKEN_FOR.get(node.guess, "for something else")
        said = f"YAML takes {node.text[:50] or 'an empty value'} {taken}. Give a text in quotes: "
        self._wrong(node, path, f"{said}'{node.text[:50]}'")
        return False

    def _chosen(self, node: Scalar, wanted: Field, path: Path) -> str:
        # The pages drop the blanks around a text as well.
        text = node.text.strip()
        if wanted.choices and text not in wanted.choices:
            said = f"“{text[:50]}” is not one of: {', '.join(wanted.choices)}."
            self._wrong(node, path, said)
        return text

    def _wrong(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(Problem(message, path, node.place))
