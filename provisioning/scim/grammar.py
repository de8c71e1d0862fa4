"""Reads the text of an attribute path and points at the character that is wrong (RFC 7644 3.10).

    path   = [schema ":"] name [filter] ["." name]
    filter = "[" term *( "and" term ) "]"
    term   = name "eq" value

That is the part of the RFC's grammar that a mapping needs: other operators select entries that
nobody could create.
"""

import json
import unicodedata
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_letters, digits
from typing import Final

Value = str | bool | int | float

LONGEST: Final = 500

_BLANK = frozenset(" ")
_DIGIT = frozenset(digits)
_LETTER = frozenset(ascii_letters)
# RFC 7643 2.1 allows "$" for the sake of $ref; the grammar of RFC 7644 forgot it.
_FIRST = _LETTER | {"$"}
_NAME = _FIRST | _DIGIT | {"-", "_"}
_SEGMENT = _NAME | {".", "~"}
_WORD = _NAME | {".", "+", "@"}
_SYMBOL = frozenset("=!<>")
# What word processors and other languages put around text.
_OTHER_QUOTES = frozenset("'`´‘’‚“”„«»")
_OTHER_OPERATORS = frozenset({"ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"})

_EXAMPLE = 'emails[type eq "work"].value'
_EXTENSION_EXAMPLE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"

_TOO_LONG = f"A path has at most {LONGEST} characters, and this one is longer. Shorten it."
_HIDDEN = "A hidden character stands here. Type the path by hand instead of pasting it."
_NO_BLANK = "No blank may stand here. Remove it."
_NAME_RULE = (
    "A name begins with a letter and goes on with letters, digits, - and _, as in name.givenName."
)
_SCHEMA_RULE = f"A schema is made of words with one colon between them, as in {_EXTENSION_EXAMPLE}."


class PathError(ValueError):
    """A path that cannot be read or used; `str()` is `problem`, a sentence for an administrator.

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
        """The path, a mark under the wrong character, and the problem, each on its line."""
        # A line break inside the path would tear it from its mark.
        shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in self.text)
        return f"{shown}\n{' ' * self.position}^\n{self.problem}"


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


class _Reader:
    """The text, and the position up to which it is understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

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

    def wrong(self, problem: str, *, at: int | None = None) -> PathError:
        return PathError(self.text, self.position if at is None else at, problem)


# The same few targets are read for every account.
@lru_cache(maxsize=1_000)
def parse(text: str) -> Path:
    """path = [schema ":"] name [filter] ["." name]

    Operators are read in any letter case; names keep theirs. Raises PathError, nothing else.
    """
    _refuse_unreadable(text)
    reader = _Reader(text)
    schema = _schema(reader)
    attribute = _name(reader)
    terms = _filter(reader)
    sub = _sub(reader)
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
        if _is_control(character):
            raise PathError(text, position, _HIDDEN)


def _is_control(character: str) -> bool:
    """Also half of a surrogate pair, which no request could carry."""
    return unicodedata.category(character) in {"Cc", "Cs"}


def _schema(reader: _Reader) -> str | None:
    """schema = "urn" 2*( ":" segment ), up to the last colon before a filter"""
    text = reader.text
    if text[:4].lower() != "urn:":
        return None
    bracket = text.find("[")
    end = len(text) if bracket < 0 else bracket
    colon = text.rfind(":", 0, end)
    while reader.position <= colon:
        if not reader.take(_SEGMENT) or reader.next != ":":
            raise reader.wrong(_stray(reader, rule=_SCHEMA_RULE))
        reader.position += 1
    schema = text[:colon]
    if colon + 1 == end or schema.count(":") < 2:
        raise reader.wrong(_nothing_behind(""), at=end)
    _refuse_resource_type(reader, schema, text[colon + 1 : end])
    return schema


def _refuse_resource_type(reader: _Reader, schema: str, rest: str) -> None:
    """`…:2.0:User` alone is a schema: no attribute begins with a capital and follows a version."""
    version = schema.rpartition(":")[2]
    name, dot, sub = rest.partition(".")
    is_type = name[:1].isupper() and name.endswith(("User", "Group"))
    if is_type and set(version) <= _DIGIT | {"."}:
        at = reader.position + len(name)
        hint = f"{schema}:{name}:{sub}" if dot and sub else ""
        raise reader.wrong(_nothing_behind(hint), at=at)


def _nothing_behind(corrected: str) -> str:
    return (
        "No attribute stands behind the schema. Write a colon and the attribute after it, "
        f"as in {corrected or _EXTENSION_EXAMPLE}."
    )


def _name(reader: _Reader) -> str:
    """name = ( ALPHA / "$" ) *( ALPHA / DIGIT / "$" / "-" / "_" )"""
    if reader.next not in _FIRST:
        raise reader.wrong(_stray(reader))
    return reader.take(_NAME)


