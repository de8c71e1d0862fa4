"""AWS IAM Identity Center is asked only for what its developer guide has."""

from collections.abc import Callable, Iterator

import pytest

from iam.models import Group, User
from provisioning import queue
from provisioning.connectors.aws_identity_center import AwsIdentityCenter
from provisioning.errors import AlreadyExists, Misconfigured, Rejected, Throttled
from provisioning.listing import Walk
from provisioning.models import App, Lane
from provisioning.pace import Pace
from provisioning.plan import Change, Feature, Value
from tests.conftest import MakeApp, person
from tests.provisioning.connectors.calls import ANN, EXTERNAL, MAIL
from tests.support.looks import agree, happened
from tests.support.target import ENTERPRISE_USER
from tests.support.vendors.aws import AwsTenant
from tests.support.vendors.base import held_to_its_rules

Push = Callable[[], None]
VALUES: dict[str, Value | None] = {
    "userName": ANN,
    "active": True,
    "name.givenName": "Ann",
    "name.familyName": "Ash",
    "displayName": "Ann Ash",
    MAIL: ANN,
}


@pytest.fixture
def tenant() -> Iterator[AwsTenant]:
    with held_to_its_rules(AwsTenant()) as tenant:
        yield tenant


@pytest.fixture
def aws(tenant: AwsTenant) -> Iterator[AwsIdentityCenter]:
    with_token = {"base_url": tenant.base_url, "token": tenant.token}
    connector = AwsIdentityCenter("AWS", with_token, internal=True, pace=Pace(1000))
    yield connector.asking(lambda: None)
    connector.close()


def crowd(tenant: AwsTenant, size: int) -> None:
    for number in range(size):
        tenant.add(f"p{number}@example.org")


def listed(aws: AwsIdentityCenter) -> tuple[Walk, int]:
    """The walk over the whole list, and how many different people were on it."""
    walk, seen = Walk(), set[str]()
    while not walk.ended:
        page = aws.list_accounts({"userName"}, position=walk.next)
        new = {hit.remote_id for hit in page.accounts} - seen
        seen |= new
        walk.page(
            returned=page.returned,
            new=len(new),
            total=page.total,
            next_page=page.next,
            cursor=page.cursor,
        )
    return walk, len(seen)


# ---------------------------------------------------------------------------------- one by one


