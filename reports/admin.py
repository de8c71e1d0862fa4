"""Reports > Provisioning report: a form, a button, and what was done."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin

from provisioning.models import Event
from reports import pages, summaries
from reports.filters import ReportFilter
from reports.models import ProvisioningReport


@admin.register(ProvisioningReport)
class ProvisioningReportAdmin(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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
            # Above the newest events, and not once more on each page of older ones.
            "summary": summaries.summary(report)
            if page.events and not any(marks.values())
            else None,
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
