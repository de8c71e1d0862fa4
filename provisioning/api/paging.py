"""Pages through a list by its keys: nothing is counted, skipped or shown twice."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from provisioning.api.problems import BadParameter

PARAMETERS = ("cursor", "page_size")
LARGEST = 200
_USUAL = 50
_LONGEST = 500


class Cursor(BaseFilterBackend):
    """What comes after the page before, in the order of the view's `order`.

    Before any other filter: of two bounds on a time SQLite goes by the first, and that of a
    timespan would lead it through all the pages before.
    """

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        if view.action != "list" or "cursor" not in request.query_params:
            return queryset
        cursor = request.query_params["cursor"]
        return queryset.filter(_beyond(queryset.model, view.order, cursor))


class Keyset(BasePagination):
    """In the order of the view's `order`, whose last field is unique; see `Cursor`."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.request, order = request, view.order
        size = _size(request.query_params.get("page_size", str(_USUAL)))
        found = list(queryset.order_by(*order)[: size + 1])
        self.next = _mark(found[size - 1], order) if len(found) > size else None
        return found[:size]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self._link(), "items": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        following = {
            "type": ["string", "null"],
            "format": "uri",
            "description": "The address of the next page; null on the last one.",
        }
        return {
            "type": "object",
            "required": ["next", "items"],
            "properties": {"next": following, "items": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "description": "Where to go on; part of `next` in the page before.",
                "schema": {"type": "string", "maxLength": _LONGEST},
            },
            {
                "name": "page_size",
                "in": "query",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LARGEST,
                    "default": _USUAL,
                },
            },
        ]

    def _link(self) -> str | None:
        if self.next is None:
            return None
        query = {**self.request.query_params.dict(), "cursor": self.next}
        return self.request.build_absolute_uri(f"{self.request.path}?{urlencode(query)}")


def _size(text: str) -> int:
    if len(text) > 3 or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST:
        raise BadParameter({"page_size": f"Give a number from 1 to {LARGEST}."})
    return int(text)


def _mark(row: Model, order: tuple[str, ...]) -> str:
    values = [str(_field(row, name).value_to_string(row)) for name in order]
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _beyond(model: type[Model], order: tuple[str, ...], mark: str) -> Q:
    """What comes after the marked row: further on in the first field, or equal there and so on.

    That the first field is not before the mark follows, and is said for the index.
    """
    beyond, equal = Q(), Q()
    values = _values(model, order, mark)
    first, least = order[0].lstrip("-"), "lte" if order[0].startswith("-") else "gte"
    for name, value in zip(order, values, strict=True):
        bare = name.lstrip("-")
        further = f"{bare}__lt" if name.startswith("-") else f"{bare}__gt"
        beyond |= equal & Q(**{further: value})
        equal &= Q(**{bare: value})
    return Q(**{f"{first}__{least}": values[0]}) & beyond


def _values(model: type[Model], order: tuple[str, ...], mark: str) -> list[Any]:
    try:
        if len(mark) > _LONGEST:
            raise ValueError(mark)
        texts = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4)))
        if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
            raise ValueError(mark)
        values = [_field(model, name).to_python(t) for name, t in zip(order, texts, strict=True)]
        if any(value is None or isinstance(value, int) and abs(value) >= 2**63 for value in values):
            raise ValueError(mark)
    except (ValueError, TypeError, ValidationError, RecursionError, binascii.Error) as error:
        text = "This is no cursor from here. Take the whole address from “next” of the page before."
        raise BadParameter({"cursor": text}) from error
    return values


def _field(model: Any, name: str) -> Any:
    bare = name.lstrip("-")
    return model._meta.pk if bare == "pk" else model._meta.get_field(bare)
