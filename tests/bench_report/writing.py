"""What the indexes and the hourly counts cost when events are written. Leaves nothing behind."""

from collections.abc import Iterator

from django.db import connection, transaction
from django.utils import timezone

from provisioning import hourly
from provisioning.models import App, Event, Outcome
from tests.bench_report.searching import Series

# As many as a worker records at once.
_BATCH = 200
_TURNS = 30
# Without these every page of the report that has no filter is as quick.
_FOR_FILTERS = (
    "events_by_operation",
    "events_by_trigger",
    "events_by_actor",
    "events_not_done",
    "events_not_done_by_app",
    "events_not_verified",
)


def costs() -> Iterator[tuple[str, float, float]]:
    """Microseconds of processor time an event: the name, ours, and without what it names."""
    _written(counted=True)
    alone = _written(counted=False)
    yield "events with their hourly counts, and without", _written(counted=True), alone
    yield "events with the indexes for filters, and without", alone, _without_indexes()


def _without_indexes() -> float:
    with transaction.atomic():
        with connection.cursor() as cursor:
            for name in _FOR_FILTERS:
                cursor.execute(f"DROP INDEX {name}")
        took = _written(counted=False)
        transaction.set_rollback(True)
    return took


def _written(*, counted: bool) -> float:
    app = App.objects.all()[0]
    taken = Series()
    for turn in range(_TURNS):
        events = [_event(app, turn * _BATCH + number) for number in range(_BATCH)]
        with transaction.atomic():
            # Without the commit, which waits for the disk.
            taken.add(lambda: _write(events, counted=counted))  # noqa: B023
            transaction.set_rollback(True)
    return min(taken.processor) / _BATCH * 1000


def _write(events: list[Event], *, counted: bool) -> None:
    Event.objects.bulk_create(events)
    if counted:
        hourly.add(events)


def _event(app: App, number: int) -> Event:
    failed = number % 10 == 0
    return Event(
        at=timezone.now(),
        app=app,
        app_name=app.name,
        identifier=f"p{number * 7919 % 20_000:07}@bench.example",
        operation="update",
        outcome=Outcome.FAILED if failed else Outcome.DONE,
        effect="" if failed else "verified",
        message="The account was brought up to date.",
        trigger="membership",
        actor="olga" if number % 3 == 0 else "",
        duration_ms=200,
        correlation_id="bench",
    )
