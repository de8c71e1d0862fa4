"""What a change would lead to is told, and nothing of it is kept, sent or told to a worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from iam.models import Group, User
from provisioning import memberships, preview, trial
from provisioning.echoes import MASK
from provisioning.models import Account, App, Event, Mapping, Policy
from provisioning.plan import Operation
from provisioning.preview import Step
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def steps(change: Callable[[], Any]) -> list[Step]:
    return [step for each in trial.told(change).apps for step in each.accounts.first]


def everything() -> list[Any]:
    tables = (Account, Policy, User, Group.users.through, Event)
    return [list(table.objects.order_by("pk").values()) for table in tables]


def test_somebody_who_would_come_into_a_group_would_get_an_account_with_these_values(
    app: App, sales: Group, bob: User
) -> None:
    (step,) = steps(lambda: sales.users.add(bob))
    assert (step.account.identifier, step.action.operation) == (bob.username, Operation.CREATE)
    values = {change.path: (change.old, change.new) for change in step.changes}
    assert values["userName"] == (None, "bob@example.org")
    assert values["name.givenName"] == (None, "Bob")


def test_a_changed_person_is_told_attribute_by_attribute(app: App, ann: User, push: Push) -> None:
    push()

    def rename() -> None:
        ann.first_name = "Anna"
        ann.save()

    (step,) = steps(rename)
    changes = {change.path: (change.old, change.new) for change in step.changes}
    assert changes["name.givenName"] == ("Ann", "Anna")


def test_a_sensitive_value_is_told_of_no_account(
    app: App, ann: User, bob: User, sales: Group, push: Push
) -> None:
    Mapping.objects.create(app=app, target="title", source="title", sensitive=True)
    User.objects.update(title="canary-old")
    push()

    def change() -> None:
        ann.title = "canary-new"
        ann.save()
        sales.users.add(bob)

    updated, created = steps(change)
    assert (created.action.operation, updated.action.operation) == ("create", "update")
    for step, old in ((updated, MASK), (created, None)):
        assert "canary" not in f"{step.changes} {preview.in_words(step)}"
        values = {change.path: (change.old, change.new) for change in step.changes}
        assert values["title"] == (old, MASK)
    assert "title from “•••” to “•••”" in preview.in_words(updated)


def test_nothing_of_it_is_kept_sent_or_told(
    app: App,
    ann: User,
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    django_capture_on_commit_callbacks: Any,
) -> None:
    push()
    before, journal = everything(), list(faulty.journal)
    with django_capture_on_commit_callbacks() as told:
        assert steps(lambda: memberships.change(add=[(bob.pk, sales.pk)], remove=[]))
        assert steps(lambda: app.policies.get().delete())
    assert (everything(), told) == (before, [])
    push()
    assert faulty.journal == journal


def test_what_others_have_made_due_is_not_part_of_it(
    app: App, ann: User, bob: User, sales: Group
) -> None:
    Account.objects.filter(user=ann).update(due_at=timezone.now() + timedelta(hours=1))
    assert [step.account.user for step in steps(lambda: sales.users.add(bob))] == [bob]


def test_it_says_who_would_wait_for_a_decision(app: App, ann: User, push: Push) -> None:
    push()
    policy = Policy.objects.get()
    App.objects.update(guard_count=0, guard_percent=0)
    (step,) = steps(policy.delete)
    assert step.held
    App.objects.update(guard_count=1)
    (step,) = steps(Policy.objects.get().delete)
    assert (step.held, step.action.operation) == (False, Operation.DEACTIVATE)


def test_however_many_there_are_only_so_many_are_looked_at_and_shown(
    app: App, sales: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [person(f"p{number}") for number in range(7)]
    monkeypatch.setattr(trial, "LOOKED_AT", 5)
    monkeypatch.setattr(trial, "LISTED", 2)
    found = trial.told(lambda: sales.users.add(*people))
    (there,) = found.apps
    assert (found.concerned, found.looked_at) == (7, 5)
    assert (there.accounts.counts, len(there.accounts.first)) == ({"create": 5}, 2)


def test_a_change_that_cannot_be_made_is_refused_as_it_would_be(app: App, ann: User) -> None:
    before = everything()

    def fail() -> None:
        ann.delete()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        steps(fail)
    assert everything() == before


def test_without_a_change_it_tells_what_is_due(app: App, ann: User) -> None:
    (there,) = trial.as_things_stand(app).apps
    assert there.accounts.counts == {"create": 1}
