"""Groups of the vendors of the catalogue, as their documents say."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.connectors import catalogue
from provisioning.connectors.scim import Scim
from provisioning.errors import NotFound, Rejected
from provisioning.pace import Pace
from provisioning.plan import Change, Feature
from tests.provisioning.connectors.calls import EXTERNAL
from tests.support.faulty import FaultyScim, answer

ALL = {
    Feature.CREATE_GROUPS,
    Feature.UPDATE_GROUPS,
    Feature.DELETE_GROUPS,
    Feature.GROUP_MEMBERS,
}
# What each vendor's documents describe.
OFFERED = {
    "zoom": ALL,
    "slack": ALL,
    "github": ALL,
    "github_organization": set[Feature](),
    "gitlab": set[Feature](),
    "atlassian": ALL - {Feature.UPDATE_GROUPS},
    "aws_identity_center": ALL,
    "salesforce": {Feature.GROUP_MEMBERS},
    "miro": {Feature.UPDATE_GROUPS, Feature.GROUP_MEMBERS},
    "scim": ALL,
}
FILLED = sorted(vendor for vendor, offered in OFFERED.items() if offered)


@contextmanager
def vendor(slug: str, faulty: FaultyScim) -> Iterator[Scim]:
    config = {"base_url": faulty.base_url, "token": faulty.token, "auth": "bearer"}
    kind = catalogue()[slug]
    assert issubclass(kind, Scim)
    # At full speed: the rates are tested elsewhere.
    connector = kind("App", config, internal=True, pace=Pace())
    yield connector.asking(lambda: None)
    connector.close()


def operations(faulty: FaultyScim) -> list[Any]:
    sent = [json.loads(each.body) for each in faulty.requests if each.method == "PATCH"]
    return [operation for body in sent for operation in body["Operations"]]


def test_what_is_offered_for_groups_is_what_each_vendor_describes() -> None:
    assert {slug: ALL.intersection(kind.features) for slug, kind in catalogue().items()} == OFFERED


@pytest.mark.parametrize("slug", FILLED)
def test_a_group_is_filled_emptied_and_told_apart(
    faulty: FaultyScim, people: list[str], slug: str
) -> None:
    faulty.groups.named_lists = slug == "salesforce"
    faulty.groups.hides_members = slug == "aws_identity_center"
    other = faulty.groups.add("Other", *people)["id"]
    with vendor(slug, faulty) as app:
        made = app.create_group({"displayName": "Sales"}, external_id=EXTERNAL)
        (hit,) = app.find_group({"displayName": "Sales"}, external_id=EXTERNAL, made_by_us=True)
        assert hit.remote_id == made.remote_id
        app.add_members(made.remote_id, people)
        app.remove_members(made.remote_id, people[1:])
        app.delete_group(other)
    assert faulty.groups.members("Sales") == set(people[:1])
    kept = EXTERNAL if slug != "zoom" else None
    assert faulty.groups.named("Sales").get("externalId") == kept
    # Each in the first form, and not a second look at the group.
    assert faulty.writes == [
        "POST /Groups",
        "PATCH /Groups/…",
        "PATCH /Groups/…",
        "DELETE /Groups/…",
    ]
    assert all(each.headers["User-Agent"].startswith("Gatehouse") for each in faulty.requests)


@pytest.mark.parametrize("slug", FILLED)
def test_a_full_batch_keeps_to_what_the_vendor_takes(faulty: FaultyScim, slug: str) -> None:
    most = {"aws_identity_center": 100, "miro": 8_000, "github": 1_000}.get(slug, 100)
    largest = {"miro": 800_000}.get(slug, 100_000)
    there = faulty.groups.add("Sales")["id"]
    faulty.on("PATCH", answer(204))
    with vendor(slug, faulty) as app:
        members = [f"{number:036}" for number in range(app.members_at_once)]
        app.add_members(there, members)
        app.remove_members(there, members)
    assert len(members) <= most
    assert max(faulty.sizes) <= largest


@pytest.mark.parametrize("slug", ["zoom", "aws_identity_center"])
def test_a_group_is_never_replaced_where_there_is_no_put(
    faulty: FaultyScim, people: list[str], slug: str
) -> None:
    """bad-input-68"""
    there = faulty.groups.add("Sales", *people)["id"]
    faulty.groups.refuses_patch = 501
    with vendor(slug, faulty) as app:
        for call in (
            lambda: app.add_members(there, people),
            lambda: app.remove_members(there, people),
            lambda: app.update_group(there, [Change("displayName", "Sales", "S")], held=()),
        ):
            with pytest.raises(Rejected, match="PATCH is not supported"):
                call()
    assert set(faulty.writes) == {"PATCH /Groups/…"}


def test_aws_is_asked_for_one_member_by_a_filter_of_its_own(
    faulty: FaultyScim, people: list[str]
) -> None:
    faulty.groups.hides_members = True
    there = faulty.groups.add("Sales", people[0])["id"]
    with vendor("aws_identity_center", faulty) as app:
        assert app.has_member(there, people[0]) is True
        assert app.has_member(there, people[1]) is False
        assert app.get_group(there, ()).members is None
        with pytest.raises(NotFound):
            app.remove_members("gone", people[:2])
    queries = [parse_qs(urlsplit(each.path).query) for each in faulty.requests]
    assert queries[0] == {"filter": [f'id eq "{there}" and members eq "{people[0]}"']}


def test_aws_is_sent_a_rename_without_a_path_and_a_removal_by_list(
    faulty: FaultyScim, people: list[str]
) -> None:
    faulty.groups.hides_members = True
    there = faulty.groups.add("Sales", *people)["id"]
    with vendor("aws_identity_center", faulty) as app:
        app.update_group(there, [Change("displayName", "Sales", "Sellers")], held=())
        app.remove_members(there, people[:1])
    assert operations(faulty) == [
        {"op": "replace", "value": {"displayName": "Sellers"}},
        {"op": "remove", "path": "members", "value": [{"value": people[0]}]},
    ]
    assert faulty.groups.members("Sellers") == set(people[1:])


def test_salesforce_is_sent_members_below_their_name(faulty: FaultyScim) -> None:
    there = faulty.groups.add("Sales")["id"]
    faulty.on("PATCH", answer(204))
    with vendor("salesforce", faulty) as app:
        app.add_members(there, ["u"])
        app.remove_members(there, ["u"])
    value = {"members": [{"value": "u"}]}
    assert operations(faulty) == [
        {"op": "add", "path": "members", "value": value},
        {"op": "remove", "path": "members", "value": value},
    ]


@pytest.mark.parametrize("slug", ["zoom", "gitlab", "github_organization"])
def test_what_describes_nothing_is_not_asked_to(faulty: FaultyScim, slug: str) -> None:
    there = faulty.groups.add("Sales")["id"]
    with vendor(slug, faulty) as app:
        assert app.get_group(there, ()).members is None
    assert faulty.journal == ["GET /Groups/…"]


@pytest.mark.parametrize(
    ("slug", "feature", "words"),
    [
        ("slack", Feature.DELETE_GROUPS, "for good"),
        ("github", Feature.GROUP_MEMBERS, "1,000 new members of a group in an hour"),
        ("atlassian", Feature.CREATE_GROUPS, "cannot rename"),
        ("aws_identity_center", Feature.GROUP_MEMBERS, "does not list who is in a group"),
        ("salesforce", Feature.GROUP_MEMBERS, "that exist in Salesforce"),
        ("miro", Feature.GROUP_MEMBERS, "boards"),
    ],
)
def test_what_surprises_is_told_beside_the_switch(slug: str, feature: Feature, words: str) -> None:
    assert words in catalogue()[slug].feature_notes[feature]
