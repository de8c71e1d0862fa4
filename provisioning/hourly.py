"""Counts events by the hour, in the transaction that writes or removes them.

So a chart is read from a few counts, however many events there are.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from provisioning.models import Event, HourlyCount, Outcome

_HOUR = timedelta(hours=1)
_KIND = "operation, hour, app_id"
_SUMS = (*Outcome.values, "timed", "total_ms")
_COLUMNS = ", ".join((_KIND, *_SUMS, "longest_ms"))
# The names are those of the models, values go in as parameters.
_ADD = f"""
    INSERT INTO {HourlyCount._meta.db_table} AS known ({_COLUMNS}) VALUES {{rows}}
    ON CONFLICT ({_KIND}) DO UPDATE SET
        {", ".join(f"{name} = known.{name} + excluded.{name}" for name in _SUMS)},
        longest_ms = CASE WHEN excluded.longest_ms > known.longest_ms
            THEN excluded.longest_ms ELSE known.longest_ms END
"""  # noqa: S608
# Each event twice: with its operation, and with all operations together.
_COUNT = f"""
    INSERT INTO {HourlyCount._meta.db_table} ({_COLUMNS})
    SELECT CASE WHEN apart = 1 THEN operation ELSE '' END, {{hour}}, app_id,
        {", ".join(f"count(*) FILTER (WHERE outcome = '{name}')" for name in Outcome.values)},
        count(nullif(duration_ms, 0)), sum(duration_ms), max(duration_ms)
    FROM {Event._meta.db_table} CROSS JOIN (SELECT 0 AS apart UNION ALL SELECT 1) AS ways
    WHERE at >= %s AND at < %s AND (app_id IN ({{apps}}) OR (%s AND app_id IS NULL))
    GROUP BY 1, 2, 3
"""  # noqa: S608
# Of a time as the database keeps it, the hour in UTC.
_HOUR_OF = {
    "sqlite": "substr(at, 1, 13) || ':00:00'",
    "postgresql": "date_trunc('hour', at, 'UTC')",
}


def add(events: Iterable[Event]) -> None:
    """Count events that are being written, in one statement.

    The lease on the lane of their app has been confirmed in this transaction, so that nobody else
    counts for it meanwhile.
    """
    counts: dict[tuple[Any, ...], Counter[str]] = {}
    for event in events:
        for operation in ("", str(event.operation)):
            key = (operation, _stored(_hour(event.at)), event.app_id)
            count = counts.setdefault(key, Counter())
            count[event.outcome] += 1
            count["timed"] += event.duration_ms > 0
            count["total_ms"] += event.duration_ms
            count["longest_ms"] = max(count["longest_ms"], event.duration_ms)
    # Always in the same order, as rows are locked in it.
    rows = [
        [*key, *(count[name] for name in (*_SUMS, "longest_ms"))]
        for key, count in sorted(counts.items(), key=str)
    ]
    marks = ", ".join(f"({', '.join(['%s'] * len(row))})" for row in rows)
    with connection.cursor() as cursor:
        cursor.execute(_ADD.format(rows=marks), [value for row in rows for value in row])


def recount(apps: Collection[int | None], *, first: datetime, last: datetime) -> None:
    """Count anew the hours from that of `first` to that of `last`: events of them were removed.

    None among the apps stands for those that were deleted.
    """
    begin, end = _hour(first), _hour(last) + _HOUR
    known = sorted(app for app in apps if app is not None)
    of_these = Q(app__in=known) | (Q(app=None) if None in apps else Q())
    HourlyCount.objects.filter(of_these, hour__gte=begin, hour__lt=end).delete()
    marks = ", ".join(["%s"] * len(known)) or "NULL"
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT.format(hour=_HOUR_OF[connection.vendor], apps=marks),
            [_stored(begin), _stored(end), *known, None in apps],
        )


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
