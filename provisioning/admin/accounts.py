"""Accounts: what should be, what is, and what stands in the way, one row a person and app."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.admin import ModelAdmin
from unfold.decorators import action, display

from iam.text import counted, sought
from provisioning import access, drift, evidence, guard, queue
from provisioning.admin import confirming, ownership
from provisioning.admin.comparisons import decided
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
class AccountAdmin(ModelAdmin):
    list_display = ["identifier", "person", "app", "status_label", "message", "checked_at"]
    list_filter = [AttentionFilter, "app", "state", "problem", KeptFilter]
    list_filter_submit = True
    list_select_related = ["app", "user"]
    search_fields = ["identifier_key__startswith"]
    search_help_text = "Beginning of the user name"
    empty_text = (
        "An account appears here as soon as a person is in a group that gets an application by a "
        "policy."
    )
    show_full_result_count = False
    actions = ["push_now", "put_right", "leave", "end_access"]
    actions_submit_line = ["push_this_now"]
    actions_detail = ["choose", "forget", "manage_again"]
    fieldsets = [
        (None, {"fields": ["identifier", "person", "app_name", "status_label", "message"]}),
        ("What was done", {"fields": ["report", "certificate"]}),
        ("Next", {"fields": ["due_at", "attempts", "trigger", "actor"]}),
        ("In the application", {"fields": ["remote_id", "origin", "sent", "checked_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _, options in self.fieldsets for name in options["fields"]]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Account], search_term: str
    ) -> tuple[QuerySet[Account], bool]:
        return super().get_search_results(request, queryset, sought(search_term))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        nothing_to_save = {"show_save": False, "show_save_and_continue": False}
        extra = {**(extra_context or {}), **nothing_to_save}
        return super().changeform_view(request, object_id, form_url, extra)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        # Only the engine writes accounts; this page has a button and no field.
        if "push_this_now" in request.POST:
            self.push_this_now(request, obj)

    def response_change(self, request: HttpRequest, obj: Account) -> HttpResponse:
        return HttpResponseRedirect(request.path)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # No field can be changed here: it is the page's button.
        return self.has_push_permission(request)

    def has_push_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("provisioning.push_account")

    def has_decide_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("provisioning.change_account")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Forgetting an account would lose track of something that exists elsewhere.
        return False

    @display(description="Person", ordering="user__username_key")
    def person(self, account: Account) -> str:
        if account.user is None:
            return "deleted here"
        address = reverse("admin:iam_user_change", args=[account.user.pk])
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, account.user)

    @display(description="App")
    def app_name(self, account: Account) -> str:
        # Not the field itself: Django would make a link of it for those, too, who may not open it.
        return account.app.name

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, account: Account) -> str:
        return status(account)

    @display(description="What was sent last")
    def sent(self, account: Account) -> str:
        values = evidence.shown(account.applied, account.app.mappings.of_people())
        lines = "\n".join(f"{path}: {value}" for path, value in values.items())
        return format_html('<span class="pointed">{}</span>', lines or "nothing yet")

    @display(description="Report")
    def report(self, account: Account) -> str:
        address = reverse("admin:reports_provisioningreport_changelist")
        about = {
            "identifier": account.identifier,
            "app": str(account.app_id),
            "timespan": "30d",
        }
        return format_html(
            '<a class="text-primary-600" href="{}?{}">What was done and why</a>',
            address,
            urlencode(about),
        )

    @display(description="Everywhere")
    def certificate(self, account: Account) -> str:
        if account.user_id is not None:
            address = reverse("admin:reports_certificate", args=[account.user_id])
        else:
            about = urlencode({"identifier": account.identifier})
            address = f"{reverse('admin:reports_certificate_of_deleted')}?{about}"
        return format_html(
            '<a class="text-primary-600" href="{}">Certificate: what became of their access</a>',
            address,
        )

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

    @action(description="Push now", icon="sync", permissions=["push"])
    def push_this_now(self, request: HttpRequest, obj: Account) -> None:
        self.push_now(request, Account.objects.filter(pk=obj.pk))

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
