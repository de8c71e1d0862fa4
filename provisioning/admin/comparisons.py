"""Reports > Comparisons: what was found when accounts were compared with the application itself."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.decorators import display

from iam.text import NORMALISED_LENGTH, counted
from provisioning import drift
from provisioning.admin import parts
from provisioning.admin.parts import ReadOnly
from provisioning.models import Finding, Run


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = [
        "app",
        "started_at",
        "started_by",
        "state_label",
        "progress_label",
        "same",
        "changed",
        "missing",
        "unknown",
        "message",
    ]
    list_filter = ["app"]
    list_select_related = ["app"]
    empty_text = (
        "A comparison asks an application for all its accounts and says which are not as Gatehouse "
        "left them. Start one with “Save and compare now” on the application's page."
    )
    fieldsets = [
        (None, {"fields": ["app", "state_label", "progress_label", "message", "findings_link"]}),
        ("Found", {"fields": [("same", "changed"), ("missing", "unknown")]}),
        ("Run", {"fields": ["started_at", "started_by", "ended_at", "dry"]}),
    ]
    readonly_fields = ["state_label", "progress_label", "findings_link", "started_by"]

    @display(description="Started by")
    def started_by(self, run: Run) -> str:
        return run.actor or "the schedule"

    @display(
        description="State",
        label={"Under way": "info", "Complete": "success", "Not complete": "warning"},
    )
    def state_label(self, run: Run) -> str:
        if run.ended_at is None:
            return "Under way"
        return "Complete" if run.complete else "Not complete"

    @display(description="Accounts listed")
    def progress_label(self, run: Run) -> str:
        return run.progress

    @display(description="Findings")
    def findings_link(self, run: Run) -> str:
        count = run.changed + run.missing + run.unknown
        if not count:
            return "none"
        address = reverse("admin:provisioning_finding_changelist")
        return parts.link_to(f"{address}?run__id__exact={run.pk}", f"See the findings: {count:,}")


@admin.register(Finding)
class FindingAdmin(ReadOnly):
    """Reached from its comparison; not in the menu."""

    list_display = ["identifier", "kind", "message", "outcome", "account_link"]
    list_filter = ["kind", "outcome", "run"]
    list_filter_submit = True
    search_fields = ["identifier__istartswith"]
    search_help_text = "Beginning of the user name"
    empty_text = "Nothing was found."
    actions = ["put_right", "leave"]
    fields = ["identifier", "kind", "message", "outcome", "account_link", "remote_id", "run"]
    readonly_fields = ["account_link"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Finding], search_term: str
    ) -> tuple[QuerySet[Finding], bool]:
        # SQLite gives up on a longer pattern instead of finding nothing.
        return super().get_search_results(request, queryset, search_term[:NORMALISED_LENGTH])

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("provisioning.change_account")

    @display(description="Account")
    def account_link(self, finding: Finding) -> str:
        if finding.account_id is None:
            return "–"
        return parts.link("provisioning_account", finding.account_id, "Account")

    @admin.action(description="Put it right", permissions=["decide"])
    def put_right(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        decided(request, queryset, put_it_right=True)

    @admin.action(description="Leave it as it is", permissions=["decide"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Finding]) -> None:
        decided(request, queryset, put_it_right=False)


def decided(request: HttpRequest, findings: Any, *, put_it_right: bool) -> None:
    """Do what was decided, and say to how many it still applied."""
    count = drift.decide(findings, put_it_right=put_it_right)
    if not count:
        messages.warning(
            request,
            "Nothing was done: nothing of this waits for a decision any more. Compare once more to "
            "see how it stands.",
        )
        return
    accounts = counted(count, "account")
    follows = "put right within seconds" if put_it_right else "left as it is in the application"
    messages.success(request, f"{accounts}: {follows}.")
