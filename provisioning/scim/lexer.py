"""Reads names, schemas and values out of a text, and points at the character that is wrong."""

import json
from collections.abc import Mapping
from string import ascii_letters, digits
from typing import Final, TypeVar

from provisioning.reader import OTHER_QUOTES, Reader, is_control

Value = str | bool | int | float
W = TypeVar("W")

BLANK: Final = frozenset(" ")
DIGIT: Final = frozenset(digits)
LETTER: Final = frozenset(ascii_letters)
# RFC 7643 2.1 allows "$" for the sake of $ref; the grammar of RFC 7644 forgot it.
FIRST: Final = LETTER | {"$"}
NAME: Final = FIRST | DIGIT | {"-", "_"}
SYMBOL: Final = frozenset("=!<>")
_SEGMENT = NAME | {".", "~"}
_WORD = NAME | {".", "+", "@"}

# The words of JSON that a mapping may choose by, and with null those of a filter.
TRUTHS: Final[Mapping[str, bool]] = {"true": True, "false": False}
WORDS: Final[Mapping[str, bool | None]] = {**TRUTHS, "null": None}

EXAMPLE: Final = 'emails[type eq "work"].value'
EXTENSION_EXAMPLE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"

HIDDEN: Final = "A hidden character stands here. Type it by hand instead of pasting it."
NO_BLANK: Final = "No blank may stand here. Remove it."
_NAME_RULE = (
    "A name begins with a letter and goes on with letters, digits, - and _, as in name.givenName."
)
_SCHEMA_RULE = f"A schema is made of words with one colon between them, as in {EXTENSION_EXAMPLE}."


def schema(reader: Reader, end: int) -> str | None:
    """schema = "urn" 2*( ":" segment ), up to the last colon before `end`"""
    text, start = reader.text, reader.position
    if text[start : start + 4].lower() != "urn:":
        return None
    colon = text.rfind(":", start, end)
    while reader.position <= colon:
        if not reader.take(_SEGMENT) or reader.next != ":":
            raise reader.wrong(stray(reader, rule=_SCHEMA_RULE))
        reader.position += 1
    found = text[start:colon]
    if colon + 1 == end or found.count(":") < 2:
        raise reader.wrong(_nothing_behind(""), at=end)
    _refuse_resource_type(reader, found, text[colon + 1 : end])
    return found


def _refuse_resource_type(reader: Reader, schema: str, rest: str) -> None:
    """`…:2.0:User` alone is a schema: no attribute begins with a capital and follows a version."""
    version = schema.rpartition(":")[2]
    name, dot, sub = rest.partition(".")
    is_type = name[:1].isupper() and name.endswith(("User", "Group"))
    if is_type and set(version) <= DIGIT | {"."}:
        at = reader.position + len(name)
        hint = f"{schema}:{name}:{sub}" if dot and sub else ""
        raise reader.wrong(_nothing_behind(hint), at=at)


def _nothing_behind(corrected: str) -> str:
    return (
        "No attribute stands behind the schema. Write a colon and the attribute after it, "
        f"as in {corrected or EXTENSION_EXAMPLE}."
    )


def attribute_end(reader: Reader) -> int:
    """Where the schema, the name and the part that come next end, right or wrong."""
    start = reader.position
    reader.take(_SEGMENT | {":"})
    end, reader.position = reader.position, start
    return end


def name(reader: Reader) -> str:
    """name = ( ALPHA / "$" ) *( ALPHA / DIGIT / "$" / "-" / "_" )"""
    if reader.next not in FIRST:
        raise reader.wrong(stray(reader))
    return reader.take(NAME)


def part(reader: Reader) -> str | None:
    """part = "." name"""
    if reader.next != ".":
        return None
    dot = reader.position
    reader.position += 1
    if not reader.next:
        raise reader.wrong(
            f"A dot is the last thing here. Remove it: {reader.text[:dot]}. "
            "Or name a part after it, as in name.givenName.",
            at=dot,
        )
    if reader.next == ".":
        rest = reader.text[dot:].lstrip(".")
        raise reader.wrong(f"One dot is enough here: {reader.text[:dot]}.{rest}")
    return name(reader)


def literal(reader: Reader, words: Mapping[str, W], *, before: str) -> str | int | float | W:
    """literal = string / number / one of the words, as in JSON; `before` stands left of it"""
    if reader.next == '"':
        return _string(reader)
    start = reader.position
    if reader.next in OTHER_QUOTES:
        raise reader.wrong(f'Use straight double quotes: {before} "work".')
    word = reader.take(_WORD)
    if word in words:
        return words[word]
    number = _number(word)
    if number is not None:
        return number
    lower = word.lower()
    example = lower if lower in words else f'"{word or "work"}"'
    raise reader.wrong(
        "Text stands in double quotes, true and false in small letters without quotes: "
        f"{before} {example}.",
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


def _string(reader: Reader) -> str:
    """string = as in JSON (RFC 8259 section 7)"""
    start = reader.position
    try:
        value, reader.position = json.JSONDecoder().raw_decode(reader.text, start)
    except json.JSONDecodeError as error:
        raise reader.wrong(_broken(reader.text, start, error.pos), at=error.pos) from None
    return str(value)


def _broken(text: str, start: int, position: int) -> str:
    """What to say of a string that is none."""
    if position == start:
        return 'This text has no closing quote. Write a " behind it, as in "work".'
    if is_control(text[position : position + 1] or " "):
        return HIDDEN
    return 'A backslash stands only before " or another backslash: write \\\\ for one.'


def stray(reader: Reader, *, rule: str = _NAME_RULE) -> str:
    """What to say of a character where a name should stand or go on."""
    character = reader.next
    if not character:
        return f"An attribute name is missing here, as in {EXAMPLE}."
    if character.isspace():
        return NO_BLANK
    if not character.isprintable():
        return HIDDEN
    return f"“{character}” cannot stand here. {rule}"
