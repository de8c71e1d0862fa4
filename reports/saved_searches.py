"""Keeps searches of the report under a name, for their owner alone or for everybody."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import QueryDict

from iam.models import Operator
from iam.text import normalise
from provisioning.models import Event
from reports.filters import ReportFilter
from reports.models import SavedSearch

# More would not fit above the report.
MOST = 30


def for_operator(operator: Operator) -> QuerySet[SavedSearch]:
    """The operator's own, and those that are for everybody."""
    return SavedSearch.objects.filter(Q(owner=operator) | Q(shared=True)).select_related("owner")


def named(name: str, *, owner: str = "") -> QuerySet[SavedSearch]:
    """Those of this name, of everybody or of one operator."""
    found = SavedSearch.objects.filter(name_key=normalise(name.strip())).select_related("owner")
    return found.filter(owner__username=owner) if owner else found


def save(owner: Operator, *, name: str, query: str, shared: bool) -> SavedSearch:
    """Keep a search that the report would carry out. Raises ValidationError for any other."""
    if SavedSearch.objects.filter(owner=owner).count() >= MOST:
        raise ValidationError(f"You have {MOST} saved searches. Delete one that you do not need.")
    return _saved(SavedSearch(owner=owner, query=checked(query)), name=name, shared=shared)


def change(search: SavedSearch, *, name: str, shared: bool) -> SavedSearch:
    """Rename it, or let everybody open it or nobody else. Raises ValidationError."""
    return _saved(search, name=name, shared=shared)


def checked(query: str) -> str:
    """The filters of a query of the report, always written in one way. Raises ValidationError."""
    asked = QueryDict(query)
    form = ReportFilter(asked, queryset=Event.objects.none()).form
    if not form.is_valid():
        field, errors = next(iter(form.errors.items()))
        label = form.fields[field].label if field in form.fields else "The search"
        raise ValidationError(f"{label}: {errors[0]}")
    kept = written(asked)
    if not kept:
        raise ValidationError("This search leaves nothing out. Fill in a field, and search first.")
    return kept


def written(asked: QueryDict) -> str:
    """What is asked, without the empty fields and the place in the list."""
    kept = QueryDict(mutable=True)
    for name in ReportFilter.base_filters:
        if value := asked.get(name, "").strip():
            kept[name] = value
    return kept.urlencode()


def filters(search: SavedSearch) -> dict[str, Any]:
    """Its filters by their names."""
    return QueryDict(search.query).dict()


def _saved(search: SavedSearch, *, name: str, shared: bool) -> SavedSearch:
    search.name, search.shared = name.strip(), shared
    search.full_clean()
    search.save()
    return search
