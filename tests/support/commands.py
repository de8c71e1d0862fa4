"""Gives commands in this process and reads their answer, in sentences or in JSON."""

import io
import json
from typing import Any

from django.core.management import call_command


def give(*arguments: str) -> tuple[int, str]:
    """Exit status and output."""
    out = io.StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def given(*arguments: str) -> list[Any]:
    """The documents of the answer, one a line."""
    return [json.loads(line) for line in give(*arguments, "--json")[1].splitlines()]
