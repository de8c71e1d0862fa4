"""The first page: what there is, what needs a person, what was done last, what to set up next."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from iam.models import Group, Membership, User
from provisioning import guard, webhook_queue
from provisioning.models import NEEDS_A_PERSON, Account, App, Event, Lane, Policy, PushedGroup
from provisioning.plan import State


@dataclass(frozen=True)
class Step:
    """One step of the set-up, done or not, and where to do it."""

    title: str
    text: str
    address: str
    done: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The context of the overview page; only a greeting for who may not see the report."""
    if not request.user.has_perm("reports.view_provisioningreport"):
        return {**context, "may_see": False}
    # Whoever may not add an application sees what there is, and is not asked to set it up.
    steps = setup_steps() if request.user.has_perm("provisioning.add_app") else []
    accounts = Account.objects.aggregate(
        active=Count("pk", filter=Q(state=State.ACTIVE)),
        waiting=Count("pk", filter=Q(due_at__lte=timezone.now())),
        stuck=Count("pk", filter=Q(problem__in=NEEDS_A_PERSON)),
    )
    return {
        **context,
        "may_see": True,
        "steps": steps,
        "next_step": next((step for step in steps if not step.done), None),
        "people": User.objects.filter(is_active=True).count(),
        "accounts": accounts,
        "held": guard.waiting_by_app(),
        "stopped": Lane.objects.exclude(problem="").select_related("app"),
        "paused": App.objects.filter(paused=True),
        "groups_stuck": PushedGroup.objects.filter(problem__in=NEEDS_A_PERSON).count(),
        "webhooks_failing": webhook_queue.in_trouble(),
        "webhooks_given_up": webhook_queue.given_up(),
        "events": Event.objects.all()[:10],
    }


def setup_steps() -> list[Step]:
    """The guide's own order; each step is done when its first object is there."""
    return [
        Step(
            "Add an application",
            "Choose Zoom or another application, enter its address and token, and test it.",
            reverse("admin:provisioning_app_add"),
            App.objects.exists(),
        ),
        Step(
            "Add a group",
            "A group holds the people who get the same applications.",
            reverse("admin:iam_group_add"),
            Group.objects.exists(),
        ),
        Step(
            "Add a policy",
            "A policy says which group gets which application.",
            reverse("admin:provisioning_policy_add"),
            Policy.objects.exists(),
        ),
        Step(
            "Add people",
            "Nothing is sent anywhere until a person is in a group.",
            reverse("admin:iam_user_add"),
            User.objects.exists(),
        ),
        Step(
            "Put people into the group",
            "Within seconds their accounts appear in the application.",
            reverse("admin:iam_group_changelist"),
            Membership.objects.exists(),
        ),
    ]
