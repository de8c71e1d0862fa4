"""What all serializers share: nothing is guessed, and nothing that is not known is passed over."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError


class Text(serializers.CharField):
    """A JSON string, without the blanks around it, as on the pages."""

    default_error_messages = {"invalid": "Give a text in quotes."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Address(serializers.EmailField):
    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("Give a text in quotes.")
        return str(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    default_error_messages = {"invalid": "Give true or false, without quotes."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Number(serializers.IntegerField):
    default_error_messages = {"invalid": "Give a whole number, without quotes."}

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Decimal(serializers.FloatField):
    default_error_messages = {"invalid": "Give a number, without quotes."}

    def to_internal_value(self, data: Any) -> float:
        if not isinstance(data, int | float) or isinstance(data, bool):
            self.fail("invalid")
        return float(super().to_internal_value(data))


@extend_schema_field({"type": "integer", "minimum": 1, "maximum": 2**63 - 1})
class Key(serializers.PrimaryKeyRelatedField):
    """The `id` of something else."""

    default_error_messages = {
        "does_not_exist": "There is nothing with the id {pk_value}.",
        "incorrect_type": "Give an id: a whole number, without quotes.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("incorrect_type", data_type=type(data).__name__)
        if not 0 < data < 2**63:
            self.fail("does_not_exist", pk_value=str(data)[:30])
        return super().to_internal_value(data)


class Strict(serializers.Serializer):
    """Refuses a field that it does not know, and one that cannot be written."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            names = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := [name for name in data if name not in names]:
                known = ", ".join(sorted(names))
                raise ValidationError({name: _unknown(self, name, known) for name in unknown[:20]})
        return super().to_internal_value(data)


class Nothing(Strict):
    """A body without a field."""


class StrictModel(Strict, serializers.ModelSerializer):
    """Checks form here and meaning in the model, whose rules the pages follow too."""

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: Text,
        models.TextField: Text,
        models.EmailField: Address,
        models.BooleanField: Flag,
        models.PositiveIntegerField: Number,
        models.PositiveSmallIntegerField: Number,
        models.FloatField: Decimal,
    }
    serializer_related_field = Key

    def get_unique_together_validators(self) -> list[Any]:
        # The model says it better.
        return []

    def build_standard_field(self, field_name: str, model_field: Any) -> Any:
        kind, options = super().build_standard_field(field_name, model_field)
        kept = [each for each in options.get("validators", []) if not _asks_database(each)]
        if "validators" in options:
            options["validators"] = kept
        return kind, options

    def include_extra_kwargs(self, kwargs: Any, extra_kwargs: Any) -> Any:
        # What is only shown may be empty as well, and the description of the API says so.
        empty = {"allow_blank": True} if {"choices", "allow_blank"} <= kwargs.keys() else {}
        return {**super().include_extra_kwargs(kwargs, extra_kwargs), **empty}

    def create(self, validated_data: dict[str, Any]) -> Any:
        return self.saved(self.Meta.model(**validated_data))  # type: ignore[misc]

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        for name, value in validated_data.items():
            setattr(instance, name, value)
        return self.saved(instance)

    def saved(self, instance: Any) -> Any:
        """Raises Django's ValidationError, which names the fields."""
        instance.full_clean()
        instance.save()
        return instance


def _unknown(serializer: Strict, name: str, known: str) -> str:
    if name in serializer.fields:
        return f"“{name}” cannot be set. What can is: {known}."
    return f"There is no field “{name[:50]}”. Known are: {known or 'none'}."


def _asks_database(validator: Any) -> bool:
    return hasattr(validator, "queryset")
