"""Holds: the removals that wait for a person, and what was decided about them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.decorators import display

from iam.text import capital, counted
from provisioning import group_guard, guard
from provisioning.admin import confirming, parts
from provisioning.admin.parts import FoundByKey, ReadOnly
from provisioning.models import Decision, Hold
from provisioning.plan import Operation

_ALL = "all"
_GROUPS_SHOWN = 20
_LABELS = {
    Decision.WAITING.label: "danger",
    Decision.RELEASED.label: "warning",
    Decision.REJECTED.label: "success",
    Decision.OVER.label: "info",
}


class DecisionFilter(admin.SimpleListFilter):
    """What waits is shown first; what was decided is there to look up."""

    title = "decision"
    parameter_name = "decision"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*Decision.choices, (_ALL, "All")]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.lookup_choices:
            yield {
                "selected": (self.value() or Decision.WAITING) == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:
        value = self.value() or Decision.WAITING
        return queryset if value == _ALL else queryset.filter(decision=value)


@admin.register(Hold)
class HoldAdmin(ReadOnly, FoundByKey):
    """A hold is decided, not edited."""

    list_display = [
        "identifier",
        "app",
        "operation",
        "why",
        "held_at",
        "decision_label",
        "decided_by",
        "reason",
    ]
    list_filter = [DecisionFilter, "app"]
    list_filter_submit = True
    list_select_related = ["app"]
    search_fields = ["identifier_key__startswith"]
    search_help_text = "Beginning of the user name, or of the group's name"
    empty_text = (
        "Nothing waits for a decision. When too many people would lose an application within 24 "
        "hours, they keep it for the time being and are listed here."
    )
    actions = ["release", "keep"]
    fields = [
        "identifier",
        "account_link",
        "app",
        "operation",
        "why",
        "held_at",
        "decision_label",
        "decided_by",
        "decided_at",
        "reason",
    ]
    readonly_fields = ["account_link", "decision_label"]

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("provisioning.change_hold"))

    def badge(self, request: HttpRequest) -> int:
        """For the menu."""
        return guard.waiting().count()

    @display(description="Decision", label=_LABELS)
    def decision_label(self, hold: Hold) -> str:
        return str(Decision(hold.decision).label)

    @display(description="Account or group there")
    def account_link(self, hold: Hold) -> str:
        model, key = "provisioning_account", hold.account_id
        if hold.pushed_group_id is not None:
            model, key = "provisioning_pushedgroup", hold.pushed_group_id
        return parts.link(model, key, hold)

    @admin.action(description="Release: let them lose access", permissions=["decide"])
    def release(self, request: HttpRequest, queryset: QuerySet[Hold]) -> HttpResponse | None:
        return self._decide(request, queryset, _RELEASE)

    @admin.action(description="Keep these as they are", permissions=["decide"])
    def keep(self, request: HttpRequest, queryset: QuerySet[Hold]) -> HttpResponse | None:
        return self._decide(request, queryset, _KEEP)

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[Hold], choice: "_Choice"
    ) -> HttpResponse | None:
        waiting = confirming.shown_before(request, queryset.filter(decision=Decision.WAITING))
        told = _sentences(waiting, choice.effect)
        if not told:
            messages.warning(request, "None of these waits for a decision any more.")
            return None
        form = confirming.ReasonForm(request.POST if confirming.confirmed(request) else None)
        if not form.is_valid():
            question = confirming.Question(choice.action, choice.title, choice.button, told)
            return confirming.ask(self, request, question, waiting, form=form)
        reason = form.cleaned_data["reason"]
        groups = waiting.exclude(pushed_group=None).count()
        count = choice.decide(waiting, by=request.user.get_username(), reason=reason)
        messages.success(request, choice.done(count - groups, groups))
        return None


@dataclass(frozen=True)
class _Choice:
    """One of the two ways to decide, and how it is told before and after."""

    action: str
    title: str
    button: str
    effect: Callable[[str, str, int], str]
    decide: Callable[..., int]
    done: Callable[[int, int], str]


def _sentences(holds: QuerySet[Hold], effect: Callable[[str, str, int], str]) -> list[str]:
    """One for each application and way to lose it, and one for each group there."""
    accounts = holds.filter(pushed_group=None).order_by()
    counts = accounts.values_list("app__name", "operation").annotate(Count("pk"))
    groups = holds.exclude(pushed_group=None).select_related("app").order_by("identifier_key")
    return [
        *(effect(app, operation, count) for app, operation, count in sorted(counts)),
        *(_of_group(hold, loses=effect is _lose) for hold in groups[:_GROUPS_SHOWN]),
    ]


def _of_group(hold: Hold, *, loses: bool) -> str:
    people = counted(hold.people, "person", "people")
    group = f"the group “{hold.identifier}” in {hold.app}"
    if hold.operation == Operation.DELETE_GROUP:
        if loses:
            return f"{capital(group)} is deleted, with {people} in it. That cannot be undone."
        return f"{capital(group)} stays, with {people} in it."
    if loses:
        return f"{people} {'is' if hold.people == 1 else 'are'} taken out of {group}."
    return f"{people} {'stays' if hold.people == 1 else 'stay'} in {group}."


def _lose(app: str, operation: str, count: int) -> str:
    who = counted(count, "person loses", "people lose")
    their = "the account is" if count == 1 else "their accounts are"
    if operation == Operation.DELETE:
        return f"{who} {app} for good: {their} deleted there. That cannot be undone."
    return f"{who} {app}: {their} switched off there. That can be undone."


def _keep(app: str, operation: str, count: int) -> str:
    if operation == Operation.DELETE:
        is_not, stays = ("is", "stays") if count == 1 else ("are", "stay")
        return (
            f"{counted(count, 'account')} in {app} {is_not} not deleted and {stays} switched off."
        )
    who = counted(count, "person keeps", "people keep")
    their = "the account stays as it is" if count == 1 else "their accounts stay as they are"
    return f"{who} {app}: {their} until something changes for them."


def _released(accounts: int, groups: int) -> str:
    said = [f"{counted(accounts, 'account')} may lose access now."] if accounts else []
    said += [f"{counted(groups, 'group')} may lose people now."] if groups else []
    return f"{' '.join(said)} That happens within seconds."


def _kept(accounts: int, groups: int) -> str:
    said = []
    if accounts:
        end = "To let go of one later, choose “End access” under Accounts."
        said.append(f"{counted(accounts, 'account stays', 'accounts stay')}. {end}")
    if groups:
        stay = counted(groups, "group stays as it is", "groups stay as they are")
        end = "To let it happen later, choose “Take out whom you kept” under Groups there."
        said.append(f"{stay}. {end}")
    return " ".join(said)


_RELEASE = _Choice(
    "release",
    "Let these people lose access?",
    "Let them lose access",
    _lose,
    group_guard.release,
    _released,
)
_KEEP = _Choice(
    "keep", "Keep these as they are?", "Keep them as they are", _keep, group_guard.reject, _kept
)
