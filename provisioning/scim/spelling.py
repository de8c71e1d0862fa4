"""Spells a request as a target wants it that takes no other spelling than Entra's. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

OPS: Final = "ops"
BOOLEANS: Final = "booleans"
CAPITAL: Final = "capital"
TEXT: Final = "text"

# What a target that knows only “Replace” says of “replace”: the name of the member, or the three.
_ABOUT_OPS = re.compile(r"\bop(s|eration|erations)?\b|\b(Add|Replace|Remove)\b")
_ABOUT_BOOLEANS = re.compile(r"\bbool(ean)?\b|\bactive\b", re.IGNORECASE)


def spelled(document: Any, spelling: Mapping[str, str]) -> Any:
    """The body with `op` and `active` as the target takes them (the RFC's way if not told)."""
    if not isinstance(document, dict):
        return document
    body = dict(document)
    operations = body.get("Operations")
    if isinstance(operations, list):
        body["Operations"] = [_operation(each, spelling) for each in operations]
    return _switched(body) if spelling.get(BOOLEANS) == TEXT else body


def other(document: Any, said: str, spelling: Mapping[str, str]) -> dict[str, str]:
    """What may help against a refusal in these words and was not tried yet, {} if nothing."""
    body = document if isinstance(document, dict) else {}
    operations = body.get("Operations")
    if operations and OPS not in spelling and _ABOUT_OPS.search(said):
        return {OPS: CAPITAL}
    if BOOLEANS not in spelling and _ABOUT_BOOLEANS.search(said) and _switches(body):
        return {BOOLEANS: TEXT}
    return {}


def _operation(operation: dict[str, Any], spelling: Mapping[str, str]) -> dict[str, Any]:
    written = dict(operation)
    if spelling.get(OPS) == CAPITAL:
        written["op"] = str(written["op"]).capitalize()
    if spelling.get(BOOLEANS) == TEXT:
        if isinstance(written.get("value"), dict):
            written["value"] = _switched(written["value"])
        elif written.get("path") == "active":
            written = _switched(written, key="value")
    return written


def _switched(body: dict[str, Any], *, key: str = "active") -> dict[str, Any]:
    return {**body, key: str(body[key])} if isinstance(body.get(key), bool) else body


def _switches(body: dict[str, Any]) -> bool:
    """Whether it says if somebody is switched on."""
    return bool(spelled(body, {BOOLEANS: TEXT}) != body)
