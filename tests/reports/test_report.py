"""The report finds what was done by person, application, result and time, and never guesses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, User
from provisioning.models import EFFECT_LABELS, App, Event, Outcome
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
NOTHING_SEARCHED = "Nothing was searched. Correct what is said above."


def done(identifier: str = "ann@example.org", *, at: datetime | None = None, **more: Any) -> Event:
    """One row of the report."""
    fields = {"app_name": "Zoom", "operation": "create", "outcome": Outcome.DONE, "message": "Ok."}
    return Event.objects.create(at=at or timezone.now(), identifier=identifier, **fields | more)


def report(client: Client, **query: Any) -> Page:
    return visit(client, "reports_provisioningreport_changelist", **query)


def found(page: Page) -> list[str]:
    return [event.identifier for event in page.context["page"].events]


# ------------------------------------------------------------------------------------ person


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ann@example.org", ["ann@example.org"]),
        ("ann", ["anna@example.org", "ann@example.org"]),
        ("ANN@EXAMPLE.ORG", ["ann@example.org"]),
        ("  ann@  ", ["ann@example.org"]),
        ("zoe\u0308", ["zo\u00eb@example.org"]),
        ("ZO\u00cb", ["zo\u00eb@example.org"]),
        ("nn@example.org", []),
        ("%", []),
        ("_nn", []),
        ("' OR 1=1 --", []),
        ("", ["zo\u00eb@example.org", "anna@example.org", "ann@example.org"]),
        ("   ", ["zo\u00eb@example.org", "anna@example.org", "ann@example.org"]),
    ],
)
def test_a_person_is_found_by_the_user_name_or_its_beginning(
    admin_client: Client, typed: str, expected: list[str]
) -> None:
    for name in ("ann@example.org", "anna@example.org", "zo\u00eb@example.org"):
        done(name)
    assert found(report(admin_client, identifier=typed)) == expected


def test_who_was_renamed_is_found_under_both_names(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    ann.username = "oak@example.org"
    ann.save()
    push()
    old, new = "ann@example.org", "oak@example.org"
    everything = found(report(admin_client, identifier="OAK@example.org"))
    assert len(everything) == Event.objects.count() == 2
    assert old in found(report(admin_client, identifier=old))
    assert new not in found(report(admin_client, identifier="bob"))


def test_rows_stay_when_the_person_and_the_application_are_deleted(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    push()
    ann.delete()
    faulty_app.delete()
    page = report(admin_client, identifier="ann@example.org")
    assert found(page) == ["ann@example.org"]
    assert "ann@example.org Zoom Create account Done" in page.text


# ------------------------------------------------------------------------- application, result


def test_an_application_is_chosen_from_those_there_are(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim
) -> None:
    zoom, chat = (make_app(faulty, name=name) for name in ("Zoom", "Chat"))
    done("ann", app=zoom)
    done("bob", app=chat, app_name="Chat")
    assert found(report(admin_client, app=zoom.pk)) == ["ann"]
    assert found(report(admin_client, app="")) == ["bob", "ann"]


@pytest.mark.parametrize("app", ["999", "abc", "-1", "9" * 40, "1 OR 1=1", "\u0661"])
def test_an_unknown_application_is_an_error_and_not_everything(
    admin_client: Client, app: str
) -> None:
    done()
    page = report(admin_client, app=app)
    assert "There is no such application here." in page.text
    assert NOTHING_SEARCHED in page.text
    assert found(page) == []


@pytest.mark.parametrize("outcome", Outcome.values)
def test_a_result_is_chosen(admin_client: Client, outcome: str) -> None:
    for each in Outcome.values:
        done(each, outcome=each)
    page = report(admin_client, outcome=outcome)
    assert found(page) == [outcome]
    assert Outcome(outcome).label in page.text


def test_what_was_accepted_is_told_from_what_was_verified(admin_client: Client) -> None:
    for effect in ("", *EFFECT_LABELS):
        done(effect or "none", effect=effect)
    assert len(found(report(admin_client))) == 1 + len(EFFECT_LABELS)
    for effect, label in EFFECT_LABELS.items():
        page = report(admin_client, effect=effect)
        assert found(page) == [effect]
        assert f"Done {label} Ok." in page.text


def test_filters_together_must_all_fit(admin_client: Client) -> None:
    done("ann")
    done("ann", outcome=Outcome.FAILED)
    done("bob", outcome=Outcome.FAILED)
    assert found(report(admin_client, identifier="ann", outcome="failed")) == ["ann"]


# -------------------------------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("timespan", "expected"),
    [
        ("24h", ["1h"]),
        ("7d", ["1h", "25h"]),
        ("30d", ["1h", "25h", "8d"]),
        ("", ["1h", "25h", "8d", "31d"]),
    ],
)
def test_a_timespan_counts_back_from_now(
    admin_client: Client, timespan: str, expected: list[str]
) -> None:
    for hours, name in ((1, "1h"), (25, "25h"), (8 * 24, "8d"), (31 * 24, "31d")):
        done(name, at=timezone.now() - timedelta(hours=hours))
    assert found(report(admin_client, timespan=timespan)) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"after": "2026-03-04T12:00"}, ["13", "12"]),
        ({"before": "2026-03-04T12:00"}, ["12", "11"]),
        ({"after": "2026-03-04T11:30", "before": "2026-03-04T12:30"}, ["12"]),
        ({"after": "2026-03-04T12:00", "before": "2026-03-04T12:00"}, ["12"]),
        ({"after": "2026-03-04T12:00:00+02:00"}, ["13", "12", "11"]),
        ({"after": "2096-02-29T00:00"}, []),
        ({"before": "1970-01-01T00:00"}, []),
    ],
)
def test_a_range_has_its_ends_in_it(
    admin_client: Client, query: dict[str, str], expected: list[str]
) -> None:
    for hour in (11, 12, 13):
        done(str(hour), at=NOON.replace(hour=hour))
    assert found(report(admin_client, **query)) == expected


def test_times_are_typed_and_shown_in_the_portals_time_zone(
    admin_client: Client, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    done("ann", at=NOON)
    page = report(admin_client, after="2026-03-04T20:59", before="2026-03-04T21:01")
    assert found(page) == ["ann"]
    assert "Times are in Asia/Tokyo." in page.text
    assert "21:00:00" in page.text
    assert found(report(admin_client, after="2026-03-04T21:01")) == []
    assert page.form["after"] == "2026-03-04T20:59"


@pytest.mark.parametrize("field", ["after", "before"])
@pytest.mark.parametrize(
    "typed",
    [
        "yesterday",
        "2026-02-30T00:00",
        "2027-02-29T00:00",
        "0000-00-00",
        "10000-01-01T00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2026-03-04T25:00",
        "<script>alert(1)</script>",
        "1" * 5_000,
    ],
)
def test_a_wrong_time_is_an_error_and_nothing_is_searched(
    admin_client: Client, field: str, typed: str
) -> None:
    done(at=NOON)
    page = report(admin_client, **{field: typed})
    assert list(page.context["form"].errors) == [field]
    assert NOTHING_SEARCHED in page.text
    assert found(page) == []
    assert "<script>alert(1)" not in page.html


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (
            {"after": "2026-03-05T00:00", "before": "2026-03-04T00:00"},
            "The range ends before it begins. Exchange the two.",
        ),
        ({"timespan": "7d", "after": "2026-03-04T00:00"}, "not both"),
        ({"timespan": "24h", "before": "2026-03-04T00:00"}, "not both"),
        ({"after": "yesterday"}, "This is no date and time. Write 2026-11-01T10:00."),
        ({"app": "99"}, "There is no such application here. Choose another one."),
        ({"timespan": "1y"}, "Select a valid choice. 1y is not one of the available choices."),
        ({"outcome": "good"}, "Select a valid choice. good is not one of"),
        ({"identifier": "x" * 60_000}, "at most 200 characters"),
        ({"identifier": "a\x00b"}, "Null characters are not allowed."),
        ({"identifer": "ann"}, "The report has no filter called “identifer”."),
        ({"ordering": "password"}, "The report has no filter called “ordering”."),
        ({"user__email__regex": "(a+)+$"}, "no filter called “user__email__regex”."),
        ({"<b>x</b>" * 20: "1"}, "The report has no filter called “<b>x</b>"),
    ],
)
def test_what_cannot_be_searched_is_said_and_nothing_is_shown(
    admin_client: Client, query: dict[str, str], said: str
) -> None:
    done(at=NOON)
    page = report(admin_client, **query)
    assert said in page.text
    assert NOTHING_SEARCHED in page.text
    assert found(page) == []


# --------------------------------------------------------------------------------- the page


def test_without_a_filter_everything_is_shown_newest_first(admin_client: Client) -> None:
    for name, hour in (("second", 12), ("first", 11), ("third", 13)):
        done(name, at=NOON.replace(hour=hour))
    assert found(report(admin_client)) == ["third", "second", "first"]


def test_an_empty_report_says_what_will_appear(admin_client: Client) -> None:
    page = report(admin_client)
    assert "Nothing has been done yet" in page.text
    assert "Go to the set-up steps" in page.text


def test_a_search_that_finds_nothing_says_what_to_try(admin_client: Client) -> None:
    done()
    page = report(admin_client, identifier="bob")
    assert "Nothing found" in page.text
    assert "or clear the filters" in page.text
    renamed = "Whoever was renamed is found by all of their user name"
    assert renamed in page.text
    assert renamed not in report(admin_client, outcome="failed").text
    assert renamed not in report(admin_client, identifier="bob", match="exact").text


def test_what_was_searched_stays_in_the_form(admin_client: Client) -> None:
    page = report(admin_client, identifier="ann", outcome="failed", timespan="7d")
    kept = {name: page.form[name] for name in ("identifier", "outcome", "timespan")}
    assert kept == {"identifier": "ann", "outcome": "failed", "timespan": "7d"}


def test_names_and_answers_are_shown_as_text(
    admin_client: Client, faulty_app: App, mallory: User, faulty: FaultyScim, push: Push
) -> None:
    payload = "<img src=x onerror=alert(1)>"
    faulty.on("POST", answer(400, {"detail": payload}))
    push()
    for page in (report(admin_client), report(admin_client, identifier=payload)):
        assert payload not in page.html
    assert payload in report(admin_client).text


def test_a_row_says_who_caused_it_and_how_often_it_was_tried(admin_client: Client) -> None:
    done(trigger="manual", actor="olga", attempt=3)
    text = report(admin_client).text
    assert "Push now by olga" in text
    assert "(attempt 3)" in text


def test_the_report_cannot_be_edited(admin_client: Client) -> None:
    event = done()
    for view in ("change", "delete"):
        address = f"/admin/reports/provisioningreport/{event.pk}/{view}/"
        assert admin_client.post(address, {"post": "yes"}).status_code in {403, 405}
    assert admin_client.post("/admin/reports/provisioningreport/add/").status_code == 403
    assert Event.objects.get().message == "Ok."


def test_the_page_costs_the_same_number_of_queries_for_few_and_many_rows(
    admin_client: Client, sales: Group, faulty_app: App
) -> None:
    counts = []
    for rows in (5, 60):
        for _ in range(rows):
            done(app=faulty_app)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            report(admin_client, timespan="24h")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
