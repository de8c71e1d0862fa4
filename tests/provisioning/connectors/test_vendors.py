"""The emulated vendors notice what their documentation does not allow, and take the rest."""

import http.client
import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.vendors.aws import AwsTenant
from tests.support.vendors.base import Asked, Clock, Example, Limit, Rule, Vendor, members_changed
from tests.support.vendors.github import GitHubEnterprise, GitHubOrganization
from tests.support.vendors.slack import SlackOrganization
from tests.support.vendors.zoom import ZoomTenant

VENDORS: tuple[type[Vendor], ...] = (
    ZoomTenant,
    AwsTenant,
    SlackOrganization,
    GitHubEnterprise,
    GitHubOrganization,
)
RULES = [(vendor, rule) for vendor in VENDORS for rule in vendor.rules]


@pytest.fixture(scope="module")
def running() -> Iterator[dict[type[Vendor], Vendor]]:
    with ExitStack() as stack:
        yield {vendor: stack.enter_context(vendor()) for vendor in VENDORS}


def ask(vendor: Vendor, example: Example) -> tuple[int, str]:
    """The bare request, with what every client sends unless the example says otherwise."""
    body = b"" if example.body is None else json.dumps(example.body).encode()
    usual = {
        "Authorization": f"Bearer {vendor.token}",
        "Accept": "application/scim+json",
        "Content-Type": "application/json",
        "User-Agent": "somebody",
    }
    headers = {name: value for name, value in {**usual, **example.headers}.items() if value}
    connection = http.client.HTTPConnection("127.0.0.1", vendor.port)
    try:
        connection.request(example.method, example.path, body, headers)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("kind", "rule"), RULES, ids=[f"{kind.__name__}-{rule.says}" for kind, rule in RULES]
)
def test_a_request_that_breaks_a_rule_is_refused_and_noted(
    running: dict[type[Vendor], Vendor], kind: type[Vendor], rule: Rule
) -> None:
    vendor = running[kind]
    status, said = ask(vendor, rule.broken_by)
    (noted,) = vendor.take_violations()
    assert noted.startswith(rule.says)
    assert status == rule.status
    assert rule.says in json.dumps(json.loads(said), ensure_ascii=False).replace("\\", "")


@pytest.mark.parametrize("kind", VENDORS)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_is_not_documented_is_refused_and_noted(
    running: dict[type[Vendor], Vendor], kind: type[Vendor], method: str
) -> None:
    vendor = running[kind]
    assert ask(vendor, Example(method, f"{vendor.prefix}/Bulk", {}))[0] == 404
    assert len(vendor.take_violations()) == 1


@pytest.mark.parametrize("kind", VENDORS)
def test_a_stranger_is_refused_and_nothing_is_noted(
    running: dict[type[Vendor], Vendor], kind: type[Vendor]
) -> None:
    vendor = running[kind]
    stranger = Example("GET", f"{vendor.prefix}/Users", headers={"Authorization": "Bearer x"})
    assert ask(vendor, stranger)[0] == 401
    assert vendor.take_violations() == []


@pytest.mark.parametrize(
    ("operation", "changed"),
    [
        ({"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "2"}]}, 2),
        ({"op": "add", "path": "members", "value": {"value": "1"}}, 1),
        ({"op": "remove", "path": 'members[value eq "1"]'}, 1),
        ({"op": "replace", "value": {"displayName": "x", "members": [{"value": "1"}]}}, 1),
        ({"op": "replace", "path": "displayName", "value": "x"}, 0),
    ],
)
def test_every_changed_member_counts(operation: object, changed: int) -> None:
    body = {"Operations": [operation, operation]}
    asked = Asked("PATCH", "", "/Groups/…", "7", {}, {}, "", body)
    assert members_changed(asked) == 2 * changed


def test_a_limit_allows_a_burst_and_then_the_rate() -> None:
    clock, limit = Clock(), Limit("PUT .*", 180, 60, burst=20)
    assert [limit.wait("PUT /Users/…", clock.now) for _ in range(20)] == [0] * 20
    assert limit.wait("PUT /Users/…", clock.now) == pytest.approx(1 / 3)
    assert limit.wait("GET /Users", clock.now) == 0
    clock.advance(1)
    assert [bool(limit.wait("PUT /Users/…", clock.now)) for _ in range(4)] == [False] * 3 + [True]
