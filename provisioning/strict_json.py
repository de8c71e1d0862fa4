"""Reads JSON that a stranger sent: no guesses, no endless nesting, no numbers that are none."""

import json as jsonlib
from typing import Any

_DEPTH = 64


class Broken(Exception):
    """What is wrong with a text that claims to be JSON."""


def parsed(raw: bytes) -> Any:
    """The value of a JSON text, refusing what a lenient parser would guess. Raises Broken."""
    try:
        value = _DECODER.decode(raw.decode(jsonlib.detect_encoding(raw)))
    except UnicodeDecodeError as error:
        raise Broken("it is not UTF-8") from error
    except jsonlib.JSONDecodeError as error:
        raise Broken("it is incomplete or malformed") from error
    except ValueError as error:
        # int() takes 4,300 digits at most.
        raise Broken("it holds a number that is too long") from error
    except RecursionError as error:
        raise Broken("it is nested too deeply") from error
    level = _containers([value])
    for _ in range(_DEPTH):
        level = [inner for outer in level for inner in _containers(outer)]
    if level:
        raise Broken("it is nested too deeply")
    return value


def _containers(outer: dict[str, Any] | list[Any]) -> list[Any]:
    values = outer.values() if isinstance(outer, dict) else outer
    return [value for value in values if isinstance(value, dict | list)]


def _no_number(text: str) -> float:
    raise Broken(f"it holds {text}, which is not a usable number")


def _finite(text: str) -> float:
    value = float(text)
    return value if abs(value) != float("inf") else _no_number(text[:20])


def _one_id(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values for one name the last counts, but for an id: that would be a guess."""
    found = dict(pairs)
    if len(found) != len(pairs) and [name for name, _ in pairs].count("id") > 1:
        raise Broken("it holds two ids for one thing")
    return found


_DECODER = jsonlib.JSONDecoder(
    parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_one_id
)
