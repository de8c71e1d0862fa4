"""Why somebody has an account, or has none: groups, policies, values, and what comes next."""

from collections.abc import Callable

import pytest

from iam.models import Group, GroupNesting, User
from provisioning import guard
from provisioning.echoes import MASK
from provisioning.models import Account, App, Mapping, Policy, SourceKind, TakenValue
from provisioning.why import Why, why
from tests.conftest import ORGANIZATION, MakeApp
from tests.support.crowd import crowd
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def told(found: Why) -> str:
    return " ".join([*found.reasons, *found.recorded, *found.next])


def test_somebody_new_is_told_the_group_the_policy_the_values_and_the_next_step(
    app: App, ann: User
) -> None:
    found = why(app, user=ann)
    assert found.wanted
    assert found.reasons == (
        "In the group “Sales”: the policy “Zoom for Sales” gives that group Zoom.",
    )
    values = {line.target: line.value for line in found.values}
    assert (values["userName"], values["active"]) == (ann.username, True)
    assert values[ORGANIZATION] == "Acme"
    assert "“ann@example.org” would be created in Zoom" in found.next[0]


def test_of_a_sensitive_value_neither_what_it_is_nor_what_was_sent_is_told(
    app: App, ann: User, push: Push
) -> None:
    Mapping.objects.create(app=app, target="title", source="title", sensitive=True)
    Mapping.objects.create(app=app, target="displayName", source="title")
    User.objects.update(title="canary-old")
    push()
    ann.title = "canary-new"
    ann.save()
    found = why(app, user=ann)
    values = {line.target: (line.value, line.sent) for line in found.values}
    assert (values["title"], values["displayName"]) == ((MASK, MASK), (MASK, MASK))
    assert values["userName"] == (ann.username, ann.username)
    assert "title from “•••” to “•••”" in found.next[0]
    assert "canary" not in repr(found)


def test_the_answer_is_the_same_without_a_row_for_the_account(app: App, ann: User) -> None:
    before = why(app, user=ann)
    Account.objects.all().delete()
    after = why(app, user=ann)
    assert (after.wanted, after.reasons, after.next) == (True, before.reasons, before.next)
    assert "never dealt with" in told(after)


def test_a_nested_group_is_told_with_the_groups_in_between(app: App, bob: User) -> None:
    europe, france = (Group.objects.create(name=name) for name in ("Europe", "France"))
    GroupNesting.objects.create(parent=Group.objects.get(name="Sales"), child=europe)
    GroupNesting.objects.create(parent=europe, child=france)
    france.users.add(bob)
    found = why(app, user=bob)
    assert found.ways[0].through == ("France", "Europe", "Sales")
    assert (
        "In the group “France”, which is in the group “Europe”, which is in the group “Sales”: the "
        "policy “Zoom for Sales” gives that group Zoom."
    ) in found.reasons


def test_who_is_in_no_group_that_gets_it_reads_which_groups_do(app: App, bob: User) -> None:
    found = why(app, user=bob)
    assert not found.wanted
    assert "The groups that get it: “Sales”" in told(found)
    assert found.next == ("Nothing would be sent: all is as it should be.",)


def test_a_policy_that_is_switched_off_is_named(app: App, ann: User) -> None:
    Policy.objects.update(enabled=False)
    found = why(app, user=ann)
    assert not found.wanted
    assert "would give that group Zoom, but it is switched off" in told(found)


def test_an_application_without_a_policy_says_so(app: App, bob: User) -> None:
    Policy.objects.all().delete()
    assert "No policy gives anybody Zoom." in told(why(app, user=bob))


def test_who_was_switched_off_loses_it_next(app: App, ann: User, push: Push) -> None:
    push()
    User.objects.filter(pk=ann.pk).update(is_active=False)
    ann.refresh_from_db()
    found = why(app, user=ann)
    assert "is switched off, so no policy gives" in found.reasons[0]
    assert "would be switched off in Zoom, because the person was switched off" in found.next[0]


def test_a_change_is_told_with_what_was_sent_last(app: App, ann: User, push: Push) -> None:
    push()
    assert why(app, user=ann).next == ("Nothing would be sent: all is as it should be.",)
    ann.last_name = "Ashdown"
    ann.save()
    found = why(app, user=ann)
    assert "Would be changed in Zoom: name.familyName from “Ash” to “Ashdown”." in found.next
    (line,) = [line for line in found.values if line.target == "name.familyName"]
    assert (line.value, line.sent) == ("Ashdown", "Ash")


def test_a_value_that_is_missing_is_told_with_what_to_do(app: App, ann: User) -> None:
    app.mappings.filter(target="userName").update(source="employee_id")
    found = why(app, user=ann)
    assert "Nothing can be sent." in found.next[0]
    assert "Fill it in on the person's page." in found.next[0]


def test_a_value_of_its_own_is_told_and_not_taken_by_asking(
    app: App, ann: User, bob: User, sales: Group, push: Push
) -> None:
    app.mappings.filter(target="userName").update(
        kind=SourceKind.EXPRESSION, source='unique("team")'
    )
    push()
    sales.users.add(bob)
    for _ in range(2):
        values = {line.target: line.value for line in why(app, user=bob).values}
        assert values["userName"] == "team2"
        assert "would be created" in why(app, user=bob).next[0]
    assert TakenValue.objects.count() == 1


def test_a_paused_application_is_told(app: App, ann: User) -> None:
    app.paused = True
    app.save()
    assert "Zoom is paused" in told(why(app, user=ann))


def test_an_account_whose_person_was_deleted_says_so(app: App, ann: User, push: Push) -> None:
    push()
    ann.delete()
    account = Account.objects.select_related("user", "app").get()
    found = why(app, user=None, account=account)
    assert (found.wanted, found.person, found.values) == (False, "ann@example.org", ())
    assert "because the person was deleted" in found.next[0]


def test_too_many_leavers_are_told_that_they_would_wait(
    app: App, sales: Group, faulty: FaultyScim
) -> None:
    users = crowd(app, sales, faulty, guard.limit(app) + 1)
    Policy.objects.all().delete()
    assert "it waits under Holds" in why(app, user=users[0]).next[0]
    Account.objects.exclude(user=users[0]).update(due_at=None)
    assert "it waits under Holds" not in why(app, user=users[0]).next[0]
