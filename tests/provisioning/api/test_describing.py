"""The description of the API is complete, and says no more than is true."""

from typing import Any

import pytest

from provisioning.api import describing
from tests.provisioning.api import V1, Program
from tests.provisioning.api.test_matrix import TABLE, routes


def test_every_address_and_method_is_described_and_no_other() -> None:
    described = {
        (path.replace("{id}", "0"), method.upper())
        for path, operations in describing.schema()["paths"].items()
        for method in operations
    }
    there = {
        (address, method)
        for name, address in routes().items()
        for method in TABLE[name]
        if name not in {"api-nowhere", "api-root", "api-schema"}
    }
    assert described == there


def test_the_root_leads_to_every_list(api: Program) -> None:
    told = api.get("/").json()
    assert {name for name in told if name not in {"configuration", "docs"}} == {
        address.split("/")[3] for name, address in routes().items() if name.endswith("-list")
    }
    docs = told.pop("docs")
    assert docs.endswith(f"{V1}/docs/")
    lists = [api.client.get(address, headers=api.headers) for address in told.values()]
    assert {answer.status_code for answer in lists} == {200}


def test_it_is_served_as_openapi_3_1(api: Program) -> None:
    told = api.get("/schema/").json()
    assert told["openapi"] == "3.1.0"
    assert set(told["components"]["securitySchemes"]) == {"token", "cookieAuth"}
    assert told["paths"][f"{V1}/users/"]["post"]["description"].endswith("Scope: `people`")


def _references(told: Any) -> set[str]:
    if isinstance(told, dict):
        inner = set().union(*map(_references, told.values()), set())
        return inner | ({told["$ref"]} if "$ref" in told else set())
    return set().union(*map(_references, told), set()) if isinstance(told, list) else set()


def test_whatever_it_refers_to_is_there() -> None:
    told = describing.schema()
    kinds = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    assert _references(told) <= kinds


def test_secrets_are_taken_and_not_shown() -> None:
    shapes = describing.schema()["components"]["schemas"]
    assert "secrets" in shapes["AppShapeRequest"]["properties"]
    assert "secrets" not in shapes["AppShape"]["properties"]
    assert "secrets_stored" not in shapes["AppShapeRequest"]["properties"]


def test_nothing_about_it_is_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    describing.schema.cache_clear()
    describing.schema()
    # What drf-spectacular cannot make out it says on standard error.
    assert capsys.readouterr().err == ""
