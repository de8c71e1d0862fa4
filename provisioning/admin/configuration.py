"""The page “Configuration as a file”: export, and import with the plan before anything is done."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from iam.text import counted
from provisioning.configuration import applying, stored, telling, writing
from provisioning.configuration.applying import Changed, Plan
from provisioning.configuration.document import Document, Unusable
from provisioning.configuration.reading import read
from provisioning.configuration.rights import TO_READ
from provisioning.configuration.strict_yaml import LARGEST

_EXPORT, _TEXT, _CONFIRMED = "export", "text", "confirmed"


class FileForm(forms.Form):
    """The file, or what was in it when the plan was shown."""

    file = forms.FileField(
        required=False,
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".yaml,.yml"}),
        help_text="A YAML file, such as the export of another Gatehouse. Nothing is changed before "
        "you have seen what would be.",
    )
    prune = forms.BooleanField(
        required=False,
        label="Delete what the file does not have",
        widget=UnfoldBooleanSwitchWidget,
        help_text="Applications and policies that are here and not in the file. Off, they stay.",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if _TEXT in self.data:
            cleaned[_TEXT] = self.data[_TEXT].encode()
        elif cleaned.get("file"):
            cleaned[_TEXT] = cleaned["file"].read(LARGEST + 1)
        else:
            raise ValidationError({"file": "Choose a file."})
        return cleaned


def may_use(request: HttpRequest) -> bool:
    """Whoever may see everything that is in such a file."""
    return bool(request.user.has_perms(TO_READ))


def page(model_admin: ModelAdmin, request: HttpRequest) -> HttpResponse:
    """Show it, export, show the plan of a file, or do what was confirmed."""
    if _EXPORT in request.GET:
        return _file()
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": "Configuration as a file",
        "form": FileForm(),
    }
    if request.method == "POST":
        form = context["form"] = FileForm(request.POST, request.FILES)
        if form.is_valid():
            done = _examine(request, form.cleaned_data, context)
            if done is not None:
                return done
    return TemplateResponse(request, "provisioning/configuration.html", context)


def _file() -> HttpResponse:
    name = f"gatehouse-{timezone.localdate():%Y-%m-%d}.yaml"
    return HttpResponse(
        writing.as_text(stored.exported()),
        content_type="application/yaml; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _examine(
    request: HttpRequest, sent: dict[str, Any], context: dict[str, Any]
) -> HttpResponse | None:
    """Put the plan or what is wrong into the context, or do it and answer."""
    try:
        document = read(sent[_TEXT])
    except Unusable as error:
        context["problems"] = error.problems
        return None
    options = {
        "prune": sent["prune"],
        "portal": request.build_absolute_uri("/"),
        "may": request.user.has_perm,
    }
    if _CONFIRMED in request.POST:
        done = _apply(request, document, options)
        if done is not None:
            return done
    _show(context, applying.plan(document, **options), sent)
    return None


def _apply(
    request: HttpRequest, document: Document, options: dict[str, Any]
) -> HttpResponse | None:
    try:
        done = applying.apply(document, confirmed=request.POST[_CONFIRMED], **options)
    except Changed as error:
        messages.error(request, str(error))
        return None
    if done.problems:
        return None
    count = len(done.changes)
    told = counted(count, "change was made.", "changes were made.")
    messages.success(request, f"{told} Accounts follow by themselves within seconds.")
    for sentence in done.notes:
        messages.warning(request, sentence)
    return HttpResponseRedirect(reverse("admin:provisioning_app_changelist"))


def _show(context: dict[str, Any], plan: Plan, sent: dict[str, Any]) -> None:
    context |= {
        "plan": plan,
        "problems": plan.problems,
        "changes": [
            {
                "what": change.what.value,
                "title": telling.title(change),
                "fields": [
                    (each.name, telling.shown(each.old), telling.shown(each.new))
                    for each in change.fields
                ],
            }
            for change in plan.changes
        ],
        "nothing": telling.NOTHING,
        _TEXT: sent[_TEXT].decode("utf-8-sig"),
        "prune": sent["prune"],
    }
