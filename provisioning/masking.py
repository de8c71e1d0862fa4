"""Makes of a value, a sentence or an exchange what may be kept: no secret and nothing sensitive.

What is cut or left out says so. Pure, and done before anything is stored.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from provisioning.echoes import MASK, masked
from provisioning.plan import Change, Value
from provisioning.witness import Exchange

# About so many characters of one body are kept, and so many levels of it.
LONGEST_BODY = 16_000
_DEEPEST = 40
_LONGEST_TEXT = 2_000
# A shorter value is masked only where it is all of a text: it would be found in every other word.
_TELLING = 4

# All other headers of a request are shown without their values, and those of an answer not at all.
_SENT = {"accept", "accept-encoding", "content-type", "if-match", "user-agent", "x-correlation-id"}
_ANSWERED = {"content-type", "date", "etag", "location", "retry-after", "x-request-id"}
_LIMITS = ("ratelimit", "x-ratelimit", "x-rate-limit")
_SCHEMES = {"basic", "bearer"}
# What a search or a list is asked for (RFC 7644 section 3.4.2, RFC 9865).
_PARAMETERS = {
    "attributes",
    "count",
    "cursor",
    "excludedattributes",
    "filter",
    "sortby",
    "sortorder",
    "startindex",
}
# Sensitive whatever is mapped.
_ALWAYS = frozenset(
    {"password", "access_token", "refresh_token", "id_token", "client_secret", "assertion"}
)
# They say nothing by themselves: the attribute around them is meant.
_PARTS = {"value", "display", "formatted", "type", "primary", "$ref"}
_COMPARED = re.compile(r'\b(eq|ne|co|sw|ew|gt|ge|lt|le)\s+("(?:\\.|[^"\\])*"|[^\s()\[\]]+)', re.I)
_WORD = re.compile(r"[\w$-]+")


@dataclass(frozen=True)
class Masking:
    """What is kept out: attributes by their names, in small letters, and texts wherever they are.

    Of `values`, the longest come first.
    """

    names: frozenset[str] = _ALWAYS
    values: tuple[str, ...] = ()

    @classmethod
    def of(cls, targets: Iterable[str]) -> "Masking":
        """Keeps out what these mapped targets hold, and passwords in any case."""
        return cls(_ALWAYS | {_name(target) for target in targets})

    def knowing(self, *held: Mapping[str, Value | None]) -> "Masking":
        """Also where the application repeats a value that one of these targets holds."""
        if self.names == _ALWAYS:
            return self
        found = [value for each in held for path, value in each.items() if self.hides(path)]
        return self.besides(text for value in found for text in _texts(value))

    def besides(self, texts: Iterable[str]) -> "Masking":
        """Also these texts, such as the secrets of the application."""
        values = {*self.values, *filter(None, texts)}
        return replace(self, values=tuple(sorted(values, key=len, reverse=True)))

    def hides(self, path: str) -> bool:
        """Whether the target, or a path or name in a document, is of a sensitive attribute."""
        return not self.names.isdisjoint(_WORD.findall(path.casefold()))

    def text(self, text: str) -> str:
        """The same without what is kept out."""
        if text in self.values:
            return MASK
        for value in self.values:
            if value in text and len(value) >= _TELLING:
                text = text.replace(value, MASK)
        return text

    def held(self, values: Mapping[str, Value | None]) -> dict[str, Any]:
        """What mapped targets hold."""
        return {path: self._value(path, value) for path, value in values.items()}

    def changes(self, changes: Iterable[Change]) -> list[Change]:
        return [
            Change(each.path, self._value(each.path, each.old), self._value(each.path, each.new))
            for each in changes
        ]

    def _value(self, path: str, value: Value | None) -> Any:
        if value is None:
            return None
        return MASK if self.hides(path) else _Copy(self).of(value)

    def exchange(self, seen: Exchange) -> dict[str, Any]:
        """As it is kept: {"request": {…}, "response": {…} or None, "error", "seconds"}."""
        response = None
        if seen.status is not None:
            response = {
                "status": seen.status,
                "headers": self._answered(seen.answer_headers),
                "body": self._body(seen.answer, seen),
            }
        return {
            "request": {
                "method": seen.method,
                "url": self._url(seen.url, confidential=seen.confidential),
                "headers": self._sent(seen.headers),
                "body": self._body(seen.body, seen),
            },
            "response": response,
            "error": clean(self.text(seen.error)),
            "seconds": round(seen.seconds, 3),
        }

    def _body(self, body: Any, seen: Exchange) -> Any:
        if body is None or seen.confidential:
            return body and MASK
        if isinstance(body, str):
            # It may have been cut before it came here.
            body = masked(body, self.values)
        return _Copy(self).of(body)

    def _sent(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self._header(value) if name.casefold() in _SENT else _secret(name, value)
            for name, value in headers.items()
        }

    def _answered(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {
            name: self._url(value) if name.casefold() == "location" else self._header(value)
            for name, value in headers.items()
            if name.casefold() in _ANSWERED or name.casefold().startswith(_LIMITS)
        }

    def _header(self, value: str) -> str:
        return _short(clean(self.text(value)))

    def _url(self, url: str, *, confidential: bool = False) -> str:
        """Without anybody's password, and of the query only what a search needs."""
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        path = self._quoted(self.text(parts.path))
        where = f"{parts.scheme}://{host}{path}" if parts.scheme else path
        if not parts.query:
            return _short(clean(where))
        asked = parse_qsl(parts.query, keep_blank_values=True)
        shown = [
            f"{quote(name)}={self._parameter(name, '' if confidential else value)}"
            for name, value in asked
        ]
        return _short(clean(f"{where}?{'&'.join(shown)}"))

    def _parameter(self, name: str, value: str) -> str:
        known = name.casefold() in _PARAMETERS
        return _encoded(self.search(value)) if known and value else MASK

    def search(self, text: str) -> str:
        """A filter, or a path with one in it: what a sensitive attribute is compared with goes."""
        if self.hides(text):
            text = _COMPARED.sub(rf'\1 "{MASK}"', text)
        return self.text(text)

    def _quoted(self, path: str) -> str:
        """A value that had to be encoded to be part of an address."""
        for value in self.values:
            if len(value) >= _TELLING:
                path = path.replace(quote(value, safe=""), MASK)
        return path


