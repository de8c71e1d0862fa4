"""Saves what a form of the pages judges, and tells its errors by the names of the API."""

import html
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.html import strip_tags
from rest_framework.exceptions import ValidationError

Path = tuple[str, ...]


def saved(form: forms.ModelForm, *, named: Callable[[str], Path] = lambda name: (name,)) -> Any:
    """What the form saves. `named` is the place in the request of a field of the form."""
    if not form.is_valid():
        raise refusal(form, named=named)
    return form.save()


def refusal(
    form: forms.BaseForm, *, named: Callable[[str], Path] = lambda name: (name,)
) -> ValidationError:
    """What the form complains about."""
    return ValidationError(_told(form.errors, named))


def _told(errors: Mapping[str, Any], named: Callable[[str], Path]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, said in errors.items():
        *outer, last = ("",) if name == "__all__" else named(name)
        inner = told
        for each in outer:
            inner = inner.setdefault(each, {})
        # The pages mark a place in a formula or path with HTML.
        inner[last] = [html.unescape(strip_tags(text)) for text in said]
    return told
