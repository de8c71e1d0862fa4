"""Reads a text character by character, and points at the one that is wrong. Pure."""

import unicodedata
from collections.abc import Container
from typing import Final

# What word processors and other languages put around text.
OTHER_QUOTES: Final = frozenset("'`´‘’‚“”„«»")


class TextError(ValueError):
    """A text that cannot be read; `str()` is `problem`, a sentence for an administrator.

    `position` is the index of the wrong character, the length of `text` if something is missing.
    """

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(text, position, problem)
        self.text = text
        self.position = position
        self.problem = problem

    def __str__(self) -> str:
        return self.problem

    @property
    def pointed(self) -> str:
        """The text, a mark under the wrong character, and the problem, each on its line."""
        # A line break inside the text would tear it from its mark.
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in self.text)
        return f"{shown}\n{' ' * self.position}^\n{self.problem}"


class Reader:
    """The text, and the position up to which it is understood."""

    def __init__(self, text: str, error: type[TextError]) -> None:
        self.text = text
        self.position = 0
        self._error = error

    @property
    def next(self) -> str:
        """The character to be read, "" at the end."""
        return self.text[self.position : self.position + 1]

    def take(self, allowed: Container[str]) -> str:
        """The run of allowed characters that comes next, maybe none."""
        start = self.position
        while self.next in allowed:
            self.position += 1
        return self.text[start : self.position]

    def wrong(self, problem: str, *, at: int | None = None) -> TextError:
        return self._error(self.text, self.position if at is None else at, problem)


def is_control(character: str) -> bool:
    """Also half of a surrogate pair, which no request could carry."""
    return unicodedata.category(character) in {"Cc", "Cs"}