def test_it_is_reached_and_described_without_what_it_does_not_support(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    assert "Connected" in aws.check()
    aws.discover()
    assert tenant.journal[:2] == ["GET /Users", "GET /ServiceProviderConfig"]


def test_an_account_is_made_found_changed_and_removed(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    assert aws.find(VALUES, external_id=EXTERNAL, made_by_us=True) == []
    made = aws.create(VALUES, external_id=EXTERNAL)
    assert tenant.user(ANN)["emails"] == [{"type": "work", "value": ANN, "primary": True}]
    (hit,) = aws.find(VALUES, external_id=EXTERNAL, made_by_us=True)
    assert (hit.remote_id, hit.external_id) == (made.remote_id, EXTERNAL)
    title = f"{ENTERPRISE_USER}:department"
    changes = [Change(MAIL, ANN, None), Change("title", None, "Boss"), Change(title, None, "Sales")]
    aws.update(made.remote_id, changes, held=VALUES)
    aws.update(made.remote_id, [Change(MAIL, None, "a@example.org")], held={"userName"})
    held = tenant.user(ANN)
    assert (held["title"], held[ENTERPRISE_USER]) == ("Boss", {"department": "Sales"})
    assert [mail["value"] for mail in held["emails"]] == ["a@example.org"]
    aws.deactivate(made.remote_id)
    assert tenant.active_names() == []
    aws.reactivate(made.remote_id)
    aws.delete(made.remote_id)
    assert tenant.names() == []


def test_a_new_name_and_a_new_switch_are_never_in_one_request(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    there = tenant.add(ANN)
    changes = [Change("userName", ANN, "a@example.org"), Change("active", True, False)]
    aws.update(there["id"], changes, held={"userName", "active"})
    assert (tenant.names(), tenant.active_names()) == (["a@example.org"], [])


def test_everything_is_put_as_it_asks_for_it(aws: AwsIdentityCenter, tenant: AwsTenant) -> None:
    made = aws.create(VALUES, external_id=EXTERNAL)
    putting = aws.asking(lambda: None, learned={"update": "put", "switch": "put"})
    putting.update(made.remote_id, [Change("title", None, "Boss")], held=VALUES)
    putting.deactivate(made.remote_id)
    held = tenant.user(ANN)
    assert (held["title"], held["active"], held["externalId"]) == ("Boss", False, EXTERNAL)


def test_a_second_address_is_refused_in_its_own_words(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    there = tenant.add(ANN, emails=[{"type": "home", "value": "home@example.org"}])
    with pytest.raises(Rejected, match="have one value each"):
        aws.update(there["id"], [Change(MAIL, None, ANN)], held={"userName"})
    assert len(tenant.take_violations()) == 1


def test_who_is_there_already_is_told_apart_from_what_is_wrong(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    tenant.add(ANN)
    with pytest.raises(AlreadyExists, match="Refused to create a new, duplicate resource"):
        aws.create(VALUES, external_id=EXTERNAL)
    tenant.token = "another"
    with pytest.raises(Misconfigured):
        aws.check()


def test_it_is_left_alone_when_it_is_asked_too_often(
    aws: AwsIdentityCenter, tenant: AwsTenant
) -> None:
    tenant.allow(a_second=2)
    aws.check()
    aws.check()
    with pytest.raises(Throttled) as caught:
        aws.check()
    assert caught.value.retry_after is None
    tenant.clock.advance(1)
    aws.check()


@pytest.mark.parametrize("size", [0, 1, 50, 130])
def test_its_whole_list_is_read_from_cursor_to_cursor(
    aws: AwsIdentityCenter, tenant: AwsTenant, size: int
) -> None:
    crowd(tenant, size)
    walk, seen = listed(aws)
    assert (walk.proven, seen) == (True, size)
    assert aws.lessons == []


def test_where_it_has_no_cursors_its_list_is_read_by_number() -> None:
    with held_to_its_rules(AwsTenant(by_index=True)) as tenant:
        crowd(tenant, 130)
        config = {"base_url": tenant.base_url, "token": tenant.token}
        connector = AwsIdentityCenter("AWS", config, internal=True, pace=Pace(1000))
        asking = connector.asking(lambda: None)
        walk, seen = listed(asking)
        connector.close()
    assert (walk.proven, seen) == (True, 130)
    assert asking.learned == {"paging": "index"}


# ------------------------------------------------------------------------------- through the engine


@pytest.fixture
def app(make_app: MakeApp, tenant: AwsTenant, sales: Group) -> App:
    every = tuple(Feature)
    app = make_app(
        tenant, kind="aws_identity_center", group=sales, features=every, delete_after_days=0
    )
    App.objects.update(guard_count=100, guard_percent=100)
    return app


def test_a_person_comes_changes_leaves_and_comes_back(
    app: App, tenant: AwsTenant, ann: User, sales: Group, push: Push
) -> None:
    there = tenant.add("BEA@example.org", displayName="Bea", nickName="Queen")
    sales.users.add(person("bea", first_name="Bea", last_name="Beech"))
    push()
    adopted = tenant.user("bea@example.org")
    assert (adopted["id"], adopted["nickName"]) == (there["id"], "Queen")
    made = tenant.user(ann.username)
    ann.username, ann.first_name = "anna@example.org", "Anna"
    ann.email, ann.custom = "", {}
    ann.save()
    push()
    held = tenant.user("anna@example.org")
    assert (held["id"], held["name"]["givenName"]) == (made["id"], "Anna")
    assert (held["displayName"], held.get("emails"), held.get(ENTERPRISE_USER)) == (
        "Anna Ash",
        None,
        None,
    )
    App.objects.update(features=[*Feature][:3])
    sales.users.remove(ann)
    push()
    assert tenant.active_names() == ["bea@example.org"]
    sales.users.add(ann)
    push()
    assert tenant.user("anna@example.org")["active"] is True
    App.objects.update(features=[*Feature])
    sales.users.remove(ann)
    push()
    assert tenant.names() == ["bea@example.org"]
    agree(app, tenant)
    assert {outcome for _, outcome in happened(app)} == {"done"}


def test_a_rate_that_it_does_not_take_rests_the_app_and_loses_nobody(
    app: App, tenant: AwsTenant, sales: Group, push: Push, later: Callable[..., None]
) -> None:
    sales.users.set(person(f"p{number}", first_name="P", last_name="Q") for number in range(12))
    tenant.allow(a_second=20)
    push()
    assert Lane.objects.get(app=app).paused_until is not None
    asked = len(tenant.requests)
    push()
    assert len(tenant.requests) == asked
    for _ in range(3):
        tenant.clock.advance(60)
        later(minutes=15)
        queue.sweep()
        push()
    assert len(tenant.names()) == 12
    agree(app, tenant)
