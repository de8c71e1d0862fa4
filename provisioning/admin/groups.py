"""Groups there: what is pushed where, who is in it, and what stands in the way."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display

from iam.models import Group
from iam.text import counted, sought
from provisioning import access, group_guard, group_queue
from provisioning.models import (
    GroupGuard,
    MemberState,
    Problem,
    PushedGroup,
    PushedMember,
)
from provisioning.plan import State

STATUS_LABELS = {
    "In order": "success",
    "Removed": "info",
    "None": "info",
    "Waiting": "info",
    "Retrying": "warning",
    "Refused": "danger",
    "Conflict": "danger",
    "Held": "danger",
    "Kept": "warning",
    "Feature off": "warning",
}
_STATES = {State.ACTIVE: "In order", State.GONE: "Removed", State.ABSENT: "None"}
_MEMBER_LABELS = {
    MemberState.IN.label: "success",
    MemberState.ADDING.label: "info",
    MemberState.REMOVING.label: "info",
    MemberState.REFUSED.label: "danger",
}


def status(pushed: PushedGroup) -> str:
    """How the group there stands, in one word: what is wrong before what is right."""
    if pushed.problem:
        return str(Problem(pushed.problem).label)
    if pushed.due_at is not None and pushed.generation > pushed.done_generation:
        return "Waiting"
    if pushed.guard == GroupGuard.KEPT:
        return "Kept"
    return _STATES[State(pushed.state)]


class _ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False
    hide_title = True
    per_page = 50

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Members(_ReadOnlyInline):
    """Who is in the group there, or is about to be, a page at a time."""

    model = PushedMember
    verbose_name_plural = "members"
    fields = readonly_fields = ["person", "state_label", "message", "try_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushedMember]:
        # Who needs somebody comes first.
        rows = super().get_queryset(request).select_related("account__user")
        return rows.order_by("-message", "account__identifier_key")

    @display(description="Person")
    def person(self, member: PushedMember) -> str:
        address = reverse("admin:provisioning_account_change", args=[member.account_id])
        who = member.account.identifier
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, who)

    @display(description="State", label=_MEMBER_LABELS)
    def state_label(self, member: PushedMember) -> str:
        return str(MemberState(member.state).label)


class PushedGroupsOfGroup(_ReadOnlyInline):
    """Where the group is kept as a group, and how it stands there."""

    model = PushedGroup
    fk_name = "group"
    verbose_name_plural = "this group in applications"
    fields = readonly_fields = ["app_name", "status_label", "message", "checked_at"]
    show_change_link = True

    @display(description="App")
    def app_name(self, pushed: PushedGroup) -> str:
        return pushed.app.name

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, pushed: PushedGroup) -> str:
        return status(pushed)


@admin.register(PushedGroup)
class PushedGroupAdmin(ModelAdmin):
    list_display = [
        "name",
        "app",
        "people_in",
        "people_waiting",
        "people_refused",
        "status_label",
        "message",
        "checked_at",
    ]
    list_filter = ["app", "state", "problem"]
    list_filter_submit = True
    list_select_related = ["app", "group"]
    search_fields = ["name_key__startswith"]
    search_help_text = "Beginning of the name"
    empty_text = (
        "A group appears here as soon as an application is told to get it: choose “Groups to push” "
        "on the application's page."
    )
    show_full_result_count = False
    actions = ["push_now", "end_keeping"]
    actions_submit_line = ["push_this_now"]
    inlines = [Members]
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["name", "group_link", "app_name", "status_label", "message", "report"]}),
        ("People", {"fields": [("people_in", "people_waiting", "people_refused")]}),
        ("Next", {"fields": ["due_at", "attempts", "trigger", "actor"]}),
        ("In the application", {"fields": ["remote_id", "origin", "sent", "checked_at"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        names: list[str] = []
        for _, options in self.fieldsets:
            for name in options["fields"]:
                names.extend([name] if isinstance(name, str) else name)
        return names

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushedGroup]:
        is_in = Q(members__state=MemberState.IN)
        return (
            super()
            .get_queryset(request)
            .annotate(
                count_in=Count("members", filter=is_in),
                count_refused=Count("members", filter=~Q(members__message="")),
                count_people=access.people_in("group"),
            )
            .annotate(count_waiting=F("count_people") - F("count_in"))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PushedGroup], search_term: str
    ) -> tuple[QuerySet[PushedGroup], bool]:
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

    def save_model(self, request: HttpRequest, obj: PushedGroup, form: Any, change: bool) -> None:
        # Only the engine writes groups there; this page has a button and no field.
        if "push_this_now" in request.POST:
            self.push_this_now(request, obj)

    def response_change(self, request: HttpRequest, obj: PushedGroup) -> HttpResponse:
        return HttpResponseRedirect(request.path)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # No field can be changed here: it is the page's button.
        return self.has_push_permission(request)

    def has_push_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("provisioning.push_pushedgroup")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("provisioning.change_pushedgroup")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Forgetting it would lose track of something that exists elsewhere.
        return False

    @display(description="In it", ordering="count_in")
    def people_in(self, pushed: Any) -> int:
        return int(pushed.count_in)

    @display(description="Waiting", ordering="count_waiting")
    def people_waiting(self, pushed: Any) -> int:
        """People of the group who are not in it there: most of them have no account there yet."""
        if not pushed.granted:
            return 0
        return max(0, int(pushed.count_waiting) - int(pushed.count_refused))

    @display(description="Refused", ordering="count_refused")
    def people_refused(self, pushed: Any) -> int:
        return int(pushed.count_refused)

    @display(description="App")
    def app_name(self, pushed: PushedGroup) -> str:
        return pushed.app.name

    @display(description="Group here")
    def group_link(self, pushed: PushedGroup) -> str:
        group: Group | None = pushed.group
        if group is None:
            return "deleted here"
        address = reverse("admin:iam_group_change", args=[group.pk])
        return format_html('<a class="text-primary-600" href="{}">{}</a>', address, group)

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, pushed: PushedGroup) -> str:
        return status(pushed)

    @display(description="What was sent last")
    def sent(self, pushed: PushedGroup) -> str:
        lines = "\n".join(f"{path}: {value}" for path, value in pushed.applied.items())
        return format_html('<span class="pointed">{}</span>', lines or "nothing yet")

    @display(description="Report")
    def report(self, pushed: PushedGroup) -> str:
        address = reverse("admin:reports_provisioningreport_changelist")
        about = {"identifier": pushed.name, "app": str(pushed.app_id), "timespan": "30d"}
        return format_html(
            '<a class="text-primary-600" href="{}?{}">What was done and why</a>',
            address,
            urlencode(about),
        )

    @action(description="Push now", icon="sync", permissions=["push"])
    def push_this_now(self, request: HttpRequest, obj: PushedGroup) -> None:
        self.push_now(request, PushedGroup.objects.filter(pk=obj.pk))

    @admin.action(description="Push now", permissions=["push"])
    def push_now(self, request: HttpRequest, queryset: QuerySet[PushedGroup]) -> None:
        chosen = PushedGroup.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        count = group_queue.push_now(chosen)
        what = counted(count, "group is", "groups are")
        messages.success(request, f"{what} looked at again now.")

    @admin.action(description="Take out whom you kept", permissions=["decide"])
    def end_keeping(self, request: HttpRequest, queryset: QuerySet[PushedGroup]) -> None:
        chosen = PushedGroup.objects.filter(pk__in=list(queryset.values_list("pk", flat=True)))
        count = group_guard.end_keeping(chosen, by=request.user.get_username())
        if not count:
            messages.warning(request, "None of these groups was kept as it is under Holds.")
            return
        what = counted(count, "group follows", "groups follow")
        messages.success(request, f"{what} now, and lose whoever should not be in them.")
