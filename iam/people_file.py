"""Reads people from a CSV file, line by line, and names the line and column of what is wrong."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from django.core.exceptions import ValidationError
from django.db.models import CharField

from iam import attributes, text
from iam.models import User
from iam.text import normalise

MOST_ROWS = 500_000
_DELIMITERS = ",;\t"
_LONGEST_CUSTOM = 1_000
_YES, _NO = {"yes", "true", "1", "active"}, {"no", "false", "0", "inactive"}
# A spreadsheet is an archive; UTF-16 begins with its byte order mark.
_NOT_CSV = {
    b"PK\x03\x04": "This is a spreadsheet or an archive. Save it as CSV (UTF-8).",
    b"\xd0\xcf\x11\xe0": "This is a spreadsheet. Save it as CSV (UTF-8).",
    b"\xff\xfe": "This is UTF-16. Save it as CSV (UTF-8).",
    b"\xfe\xff": "This is UTF-16. Save it as CSV (UTF-8).",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, and where; without a column it is about the whole line."""

    line: int
    message: str
    column: str = ""

    def __str__(self) -> str:
        where = f"Line {self.line}, column “{self.column}”" if self.column else f"Line {self.line}"
        return f"{where}: {self.message}"


class Unusable(Exception):
    """From this line on the file cannot be understood."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(str(Problem(line, message)))
        self.problem = Problem(line, message)


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


def people(path: Path, *, clearing: bool = False) -> Iterator[Person | Problem]:
    """Each line as a person, or as what is wrong with it.

    An empty cell says nothing, or with `clearing` that the value is empty. Raises Unusable, and
    OSError if there is no such file.
    """
    _refuse_other_formats(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _lines(file)
        number, heading = next(lines, (1, []))
        columns = _columns(number, heading)
        for count, (number, cells) in enumerate(lines, start=1):
            if count > MOST_ROWS:
                raise Unusable(number, f"More than {MOST_ROWS:,} people. Split the file.")
            if len(cells) != len(columns):
                cells_are = "1 cell" if len(cells) == 1 else f"{len(cells)} cells"
                yield Problem(number, f"{cells_are}, and the first line has {len(columns)}.")
            else:
                yield _person(number, dict(zip(columns, cells, strict=True)), clearing)


# ------------------------------------------------------------------------------------ the file


def _refuse_other_formats(path: Path) -> None:
    with path.open("rb") as file:
        beginning = file.read(4)
    if not beginning:
        raise Unusable(1, "The file is empty.")
    for sign, message in _NOT_CSV.items():
        if beginning.startswith(sign):
            raise Unusable(1, message)


def _lines(file: TextIO) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not empty, each with the number at which it begins."""
    delimiter = _delimiter(file)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    began = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield began, [cell.strip() for cell in cells]
            began = reader.line_num + 1
    except csv.Error as error:
        raise Unusable(
            began, f"Not a line of CSV ({error}). Is a quotation mark missing?"
        ) from error
    except UnicodeDecodeError as error:
        raise Unusable(
            began, "Somewhere from here on are signs that are not UTF-8. Save it as CSV (UTF-8)."
        ) from error


def _delimiter(file: TextIO) -> str:
    """The one with which the first line has the most cells."""
    try:
        first = file.readline(100_000)
    except UnicodeDecodeError as error:
        raise Unusable(1, "This is not UTF-8. Save it as CSV (UTF-8).") from error
    file.seek(0)
    return max(_DELIMITERS, key=first.count)


# --------------------------------------------------------------------------------- the columns


def _columns(line: int, heading: Sequence[str]) -> list[str]:
    """The key of the attribute that each column fills. Raises Unusable."""
    known = _known()
    columns = []
    for title in heading:
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
