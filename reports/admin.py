"""Reports > Provisioning report: a form, a button, what was done, and the same as a file."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_POST, require_safe
from unfold.admin import ModelAdmin

from iam.models import Operator
from provisioning.models import Event
from reports import certificate_page, event_page, exports, pages, saved_searches, summaries
from reports.filters import ReportFilter
from reports.models import ProvisioningReport, SavedSearch


@admin.register(ProvisioningReport)
class ProvisioningReportAdmin(ModelAdmin):
    def get_urls(self) -> list[Any]:
        def ours(address: str, view: Any, name: str) -> Any:
            return path(address, self.admin_site.admin_view(view), name=f"reports_{name}")

        def of_person(request: HttpRequest, user: int) -> HttpResponse:
            return certificate_page.of_person(self, request, user)

        def of_deleted(request: HttpRequest) -> HttpResponse:
            return certificate_page.of_deleted(self, request)

        save, change = require_POST(self.save_search_view), require_POST(self.change_search_view)
        return [
            ours("certificate/<int:user>/", of_person, "certificate"),
            ours("certificate/", of_deleted, "certificate_of_deleted"),
            ours("export.<slug:ending>", require_safe(self.export_view), "export"),
            ours("searches/", save, "save_search"),
            ours("searches/<int:pk>/", change, "change_search"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @method_decorator(require_safe)
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        self._viewer(request)
        event = self.get_object(request, object_id)
        if event is None:
            raise Http404
        return event_page.page(self, request, event)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        operator = self._viewer(request)
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
            "asked_name": request.GET.get("identifier") and request.GET.get("match") != "exact",
            "zone": timezone.get_current_timezone_name(),
            "formats": exports.FORMATS,
            **_searches(request, operator),
        }
        return TemplateResponse(request, "reports/provisioning_report.html", context)

    def export_view(self, request: HttpRequest, ending: str) -> HttpResponseBase:
        """All rows of a search as a file to save, sent while they are read."""
        self._viewer(request)
        report = ReportFilter(request.GET, queryset=Event.objects.all())
        if ending not in exports.FORMATS or not report.form.is_valid():
            # There it stands what is wrong.
            return _to_report(request.GET.urlencode())
        kind = exports.FORMATS[ending]
        name = f"provisioning-report-{timezone.localdate().isoformat()}.{ending}"
        return StreamingHttpResponse(
            kind.write(exports.stream(report.qs)),
            content_type=kind.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                # A proxy in front passes it on as it comes.
                "X-Accel-Buffering": "no",
            },
        )

    def save_search_view(self, request: HttpRequest) -> HttpResponse:
        operator = self._viewer(request)
        query = request.POST.get("query", "")
        try:
            search = saved_searches.save(operator, query=query, **_named(request))
        except ValidationError as error:
            messages.error(request, f"The search was not saved. {' '.join(error.messages)}")
            return _to_report(query)
        messages.success(request, f"The search is saved as “{search}”.")
        return _to_report(search.query)

    def change_search_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Rename, share or delete a search of one's own."""
        search = get_object_or_404(SavedSearch, pk=pk, owner=self._viewer(request))
        if "delete" in request.POST:
            search.delete()
            messages.success(request, f"The saved search “{search}” is deleted.")
            return _to_report(search.query)
        try:
            saved_searches.change(search, **_named(request))
        except ValidationError as error:
            messages.error(request, f"Nothing was changed. {' '.join(error.messages)}")
        else:
            messages.success(request, f"The search is saved as “{search}”.")
        return _to_report(search.query)

    def _viewer(self, request: HttpRequest) -> Operator:
        """Who asks, if they may see the report."""
        if not self.has_view_permission(request) or not isinstance(request.user, Operator):
            raise PermissionDenied
        return request.user


def _searches(request: HttpRequest, operator: Operator) -> dict[str, Any]:
    """The saved searches that the operator can open, and what may be done with the present one."""
    searches = list(saved_searches.for_operator(operator))
    asked = saved_searches.written(request.GET)
    present = [each for each in searches if each.query == asked]
    own = next((each for each in present if each.owner == operator), None)
    return {"searches": searches, "present": present, "own": own, "asked": asked}


def _named(request: HttpRequest) -> dict[str, Any]:
    return {"name": request.POST.get("name", ""), "shared": "shared" in request.POST}


def _to_report(query: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{reverse('admin:reports_provisioningreport_changelist')}?{query}")


def _without_marks(request: HttpRequest) -> str:
    query = request.GET.copy()
    for name in pages.MARKS:
        query.pop(name, None)
    return query.urlencode()
