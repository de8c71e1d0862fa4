"""Every address of the portal, as the product itself knows them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, get_resolver

_PART = re.compile(r"<(?:\w+:)?\w+>|\(\?P<\w+>[^)]*\)")


@dataclass(frozen=True)
class Route:
    """One route: its name, or else its path; the model that it is about; and its pattern."""

    name: str
    path: str
    model: type[Model] | None

    def address(self, world: dict[type[Model], Model]) -> str:
        """With the key of an object that is there."""
        if "<" not in self.path:
            return self.path
        key = str(world[self.model].pk) if self.model in world else "1"
        return _PART.sub(key, self.path)


def routes() -> list[Route]:
    return [_route(path, pattern) for path, pattern in _patterns(get_resolver().url_patterns, "/")]


def _patterns(patterns: Any, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        path = prefix + re.sub(r"^\^|\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            # Whatever is not anywhere else.
            yield re.sub(r"\(\?P<url>\.\*\)|\.\*", "nothing", path), pattern
        else:
            yield from _patterns(pattern.url_patterns, path)


def _route(path: str, pattern: URLPattern) -> Route:
    if path.startswith("/api/"):
        model = getattr(getattr(pattern.callback, "cls", None), "model", None)
    else:
        model = next((m for m in admin.site._registry if path.startswith(_of(m))), None)
    if "app_label" in path:
        path = "/admin/iam/"
    return Route(pattern.name or path, path, model)


def _of(model: type[Model]) -> str:
    return f"/admin/{model._meta.app_label}/{model._meta.model_name}/"


def label(model: type[Model] | None) -> str:
    return "" if model is None else model._meta.label_lower


def model_of(label: str) -> type[Model]:
    return apps.get_model(label)
