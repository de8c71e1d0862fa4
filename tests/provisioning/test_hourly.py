"""The hourly counts are the events, counted: whatever is written and removed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps as all_apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from iam.models import Group, User
from provisioning import hourly, retention
from provisioning.models import App, Event, HourlyCount, Outcome
from tests.conftest import MakeApp
from tests.provisioning.test_groups import ALL, with_groups
from tests.support.faulty import FaultyScim, answer

Push = Callable[[], None]
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def event(app: App | None, *, at: datetime = NOON, ms: int = 0, **more: Any) -> Event:
    fields = {"operation": "create", "outcome": Outcome.DONE, "message": "Ok.", "identifier": "ann"}
    return Event(at=at, app=app, duration_ms=ms, **fields | more)


def write(*events: Event) -> None:
    Event.objects.bulk_create(events)
    hourly.add(events)


def counted() -> set[tuple[Any, ...]]:
    """What the counts say, one row for each."""
    names = ("app", "hour", "operation", *Outcome.values, "timed", "total_ms", "longest_ms")
    rows = list(HourlyCount.objects.values_list(*names))
    assert len(rows) == len(set(rows))
    return set(rows)


def as_the_events_say() -> set[tuple[Any, ...]]:
    """The same, counted here one by one."""
    found: dict[tuple[Any, ...], list[Event]] = {}
    for each in Event.objects.all():
        hour = each.at.replace(minute=0, second=0, microsecond=0)
        for operation in ("", each.operation):
            found.setdefault((each.app_id, hour, operation), []).append(each)
    return {
        (
            *key,
            *(sum(each.outcome == outcome for each in events) for outcome in Outcome.values),
            sum(each.duration_ms > 0 for each in events),
            sum(each.duration_ms for each in events),
            max(each.duration_ms for each in events),
        )
        for key, events in found.items()
    }


@pytest.fixture
def zoom(db: None) -> App:
    return App.objects.create(name="Zoom", connector="scim")


def test_events_are_counted_by_app_hour_operation_and_outcome(zoom: App) -> None:
    chat = App.objects.create(name="Chat", connector="scim")
    write(
        event(zoom, ms=200),
        event(zoom, ms=700, at=NOON + timedelta(minutes=59, seconds=59.9)),
        event(zoom, outcome=Outcome.HELD),
        event(zoom, operation="update", outcome=Outcome.FAILED, ms=30_000),
        event(zoom, at=NOON + timedelta(hours=1)),
        event(chat, outcome=Outcome.RETRYING),
    )
    row = HourlyCount.objects.get(app=zoom, hour=NOON, operation="")
    assert (row.done, row.failed, row.held) == (2, 1, 1)
    assert (row.timed, row.total_ms, row.longest_ms) == (3, 30_900, 30_000)
    assert HourlyCount.objects.get(app=zoom, hour=NOON, operation="create").longest_ms == 700
    assert counted() == as_the_events_say()


def test_counting_goes_on_from_what_was_counted(zoom: App) -> None:
    for ms in (300, 900, 500):
        write(event(zoom, ms=ms), event(zoom, ms=0))
    assert HourlyCount.objects.get(operation="").longest_ms == 900
    assert counted() == as_the_events_say()


def test_any_number_of_events_is_counted_by_one_statement(zoom: App) -> None:
    events = [event(zoom, outcome=outcome) for outcome in Outcome.values for _ in range(100)]
    Event.objects.bulk_create(events)
    with CaptureQueriesContext(connection) as queries:
        hourly.add(events)
    assert len(queries) == 1
    assert counted() == as_the_events_say()


def test_whatever_a_push_records_of_accounts_is_counted(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.on("POST", answer(500))
    push()
    assert HourlyCount.objects.get(operation="").retrying == 1
    assert counted() == as_the_events_say()


def test_whatever_a_push_records_of_groups_is_counted(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    with_groups(make_app(faulty, features=ALL, group=sales))
    push()
    rows = HourlyCount.objects.filter(operation__in=["create_group", "add_member"])
    assert sum(row.done for row in rows) == 2
    assert counted() == as_the_events_say()


def test_what_is_removed_is_not_counted_any_more(zoom: App) -> None:
    now = timezone.now().replace(minute=30, second=0, microsecond=0)
    old, recent = now - timedelta(days=30), now - timedelta(days=1)
    write(*(event(zoom, at=old - timedelta(hours=n % 3), ms=n) for n in range(700)))
    write(event(zoom, at=recent, ms=9))
    write(*(event(zoom, at=old + timedelta(minutes=n), ms=n) for n in range(40)))
    asked: list[int] = []
    older = retention.older(than=timedelta(days=7))
    retention.purge(older, stopped=lambda: bool(asked), told=asked.append)
    # In the middle of an hour.
    assert asked == [500]
    assert counted() == as_the_events_say()
    retention.purge(older)
    assert [row.longest_ms for row in HourlyCount.objects.filter(operation="")] == [9]
    assert counted() == as_the_events_say()


def test_the_counts_of_an_app_outlive_it_and_go_with_its_events(zoom: App) -> None:
    old = timezone.now() - timedelta(days=30)
    chat = App.objects.create(name="Chat", connector="scim")
    write(event(zoom, at=old), event(chat, at=old, outcome=Outcome.FAILED))
    write(event(None, at=old))
    zoom.delete()
    chat.delete()
    rows = HourlyCount.objects.filter(operation="", app=None)
    assert sum(row.done + row.failed for row in rows) == 3
    retention.purge(retention.older(than=timedelta(days=7)))
    assert not HourlyCount.objects.exists()


def test_events_from_before_there_were_counts_are_counted_by_the_migration(zoom: App) -> None:
    for hours in range(5):
        Event.objects.bulk_create(
            event(app, at=NOON + timedelta(hours=hours, minutes=n), ms=n, outcome=outcome)
            for app in (zoom, None)
            for n, outcome in enumerate(Outcome.values)
        )
    migration = import_module("provisioning.migrations.0009_rollups")
    migration.count_what_was_done(all_apps, SimpleNamespace(connection=connection))
    assert counted() == as_the_events_say()
