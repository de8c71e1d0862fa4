"""The lines of a file of people, with their numbers and what is wrong with them, from CSV."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Line:
    """The cells of a line that is not empty, as text.

    `faults` says what is wrong with some of them, by their place.
    """

    number: int
    cells: Sequence[str]
    faults: Mapping[int, str] = field(default_factory=dict)


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


def of_csv(path: Path) -> Iterator[Line]:
    """The lines of a CSV file, each with the number at which it begins. Raises Unusable."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=_delimiter(file), strict=True)
        began = 1
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield Line(began, [cell.strip() for cell in cells])
                began = reader.line_num + 1
        except csv.Error as error:
            raise Unusable(
                began, f"Not a line of CSV ({error}). Is a quotation mark missing?"
            ) from error
        except UnicodeDecodeError as error:
            raise Unusable(
                began,
                "Somewhere from here on are signs that are not UTF-8. Save it as CSV (UTF-8).",
            ) from error


def _delimiter(file: TextIO) -> str:
    """The one with which the first line has the most cells."""
    try:
        first = file.readline(100_000)
    except UnicodeDecodeError as error:
        raise Unusable(1, "This is not UTF-8. Save it as CSV (UTF-8).") from error
    file.seek(0)
    return max(_DELIMITERS, key=first.count)
