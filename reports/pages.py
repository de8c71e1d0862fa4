"""Pages through events by time without counting or skipping them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q, QuerySet

from provisioning.models import Event

PAGE_SIZE = 50
MARKS = ("older_than", "newer_than")


@dataclass(frozen=True)
class Page:
    """Some events, newest first, and the marks under which the neighbours are found."""

    events: list[Event]
    newer: str
    older: str


def page(events: QuerySet[Event], *, older_than: str = "", newer_than: str = "") -> Page:
    """The page beside a mark, or the newest. Raises ValueError for a mark that is none."""
    if newer_than:
        newer = _beside(_newer(*_parsed(newer_than)), events)
        found = list(newer.order_by("at", "pk")[: PAGE_SIZE + 1])
        more_newer, more_older = len(found) > PAGE_SIZE, True
        found = found[:PAGE_SIZE][::-1]
    else:
        if older_than:
            events = older(events, *_parsed(older_than))
        found = list(events.order_by("-at", "-pk")[: PAGE_SIZE + 1])
        more_newer, more_older = bool(older_than), len(found) > PAGE_SIZE
        found = found[:PAGE_SIZE]
    return Page(
        events=found,
        newer=_mark(found[0]) if found and more_newer else "",
        older=_mark(found[-1]) if found and more_older else "",
    )


def _mark(event: Event) -> str:
    return f"{event.at.isoformat()}~{event.pk}"


def older(events: QuerySet[Event], at: datetime, pk: int) -> QuerySet[Event]:
    """Those that come after this event, newest first."""
    # The first half says where an index goes on.
    return _beside(Q(at__lte=at) & (Q(at__lt=at) | Q(pk__lt=pk)), events)


def _beside(mark: Q, events: QuerySet[Event]) -> QuerySet[Event]:
    """Of two bounds SQLite goes by the first: that of a timespan would lead it to page one."""
    return Event.objects.filter(mark) & events


def _newer(at: datetime, pk: int) -> Q:
    return Q(at__gte=at) & (Q(at__gt=at) | Q(pk__gt=pk))


def _parsed(mark: str) -> tuple[datetime, int]:
    at, _, pk = mark.partition("~")
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(mark)
    try:
        return moment.astimezone(UTC), int(pk)
    except OverflowError as error:
        raise ValueError(mark) from error