def _sub(reader: _Reader) -> str | None:
    """sub = "." name"""
    if reader.next != ".":
        return None
    dot = reader.position
    reader.position += 1
    if not reader.next:
        raise reader.wrong(
            f"The path ends with a dot. Remove it: {reader.text[:dot]}. "
            "Or name a part after it, as in name.givenName.",
            at=dot,
        )
    if reader.next == ".":
        rest = reader.text[dot:].lstrip(".")
        raise reader.wrong(f"One dot is enough here: {reader.text[:dot]}.{rest}")
    return _name(reader)


def _filter(reader: _Reader) -> tuple[Term, ...]:
    """filter = "[" term *( and term ) "]" """
    if reader.next != "[":
        return ()
    reader.position += 1
    if reader.next in _DIGIT:
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


def _missing_bracket(reader: _Reader) -> str:
    before, after = reader.text[: reader.position], reader.text[reader.position :]
    corrected = f"{before}]{after}" if not after or after[0] == "." else _EXAMPLE
    return f"A closing bracket “]” is missing here, as in {corrected}"


def _and(reader: _Reader) -> bool:
    """and = 1*SP "and" 1*SP"""
    blank = reader.position
    if not reader.take(_BLANK):
        return False
    word = reader.position
    found = reader.take(_LETTER).lower()
    if found == "and" and reader.take(_BLANK):
        return True
    if found == "and":
        raise reader.wrong("A blank and another condition must follow “and”, or remove “and”.")
    if reader.next in {"", "]"} and not found:
        raise reader.wrong(_NO_BLANK, at=blank)
    raise reader.wrong(
        'Only “and” can join two conditions in a mapping, as in type eq "work" and primary eq '
        "true.",
        at=word,
    )


def _term(reader: _Reader) -> Term:
    """term = name eq value"""
    if reader.next in {"", "]"}:
        raise reader.wrong(f"A condition is missing in the brackets, as in {_EXAMPLE}.")
    attribute = _name(reader)
    _eq(reader, attribute)
    return Term(attribute, _value(reader, attribute))


def _eq(reader: _Reader, attribute: str) -> None:
    """eq = 1*SP "eq" 1*SP"""
    blank = reader.take(_BLANK)
    start = reader.position
    symbol = reader.take(_SYMBOL)
    operator = reader.take(_LETTER)
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
        raise reader.wrong(f"Here eq and a value must stand, as in {_EXAMPLE}.", at=start)
    if not reader.take(_BLANK):
        raise reader.wrong(f"A blank and a value must follow eq: {example}.")


def _value(reader: _Reader, attribute: str) -> Value:
    """value = string / "true" / "false" / number"""
    if reader.next == '"':
        return _string(reader)
    start = reader.position
    if reader.next in _OTHER_QUOTES:
        raise reader.wrong(f'Use straight double quotes: {attribute} eq "work".')
    word = reader.take(_WORD)
    if word in {"true", "false"}:
        return word == "true"
    number = _number(word)
    if number is not None:
        return number
    lower = word.lower()
    example = lower if lower in {"true", "false"} else f'"{word or "work"}"'
    raise reader.wrong(
        "Text stands in double quotes, true and false in small letters without quotes: "
        f"{attribute} eq {example}.",
        at=start,
    )


def _number(word: str) -> int | float | None:
    """number = as in JSON (RFC 8259 section 6); None if it is not one"""
    # json also reads NaN and Infinity, and makes infinity of 1e999.
    try:
        number = json.loads(word)
    except ValueError:
        return None
    finite = isinstance(number, int | float) and number - number == 0
    return number if finite else None


def _string(reader: _Reader) -> str:
    """string = as in JSON (RFC 8259 section 7)"""
    start = reader.position
    try:
        value, reader.position = json.JSONDecoder().raw_decode(reader.text, start)
    except json.JSONDecodeError as error:
        problem = 'A backslash stands only before " or another backslash: write \\\\ for one.'
        if error.pos == start:
            problem = 'This text has no closing quote. Write a " behind it, as in "work".'
        raise reader.wrong(problem, at=error.pos) from None
    if any(map(_is_control, value)):
        raise reader.wrong("This text holds a hidden character. Write it without.", at=start)
    return str(value)


def _stray(reader: _Reader, *, rule: str = _NAME_RULE) -> str:
    """What to say of a character where a name should stand or go on."""
    character = reader.next
    if not character:
        return f"An attribute name is missing here, as in {_EXAMPLE}."
    if character.isspace():
        return _NO_BLANK
    if not character.isprintable():
        return _HIDDEN
    return f"“{character}” cannot stand here. {rule}"


def _leftover(reader: _Reader) -> str:
    """What to say of a character where the path should end."""
    before, after = reader.text[: reader.position], reader.text[reader.position :]
    if before.endswith("]") and reader.next in _FIRST:
        return f"A dot is missing here: {before}.{after}"
    match reader.next:
        case ".":
            return f"A path has at most two levels. Remove what begins at this dot: {before}"
        case "[":
            return f"Brackets stand once, right behind the attribute, as in {_EXAMPLE}."
        case "]":
            return f"No bracket is open here. Remove this one, or write it as in {_EXAMPLE}."
        case ":":
            return (
                f"A colon stands only in a schema that begins with urn, as in {_EXTENSION_EXAMPLE}."
            )
    return _stray(reader)
