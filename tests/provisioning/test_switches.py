"""What an app's switches forbid is not done, is said once, and is made up for later."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import queue
from provisioning.models import App, Policy, Problem, Trigger
from provisioning.plan import Feature
from tests.support.faulty import FaultyScim
from tests.support.looks import account, agree, happened
from tests.support.target import Target

Push = Callable[[], None]


def switch(app: App, feature: Feature, *, on: bool) -> None:
    kept = [each for each in app.features if each != feature]
    app.features = [*kept, feature.value] if on else kept
    app.save()


@pytest.fixture
def change(ann: User, sales: Group) -> Callable[[Feature], None]:
    """Do here what only this feature passes on."""

    def make(feature: Feature) -> None:
        if feature is Feature.UPDATE_USERS:
            ann.last_name = "Oak"
            ann.save()
        elif feature is Feature.DEACTIVATE_USERS:
            sales.users.remove(ann)

    return make


SWITCHES = [Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS]
OPERATION = {
    Feature.CREATE_USERS: "create",
    Feature.UPDATE_USERS: "update",
    Feature.DEACTIVATE_USERS: "deactivate",
}


@pytest.mark.parametrize("feature", SWITCHES)
def test_what_is_switched_off_is_not_sent_and_said_once(
    faulty_app: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    change: Callable[[Feature], None],
    feature: Feature,
) -> None:
    if feature is not Feature.CREATE_USERS:
        push()
    switch(faulty_app, feature, on=False)
    push()
    faulty.requests.clear()
    change(feature)
    for _ in range(3):
        push()
        queue.sweep()
        queue.mark(users=[ann.pk], trigger=Trigger.MANUAL)
    push()
    assert faulty.journal == []
    assert happened(faulty_app).count((OPERATION[feature], "skipped")) == 1
    row = account(faulty_app, ann)
    assert row.problem == Problem.SWITCHED_OFF
    assert "Apps > Zoom > Provisioning features" in row.message
    assert row.due_at is None


@pytest.mark.parametrize("feature", SWITCHES)
def test_switching_it_on_makes_it_happen(
    app: App,
    ann: User,
    target: Target,
    push: Push,
    change: Callable[[Feature], None],
    feature: Feature,
) -> None:
    if feature is not Feature.CREATE_USERS:
        push()
    switch(app, feature, on=False)
    change(feature)
    push()
    assert happened(app)[-1] == (OPERATION[feature], "skipped")
    switch(app, feature, on=True)
    push()
    assert happened(app)[-1] == (OPERATION[feature], "done")
    assert account(app, ann).problem == ""
    agree(app, target)


def test_what_was_skipped_and_came_back_by_itself_is_no_problem_any_more(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    switch(app, Feature.DEACTIVATE_USERS, on=False)
    sales.users.remove(ann)
    push()
    sales.users.add(ann)
    push()
    assert account(app, ann).problem == ""
    agree(app, target)


def test_a_second_reason_is_said_as_well(app: App, ann: User, sales: Group, push: Push) -> None:
    push()
    switch(app, Feature.UPDATE_USERS, on=False)
    switch(app, Feature.DEACTIVATE_USERS, on=False)
    ann.last_name = "Oak"
    ann.save()
    push()
    sales.users.remove(ann)
    push()
    assert happened(app)[-2:] == [("update", "skipped"), ("deactivate", "skipped")]


def test_reactivating_needs_no_switch(
    app: App, ann: User, sales: Group, target: Target, push: Push
) -> None:
    push()
    sales.users.remove(ann)
    push()
    app.features = []
    app.save()
    sales.users.add(ann)
    push()
    assert target.active_names() == [ann.username]


# -------------------------------------------------------------------------------------- pause


def test_a_paused_app_sends_nothing_and_then_catches_up(
    faulty_app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-111"""
    push()
    faulty_app.paused = True
    faulty_app.save()
    faulty.requests.clear()
    sales.users.set([bob])
    push()
    assert faulty.requests == []
    faulty_app.paused = False
    faulty_app.save()
    push()
    assert faulty.active_names() == [bob.username]
    assert faulty.names() == [ann.username, bob.username]
    agree(faulty_app, faulty)


def test_a_disabled_policy_takes_the_account_away_and_an_enabled_one_gives_it_back(
    app: App, ann: User, target: Target, push: Push
) -> None:
    policy = Policy.objects.get(app=app)
    for enabled in (True, False, True):
        policy.enabled = enabled
        policy.save()
        push()
        assert bool(target.active_names()) is enabled
    agree(app, target)
