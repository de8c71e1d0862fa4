"""What the provisioning report can be asked for: person, application, timespan, what was done."""

from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Case, Q, QuerySet, Value, When
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from iam import moments
from iam.models import User
from iam.text import normalise
from provisioning.effects import Effect
from provisioning.models import (
    BY_SOMEBODY,
    EFFECT_LABELS,
    NOT_DONE,
    NOT_VERIFIED,
    OPERATION_LABELS,
    App,
    Event,
    Outcome,
    Trigger,
)
from reports import pages

TIMESPANS = {
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}

_LOOKUPS = {"": "startswith", "exact": "exact", "contains": "contains"}
# So many events of a name are sorted in less time than it takes to look for them among all.
_FEW = 3_000
_NO_PARTS = (
    "This database can only find whole names and beginnings of names. Choose one of those. For any "
    "part of a name it takes PostgreSQL with the extension pg_trgm: see the guide “Settings”."
)
_NO_MOMENT = "This is no date and time. Write 2026-11-01T10:00."
# What of a column is not rare, and the condition of the index for the rest.
_RARE = {
    "outcome": (Outcome.DONE, NOT_DONE),
    "effect": (Effect.VERIFIED, NOT_VERIFIED),
    "actor": ("", BY_SOMEBODY),
}
# With fewer letters the index does not help.
_LEAST_LETTERS = 3


class _Day(forms.DateTimeInput):
    input_type = "datetime-local"


class ReportForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # Otherwise a typing error in an address would show everything.
        unknown = sorted({*self.data} - {*self.fields} - {*pages.MARKS})
        if unknown:
            raise ValidationError(
                f"The report has no filter called “{unknown[0][:50]}”. Use the fields below."
            )
        if cleaned.get("match") == "contains":
            self._refuse_parts(cleaned.get("identifier", ""))
        begin, end = cleaned.get("after"), cleaned.get("before")
        if begin and end and begin > end:
            self.add_error("before", "The range ends before it begins. Exchange the two.")
        if (begin or end) and cleaned.get("timespan"):
            self.add_error(
                "timespan",
                "Choose either a timespan from the list or a range of your own, not both.",
            )
        return cleaned

    def _refuse_parts(self, name: str) -> None:
        """Without an index for it, a search for any part of a name reads all events."""
        if not _finds_parts():
            self.add_error("match", _NO_PARTS)
        elif 0 < len(name) < _LEAST_LETTERS:
            self.add_error("identifier", f"Write at least {_LEAST_LETTERS} letters of the name.")


def _finds_parts() -> bool:
    if connection.vendor != "postgresql":
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('events_by_part_of_name') IS NOT NULL")
        return bool(cursor.fetchone()[0])


