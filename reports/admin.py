"""Reports > Provisioning report: a form, a button, and what was done."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone
from unfold.admin import ModelAdmin

from provisioning.models import Event
from reports import certificate_page, event_page, pages
from reports.filters import ReportFilter
from reports.models import ProvisioningReport


@admin.register(ProvisioningReport)
class ProvisioningReportAdmin(ModelAdmin):
    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        person = wrap(lambda request, user: certificate_page.of_person(self, request, user))
        deleted = wrap(lambda request: certificate_page.of_deleted(self, request))
        return [
            path("certificate/<int:user>/", person, name="reports_certificate"),
            path("certificate/", deleted, name="reports_certificate_of_deleted"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404
        return event_page.page(self, request, event)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        report = ReportFilter(request.GET or None, queryset=Event.objects.all())
        found = report.qs if report.form.is_valid() or not request.GET else Event.objects.none()
        marks = {name: request.GET.get(name, "") for name in pages.MARKS}
        try:
            page = pages.page(found, **marks)
        except ValueError:
            return HttpResponseRedirect(f"{request.path}?{_without_marks(request)}")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Provisioning report",
            "form": report.form,
            "page": page,
            "query": _without_marks(request),
            "searched": bool(request.GET),
            "zone": timezone.get_current_timezone_name(),
        }
        return TemplateResponse(request, "reports/provisioning_report.html", context)


def _without_marks(request: HttpRequest) -> str:
    query = request.GET.copy()
    for name in pages.MARKS:
        query.pop(name, None)
    return query.urlencode()
