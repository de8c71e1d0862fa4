"""How the log is written, as lines for people or JSON for programs, and what never gets into it."""

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

HIDDEN = "[hidden]"
_SHORTEST_SECRET = 8

_NAMES = r"(?i:\b[\w-]*(?:token|secret|password|passwd|api[_-]?key|assertion))"
# What looks like a secret, whoever wrote it, also between the quotes of Python and JSON. The group
# stays.
_LOOKS_SECRET = [
    re.compile(r"""(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"""),
    re.compile(r"""(?i)(authorization[\\'"]*\s*[:=,]\s*b?[\\'"]*)[^'"\\\r\n]+"""),
    re.compile(rf"""({_NAMES}[\\'"]*\s*[:=]\s*b?\\*['"])[^'"\\\r\n]+"""),
    re.compile(rf"""({_NAMES}[\\'"]*\s*[:=]\s*)[^\s'"\\,;&]+"""),
    re.compile(r"(://[^\s/:@]*:)[^\s/@]+(?=@)"),
    # A token of our own API.
    re.compile(r"(\bgh_)[\w-]{20,}"),
]
# What is known to be one: the secrets that this process has read.
_known: set[str] = set()

# What a line may say about the job that it belongs to.
_JOB = ("correlation_id", "app", "account", "group")
_PUSH = ("operation", "outcome", "attempt", "duration_ms", "http_status")


def keep_out(secrets: Iterable[str]) -> None:
    """Never let one of these into the log, wherever it turns up."""
    _known.update(secret for secret in secrets if len(secret) >= _SHORTEST_SECRET)


def redacted(text: str) -> str:
    """The text without secrets: the last line of defence, behind code that writes none."""
    # Before a secret that is a word, such as “secret”, takes away what they go by.
    for pattern in _LOOKS_SECRET:
        text = pattern.sub(rf"\g<1>{HIDDEN}", text)
    # The longest first: one may be the beginning of another.
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


class Line(logging.Formatter):
    """One line for each record, and the traceback of an exception under it, moved in.

    Text from outside cannot make a line that looks like one of ours: its control characters are
    written as escapes.
    """

    def format(self, record: logging.LogRecord) -> str:
        head = f"{self.formatTime(record)} {record.levelname} {record.name}: "
        text = head + _in_one_line(redacted(record.getMessage()))
        if about := _told(record, _JOB):
            text += _in_one_line(f" [{' '.join(f'{key}={about[key]}' for key in about)}]")
        return "\n    ".join([text, *self._trace(record).splitlines()])

    def _trace(self, record: logging.LogRecord) -> str:
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return redacted("\n".join(filter(None, [trace, record.stack_info])))


class Json(Line):
    """One JSON object a line, with the time in UTC."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        told = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redacted(record.getMessage()),
            **_told(record, _JOB + _PUSH),
        }
        if trace := self._trace(record):
            told["exception"] = trace
        return json.dumps(told)


def _told(record: logging.LogRecord, names: Iterable[str]) -> dict[str, Any]:
    """What the record carries of these, text without secrets."""
    held = {name: getattr(record, name, None) for name in names}
    return {
        name: value if isinstance(value, int) else redacted(str(value))
        for name, value in held.items()
        if value is not None
    }


def _in_one_line(text: str) -> str:
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
