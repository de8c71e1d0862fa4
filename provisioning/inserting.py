"""Inserts the rows that a query finds, by the database itself: INSERT … SELECT in one statement."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Field, Model, QuerySet, Value
from django.db.models.expressions import Combinable


def insert(
    model: type[Model],
    found: QuerySet[Any],
    columns: Mapping[str, Combinable],
    constants: Mapping[str, Any],
) -> int:
    """A row of the model for each that is found; how many were added.

    By the names of columns, what is found fills some and the constants fill the others. Rows that
    are there already are left as they are.
    """
    fixed = {
        name: Value(each, output_field=column(model, name)) for name, each in constants.items()
    }
    rows = found.values_list(*columns.values(), *fixed.values())
    try:
        select, parameters = rows.query.sql_with_params()
    except EmptyResultSet:
        return 0
    quoted = connection.ops.quote_name
    names = ", ".join(map(quoted, [*columns, *fixed]))
    with connection.cursor() as cursor:
        # Names come from the model, values go in as parameters.
        cursor.execute(
            f"INSERT INTO {quoted(model._meta.db_table)} ({names}) {select} "  # noqa: S608
            "ON CONFLICT DO NOTHING",
            parameters,
        )
        return int(cursor.rowcount)


def column(model: type[Model], name: str) -> "Field[Any, Any]":
    """The field of a model with this name, or that of its column."""
    found = model._meta.get_field(name)
    assert isinstance(found, Field)  # noqa: S101 - for the type checker
    return found
