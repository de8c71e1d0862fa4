"""Groups that are kept in an application, and who is in them there."""

import uuid

from django.db import models

from iam.fields import NormalisedField
from iam.models import Group
from provisioning import doubt
from provisioning.group_plan import RecordedGroup
from provisioning.models.accounts import STATES, Account, Origin, Problem, Trigger
from provisioning.models.apps import App
from provisioning.plan import State


class GroupGuard(models.TextChoices):
    """Where a group that people are to be taken out of stands with the guard."""

    HELD = "held", "Waits for a decision"
    RELEASED = "released", "May lose people"
    KEPT = "kept", "Stays as it is"


class PushedGroup(models.Model):
    """One group in one app: what was last done, and whether it is due to be looked at again.

    The row is the queue, as an account's is (docs/decisions/0004). It outlives the group and the
    choice to push it: what it says is there is what has to be taken away.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="pushed_groups")
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="pushed"
    )
    # As it was last worked on; kept when the group is deleted.
    name = models.CharField(max_length=200)
    name_key = NormalisedField(source="name")
    external_id = models.UUIDField(default=uuid.uuid4, editable=False)
    remote_id = models.CharField("id there", max_length=500, null=True, blank=True)  # noqa: DJ001 - unique
    origin = models.CharField("how it began", max_length=20, choices=Origin.choices, blank=True)
    state = models.CharField(
        max_length=20,
        choices=STATES,
        default=State.ABSENT,
    )
    generation = models.PositiveIntegerField(default=1)
    done_generation = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField("next look", null=True, blank=True)
    trigger = models.CharField("because of", max_length=20, choices=Trigger.choices, blank=True)
    actor = models.CharField("set off by", max_length=150, blank=True)
    # When the change was committed that it is due for; empty for a later look.
    marked_at = models.DateTimeField(null=True, blank=True)
    # The write to the group itself that is about to be sent, as in `Account.intent`. Of its members
    # the rows say the same.
    intent = models.JSONField(default=dict, blank=True)
    # What was last sent for each mapped target.
    applied = models.JSONField(default=dict, blank=True)
    # Whether it was to be pushed when it was last worked on.
    granted = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField("failed attempts", default=0)
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    message = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    guard = models.CharField(max_length=20, choices=GroupGuard.choices, blank=True)
    # Which removals the guard's judgement or the decision is about (provisioning/group_guard.py).
    guard_about = models.CharField(max_length=100, blank=True)
    guard_people = models.PositiveIntegerField(default=0)
    # Who allowed them, while they have not all happened yet.
    released_by = models.CharField(max_length=150, blank=True)
    # How many people its deletion there took out of it without anybody having been asked.
    lost_people = models.PositiveIntegerField(default=0)
    lost_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField("last look", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Whether it is to be pushed now: no column, but what queries that ask for it add
    # (access.with_wanted_groups).
    wanted: bool

    class Meta:
        ordering = ["name_key", "pk"]
        verbose_name = "group there"
        verbose_name_plural = "groups there"
        constraints = [
            models.UniqueConstraint(fields=["app", "group"], name="one_pushed_group_an_app"),
            models.UniqueConstraint(
                fields=["app", "remote_id"], name="one_pushed_group_a_remote_id_and_app"
            ),
        ]
        indexes = [
            models.Index(
                fields=["app", "due_at"],
                name="pushed_groups_due",
                condition=models.Q(due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} in {self.app}"

    @property
    def recorded(self) -> RecordedGroup:
        """What is known of it, for the plan."""
        return RecordedGroup(
            state=State(self.state),
            has_remote=self.remote_id is not None,
            made_by_us=self.origin == Origin.CREATED,
            applied=self.applied,
            doubts=doubt.operations(self.intent),
            doubtful=doubt.paths(self.intent),
        )


class MemberState(models.TextChoices):
    """Where one account stands with one group there."""

    ADDING = "adding", "Is being added"
    IN = "in", "In the group"
    REMOVING = "removing", "Is being taken out"
    REFUSED = "refused", "Refused"


class PushedMember(models.Model):
    """One account in one group there, from before it is sent until it is known to be out again.

    `adding` and `removing` are committed before the request: where they are left behind, nobody
    knows whether it got through, and it is sent again.
    """

    pushed_group = models.ForeignKey(PushedGroup, on_delete=models.CASCADE, related_name="members")
    # An account's row goes only with its app, which takes this one along.
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="pushed_members")
    # The account as it was sent: one that gets another id is another member.
    remote_id = models.CharField("id there", max_length=500)
    state = models.CharField(max_length=20, choices=MemberState.choices)
    # How often the application said yes to what `state` says and nothing was to be seen of it.
    looks = models.PositiveIntegerField("looked for in vain", default=0)
    # Why it was not added or removed, since when, and when to try once more.
    message = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    try_at = models.DateTimeField("next try", null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name = "member"
        constraints = [
            models.UniqueConstraint(
                fields=["pushed_group", "remote_id"], name="one_member_a_remote_id_and_group"
            ),
        ]
        indexes = [
            models.Index(
                fields=["pushed_group", "try_at"],
                name="members_refused",
                condition=~models.Q(message=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account.identifier} in {self.pushed_group}"
