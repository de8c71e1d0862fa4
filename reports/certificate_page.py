"""The leaver certificate as a page of the admin, to be watched and to be printed."""

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from iam.models import User
from reports import certificate
from reports.certificate import Certificate
from reports.standing import Standing

# Seconds after which a page that is watched is loaded anew.
LOOKS_EVERY = 10


def of_person(model_admin: ModelAdmin, request: HttpRequest, user: int) -> TemplateResponse:
    by = _who(model_admin, request)
    person = get_object_or_404(User, pk=user)
    return _page(model_admin, request, certificate.of_person(person, by=by))


def of_deleted(model_admin: ModelAdmin, request: HttpRequest) -> TemplateResponse:
    by = _who(model_admin, request)
    found = certificate.of_deleted(request.GET.get("identifier", ""), by=by)
    if found is None:
        raise Http404("Nobody with this user name was deleted here.")
    return _page(model_admin, request, found)


def _who(model_admin: ModelAdmin, request: HttpRequest) -> str:
    """Who asks. Raises PermissionDenied for whoever may not see the report."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    return request.user.get_username()


def _page(model_admin: ModelAdmin, request: HttpRequest, found: Certificate) -> TemplateResponse:
    waits = any(line.standing is Standing.OUTSTANDING for line in found.lines)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": f"Certificate: access of {found.name}",
        "certificate": found,
        "watched": waits and "watch" in request.GET,
        "waits": waits,
        "seconds": LOOKS_EVERY,
    }
    return TemplateResponse(request, "reports/certificate.html", context)
