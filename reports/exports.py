"""Events as rows of a table and as JSON, any number of them, in the memory of a few."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from provisioning.models import Event
from reports import pages

_BATCH = 2_000
COLUMNS = (
    "at",
    "app",
    "person",
    "operation",
    "outcome",
    "effect",
    "message",
    "trigger",
    "actor",
    "attempt",
    "duration_ms",
    "http_status",
    "approved_by",
    "correlation_id",
)
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def stream(events: QuerySet[Event]) -> Iterator[Event]:
    """All of them, newest first, read along the index in batches.

    Without a cursor of the database, so that no transaction stays open however slowly it is read.
    """
    rows = events.order_by("-at", "-pk")
    batch = list(rows[:_BATCH])
    while batch:
        yield from batch
        last = batch[-1]
        older = rows.filter(pages.older(last.at, last.pk))
        batch = list(older[:_BATCH]) if len(batch) == _BATCH else []


def values(event: Event) -> dict[str, Any]:
    """An event by the names in `COLUMNS`, its time in the zone that is in force."""
    # Not the app itself: it would be read anew for each event.
    about = {
        "at": timezone.localtime(event.at).isoformat(),
        "app": event.app_name,
        "person": event.identifier,
    }
    return {name: about[name] if name in about else getattr(event, name) for name in COLUMNS}


def cells(event: Event) -> list[str]:
    """The same as texts that no spreadsheet takes for formulas."""
    return [safe("" if value is None else str(value)) for value in values(event).values()]


def safe(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
