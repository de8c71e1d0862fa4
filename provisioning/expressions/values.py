"""What a formula works with, and what is said when it cannot."""

from enum import StrEnum
from typing import Final

from provisioning.reader import TextError

Value = str | bool | int | float
# A tuple is a list; None is an empty value.
Held = Value | tuple[str, ...] | None

# Of one text, and of everything together that one formula makes on its way.
LONGEST_TEXT: Final = 4_000
MOST_WORK: Final = 50_000
# How much of a formula fits on a line of its field, and how much of that before the mark.
_WIDEST = 36
_BEFORE = 26


class Kind(StrEnum):
    """Of what kind a value is, in the words of an error."""

    TEXT = "a text"
    NUMBER = "a number"
    FLAG = "a question answered with yes or no"
    LIST = "a list"
    # One value, of which only the person tells the kind.
    MIXED = "a value"


class ExpressionError(TextError):
    """A formula that cannot be read."""

    @property
    def pointed(self) -> str:
        """The formula, a mark under the wrong character, and the problem, each on its line.

        Of a long formula, what stands around the mark: a line that wraps would tear them apart.
        """
        # A line break inside the formula would tear it from its mark.
        line = "".join(
            " " if c.isspace() else c if c.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for c in self.text
        )
        start = max(0, self.position - _BEFORE) if len(line) > _WIDEST else 0
        end = start + _WIDEST
        shown = f"{'…' * bool(start)}{line[start:end]}{'…' * (end < len(line))}"
        return f"{shown}\n{' ' * (self.position - start + bool(start))}^\n{self.problem}"


class EvaluationError(ValueError):
    """A formula that can be read and has no value for this person; a sentence that says why."""


def text(value: Held) -> str:
    """A value as it is written in a text; an empty one is nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def size(value: Held) -> int:
    """How much room a value takes."""
    if isinstance(value, tuple):
        return sum(map(len, value)) + len(value)
    return len(value) if isinstance(value, str) else 1


def checked(value: Held) -> Held:
    """The value; an empty text is no value. Raises EvaluationError if it is too long."""
    if size(value) > LONGEST_TEXT:
        raise too_long()
    return None if value in ("", ()) else value


def too_long() -> EvaluationError:
    return EvaluationError(
        f"The formula makes a text of more than {LONGEST_TEXT:,} characters. Use left()."
    )
