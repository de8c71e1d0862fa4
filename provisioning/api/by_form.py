"""Saves what a form of the pages judges, and tells its errors by the names of the API."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from rest_framework.exceptions import ValidationError

from provisioning.forms import Path, said


def saved(form: forms.ModelForm, *, named: Callable[[str], Path] = lambda name: (name,)) -> Any:
    """What the form saves. `named` is the place in the request of a field of the form."""
    if not form.is_valid():
        raise refusal(form, named=named)
    return form.save()


def refusal(
    form: forms.BaseForm, *, named: Callable[[str], Path] = lambda name: (name,)
) -> ValidationError:
    """What the form complains about."""
    told = said(form.errors).items()
    return ValidationError(nested((_at(name, named), sentences) for name, sentences in told))


def nested(said: Iterable[tuple[Path, Any]]) -> dict[str, Any]:
    """What is said about each place of a request, as serializers tell it."""
    told: dict[str, Any] = {}
    for (*outer, last), sentences in said:
        inner = told
        for each in outer:
            inner = inner.setdefault(each, {})
        inner[last] = sentences
    return told


def _at(name: str, named: Callable[[str], Path]) -> Path:
    return ("",) if name == "__all__" else named(name)
