"""Zoom is asked only for what its documentation has, and what it answers is understood."""

from collections.abc import Iterator

import pytest

from provisioning.connectors.zoom import Zoom
from provisioning.errors import Misconfigured, NotFound, Rejected, Throttled
from provisioning.listing import Walk
from provisioning.pace import Pace
from provisioning.plan import Change, Value
from tests.provisioning.connectors.calls import ANN, EXTERNAL, MAIL, ORGANIZATION
from tests.support.target import ENTERPRISE_USER
from tests.support.vendors.base import held_to_its_rules
from tests.support.vendors.zoom import ACCOUNT, CLIENT, CLIENT_SECRET, ZoomTenant
from tests.support.vendors.zoom_rules import NEW_ZOOM, OLD_ZOOM

VALUES: dict[str, Value | None] = {
    "userName": ANN,
    "active": True,
    "name.givenName": "Ann",
    "name.familyName": "Ash",
    MAIL: ANN,
    ORGANIZATION: "Acme",
}
PRONOUNS = f"{NEW_ZOOM}:pronouns"


@pytest.fixture
def tenant() -> Iterator[ZoomTenant]:
    with held_to_its_rules(ZoomTenant()) as tenant:
        yield tenant


@pytest.fixture
def zoom(tenant: ZoomTenant) -> Iterator[Zoom]:
    config = {
        "auth": "oauth",
        "base_url": tenant.base_url,
        "token_url": tenant.token_url,
        "account_id": ACCOUNT,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
    }
    connector = Zoom("Zoom", config, internal=True, pace=Pace(1000))
    yield connector.asking(lambda: None)
    connector.close()


def test_an_account_is_made_found_changed_and_removed(zoom: Zoom, tenant: ZoomTenant) -> None:
    assert zoom.find(VALUES, external_id=EXTERNAL, made_by_us=True) == []
    made = zoom.create(VALUES, external_id=EXTERNAL)
    (hit,) = zoom.find(VALUES, external_id=EXTERNAL, made_by_us=True)
    assert (hit.remote_id, hit.external_id) == (made.remote_id, "")
    changes = [
        Change(MAIL, ANN, None),
        Change(ORGANIZATION, "Acme", None),
        Change(PRONOUNS, None, "she"),
        Change("title", None, "Boss"),
    ]
    zoom.update(made.remote_id, changes, held=VALUES)
    held = tenant.user(ANN)
    assert (held["title"], held[NEW_ZOOM]) == ("Boss", {"pronouns": "she"})
    assert (held.get("emails"), held[ENTERPRISE_USER]) == (None, {})
    zoom.deactivate(made.remote_id)
    assert tenant.active_names() == []
    zoom.reactivate(made.remote_id)
    assert tenant.writes == ["POST /Users", "PUT /Users/…", "PATCH /Users/…", "PATCH /Users/…"]
    zoom.delete(made.remote_id)
    zoom.delete(made.remote_id)
    with pytest.raises(NotFound):
        zoom.get(made.remote_id, set())


def test_what_zoom_holds_besides_comes_through_a_change(zoom: Zoom, tenant: ZoomTenant) -> None:
    own = {
        ENTERPRISE_USER: {"costCenter": "77"},
        NEW_ZOOM: {"zoomIQ": True},
        "userType": "Licensed",
    }
    there = tenant.add(ANN, **own)
    zoom.update(there["id"], [Change("title", None, "Boss")], held={"userName"})
    held = tenant.user(ANN)
    assert {key: held[key] for key in own} == own


@pytest.mark.parametrize("size", [0, 10, 100, 230])
def test_the_whole_list_is_read(zoom: Zoom, tenant: ZoomTenant, size: int) -> None:
    for number in range(size):
        tenant.add(f"p{number}@example.org", **{ENTERPRISE_USER: {"organization": "Acme"}})
    walk = Walk()
    while not walk.ended:
        page = zoom.list_accounts({"userName", ORGANIZATION}, position=walk.next)
        assert not any(ORGANIZATION in hit.values for hit in page.accounts)
        walk.page(
            returned=page.returned,
            new=page.returned,
            total=page.total,
            next_page=page.next,
            cursor=page.cursor,
        )
    assert (walk.proven, walk.distinct) == (True, size)


def test_where_quotes_are_not_taken_the_search_goes_without(zoom: Zoom, tenant: ZoomTenant) -> None:
    there = tenant.add(ANN)
    tenant.takes_quotes = False
    for _ in range(2):
        (hit,) = zoom.find(VALUES, external_id=EXTERNAL, made_by_us=False)
        assert hit.remote_id == there["id"]
    assert tenant.journal[1:] == ["GET /Users"] * 3
    assert zoom.learned == {"search.userName": "bare_filter"}


@pytest.mark.parametrize("takes_quotes", [True, False])
def test_an_open_invitation_is_never_taken_for_nobody(
    zoom: Zoom, tenant: ZoomTenant, takes_quotes: bool
) -> None:
    tenant.takes_quotes = takes_quotes
    tenant.invited.add(ANN)
    with pytest.raises(Rejected, match="open invitation"):
        zoom.find(VALUES, external_id=EXTERNAL, made_by_us=False)


def test_another_login_type_makes_a_person_pending_who_is_then_not_made_twice(
    zoom: Zoom, tenant: ZoomTenant
) -> None:
    login = {f"{OLD_ZOOM}:loginType.workEmail": True, f"{OLD_ZOOM}:loginType.sso": False}
    made = zoom.create({**VALUES, **login}, external_id=EXTERNAL)
    with pytest.raises(Rejected, match="open invitation"):
        zoom.find(VALUES, external_id=EXTERNAL, made_by_us=True)
    zoom.update(made.remote_id, [Change("title", None, "Boss")], held=VALUES)
    zoom.deactivate(made.remote_id)
    held = tenant.user(ANN)
    assert ("title" in held, held["active"]) == (False, True)


def test_the_missing_privilege_is_named(zoom: Zoom, tenant: ZoomTenant) -> None:
    tenant.lacks.add("User:Edit")
    with pytest.raises(Misconfigured, match="User:Edit"):
        zoom.create(VALUES, external_id=EXTERNAL)


def test_the_limit_of_basic_users_is_told(zoom: Zoom, tenant: ZoomTenant) -> None:
    tenant.most_basic_users = 1
    tenant.add("bob@example.org")
    with pytest.raises(Rejected, match="limit of 9,999 Basic users"):
        zoom.create(VALUES, external_id=EXTERNAL)


def test_a_token_is_renewed_after_its_hour(zoom: Zoom, tenant: ZoomTenant) -> None:
    zoom.check()
    tenant.clock.advance(3599)
    zoom.check()
    tenant.clock.advance(1)
    zoom.check()
    assert len(tenant.fetched) == 2


def test_zoom_is_left_alone_when_it_is_asked_too_often(zoom: Zoom, tenant: ZoomTenant) -> None:
    tenant.allow(a_second=1)
    zoom.check()
    with pytest.raises(Throttled) as caught:
        zoom.check()
    assert caught.value.retry_after is None
    tenant.clock.advance(1)
    zoom.check()
