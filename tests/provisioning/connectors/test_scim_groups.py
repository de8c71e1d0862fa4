"""What the SCIM connector does with groups, and what it makes of the answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from provisioning.connectors.base import RemoteGroup
from provisioning.connectors.scim import Scim
from provisioning.errors import NotFound
from provisioning.plan import Change
from tests.provisioning.connectors.calls import EXTERNAL, connected
from tests.support.faulty import FaultyScim
from tests.support.target import Target

SALES = {"displayName": "Sales"}
RENAME = [Change("displayName", "Sales", "Sellers")]


@pytest.fixture
def scim(faulty: FaultyScim) -> Iterator[Scim]:
    connector = connected(faulty.base_url, faulty.token)
    yield connector.asking(lambda: None)
    connector.close()


@pytest.fixture
def people(faulty: FaultyScim) -> list[str]:
    return [faulty.add(f"p{number}@example.org")["id"] for number in range(5)]


@pytest.fixture
def sales(faulty: FaultyScim, people: list[str]) -> str:
    """A group with three people in it."""
    return str(faulty.groups.add("Sales", *people[:3], externalId=EXTERNAL)["id"])


def learned(scim: Scim) -> dict[str, str]:
    return {lesson.flag: lesson.value for lesson in scim.lessons}


def find(scim: Scim, *, made_by_us: bool = False) -> Any:
    return scim.find_group(SALES, external_id=EXTERNAL, made_by_us=made_by_us)


def bodies(faulty: FaultyScim) -> list[Any]:
    return [json.loads(each.body)["Operations"] for each in faulty.requests if each.body]


# ------------------------------------------------------------------------------ the whole way


def test_a_group_comes_is_filled_renamed_emptied_and_goes(target: Target) -> None:
    people = [target.add(f"p{number}@example.org")["id"] for number in range(3)]
    scim = connected(target.base_url, target.token)
    assert find(scim) == []
    made = scim.create_group(SALES, external_id=EXTERNAL)
    for by_us in (True, False):
        (hit,) = find(scim, made_by_us=by_us)
        assert (hit.remote_id, hit.external_id) == (made.remote_id, EXTERNAL)
    assert scim.get_group(made.remote_id, SALES).members == frozenset()
    scim.add_members(made.remote_id, people)
    scim.add_members(made.remote_id, people[:1])
    scim.remove_members(made.remote_id, people[1:])
    scim.remove_members(made.remote_id, people[1:])
    scim.update_group(made.remote_id, RENAME, held={"displayName"})
    held = scim.get_group(made.remote_id, {"displayName"})
    assert held == RemoteGroup(
        made.remote_id, {"displayName": "Sellers"}, EXTERNAL, frozenset(people[:1])
    )
    assert scim.has_member(made.remote_id, people[0]) is True
    assert scim.has_member(made.remote_id, people[1]) is False
    scim.delete_group(made.remote_id)
    scim.delete_group(made.remote_id)
    with pytest.raises(NotFound):
        scim.get_group(made.remote_id, SALES)
    scim.close()
