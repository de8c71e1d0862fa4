"""What the provisioning report can be asked for: person, application, timespan, what was done."""

from datetime import datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from iam import moments
from iam.models import User
from iam.text import normalise
from provisioning.models import EFFECT_LABELS, OPERATION_LABELS, App, Event, Outcome, Trigger
from reports import pages

TIMESPANS = {
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
}


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
        begin, end = cleaned.get("after"), cleaned.get("before")
        if begin and end and begin > end:
            raise ValidationError("The range ends before it begins. Exchange “from” and “to”.")
        if (begin or end) and cleaned.get("timespan"):
            raise ValidationError(
                "Choose either a timespan from the list or a range of your own, not both."
            )
        return cleaned


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
        choices=[("exact", "Is the whole name")],
        method="unfiltered",
        label="End-user identifier is",
        empty_label="The beginning",
        widget=UnfoldAdminSelectWidget,
    )
    app = django_filters.ModelChoiceFilter(
        queryset=App.objects.all(),
        label="Application",
        empty_label="All applications",
        widget=UnfoldAdminSelectWidget,
    )
    operation = django_filters.ChoiceFilter(
        choices=[(key.value, label) for key, label in OPERATION_LABELS.items()],
        label="What was done",
        empty_label="Everything",
        widget=UnfoldAdminSelectWidget,
    )
    outcome = django_filters.ChoiceFilter(
        choices=Outcome.choices,
        label="Result",
        empty_label="All results",
        widget=UnfoldAdminSelectWidget,
    )
    effect = django_filters.ChoiceFilter(
        choices=[(key.value, label) for key, label in EFFECT_LABELS.items()],
        label="Effect",
        empty_label="All effects",
        widget=UnfoldAdminSelectWidget,
    )
    trigger = django_filters.ChoiceFilter(
        choices=Trigger.choices,
        label="Because of",
        empty_label="Anything",
        widget=UnfoldAdminSelectWidget,
    )
    actor = django_filters.CharFilter(
        max_length=150,
        label="By operator",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )
    timespan = django_filters.ChoiceFilter(
        choices=[(key, label) for key, (label, _) in TIMESPANS.items()],
        method="by_timespan",
        label="Timespan",
        empty_label="All time",
        widget=UnfoldAdminSelectWidget,
    )
    after = django_filters.IsoDateTimeFilter(
        field_name="at", lookup_expr="gte", label="From", widget=_Day, validators=[moments.storable]
    )
    before = django_filters.IsoDateTimeFilter(
        field_name="at", lookup_expr="lte", label="To", widget=_Day, validators=[moments.storable]
    )

    class Meta:
        model = Event
        fields: list[str] = []
        form = ReportForm

    def by_identifier(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        """By the beginning of the user name as it was then; for one who was renamed, all of it."""
        key = normalise(value.strip())
        renamed = User.objects.filter(username_key=key).values("pk")
        exact = self.form.cleaned_data.get("match") == "exact"
        named = Q(identifier_key=key) if exact else Q(identifier_key__startswith=key)
        return events.filter(named | Q(user__in=renamed))

    def unfiltered(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        """What says only how another filter is meant."""
        return events

    def by_timespan(self, events: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        begin: datetime = timezone.now() - TIMESPANS[value][1]
        return events.filter(at__gte=begin)
