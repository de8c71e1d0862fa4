"""Many items or rows, so many at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from django.db.models import Model, QuerySet

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)


def of(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Each item once, in their order."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def by_key(rows: QuerySet[Row], size: int) -> Iterator[list[Row]]:
    """The rows in the order of their keys; what changes meanwhile skips or repeats none."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:size]):
        yield batch
        last = batch[-1].pk
