"""Every write leaves one row that says who, where, what, why and how it went, for ever."""

from collections.abc import Callable

import pytest

from iam import actor
from iam.models import Group, User
from provisioning import queue
from provisioning.models import Account, App, Event, Mapping, Outcome, Policy, Trigger
from provisioning.plan import Feature
from tests.conftest import REVERSIBLE, MakeApp
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, happened
from tests.support.target import Target

Push = Callable[[], None]


def latest(app: App) -> Event:
    return Event.objects.filter(app=app).order_by("-pk")[0]


def test_each_write_leaves_one_row(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, kind: str, push: Push
) -> None:
    features = (*REVERSIBLE, Feature.DELETE_USERS)
    app = make_app(faulty, kind=kind, group=sales, features=features, delete_after_days=0)
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    sales.users.remove(ann)
    push()
    assert happened(app) == [("create", "done"), ("update", "done"), ("delete", "done")]
    assert len(faulty.writes) == Event.objects.count()


def test_a_row_says_who_where_what_and_why(app: App, ann: User, push: Push) -> None:
    push()
    row = latest(app)
    assert (row.app, row.app_name, row.user) == (app, "Zoom", ann)
    assert row.identifier == "ann@example.org"
    assert row.message == "The account “ann@example.org” was created in Zoom."
    assert row.attempt == 1
    assert row.http_status is None
    assert row.correlation_id


def test_a_change_is_told_with_the_old_and_the_new_value(app: App, ann: User, push: Push) -> None:
    push()
    ann.last_name = "Oak"
    ann.email = ""
    ann.save()
    push()
    message = latest(app).message
    assert "name.familyName from “Ash” to “Oak”" in message
    assert 'emails[type eq "work"].value removed' in message


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (lambda ann: ann.memberships.all().delete(), "no group of theirs has a policy for Zoom"),
        (lambda ann: (setattr(ann, "is_active", False), ann.save()), "the person was switched off"),
        (lambda ann: ann.delete(), "the person was deleted"),
    ],
    ids=["left the group", "switched off", "deleted"],
)
def test_a_deactivation_says_why(
    app: App, ann: User, push: Push, leave: Callable[[User], object], why: str
) -> None:
    push()
    leave(ann)
    push()
    assert why in latest(app).message


@pytest.mark.parametrize(
    ("change", "trigger"),
    [
        (lambda ann, app: ann.memberships.all().delete(), Trigger.MEMBERSHIP),
        (lambda ann, app: ann.delete(), Trigger.PERSON),
        (lambda ann, app: Policy.objects.get().delete(), Trigger.POLICY),
        (lambda ann, app: Mapping.objects.get(target="name.givenName").delete(), Trigger.MAPPING),
    ],
    ids=lambda value: str(value.value) if isinstance(value, Trigger) else "",
)
def test_a_row_says_what_set_it_off(
    app: App,
    ann: User,
    push: Push,
    change: Callable[[User, App], object],
    trigger: Trigger,
) -> None:
    push()
    change(ann, app)
    if trigger is Trigger.MAPPING:
        Mapping.objects.create(app=app, target="title", source="last_name")
    push()
    assert latest(app).trigger == trigger


def test_a_row_names_the_operator_who_set_it_off(
    app: App, ann: User, sales: Group, push: Push
) -> None:
    push()
    assert latest(app).actor == ""
    with actor.acting_as("olga"):
        sales.users.remove(ann)
    push()
    assert latest(app).actor == "olga"


def test_push_now_is_told_as_such(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400), times=1)
    push()
    queue.mark_accounts(Account.objects.filter(user=ann), trigger=Trigger.MANUAL)
    push()
    assert happened(faulty_app) == [("create", "failed"), ("create", "done")]
    assert latest(faulty_app).trigger == Trigger.MANUAL


def test_a_failure_is_told_with_the_answers_status_and_the_attempt(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    faulty.on("POST", answer(500, {"detail": "Out of coffee"}))
    for _ in range(3):
        push()
        later(minutes=5)
    rows = Event.objects.filter(app=faulty_app).order_by("pk")
    assert [row.attempt for row in rows] == [1, 2, 3]
    assert {(row.outcome, row.http_status) for row in rows} == {(Outcome.RETRYING, 500)}
    assert "Out of coffee" in rows[0].message


def test_rows_stay_when_the_person_is_deleted(app: App, ann: User, push: Push) -> None:
    push()
    ann.delete()
    push()
    rows = Event.objects.order_by("pk")
    assert [(row.identifier, row.user) for row in rows] == [("ann@example.org", None)] * 2


def test_rows_stay_when_the_app_is_deleted(app: App, ann: User, target: Target, push: Push) -> None:
    push()
    app.delete()
    push()
    (row,) = Event.objects.all()
    assert (row.app, row.app_name, row.user) == (None, "Zoom", ann)
    assert not Account.objects.exists()
    assert target.active_names() == [ann.username]


def test_a_person_who_is_deleted_during_the_request_still_leaves_a_row(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    row = account(faulty_app, ann)
    ann.delete()
    push()
    assert Event.objects.filter(identifier=row.identifier).count() == 2
