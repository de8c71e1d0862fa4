"""What an account should hold: fixed texts, formulas, empty values, and what is set only once."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from iam.models import Group, User
from provisioning import mapping, queue, reconcile
from provisioning.errors import Rejected
from provisioning.models import (
    App,
    Apply,
    Drift,
    LoginMethod,
    Mapping,
    Policy,
    Problem,
    SourceKind,
    WhenEmpty,
)
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim, lose_answer
from tests.support.looks import account, agree
from tests.support.past import let_an_hour_pass

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def row(app: App, target: str, source: str, **more: Any) -> Mapping:
    return Mapping.objects.create(app=app, target=target, source=source, **more)


def formula(app: App, target: str, source: str, **more: Any) -> Mapping:
    return row(app, target, source, kind=SourceKind.EXPRESSION, **more)


def there(faulty: FaultyScim, user: User) -> dict[str, Any]:
    return faulty.user(user.username)


# ------------------------------------------------------------------------- where values come from


def test_a_fixed_text_is_the_same_for_everybody(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    row(app, "userType", "Basic", kind=SourceKind.CONSTANT)
    push()
    assert there(faulty, ann)["userType"] == "Basic"


def test_a_formula_is_worked_out_for_each_person(
    app: App, ann: User, mallory: User, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "nickName", "upper(first_name)")
    push()
    assert there(faulty, ann)["nickName"] == "ANN"
    assert there(faulty, mallory)["nickName"] == "<SCRIPT>ALERT(1)</SCRIPT>"


def test_true_and_false_are_sent_as_such(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "urn:acme:1.0:User:external", 'equals(login_method, "external")')
    push()
    assert there(faulty, ann)["urn:acme:1.0:User"] == {"external": False}


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (SourceKind.CONSTANT, "false"),
        (SourceKind.EXPRESSION, "false"),
        (SourceKind.EXPRESSION, "title"),
    ],
)
def test_no_mapping_switches_an_account_off(
    app: App, ann: User, faulty: FaultyScim, push: Push, kind: str, source: str
) -> None:
    app.mappings.filter(target="active").update(kind=kind, source=source)
    push()
    assert there(faulty, ann)["active"] is True


def test_the_login_method_is_the_one_of_the_policy(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    row(app, "userType", "login_method")
    push()
    assert there(faulty, ann)["userType"] == "password"
    policy = Policy.objects.get()
    policy.login_method = LoginMethod.EXTERNAL
    policy.save()
    push()
    assert there(faulty, ann)["userType"] == "external"


def test_of_several_policies_the_oldest_that_gives_the_app_says_how_to_sign_in(
    app: App, ann: User, bob: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-110"""
    row(app, "userType", "login_method")
    support = Group.objects.create(name="Support")
    Policy.objects.create(
        name="more", app=app, group=support, login_method=LoginMethod.PASSWORDLESS
    )
    support.users.add(ann, bob)
    push()
    assert there(faulty, ann)["userType"] == "password"
    assert there(faulty, bob)["userType"] == "passwordless"


def test_a_formula_without_a_value_for_a_person_parks_only_that_account(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "userType", 'format_date(title, "DD.MM.YYYY", "YYYY")')
    bad = person("bad", title="soon")
    sales.users.add(bad)
    push()
    assert faulty.active_names() == [ann.username]
    parked = account(app, bad)
    assert parked.problem == Problem.REJECTED
    assert "“userType”" in parked.message
    assert "“soon” is not a date written as DD.MM.YYYY" in parked.message


