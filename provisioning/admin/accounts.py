"""Accounts: what should be, what is, and what stands in the way, one row a person and app."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.decorators import display

from iam.text import normalise
from provisioning import queue
from provisioning.models import Account, Problem, Trigger
from provisioning.plan import State

STATUS_LABELS = {
    "Active": "success",
    "Deactivated": "info",
    "Removed": "info",
    "Waiting": "info",
    "Retrying": "warning",
    "Refused": "danger",
    "Conflict": "danger",
    "Switched off": "warning",
    "None": "info",
}
_STATES = {
    State.ACTIVE: "Active",
    State.SUSPENDED: "Deactivated",
    State.GONE: "Removed",
    State.ABSENT: "None",
}


def status(account: Account) -> str:
    """How the account stands, in one word: what is wrong before what is right."""
    if account.problem:
        return str(Problem(account.problem).label)
    if account.due_at is not None and account.generation > account.done_generation:
        return "Waiting"
    return _STATES[State(account.state)]


@admin.register(Account)
class AccountAdmin(ModelAdmin):
    list_display = ["identifier", "person", "app", "status_label", "message", "checked_at"]
    list_filter = ["app", "state", "problem"]
    list_filter_submit = True
    list_select_related = ["app", "user"]
    search_fields = ["identifier_key__startswith"]
    search_help_text = "Beginning of the user name"
    show_full_result_count = False
    actions = ["push_now"]
    fieldsets = [
        (None, {"fields": ["identifier", "person", "app", "status_label", "message", "report"]}),
        ("Next", {"fields": ["due_at", "attempts", "trigger", "actor"]}),
        ("In the application", {"fields": ["remote_id", "origin", "sent", "checked_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        return super().get_search_results(request, queryset, normalise(search_term))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Forgetting an account would lose track of something that exists elsewhere.
        return False

    @display(description="Person", ordering="user__username_key")
    def person(self, account: Account) -> str:
        if account.user is None:
            return "deleted here"
        address = reverse("admin:iam_user_change", args=[account.user.pk])
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, account.user)

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, account: Account) -> str:
        return status(account)

    @display(description="What was sent last")
    def sent(self, account: Account) -> str:
        lines = "\n".join(f"{path}: {value}" for path, value in account.applied.items())
        return format_html('<span class="pointed">{}</span>', lines or "nothing yet")

    @display(description="Report")
    def report(self, account: Account) -> str:
        address = reverse("admin:reports_provisioningreport_changelist")
        return format_html(
            '<a class="text-primary-600" href="{}?identifier={}&app={}&timespan=30d">'
            "What was done and why</a>",
            address,
            account.identifier,
            account.app_id,
        )

    @admin.action(description="Push now", permissions=["change"])
    def push_now(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        count = queue.mark_accounts(queryset, trigger=Trigger.MANUAL)
        messages.success(request, f"{count} accounts are compared and brought right now.")
