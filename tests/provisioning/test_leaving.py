"""Somebody who is removed everywhere loses everything at once, and nothing past the guard."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, Membership, User
from provisioning import leaving, queue
from provisioning.leaving import Outlook
from provisioning.models import Account, App, Event, Guard, Leaving, Priority
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def remove(user: User) -> Leaving:
    return leaving.remove_everywhere(user, by="chief", reason=" She has left. ")


def test_access_ends_everywhere_and_the_person_is_in_no_group(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    remove(ann)
    push()
    ann.refresh_from_db()
    assert (ann.is_active, ann.groups.count()) == (False, 0)
    assert [user["active"] for user in faulty.users()] == [False]
    event = Event.objects.filter(operation="deactivate").get()
    assert (event.outcome, event.actor) == ("done", "chief")


def test_their_accounts_come_before_everybody_else(
    app: App, ann: User, bob: User, sales: Group
) -> None:
    sales.users.add(bob)
    remove(ann)
    assert [account.user for account in queue.claim(app)] == [ann, bob]
    assert Account.objects.get(user=ann).priority == Priority.LEAVER


def test_whoever_is_switched_on_again_gets_nothing_back_by_that_alone(
    app: App, ann: User, push: Push
) -> None:
    remove(ann)
    push()
    ann.refresh_from_db()
    ann.is_active = True
    ann.save()
    push()
    assert Account.objects.get().state == State.SUSPENDED


def test_it_is_written_down_by_whom_why_and_from_which_groups(app: App, ann: User) -> None:
    Group.objects.create(name="Art").users.add(ann)
    found = remove(ann)
    assert (found.by, found.reason, found.was_active) == ("chief", "She has left.", True)
    assert found.groups == ["Art", "Sales"]
    assert "“Art”, “Sales”" in leaving.undoing(found)
    assert Account.objects.get().actor == "chief"


def test_done_once_more_it_still_tells_how_to_bring_them_back(app: App, ann: User) -> None:
    told = leaving.undoing(remove(ann))
    assert "“Sales”" in told
    assert leaving.undoing(remove(ann)) == leaving.undoing(remove(ann)) == told
    Group.objects.create(name="Art").users.add(ann)
    assert "groups again: “Art”. " in leaving.undoing(remove(ann))


@pytest.mark.parametrize(("by", "reason"), [("", "Left."), ("chief", " ")])
def test_it_is_somebodys_decision_and_has_a_reason(
    app: App, ann: User, by: str, reason: str
) -> None:
    with pytest.raises(ValueError, match="a name and a reason"):
        leaving.remove_everywhere(ann, by=by, reason=reason)
    assert Membership.objects.count() == 1


def test_the_guard_is_asked_all_the_same(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(guard_count=0, guard_percent=0)
    remove(ann)
    push()
    assert [user["active"] for user in faulty.users()] == [True]
    assert app.holds.count() == 1


def test_an_account_that_was_kept_by_a_decision_is_let_go(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.remove(ann)
    Account.objects.update(kept_because="no_policy")
    push()
    assert [user["active"] for user in faulty.users()] == [True]
    remove(ann)
    assert Account.objects.get().guard == Guard.RELEASED
    push()
    assert [user["active"] for user in faulty.users()] == [False]


def test_nothing_is_deleted_earlier_than_the_application_says(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    make_app(faulty, group=sales, features=(*REVERSIBLE, Feature.DELETE_USERS))
    push()
    remove(ann)
    push()
    assert [user["active"] for user in faulty.users()] == [False]


def test_one_that_fails_stops_nothing_and_is_removed_again_without_harm(
    app: App, ann: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    faulty.on("PATCH", answer(500))
    remove(ann)
    push()
    faulty.heal()
    remove(ann)
    push()
    assert [user["active"] for user in faulty.users()] == [False]
    assert [row.groups for row in Leaving.objects.order_by("pk")] == [["Sales"], []]


# ---------------------------------------------------------------------------- what would happen


def told(user: User) -> list[tuple[str, str, Outlook]]:
    return [
        (each.app.name, " ".join(each.sentences), each.outlook)
        for each in leaving.consequences(user).apps
    ]


def test_what_would_happen_is_told_and_nothing_is_done(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    before = list(Account.objects.values()), list(faulty.journal)
    found = leaving.consequences(ann)
    assert found.groups == ("Sales",)
    ((name, text, outlook),) = told(ann)
    assert (name, outlook) == ("Zoom", Outlook.AT_ONCE)
    assert "would be switched off in Zoom, because the person was switched off" in text
    push()
    ann.refresh_from_db()
    assert (list(Account.objects.values()), faulty.journal, ann.is_active) == (*before, True)
    assert not Leaving.objects.exists()


def _held(app: App) -> None:
    App.objects.update(guard_count=0, guard_percent=0)


def _paused(app: App) -> None:
    App.objects.update(paused=True)


def _stopped(app: App) -> None:
    app.lane.problem = "The token is not valid."
    app.lane.save()


@pytest.mark.parametrize(
    ("hinder", "said"),
    [
        (_held, "waits under Holds until somebody decides"),
        (_paused, "Zoom is paused"),
        (_stopped, "Zoom is stopped: The token is not valid."),
    ],
)
def test_what_would_stand_in_its_way_is_told_before(
    app: App, ann: User, hinder: Callable[[App], None], said: str
) -> None:
    hinder(app)
    ((_, text, outlook),) = told(ann)
    assert said in text
    assert outlook == Outlook.WAITS


@pytest.mark.parametrize(
    ("features", "days", "said", "when"),
    [
        ((*REVERSIBLE, Feature.DELETE_USERS), 1, "It would be deleted 1 day later.", "at_once"),
        ((*REVERSIBLE, Feature.DELETE_USERS), 0, "would be deleted in Zoom", "at_once"),
        ((Feature.CREATE_USERS,), 30, "“Deactivate users” is switched off for Zoom", "stays"),
    ],
)
def test_it_goes_by_the_applications_own_rules(
    app: App, ann: User, features: Any, days: int, said: str, when: str
) -> None:
    App.objects.update(features=[each.value for each in features], delete_after_days=days)
    ((_, text, outlook),) = told(ann)
    assert (said in text, outlook) == (True, when)


def test_where_access_has_ended_already_nothing_is_to_be_done(
    app: App, ann: User, sales: Group, push: Push
) -> None:
    sales.users.remove(ann)
    push()
    App.objects.update(paused=True)
    ((_, text, outlook),) = told(ann)
    assert (text, outlook) == ("Nothing would be sent: all is as it should be.", Outlook.NOTHING)
