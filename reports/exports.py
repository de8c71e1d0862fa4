"""Events as CSV, as a workbook and as JSON, any number of them, in the memory of a few."""

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db.models import Max, QuerySet
from django.utils import timezone

from provisioning.models import Event
from reports import pages, workbook

_BATCH = 2_000
# One by one they would cost more to send than to read.
_LINES = 200
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


def stream(events: QuerySet[Event]) -> Iterator[Event]:
    """All of them, newest first, read along the index in batches.

    Without a cursor of the database, so that no transaction stays open however slowly it is read.
    What is recorded meanwhile is left out, each event comes once at most, and what is removed
    meanwhile, the oldest first, is missing from some event on: docs/decisions/0025.
    """
    newest = Event.objects.aggregate(pk=Max("pk"))["pk"] or 0
    rows = events.order_by("-at", "-pk")
    batch = list(rows[:_BATCH])
    while batch:
        # Not asked of the database, which could take it for the index to read along.
        yield from (event for event in batch if event.pk <= newest)
        last = batch[-1]
        older = pages.older(rows, last.at, last.pk)
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


def as_csv(events: Iterable[Event]) -> Iterator[str]:
    """A table in which no spreadsheet finds a formula, some lines at a time."""
    table = csv.writer(_Line())
    yield table.writerow(COLUMNS)
    rest = iter(events)
    while batch := list(islice(rest, _LINES)):
        yield "".join(table.writerow(_cells(event)) for event in batch)


def _cells(event: Event) -> list[str]:
    return [safe("" if value is None else str(value)) for value in values(event).values()]


class _Line:
    """A file that hands each line back: `writerow` returns what `write` does."""

    def write(self, line: str) -> str:
        return line


def safe(text: str) -> str:
    return f"'{text}" if text.startswith(workbook.FORMULA) else text


def as_workbook(events: Iterable[Event]) -> Iterator[bytes]:
    """The same as an Excel workbook; its heading names the clock that its moments are read from."""
    heading = [f"at ({timezone.get_current_timezone_name()})", *COLUMNS[1:]]
    return workbook.stream(heading, map(_typed, events))


def _typed(event: Event) -> list[workbook.Cell]:
    _, *others = values(event).values()
    return [timezone.localtime(event.at).replace(tzinfo=None), *others]


@dataclass(frozen=True)
class Format:
    """A kind of file, and how it is written."""

    label: str
    content_type: str
    write: Callable[[Iterable[Event]], Iterator[str] | Iterator[bytes]]


# By the ending of the file's name.
FORMATS = {
    "csv": Format("CSV", "text/csv; charset=utf-8", as_csv),
    "xlsx": Format(
        "Excel workbook",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        as_workbook,
    ),
}
