"""Which numbers of the catalogue of bad inputs the tests are about.

A test says so in its name, the id of its parameters or its docstring: “bad-input-37”,
`test_bad_inputs_89_and_90_…`.
"""

import re

import pytest

COLLECTED = pytest.StashKey[list[pytest.Item]]()
_NAMED = re.compile(r"bad[-_]inputs?((?:[-_](?:and[-_])?\d+)+)")


def remember(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before any of them is left out, as those without a database are on PostgreSQL."""
    config.stash[COLLECTED] = list(items)


def numbers(item: pytest.Item) -> set[int]:
    about = getattr(getattr(item, "function", None), "__doc__", None) or ""
    named = _NAMED.findall(f"{item.name} {about}")
    return {int(number) for run in named for number in re.findall(r"\d+", run)}
