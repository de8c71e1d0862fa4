"""What came of it over a timespan, and which applications are slow or fail, for the report."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from provisioning.models import Event, HourlyCount, Outcome
from reports.chart import Chart, draw
from reports.filters import TIMESPANS, ReportFilter

_USUAL = timedelta(days=30)
_LONGEST = timedelta(days=92)
# The counts know nothing of these, so that so many events at most are read instead.
_NOT_COUNTED = ("identifier", "effect", "trigger", "actor")
_MOST = 2_000
_SHOWN = 3
# The same numbers, from the counts and from events.
_OF_COUNTS = {
    **{outcome: Sum(outcome) for outcome in Outcome.values},
    "timed": Sum("timed"),
    "total_ms": Sum("total_ms"),
    "longest_ms": Max("longest_ms"),
}
_OF_EVENTS = {
    **{outcome: Count("pk", filter=Q(outcome=outcome)) for outcome in Outcome.values},
    "timed": Count("pk", filter=Q(duration_ms__gt=0)),
    "total_ms": Sum("duration_ms"),
    "longest_ms": Max("duration_ms"),
}


@dataclass(frozen=True)
class Application:
    """How an application did: how often it failed, how long it took, in seconds."""

    app: int | None
    name: str
    events: int
    failures: int
    mean: float | None
    longest: float | None

    @property
    def share(self) -> float:
        """Failures in a hundred."""
        return 100 * self.failures / self.events

    @property
    def told(self) -> str:
        return f"{self.failures:,} of {self.events:,}"


@dataclass(frozen=True)
class Summary:
    """The chart and the applications, and what is to be known of the timespan.

    Without a chart the note says why there is none.
    """

    note: str
    chart: Chart | None = None
    applications: tuple[Application, ...] = ()


def summary(report: ReportFilter) -> Summary:
    """Of what the report was asked for. Its form is valid, or nothing was asked."""
    asked = report.form.cleaned_data if report.form.is_bound else {}
    begin, end, note = _span(asked)
    if not any(asked.get(name) for name in _NOT_COUNTED):
        counts = _counts(asked, begin, end)
        return _drawn(counts, _OF_COUNTS, begin, end, note, outcome=asked.get("outcome"))
    found = report.qs.filter(at__gte=begin, at__lte=end)
    keys = list(found.values_list("pk", flat=True)[:_MOST])
    if len(keys) == _MOST:
        return Summary(
            f"There is a chart of a person, an effect, a cause or an operator for fewer than "
            f"{_MOST:,} events. Choose a shorter timespan to see it."
        )
    events = Event.objects.filter(pk__in=keys).annotate(hour=TruncHour("at", tzinfo=UTC))
    return _drawn(events, _OF_EVENTS, begin, end, note)


def _span(asked: dict[str, Any]) -> tuple[datetime, datetime, str]:
    """From when to when, and what to say of it."""
    end: datetime = asked.get("before") or timezone.now()
    if asked.get("timespan"):
        return end - TIMESPANS[asked["timespan"]][1], end, ""
    begin: datetime = asked.get("after") or end - _USUAL
    if end - begin > _LONGEST:
        return end - _LONGEST, end, f"The last {_LONGEST.days} days of the range are shown."
    if asked.get("after"):
        return begin, max(begin, end), ""
    return begin, end, f"The last {_USUAL.days} days are shown, as no timespan is chosen."


def _counts(asked: dict[str, Any], begin: datetime, end: datetime) -> QuerySet[HourlyCount]:
    first = begin.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    found = HourlyCount.objects.filter(
        operation=asked.get("operation") or "", hour__gte=first, hour__lte=end
    )
    return found.filter(app=asked["app"]) if asked.get("app") else found


def _drawn(
    rows: QuerySet[Any],
    numbers: dict[str, Any],
    begin: datetime,
    end: datetime,
    note: str,
    *,
    outcome: str | None = None,
) -> Summary:
    """From counts, or from events that have an `hour`; the chart of this outcome or of all."""
    rows = rows.order_by()
    shown = {name: numbers[name] for name in Outcome.values if outcome in {None, "", name}}
    none = dict.fromkeys(Outcome.values, 0)
    by_hour = (none | row for row in rows.values("hour").annotate(**shown))
    drawn = draw(by_hour, begin=begin, end=end, zone=timezone.get_current_timezone())
    by_app = rows.values("app", "app__name").annotate(**numbers)
    return Summary(note, drawn, _worst([_application(row) for row in by_app]))


def _application(row: dict[str, Any]) -> Application:
    timed = row["timed"]
    return Application(
        app=row["app"],
        name=row["app__name"] or "Deleted applications",
        events=sum(row[outcome] for outcome in Outcome.values),
        failures=row[Outcome.FAILED] + row[Outcome.RETRYING],
        mean=row["total_ms"] / timed / 1000 if timed else None,
        longest=row["longest_ms"] / 1000 if timed else None,
    )


def _worst(apps: list[Application]) -> tuple[Application, ...]:
    """Those that failed most often, and the slowest."""
    failing = sorted(apps, key=lambda app: (-app.failures, app.name))[:_SHOWN]
    slow = sorted(apps, key=lambda app: (-(app.mean or 0), app.name))[:_SHOWN]
    return tuple(dict.fromkeys([*failing, *slow]))
