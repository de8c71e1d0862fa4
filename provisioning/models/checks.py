"""What a person decides or reads: removals held back, leavers, comparisons with the application."""

from django.db import models

from iam.fields import NormalisedField
from iam.models import User
from provisioning.models.accounts import Account
from provisioning.models.apps import App
from provisioning.models.groups import PushedGroup
from provisioning.plan import Operation


class Decision(models.TextChoices):
    WAITING = "waiting", "Waits for a decision"
    RELEASED = "released", "Released"
    REJECTED = "rejected", "Kept"
    OVER = "over", "Not needed any more"


class Hold(models.Model):
    """One removal that the guard held back, and what a person decided about it.

    It is about an account, or about a group there: then `people` are to be taken out of it.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="holds")
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, null=True, blank=True, related_name="holds"
    )
    pushed_group = models.ForeignKey(
        PushedGroup, on_delete=models.CASCADE, null=True, blank=True, related_name="holds"
    )
    people = models.PositiveIntegerField(default=1)
    # The user name, or the group's name.
    identifier = models.CharField("who", max_length=200)
    identifier_key = NormalisedField(source="identifier")
    operation = models.CharField(
        "would be",
        max_length=20,
        choices=[
            (Operation.DEACTIVATE.value, "Deactivated"),
            (Operation.DELETE.value, "Deleted"),
            (Operation.REMOVE_MEMBER.value, "Taken out of the group"),
            (Operation.DELETE_GROUP.value, "Group deleted"),
        ],
    )
    why = models.TextField()
    held_at = models.DateTimeField()
    decision = models.CharField(max_length=20, choices=Decision.choices, default=Decision.WAITING)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=150, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-held_at", "identifier_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                condition=models.Q(decision=Decision.WAITING),
                name="one_waiting_hold_an_account",
            ),
            models.UniqueConstraint(
                fields=["pushed_group"],
                condition=models.Q(decision=Decision.WAITING),
                name="one_waiting_hold_a_group",
            ),
        ]
        indexes = [
            models.Index(fields=["app", "decision", "-held_at"], name="holds_by_app"),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} in {self.app}"


class Leaving(models.Model):
    """Somebody was removed everywhere: by whom, why, and from which groups, to bring them back."""

    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="leavings"
    )
    # Kept when the person is deleted.
    identifier = models.CharField("user name", max_length=150)
    identifier_key = NormalisedField(source="identifier", db_index=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    reason = models.TextField()
    was_active = models.BooleanField()
    # The names of the groups that the person was taken out of.
    groups = models.JSONField(default=list)

    class Meta:
        ordering = ["-at", "-pk"]
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.identifier}, {self.at:%-d %b %Y, %H:%M}"


class Run(models.Model):
    """One comparison of all accounts of an app with the app itself."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="runs")
    dry = models.BooleanField("only look", default=False)
    actor = models.CharField("started by", max_length=150, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # Where it goes on after an interruption, and who is at it.
    position = models.JSONField(default=dict, blank=True)
    owner = models.CharField(max_length=100, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    listed = models.PositiveIntegerField("accounts listed", default=0)
    expected = models.PositiveIntegerField("accounts there", null=True, blank=True)
    same = models.PositiveIntegerField("as they should be", default=0)
    changed = models.PositiveIntegerField("changed there", default=0)
    missing = models.PositiveIntegerField("missing there", default=0)
    unknown = models.PositiveIntegerField("unknown to Gatehouse", default=0)
    complete = models.BooleanField("complete", default=False)
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]
        verbose_name = "comparison"
        constraints = [
            models.UniqueConstraint(
                fields=["app"],
                condition=models.Q(ended_at=None),
                name="one_comparison_an_app_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"Comparison of {self.app}, {self.started_at:%-d %b %Y, %H:%M}"

    @property
    def progress(self) -> str:
        """How far it is: “1,200 of 5,000”."""
        of = "" if self.expected is None else f" of {self.expected:,}"
        return f"{self.listed:,}{of}"


class Finding(models.Model):
    """One account that a comparison found to be other than it should be."""

    class Kind(models.TextChoices):
        CHANGED = "changed", "Changed there"
        MISSING = "missing", "Missing there"
        UNKNOWN = "unknown", "Unknown to Gatehouse"

    class Outcome(models.TextChoices):
        LISTED = "listed", "Only listed"
        PUT_RIGHT = "put_right", "Put right"
        LEFT = "left", "Left as it is"
        ASKED = "asked", "Waits for you"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, blank=True, related_name="findings"
    )
    identifier = models.CharField("user name", max_length=500)
    remote_id = models.CharField("id there", max_length=500)
    message = models.TextField()
    outcome = models.CharField(
        "what was done", max_length=20, choices=Outcome.choices, default=Outcome.LISTED
    )
    # What differs: {target: [what was left there, what is there]} (provisioning/drift.py).
    differences = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "remote_id"], name="one_finding_a_remote_account_and_run"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.identifier}"


class Sighting(models.Model):
    """One account that a comparison under way has come across; gone when the comparison ends."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="sightings")
    remote_id = models.CharField(max_length=500)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["run", "remote_id"], name="one_sighting_a_remote_account_and_run"
            ),
        ]

    def __str__(self) -> str:
        return self.remote_id
