"""What the functions of the language do with texts, lists and numbers."""

import unicodedata

from provisioning.expressions.values import (
    LONGEST_TEXT,
    EvaluationError,
    Held,
    Value,
    text,
    too_long,
)

# Letters that hold no accent which could be taken off.
_ONE = dict(zip("øØłŁđĐðÐı", "oOlLdDdDi", strict=True))
_TWO = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "þ": "th", "Þ": "Th"}
_LETTERS = str.maketrans(_ONE | _TWO)


def title(value: str) -> str:
    begins, letters = True, []
    for letter in value:
        letters.append(letter.upper() if begins else letter.lower())
        begins = letter.isspace() or letter in "-'’"
    return "".join(letters)


def strip_accents(value: str) -> str:
    plain = unicodedata.normalize("NFKD", value.translate(_LETTERS))
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return unicodedata.normalize("NFC", bare)


def digits(value: str) -> str:
    return "".join(letter for letter in value if letter.isascii() and letter.isdigit())


def replace(value: str, what: str, instead: Held) -> str:
    new = text(instead)
    # Before it is made: it could be a million times as long.
    if len(value) + value.count(what) * (len(new) - len(what)) > LONGEST_TEXT:
        raise too_long()
    return value.replace(what, new)


def before(value: str, separator: str) -> str:
    return value.partition(separator)[0]


def after(value: str, separator: str) -> str:
    return value.partition(separator)[2]


def left(value: str, count: float) -> str:
    return value[: _whole(count)]


def right(value: str, count: float) -> str:
    number = _whole(count)
    return value[-number:] if number else ""


def middle(value: str, start: float, count: float) -> str:
    first = max(_whole(start), 1) - 1
    return value[first : first + _whole(count)]


def _whole(number: float) -> int:
    """A count of characters, of which no text has more than the longest."""
    return int(max(0, min(number, LONGEST_TEXT)))


def concat(*values: Held) -> str:
    return "".join(map(text, values))


def join(separator: Held, *pieces: Held) -> str:
    return text(separator).join(listed(*pieces))


def listed(*pieces: Held) -> tuple[str, ...]:
    flat: list[str] = []
    for piece in pieces:
        flat += piece if isinstance(piece, tuple) else [text(piece)]
    return tuple(piece for piece in flat if piece)


def split(value: str, separator: str) -> tuple[str, ...]:
    return tuple(value.split(separator))


def item(entries: tuple[str, ...], number: float) -> str | None:
    place = int(number)
    index = place - 1 if place > 0 else place
    return entries[index] if place and -len(entries) <= index < len(entries) else None


def number(value: str) -> Value:
    bare = value.strip()
    try:
        found = float(bare)
    except ValueError:
        found = float("nan")
    if not bare.isascii() or "_" in bare or found - found != 0:
        raise EvaluationError(f"“{value[:50]}” is not a number.")
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def length(value: Held) -> int:
    return len(text(value))
