"""The life of an account in Zoom, as Zoom's own service takes it and no other way."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from iam.models import Group, User
from provisioning import apps_setup, queue
from provisioning.effects import LOOKS
from provisioning.models import (
    App,
    Apply,
    Event,
    Lane,
    Mapping,
    Policy,
    Problem,
    SourceKind,
    WhenEmpty,
)
from provisioning.plan import Feature, State
from provisioning.scim.messages import ENTERPRISE_USER
from tests.conftest import REVERSIBLE
from tests.support.looks import account, agree, happened
from tests.support.target import Document
from tests.support.vendors.base import held_to_its_rules
from tests.support.vendors.zoom import ACCOUNT, CLIENT, CLIENT_SECRET, PASTED, ZoomTenant
from tests.support.vendors.zoom_rules import OLD_ZOOM

Push = Callable[[], None]
OAUTH = {"auth": "oauth", "account_id": ACCOUNT, "client_id": CLIENT}


@pytest.fixture
def tenant() -> Iterator[ZoomTenant]:
    """Fails the test on any request that Zoom would refuse because of how it is made."""
    with held_to_its_rules(ZoomTenant()) as tenant:
        yield tenant


@pytest.fixture
def zoom(tenant: ZoomTenant, sales: Group) -> App:
    """Set up as in the guide, with Server-to-Server OAuth and no mapping but Zoom's own."""
    app = apps_setup.create(
        App(name="Zoom", connector="zoom", internal=True, requests_per_second=1000)
    )
    return configured(app, tenant, sales)


def configured(app: App, tenant: ZoomTenant, group: Group) -> App:
    apps_setup.configure(
        app,
        settings={"base_url": tenant.base_url, "token_url": tenant.token_url, **OAUTH},
        secrets={"client_secret": CLIENT_SECRET},
        features=REVERSIBLE,
    )
    app.save()
    Policy.objects.create(name="Zoom for Sales", app=app, group=group)
    return app


@pytest.fixture
def pushed(zoom: App, ann: User, tenant: ZoomTenant, push: Push) -> Document:
    push()
    made = tenant.user(ann.username)
    tenant.requests.clear()
    return made


def said(app: App) -> list[str]:
    """Every sentence that anybody can read about the app."""
    sentences = list(Event.objects.values_list("message", flat=True))
    sentences += app.accounts.values_list("message", flat=True)
    return sentences + list(Lane.objects.values_list("problem", flat=True))


# -------------------------------------------------------------------------------------- life


def test_a_member_gets_an_account_with_the_six_attributes_of_the_guide(pushed: Document) -> None:
    assert pushed["userName"] == "ann@example.org"
    assert pushed["active"] is True
    assert pushed["name"] == {"givenName": "Ann", "familyName": "Ash"}
    assert [mail["value"] for mail in pushed["emails"]] == ["ann@example.org"]
    assert pushed[ENTERPRISE_USER] == {"organization": "Acme"}


def test_the_id_that_is_kept_is_zooms_own(pushed: Document, zoom: App, ann: User) -> None:
    assert "&" in pushed["id"]
    assert account(zoom, ann).remote_id == pushed["id"]
    assert pushed["externalId"] != str(ann.external_id)


@pytest.mark.parametrize(
    ("method", "login"),
    [("external", {"loginType": {"workEmail": False, "sso": True}}), ("password", None)],
)
def test_the_sign_in_follows_the_policy_as_the_guide_shows(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push, method: str, login: Document | None
) -> None:
    Policy.objects.update(login_method=method)
    guide = Path("docs/guides/zoom.md").read_text()
    rows = re.findall(rf"\| `({OLD_ZOOM}\S+)` \| `(.+)` \|", guide)
    assert len(rows) == 2
    for target, source in rows:
        Mapping.objects.create(
            app=zoom,
            target=target,
            kind=SourceKind.EXPRESSION,
            source=source,
            when_empty=WhenEmpty.LEAVE,
            apply=Apply.CREATE,
        )
    push()
    (sent,) = [
        json.loads(each.body)
        for each in tenant.requests
        if each.method == "POST" and "/Users" in each.path
    ]
    assert sent.get(OLD_ZOOM) == login
    assert (OLD_ZOOM in sent["schemas"]) is bool(login)


