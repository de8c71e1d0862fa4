"""The page that says why a person has an account in an application, or has none, now and then."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from iam.models import User
from provisioning import past
from provisioning.models import App
from provisioning.why import why
from provisioning.wording import in_a_table


def page(model_admin: ModelAdmin, request: HttpRequest, user: int) -> TemplateResponse:
    """For the chosen application, or else the first one that the person has an account in."""
    if not request.user.has_perms(["iam.view_user", "provisioning.view_account"]):
        raise PermissionDenied
    person = get_object_or_404(User.objects.select_related("manager"), pk=user)
    app, at = _app(person, request.GET.get("app", "")), request.GET.get("at", "")
    then, problem = _then(app, person, at) if app and at else (None, "")
    now = why(app, user=person) if app and not at else None
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"Why {person} has an account, or has none",
        "person": person,
        "app": app,
        "apps": App.objects.all(),
        "at": at,
        "zone": timezone.get_current_timezone_name(),
        "problem": problem,
        "then": then,
        "values": [(target, in_a_table(value)) for target, value in then.values.items()]
        if then
        else [],
        "why": now,
        "lines": [(line, in_a_table(line.value), in_a_table(line.sent)) for line in now.values]
        if now
        else [],
    }
    return TemplateResponse(request, "provisioning/why.html", context)


def _then(app: App, person: User, at: str) -> tuple[past.Then | None, str]:
    """The answer for that moment, or why there is none."""
    try:
        return past.why_at(app, past.read(at), user=person), ""
    except ValueError as error:
        return None, str(error)


def _app(person: User, chosen: str) -> App | None:
    if chosen.isdecimal() and len(chosen) < 19:
        return get_object_or_404(App, pk=int(chosen))
    return App.objects.filter(accounts__user=person).first() or App.objects.first()
