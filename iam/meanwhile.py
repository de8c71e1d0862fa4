"""Keeps an operator's form from overwriting what somebody else saved while it was open."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from iam import fingerprint

FIELD = "as_opened"
# So many places, and no more, are named in the sentence.
_NAMED = 8


@dataclass(frozen=True)
class Opened:
    """What a page showed when it was opened: a fingerprint of what stood in each place."""

    places: Mapping[str, str]
    # The last change of the object that its history told of then.
    entry: int = 0

    def text(self) -> str:
        """For the form, which sends it back."""
        return json.dumps([self.entry, self.places])

    @classmethod
    def read(cls, text: str) -> "Opened":
        """The one with this text. Of another text nothing is known, so every place has changed."""
        try:
            entry, places = json.loads(text)
            return cls({str(place): str(seen) for place, seen in places.items()}, int(entry))
        except (ValueError, TypeError, AttributeError, RecursionError):
            return cls({})


class NothingOverwritten(ModelAdmin):
    """Refuses once to save a page that was changed meanwhile; what was typed stays on it.

    Whoever then saves again has been told what they put theirs in the place of.
    """

    change_form_before_template = "iam/as_opened.html"

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        if request.method != "POST" or not object_id or FIELD not in request.POST:
            return super().changeform_view(request, object_id, form_url, extra_context)
        with transaction.atomic():
            # Until this page is answered, nobody else changes the row.
            rows: QuerySet[Any] = self.model._base_manager.select_for_update(no_key=True)
            if found := self.get_object(request, object_id):
                rows.filter(pk=found.pk).values_list("pk").first()
                told = self._told(request, Opened.read(request.POST[FIELD]), found.pk)
                request.told = told  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        told = getattr(request, "told", "")
        return type(form.__name__, (_Refused, form), {"told": told}) if told else form

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> Any:
        if obj is not None and self.has_change_permission(request, obj):
            context[FIELD] = self._opened(request, obj.pk).text()
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _told(self, request: HttpRequest, before: Opened, key: Any) -> str:
        """That something was changed meanwhile, what, and by whom; empty if nothing was."""
        now = self._opened(request, key)
        places = sorted(
            place
            for place in before.places.keys() | now.places.keys()
            if before.places.get(place) != now.places.get(place)
        )
        if not places or self._is_stored(request, key):
            return ""
        entries = _history(self.model(pk=key)).filter(pk__gt=before.entry)
        names = set(entries.values_list("user__username", flat=True))
        if names == {request.user.get_username()}:
            names = {"You yourself, in another window or by pressing a button twice,"}
        return _sentence(places, sorted(names), address=request.path)

    def _is_stored(self, request: HttpRequest, key: Any) -> bool:
        """Whether what was sent is there by now, as when the same form is sent twice."""
        stored = self.get_queryset(request).get(pk=key)
        form = self.get_form(request, stored, change=True)(request.POST, instance=stored)
        formsets, _ = self._create_formsets(request, form.instance, change=True)
        return not any(each.has_changed() for each in (form, *formsets))

    def _opened(self, request: HttpRequest, key: Any) -> Opened:
        # As it is stored, without what was typed.
        stored = self.get_queryset(request).get(pk=key)
        held: dict[str, list[Any]] = {}
        for place, value in self._places(request, stored):
            held.setdefault(place, []).append(value)
        last = _history(stored).aggregate(last=Max("pk"))["last"] or 0
        return Opened({place: fingerprint.of(values) for place, values in held.items()}, last)

    def _places(self, request: HttpRequest, stored: Any) -> Iterator[tuple[str, Any]]:
        """What the page would save: each field, and each row that can be changed on it."""
        form = self.get_form(request, stored, change=True)(instance=stored)
        for name, field in form.fields.items():
            yield str(field.label), form.initial.get(name)
        for kind, inline in self.get_formsets_with_inlines(request, stored):
            if not inline.has_change_permission(request, stored):
                continue
            rows = kind(instance=stored, queryset=inline.get_queryset(request))
            for row in rows.initial_forms:
                if row.initial:
                    yield f"{inline.verbose_name} “{row.instance}”", row.initial


class _Refused:
    """A form that is not saved, and says why."""

    told = ""

    def clean(self) -> Any:
        super().clean()  # type: ignore[misc]
        raise ValidationError(self.told, code="meanwhile")


def _history(changed: Model) -> QuerySet[LogEntry]:
    kind = get_content_type_for_model(changed)
    return LogEntry.objects.filter(content_type=kind, object_id=str(changed.pk))


def _sentence(places: list[str], names: list[str], *, address: str) -> str:
    # Programs and commands leave nothing in the history of the page.
    who = ", ".join(names) or "A program, an import or a command"
    more = " and more" if len(places) > _NAMED else ""
    return format_html(
        "Nothing was saved, because this was changed while you had it open. {} changed: {}{}. What "
        'you typed is still here. <a class="underline" href="{}" target="_blank">Look at it as it '
        "is now</a>, then save again to put yours in its place, or leave this page to keep it as "
        "it is.",
        who,
        ", ".join(places[:_NAMED]),
        more,
        address,
    )
