"""Counts events by the hour, in the transaction that writes or removes them.

So a chart is read from a few counts, however many events there are.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from provisioning.models import Event, HourlyCount

_HOUR = timedelta(hours=1)
_KIND = "app_id, hour, operation, outcome, effect"
_COLUMNS = f"{_KIND}, count, timed, total_ms, longest_ms"
# The names are those of the models, values go in as parameters.
_ADD = f"""
    INSERT INTO {HourlyCount._meta.db_table} AS known ({_COLUMNS}) VALUES {{rows}}
    ON CONFLICT ({_KIND}) DO UPDATE SET
        count = known.count + excluded.count,
        timed = known.timed + excluded.timed,
        total_ms = known.total_ms + excluded.total_ms,
        longest_ms = CASE WHEN excluded.longest_ms > known.longest_ms
            THEN excluded.longest_ms ELSE known.longest_ms END
"""  # noqa: S608
_COUNT = f"""
    INSERT INTO {HourlyCount._meta.db_table} ({_COLUMNS})
    SELECT app_id, {{hour}}, operation, outcome, effect,
        count(*), count(nullif(duration_ms, 0)), sum(duration_ms), max(duration_ms)
    FROM {Event._meta.db_table}
    WHERE at >= %s AND at < %s AND (app_id IN ({{apps}}) OR (%s AND app_id IS NULL))
    GROUP BY 1, 2, 3, 4, 5
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
    counts: dict[tuple[Any, ...], list[int]] = {}
    for event in events:
        kind = (str(event.operation), str(event.outcome), str(event.effect))
        count = counts.setdefault((event.app_id, _stored(_hour(event.at)), *kind), [0, 0, 0, 0])
        count[0] += 1
        count[1] += event.duration_ms > 0
        count[2] += event.duration_ms
        count[3] = max(count[3], event.duration_ms)
    rows = [[*key, *count] for key, count in counts.items()]
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
