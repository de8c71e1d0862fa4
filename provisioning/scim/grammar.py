"""Reads the text of an attribute path and points at the character that is wrong (RFC 7644 3.10).

    path   = [schema ":"] name [filter] ["." name]
    filter = "[" term *( "and" term ) "]"
    term   = name "eq" value

That is the part of the RFC's grammar that a mapping needs: other operators select entries that
nobody could create.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from provisioning.reader import Reader, TextError, is_control
from provisioning.scim import lexer
from provisioning.scim.lexer import (
    BLANK,
    DIGIT,
    EXAMPLE,
    EXTENSION_EXAMPLE,
    FIRST,
    HIDDEN,
    LETTER,
    NO_BLANK,
    SYMBOL,
    TRUTHS,
    Value,
    stray,
)

LONGEST: Final = 500

_OTHER_OPERATORS = frozenset({"ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"})

_TOO_LONG = f"A path has at most {LONGEST} characters, and this one is longer. Shorten it."


class PathError(TextError):
    """A path that cannot be read, or that a mapping cannot use."""


@dataclass(frozen=True)
class Term:
    """One condition of a filter: `type eq "work"`."""

    attribute: str
    value: Value

    def __str__(self) -> str:
        return f"{self.attribute} eq {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Path:
    """Where a value stands in a document; `str()` is the canonical text, which `parse` reads."""

    schema: str | None
    attribute: str
    terms: tuple[Term, ...] = ()
    sub: str | None = None

    def __str__(self) -> str:
        schema = f"{self.schema}:" if self.schema else ""
        terms = f"[{' and '.join(map(str, self.terms))}]" if self.terms else ""
        sub = f".{self.sub}" if self.sub else ""
        return f"{schema}{self.attribute}{terms}{sub}"

    @property
    def part(self) -> str | None:
        """The sub-attribute meant: of an entry chosen by a filter, `value` unless another."""
        return self.sub or ("value" if self.terms else None)


# The same few targets are read for every account.
@lru_cache(maxsize=1_000)
def parse(text: str) -> Path:
    """path = [schema ":"] name [filter] ["." name]

    Operators are read in any letter case; names keep theirs. Raises PathError, nothing else.
    """
    _refuse_unreadable(text)
    reader = Reader(text, PathError)
    bracket = text.find("[")
    schema = lexer.schema(reader, len(text) if bracket < 0 else bracket)
    attribute = lexer.name(reader)
    terms = _filter(reader)
    sub = lexer.part(reader)
    if reader.next:
        raise reader.wrong(_leftover(reader))
    path = Path(schema, attribute, terms, sub)
    # A number such as 1e15 is longer when written out.
    if len(str(path)) > LONGEST:
        raise PathError(text, 0, _TOO_LONG)
    return path


def _refuse_unreadable(text: str) -> None:
    if not text.strip():
        raise PathError(text, 0, "The path is empty. Write an attribute, for example userName.")
    if len(text) > LONGEST:
        raise PathError(text, LONGEST, _TOO_LONG)
    for position, character in enumerate(text):
        if is_control(character):
            raise PathError(text, position, HIDDEN)


def _filter(reader: Reader) -> tuple[Term, ...]:
    """filter = "[" term *( and term ) "]" """
    if reader.next != "[":
        return ()
    reader.position += 1
    if reader.next in DIGIT:
        before = reader.text[: reader.position]
        raise reader.wrong(
            f'Entries are not chosen by number. Choose by type: {before}type eq "work"].'
        )
    terms: list[Term] = []
    while not terms or _and(reader):
        start = reader.position
        term = _term(reader)
        if term.attribute.lower() in {earlier.attribute.lower() for earlier in terms}:
            raise reader.wrong(f"“{term.attribute}” stands twice. Keep only one.", at=start)
        terms.append(term)
    if reader.next != "]":
        raise reader.wrong(_missing_bracket(reader))
    reader.position += 1
    return tuple(terms)


def _missing_bracket(reader: Reader) -> str:
    before, after = reader.text[: reader.position], reader.text[reader.position :]
    corrected = f"{before}]{after}" if not after or after[0] == "." else EXAMPLE
    return f"A closing bracket “]” is missing here, as in {corrected}"


def _and(reader: Reader) -> bool:
    """and = 1*SP "and" 1*SP"""
    blank = reader.position
    if not reader.take(BLANK):
        return False
    word = reader.position
    found = reader.take(LETTER).lower()
    if found == "and" and reader.take(BLANK):
        return True
    if found == "and":
        raise reader.wrong("A blank and another condition must follow “and”, or remove “and”.")
    if reader.next in {"", "]"} and not found:
        raise reader.wrong(NO_BLANK, at=blank)
    raise reader.wrong(
        'Only “and” can join two conditions in a mapping, as in type eq "work" and primary eq '
        "true.",
        at=word,
    )


def _term(reader: Reader) -> Term:
    """term = name eq value"""
    if reader.next in {"", "]"}:
        raise reader.wrong(f"A condition is missing in the brackets, as in {EXAMPLE}.")
    attribute = lexer.name(reader)
    _eq(reader, attribute)
    return Term(attribute, _value(reader, attribute))


def _eq(reader: Reader, attribute: str) -> None:
    """eq = 1*SP "eq" 1*SP"""
    blank = reader.take(BLANK)
    start = reader.position
    symbol = reader.take(SYMBOL)
    operator = reader.take(LETTER)
    example = f'{attribute} eq "work"'
    if symbol:
        raise reader.wrong(
            f"Write eq, with a blank on each side, instead of “{symbol}”: {example}.", at=start
        )
    if operator.lower() in _OTHER_OPERATORS:
        raise reader.wrong(
            f"Only eq is possible in a mapping, not “{operator}”: {example}.", at=start
        )
    if not blank or operator.lower() != "eq":
        raise reader.wrong(f"Here eq and a value must stand, as in {EXAMPLE}.", at=start)
    if not reader.take(BLANK):
        raise reader.wrong(f"A blank and a value must follow eq: {example}.")


def _value(reader: Reader, attribute: str) -> Value:
    """value = string / "true" / "false" / number"""
    start = reader.position
    value = lexer.literal(reader, TRUTHS, before=f"{attribute} eq")
    if isinstance(value, str) and any(map(is_control, value)):
        raise reader.wrong("This text holds a hidden character. Write it without.", at=start)
    return value


def _leftover(reader: Reader) -> str:
    """What to say of a character where the path should end."""
    before, after = reader.text[: reader.position], reader.text[reader.position :]
    if before.endswith("]") and reader.next in FIRST:
        return f"A dot is missing here: {before}.{after}"
    match reader.next:
        case ".":
            return f"A path has at most two levels. Remove what begins at this dot: {before}"
        case "[":
            return f"Brackets stand once, right behind the attribute, as in {EXAMPLE}."
        case "]":
            return f"No bracket is open here. Remove this one, or write it as in {EXAMPLE}."
        case ":":
            return (
                f"A colon stands only in a schema that begins with urn, as in {EXTENSION_EXAMPLE}."
            )
    return stray(reader)
