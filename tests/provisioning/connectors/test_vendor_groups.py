"""Groups at Zoom and at AWS, as the two take them and in no other way."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from provisioning.connectors.aws_identity_center import AwsIdentityCenter
from provisioning.connectors.scim import Scim
from provisioning.connectors.zoom import Zoom
from provisioning.errors import AlreadyExists, Misconfigured, NotFound, Rejected
from provisioning.pace import Pace
from provisioning.plan import Change
from tests.provisioning.connectors.calls import EXTERNAL
from tests.support.vendors.aws import AwsTenant
from tests.support.vendors.base import Vendor, held_to_its_rules
from tests.support.vendors.zoom import ZoomTenant

KINDS: dict[str, tuple[type[Scim], type[Vendor]]] = {
    "zoom": (Zoom, ZoomTenant),
    "aws": (AwsIdentityCenter, AwsTenant),
}
SALES = {"displayName": "Sales"}


@contextmanager
def connected(name: str) -> Iterator[tuple[Scim, Vendor]]:
    connector_kind, vendor_kind = KINDS[name]
    with held_to_its_rules(vendor_kind()) as vendor:
        config = {"base_url": vendor.base_url, "token": vendor.token, "auth": "bearer"}
        connector = connector_kind(name, config, internal=True, pace=Pace(1000))
        yield connector.asking(lambda: None), vendor
        connector.close()


@pytest.fixture(params=KINDS)
def both(request: pytest.FixtureRequest) -> Iterator[tuple[Scim, Vendor]]:
    with connected(request.param) as pair:
        yield pair


def crowd(vendor: Vendor, size: int) -> list[str]:
    return [vendor.add(f"p{number}@example.org")["id"] for number in range(size)]


def put_in(app: Scim, group: str, members: list[str]) -> None:
    for start in range(0, len(members), app.members_at_once):
        app.add_members(group, members[start : start + app.members_at_once])


def test_two_hundred_and_fifty_come_and_one_goes(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    people = crowd(vendor, 250)
    made = app.create_group(SALES, external_id=EXTERNAL)
    put_in(app, made.remote_id, people)
    assert vendor.members("Sales") == set(people)
    vendor.requests.clear()
    app.remove_members(made.remote_id, people[100:101])
    assert vendor.journal == ["PATCH /Groups/…"]
    assert len(vendor.requests[0].body) < 1024
    assert vendor.members("Sales") == {*people[:100], *people[101:]}
    app.remove_members(made.remote_id, people[:100])
    assert vendor.members("Sales") == set(people[101:])


def test_one_more_in_five_thousand_is_one_small_request(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    people = crowd(vendor, 5_001)
    there = vendor.add_group("Sales", *people[:5_000])["id"]
    app.add_members(there, people[5_000:])
    app.remove_members(there, people[:1])
    assert vendor.journal == ["PATCH /Groups/…"] * 2
    assert max(len(request.body) for request in vendor.requests) < 1024
    assert vendor.members("Sales") == set(people[1:])


def test_one_more_and_one_less_who_is_not_in_it_change_nothing(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    people = crowd(vendor, 3)
    there = vendor.add_group("Sales", *people[:2])["id"]
    app.add_members(there, people[:1])
    app.remove_members(there, people[2:])
    assert vendor.members("Sales") == set(people[:2])


def test_a_group_that_is_there_is_found_by_name_and_renamed(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    people = crowd(vendor, 2)
    for number in range(120):
        vendor.add_group(f"Group {number}")
    there = vendor.add_group("SALES", *people)["id"]
    (hit,) = app.find_group(SALES, external_id=EXTERNAL, made_by_us=True)
    assert hit.remote_id == there
    app.update_group(there, [Change("displayName", "SALES", "Sellers")], held={"displayName"})
    assert vendor.members("Sellers") == set(people)
    assert app.find_group(SALES, external_id=EXTERNAL, made_by_us=False) == []


def test_a_group_is_found_among_all_there_are(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    made = [vendor.add_group(f"Group {number}")["id"] for number in range(120)]
    (hit,) = app.look_through_groups({"displayName": "Group 117"}, external_id=EXTERNAL)
    assert hit.remote_id == made[117]
    assert app.look_through_groups(SALES, external_id=EXTERNAL) == []


def test_a_group_is_deleted_and_gone(both: tuple[Scim, Vendor]) -> None:
    app, vendor = both
    made = app.create_group(SALES, external_id=EXTERNAL)
    app.delete_group(made.remote_id)
    app.delete_group(made.remote_id)
    with pytest.raises(NotFound):
        app.get_group(made.remote_id, set())


def test_somebody_whom_it_does_not_know_is_refused_and_the_rest_stays(
    both: tuple[Scim, Vendor],
) -> None:
    app, vendor = both
    people = crowd(vendor, 2)
    there = vendor.add_group("Sales", *people[:1])["id"]
    with pytest.raises(Rejected):
        app.add_members(there, [people[1], "nobody"])
    assert vendor.members("Sales") == set(people[:1])


def test_aws_hides_its_members_and_says_of_one_whether_it_is_in() -> None:
    with connected("aws") as (aws, vendor):
        people = crowd(vendor, 2)
        there = vendor.add_group("Sales", people[0])["id"]
        assert aws.get_group(there, set()).members is None
        assert [aws.has_member(there, each) for each in people] == [True, False]


def test_a_second_group_of_the_name_is_told_by_aws() -> None:
    with connected("aws") as (aws, vendor):
        vendor.add_group("Sales")
        with pytest.raises(AlreadyExists):
            aws.create_group(SALES, external_id=EXTERNAL)


def test_the_privilege_that_zoom_misses_for_groups_is_named() -> None:
    with connected("zoom") as (zoom, vendor):
        assert isinstance(vendor, ZoomTenant)
        vendor.lacks.add("Group:Edit")
        with pytest.raises(Misconfigured, match="Group:Edit"):
            zoom.create_group(SALES, external_id=EXTERNAL)
