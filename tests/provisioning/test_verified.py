"""A yes is accepted; only what the application shows afterwards is verified, and never a loop."""

import json
from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning import apps_setup, guard, reconcile
from provisioning.effects import LOOKS
from provisioning.models import App, Event, Finding, Lane, Problem
from provisioning.plan import Feature, State
from tests.conftest import REVERSIBLE, MakeApp, person
from tests.support.connectors import Blind, in_catalogue
from tests.support.faulty import Fault, FaultyScim, answer, html, lose_request
from tests.support.looks import account, agree
from tests.support.servers import Reply, json_reply

Push = Callable[[], None]
Later = Callable[..., None]
Do = Callable[[], None]
EVERYTHING = (*REVERSIBLE, Feature.DELETE_USERS)
VERBS = {"deactivate": "PATCH", "reactivate": "PATCH", "delete": "DELETE"}


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """An app in which Ann has an account; nothing has been asked since."""
    app = make_app(faulty, group=sales)
    push()
    faulty.requests.clear()
    return app


@pytest.fixture
def deleting(app: App) -> App:
    """The same, where a leaver's account is deleted at once."""
    app.features, app.delete_after_days = [feature.value for feature in EVERYTHING], 0
    app.save()
    return app


@pytest.fixture
def wait(later: Later, push: Push) -> Do:
    """Until the next look is over."""

    def until_over() -> None:
        later(minutes=5)
        push()

    return until_over


@pytest.fixture
def ready(
    request: pytest.FixtureRequest,
    app: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
) -> Callable[[str], None]:
    """Makes the change here that leads to this operation there."""

    def change(operation: str) -> None:
        if operation == "delete":
            request.getfixturevalue("deleting")
        sales.users.remove(ann)
        if operation == "reactivate":
            push()
            sales.users.add(ann)
        faulty.requests.clear()

    return change


def told(app: App) -> list[tuple[str, str, str]]:
    """(operation, outcome, effect) of every event since the first create."""
    events = Event.objects.filter(app=app).order_by("pk")[1:]
    return [(event.operation, event.outcome, event.effect) for event in events]


def last(app: App) -> Event:
    return Event.objects.filter(app=app).latest("pk")


# ------------------------------------------------------------------------------------ verified


