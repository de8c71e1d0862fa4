"""Writes a kept request as a command for curl, with $TOKEN in the place of the secret."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from provisioning.echoes import MASK

_SECRET = "$TOKEN"  # noqa: S105 - the place of one


def command(request: Mapping[str, Any]) -> str:
    """For a shell: what came from outside is quoted, so that nothing in it is carried out."""
    lines = [f"curl -X {shlex.quote(request['method'])} {shlex.quote(request['url'])}"]
    lines += [
        f"-H {_header(name, value)}"
        for name, value in request["headers"].items()
        # It would answer in a form that nobody can read.
        if name.casefold() != "accept-encoding"
    ]
    if request["body"] is not None:
        body = request["body"]
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        lines.append(f"--data-raw {shlex.quote(text)}")
    return " \\\n  ".join(lines)


def before_use(request: Mapping[str, Any]) -> str:
    """What has to be known by whoever runs the command."""
    told = "Set TOKEN to the application's token first." if _SECRET in command(request) else ""
    kept_out = MASK in command(request)
    masked = f"What reads “{MASK}” is not known here: write the real value." if kept_out else ""
    again = "" if request["method"] == "GET" else "It is done in the application once more."
    return " ".join(filter(None, (told, masked, again)))


def _header(name: str, value: str) -> str:
    scheme, masked, rest = value.partition(MASK)
    if masked and not rest and scheme in {"", "Bearer ", "Basic "}:
        # In double quotes, in which the shell puts the secret in.
        return f'{shlex.quote(f"{name}: {scheme}")}"{_SECRET}"'
    return shlex.quote(f"{name}: {value}")