@pytest.mark.parametrize(
    ("attribute", "value", "seen"),
    [
        ("first_name", "Anna", lambda user: user["name"].get("givenName")),
        ("last_name", "Oak", lambda user: user["name"].get("familyName")),
        ("email", "oak@example.org", lambda user: mail(user)),
        ("custom", "Oak Ltd", lambda user: user.get(ENTERPRISE_USER, {}).get("organization")),
    ],
)
def test_a_value_is_changed_emptied_and_filled_again(
    pushed: Document,
    zoom: App,
    ann: User,
    tenant: ZoomTenant,
    push: Push,
    attribute: str,
    value: str,
    seen: Callable[[Document], object],
) -> None:
    others = {**pushed}
    for new in (value, "", value):
        setattr(ann, attribute, {"custom_attribute_1": new} if attribute == "custom" else new)
        ann.save()
        push()
        now = tenant.user(ann.username)
        assert seen(now) == (new or None)
        assert (now["id"], now["active"], now["userName"]) == (others["id"], True, ann.username)
    agree(zoom, tenant)


def mail(user: Document) -> str | None:
    return next((entry["value"] for entry in user.get("emails", [])), None)


def test_a_change_leaves_alone_what_zoom_holds_besides(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    held = {"organization": "Acme", "costCenter": "77"}
    tenant.add(ann.username, userType="Licensed", **{ENTERPRISE_USER: held})
    push()
    now = tenant.user(ann.username)
    assert now["name"] == {"givenName": "Ann", "familyName": "Ash"}
    assert (now["userType"], now[ENTERPRISE_USER]) == ("Licensed", held)
    agree(zoom, tenant)


def test_a_rename_keeps_the_account(
    pushed: Document, zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    ann.username = ann.email = "ann.oak@example.org"
    ann.save()
    push()
    (now,) = tenant.users()
    assert (now["id"], now["userName"]) == (pushed["id"], "ann.oak@example.org")
    assert mail(now) == "ann.oak@example.org"
    agree(zoom, tenant)


def test_who_leaves_is_switched_off_and_who_returns_is_switched_on(
    pushed: Document, zoom: App, ann: User, sales: Group, tenant: ZoomTenant, push: Push
) -> None:
    for member in (False, True):
        sales.users.set([ann] if member else [])
        push()
        (now,) = tenant.users()
        assert (now["id"], now["active"]) == (pushed["id"], member)
        agree(zoom, tenant)
    assert tenant.writes == ["PATCH /Users/…"] * 2


def test_an_account_that_is_there_is_adopted_whatever_the_list_leaves_out(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    there = tenant.add("ANN@example.org", **{ENTERPRISE_USER: {"organization": "Other"}})
    push()
    (now,) = tenant.users()
    assert (now["id"], now["userName"]) == (there["id"], ann.username)
    assert now[ENTERPRISE_USER] == {"organization": "Acme"}
    assert happened(zoom)[0] == ("adopt", "done")
    agree(zoom, tenant)


def test_many_people_come_and_go(zoom: App, sales: Group, tenant: ZoomTenant, push: Push) -> None:
    App.objects.update(guard_count=100)
    names = [f"p{number}@example.org" for number in range(25)]
    sales.users.set(User.objects.bulk_create(User(username=name) for name in names))
    push()
    sales.users.clear()
    push()
    assert sorted(user["userName"] for user in tenant.users()) == sorted(names)
    assert not any(user["active"] for user in tenant.users())
    assert len(tenant.fetched) == 1
    agree(zoom, tenant)


def test_who_leaves_is_deleted_where_that_is_switched_on(
    pushed: Document, zoom: App, ann: User, sales: Group, tenant: ZoomTenant, push: Push
) -> None:
    App.objects.update(features=[*Feature], delete_after_days=0)
    sales.users.remove(ann)
    push()
    assert tenant.writes == ["DELETE /Users/…"]
    assert tenant.users() == []
    agree(zoom, tenant)


# ----------------------------------------------------------------------------------- refusals


def test_a_rate_that_zoom_does_not_take_rests_the_app_and_loses_nobody(
    zoom: App, sales: Group, tenant: ZoomTenant, push: Push, later: Callable[..., None]
) -> None:
    names = [f"p{number}@example.org" for number in range(12)]
    sales.users.set(User.objects.bulk_create(User(username=name) for name in names))
    tenant.allow(a_second=20)
    push()
    assert Lane.objects.get(app=zoom).paused_until is not None
    asked = len(tenant.requests)
    push()
    assert len(tenant.requests) == asked
    for _ in range(3):
        tenant.clock.advance(60)
        later(minutes=15)
        queue.sweep()
        push()
    assert tenant.names() == sorted(names)
    agree(zoom, tenant)


def test_an_open_invitation_is_told_and_nothing_is_made(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    tenant.invited.add(ann.username)
    push()
    row = account(zoom, ann)
    assert (row.problem, row.remote_id) == (Problem.REJECTED, None)
    assert "open invitation for ann@example.org" in row.message
    assert "press “Push now”" in row.message
    assert tenant.writes == []


def test_an_invitation_that_was_accepted_is_adopted(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    tenant.invited.add(ann.username)
    push()
    tenant.invited.clear()
    there = tenant.add(ann.username)
    ann.save()
    push()
    assert account(zoom, ann).remote_id == there["id"]
    agree(zoom, tenant)


def test_another_400_is_told_in_zooms_own_words_and_not_as_an_invitation(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    tenant.single_sign_on = False
    push()
    message = account(zoom, ann).message
    assert "“Account has not enabled Single Sign-On.”" in message
    assert "invitation" not in message
    worked, sentence = apps_setup.check_connection(zoom)
    assert not worked
    assert "“Account has not enabled Single Sign-On.”" in sentence


def test_a_domain_that_is_not_ones_own_is_told(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    ann.username = "ann@elsewhere.example"
    ann.save()
    push()
    assert "“Domain name doesn't match. " in account(zoom, ann).message
    assert tenant.users() == []


def test_an_administrator_of_zoom_stays_and_the_reason_is_told(
    pushed: Document, zoom: App, ann: User, sales: Group, tenant: ZoomTenant, push: Push
) -> None:
    tenant.administrators.add(ann.username)
    sales.users.remove(ann)
    push()
    row = account(zoom, ann)
    assert (row.problem, row.state) == (Problem.REJECTED, State.ACTIVE)
    assert "“Can not deactivate an administrator.”" in row.message


def test_what_zoom_says_yes_to_and_does_not_do_is_told_and_not_sent_for_ever(
    pushed: Document,
    zoom: App,
    ann: User,
    sales: Group,
    tenant: ZoomTenant,
    push: Push,
    later: Callable[..., None],
) -> None:
    # Quirks 7 and 8 of Zoom's: the document in the answer is what is there.
    tenant.invited.add(ann.username.casefold())
    ann.last_name = "Oak"
    ann.save()
    push()
    event = Event.objects.latest("pk")
    assert (event.outcome, event.effect) == ("done", "without_effect")
    assert "still shows the old value for name.familyName (“Ash”)" in event.message
    # And 11, where Zoom does not even refuse it.
    sales.users.remove(ann)
    for _ in range(10):
        push()
        later(minutes=10)
    row = account(zoom, ann)
    assert (row.problem, row.state) == (Problem.WITHOUT_EFFECT, State.ACTIVE)
    assert "administrators often may not" in row.message
    assert len([line for line in tenant.journal if line.startswith("PATCH")]) == LOOKS


# -------------------------------------------------------------------------------------- tokens


def test_a_token_that_ended_is_renewed_unnoticed(
    pushed: Document, zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    tenant.expire_tokens()
    ann.last_name = "Oak"
    ann.save()
    push()
    assert tenant.user(ann.username)["name"]["familyName"] == "Oak"
    assert len(tenant.fetched) == 2
    assert happened(zoom) == [("create", "done"), ("update", "done")]


def test_a_client_secret_that_is_wrong_rests_the_app_with_the_sentence(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    apps_setup.configure(
        zoom, settings=zoom.settings, secrets={"client_secret": "wrong-secret"}, features=REVERSIBLE
    )
    zoom.save()
    push()
    problem = Lane.objects.get(app=zoom).problem
    assert "did not accept the account id, client id and client secret" in problem
    assert "Invalid client_id or client_secret" in problem
    assert tenant.journal == ["POST /oauth/token"]
    assert not any("wrong-secret" in sentence for sentence in said(zoom))


def test_a_pasted_token_works_until_it_ends_and_then_says_so(
    zoom: App, ann: User, tenant: ZoomTenant, push: Push
) -> None:
    settings: dict[str, Any] = {"base_url": tenant.base_url, "auth": "bearer"}
    apps_setup.configure(zoom, settings=settings, secrets={"token": PASTED}, features=REVERSIBLE)
    zoom.save()
    push()
    agree(zoom, tenant)
    tenant.expire_tokens()
    ann.last_name = "Oak"
    ann.save()
    push()
    assert "did not accept the token" in Lane.objects.get(app=zoom).problem
    assert tenant.fetched == []
