"""Reads a SCIM filter, or the place a PATCH means, into a tree, and writes it back (RFC 7644).

    filter    = both *( "or" both )
    both      = condition *( "and" condition )
    condition = attribute "pr" / attribute operator value / ["not"] "(" filter ")" / entry
    entry     = attribute "[" filter "]"
    place     = attribute / entry ["." name]

Figures 1 and 7 with the errata that order the operators (4670), allow “not” before a blank (7319)
and parentheses in brackets (7322).
"""

import json
from dataclasses import dataclass, replace
from typing import Final

from provisioning.reader import Reader, TextError
from provisioning.scim import lexer
from provisioning.scim.grammar import Path
from provisioning.scim.lexer import BLANK, DIGIT, NAME, SYMBOL, WORDS, Value

# So long an address is taken by every server, and so deep nobody asks.
LONGEST: Final = 2_000
DEEPEST: Final = 20

_EQUAL = ("eq", "ne")
_WITHIN = ("co", "sw", "ew")
_ORDER = ("gt", "ge", "lt", "le")
_OPERATORS = (*_EQUAL, *_WITHIN, *_ORDER)

_EXAMPLE = 'userName eq "ann"'
_TOO_LONG = f"A filter has at most {LONGEST:,} characters, and this one is longer. Shorten it."
_TOO_DEEP = f"More than {DEEPEST} brackets are open here. Ask for less at once."
_OPERATOR_MISSING = (
    f"One of {', '.join(_OPERATORS)} and a value must stand here, or pr alone, as in {_EXAMPLE}."
)


class FilterError(TextError):
    """A filter, or a place in a document, that cannot be read."""


@dataclass(frozen=True)
class Comparison:
    """`userName eq "ann"`. Null is no value."""

    attribute: Path
    operator: str
    value: Value | None

    def __str__(self) -> str:
        return f"{self.attribute} {self.operator} {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Present:
    """`title pr`"""

    attribute: Path

    def __str__(self) -> str:
        return f"{self.attribute} pr"


@dataclass(frozen=True)
class Entry:
    """`emails[type eq "work"]`: one and the same entry is as the filter says."""

    attribute: Path
    filter: "Filter"

    def __str__(self) -> str:
        return f"{self.attribute}[{self.filter}]"


@dataclass(frozen=True)
class Not:
    """`not (title pr)`"""

    filter: "Filter"

    def __str__(self) -> str:
        return f"not ({self.filter})"


