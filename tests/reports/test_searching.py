"""However many events there are, each filter finds the same, and by an index."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError
from django.db import connection
from django.test import Client

from iam.models import User
from provisioning.models import App, Event, Outcome
from reports import exports, filters, pages
from reports.filters import ReportFilter
from tests.reports.test_report import done, found, report
from tests.support.commands import give, given

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ANN, JOANN, BOB = "ann@example.org", "joann@example.org", "bob@example.org"
on_postgresql = connection.vendor == "postgresql"


def asked(**query: str) -> list[str]:
    search = ReportFilter(query, queryset=Event.objects.all())
    assert search.form.is_valid(), search.form.errors
    return [event.identifier for event in pages.page(search.qs).events]


def plan(**query: str) -> str:
    """How the database finds the newest page."""
    search = ReportFilter(query or None, queryset=Event.objects.all())
    return str(search.qs.order_by("-at", "-pk")[:51].explain())


# How many steps SQLite takes for the first page, for the second one and so on.
ReadOn = Callable[[Client, dict[str, str]], Iterator[int]]


def _page(client: Client, span: dict[str, str]) -> Iterator[int]:
    search, mark = ReportFilter(span, queryset=Event.objects.all()), ""
    while True:
        with counted() as steps:
            mark = pages.page(search.qs, older_than=mark).older
        yield len(steps)


def _api(client: Client, span: dict[str, str]) -> Iterator[int]:
    address = "/api/v1/events/?" + urlencode(span)
    while True:
        with counted() as steps:
            address = client.get(address).json()["next"]
        yield len(steps)


def _export(client: Client, span: dict[str, str]) -> Iterator[int]:
    events = exports.stream(ReportFilter(span, queryset=Event.objects.all()).qs)
    while True:
        with counted() as steps:
            list(islice(events, exports._BATCH))
        yield len(steps)


@contextmanager
def counted() -> Iterator[list[None]]:
    steps: list[None] = []
    connection.connection.set_progress_handler(lambda: steps.append(None), 1)
    yield steps
    connection.connection.set_progress_handler(None, 1)


# ------------------------------------------------------------------------- any part of a name


def test_any_part_of_a_name_is_found_where_the_database_has_an_index_for_it(
    admin_client: Client, db: None
) -> None:
    for name in (ANN, JOANN, BOB):
        done(name)
    page = report(admin_client, identifier="ANN@", match="contains")
    if on_postgresql:
        assert found(page) == [JOANN, ANN]
        assert [row["person"] for row in given("report", "--person", "ann@", "--contains")] == [
            JOANN,
            ANN,
        ]
        return
    assert "This database can only find whole names and beginnings of names." in page.text
    assert found(page) == []
    with pytest.raises(CommandError, match="--contains: This database can only find whole names"):
        give("report", "--person", "ann@", "--contains")


@pytest.mark.skipif(not on_postgresql, reason="needs PostgreSQL")
def test_where_the_extension_could_not_be_made_any_part_is_refused(admin_client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX events_by_part_of_name")
    done(ANN)
    page = report(admin_client, identifier="ann", match="contains")
    assert "This database can only find whole names and beginnings of names." in page.text
    assert found(page) == []


@pytest.mark.skipif(not on_postgresql, reason="needs PostgreSQL")
@pytest.mark.parametrize("name", ["a", "ab", " ab "])
def test_so_few_letters_that_the_index_does_not_help_are_refused(
    admin_client: Client, name: str
) -> None:
    page = report(admin_client, identifier=name, match="contains")
    assert "Write at least 3 letters of the name." in page.text


def test_a_name_is_either_whole_or_a_part(db: None) -> None:
    with pytest.raises(CommandError, match="Choose either --exactly or --contains."):
        give("report", "--person", "ann", "--exactly", "--contains")


# ---------------------------------------------------------------------------- the beginning


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("ann", ["ann\U0001f600", "annz", "ann%", "ann_"]),
        ("ann%", ["ann%"]),
        ("ann_", ["ann_"]),
        ("ann\U0001f600", ["ann\U0001f600"]),
        ("ano", ["ano"]),
    ],
)
def test_a_beginning_is_taken_as_it_is_written(db: None, typed: str, expected: list[str]) -> None:
    for name in ("ann_", "ann%", "annz", "ann\U0001f600", "ano", "an", "b"):
        done(name)
    assert asked(identifier=typed) == expected


@pytest.mark.parametrize("others", [0, filters._FEW], ids=["few events", "many events"])
@pytest.mark.parametrize("match", ["", "exact"])
def test_filters_find_the_same_whether_a_name_has_few_events_or_many(
    db: None, others: int, match: str
) -> None:
    Event.objects.bulk_create(Event(at=NOON, identifier=ANN, message="Ok.") for _ in range(others))
    ann = User.objects.create(username=ANN)
    zoom = App.objects.create(name="Zoom", connector="scim")
    about: dict[str, Any] = {"app": zoom, "operation": "update", "outcome": Outcome.FAILED}
    about |= {"effect": "without_effect", "trigger": "manual", "actor": "olga"}
    done("former@example.org", at=NOON, user=ann, **about)
    done(ANN, at=NOON + timedelta(minutes=1), user=ann, **about)
    for name, value in about.items():
        done(ANN, at=NOON + timedelta(minutes=2), **{**about, name: "" if value != zoom else None})
    done(ANN, at=NOON - timedelta(days=1), **about)
    done(ANN, at=NOON + timedelta(days=1), **about)
    done("annabel@example.org", at=NOON, **about)
    query = {name: str(value) for name, value in about.items()} | {"app": str(zoom.pk)}
    span = {"after": NOON.isoformat(), "before": (NOON + timedelta(hours=1)).isoformat()}
    assert asked(identifier=ANN, match=match, **query, **span) == [ANN, "former@example.org"]


# ------------------------------------------------------------------------------ by an index


@pytest.mark.skipif(on_postgresql, reason="its choice depends on how many rows there are")
@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "events_by_time"),
        ({"timespan": "24h"}, "events_by_time (at>?)"),
        ({"app": "1"}, "events_by_app (app_id=?)"),
        ({"app": "1", "timespan": "7d"}, "events_by_app (app_id=? AND at>?)"),
        ({"outcome": "failed"}, "events_not_done (outcome=?)"),
        ({"app": "1", "outcome": "held"}, "events_not_done_by_app (app_id=? AND outcome=?)"),
        ({"operation": "delete", "timespan": "30d"}, "events_by_operation (operation=? AND at>?)"),
        ({"trigger": "manual"}, "events_by_trigger (trigger=?)"),
        ({"actor": "olga"}, "events_by_actor (actor=?)"),
        ({"effect": "without_effect"}, "events_not_verified (effect=?)"),
        ({"identifier": "ann"}, "events_by_identifier (identifier_key>? AND identifier_key<?)"),
        ({"identifier": "ann", "match": "exact"}, "events_by_identifier (identifier_key=?)"),
        (
            {"identifier": "ann", "app": "1", "outcome": "failed", "timespan": "24h"},
            "events_by_identifier (identifier_key>? AND identifier_key<?)",
        ),
    ],
)
def test_each_filter_has_an_index(db: None, query: dict[str, str], index: str) -> None:
    App.objects.create(pk=1, name="Zoom", connector="scim")
    assert plan(**query).splitlines()[0].endswith(index)


@pytest.mark.skipif(on_postgresql, reason="its choice depends on how many rows there are")
def test_a_page_goes_on_in_the_index_where_the_one_before_ended(db: None) -> None:
    older = pages.older(Event.objects.order_by("-at", "-pk"), NOON, 7)
    assert "events_by_time (at<?)" in older.explain()


@pytest.mark.skipif(on_postgresql, reason="it counts the steps of SQLite")
@pytest.mark.parametrize(
    ("read_on", "far"), [(_page, 100), (_api, 100), (_export, 5)], ids=["page", "API", "export"]
)
def test_within_a_timespan_it_is_read_on_without_reading_what_came_before(
    admin_client: Client, read_on: ReadOn, far: int
) -> None:
    Event.objects.bulk_create(
        Event(at=NOON - timedelta(minutes=minute), identifier=ANN, message="Ok.")
        for minute in range(12_000)
    )
    span = {"after": "2025-01-01T00:00", "before": "2026-03-05T00:00"}
    steps = list(islice(read_on(admin_client, span), far + 1))
    assert steps[far] < 1.5 * steps[1]


def test_the_api_finds_any_part_of_a_name_as_the_page_does(admin_client: Client) -> None:
    done(JOANN)
    answer = admin_client.get("/api/v1/events/", {"identifier": "oann", "match": "contains"})
    if on_postgresql:
        assert [row["identifier"] for row in answer.json()["items"]] == [JOANN]
    else:
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["parameter"] == "match"
