"""Dates in a formula: read as one pattern says, and written as another says."""

from datetime import date
from typing import Final

from provisioning.expressions.values import EvaluationError

PARTS: Final = {"YYYY": 4, "MM": 2, "DD": 2}


def convert(text: str, written: str, wanted: str) -> str:
    """The date in the pattern that is wanted. Raises EvaluationError if it is not in the first."""
    found = _read(text.strip(), written)
    if found is None:
        raise EvaluationError(f"“{text[:50]}” is not a date written as {written}.")
    year, month, day = found
    for part, value in (("YYYY", f"{year:04}"), ("MM", f"{month:02}"), ("DD", f"{day:02}")):
        wanted = wanted.replace(part, value)
    return wanted


def is_complete(pattern: str) -> bool:
    """Whether a date can be read by it: year, month and day, each once."""
    return all(pattern.count(part) == 1 for part in PARTS)


def _read(text: str, pattern: str) -> tuple[int, int, int] | None:
    """Year, month and day; None if the text is not a date in this pattern."""
    # Of a time behind the date, as in 2026-11-25T08:30:00Z, nothing is wanted.
    found: dict[str, int] = {}
    position = 0
    while pattern:
        part = pattern[:4] if pattern.startswith("YYYY") else pattern[:2]
        if part in PARTS:
            digits = text[position : position + PARTS[part]]
            if len(digits) != PARTS[part] or not (digits.isascii() and digits.isdigit()):
                return None
            found[part] = int(digits)
        else:
            part = pattern[0]
            if text[position : position + 1] != part:
                return None
        position += len(part)
        pattern = pattern[len(part) :]
    rest = text[position:]
    if rest and rest[0] not in "T ":
        return None
    return _existing(found)


def _existing(found: dict[str, int]) -> tuple[int, int, int] | None:
    try:
        there = date(found["YYYY"], found["MM"], found["DD"])
    except ValueError:
        return None
    return there.year, there.month, there.day