@dataclass(frozen=True)
class And:
    """All of them, at least two."""

    parts: tuple["Filter", ...]

    def __str__(self) -> str:
        return " and ".join(_bracketed(part, (And, Or)) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """One of them, at least two."""

    parts: tuple["Filter", ...]

    def __str__(self) -> str:
        return " or ".join(_bracketed(part, (Or,)) for part in self.parts)


Filter = Comparison | Present | Entry | Not | And | Or


@dataclass(frozen=True)
class Place:
    """Where an operation of a PATCH acts: an attribute or a part of it, in the entries chosen."""

    attribute: Path
    chosen: Filter | None = None

    def __str__(self) -> str:
        chosen = f"[{self.chosen}]" if self.chosen else ""
        sub = f".{self.attribute.sub}" if self.attribute.sub else ""
        return f"{replace(self.attribute, sub=None)}{chosen}{sub}"


def parse(text: str) -> Filter:
    """The filter that the text means. Raises FilterError, nothing else."""
    reader = _reader(text)
    found = _filter(reader)
    _refuse_leftover(reader)
    if len(str(found)) > LONGEST:
        raise FilterError(text, 0, _TOO_LONG)
    return found


def place(text: str) -> Place:
    """The place in a document that the `path` of a PATCH means. Raises FilterError."""
    reader = _reader(text)
    attribute, chosen = _attribute(reader), None
    if reader.next == "[":
        chosen = _in_brackets(reader, attribute)
        attribute = replace(attribute, sub=lexer.part(reader))
    if reader.next:
        raise reader.wrong(lexer.stray(reader))
    return Place(attribute, chosen)


class _Reader(Reader):
    """Knows how many brackets are open, and whether one of them chooses entries."""

    depth = 0
    chooses = False


def _reader(text: str) -> _Reader:
    if not text.strip():
        raise FilterError(text, 0, f"Nothing is written here. Write a condition, as in {_EXAMPLE}.")
    if len(text) > LONGEST:
        raise FilterError(text, LONGEST, _TOO_LONG)
    return _Reader(text, FilterError)


def _filter(reader: _Reader) -> Filter:
    """filter = both *( "or" both )"""
    parts = [_both(reader)]
    while _joined(reader, "or"):
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _both(reader: _Reader) -> Filter:
    """both = condition *( "and" condition )"""
    parts = [_condition(reader)]
    while _joined(reader, "and"):
        parts.append(_condition(reader))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _joined(reader: _Reader, word: str) -> bool:
    """Whether the word comes next; it is read then."""
    start = reader.position
    reader.take(BLANK)
    if reader.take(NAME).lower() == word:
        return True
    reader.position = start
    return False


def _condition(reader: _Reader) -> Filter:
    """condition = attribute "pr" / attribute operator value / ["not"] "(" filter ")" / entry"""
    reader.take(BLANK)
    if reader.next == "(":
        return _within(reader, ")")
    if reader.next in {"", ")", "]"}:
        raise reader.wrong(f"A condition is missing here, as in {_EXAMPLE}.")
    attribute = _attribute(reader)
    if reader.next == "[":
        return _entry(reader, attribute)
    reader.take(BLANK)
    if reader.next == "(" and str(attribute).lower() == "not":
        return Not(_within(reader, ")"))
    return _compared(reader, attribute)


def _attribute(reader: _Reader) -> Path:
    """attribute = [schema ":"] name ["." name], and only a name within brackets"""
    start = reader.position
    schema = lexer.schema(reader, lexer.attribute_end(reader))
    name, sub = lexer.name(reader), lexer.part(reader)
    if reader.chooses and (schema or sub):
        raise reader.wrong(
            f"In brackets a part is named alone, as in {lexer.EXAMPLE}.",
            at=start,
        )
    return Path(schema, name, sub=sub)


def _entry(reader: _Reader, attribute: Path) -> Filter:
    """entry = attribute "[" filter "]", and as Entra asks: attribute "[" filter "]." condition"""
    found = _in_brackets(reader, attribute)
    if reader.next != ".":
        return Entry(attribute, found)
    # Entra's matching by emails[type eq "work"].value:
    # https://learn.microsoft.com/entra/identity/app-provisioning (2026-11)
    _refuse_too_deep(reader)
    part = Path(None, str(lexer.part(reader)))
    reader.take(BLANK)
    parts = found.parts if isinstance(found, And) else (found,)
    return Entry(attribute, And((*parts, _compared(reader, part))))


def _in_brackets(reader: _Reader, attribute: Path) -> Filter:
    if reader.chooses or attribute.sub:
        raise reader.wrong(f"Brackets stand once, right behind the attribute: {lexer.EXAMPLE}.")
    if reader.text[reader.position + 1 : reader.position + 2] in DIGIT:
        raise reader.wrong(f"Entries are not chosen by number but as in {lexer.EXAMPLE}.")
    reader.chooses = True
    found = _within(reader, "]")
    reader.chooses = False
    return found


def _within(reader: _Reader, closing: str) -> Filter:
    """What stands between a bracket, which comes next, and the one that closes it."""
    _refuse_too_deep(reader)
    reader.position += 1
    reader.depth += 1
    found = _filter(reader)
    reader.take(BLANK)
    if reader.next != closing:
        raise reader.wrong(
            f"Here “{closing}” is missing, or “and” or “or” before another condition."
        )
    reader.position += 1
    reader.depth -= 1
    return found


def _refuse_too_deep(reader: _Reader) -> None:
    if reader.depth >= DEEPEST:
        raise reader.wrong(_TOO_DEEP)


def _compared(reader: _Reader, attribute: Path) -> Filter:
    """ "pr" / operator value"""
    start = reader.position
    symbol = reader.take(SYMBOL)
    if symbol:
        raise reader.wrong(
            f"Write a word such as eq instead of “{symbol}”, as in {_EXAMPLE}.", at=start
        )
    operator = reader.take(NAME).lower()
    if operator == "pr":
        return Present(attribute)
    if operator not in _OPERATORS:
        raise reader.wrong(_OPERATOR_MISSING, at=start)
    return Comparison(attribute, operator, _value(reader, attribute, operator))


def _value(reader: _Reader, attribute: Path, operator: str) -> Value | None:
    """value = string / number / "true" / "false" / "null" """
    reader.take(BLANK)
    if reader.next in {"", ")", "]"}:
        raise reader.wrong(f"A value must follow {operator}, as in {_EXAMPLE}.")
    start = reader.position
    value = lexer.literal(reader, WORDS, before=f"{attribute} {operator}")
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise reader.wrong("This text holds half a character. Write it without.", at=start)
    elif operator in _WITHIN:
        raise reader.wrong(f"{operator} needs text, in double quotes.", at=start)
    elif operator in _ORDER and (value is None or isinstance(value, bool)):
        raise reader.wrong(f"{operator} needs something that has an order.", at=start)
    return value


def _refuse_leftover(reader: _Reader) -> None:
    reader.take(BLANK)
    if reader.next in {")", "]"}:
        raise reader.wrong("No bracket is open here. Remove this one.")
    if reader.next:
        raise reader.wrong("Here “and” or “or” is missing, or something is too much.")


def _bracketed(part: Filter, kinds: tuple[type, ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
