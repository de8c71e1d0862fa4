"""Reads people from a CSV file or a workbook, and names the line and column of what is wrong."""

import mmap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db.models import CharField

from iam import attributes, people_lines, people_workbook, text
from iam.models import User
from iam.people_lines import Line, Problem, Unusable
from iam.text import counted, normalise

MOST_ROWS = 500_000
_LONGEST_CUSTOM = 1_000
_YES, _NO = {"yes", "true", "1", "active"}, {"no", "false", "0", "inactive"}
_WORKBOOK = (b"PK\x03\x04", b"PK\x05\x06")
# The folders in a file that older programs of Microsoft write; one of them holds what is encrypted.
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Person:
    """One line: what it says about a person. What it does not say is left as it is."""

    line: int
    username: str
    values: Mapping[str, str | bool] = field(default_factory=dict)
    custom: Mapping[str, str] = field(default_factory=dict)
    # A user name; empty for nobody.
    manager: str | None = None

    @property
    def key(self) -> str:
        return normalise(self.username)


def people(path: Path, *, clearing: bool = False, sheet: str = "") -> Iterator[Person | Problem]:
    """Each line as a person, or as what is wrong with it.

    An empty cell says nothing, or with `clearing` that the value is empty. Of a workbook the first
    sheet is read, or the one that is named. Raises Unusable, and OSError if there is no such file.
    """
    lines = _lines(path, sheet)
    heading = next(lines, Line(1, []))
    columns = _columns(heading)
    for count, line in enumerate(lines, start=1):
        if count > MOST_ROWS:
            raise Unusable(line.number, f"More than {MOST_ROWS:,} people. Split the file.")
        yield _read(line, columns, clearing)


# ------------------------------------------------------------------------------------ the file


def _lines(path: Path, sheet: str) -> Iterator[Line]:
    """The lines that are not empty, the names of the columns first. Of a workbook, padded."""
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning in _WORKBOOK:
        return _padded(people_workbook.lines(path, sheet=sheet))
    if not beginning:
        raise Unusable(1, "The file is empty.")
    if beginning == _OLD_OFFICE:
        raise Unusable(1, _about_old_office(path))
    if beginning.startswith(_UTF_16):
        raise Unusable(1, "This is UTF-16. Save it as CSV (UTF-8).")
    if sheet:
        raise Unusable(1, f"This is no workbook, so it has no sheet “{sheet}”.")
    return people_lines.of_csv(path)


def _padded(lines: Iterator[Line]) -> Iterator[Line]:
    """Empty cells at the end of a line are not written in a workbook."""
    width = 0
    for line in lines:
        width = width or len(line.cells)
        missing = width - len(line.cells)
        yield (
            Line(line.number, [*line.cells, *[""] * missing], line.faults) if missing > 0 else line
        )


def _about_old_office(path: Path) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(_ENCRYPTED) >= 0:
            return "The workbook is protected with a password. Save it without one."
    return "This is a file of an older Excel (.xls). Save it as .xlsx or CSV (UTF-8)."


# --------------------------------------------------------------------------------- the columns


def _columns(heading: Line) -> list[str]:
    """The key of the attribute that each column fills. Raises Unusable."""
    known = _known()
    line = heading.number
    columns: list[str] = []
    for fault in heading.faults.values():
        raise Unusable(line, fault)
    for title in heading.cells:
        key = known.get(_comparable(title))
        if key is None:
            names = ", ".join(dict.fromkeys(known.values()))
            raise Unusable(line, f"There is no attribute “{title[:50]}”. There are: {names}.")
        if key in columns:
            raise Unusable(line, f"Two columns fill “{key}”.")
        columns.append(key)
    if "username" not in columns:
        raise Unusable(line, "No column is called “username”. It says whom a line is about.")
    return columns


def _known() -> dict[str, str]:
    """From the names that a column may have to the key of its attribute."""
    built_in = [each for each in attributes.BUILT_IN if each.key != "full_name"]
    every = [*built_in, *attributes.custom()]
    names = {_comparable(each.label): each.key for each in every}
    short = {each.key.removeprefix(attributes.CUSTOM): each.key for each in every}
    return {**names, **short, **{each.key: each.key for each in every}}


def _comparable(title: str) -> str:
    return normalise(title.strip()).replace(" ", "_").replace("-", "_")


# ----------------------------------------------------------------------------------- the cells


def _read(line: Line, columns: Sequence[str], clearing: bool) -> Person | Problem:
    for place, fault in sorted(line.faults.items()):
        return Problem(line.number, fault, columns[place] if place < len(columns) else "")
    if len(line.cells) != len(columns):
        cells = counted(len(line.cells), "cell")
        return Problem(line.number, f"{cells}, and the first line has {len(columns)}.")
    return _person(line.number, dict(zip(columns, line.cells, strict=True)), clearing)


def _person(line: int, cells: Mapping[str, str], clearing: bool) -> Person | Problem:
    if not cells["username"]:
        return Problem(line, "Nobody is named.", "username")
    said = {key: cell for key, cell in cells.items() if cell or clearing}
    values: dict[str, str | bool] = {}
    custom: dict[str, str] = {}
    for key, cell in said.items():
        try:
            _check(key, cell)
        except ValidationError as error:
            return Problem(line, " ".join(error.messages), key)
        if key == "is_active":
            if cell:
                values[key] = normalise(cell) in _YES
        elif key.startswith(attributes.CUSTOM):
            custom[key.removeprefix(attributes.CUSTOM)] = cell
        elif key not in {"username", "manager"}:
            values[key] = cell
    person = Person(line, cells["username"], values, custom, said.get("manager"))
    if person.manager and normalise(person.manager) == person.key:
        return Problem(line, "Nobody can be their own manager.", "manager")
    return person


def _check(key: str, cell: str) -> None:
    """Raise ValidationError for what the person's page would refuse."""
    if key == "is_active":
        if cell and normalise(cell) not in _YES | _NO:
            raise ValidationError(f"“{cell[:50]}” is neither yes nor no.")
    elif key.startswith(attributes.CUSTOM):
        text.plain(cell)
        if len(cell) > _LONGEST_CUSTOM:
            raise ValidationError(f"More than {_LONGEST_CUSTOM:,} characters.")
    else:
        _clean("username" if key == "manager" else key, cell)


def _clean(name: str, cell: str) -> None:
    column = User._meta.get_field(name)
    if cell and isinstance(column, CharField):
        column.run_validators(cell)
