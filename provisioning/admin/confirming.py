"""The page between pressing a button for many rows and doing it: what happens, and to whom."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

_SHOWN = 20
_NEWEST = "newest"


class ReasonForm(forms.Form):
    """Why it is done: whoever reads the decision later was not there."""

    reason = forms.CharField(
        label="Reason",
        max_length=1_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept with the decision, for whoever asks later.",
    )


@dataclass(frozen=True)
class Question:
    """What is about to be done."""

    action: str
    title: str
    button: str
    sentences: list[str]


def shown_before(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Without the rows that have come since the page was shown, if it has been shown."""
    newest = request.POST.get(_NEWEST, "")
    return rows.filter(pk__lte=int(newest)) if newest.isdecimal() else rows


def confirmed(request: HttpRequest) -> bool:
    return _NEWEST in request.POST


def ask(
    model_admin: ModelAdmin,
    request: HttpRequest,
    question: Question,
    rows: QuerySet[Any],
    *,
    form: forms.Form | None = None,
) -> TemplateResponse:
    """The page that asks whether to do this to these rows, which have an `identifier`."""
    count = rows.count()
    across = request.POST.get("select_across") == "1"
    chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
    return TemplateResponse(
        request,
        "provisioning/confirm.html",
        {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": question.title,
            "question": question,
            "form": form,
            "names": list(rows.values_list("identifier", flat=True)[:_SHOWN]),
            "more": max(0, count - _SHOWN),
            # All rows of the list need no more than one to stand for them.
            "chosen": chosen[:1] if across else chosen,
            "across": across,
            "newest": rows.aggregate(newest=Max("pk"))["newest"] or 0,
            "checkbox": ACTION_CHECKBOX_NAME,
        },
    )
