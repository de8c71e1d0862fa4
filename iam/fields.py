"""Model fields that several models share."""

import sys
from typing import Any

from django.db import models
from django.db.models.lookups import StartsWith

from iam.text import NORMALISED_LENGTH, normalise


class NormalisedField(models.CharField):  # type: ignore[type-arg]
    """The comparable form of another text field, kept by the database layer itself.

    `pre_save` also runs for `bulk_create`, where no model method would.
    """

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        kwargs.setdefault("editable", False)
        kwargs.setdefault("max_length", NORMALISED_LENGTH)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        return name, path, list(args), {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = normalise(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, value)
        return value


@NormalisedField.register_lookup
class Begins(StartsWith):
    """`startswith` that uses an index on SQLite, too, which does so for a range only."""

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        if not self.rhs_is_direct_value():
            sql, parameters = self.as_sql(compiler, connection)
            return sql, list(parameters)
        name, parameters = self.process_lhs(compiler, connection)
        ends = [*parameters, self.rhs, *parameters, f"{self.rhs}{chr(sys.maxunicode)}"]
        return f"({name} >= %s AND {name} < %s)", ends
