"""The results of all runs as one table, with a note for everything that is not simply right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.interop.judge import Mark, Verdict

_DETAILS = 1
_LONGEST = 300


@dataclass
class Result:
    """What came of one service: a verdict for each step that was reached."""

    steps: dict[str, Verdict] = field(default_factory=dict)
    seconds: float = 0
    requests: int = 0
    # What the product found out about the service.
    learned: dict[str, str] = field(default_factory=dict)
    # Why it was not run.
    not_run: str = ""


def table(results: Mapping[str, Result], steps: Sequence[str]) -> str:
    """A row for each step, a column for each service, and the notes below."""
    notes: dict[str, int] = {}
    columns = [_column(result, steps, notes) for result in results.values()]
    rows = [("Step", *results), *zip(steps, *columns, strict=True)]
    return "\n".join([*_aligned(rows), "", *(f"{n}. {note}" for note, n in notes.items())])


def failed(result: Result, steps: Sequence[str], *, skipping_fails: bool) -> bool:
    """Whether something is wrong: a FAIL, a run that did not get to its end, or one left out."""
    if result.not_run:
        return skipping_fails
    marks = [verdict.mark for verdict in result.steps.values()]
    return list(result.steps) != list(steps) or Mark.FAIL in marks


def _column(result: Result, steps: Sequence[str], notes: dict[str, int]) -> list[str]:
    if result.not_run:
        return [_noted("not run", _sentence(f"not run: {result.not_run}"), notes)] * len(steps)
    return [_cell(result.steps.get(step), notes) for step in steps]


def _cell(verdict: Verdict | None, notes: dict[str, int]) -> str:
    if verdict is None:
        return f"{Mark.FAIL} (not reached)"
    if verdict.mark == Mark.OK:
        return str(Mark.OK)
    details = [detail for detail in verdict.details if detail != verdict.reason]
    more = len(details) - _DETAILS
    said = [_short(detail) for detail in details[:_DETAILS]]
    if more > 0:
        said.append(f"(and {more} more)")
    return _noted(verdict.mark, " ".join([_sentence(verdict.reason), *said]), notes)


def _sentence(reason: str) -> str:
    text = _short(reason)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "…")) else ".")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _noted(mark: str, note: str, notes: dict[str, int]) -> str:
    return f"{mark} {notes.setdefault(note, len(notes) + 1)}"


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return [lines[0], rule, *lines[1:]]
