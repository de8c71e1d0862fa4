"""Accounts: what should be, what is, and what stands in the way, one row a person and app."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from unfold.decorators import action, display

from iam.text import counted
from provisioning import access, drift, evidence, guard, queue
from provisioning.admin import confirming, ownership, parts
from provisioning.admin.comparisons import decided
from provisioning.admin.parts import Pushed
from provisioning.models import NEEDS_A_PERSON, Account, App, Problem, Trigger
from provisioning.plan import State

STATUS_LABELS = {
    "Active": "success",
    "Deactivated": "info",
    "Removed": "info",
    "Waiting": "info",
    "Retrying": "warning",
    "Refused": "danger",
    "Conflict": "danger",
    "Held": "danger",
    "Kept": "warning",
    "Feature off": "warning",
    "Changed there": "warning",
    "Without effect": "danger",
    "None": "info",
    "Not managed": "warning",
}
_STATES = {
    State.ACTIVE: "Active",
    State.SUSPENDED: "Deactivated",
    State.GONE: "Removed",
    State.ABSENT: "None",
}


def status(account: Account) -> str:
    """How the account stands, in one word: what is wrong before what is right."""
    if account.forgotten_at is not None:
        return "Not managed"
    if account.problem:
        return str(Problem(account.problem).label)
    if account.due_at is not None and account.generation > account.done_generation:
        return "Waiting"
    if account.kept_because:
        return "Kept"
    return _STATES[State(account.state)]


class AttentionFilter(admin.SimpleListFilter):
    """What the overview counts: accounts that a person must see to, and those that are due."""

    title = "attention"
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("needed", "Need you"), ("waiting", "Waiting to be sent")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        match self.value():
            case "needed":
                return queryset.filter(problem__in=NEEDS_A_PERSON)
            case "waiting":
                return queryset.filter(due_at__lte=timezone.now())
        return queryset


class KeptFilter(admin.SimpleListFilter):
    """Accounts that no policy gives and that somebody decided to keep."""

    title = "kept under Holds"
    parameter_name = "kept"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Yes")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        return queryset.exclude(kept_because="") if self.value() == "yes" else queryset


@admin.register(Account)
class AccountAdmin(Pushed):
    list_display = ["identifier", "person", "app", "status_label", "message", "checked_at"]
    list_filter = [AttentionFilter, "app", "state", "problem", KeptFilter]
    list_select_related = ["app", "user"]
    search_fields = ["identifier_key__startswith"]
    search_help_text = "Beginning of the user name"
    empty_text = (
        "An account appears here as soon as a person is in a group that gets an application by a "
        "policy."
    )
    actions = ["push_now", "put_right", "leave", "end_access"]
    actions_detail = ["choose", "forget", "manage_again"]
    fieldsets = [
        (None, {"fields": ["identifier", "person", "app_name", "status_label", "message"]}),
        ("What was done", {"fields": ["report", "certificate"]}),
        ("Next", {"fields": ["due_at", "attempts", "trigger", "actor"]}),
        ("In the application", {"fields": ["remote_id", "origin", "sent", "checked_at"]}),
    ]

    @display(description="Person", ordering="user__username_key")
    def person(self, account: Account) -> str:
        if account.user is None:
            return "deleted here"
        return parts.link("iam_user", account.user.pk, account.user)

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, account: Account) -> str:
        return status(account)

    @display(description="What was sent last")
    def sent(self, account: Account) -> str:
        return parts.values(evidence.shown(account.applied, account.app.mappings.of_people()))

    @display(description="Report")
    def report(self, account: Account) -> str:
        return parts.to_report(account.identifier, account.app_id)

    @display(description="Everywhere")
    def certificate(self, account: Account) -> str:
        if account.user_id is not None:
            address = reverse("admin:reports_certificate", args=[account.user_id])
        else:
            about = urlencode({"identifier": account.identifier})
            address = f"{reverse('admin:reports_certificate_of_deleted')}?{about}"
        return parts.link_to(address, "Certificate: what became of their access")

    @action(
        description="Choose account there",
        url_path="choose",
        icon="link",
        permissions=["decide"],
    )
    def choose(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return ownership.choose(self, request, object_id)

    @action(
        description="Stop managing",
        url_path="forget",
        icon="link_off",
        permissions=["decide"],
    )
    def forget(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return ownership.forget(self, request, object_id)

    @action(
        description="Manage again",
        url_path="manage-again",
        icon="add_link",
        permissions=["decide"],
    )
    def manage_again(self, request: HttpRequest, object_id: int) -> HttpResponse:
        return ownership.manage_again(self, request, object_id)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Those that mean something for this account."""
        found = Account.objects.filter(pk=object_id).values_list("forgotten_at", flat=True).first()
        useless = "forget" if found is not None else "manage_again"
        actions = super().get_actions_detail(request, object_id)
        return [each for each in actions if not each.action_name.endswith(useless)]

    @admin.action(description="Put it right", permissions=["decide"])
    def put_right(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        decided(request, drift.open_questions(queryset), put_it_right=True)

    @admin.action(description="Leave it as it is", permissions=["decide"])
    def leave(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        decided(request, drift.open_questions(queryset), put_it_right=False)

    @admin.action(description="Push now", permissions=["push"])
    def push_now(self, request: HttpRequest, queryset: QuerySet[Account]) -> None:
        count = queue.mark_accounts(queryset, trigger=Trigger.MANUAL)
        what = counted(count, "account is", "accounts are")
        messages.success(request, f"{what} looked at again now.")

    @admin.action(description="End access", permissions=["decide"])
    def end_access(self, request: HttpRequest, queryset: QuerySet[Account]) -> HttpResponse | None:
        kept = confirming.shown_before(request, queryset.exclude(kept_because=""))
        told = _endings(kept)
        if not told:
            messages.warning(
                request,
                "None of these accounts was kept under Holds. To end any other access, take the "
                "person out of the group that gives it.",
            )
            return None
        if not confirming.confirmed(request):
            question = confirming.Question("end_access", "End access?", "End their access", told)
            return confirming.ask(self, request, question, kept)
        count = guard.end_access(kept, by=request.user.get_username())
        what = counted(count, "account loses", "accounts lose")
        messages.success(request, f"{what} access now. That happens within seconds.")
        return None


def _endings(kept: QuerySet[Account]) -> list[str]:
    """What becomes of kept accounts that are let go, one sentence an application and state."""
    counts = kept.order_by().values_list("app", "state").annotate(Count("pk"))
    apps = App.objects.in_bulk([app for app, _, _ in counts])
    return [
        f"{counted(count, 'account')} will be {_ending(apps[app], state)} in {apps[app]}."
        for app, state, count in sorted(counts)
    ]


def _ending(app: App, state: str) -> str:
    # One that is switched off already was kept from being deleted.
    return access.what_becomes(app) if state == State.ACTIVE else "deleted"
