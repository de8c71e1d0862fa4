"""The examples of the API guide are sent as they stand, and answered as it says."""

import json
import re
from typing import Any

from iam.models import Operator, Scope
from provisioning import retention
from provisioning.api import paging, parsing, people
from tests.provisioning.api import V1, program
from tests.test_docs import rows, text

GUIDE = "docs/guides/api.md"
_EXAMPLE = re.compile(r"```http\n(.*?)```\n\nAnswer (\d+):\n\n```json\n(.*?)```", re.DOTALL)
# An address, or a value under one of these names, is of something that an answer before showed.
_KEYS = {"id", "user", "group", "app", "parent", "child", "manager"}


def test_every_example_of_the_guide_is_answered_as_it_says(db: None) -> None:
    chief = Operator.objects.create_user("chief", is_staff=True, is_superuser=True)
    api = program(chief)
    examples = _EXAMPLE.findall(text(GUIDE))
    assert len(examples) == text(GUIDE).count("```http") > 6
    keys: dict[int, int] = {}
    for request, status, answer in examples:
        head, _, body = request.partition("\n\n")
        (method, address), *headers = [line.split(None, 1) for line in head.splitlines()]
        address = _of_this_run(address, keys)
        sent = _with(json.loads(body), keys) if body else {}
        named = {name.strip(":"): value for name, value in headers}
        path = address.removeprefix(V1)
        response = api.send(method, path, sent, **named)
        assert response.status_code == int(status), (request, response.content)
        _agree(json.loads(answer), response.json(), keys)


def _with(sent: Any, keys: dict[int, int]) -> Any:
    if isinstance(sent, list):
        return [_with(each, keys) for each in sent]
    if isinstance(sent, dict):
        return {
            name: keys.get(value, value)
            if name in _KEYS and isinstance(value, int)
            else _with(value, keys)
            for name, value in sent.items()
        }
    return _of_this_run(sent, keys) if str(sent).startswith(V1) else sent


def _of_this_run(address: str, keys: dict[int, int]) -> str:
    return re.sub(r"\b\d+\b", lambda m: str(keys.get(int(m[0]), m[0])), address)


def _agree(told: Any, found: Any, keys: dict[int, int]) -> None:
    """The guide may show less, but nothing else; its numbers stand for those of this run."""
    if isinstance(told, dict):
        assert set(told) <= set(found), (told, found)
        for name, value in told.items():
            if name in _KEYS and isinstance(value, int):
                assert keys.setdefault(value, found[name]) == found[name]
            elif name != "custom":
                _agree(value, found[name], keys)
            else:
                assert value == found[name]
    elif isinstance(told, list):
        assert len(told) <= len(found) and bool(told) == bool(found)
        for mine, theirs in zip(told, found, strict=False):
            _agree(mine, theirs, keys)
    else:
        assert told == found


def test_the_scopes_and_limits_of_the_guide_are_those_of_the_code() -> None:
    told = [cells[:2] for cells in rows(text(GUIDE), "Scope")]
    assert told == [[f"`{scope.value}`", scope.label] for scope in Scope]
    limits = {cells[0]: cells[1] for cells in rows(text(GUIDE), "What | Limit")}
    assert limits["Rows of a page"].startswith(f"{paging.LARGEST};")
    assert limits["Memberships in one request"] == f"{people.AT_ONCE:,}"
    assert limits["Body"].startswith(f"{parsing.LARGEST // 1_000_000} MB")
    assert f"{retention.ANSWERS.total_seconds() / 3600:g} hours" in limits["An `Idempotency-Key`"]
