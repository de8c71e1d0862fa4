"""Times each question as the report asks it and as bare SQL, first page and page 1,000, in turn."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from django.db import connection

from provisioning.models import App, Event
from reports import pages
from reports.filters import ReportFilter
from reports.summaries import summary
from tests.bench.figures import p95
from tests.bench_report.questions import QUESTIONS, Asked

_VARIANTS = 6
_TURNS = 10
_PAGE = 1_000
# The page's events, and one to see whether there are more.
_ROWS = pages.PAGE_SIZE + 1

Mark = tuple[object, int]
Statement = tuple[str, Any]


@dataclass
class Series:
    """What each turn took, in milliseconds: on the clock, and of processor time."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def add(self, work: Callable[[], object]) -> None:
        began = time.perf_counter(), _processor_time()
        work()
        self.clock.append((time.perf_counter() - began[0]) * 1000)
        self.processor.append((_processor_time() - began[1]) * 1000)

    def __str__(self) -> str:
        return f"{median(self.clock):7.2f} {p95(self.clock):7.2f} ms"

    @property
    def at_best(self) -> float:
        """The processor time of the quickest turns, in the mean of the variants."""
        each = (min(self.processor[variant::_VARIANTS]) for variant in range(_VARIANTS))
        return sum(each) / _VARIANTS


@dataclass(frozen=True)
class Times:
    """One question: the whole search, its statements by themselves, and the SQL by hand."""

    question: str
    page: str
    whole: Series = field(default_factory=Series)
    ours: Series = field(default_factory=Series)
    bare: Series = field(default_factory=Series)

    def line(self) -> str:
        return (
            f"{self.question:36} {self.page:6} whole {self.whole}  SQL {self.ours}  "
            f"bare {self.bare}  {self.ours.at_best / self.bare.at_best:5.2f} times"
        )


def times(events: int) -> Iterator[Times]:
    """Each question for some people and apps, the same ones in every run."""
    for name, ask in QUESTIONS.items():
        asked = [ask(Random(seed), events) for seed in range(_VARIANTS)]
        yield _timed(name, "first", [(each, None) for each in asked])
        yield _timed(name, f"{_PAGE:,}", [(each, _mark(each)) for each in asked])


def charts() -> Iterator[tuple[str, float]]:
    """What the chart and the table of applications take, in milliseconds of processor time."""
    app = str(App.objects.all()[0].pk)
    for name, filters in {
        "chart, 24 hours": {"timespan": "24h"},
        "chart, 30 days": {"timespan": "30d"},
        "chart, 30 days, application": {"timespan": "30d", "app": app},
    }.items():
        report = ReportFilter(filters, queryset=Event.objects.all())
        if not report.form.is_valid():
            raise RuntimeError(report.form.errors)
        taken = Series()
        for _ in range(_TURNS):
            taken.add(lambda: summary(report))  # noqa: B023
        yield name, min(taken.processor)


def _processor_time() -> float:
    """Seconds that this thread and the server have worked for our connection.

    On a busy machine the clock says how long others had their turn.
    """
    seconds = time.thread_time()
    if connection.vendor == "postgresql":
        server = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
        seconds += int(server.read_text().split()[0]) / 1e9
    return seconds


def _mark(asked: Asked) -> Mark | None:
    """After what page 1,000 goes on, or the last full one; None if that is the first."""
    size = pages.PAGE_SIZE
    found = _execute([asked.sql(None, rows=_PAGE * size, columns="at, id")])
    before = (len(found) // size - 1) * size
    return found[before - 1] if before > 0 else None


def _timed(name: str, page: str, questions: list[tuple[Asked, Mark | None]]) -> Times:
    """In turn, so that whatever else the machine does meets all of them."""
    found = Times(name, page)
    for turn in range(_TURNS + 1):
        # The first turn brings into memory what the others find there.
        into = found if turn else Times(name, page)
        for asked, mark in questions:
            statements = _statements(asked, mark)
            into.whole.add(lambda: _search(asked, mark))  # noqa: B023
            into.ours.add(lambda: _execute(statements))  # noqa: B023
            into.bare.add(lambda: _execute([asked.sql(mark, rows=_ROWS)]))  # noqa: B023
    return found


def _search(asked: Asked, mark: Mark | None) -> list[Event]:
    """As the page, the API and the command do."""
    report = ReportFilter(asked.filters or None, queryset=Event.objects.all())
    if asked.filters and not report.form.is_valid():
        raise RuntimeError(report.form.errors)
    return pages.page(report.qs, older_than=_text(mark)).events


def _statements(asked: Asked, mark: Mark | None) -> list[Statement]:
    """All that the search asks the database."""
    found: list[Statement] = []

    def note(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        found.append((sql, parameters))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(note):
        events = _search(asked, mark)
    by_hand = _execute([asked.sql(mark, rows=_ROWS)])
    # A timespan that ends now has moved on a little between the two.
    if any(event.pk != row[0] for event, row in zip(events, by_hand, strict=False)):
        raise RuntimeError(f"another answer than that of the SQL by hand: {asked}")
    return found


def _execute(statements: list[Statement]) -> list[Any]:
    """The rows of the last of them."""
    rows: list[Any] = []
    with connection.cursor() as cursor:
        for sql, parameters in statements:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
    return rows


def _text(mark: Mark | None) -> str:
    if mark is None:
        return ""
    at, pk = mark
    moment = at if isinstance(at, datetime) else datetime.fromisoformat(str(at))
    return f"{moment.replace(tzinfo=UTC).isoformat()}~{pk}"