class ReportFilter(django_filters.FilterSet):
    """One filter set for the page, the API and the command."""

    identifier = django_filters.CharFilter(
        method="by_identifier",
        max_length=200,
        label="End-user identifier",
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "User name, or its beginning", "autocomplete": "off"}
        ),
    )
    match = django_filters.ChoiceFilter(
        choices=[("exact", "Is the whole name"), ("contains", "Is any part of the name")],
        method="unfiltered",
        label="End-user identifier is",
        empty_label="The beginning",
        widget=UnfoldAdminSelectWidget,
    )
    app = django_filters.ModelChoiceFilter(
        queryset=App.objects.all(),
        method="by_value",
        label="Application",
        empty_label="All applications",
        error_messages={"invalid_choice": "There is no such application here. Choose another one."},
        widget=UnfoldAdminSelectWidget,
    )
    operation = django_filters.ChoiceFilter(
        choices=[(key.value, label) for key, label in OPERATION_LABELS.items()],
        method="by_value",
        label="What was done",
        empty_label="Everything",
        widget=UnfoldAdminSelectWidget,
    )
    outcome = django_filters.ChoiceFilter(
        choices=Outcome.choices,
        method="by_value",
        label="Result",
        empty_label="All results",
        widget=UnfoldAdminSelectWidget,
    )
    effect = django_filters.ChoiceFilter(
        choices=[(key.value, label) for key, label in EFFECT_LABELS.items()],
        method="by_value",
        label="Effect",
        empty_label="All effects",
        widget=UnfoldAdminSelectWidget,
    )
    trigger = django_filters.ChoiceFilter(
        choices=Trigger.choices,
        method="by_value",
        label="Because of",
        empty_label="Anything",
        widget=UnfoldAdminSelectWidget,
    )
    actor = django_filters.CharFilter(
        max_length=150,
        method="by_value",
        label="By operator",
        widget=UnfoldAdminTextInputWidget(
            attrs={"placeholder": "As they sign in: admin", "autocomplete": "off"}
        ),
    )
    timespan = django_filters.ChoiceFilter(
        choices=[(key, label) for key, (label, _) in TIMESPANS.items()],
        method="by_timespan",
        label="Timespan",
        empty_label="All time",
        widget=UnfoldAdminSelectWidget,
    )
    after = django_filters.IsoDateTimeFilter(
        method="by_time",
        label="From",
        widget=_Day,
        validators=[moments.storable],
        error_messages={"invalid": _NO_MOMENT},
    )
    before = django_filters.IsoDateTimeFilter(
        method="by_time",
        label="To",
        widget=_Day,
        validators=[moments.storable],
        error_messages={"invalid": _NO_MOMENT},
    )

    class Meta:
        model = Event
        fields: list[str] = []
        form = ReportForm

    # Whether SQLite is to find the events by the name, and all else is to be looked at after that.
    _by_name = False

    def by_identifier(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        """By the user name as it was then; for one who was renamed, all of it."""
        key = normalise(value.strip())
        lookup = _LOOKUPS[self.form.cleaned_data["match"]]
        renamed = User.objects.filter(username_key=key).values_list("pk", flat=True).first()

        named = Q(**{f"identifier_key__{lookup}": key})
        if renamed:
            named |= Q(user=renamed)
        if connection.vendor == "sqlite":
            # Unlike PostgreSQL it does not know whether a name leads to few events or to most.
            if Event.objects.filter(named)[_FEW : _FEW + 1].exists():
                return _not_by_index(events, name, named)
            self._by_name = True
        return events.filter(named)

    def by_value(self, events: QuerySet[Event], name: str, value: Any) -> QuerySet[Event]:
        return self._narrowed(events, name, Q(**{name: value}) & _said_by_the_index(name, value))

    def unfiltered(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        """What says only how another filter is meant."""
        return events

    def by_timespan(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        begin: datetime = timezone.now() - TIMESPANS[value][1]
        return self._narrowed(events, name, Q(at__gte=begin))

    def by_time(self, events: QuerySet[Event], name: str, value: datetime) -> QuerySet[Event]:
        return self._narrowed(
            events, name, Q(at__gte=value) if name == "after" else Q(at__lte=value)
        )

    def _narrowed(self, events: QuerySet[Event], name: str, condition: Q) -> QuerySet[Event]:
        if self._by_name:
            return _not_by_index(events, name, condition)
        return events.filter(condition)


def _not_by_index(events: QuerySet[Event], name: str, condition: Q) -> QuerySet[Event]:
    """What fits, found by SQLite in another way than by the index that it would take first."""
    fits = Case(When(condition, then=Value(1)), default=Value(0))
    return events.alias(**{f"fits_{name}": fits}).filter(**{f"fits_{name}": 1})


def _said_by_the_index(name: str, value: Any) -> Q:
    """What an index of rare rows is for, if that follows from the value.

    PostgreSQL sees that by itself, and would take it for one condition more.
    """
    common, condition = _RARE.get(name, (value, Q()))
    return Q() if value == common or connection.vendor == "postgresql" else condition
