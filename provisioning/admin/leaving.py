"""The page that asks before a person is removed everywhere: what would happen, where, and why."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from iam.models import User
from provisioning import leaving
from provisioning.admin.confirming import Question, ReasonForm
from provisioning.leaving import Consequences


def page(model_admin: ModelAdmin, request: HttpRequest, user: int) -> HttpResponse:
    """The question, and once it is answered with a reason, the certificate.

    The button asks whether the operator may.
    """
    person = get_object_or_404(User, pk=user)
    form = ReasonForm(request.POST or None)
    if form.is_valid():
        return _removed(model_admin, request, person, reason=form.cleaned_data["reason"])
    found = leaving.consequences(person)
    question = _question(found)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": question.title,
        "question": question,
        "form": form,
        "found": found,
        "back": reverse("admin:iam_user_change", args=[person.pk]),
    }
    return TemplateResponse(request, "provisioning/remove_everywhere.html", context)


def _removed(
    model_admin: ModelAdmin, request: HttpRequest, person: User, *, reason: str
) -> HttpResponse:
    leaving.remove_everywhere(person, by=request.user.get_username(), reason=reason)
    model_admin.log_change(request, person, f"Removed everywhere: {reason}")
    messages.success(
        request,
        f"{person} is switched off and in no group any more. What becomes of their access stands "
        "below.",
    )
    certificate = reverse("admin:reports_certificate", args=[person.pk])
    return HttpResponseRedirect(f"{certificate}?watch=1")


def _question(found: Consequences) -> Question:
    groups = ", ".join(f"“{name}”" for name in found.groups)
    return Question(
        action="",
        title=f"Remove {found.person} everywhere?",
        button="Yes, remove everywhere now",
        sentences=[
            f"{found.person} is switched off.",
            f"They are taken out of {groups}." if groups else "They are in no group.",
            "Their accounts are worked on before everybody else's, by the rules below.",
        ],
    )
