"""Reads the query parameters of a list: one that is unknown or wrong is named, never ignored."""

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from iam.text import normalise
from provisioning.api.paging import PARAMETERS
from provisioning.api.problems import BadParameter, fields


class YesNo(django_filters.TypedChoiceFilter):
    """`true` or `false`, and nothing else."""

    def __init__(self, **options: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(choices=choices, coerce=lambda value: value == "true", **options)


class Key(django_filters.NumberFilter):
    """The number of something."""

    field_class = forms.IntegerField  # type: ignore[assignment]

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=2**63 - 1, **options)

    def get_max_validator(self) -> None:
        return None


class Name(django_filters.CharFilter):
    """A name in its comparable form: `field` is where that is kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=200, **options)

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return super().filter(qs, normalise(value) if value else value)


class Parameters(BaseFilterBackend):
    """Applies the view's `filterset_class`."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        kind = view.filterset_class
        if kind is None:
            return queryset
        data = request.query_params.copy()
        for name in PARAMETERS:
            data.pop(name, None)
        filters = kind(data, queryset=queryset, request=request)
        if not filters.is_valid():
            raise BadParameter(fields(forms.ValidationError(_said(filters.form))))
        found: QuerySet[Any] = filters.qs
        return found

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        kind = view.filterset_class
        found = kind.base_filters if kind else {}
        return [
            {"name": name, "in": "query", "schema": _schema(each), **_explained(each)}
            for name, each in found.items()
        ]


def _schema(each: Any) -> dict[str, Any]:
    """What a parameter takes, for the description of the API."""
    if isinstance(each, Key | django_filters.ModelChoiceFilter):
        return {"type": "integer", "minimum": 1}
    if isinstance(each, django_filters.IsoDateTimeFilter):
        return {"type": "string", "format": "date-time"}
    if choices := each.extra.get("choices"):
        return {"type": "string", "enum": [str(value) for value, _ in choices]}
    return {"type": "string", "maxLength": each.extra.get("max_length", 200)}


def _explained(each: Any) -> dict[str, str]:
    # A label that was not written would be worked out from the model.
    label = each._label
    return {"description": str(label)} if label else {}


def _said(form: forms.Form) -> dict[str, list[str]]:
    return {name: [str(text) for text in texts] for name, texts in form.errors.items()}


def refuse_unknown(request: Request, known: set[str]) -> None:
    """A typing error must not show everything. Raises BadParameter."""
    for name, values in request.query_params.lists():
        if name not in known:
            allowed = ", ".join(sorted(known)) or "none"
            raise BadParameter(
                {name[:50]: f"There is no parameter “{name[:50]}” here. Known are: {allowed}."}
            )
        if len(values) > 1 or not values[0]:
            raise BadParameter({name: "Give this parameter once, with a value, or leave it out."})
        if "\x00" in values[0]:
            # PostgreSQL takes it in no question.
            raise BadParameter({name: "Leave out the sign U+0000: nothing here holds it."})
