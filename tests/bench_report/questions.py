"""The questions of the run: how the report is asked, and the best SQL by hand for the same."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log10
from random import Random
from typing import Any

from django.db import connection
from django.utils import timezone

from provisioning.models import App, Event
from tests.bench_report.fill import people

_COLUMNS = ", ".join(each.column for each in Event._meta.concrete_fields)
# Under the name, or under another one of the same person.
_PERSON = """id IN (
    SELECT id FROM provisioning_event WHERE identifier_key = %s UNION
    SELECT id FROM provisioning_event
    WHERE user_id = (SELECT id FROM iam_user WHERE username_key = %s)
)"""


@dataclass(frozen=True)
class Asked:
    """One question with its values: the report's filters, and the condition in SQL."""

    filters: dict[str, str]
    where: list[str] = field(default_factory=list)
    parameters: list[Any] = field(default_factory=list)

    def and_(self, other: "Asked") -> "Asked":
        return Asked(
            {**self.filters, **other.filters},
            [*self.where, *other.where],
            [*self.parameters, *other.parameters],
        )

    def sql(
        self, mark: tuple[Any, ...] | None, *, rows: int, columns: str = _COLUMNS
    ) -> tuple[str, list[Any]]:
        """The page after the mark, or the first one."""
        where, parameters = list(self.where), list(self.parameters)
        if mark:
            # First, as SQLite goes by the first of several bounds.
            where.insert(0, "(at, id) < (%s, %s)")
            parameters = [*mark, *parameters]
        condition = " AND ".join(where) or "1 = 1"
        return (
            f"SELECT {columns} FROM provisioning_event WHERE {condition} "  # noqa: S608
            f"ORDER BY at DESC, id DESC LIMIT {rows}",
            parameters,
        )


Ask = Callable[[Random, int], Asked]


def _everything(chance: Random, events: int) -> Asked:
    return Asked({})


def _since(name: str, **span: int) -> Ask:
    def ask(chance: Random, events: int) -> Asked:
        begin = timezone.now() - timedelta(**span)
        return Asked({"timespan": name}, ["at >= %s"], [_stored(begin)])

    return ask


def _range(chance: Random, events: int) -> Asked:
    """Ten days, somewhere."""
    begin = timezone.now() - timedelta(days=chance.uniform(30, 60))
    end = begin + timedelta(days=10)
    return Asked(
        {"after": begin.isoformat(), "before": end.isoformat()},
        ["at >= %s AND at <= %s"],
        [_stored(begin), _stored(end)],
    )


def _person(chance: Random, events: int) -> Asked:
    name = f"{_anybody(chance, events)}@bench.example"
    return Asked(
        {"identifier": name, "match": "exact"},
        [_PERSON],
        [name, name],
    )


def _ten_people(chance: Random, events: int) -> Asked:
    """Seven of the eight letters."""
    return _beginning(_anybody(chance, events)[:7])


def _many_people(chance: Random, events: int) -> Asked:
    """One in twenty, however many there are."""
    letters = 8 - round(log10(people(events) / 20))
    # What many people have is found along the time, which only a + tells SQLite.
    return _beginning(_anybody(chance, events)[:letters], hidden="+")


def _anybody(chance: Random, events: int) -> str:
    return f"p{chance.randrange(people(events)):07}"


def _beginning(begins: str, *, hidden: str = "") -> Asked:
    if connection.vendor == "postgresql":
        return Asked({"identifier": begins}, ["identifier_key LIKE %s"], [f"{begins}%"])
    return Asked(
        {"identifier": begins},
        [f"{hidden}identifier_key >= %s AND {hidden}identifier_key < %s"],
        [begins, f"{begins}~"],
    )


def _app_of_a_person(chance: Random, events: int) -> Asked:
    """Not by the index on apps, which only a + tells SQLite."""
    asked = _app(chance, events)
    plus = "+" if connection.vendor == "sqlite" else ""
    return Asked(asked.filters, [f"{plus}app_id = %s"], asked.parameters)


def _app(chance: Random, events: int) -> Asked:
    app = chance.choice(list(App.objects.values_list("pk", flat=True)))
    return Asked({"app": str(app)}, ["app_id = %s"], [app])


def _value(name: str, value: str, *, also: str = "") -> Ask:
    """One column has one value; `also` is what SQLite demands to be said for an index."""

    def ask(chance: Random, events: int) -> Asked:
        rare = [also] if also and connection.vendor == "sqlite" else []
        where = [f"{name} = %s", *rare]
        return Asked({name: value}, where, [value])

    return ask


def _all(*parts: Ask) -> Ask:
    def ask(chance: Random, events: int) -> Asked:
        found = Asked({})
        for part in parts:
            found = found.and_(part(chance, events))
        return found

    return ask


_DAY, _WEEK = _since("24h", hours=24), _since("7d", days=7)
_MONTH = _since("30d", days=30)
_FAILED = _value("outcome", "failed", also="NOT outcome = 'done'")
_WITHOUT = _value("effect", "without_effect", also="NOT effect = 'verified'")
_OLGA = _value("actor", "olga", also="NOT actor = ''")
QUESTIONS: dict[str, Ask] = {
    "no filter": _everything,
    "24 hours": _DAY,
    "a person": _person,
    "beginning of a name, ten people": _ten_people,
    "beginning of a name, many people": _many_people,
    "application": _app,
    "application, 7 days": _all(_app, _WEEK),
    "a person, application": _all(_person, _app_of_a_person),
    "application, failed": _all(_app, _FAILED),
    "failed, 30 days": _all(_FAILED, _MONTH),
    "deleted, 30 days": _all(_value("operation", "delete"), _MONTH),
    "push now, by olga": _all(_value("trigger", "manual"), _OLGA),
    "application, beginning, own range": _all(_app, _many_people, _range),
    "without effect": _WITHOUT,
}


def _stored(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)
