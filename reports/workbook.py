"""Writes an Excel workbook as a stream: rows go in, bytes come out, in the memory of a few rows.

Of our own, because the libraries write the whole file first. Nothing in it refers back to what was
sent already, so it can go to where nothing can be taken back.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

# A moment has no zone in a workbook: it is written as its clock shows it.
Cell = str | int | datetime | None

MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
# What a spreadsheet takes for the beginning of a formula, where it is typed or read from CSV.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# In bytes. A part of 2 GiB needs another form of zip, which not every reader knows.
_LARGEST_SHEET = 1_000_000_000
_DAY_0 = datetime(1899, 12, 30)
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Excel reads _x0041_ as the letter A.
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# The places of the formats in _STYLES. One that looks like a formula stays text when it is edited.
_HEADING, _MOMENT, _QUOTED = 1, 2, 3

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_STYLES = (
    f'{_XML}<styleSheet xmlns="{_MAIN}">'
    '<numFmts count="1"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    "<borders><border><left/><right/><top/><bottom/><diagonal/></border></borders>"
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="4"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


class _Sink:
    """Takes what the archive writes, until it is sent on."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        if data:
            self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""

    def sent(self) -> Iterator[bytes]:
        if self._parts:
            yield b"".join(self._parts)
            self._parts.clear()


def stream(
    heading: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    title: str = "Report",
    most_rows: int = MOST_ROWS,
) -> Iterator[bytes]:
    """The bytes of a workbook with these rows below a heading, the first ones at once.

    What does not fit on a sheet of `most_rows`, the heading included, goes on on the next one.
    """
    sink = _Sink()
    rest = iter(rows)
    names: list[str] = []
    # A typed sink would have to know how to read and seek.
    with ZipFile(sink, "w", ZIP_DEFLATED, compresslevel=3) as archive:  # type: ignore[call-overload]
        archive.writestr("xl/styles.xml", _STYLES)
        yield from sink.sent()
        row = next(rest, None)
        while row is not None or not names:
            names.append(f"{title} {len(names) + 1}" if names else title)
            with archive.open(f"xl/worksheets/sheet{len(names)}.xml", "w") as sheet:
                size = sheet.write(_beginning(heading))
                number = 2
                while row is not None and number <= most_rows and size < _LARGEST_SHEET:
                    size += sheet.write(_row(number, row).encode())
                    yield from sink.sent()
                    row, number = next(rest, None), number + 1
                sheet.write(b"</sheetData></worksheet>")
        for name, content in _parts(names).items():
            archive.writestr(name, _XML + content)
    yield from sink.sent()


def _beginning(heading: Sequence[str]) -> bytes:
    head = _row(1, heading, style=_HEADING)
    return (
        f'{_XML}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        "</sheetView></sheetViews>"
        f'<cols><col min="1" max="{len(heading)}" width="20" customWidth="1"/></cols>'
        f"<sheetData>{head}"
    ).encode()


def _row(number: int, cells: Sequence[Cell], *, style: int = 0) -> str:
    written = "".join(
        _cell(f"{_letters(column)}{number}", cell, style)
        for column, cell in enumerate(cells)
        if cell not in (None, "")
    )
    return f'<row r="{number}">{written}</row>'


def _cell(place: str, cell: Cell, style: int) -> str:
    if isinstance(cell, datetime):
        days = (cell - _DAY_0) / timedelta(days=1)
        return f'<c r="{place}" s="{_MOMENT}"><v>{days!r}</v></c>'
    if isinstance(cell, int):
        return f'<c r="{place}" s="{style}"><v>{cell}</v></c>'
    text = str(cell)
    style = _QUOTED if text.startswith(FORMULA) else style
    return (
        f'<c r="{place}" s="{style}" t="inlineStr">'
        f'<is><t xml:space="preserve">{_text(text)}</t></is></c>'
    )


def _text(text: str) -> str:
    """What XML and Excel take: no control characters, and no more than fits into a cell."""
    if len(text) > LONGEST_TEXT // 2:
        # Excel counts as UTF-16 does.
        text = text.encode("utf-16-le", "replace")[: 2 * LONGEST_TEXT].decode("utf-16-le", "ignore")
    return escape(_ESCAPE.sub("_x005F_", _ILLEGAL.sub("�", text)))


def _letters(column: int) -> str:
    """A, B … Z, AA: the name of a column, from 0 on."""
    rest, last = divmod(column, 26)
    return (_letters(rest - 1) if rest else "") + chr(ord("A") + last)


def _parts(names: Sequence[str]) -> dict[str, str]:
    """What binds the sheets together: the files of the archive that stand beside them."""
    numbers = range(1, len(names) + 1)
    sheets = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(numbers, names, strict=True)
    )
    related = "".join(
        _relationship(number, "worksheet", f"worksheets/sheet{number}.xml") for number in numbers
    )
    overrides = "".join(
        _override(f"/xl/worksheets/sheet{number}.xml", "worksheet") for number in numbers
    )
    return {
        "xl/workbook.xml": (
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{sheets}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relationships(
            related + _relationship(len(names) + 1, "styles", "styles.xml")
        ),
        "_rels/.rels": _relationships(_relationship(1, "officeDocument", "xl/workbook.xml")),
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f"{_override('/xl/workbook.xml', 'sheet.main')}"
            f"{_override('/xl/styles.xml', 'styles')}{overrides}</Types>"
        ),
    }


def _relationships(inner: str) -> str:
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _relationship(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{_OFFICE}/{kind}" Target="{target}"/>'


def _override(part: str, kind: str) -> str:
    return f'<Override PartName="{part}" ContentType="{_KIND}.{kind}+xml"/>'