def test_a_formula_that_was_broken_by_another_way_is_told(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(app, "userType", "lowr(email)")
    push()
    assert "There is no function “lowr”." in account(app, ann).message
    assert faulty.writes == []


# --------------------------------------------------------------------------------- empty values


def test_what_is_empty_is_cleared_unless_the_row_says_otherwise(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    for target, when in (("title", "clear"), ("nickName", "leave"), ("userType", "default")):
        row(app, target, "title", when_empty=when, default="none")
    ann.title = "Boss"
    ann.save()
    push()
    assert [there(faulty, ann)[each] for each in ("title", "nickName", "userType")] == ["Boss"] * 3
    ann.title = ""
    ann.save()
    push()
    held = there(faulty, ann)
    assert (held.get("title"), held["nickName"], held["userType"]) == (None, "Boss", "none")
    writes = len(faulty.writes)
    ann.save()
    push()
    assert len(faulty.writes) == writes
    agree(app, faulty)


def test_what_is_left_is_not_sent_when_an_account_is_made(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    row(app, "title", "title", when_empty=WhenEmpty.LEAVE)
    push()
    assert "title" not in there(faulty, ann)


def test_what_is_left_is_nobodys_business_while_the_person_has_no_value(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    row(app, "title", "title", when_empty=WhenEmpty.LEAVE)
    ann.title = "Boss"
    ann.save()
    push()
    ann.title = ""
    ann.save()
    push()
    there(faulty, ann)["title"] = "Queen"
    assert reconcile.work(reconcile.start(app)).changed == 0
    ann.title = "Boss"
    ann.save()
    push()
    run = reconcile.work(reconcile.start(app))
    assert run.changed == 1
    push()
    assert there(faulty, ann)["title"] == "Boss"


def test_a_value_that_the_application_needs_cannot_be_left(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    needed = app.mappings.filter(target="userName")
    needed.update(source="title", when_empty=WhenEmpty.LEAVE)
    push()
    assert "needs “userName”, which comes from Job title, and that is" in account(app, ann).message
    assert faulty.writes == []


# ------------------------------------------------------------------------------- only when created


@pytest.fixture
def once(app: App) -> Mapping:
    return row(app, "nickName", "first_name", apply=Apply.CREATE)


def test_what_is_set_only_once_is_not_changed_afterwards(
    app: App, once: Mapping, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert there(faulty, ann)["nickName"] == "Ann"
    ann.first_name = "Anna"
    ann.save()
    push()
    held = there(faulty, ann)
    assert (held["name"]["givenName"], held["nickName"]) == ("Anna", "Ann")
    ann.first_name = ""
    ann.save()
    push()
    assert there(faulty, ann)["nickName"] == "Ann"
    agree(app, faulty)


def test_an_account_that_is_adopted_was_not_created(
    app: App, once: Mapping, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add(ann.username, nickName="Queen")
    push()
    held = there(faulty, ann)
    assert (held["name"]["givenName"], held["nickName"]) == ("Ann", "Queen")
    agree(app, faulty)


def test_an_account_that_is_created_again_is_filled_in_again(
    app: App, once: Mapping, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    del faulty.stored[there(faulty, ann)["id"]]
    ann.first_name = "Anna"
    ann.save()
    push()
    assert there(faulty, ann)["nickName"] == "Anna"


def test_a_create_whose_answer_was_lost_is_not_filled_in_twice(
    app: App, once: Mapping, ann: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    faulty.on("POST", lose_answer, times=1)
    push()
    ann.first_name = "Anna"
    ann.save()
    later(minutes=5)
    push()
    held = there(faulty, ann)
    assert (held["name"]["givenName"], held["nickName"]) == ("Anna", "Ann")
    assert len(faulty.users()) == 1
    agree(app, faulty)


@pytest.mark.parametrize("setting", [Drift.OVERWRITE, Drift.ASK])
def test_what_is_set_only_once_is_not_compared(
    app: App, once: Mapping, ann: User, faulty: FaultyScim, push: Push, setting: str
) -> None:
    app.drift = setting
    app.save()
    push()
    there(faulty, ann)["nickName"] = "Queen"
    run = reconcile.work(reconcile.start(app))
    assert (run.same, run.changed) == (1, 0)
    assert not run.message


def test_a_formula_that_only_matters_once_does_not_park_an_account_that_is_there(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    formula(app, "userType", "number(first_name)", apply=Apply.CREATE)
    push()
    assert account(app, ann).problem == ""


def test_an_entry_of_which_a_part_is_left_is_not_made_anew(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    row(app, 'phoneNumbers[type eq "work"].value', "phone", apply=Apply.CREATE)
    row(app, 'phoneNumbers[type eq "work"].display', "title")
    ann.phone = "1"
    ann.save()
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    ann.title = "Desk"
    ann.save()
    push()
    assert there(faulty, ann)["phoneNumbers"] == [
        {"type": "work", "value": "1", "display": "Desk", "primary": True}
    ]


# ----------------------------------------------------------------------- what makes accounts due


@pytest.fixture
def settled(app: App, ann: User, push: Push) -> App:
    push()
    return app


def due(app: App) -> list[str]:
    return [each.identifier for each in queue.claim(app)]


@pytest.mark.parametrize("source", ["manager(email)", 'concat("x", manager)'])
def test_a_change_of_the_manager_reaches_who_reports_to_them(
    settled: App, ann: User, faulty: FaultyScim, push: Push, source: str
) -> None:
    boss = person("boss")
    ann.manager = boss
    ann.save()
    formula(settled, "userType", source)
    push()
    boss.username = boss.email = "bea@example.org"
    boss.save()
    assert due(settled) == [ann.username]
    push()
    assert "bea@example.org" in there(faulty, ann)["userType"]


def test_without_a_formula_a_change_of_the_manager_is_nobody_elses(
    settled: App, ann: User, push: Push
) -> None:
    boss = person("boss")
    ann.manager = boss
    ann.save()
    push()
    boss.save()
    assert due(settled) == []


@pytest.mark.parametrize(("source", "found"), [("manager(email)", 1), ("lower(email)", 0)])
def test_a_manager_who_was_changed_in_bulk_is_found_where_it_matters(
    settled: App, ann: User, push: Push, source: str, found: int
) -> None:
    boss = person("boss")
    ann.manager = boss
    ann.save()
    formula(settled, "userType", source)
    push()
    let_an_hour_pass()
    User.objects.filter(pk=boss.pk).update(email="zoe@example.org")
    assert queue.sweep() == found


def changes_of(support: Group, ann: User) -> list[Callable[[], object]]:
    return [
        lambda: support.users.add(ann),
        lambda: support.users.remove(ann),
        lambda: ann.groups.add(support),
        lambda: ann.memberships.filter(group=support).delete(),
    ]


def test_membership_of_any_group_matters_where_a_formula_asks_for_it(
    settled: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(settled, "userType", 'if(is_member_of("Support"), "in", "out")')
    support = Group.objects.create(name="Support")
    push()
    for change, value in zip(changes_of(support, ann), ["in", "out"] * 2, strict=True):
        change()
        assert due(settled) == [ann.username]
        push()
        assert there(faulty, ann)["userType"] == value


def test_a_group_that_is_renamed_or_deleted_is_another_answer(
    settled: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    formula(settled, "userType", 'if(is_member_of("Support"), "in", "out")')
    support = Group.objects.create(name="Help")
    support.users.add(ann)
    push()
    assert there(faulty, ann)["userType"] == "out"
    support.name = "Support"
    support.save()
    push()
    assert there(faulty, ann)["userType"] == "in"
    support.delete()
    push()
    assert there(faulty, ann)["userType"] == "out"


def test_without_a_formula_other_groups_matter_to_nobody(settled: App, ann: User) -> None:
    support = Group.objects.create(name="Support")
    support.users.add(ann)
    support.save()
    assert due(settled) == []


@pytest.mark.parametrize("number", [1, 30])
def test_what_formulas_ask_costs_no_query_for_each_person(
    app: App, sales: Group, number: int
) -> None:
    boss = person("boss")
    users = [person(f"p{each}", manager=boss) for each in range(number)]
    sales.users.add(*users)
    formula(app, "userType", 'if(is_member_of("Sales"), concat(manager(email), login_method))')
    rows = list(app.mappings.of_people())
    with CaptureQueriesContext(connection) as captured:
        claimed = [row.user for row in queue.claim(app) if row.user]
        known = mapping.people(rows, claimed, app=app)
        for user in claimed:
            held = mapping.render(rows, known[user.pk], kind=app.kind, app=app.name, creating=True)
            assert held["userType"] == "boss@example.orgpassword"
    assert len(claimed) == number
    assert len(captured) == 4


def test_without_formulas_nothing_is_asked(app: App, ann: User) -> None:
    with CaptureQueriesContext(connection) as captured:
        mapping.people(list(app.mappings.of_people()), [ann], app=app)
    assert len(captured) == 1  # the rows themselves


def test_a_row_is_told_in_words(app: App, ann: User) -> None:
    assert mapping.described(row(app, "title", "title")) == "Job title"
    fixed = row(app, "userType", "Basic", kind=SourceKind.CONSTANT)
    assert mapping.described(fixed) == "the fixed text Basic"
    with pytest.raises(Rejected, match="people have no such attribute"):
        mapping.value(row(app, "nickName", "nothing"), mapping.Person(ann), app="Zoom")
