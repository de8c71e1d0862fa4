"""Reads JSON that a stranger sent: no guesses, no endless nesting, no numbers that are none."""

import json as jsonlib
from collections.abc import Callable
from typing import Any

_DEPTH = 64


class Broken(Exception):
    """What is wrong with a text that claims to be JSON."""


def parsed(raw: bytes, *, once: bool = False) -> Any:
    """The value of a JSON text, refusing what a lenient parser would guess. Raises Broken.

    With `once`, no name may stand twice in the same object, and it is in UTF-8: whoever sends
    anything else to us made a mistake. What an application answers is taken as it is.
    """
    decoder = _DECODER_ONCE if once else _DECODER
    try:
        value = decoder.decode(raw.decode("utf-8-sig" if once else jsonlib.detect_encoding(raw)))
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


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Broken(f"it holds “{twice[:50]}” twice in one object")
    return found


def _decoder(hook: Callable[[list[tuple[str, Any]]], dict[str, Any]]) -> jsonlib.JSONDecoder:
    return jsonlib.JSONDecoder(
        parse_constant=_no_number, parse_float=_finite, object_pairs_hook=hook
    )


_DECODER = _decoder(_one_id)
_DECODER_ONCE = _decoder(_each_once)
