"""A workbook comes as a stream, holds what was put in as text, numbers and dates, and opens."""

import io
import tracemalloc
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import openpyxl
import pytest
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet

from reports import workbook
from reports.workbook import Cell

NOON = datetime(2026, 3, 4, 12, 0, 1, 250_000)


def written(*rows: Sequence[Cell], heading: Sequence[str] = ("a", "b"), **more: Any) -> list[Any]:
    """The sheets of a workbook with these rows, as openpyxl reads them."""
    return opened(workbook.stream(heading, rows, **more)).worksheets


def opened(parts: Iterator[bytes]) -> Any:
    return openpyxl.load_workbook(io.BytesIO(b"".join(parts)))


def values(sheet: Worksheet) -> list[tuple[Any, ...]]:
    return list(sheet.iter_rows(values_only=True))


def test_texts_numbers_dates_and_nothing_come_back_as_they_were() -> None:
    (sheet,) = written(['Zoë 👩‍💻 <&>\n"x"', 201], [NOON, None], [" blanks ", -5])
    assert values(sheet) == [
        ("a", "b"),
        ('Zoë 👩‍💻 <&>\n"x"', 201),
        (NOON, None),
        (" blanks ", -5),
    ]
    assert sheet["A3"].is_date


def test_the_heading_is_bold_and_stays_in_view_and_a_sheet_without_rows_has_it() -> None:
    (sheet,) = written()
    assert (sheet.freeze_panes, values(sheet)) == ("A2", [("a", "b")])
    assert sheet["A1"].font.b
    assert sheet.title == "Report"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "＝1", '=HYPERLINK("x")', "|x"])
def test_nothing_is_a_formula_also_after_it_was_edited(text: str) -> None:
    (sheet,) = written([text, 1])
    cell = sheet["A2"]
    assert (cell.value, cell.data_type) == (text, "s")
    # So Excel treats it as typed with an apostrophe before it.
    assert cell.quotePrefix == text.startswith(workbook.FORMULA)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\0b\x1b\x0b\uffff\ud800c", "a�b����c"),
        ("x" * 40_000, "x" * 32_767),
        # Each counts twice in a workbook.
        ("\U0001f469" * 20_000, "\U0001f469" * 16_383),
    ],
)
def test_what_no_workbook_can_hold_is_replaced_or_cut(text: str, kept: str) -> None:
    (sheet,) = written([text, 1])
    assert sheet["A2"].value == kept


def test_what_excel_would_read_as_an_escape_is_written_so_that_it_does_not() -> None:
    (sheet,) = written(["_x0041_ and _x_", 1])
    assert unescape(sheet["A2"].value) == "_x0041_ and _x_"
    assert sheet["A2"].value != "_x0041_ and _x_"


def test_more_rows_than_a_sheet_takes_go_on_in_the_next_one() -> None:
    sheets = written(*([number, "x"] for number in range(7)), most_rows=4)
    assert [sheet.title for sheet in sheets] == ["Report", "Report 2", "Report 3"]
    assert [len(values(sheet)) for sheet in sheets] == [4, 4, 2]
    assert [row[0] for sheet in sheets for row in values(sheet)[1:]] == list(range(7))
    assert {values(sheet)[0] for sheet in sheets} == {("a", "b")}
    assert all(sheet.freeze_panes == "A2" for sheet in sheets)
    # As many as fit exactly need no empty sheet.
    assert len(written([1, 1], [2, 2], [3, 3], most_rows=4)) == 1


def test_columns_after_z_have_two_letters() -> None:
    heading = [str(number) for number in range(60)]
    (sheet,) = written(list(range(60)), heading=heading)
    assert values(sheet) == [tuple(heading), tuple(range(60))]


def test_it_begins_to_come_before_the_first_row_is_read_and_goes_on_with_the_rows() -> None:
    read: list[int] = []

    def rows() -> Iterator[Sequence[Cell]]:
        for number in range(20_000):
            read.append(number)
            yield [f"{number * 7919 % 10_007:x}" * 20, number]

    parts = workbook.stream(["a", "b"], rows())
    assert next(parts)
    assert read == []
    sizes = [(len(part), len(read)) for part in parts]
    assert len(sizes) > 10
    assert max(size for size, _ in sizes) < 100_000
    assert sizes[1][1] < 5_000


def test_a_reader_who_leaves_leaves_nothing_open() -> None:
    parts = workbook.stream(["a"], ([number] for number in range(100_000)))
    for _ in range(3):
        next(parts)
    parts.close()  # type: ignore[attr-defined] # a generator
    assert list(parts) == []


def test_the_archive_is_whole() -> None:
    data = b"".join(workbook.stream(["a"], [["x"]]))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None


def test_memory_does_not_grow_with_the_rows() -> None:
    peaks = []
    for count in (5_000, 60_000):
        rows = ([f"ann{number}@example.org", number] for number in range(count))
        tracemalloc.start()
        for _ in workbook.stream(["a", "b"], rows):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 500_000
