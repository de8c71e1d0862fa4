"""What goes wrong at an application is said, waits for its moment, and holds nobody else up."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from iam.models import Group, User
from provisioning.models import Account, App, Event, Lane, Problem
from provisioning.plan import State
from tests.conftest import MakeApp, person
from tests.support.connectors import Stumbling, in_catalogue
from tests.support.faulty import FaultyScim, answer, html, lose_request
from tests.support.looks import account, agree, happened
from tests.support.servers import HttpServer, Reply

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    """Twenty people in the group."""
    crowd = [person(f"p{number:02}") for number in range(20)]
    sales.users.add(*crowd)
    return crowd


def lane(app: App) -> Lane:
    return Lane.objects.get(app=app)


# -------------------------------------------------------------------------------- credentials


def test_a_wrong_token_costs_one_probe_and_is_said(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    """bad-input-37"""
    faulty.token = "another"
    push()
    push()
    assert faulty.journal == ["GET /Users"]
    assert "did not accept the token" in lane(faulty_app).problem
    assert "Apps > Zoom > Connection" in lane(faulty_app).problem
    later(seconds=61)
    push()
    assert len(faulty.journal) == 2
    assert account(faulty_app, ann).due_at is not None


def test_with_a_wrong_token_many_people_cost_a_few_requests_and_then_one_probe_at_a_time(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.token = "another"
    push()
    # Those that were on their way together.
    assert len(faulty.journal) <= 2 * faulty_app.kind.concurrency
    faulty.requests.clear()
    for probes in (1, 2, 3):
        later(minutes=15)
        push()
        assert len(faulty.journal) == probes


@pytest.mark.parametrize("status", [401, 403])
def test_saving_the_app_ends_the_rest_and_nothing_is_lost(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, status: int
) -> None:
    """bad-input-37"""
    faulty.on("*", answer(status, {"detail": "No."}))
    push()
    assert not faulty.users()
    assert "“No.”" in lane(faulty_app).problem
    faulty.heal()
    faulty_app.save()
    push()
    assert len(faulty.users()) == len(crowd)
    assert lane(faulty_app).problem == ""
    assert lane(faulty_app).problem_since is None
    agree(faulty_app, faulty)


def test_no_attempt_of_a_person_is_used_up_by_a_wrong_token(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.token = "another"
    for _ in range(5):
        push()
        later(seconds=61)
    assert account(faulty_app, ann).attempts == 0


def test_the_time_since_when_it_is_wrong_is_kept(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.token = "another"
    push()
    since = lane(faulty_app).problem_since
    later(hours=1)
    push()
    assert lane(faulty_app).problem_since == since


def test_a_token_that_is_mended_over_there_needs_nobody_here(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    right, faulty.token = faulty.token, "another"
    push()
    faulty.token = right
    later(seconds=61)
    push()
    assert len(faulty.users()) == len(crowd)
    assert lane(faulty_app).problem == ""
    agree(faulty_app, faulty)


def test_one_account_that_may_not_be_touched_does_not_stop_the_others_for_good(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", answer(403, {"detail": "Protected."}), about="p03@example.org")
    for _ in range(30):
        push()
        later(seconds=61)
    assert len(faulty.users()) == len(crowd) - 1


def test_one_app_with_a_wrong_token_does_not_hold_up_another(
    make_app: MakeApp, sales: Group, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.token = "another"
    with FaultyScim() as healthy:
        make_app(faulty, name="Broken", group=sales)
        other = make_app(healthy, name="Healthy", group=sales)
        push()
        assert healthy.active_names() == [ann.username]
        agree(other, healthy)


def test_secrets_that_cannot_be_read_rest_the_app_with_a_sentence(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(sealed_secrets="not what was sealed")
    push()
    assert faulty.requests == []
    assert "GATEHOUSE_ENCRYPTION_KEYS" in lane(faulty_app).problem
    assert account(faulty_app, ann).due_at is not None


# ------------------------------------------------------------------------------- out of reach


def test_a_server_that_is_down_loses_nothing(
    make_app: MakeApp, crowd: list[User], sales: Group, kind: str, push: Push, later: Later
) -> None:
    with FaultyScim() as gone:
        app = make_app(gone, kind=kind, group=sales)
    push()
    row = account(app, crowd[0])
    assert (row.problem, row.attempts) == (Problem.UNAVAILABLE, 1)
    assert "refused the connection" in row.message
    assert row.due_at is not None
    with FaultyScim(port=gone.port) as back:
        later(minutes=5)
        push()
        assert len(back.users()) == len(crowd)
        agree(app, back)


def test_a_change_made_while_the_server_is_down_arrives(
    make_app: MakeApp, ann: User, sales: Group, kind: str, push: Push, later: Later
) -> None:
    with FaultyScim() as server:
        app = make_app(server, kind=kind, group=sales)
        push()
    sales.users.remove(ann)
    push()
    ann.last_name = "Oak"
    ann.save()
    sales.users.add(ann)
    push()
    with FaultyScim(port=server.port) as back:
        back.stored = server.stored
        later(minutes=5)
        push()
        assert back.user(ann.username)["name"]["familyName"] == "Oak"
        assert back.user(ann.username)["active"] is True
        agree(app, back)


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        ("120", 120),
        (lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True), 120),
    ],
    ids=["seconds", "date"],
)
@pytest.mark.parametrize("status", [429, 503])
def test_being_told_to_wait_pauses_the_app_just_so_long(
    faulty_app: App,
    crowd: list[User],
    faulty: FaultyScim,
    push: Push,
    later: Later,
    status: int,
    wait: str | Callable[[], str],
    seconds: int,
) -> None:
    """bad-input-28, bad-input-29 and bad-input-32"""
    header = wait if isinstance(wait, str) else wait()
    faulty.on("POST", answer(status, Retry_After=header), times=1)
    push()
    done = len(faulty.users())
    assert done < len(crowd)
    faulty.requests.clear()
    later(seconds=seconds - 10)
    push()
    assert faulty.requests == []
    later(seconds=11)
    push()
    assert len(faulty.users()) == len(crowd)
    assert {row.attempts for row in Account.objects.all()} == {0}
    assert lane(faulty_app).problem == ""
    agree(faulty_app, faulty)


@pytest.mark.parametrize("wait", ["0", "-5", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_being_told_to_wait_for_no_sensible_time_still_waits(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, wait: str
) -> None:
    """bad-input-30"""
    faulty.on("GET", answer(429, Retry_After=wait))
    push()
    push()
    assert len(faulty.journal) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, None), (503, {"detail": "Down for maintenance"}), html(502), (504, b"")],
    ids=["500", "503", "HTML 502", "504"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_in_trouble_is_tried_again_by_itself(
    faulty_app: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    later: Later,
    method: str,
    status: int,
    body: object,
) -> None:
    faulty.on(method, answer(status, body))
    waits = {}
    for tried in range(1, 5):
        push()
        row = account(faulty_app, ann)
        assert row.due_at is not None
        assert row.checked_at is not None
        # Once more on a machine so busy that the first wait, of a second, is over meanwhile.
        assert row.attempts >= tried
        waits[row.attempts] = (row.due_at - row.checked_at).total_seconds()
        later(seconds=waits[row.attempts] + 1)
    assert row.problem == Problem.UNAVAILABLE
    assert str(status) in row.message
    # Up to twice as long each time, and not all at once.
    assert all(1 <= wait <= 2**attempts + 1 for attempts, wait in waits.items())
    faulty.heal()
    push()
    later(hours=1)
    push()
    assert faulty.active_names() == [ann.username]
    assert account(faulty_app, ann).attempts == 0
    agree(faulty_app, faulty)


def test_one_connection_that_breaks_does_not_hold_up_the_others(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", lose_request, about="p03@example.org")
    push()
    assert len(faulty.users()) == len(crowd) - 1
    faulty.heal()
    later(minutes=1)
    push()
    assert len(faulty.users()) == len(crowd)
    agree(faulty_app, faulty)


# ------------------------------------------------------------------------------------ refused


@pytest.mark.parametrize("status", [400, 413, 422, 501])
def test_a_refused_account_is_parked_with_the_reason_and_stops_nobody(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push, later: Later, status: int
) -> None:
    """bad-input-86"""
    refusal = answer(status, {"detail": "Domain not verified"})
    faulty.on("POST", refusal, about="p03@example.org")
    push()
    assert len(faulty.users()) == len(crowd) - 1
    row = account(faulty_app, crowd[3])
    assert (row.problem, row.intent) == (Problem.REJECTED, {})
    assert "Domain not verified" in row.message
    assert ("create", "failed") in happened(faulty_app)
    later(hours=1)
    faulty.requests.clear()
    push()
    assert faulty.requests == []


def test_a_parked_account_is_tried_again_daily_for_four_weeks_and_then_waits_for_a_change(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", answer(400))
    push()
    for _ in range(40):
        later(days=1)
        push()
    assert len(faulty.writes) == 1 + 28
    row = account(faulty_app, ann)
    assert (row.problem, row.due_at) == (Problem.REJECTED, None)
    faulty.heal()
    ann.save()
    push()
    assert faulty.names() == [ann.username]


def test_a_parked_account_that_was_accepted_there_meanwhile_needs_nobody_here(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    faulty.on("POST", answer(400))
    push()
    faulty.heal()
    later(days=1, minutes=1)
    push()
    assert faulty.names() == [ann.username]
    assert account(faulty_app, ann).problem_since is None
    agree(faulty_app, faulty)


def test_a_parked_account_is_tried_again_when_the_person_changes(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(400), about='"Ash"')
    push()
    assert account(faulty_app, ann).problem == Problem.REJECTED
    ann.last_name = "Oak"
    ann.save()
    push()
    assert account(faulty_app, ann).problem == ""
    agree(faulty_app, faulty)


def test_a_refused_change_leaves_the_account_as_it_was(
    faulty_app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    push()
    faulty.on("*", answer(400), about="Oak")
    ann.last_name = "Oak"
    ann.save()
    push()
    assert account(faulty_app, ann).problem == Problem.REJECTED
    assert account(faulty_app, ann).state == State.ACTIVE
    sales.users.remove(ann)
    push()
    assert faulty.active_names() == []
    agree(faulty_app, faulty)


def test_a_person_without_what_the_application_needs_is_parked_before_anything_is_sent(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    """bad-input-87"""
    faulty_app.mappings.filter(target="userName").update(source="email")
    poor = crowd[3]
    poor.email = ""
    poor.save()
    push()
    assert len(faulty.users()) == len(crowd) - 1
    row = account(faulty_app, poor)
    assert row.problem == Problem.REJECTED
    assert "E-mail" in row.message
    assert "page" in row.message


def test_a_mapping_whose_source_is_unknown_is_said_and_not_a_crash(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty_app.mappings.filter(target="name.givenName").update(source="no_such_attribute")
    push()
    said = account(faulty_app, ann).message + lane(faulty_app).problem
    assert "no_such_attribute" in said


def test_a_mistake_in_the_program_stops_only_the_account_it_happens_to(
    make_app: MakeApp,
    crowd: list[User],
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sales.users.add(bob)
    with in_catalogue(Stumbling, "stumbling"), caplog.at_level(logging.CRITICAL):
        app = make_app(faulty, kind="stumbling", group=sales)
        push()
        row = account(app, bob)
    assert len(faulty.users()) == len(crowd)
    assert (row.problem, row.attempts) == (Problem.UNAVAILABLE, 1)
    assert "Gatehouse itself failed" in row.message
    assert "ZeroDivisionError" not in row.message


# -------------------------------------------------------------------------- not a SCIM service


def test_a_sign_in_page_is_not_taken_for_an_empty_answer(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("GET", answer(*html(200)))
    push()
    assert faulty.writes == []
    row = account(faulty_app, ann)
    assert row.problem == Problem.UNAVAILABLE
    assert "Please sign in" in row.message


def test_a_sign_in_page_is_not_taken_for_a_deactivation(
    faulty_app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push, later: Later
) -> None:
    push()
    faulty.on("PATCH", answer(*html(200)))
    sales.users.remove(ann)
    push()
    assert account(faulty_app, ann).state == State.ACTIVE
    faulty.heal()
    later(minutes=1)
    push()
    assert faulty.active_names() == []
    agree(faulty_app, faulty)


def test_a_sign_in_page_is_not_taken_for_a_change(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, later: Later
) -> None:
    push()
    for method in ("PUT", "PATCH"):
        faulty.on(method, answer(*html(200)))
    ann.last_name = "Oak"
    ann.save()
    push()
    faulty.heal()
    later(minutes=1)
    push()
    assert faulty.user(ann.username)["name"]["familyName"] == "Oak"


def test_a_redirect_is_not_followed_and_the_token_is_not_sent_there(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    with HttpServer(lambda *_: Reply(200)) as elsewhere:
        faulty.on("*", answer(302, Location=f"{elsewhere.url}/Users"))
        push()
        assert elsewhere.connections == 0
    assert len(faulty.journal) == 1
    assert elsewhere.url in lane(faulty_app).problem
    assert account(faulty_app, ann).due_at is not None


def test_no_scim_service_at_the_address_rests_the_app(
    faulty_app: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    faulty.on("*", answer(404, {"detail": "No such page"}))
    push()
    assert "There is no SCIM service at" in lane(faulty_app).problem
    assert {row.state for row in Account.objects.all()} == {State.ABSENT}


def test_a_token_that_the_application_echoes_is_not_shown(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("*", answer(401, {"detail": f"Bad credentials: Bearer {faulty.token}"}))
    push()
    said = [lane(faulty_app).problem, account(faulty_app, ann).message]
    said += Event.objects.values_list("message", flat=True)
    assert not any(faulty.token in text for text in said)
