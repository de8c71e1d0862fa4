"""People from an Excel workbook: read as from CSV, and what a workbook could lose is told."""

import gc
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.formula import ArrayFormula

from iam import people_workbook
from iam.people_file import Person, people
from iam.people_lines import Problem, Unusable
from iam.people_workbook import lines
from reports import workbook

pytestmark = pytest.mark.django_db
Rows = list[list[Any]]
HEADING = ["username", "title", "employee_id"]


def book(*rows: list[Any]) -> Workbook:
    made = Workbook()
    for row in rows:
        made.worksheets[0].append(row)
    return made


def saved(made: Workbook, folder: Path) -> Path:
    file = folder / "people.xlsx"
    made.save(file)
    return file


def read(made: Workbook, folder: Path, **more: Any) -> list[Person | Problem]:
    return list(people(saved(made, folder), **more))


def changed(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The same archive with other content in some of its files; None leaves one out."""
    with zipfile.ZipFile(file) as old:
        parts = {name: change(name, old.read(name)) for name in old.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            if content is not None:
                new.writestr(name, content)
    return file


def refusal(file: Path, **more: Any) -> str:
    with pytest.raises(Unusable) as failed:
        list(people(file, **more))
    return str(failed.value)


# ----------------------------------------------------------------------------------- the cells


def test_people_are_read_as_from_csv(tmp_path: Path) -> None:
    rows = [["Username", "first-name", "is_active"], ["ann", " Ann ", False], ["bob", None, "yes"]]
    assert read(book(*rows), tmp_path) == [
        Person(2, "ann", {"first_name": "Ann", "is_active": False}),
        Person(3, "bob", {"is_active": True}),
    ]
    (_, cleared) = read(book(*rows), tmp_path, clearing=True)
    assert cleared == Person(3, "bob", {"first_name": "", "is_active": True})


@pytest.mark.parametrize(
    ("value", "form", "text"),
    [
        (12345.0, "General", "12345"),
        (12345, "General", "12345"),
        (12.5, "General", "12.5"),
        (123, "00000", "00123"),
        (123456, "00000", "123456"),
        (-7, "0", "-7"),
        ("00123", "@", "00123"),
        (date(2026, 11, 26), "yyyy-mm-dd", "2026-11-26"),
        (datetime(2026, 11, 26, 8, 30), "yyyy-mm-dd hh:mm", "2026-11-26T08:30:00"),
        (time(8, 30), "hh:mm", "08:30:00"),
        (timedelta(hours=30), "[h]:mm", "1 day, 6:00:00"),
        (True, "General", "true"),
        ("=1+1", "quoted", "=1+1"),
        ("Zoë\n👩‍💻", "General", "Zoë\n👩‍💻"),
    ],
)
def test_each_kind_of_cell_becomes_what_a_person_would_type(
    tmp_path: Path, value: Any, form: str, text: str
) -> None:
    made = book(["username"], [value])
    cell = made.worksheets[0]["A2"]
    if form == "quoted":
        cell.data_type = "s"
    else:
        cell.number_format = form
    (_, line) = lines(saved(made, tmp_path))
    assert (line.cells, line.faults) == ([text], {})


@pytest.mark.parametrize("written", [b"12345.0", b"1.2345E4", b"12345"])
def test_a_whole_number_has_no_fraction_however_it_is_written(
    tmp_path: Path, written: bytes
) -> None:
    file = saved(book(HEADING, ["ann", "x", 12345]), tmp_path)
    changed(file, lambda _, content: content.replace(b"<v>12345</v>", b"<v>" + written + b"</v>"))
    assert list(people(file)) == [Person(2, "ann", {"title": "x", "employee_id": "12345"})]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("=A1", "A formula whose result is not in the file. Open it in Excel, and save it again."),
        (ArrayFormula("C2:C2", "=A1"), "A formula whose result is not in the file."),
        ("#REF!", "The cell holds the error #REF!. Correct its formula."),
        (1234567890123456, "A number so long that Excel rounds it."),
    ],
)
def test_a_cell_that_does_not_say_what_was_meant_is_named(
    tmp_path: Path, value: Any, said: str
) -> None:
    found = read(book(HEADING, ["ann", "x", value], ["bob", "y", "1"]), tmp_path)
    assert str(found[0]).startswith(f"Line 2, column “employee_id”: {said}")
    assert found[1] == Person(3, "bob", {"title": "y", "employee_id": "1"})


def test_the_result_of_a_formula_is_read(tmp_path: Path) -> None:
    file = saved(book(HEADING, ["ann", "x", "=1+1"]), tmp_path)
    changed(
        file,
        lambda _, content: content.replace(b"<v></v>", b"<v>7</v>").replace(b"<v />", b"<v>7</v>"),
    )
    assert list(people(file)) == [Person(2, "ann", {"title": "x", "employee_id": "7"})]


def test_merged_cells_are_named_where_they_begin(tmp_path: Path) -> None:
    made = book(HEADING, ["ann", "Clerk", "1"], ["bob", None, "2"])
    made.worksheets[0].merge_cells("B2:B3")
    *_, last = read(made, tmp_path)
    assert str(last).startswith("Line 2, column “title”: The cells B2:B3 are merged")


def test_empty_lines_and_lines_that_are_not_written_count(tmp_path: Path) -> None:
    made = book()
    sheet = made.worksheets[0]
    for place, value in {"A3": "username", "A4": " ", "A7": "ann", "A9": "b\u200bb"}.items():
        sheet[place] = value
    first, second = read(made, tmp_path)
    assert first == Person(7, "ann")
    assert str(second).startswith("Line 9, column “username”: Character 2 cannot be seen")


def test_a_cell_beside_the_table_is_not_lost(tmp_path: Path) -> None:
    made = book(HEADING, ["ann", "x", "1"])
    made.worksheets[0]["Z2"] = "a note"
    (found,) = read(made, tmp_path)
    assert str(found) == "Line 2: 26 cells, and the first line has 3."


# ---------------------------------------------------------------------------------- the sheets


def test_the_first_sheet_that_is_not_hidden_is_read_or_the_one_that_is_named(
    tmp_path: Path,
) -> None:
    made = book(["username"], ["hidden"])
    made.worksheets[0].sheet_state = "hidden"
    for name in ("People", "Others"):
        sheet = made.create_sheet(name)
        sheet.append(["username"])
        sheet.append([name])
    file = saved(made, tmp_path)
    assert list(people(file)) == [Person(2, "People")]
    assert list(people(file, sheet="Others")) == [Person(2, "Others")]
    assert list(people(file, sheet="Sheet")) == [Person(2, "hidden")]
    assert "There is no sheet “Leavers”. There are: “Sheet”, “People”" in refusal(
        file, sheet="Leavers"
    )


def test_a_csv_file_has_no_sheets(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("username\nann\n")
    assert "so it has no sheet “People”" in refusal(file, sheet="People")


# ------------------------------------------------------------------------------------ the file


def _broken(name: str, content: bytes) -> bytes:
    return content[: len(content) // 2] if name.startswith("xl/worksheets/") else content


def _with_entities(name: str, content: bytes) -> bytes:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    if not name.startswith("xl/worksheets/"):
        return content
    begin = content.index(b"<worksheet")
    return content[:begin] + bomb + content[begin:]


def _without(part: str) -> Callable[[str, bytes], bytes | None]:
    return lambda name, content: None if name == part else content


@pytest.mark.parametrize(
    "change",
    [
        _broken,
        _with_entities,
        _without("xl/workbook.xml"),
        _without("xl/worksheets/sheet1.xml"),
        _without("[Content_Types].xml"),
        # A text that is not among those that the cells share.
        lambda name, content: content.replace(
            b't="inlineStr"><is><t>ann</t></is>', b't="s"><v>999</v>'
        ),
        lambda name, content: content.replace(b'r="A2"', b'r="AAAAAAA2"'),
    ],
)
def test_bad_input_122_a_workbook_that_is_damaged_is_a_sentence_with_a_line(
    tmp_path: Path, change: Callable[[str, bytes], bytes | None]
) -> None:
    file = changed(saved(book(HEADING, ["ann", "x", "1"]), tmp_path), change)
    said = refusal(file)
    assert said.startswith("Line ")
    assert "damaged" in said


@pytest.mark.parametrize("kept", [0.3, 0.7, 0.99])
def test_bad_input_122_a_workbook_that_was_cut_off_is_told(tmp_path: Path, kept: float) -> None:
    file = saved(book(HEADING, *([f"p{n}", "x", n] for n in range(500))), tmp_path)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * kept)])
    assert "Line 1: This is no Excel workbook (.xlsx), or it is damaged." in refusal(file)


def _zip(content: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_zip({}), "This is no Excel workbook"),
        (_zip({"people.csv": b"username\nann\n"}), "This is no Excel workbook"),
        (
            _zip({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
            "no Excel workbook",
        ),
        (b"\xd0\xcf\x11\xe0" + bytes(600) + b"Workbook", "an older Excel (.xls)"),
        (
            b"\xd0\xcf\x11\xe0" + bytes(600) + "EncryptedPackage".encode("utf-16-le"),
            "protected with a password",
        ),
    ],
)
def test_bad_input_122_another_kind_of_file_is_told_from_a_workbook(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "people.xlsx"
    file.write_bytes(content)
    assert said in refusal(file)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "Line 1: No column is called “username”."),
        ([["title"], ["x"]], "Line 1: No column is called “username”."),
        ([["username", "Job title", "title"]], "Line 1: Two columns fill “title”."),
        ([["username", "shoe size"]], "Line 1: There is no attribute “shoe size”."),
        ([["username", None, "title"]], "Line 1: There is no attribute “”."),
        ([["username", "=A1"]], "Line 1: A formula whose result is not in the file."),
    ],
)
def test_bad_input_122_a_heading_that_cannot_be_understood_is_told(
    tmp_path: Path, rows: Rows, said: str
) -> None:
    assert said in refusal(saved(book(*rows), tmp_path))


def test_a_workbook_that_is_too_large_unpacked_is_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "bomb.xlsx"
    piece = bytes(10_000_000)
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/worksheets/sheet1.xml", "w") as part,
    ):
        for _ in range(people_workbook.MOST_BYTES // len(piece) + 1):
            part.write(piece)
    assert file.stat().st_size < 1_000_000
    tracemalloc.start()
    assert "Unpacked, the workbook has 510 MB" in refusal(file)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_what_the_report_writes_can_be_read_and_nothing_is_kept_of_a_line(tmp_path: Path) -> None:
    file = tmp_path / "people.xlsx"
    rows = ([f"p{number}@example.org", "Clerk"] for number in range(4_999))
    file.write_bytes(b"".join(workbook.stream(["username", "title"], rows)))
    held: dict[int, int] = {}
    tracemalloc.start()
    for line in lines(file):
        if line.number in {1_000, 5_000}:
            gc.collect()
            held[line.number] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert (held[5_000] - held[1_000]) / 4_000 < 20


def test_openpyxl_refuses_xml_whose_entities_grow() -> None:
    assert openpyxl.DEFUSEDXML