class _Copy:
    """Copies a value as far as there is room for it."""

    def __init__(self, masking: Masking) -> None:
        self._masking = masking
        self._room = LONGEST_BODY

    def of(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            return self._text(self._masking.text(value))
        self._room -= 4
        if depth > _DEEPEST and isinstance(value, dict | list):
            return "… (nested more deeply)"
        if isinstance(value, dict):
            return self._object(value, depth + 1)
        if isinstance(value, list | tuple):
            return self._list(value, depth + 1)
        # A number may be sensitive, too.
        return MASK if str(value) in self._masking.values else value

    def _text(self, text: str) -> str:
        room = max(self._room, 0)
        self._room -= len(text) + 4
        text = clean(text)
        return text if len(text) <= room else f"{text[:room]}… ({len(text) - room:,} more, cut)"

    def _list(self, values: Any, depth: int) -> list[Any]:
        found = []
        for done, value in enumerate(values):
            if self._room <= 0:
                found.append(f"… ({len(values) - done:,} more, cut)")
                break
            found.append(self.of(value, depth))
        return found

    def _object(self, values: Mapping[str, Any], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        path = values.get("path")
        # A change of RFC 7644 section 3.5.2 names its attribute beside the value.
        about = path if isinstance(path, str) and self._masking.hides(path) else ""
        for done, (name, value) in enumerate(values.items()):
            if self._room <= 0:
                found["…"] = f"{len(values) - done:,} more, cut"
                break
            hidden = self._masking.hides(name) or (about and name == "value")
            key = self._text(self._masking.text(name))
            if name == "path" and about:
                found[key] = self._text(self._masking.search(about))
            else:
                found[key] = MASK if hidden and value is not None else self.of(value, depth)
        return found


def clean(text: str) -> str:
    """As a database and JSON take it."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")


def _name(target: str) -> str:
    """The name by which a mapped target is known in a document: that of its attribute."""
    *above, last = re.sub(r"\[.*\]", "", target).rpartition(":")[2].casefold().split(".")
    return above[-1] if above and last in _PARTS else last


def _texts(value: Value | None) -> list[str]:
    if value is None or isinstance(value, bool):
        # “True” is no secret anywhere else.
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _secret(name: str, value: str) -> str:
    scheme = value.partition(" ")[0]
    is_scheme = name.casefold() == "authorization" and scheme.casefold() in _SCHEMES
    return f"{scheme} {MASK}" if is_scheme else MASK


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _encoded(text: str) -> str:
    """For an address, in which the mask stays as it is."""
    return MASK.join(quote(part, safe="") for part in text.split(MASK))
