"""`manage.py preview`, `push`, `holds` and `apps`: what they say, do, and end with."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError

from iam.models import Group, Operator, User
from provisioning.models import Account, App, Decision, Hold, Worker
from tests.conftest import MakeApp, person
from tests.support.commands import give, given
from tests.support.crowd import crowd
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import happened
from tests.support.threads import WITHIN, WorkerThread, eventually, manage_process, shared_database

Push = Callable[[], None]


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def waiting(app: App, sales: Group, faulty: FaultyScim, push: Push) -> list[User]:
    """Twelve people who would lose Zoom at once."""
    users = crowd(app, sales, faulty, 12)
    sales.users.clear()
    push()
    return users


def refused(*arguments: str) -> str:
    """What is said of a command that is given in the wrong way."""
    with pytest.raises(CommandError) as failed:
        give(*arguments)
    assert failed.value.returncode == 2
    return str(failed.value)


@pytest.mark.parametrize(
    "command",
    [
        ["holds", "release", "--app", "Zoom", "--person", "", "--by", "chief", "--reason", "x"],
        ["holds", "release", "--app", "", "--person", "ann"],
        ["push", "", "--person", "ann"],
        ["push", "Zoom", "--person", ""],
        ["purge", "--older-than", "30", "--app", ""],
        ["preview", "--person", " "],
        ["export-config", "--app", ""],
        ["why", "ann", ""],
        ["apps", "pause", ""],
        ["report", "--person", " "],
        ["report", "--app", ""],
        ["report", "--by", ""],
    ],
    ids=" ".join,
)
def test_a_name_that_is_empty_does_not_mean_all(app: App, ann: User, command: list[str]) -> None:
    """A script whose variable was not set must not release, push or purge everything."""
    with pytest.raises(CommandError, match="it is empty; give a name, or leave it out"):
        give(*command)


# -------------------------------------------------------------------------------------- preview


def test_a_preview_counts_first_then_tells_each_and_changes_nothing(
    app: App, ann: User, sales: Group, faulty: FaultyScim
) -> None:
    sales.users.add(*[person(f"p{number}") for number in range(3)])
    before = list(Account.objects.order_by("pk").values())
    (found,) = given("preview", "--rows", "2")
    assert (found["app"], found["counts"]) == ("Zoom", {"create": 4})
    assert [row["step"] for row in found["accounts"]] == ["create", "create"]
    assert "and 2 more" in give("preview", "Zoom", "--rows", "2")[1]
    assert list(Account.objects.order_by("pk").values()) == before
    assert faulty.requests == []


def test_a_preview_tells_what_the_worker_does_then(app: App, ann: User, push: Push) -> None:
    push()
    User.objects.filter(pk=ann.pk).update(last_name="Ashdown")
    (found,) = given("preview", "--person", ann.username)
    (row,) = found["accounts"]
    assert (row["operation"], row["changes"]) == (
        "update",
        [{"path": "name.familyName", "old": "Ash", "new": "Ashdown"}],
    )
    give("push", "--person", ann.username)
    push()
    assert happened(app) == [("create", "done"), ("update", "done")]


def test_a_preview_tells_no_sensitive_value(app: App, ann: User, push: Push) -> None:
    app.mappings.create(target="title", source="title", sensitive=True)
    User.objects.update(title="canary-old")
    push()
    User.objects.update(title="canary-new", last_name="Ashdown")
    for arguments in ([], ["--json"]):
        said = give("preview", "--person", ann.username, *arguments)[1]
        assert "canary" not in said
        assert "Ashdown" in said


def test_what_cannot_be_sent_or_would_wait_is_3(app: App, ann: User) -> None:
    assert give("preview")[0] == 0
    app.mappings.filter(target="userName").delete()
    status, said = give("preview")
    assert status == 3
    assert "1: Cannot be sent" in said


def test_too_many_leavers_are_previewed_as_held(app: App, sales: Group, faulty: FaultyScim) -> None:
    crowd(app, sales, faulty, 12)
    sales.users.clear()
    status, said = give("preview")
    assert status == 3
    assert "12: Wait for a decision" in said


@pytest.mark.parametrize("command", [["preview"], ["apps"], ["why", "ann@example.org"]])
def test_without_an_application_it_says_so(ann: User, command: list[str]) -> None:
    assert give(*command) == (0, "There is no application yet. Add one under Apps.\n")


@pytest.mark.parametrize("rows", ["-1", "x", "10001"])
def test_a_bad_number_of_rows_is_named(db: None, rows: str) -> None:
    with pytest.raises(CommandError, match="is not among 0 to 10000 rows"):
        give("preview", f"--rows={rows}")


# ----------------------------------------------------------------------------------------- push


def test_a_push_makes_a_person_due_in_one_application(
    app: App, make_app: MakeApp, faulty: FaultyScim, ann: User, push: Push
) -> None:
    push()
    assert give("push", "zoom", "--person", ann.username) == (
        0,
        "1 account is looked at again now.\n",
    )
    account = Account.objects.get()
    assert (account.trigger, account.actor) == ("manual", "command line")
    assert account.generation == account.done_generation + 1


def test_a_push_names_what_it_is_about(app: App) -> None:
    assert "say --all" in refused("push")
    assert "say --all" in refused("push", "zoom", "--all")


def test_without_a_worker_waiting_ends_at_once_with_1(app: App, ann: User) -> None:
    status, said = give("push", "--all", "--wait")
    assert status == 1
    assert "No worker is running" in said


def test_what_waits_in_a_paused_application_is_1_with_what_is_wrong_there(
    app: App, ann: User, push: Push
) -> None:
    app.mappings.filter(target="userName").delete()
    give("push", "--all")
    push()
    # So that only what was left is asked about.
    app.paused = True
    app.save()
    status, said = give("push", "Zoom", "--wait")
    assert status == 1
    assert "paused" in said
    assert "Refused" in said


@pytest.mark.parametrize(("fails", "ends_with"), [(False, 0), (True, 3)])
def test_a_push_waits_until_a_worker_has_done_it(
    transactional_db: None,
    tmp_path: Path,
    make_app: MakeApp,
    faulty: FaultyScim,
    sales: Group,
    ann: User,
    fails: bool,
    ends_with: int,
) -> None:
    make_app(faulty, group=sales)
    if fails:
        faulty.on("POST", answer(400))
    with shared_database(tmp_path), WorkerThread():
        assert eventually(Worker.objects.exists)
        with manage_process("push", "--all", "--wait", "--json") as process:
            said, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == ends_with
    assert json.loads(said)["left"] == 0


# ---------------------------------------------------------------------------------------- holds


def test_what_waits_is_listed_with_3(waiting: list[User]) -> None:
    status, said = give("holds", "--rows", "2")
    assert status == 3
    assert "Zoom: 12 waiting, 12 people (deactivate)." in said
    assert "p0000@example.org in Zoom: deactivated? No group of theirs has a policy" in said
    assert "and 10 more" in said
    assert len(given("holds", "--person", "p0000@example.org")) == 1


def test_nothing_waits_is_0(db: None) -> None:
    assert give("holds") == (0, "Nothing waits for a decision.\n")


@pytest.mark.parametrize(
    ("what", "decision", "left"), [("release", "released", 0), ("reject", "rejected", 12)]
)
def test_a_decision_is_recorded_with_who_and_why_and_carried_out(
    waiting: list[User],
    admin_user: Operator,
    faulty: FaultyScim,
    push: Push,
    what: str,
    decision: str,
    left: int,
) -> None:
    by = ("--by", "admin", "--reason", "They have left.", "--yes")
    assert give("holds", what, "--app", "zoom", *by)[0] == 0
    assert set(Hold.objects.values_list("decision", "decided_by", "reason")) == {
        (decision, "admin", "They have left.")
    }
    push()
    assert len(faulty.active_names()) == left


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--all", "--reason", "x", "--yes"], "the name of an operator"),
        (["--all", "--reason", "x", "--yes", "--by", "helper"], "the name of an operator"),
        (["--all", "--by", "admin", "--yes"], "A decision has a reason"),
        (["--all", "--by", "admin", "--reason", "x"], "say --yes"),
        (["--by", "admin", "--reason", "x", "--yes"], "say --all"),
    ],
)
def test_a_decision_without_who_or_why_or_what_is_refused(
    waiting: list[User], admin_user: Operator, arguments: list[str], sentence: str
) -> None:
    Operator.objects.create(username="helper")
    assert sentence in refused("holds", "release", *arguments)
    assert not Hold.objects.exclude(decision=Decision.WAITING).exists()


# ----------------------------------------------------------------------------------------- apps


def test_the_applications_are_listed_with_what_needs_a_person(
    app: App, ann: User, push: Push
) -> None:
    push()
    assert give("apps")[0] == 0
    (found,) = given("apps")
    assert (found["app"], found["state"], found["active"]) == ("Zoom", "working", 1)
    app.mappings.filter(target="userName").update(source="employee_id")
    give("push", "--all")
    push()
    assert give("apps", "list")[0] == 3


@pytest.mark.parametrize(("token", "status"), [("", 0), ("wrong", 1)])
def test_the_connection_is_checked(app: App, faulty: FaultyScim, token: str, status: int) -> None:
    faulty.token = token or faulty.token
    ended, said = give("apps", "check", "Zoom")
    assert ended == status
    assert said


def test_a_paused_application_gets_nothing_until_it_is_resumed(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    assert give("apps", "pause", "ZOOM")[0] == 0
    push()
    assert faulty.requests == []
    assert given("apps")[0]["state"] == "paused"
    assert give("apps", "resume", "zoom")[0] == 0
    push()
    assert happened(app) == [("create", "done")]


def test_an_application_is_named_where_it_is_needed_and_only_there(app: App) -> None:
    assert "need the name" in refused("apps", "pause")
    assert "takes no name" in refused("apps", "list", "Zoom")
    assert "There is “Zoom”" in refused("apps", "check", "Slack")


def test_wrong_use_is_2_and_help_is_0_for_the_shell() -> None:
    for arguments, status in ((["apps", "explode"], 2), (["holds", "--help"], 0)):
        with manage_process(*arguments) as process:
            said, _ = process.communicate(timeout=WITHIN)
        assert (process.returncode, "usage: manage.py" in said) == (status, True)
