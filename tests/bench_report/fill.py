"""Fills a database with events as a busy portal has them after 90 days, by one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection
from django.utils import timezone

from iam.models import User
from provisioning import hourly
from provisioning.models import App, Event, HourlyCount

APPS = 20
DAYS = 90
_STEP = 5_000
# For each number a draw from 0 to 1 that looks like chance, the same on both databases.
_DRAWS = (1_103_515_245, 69_069_001, 1_566_083_941, 1_812_433_253, 1_664_525_013)
_DRAW = "((i * {}) % 2147483647) / 2147483648.0"
_SQLITE = {
    "numbers": """(WITH RECURSIVE numbers(i) AS
        (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < {last}) SELECT i FROM numbers)""",
    "at": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', {begin} + i * {step}, 'unixepoch') || '000'",
    "name": "printf('p%%07d@bench.example', person)",
    "floor": "CAST({} AS INTEGER)",
}
_POSTGRESQL = {
    "numbers": "generate_series(0, {last}::bigint) AS numbers(i)",
    "at": "to_timestamp({begin} + i * {step})",
    "name": "'p' || lpad(person::text, 7, '0') || '@bench.example'",
    "floor": "floor({})::bigint",
}
_FILL = """
    INSERT INTO provisioning_event (at, app_id, app_name, user_id, identifier, identifier_key,
        operation, outcome, effect, message, trigger, actor, attempt, duration_ms, approved_by,
        correlation_id)
    SELECT at, {first_app} + app, 'App ' || app, {first_person} + person, {name}, {name},
        CASE WHEN b < .6 THEN 'update' WHEN b < .75 THEN 'create' WHEN b < .85 THEN 'add_member'
            WHEN b < .93 THEN 'deactivate' WHEN b < .98 THEN 'remove_member'
            WHEN b < .99 THEN 'reactivate' ELSE 'delete' END,
        CASE WHEN c < .93 THEN 'done' WHEN c < .97 THEN 'retrying' WHEN c < .99 THEN 'failed'
            WHEN c < .995 THEN 'held' ELSE 'skipped' END,
        CASE WHEN c < .75 THEN 'verified' WHEN c < .929 THEN 'accepted'
            WHEN c < .93 THEN 'without_effect' ELSE '' END,
        'The account was brought up to date: 3 attributes differed from those in the portal.',
        CASE WHEN d < .4 THEN 'membership' WHEN d < .7 THEN 'person' WHEN d < .82 THEN 'mapping'
            WHEN d < .9 THEN 'policy' WHEN d < .96 THEN 'sweep' WHEN d < .99 THEN 'manual'
            ELSE 'comparison' END,
        CASE WHEN d < .7 THEN '' WHEN d < .989 THEN 'operator ' || (i %% 8) ELSE 'olga' END,
        1, {duration}, '', 'bench-' || i
    FROM (
        SELECT i, {at} AS at, b, c, d, e, {app} AS app, CASE WHEN d * 10 - {tenth} < .2
            THEN {often} ELSE {anybody} END AS person
        FROM (SELECT i, {draws} FROM {numbers}) AS drawn
    ) AS events
"""


def people(events: int) -> int:
    """A portal with more events has more people."""
    return max(20_000, events // 50)


def fill(events: int) -> None:
    """So many events over 90 days until now, of 20 apps of unequal size, and their counts.

    One person in a hundred has a fifth of them. What the database held before is emptied.
    """
    _empty()
    first_app = [App.objects.create(name=f"App {n}", connector="scim").pk for n in range(APPS)][0]
    first_person = _make_people(people(events))
    end = timezone.now()
    begin = end - timedelta(days=DAYS)
    with _without_indexes(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Each row would be looked up in the tables of apps and people.
            cursor.execute("SET session_replication_role = replica")
        else:
            cursor.execute("PRAGMA synchronous = OFF")
        cursor.execute(
            _statement(events, begin, first_app=first_app, first_person=first_person), ()
        )
    hourly.recount(list(App.objects.values_list("pk", flat=True)), first=begin, last=end)
    _settle()


def _statement(events: int, begin: datetime, *, first_app: int, first_person: int) -> str:
    words = _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL
    number, step = people(events), DAYS * 86_400 / events
    draws = (f"{_DRAW.format(m)} AS {name}" for m, name in zip(_DRAWS, "abcde", strict=True))
    floor = words["floor"].format
    return _FILL.format(
        numbers=words["numbers"].format(last=events - 1),
        at=words["at"].format(begin=begin.timestamp(), step=step),
        name=words["name"],
        draws=", ".join(draws).replace("%", "%%"),
        app=floor(f"{APPS} * a * a * a"),
        tenth=floor("d * 10"),
        often=floor(f"{number // 100} * e"),
        anybody=floor(f"{number} * e"),
        duration=floor("80 + 900 * e * e"),
        first_app=first_app,
        first_person=first_person,
    )


def _empty() -> None:
    for model in (HourlyCount, Event, App, User):
        model._base_manager.all()._raw_delete(connection.alias)  # type: ignore[attr-defined]


def _make_people(number: int) -> int:
    rows = (User(username=f"p{n:07}@bench.example", email="p@bench.example") for n in range(number))
    first = 0
    while batch := list(islice(rows, _STEP)):
        made = User.objects.bulk_create(batch)
        first = first or made[0].pk
    return first


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Made in one go afterwards they cost a fraction of the time."""
    parts = "events_by_part_of_name"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"DROP INDEX IF EXISTS {parts}")
        for index in Event._meta.indexes:
            cursor.execute(f"DROP INDEX {index.name}")
        yield
        for index in Event._meta.indexes:
            with connection.schema_editor() as editor:
                editor.add_index(Event, index)
        if connection.vendor == "postgresql":
            cursor.execute(
                f"CREATE INDEX {parts} ON provisioning_event "
                "USING gin (identifier_key gin_trgm_ops)"
            )


def _settle() -> None:
    """As the database would be after a quiet hour, and with the settings of the product again."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("VACUUM ANALYZE provisioning_event")
            cursor.execute("VACUUM ANALYZE provisioning_hourlycount")
        else:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
