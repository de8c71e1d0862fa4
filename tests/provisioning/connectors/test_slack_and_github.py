"""The limits of Slack and GitHub are kept to, and what they do with leavers is known."""

from collections.abc import Iterator
from typing import TypeVar

import pytest

from provisioning.connectors.github import GitHub
from provisioning.connectors.github_organization import GitHubOrganization
from provisioning.connectors.scim import Scim
from provisioning.connectors.slack import Slack
from provisioning.errors import Misconfigured, NotFound, Throttled
from provisioning.pace import Pace
from provisioning.plan import Change, Value
from tests.provisioning.connectors.calls import ANN, EXTERNAL, MAIL
from tests.support.vendors import github
from tests.support.vendors.base import Vendor, held_to_its_rules
from tests.support.vendors.slack import SlackOrganization

Kind = TypeVar("Kind", bound=Scim)
VALUES: dict[str, Value | None] = {
    "userName": ANN,
    "active": True,
    "name.givenName": "Ann",
    "name.familyName": "Ash",
    "displayName": "Ann Ash",
    MAIL: ANN,
}


def connected(kind: type[Kind], vendor: Vendor) -> Kind:
    config = {"base_url": vendor.base_url, "token": vendor.token}
    # Faster than the vendor's own rate, so that its limit is reached.
    return kind(kind.label, config, internal=True, pace=Pace(1000)).asking(lambda: None)


@pytest.fixture
def organization() -> Iterator[SlackOrganization]:
    with held_to_its_rules(SlackOrganization()) as organization:
        yield organization


@pytest.fixture
def slack(organization: SlackOrganization) -> Iterator[Slack]:
    connector = connected(Slack, organization)
    yield connector
    connector.close()


@pytest.fixture
def enterprise() -> Iterator[github.GitHubEnterprise]:
    with held_to_its_rules(github.GitHubEnterprise()) as enterprise:
        yield enterprise


@pytest.fixture
def emu(enterprise: github.GitHubEnterprise) -> Iterator[GitHub]:
    connector = connected(GitHub, enterprise)
    yield connector
    connector.close()


@pytest.fixture
def club() -> Iterator[github.GitHubOrganization]:
    with held_to_its_rules(github.GitHubOrganization()) as club:
        yield club


@pytest.fixture
def invites(club: github.GitHubOrganization) -> Iterator[GitHubOrganization]:
    connector = connected(GitHubOrganization, club)
    yield connector
    connector.close()


# --------------------------------------------------------------------------------------- Slack


def test_slack_says_when_to_go_on_and_is_believed(
    slack: Slack, organization: SlackOrganization
) -> None:
    key = organization.add(ANN, nickName="ann")["id"]
    for _ in range(20):
        slack.deactivate(key)
    with pytest.raises(Throttled) as caught:
        slack.deactivate(key)
    assert caught.value.retry_after == 1
    slack.get(key, {"userName"})
    organization.clock.advance(1)
    slack.reactivate(key)


def test_a_put_to_slack_brings_the_nick_name_along(
    slack: Slack, organization: SlackOrganization
) -> None:
    key = organization.add(ANN, nickName="ann")["id"]
    putting = slack.asking(lambda: None, learned={"update": "put", "switch": "put"})
    putting.update(key, [Change("title", None, "Boss")], held={"userName"})
    putting.deactivate(key)
    held = organization.user(ANN)
    assert (held["title"], held["nickName"], held["active"]) == ("Boss", "ann", False)


def test_whom_slack_removes_is_seen_to_go_later(
    slack: Slack, organization: SlackOrganization
) -> None:
    key = organization.add(ANN, nickName="ann")["id"]
    slack.delete(key)
    slack.delete(key)
    assert [slack.get(key, set()).active for _ in range(4)] == [True, True, False, False]


def test_the_words_of_slack_are_told(slack: Slack, organization: SlackOrganization) -> None:
    organization.token = "another"
    with pytest.raises(Misconfigured, match="“invalid_authentication”"):
        slack.check()


def test_slack_makes_changes_and_finds(slack: Slack, organization: SlackOrganization) -> None:
    made = slack.create(VALUES, external_id=EXTERNAL)
    slack.update(made.remote_id, [Change(MAIL, ANN, "a@example.org")], held=VALUES)
    assert [mail["value"] for mail in organization.user(ANN)["emails"]] == ["a@example.org"]
    (hit,) = slack.find(VALUES, external_id=EXTERNAL, made_by_us=False)
    assert hit.remote_id == made.remote_id


# -------------------------------------------------------------------------------------- GitHub


@pytest.mark.parametrize("status", [429, 403])
def test_an_enterprise_that_has_had_enough_people_is_left_alone(
    emu: GitHub, enterprise: github.GitHubEnterprise, status: int
) -> None:
    enterprise.allow_an_hour(2)
    enterprise.refuses_with = status
    for number in range(2):
        emu.create({**VALUES, "userName": f"p{number}"}, external_id=f"{number}")
    with pytest.raises(Throttled) as caught:
        emu.create(VALUES, external_id=EXTERNAL)
    assert caught.value.retry_after == 1800
    enterprise.clock.advance(1800)
    emu.create(VALUES, external_id=EXTERNAL)


def test_whom_an_enterprise_suspended_is_found_again(
    emu: GitHub, enterprise: github.GitHubEnterprise
) -> None:
    made = emu.create(VALUES, external_id=EXTERNAL)
    emu.deactivate(made.remote_id)
    (hit,) = emu.find(VALUES, external_id=EXTERNAL, made_by_us=True)
    assert (hit.remote_id, hit.active) == (made.remote_id, False)
    emu.reactivate(hit.remote_id)
    assert enterprise.active_names() == [ANN]
    assert enterprise.deleted_for_good == []


def test_an_organization_forgets_a_leaver_who_is_then_invited_anew(
    invites: GitHubOrganization, club: github.GitHubOrganization
) -> None:
    made = invites.create(VALUES, external_id=EXTERNAL)
    invites.update(made.remote_id, [Change(MAIL, ANN, "a@example.org")], held=VALUES)
    assert [mail["value"] for mail in club.user(ANN)["emails"]] == ["a@example.org"]
    invites.deactivate(made.remote_id)
    with pytest.raises(NotFound):
        invites.get(made.remote_id, set())
    assert invites.find(VALUES, external_id=EXTERNAL, made_by_us=True) == []
    assert invites.create(VALUES, external_id=EXTERNAL).remote_id != made.remote_id
