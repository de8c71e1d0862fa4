"""An account counts as missing only when that is certain, and many missing ones are only told."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, User
from provisioning import reconcile
from provisioning.models import Account, App, Drift, Finding, Problem, Run
from provisioning.plan import State
from tests.conftest import MakeApp, person
from tests.support import faulty as server
from tests.support.faulty import FaultyScim, Paging, answer, html, lose_answer, lying, pages
from tests.support.looks import account, agree, happened
from tests.support.target import Document

Push = Callable[[], None]

MISSING = Finding.Kind.MISSING
PEOPLE = 8


@pytest.fixture
def crowd(sales: Group) -> list[User]:
    crowd = [person(f"p{number}") for number in range(PEOPLE)]
    sales.users.add(*crowd)
    return crowd


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def pushed(app: App, crowd: list[User], faulty: FaultyScim, push: Push) -> App:
    """Everybody has an account, and the application shows three on a page."""
    push()
    faulty.requests.clear()
    faulty.paging = pages(3)
    return app


def compare(app: App, *, dry: bool = False) -> Run:
    return reconcile.work(reconcile.start(App.objects.get(pk=app.pk), dry=dry))


def remove(faulty: FaultyScim, *people: User) -> None:
    for user in people:
        del faulty.stored[faulty.user(user.username)["id"]]


def missing(run: Run) -> list[str]:
    return list(run.findings.filter(kind=MISSING).values_list("identifier", flat=True))


# ------------------------------------------------------------------------------ deleted there


def test_an_account_that_was_deleted_there_is_created_again(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    remove(faulty, crowd[2])
    run = compare(pushed)
    assert (missing(run), run.missing, run.complete) == ([crowd[2].username], 1, True)
    assert run.findings.get().outcome == "put_right"
    assert account(pushed, crowd[2]).state == State.GONE
    push()
    assert len(faulty.active_names()) == PEOPLE
    assert happened(pushed)[-1] == ("create", "done")
    assert faulty.writes == ["POST /Users"]
    agree(pushed, faulty)


def test_an_account_of_a_leaver_that_was_deleted_there_is_not_created_again(
    pushed: App, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.remove(crowd[0])
    push()
    remove(faulty, crowd[0])
    faulty.requests.clear()
    compare(pushed)
    push()
    assert faulty.writes == []
    assert account(pushed, crowd[0]).state == State.GONE
    agree(pushed, faulty)


def test_a_deletion_may_be_accepted_and_is_then_not_spoken_of_again(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(drift=Drift.ACCEPT)
    remove(faulty, crowd[0])
    assert compare(pushed).findings.get().outcome == "left"
    push()
    run = compare(pushed)
    assert (run.missing, run.complete) == (0, True)
    assert faulty.writes == []


def test_with_ask_a_deletion_waits_for_somebody(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(drift=Drift.ASK)
    remove(faulty, crowd[0])
    run = compare(pushed)
    assert run.findings.get().outcome == "asked"
    assert reconcile.needs_a_person(run)
    push()
    row = account(pushed, crowd[0])
    assert row.problem == Problem.CHANGED_THERE
    assert "Somebody removed the account" in row.message
    assert faulty.writes == []


def test_an_account_that_is_only_not_listed_is_not_missing(
    pushed: App, crowd: list[User], faulty: FaultyScim
) -> None:
    hidden = faulty.user(crowd[4].username)["id"]

    def without(found: list[Document], start: int, count: int) -> Document:
        return pages(3)([user for user in found if user["id"] != hidden], start, count)

    faulty.paging = without
    run = compare(pushed)
    assert (run.same, run.missing, run.complete) == (PEOPLE, 0, True)
    assert faulty.journal.count("GET /Users/…") == 1


def test_a_change_of_an_account_that_is_not_listed_is_found_all_the_same(
    pushed: App, crowd: list[User], faulty: FaultyScim
) -> None:
    hidden = faulty.user(crowd[4].username)
    hidden["active"] = False
    faulty.paging = lambda found, start, count: pages(3)(
        [user for user in found if user["active"]], start, count
    )
    run = compare(pushed)
    assert (run.same, run.changed, run.missing) == (PEOPLE - 1, 1, 0)


@pytest.mark.parametrize(
    "fault",
    [
        answer(500),
        answer(403, {"detail": "No"}),
        answer(429),
        lose_answer,
        answer(*html(200)),
        answer(200, {"id": "another", "userName": "x"}),
        answer(200, {}),
    ],
    ids=["500", "403", "429", "lost", "html", "another", "empty"],
)
def test_only_a_404_says_that_an_account_is_missing(
    pushed: App, crowd: list[User], faulty: FaultyScim, fault: Any
) -> None:
    gone = faulty.user(crowd[1].username)["id"]
    remove(faulty, crowd[1])
    faulty.on("GET", fault, about=gone)
    run = compare(pushed)
    assert (run.missing, run.complete) == (0, False)
    assert run.message
    assert account(pushed, crowd[1]).state == State.ACTIVE


def test_one_that_may_not_be_asked_for_is_not_missing_and_stops_nobody(
    pushed: App, crowd: list[User], faulty: FaultyScim
) -> None:
    faulty.on("GET", answer(400), about=faulty.user(crowd[1].username)["id"])
    gone = {faulty.user(user.username)["id"] for user in crowd[1:3]}
    remove(faulty, crowd[2])
    faulty.paging = lambda found, start, count: pages(3)(
        [user for user in found if user["id"] not in gone], start, count
    )
    assert missing(compare(pushed)) == [crowd[2].username]


# ------------------------------------------------------------------------- lists that have gaps


def _total(by: int) -> Callable[[Document, int, int], None]:
    def change(body: Document, start: int, total: int) -> None:
        body["totalResults"] = total + by

    return change


def _total_grows(body: Document, start: int, total: int) -> None:
    body["totalResults"] = total + (start > 3)


def _total_at_the_end(body: Document, start: int, total: int) -> None:
    body["totalResults"] = total + (start > total)


def _no_total(body: Document, start: int, total: int) -> None:
    del body["totalResults"]


def _gap(body: Document, start: int, total: int) -> None:
    if start > 3:
        body["Resources"] = []


def _page_for_total(body: Document, start: int, total: int) -> None:
    body["totalResults"] = len(body["Resources"])


def _one_again(found: list[Document], start: int, count: int) -> Document:
    return pages(3)([*found[:3], found[0], *found[3:-1]], start, count)


def _page_again(found: list[Document], start: int, count: int) -> Document:
    return pages(3)([*found[:3], *found[:3], *found[6:]], start, count)


LIES: dict[str, Paging] = {
    "total too small": lying(_total(-1), most=3),
    "total too large": lying(_total(1), most=3),
    "total grows": lying(_total_grows, most=3),
    "another total at the end": lying(_total_at_the_end, most=3),
    "no total": lying(_no_total, most=3),
    "an empty page in the middle": lying(_gap, most=3),
    "the size of the page for the total": lying(_page_for_total, most=3),
    "one account twice": _one_again,
    "a page again": _page_again,
    "startIndex ignored": server.start_ignored(3),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_list_that_may_have_gaps_proves_no_absence(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push, lie: str
) -> None:
    """bad-input-69 and bad-input-70"""
    remove(faulty, crowd[-1])
    faulty.paging = LIES[lie]
    run = compare(pushed)
    assert (run.missing, run.complete) == (0, False)
    assert "may have gaps" in run.message
    assert run.same + run.changed >= 3
    push()
    assert faulty.writes == []
    assert account(pushed, crowd[-1]).state == State.ACTIVE


@pytest.mark.parametrize("page", [1, 2, 3, 4])
@pytest.mark.parametrize(
    "fault",
    [answer(500), answer(429, Retry_After="60"), answer(401), lose_answer, answer(*html(200))],
    ids=["500", "429", "401", "lost", "html"],
)
def test_an_error_on_any_page_proves_no_absence(
    pushed: App, crowd: list[User], faulty: FaultyScim, fault: Any, page: int
) -> None:
    remove(faulty, crowd[-1])
    faulty.on("GET", fault, about=f"startIndex={1 + 3 * (page - 1) if page < 4 else 8}")
    run = compare(pushed)
    assert run.ended_at is not None
    assert (run.missing, run.complete) == (0, False)
    assert run.message
    assert account(pushed, crowd[-1]).state == State.ACTIVE


@pytest.mark.parametrize("most", [1, 7, 8, 100])
def test_a_server_that_gives_less_than_was_asked_for_is_walked_to_the_end(
    pushed: App, crowd: list[User], faulty: FaultyScim, most: int
) -> None:
    remove(faulty, crowd[0])
    faulty.paging = pages(most)
    run = compare(pushed)
    assert (run.same, missing(run), run.complete) == (PEOPLE - 1, [crowd[0].username], True)


def test_a_server_that_begins_again_past_the_end_is_walked_once(
    pushed: App, crowd: list[User], faulty: FaultyScim
) -> None:
    faulty.paging = lambda found, start, count: pages(4)(
        found, start if start <= len(found) else 1, count
    )
    run = compare(pushed)
    assert (run.same, run.listed, run.complete) == (PEOPLE, PEOPLE, True)


# -------------------------------------------------------------------------------- many missing


def test_more_missing_than_the_limit_are_told_and_nothing_is_done(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(guard_count=2, guard_percent=0)
    remove(faulty, *crowd[:5])
    run = compare(pushed)
    assert len(missing(run)) == run.missing == 5
    assert {finding.outcome for finding in run.findings.all()} == {"listed"}
    assert "another tenant" in run.message
    assert reconcile.needs_a_person(run)
    # Three are enough to know; the others are not asked for.
    assert faulty.journal.count("GET /Users/…") <= 5
    push()
    assert faulty.writes == []
    assert {row.state for row in Account.objects.all()} == {State.ACTIVE}


def test_just_as_many_as_the_limit_are_put_right(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(guard_count=2, guard_percent=0)
    remove(faulty, *crowd[:2])
    assert compare(pushed).missing == 2
    push()
    assert len(faulty.active_names()) == PEOPLE


def test_the_limit_grows_with_the_number_of_accounts(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push
) -> None:
    App.objects.update(guard_count=0, guard_percent=50)
    remove(faulty, *crowd[:4])
    compare(pushed)
    push()
    assert len(faulty.active_names()) == PEOPLE


@pytest.mark.parametrize("known", [1, PEOPLE])
def test_an_empty_application_is_told_and_nothing_is_created_again(
    pushed: App, crowd: list[User], faulty: FaultyScim, push: Push, known: int
) -> None:
    """bad-input-71"""
    User.objects.exclude(pk__in=[user.pk for user in crowd[:known]]).delete()
    push()
    Account.objects.filter(user=None).delete()
    faulty.stored.clear()
    faulty.requests.clear()
    run = compare(pushed)
    assert (len(missing(run)), run.complete) == (known, True)
    assert "listed no account at all" in run.message
    push()
    assert faulty.journal == ["GET /Users"]


def test_an_empty_application_in_which_nothing_is_known_is_fine(
    app: App, faulty: FaultyScim
) -> None:
    run = compare(app)
    assert (run.complete, run.listed, run.message.startswith("Zoom listed")) == (True, 0, False)


def test_who_is_missing_from_a_list_by_cursor_is_found_missing(
    pushed: App, crowd: list[User], faulty: FaultyScim
) -> None:
    remove(faulty, crowd[-1])
    faulty.cursors = 3
    run = compare(pushed)
    assert (run.same, missing(run), run.complete) == (PEOPLE - 1, [crowd[-1].username], True)
    # As a listing by cursor tells no total, only the missing cursor can have proved it.
    assert run.expected is None
    learned = App.objects.get(pk=pushed.pk).learned
    assert learned["paging"]["value"] == "cursor"


def test_newcomers_are_looked_for_in_a_list_by_cursor(
    pushed: App, crowd: list[User], sales: Group, faulty: FaultyScim, push: Push
) -> None:
    faulty.cursors = 3
    faulty.ignores_filter = True
    faulty.on("GET", answer(400, {"scimType": "invalidFilter"}), about="filter=")
    there = faulty.add("zoe@example.org")
    sales.users.add(person("zoe"), person("yan"))
    push()
    assert account(pushed, User.objects.get(username="zoe@example.org")).remote_id == there["id"]
    # He is certainly not there, although no total was told.
    assert faulty.user("yan@example.org")["active"]
