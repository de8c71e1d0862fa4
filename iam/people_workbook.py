"""Reads the lines of people from a sheet of an Excel workbook, as text, and guesses nothing.

A workbook is an archive of XML that comes from strangers: its size is looked at before its inside.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element
from zipfile import BadZipFile, ZipFile

import openpyxl
from defusedxml.ElementTree import iterparse
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils import range_boundaries
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from iam.people_lines import Line, Unusable

# In bytes, of all that is in the archive, unpacked.
MOST_BYTES = 500_000_000
_ROW, _FORMULA, _MERGED = (f"{{{SHEET_MAIN_NS}}}{name}" for name in ("row", "f", "mergeCell"))
# Excel keeps no more digits of a number.
_MOST_EXACT = 10**15
_ONLY_ZEROS = re.compile(r"0{2,}")
_BROKEN = "This is no Excel workbook (.xlsx), or it is damaged. Save it as .xlsx or CSV (UTF-8)."


def lines(path: Path, *, sheet: str = "") -> Iterator[Line]:
    """The lines of the named sheet, or of the first that is not hidden. Raises Unusable.

    Merged cells, which a sheet tells of after its rows, come at the end.
    """
    _refuse_bombs(path)
    number = 1
    try:
        # Of what openpyxl leaves out: pictures, print areas and the like.
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
            for line in _lines(book, _chosen(book, sheet)):
                number = line.number
                if any(line.cells) or line.faults:
                    yield line
    except Unusable:
        raise
    except Exception as error:
        # openpyxl fails on what is broken in whatever way it comes across it.
        raise Unusable(number, _BROKEN) from error


# ------------------------------------------------------------------------------------ the file


def _refuse_bombs(path: Path) -> None:
    """By what the archive says of itself; more than that is never unpacked."""
    try:
        with ZipFile(path) as archive:
            entries = archive.infolist()
    except BadZipFile as error:
        raise Unusable(1, _BROKEN) from error
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise Unusable(
            1,
            f"Unpacked, the workbook has {size // 1_000_000:,} MB, and {MOST_BYTES // 1_000_000} "
            "MB are read at most. Delete other sheets, or split it.",
        )


def _chosen(book: Any, name: str) -> Any:
    if not book.worksheets:
        raise Unusable(1, _BROKEN)
    shown = [each for each in book.worksheets if each.sheet_state == "visible"]
    named = [each for each in book.worksheets if each.title == name] if name else shown
    if not named:
        names = ", ".join(f"“{each.title}”" for each in book.worksheets)
        missing = f"no sheet “{name}”" if name else "no sheet that is not hidden"
        raise Unusable(1, f"There is {missing}. There are: {names}.")
    return named[0]


def _lines(book: Any, sheet: Any) -> Iterator[Line]:
    """Each row, read by openpyxl's own parser of rows.

    Its loop over them would keep something of each, and say nothing of formulas and merged cells.
    """
    with sheet._get_source() as source:
        parser = WorkSheetParser(
            source,
            sheet._shared_strings,
            data_only=True,
            epoch=book.epoch,
            date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )
        above: list[Element] = []
        for event, element in iterparse(source, ("start", "end")):
            if event == "start":
                above.append(element)
                continue
            above.pop()
            if element.tag == _ROW:
                number, cells = parser.parse_row(element)
                yield _line(number, [ReadOnlyCell(sheet, **cell) for cell in cells], element)
                above[-1].clear()
            elif element.tag == _MERGED:
                yield _merged(element.get("ref", ""))


# ----------------------------------------------------------------------------------- the cells


def _line(number: int, found: Sequence[ReadOnlyCell], row: Element) -> Line:
    cells = [""] * max((cell.column for cell in found), default=0)
    faults: dict[int, str] = {}
    for cell, element in zip(found, row, strict=True):
        fault = _fault(cell, is_formula=element.find(_FORMULA) is not None)
        if fault:
            faults[cell.column - 1] = fault
        else:
            cells[cell.column - 1] = _text(cell)
    while cells and not cells[-1] and len(cells) - 1 not in faults:
        cells.pop()
    return Line(number, cells, faults)


def _merged(place: str) -> Line:
    column, number, _, _ = range_boundaries(place)
    fault = (
        f"The cells {place} are merged, so it is not clear whom their value is about. Split them, "
        "and fill in each."
    )
    return Line(int(number or 1), [], {int(column or 1) - 1: fault})


def _fault(cell: ReadOnlyCell, *, is_formula: bool) -> str:
    """Why the cell does not say what was meant."""
    value = cell.value
    if cell.data_type == "e":
        return f"The cell holds the error {value}. Correct its formula."
    if value is None and is_formula:
        return "A formula whose result is not in the file. Open it in Excel, and save it again."
    if isinstance(value, int | float) and abs(value) >= _MOST_EXACT:
        return "A number so long that Excel rounds it. Make the cell text, and enter it again."
    return ""


def _text(cell: ReadOnlyCell) -> str:
    """What a person would type for it."""
    match cell.value:
        case None:
            return ""
        case bool(value):
            return "true" if value else "false"
        case int(value) | float(value) if value == int(value):
            return _with_zeros(int(value), str(cell.number_format))
        case datetime() as moment if moment.time() == time():
            return moment.date().isoformat()
        case date() | time() as moment:
            return moment.isoformat()
        case timedelta() as span:
            return str(span)
        case value:
            return str(value).strip()


def _with_zeros(value: int, form: str) -> str:
    """A format such as 00000 shows 123 as 00123, which is what was meant."""
    return str(value).zfill(len(form)) if _ONLY_ZEROS.fullmatch(form) else str(value)
