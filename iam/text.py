"""What is allowed in a name, when two names are the same, and how things are said in words."""

import unicodedata

from django.core.exceptions import ValidationError

# Characters that turn or hide text: two user names that look alike must not differ only in these.
_INVISIBLE = {"Cf", "Zl", "Zp"}
# One character can become up to 18 when it is normalised, so the form has a limit of its own.
NORMALISED_LENGTH = 400


def normalise(text: str) -> str:
    """The form in which names are compared: one rule on every database.

    SQLite folds the case of ASCII letters only and PostgreSQL of all, so neither is asked.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def sought(text: str) -> str:
    """The normal form of what is looked for, no longer than a normal form can be.

    SQLite gives up on a longer pattern instead of finding nothing.
    """
    return normalise(text[:NORMALISED_LENGTH])[:NORMALISED_LENGTH]


def plain(text: str) -> None:
    """Refuse control characters, which no application shows and PostgreSQL cannot even store."""
    if text.isprintable():
        return
    for position, character in enumerate(text, start=1):
        if unicodedata.category(character) in {"Cc", "Cs"}:
            raise ValidationError(
                f"Character {position} cannot be seen (U+{ord(character):04X}). "
                "Delete it and type the text again."
            )


def visible(text: str) -> None:
    """Refuse in a user name what cannot be seen: zero-width and direction characters too."""
    plain(text)
    if len(normalise(text)) > NORMALISED_LENGTH:
        raise ValidationError("This name is too long. Use fewer or simpler characters.")
    for position, character in enumerate(text, start=1):
        if unicodedata.category(character) in _INVISIBLE:
            raise ValidationError(
                f"Character {position} cannot be seen (U+{ord(character):04X}), so this name would "
                "look like another one. Delete it and type the name again."
            )


def capital(text: str) -> str:
    """The same with a capital letter, as it begins a sentence."""
    return f"{text[:1].upper()}{text[1:]}"


def counted(count: int, one: str, many: str = "") -> str:
    """Such as “1 account” and “1,200 accounts”, or “1 person gets” and “2 people get”."""
    return f"1 {one}" if count == 1 else f"{count:,} {many or f'{one}s'}"


def complaints(error: ValidationError) -> str:
    """What is wrong with which field of a model, in one line."""
    said = error.message_dict.items()
    return " ".join(f"{field}: {text}" for field, texts in said for text in texts)
