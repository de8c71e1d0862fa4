"""Groups there: what is pushed where, who is in it, and what stands in the way."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from iam.models import Group
from iam.text import counted
from provisioning import access, group_guard, group_queue
from provisioning.admin import parts
from provisioning.admin.parts import Pushed, ReadOnlyInline
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


class Members(ReadOnlyInline):
    """Who is in the group there, or is about to be, a page at a time."""

    model = PushedMember
    per_page = 50
    verbose_name_plural = "members"
    fields = readonly_fields = ["person", "state_label", "message", "try_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PushedMember]:
        # Who needs somebody comes first.
        rows = super().get_queryset(request).select_related("account__user")
        return rows.order_by("-message", "account__identifier_key")

    @display(description="Person")
    def person(self, member: PushedMember) -> str:
        who = member.account.identifier
        return parts.link("provisioning_account", member.account_id, who)

    @display(description="State", label=_MEMBER_LABELS)
    def state_label(self, member: PushedMember) -> str:
        return str(MemberState(member.state).label)


class PushedGroupsOfGroup(ReadOnlyInline):
    """Where the group is kept as a group, and how it stands there."""

    model = PushedGroup
    per_page = 50
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
class PushedGroupAdmin(Pushed):
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
    list_select_related = ["app", "group"]
    search_fields = ["name_key__startswith"]
    search_help_text = "Beginning of the name"
    empty_text = (
        "A group appears here as soon as an application is told to get it: choose “Groups to push” "
        "on the application's page."
    )
    actions = ["push_now", "end_keeping"]
    inlines = [Members]
    fieldsets: ClassVar[list[Any]] = [
        (None, {"fields": ["name", "group_link", "app_name", "status_label", "message", "report"]}),
        ("People", {"fields": [("people_in", "people_waiting", "people_refused")]}),
        ("Next", {"fields": ["due_at", "attempts", "trigger", "actor"]}),
        ("In the application", {"fields": ["remote_id", "origin", "sent", "checked_at"]}),
    ]

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

    @display(description="Group here")
    def group_link(self, pushed: PushedGroup) -> str:
        group: Group | None = pushed.group
        if group is None:
            return "deleted here"
        return parts.link("iam_group", group.pk, group)

    @display(description="State", label=STATUS_LABELS)
    def status_label(self, pushed: PushedGroup) -> str:
        return status(pushed)

    @display(description="What was sent last")
    def sent(self, pushed: PushedGroup) -> str:
        return parts.values(pushed.applied)

    @display(description="Report")
    def report(self, pushed: PushedGroup) -> str:
        return parts.to_report(pushed.name, pushed.app_id)

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
