"""The forms of a webhook: what it is told and where, and what is to be sent again."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from iam import moments
from provisioning import addresses
from provisioning.models import OPERATION_LABELS, Outcome, Webhook


class WebhookForm(forms.ModelForm):
    """For the page and for the API. The secret is no field: it is made, and shown once."""

    operations = forms.MultipleChoiceField(
        label="What was done",
        choices=[(key.value, label) for key, label in OPERATION_LABELS.items()],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Nothing ticked means everything, also what comes with later versions.",
    )
    outcomes = forms.MultipleChoiceField(
        label="With which result",
        choices=Outcome.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Nothing ticked means every result.",
    )

    class Meta:
        model = Webhook
        fields = [
            "name",
            "url",
            "internal",
            "enabled",
            "all_apps",
            "apps",
            "operations",
            "outcomes",
        ]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        try:
            internal = bool(cleaned.get("internal"))
            cleaned["url"] = addresses.check_url(cleaned.get("url", ""), internal=internal)
        except ValueError as error:
            if "url" not in self.errors:
                self.add_error("url", str(error))
        if not cleaned.get("all_apps") and not cleaned.get("apps"):
            self.add_error("apps", "Choose an application, or switch “Every application” on.")
        return cleaned


class _Moment(forms.DateTimeInput):
    input_type = "datetime-local"


class TimespanForm(forms.Form):
    """Of which time events are to be sent again. A day without a time is meant with its end."""

    after = forms.DateTimeField(label="From", widget=_Moment, validators=[moments.storable])
    before = forms.DateTimeField(
        label="To", required=False, widget=_Moment, validators=[moments.storable]
    )

    def clean_before(self) -> datetime:
        found: datetime | None = self.cleaned_data["before"]
        if found is None:
            return timezone.now()
        return moments.end_of_day(self.data["before"].strip()) or found

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begin, end = cleaned.get("after"), cleaned.get("before")
        if begin and end and begin > end:
            self.add_error("before", "The time ends before it begins. Exchange the two.")
        return cleaned