def test_what_the_answer_shows_is_verified_and_costs_no_request(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    assert last(app).effect == "verified"
    sales.users.remove(ann)
    push()
    assert faulty.journal == ["PATCH /Users/…"]
    assert told(app) == [("deactivate", "done", "verified")]
    assert last(app).message.endswith("Zoom shows it as off.")
    agree(app, faulty)


@pytest.mark.parametrize("operation", VERBS)
def test_what_the_answer_does_not_show_is_looked_at_once(
    app: App, faulty: FaultyScim, ready: Callable[[str], None], push: Push, operation: str
) -> None:
    faulty.says["PATCH"] = 204
    ready(operation)
    push()
    assert faulty.journal == [f"{VERBS[operation]} /Users/…", "GET /Users/…"]
    assert told(app)[-1] == (operation, "done", "verified")
    agree(app, faulty)


def test_a_plain_update_is_not_looked_at(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.says["PATCH"] = 204
    ann.first_name = "Anna"
    ann.save()
    push()
    assert faulty.journal == ["PATCH /Users/…"]
    assert told(app) == [("update", "done", "accepted")]


def silent(serve: Callable[[], Reply]) -> Reply:
    """The account, without a word whether it is on."""
    shown = json.loads(serve().body)
    del shown["active"]
    return json_reply(shown)


LOOKS_THAT_FAIL: dict[str, Fault] = {
    "503": answer(503),
    "403": answer(403),
    "404": answer(404),
    "web page": answer(*html(200)),
    "no answer": lose_request,
    "another account": answer(200, {"id": "another", "active": True}),
    "no word of it": silent,
}


@pytest.mark.parametrize("look", LOOKS_THAT_FAIL.values(), ids=LOOKS_THAT_FAIL)
def test_a_look_that_fails_undoes_and_repeats_nothing(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do, look: Fault
) -> None:
    faulty.says["PATCH"] = 204
    faulty.on("GET", look)
    sales.users.remove(ann)
    push()
    wait()
    assert faulty.writes == ["PATCH /Users/…"]
    assert told(app) == [("deactivate", "done", "accepted")]
    assert "could not be checked" in last(app).message
    assert Lane.objects.get(app=app).problem == ""
    agree(app, faulty)


def test_a_mistake_in_a_look_repeats_no_write(
    make_app: MakeApp, sales: Group, ann: User, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.says["PATCH"] = 204
    with in_catalogue(Blind, "blind"):
        app = make_app(faulty, kind="blind", group=sales)
        push()
        sales.users.remove(ann)
        push()
        wait()
    assert faulty.writes == ["POST /Users", "PATCH /Users/…"]
    assert told(app) == [("deactivate", "done", "accepted")]


def test_a_look_that_is_told_to_wait_rests_the_app_and_repeats_nothing(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    sales.users.add(person("bob"))
    push()
    faulty.requests.clear()
    faulty.says["PATCH"] = 204
    faulty.on("GET", answer(429, Retry_After="120"), times=1)
    sales.users.clear()
    App.objects.filter(pk=app.pk).update(requests_at_once=1)
    push()
    assert told(app)[-1] == ("deactivate", "done", "accepted")
    assert Lane.objects.get(app=app).is_resting
    wait()
    assert sorted(faulty.writes) == ["PATCH /Users/…"] * 2
    agree(app, faulty)


# ------------------------------------------------------------------------------ without effect


@pytest.mark.parametrize("says", [200, 204])
@pytest.mark.parametrize("operation", VERBS)
def test_what_is_accepted_and_has_no_effect_is_tried_some_times_and_then_told(
    app: App,
    ann: User,
    faulty: FaultyScim,
    ready: Callable[[str], None],
    push: Push,
    wait: Do,
    later: Later,
    operation: str,
    says: int,
) -> None:
    ready(operation)
    before = account(app, ann).state
    faulty.ignored, faulty.says = {"PATCH", "DELETE"}, {"PATCH": says}
    push()
    for _ in range(LOOKS + 2):
        wait()
    assert len(faulty.writes) == LOOKS
    retries = [(operation, "retrying", "without_effect")] * (LOOKS - 1)
    assert told(app)[-LOOKS:] == [*retries, (operation, "failed", "without_effect")]
    stuck = account(app, ann)
    assert (stuck.problem, stuck.state) == (Problem.WITHOUT_EFFECT, before)
    assert f"(checked {LOOKS} times, last at " in stuck.message
    assert "Look in Zoom whether" in stuck.message
    # Once a day, after a look; and right as soon as it works.
    for days in (1, 2):
        later(days=1)
        push()
        assert len(faulty.writes) == LOOKS + days
    assert last(app).outcome == "failed"
    faulty.ignored = set()
    later(days=1)
    push()
    assert told(app)[-1] == (operation, "done", "verified")
    agree(app, faulty)


@pytest.mark.parametrize("says", [200, 202])
@pytest.mark.parametrize("operation", VERBS)
def test_what_takes_effect_only_later_is_seen_and_not_sent_again(
    app: App,
    faulty: FaultyScim,
    ready: Callable[[str], None],
    push: Push,
    wait: Do,
    operation: str,
    says: int,
) -> None:
    ready(operation)
    verb = VERBS[operation]
    # The answer to PATCH shows the account, which saves a look.
    faulty.slow, faulty.says = {verb: 0 if says == 200 and verb == "PATCH" else 1}, {verb: says}
    push()
    wait()
    wait()
    assert faulty.writes == [f"{verb} /Users/…"]
    assert told(app)[-2:] == [
        (operation, "retrying", "without_effect"),
        (operation, "done", "verified"),
    ]
    agree(app, faulty)


def test_who_returns_while_it_is_looked_for_is_switched_on(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.slow = {"PATCH": 2}
    sales.users.remove(ann)
    push()
    faulty.slow = {}
    sales.users.add(ann)
    push()
    wait()
    assert told(app)[-1] == ("reactivate", "done", "verified")
    assert account(app, ann).intent == {}


def test_no_effect_before_and_no_look_now_is_not_taken_for_done(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.ignored, faulty.says = {"PATCH"}, {"PATCH": 204}
    sales.users.remove(ann)
    push()
    seen = answer(200, faulty.user(ann.username))
    # The look before the write shows it as on still; the one after it fails.
    faulty.on("GET", seen, times=1)
    faulty.on("GET", answer(403))
    wait()
    assert last(app).outcome == "retrying"
    assert account(app, ann).state == State.ACTIVE


def test_a_look_that_is_not_allowed_stops_neither_the_write_nor_the_app(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.ignored = {"PATCH"}
    sales.users.remove(ann)
    push()
    faulty.ignored = set()
    faulty.on("GET", answer(403))
    wait()
    assert Lane.objects.get(app=app).problem == ""
    assert told(app)[-1] == ("deactivate", "done", "verified")


def test_somebody_who_vanished_meanwhile_is_gone(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.ignored = {"PATCH"}
    sales.users.remove(ann)
    push()
    faulty.stored.clear()
    wait()
    assert len(faulty.writes) == 1
    assert account(app, ann).state == State.GONE
    assert told(app)[-1] == ("deactivate", "done", "verified")


@pytest.mark.parametrize("given_up", [False, True])
def test_what_is_looked_for_counts_for_the_guard_until_it_is_given_up(
    app: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Do,
    given_up: bool,
) -> None:
    bob = person("bob")
    sales.users.add(bob)
    push()
    App.objects.filter(pk=app.pk).update(guard_count=1)
    faulty.ignored = {"PATCH"}
    sales.users.remove(ann)
    push()
    for _ in range(LOOKS * given_up):
        wait()
    faulty.ignored = set()
    sales.users.remove(bob)
    push()
    assert guard.waiting().exists() is not given_up
    assert faulty.user(bob.username)["active"] is not given_up


# ----------------------------------------------------------------------------- what DELETE does


def test_that_deleting_only_switches_off_is_learned_after_some_looks_and_then_known(
    deleting: App,
    ann: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Do,
    later: Later,
) -> None:
    faulty.keeps_deleted = True
    bob = person("bob")
    sales.users.add(bob)
    push()
    sales.users.remove(ann)
    push()
    for _ in range(LOOKS):
        wait()
    assert told(deleting)[-1] == ("delete", "done", "verified")
    assert "keeps the accounts that are deleted" in last(deleting).message
    assert account(deleting, ann).state == State.SUSPENDED
    known = App.objects.get(pk=deleting.pk).learned["delete"]
    assert known["value"] == "deactivates"
    assert f"switched off, {LOOKS} times" in known["evidence"]
    faulty.requests.clear()
    sales.users.remove(bob)
    push()
    assert faulty.journal == ["DELETE /Users/…", "GET /Users/…"]
    agree(deleting, faulty)
    # Also after a test of the connection, which asks only what the application says of itself.
    assert apps_setup.check_connection(App.objects.get(pk=deleting.pk))[0]
    faulty.requests.clear()
    deleting.refresh_from_db()
    deleting.save()
    later(days=40)
    push()
    assert faulty.journal == []
    sales.users.add(ann)
    push()
    assert faulty.active_names() == [ann.username]
    agree(deleting, faulty)


def test_an_account_that_is_off_and_goes_only_later_is_not_taken_for_kept(
    deleting: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    deleting.delete_after_days = 30
    deleting.save()
    sales.users.remove(ann)
    push()
    faulty.slow = {"DELETE": 2}
    deleting.delete_after_days = 0
    deleting.save()
    push()
    wait()
    wait()
    assert told(deleting)[-1] == ("delete", "done", "verified")
    assert "delete" not in App.objects.get(pk=deleting.pk).learned
    agree(deleting, faulty)


# -------------------------------------------------------------------------------------- updates


def test_44_what_is_accepted_and_ignored_is_told_once_and_not_sent_again(
    app: App, ann: User, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    """bad-input-44"""
    faulty.rewrite = lambda before, after: after | {"name": before["name"]}
    ann.first_name, ann.email = "Anna", "anna@example.org"
    ann.save()
    push()
    assert told(app) == [("update", "done", "without_effect")]
    assert "still shows the old value for name.givenName (“Ann”)" in last(app).message
    assert "emails" not in last(app).message.partition("still shows")[2]
    wait()
    # Neither by itself nor by a comparison, again and again.
    for _ in range(2):
        run = reconcile.work(reconcile.start(App.objects.get(pk=app.pk)))
        assert (run.same, run.changed) == (1, 0)
        push()
    assert faulty.writes == ["PATCH /Users/…"]
    # The next value is another change.
    faulty.rewrite = lambda before, after: after
    ann.first_name = "Anne"
    ann.save()
    push()
    assert faulty.user(ann.username)["name"]["givenName"] == "Anne"
    assert last(app).effect == "verified"


def test_45_what_is_written_in_another_way_does_not_flap(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    """bad-input-45"""

    def shout(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
        return after | {"name": {"givenName": "ANNA", "familyName": "Ash"}}

    faulty.rewrite = shout
    ann.first_name = "Anna"
    ann.save()
    push()
    assert told(app) == [("update", "done", "verified")]
    assert "name.givenName is “ANNA” there" in last(app).message
    for _ in range(2):
        run = reconcile.work(reconcile.start(App.objects.get(pk=app.pk)))
        assert (run.same, run.changed) == (1, 0)
        push()
    assert faulty.writes == ["PATCH /Users/…"]
    assert not Finding.objects.exists()


# ---------------------------------------------------------------------------------- 202 Accepted


def test_8_a_promised_update_is_done_when_it_is_seen(
    app: App, ann: User, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.says, faulty.slow = {"PATCH": 202}, {"PATCH": 2}
    ann.first_name = "Anna"
    ann.save()
    push()
    assert last(app).outcome == "retrying"
    wait()
    wait()
    assert told(app)[-1] == ("update", "done", "verified")
    agree(app, faulty)


def test_8_a_promised_deactivation_that_nobody_can_look_at_is_not_confirmed(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, wait: Do
) -> None:
    faulty.says["PATCH"] = 202
    faulty.on("GET", answer(400))
    sales.users.remove(ann)
    push()
    assert told(app) == [("deactivate", "retrying", "accepted")]
    assert "has not confirmed it yet" in account(app, ann).message
    assert account(app, ann).state == State.ACTIVE
    faulty.heal()
    wait()
    assert faulty.writes == ["PATCH /Users/…"]
    agree(app, faulty)


@pytest.mark.parametrize("leaves", [False, True], ids=["who stays", "who leaves meanwhile"])
def test_8_a_promised_account_is_not_made_twice_nor_forgotten(
    app: App,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    wait: Do,
    leaves: bool,
) -> None:
    """bad-input-8"""
    faulty.says, faulty.slow = {"POST": 202}, {"POST": 4}
    bob = person("bob")
    sales.users.add(bob)
    push()
    assert told(app) == [("create", "retrying", "accepted")]
    if leaves:
        sales.users.remove(bob)
        push()
    for _ in range(LOOKS):
        wait()
    assert faulty.writes.count("POST /Users") == 1
    assert faulty.names().count(bob.username) == 1
    assert (bob.username in faulty.active_names()) is not leaves
    agree(app, faulty)


def test_8_a_promised_account_that_never_comes_is_told_and_tried_daily(
    app: App, sales: Group, faulty: FaultyScim, push: Push, wait: Do, later: Later
) -> None:
    faulty.says, faulty.ignored = {"POST": 202}, {"POST"}
    bob = person("bob")
    sales.users.add(bob)
    push()
    for _ in range(LOOKS + 2):
        wait()
    assert faulty.writes == ["POST /Users"]
    assert account(app, bob).problem == Problem.WITHOUT_EFFECT
    faulty.says, faulty.ignored = {}, set()
    later(days=1)
    push()
    assert bob.username in faulty.active_names()
    agree(app, faulty)
