"""Accounts, which are the queue as well, and the events that tell what was done to them."""

from django.db import models

from iam.fields import NormalisedField
from iam.models import User
from provisioning import doubt
from provisioning.effects import Effect
from provisioning.models.apps import App
from provisioning.plan import Operation, Recorded, State


class Trigger(models.TextChoices):
    """What made an account due."""

    MEMBERSHIP = "membership", "Group membership"
    PERSON = "person", "Person changed"
    POLICY = "policy", "Policy changed"
    MAPPING = "mapping", "Mapping changed"
    APP = "app", "Application settings"
    MANUAL = "manual", "Push now"
    SWEEP = "sweep", "Routine check"
    COMPARISON = "comparison", "Comparison"
    DECISION = "decision", "Decision on a hold"


class Origin(models.TextChoices):
    CREATED = "created", "Created by Gatehouse"
    ADOPTED = "adopted", "Found and adopted"


class Problem(models.TextChoices):
    """Why an account is not as it should be, named by what happens next."""

    UNAVAILABLE = "unavailable", "Retrying"
    REJECTED = "rejected", "Refused"
    CONFLICT = "conflict", "Conflict"
    SWITCHED_OFF = "switched_off", "Feature off"
    HELD = "held", "Held"
    CHANGED_THERE = "changed_there", "Changed there"
    WITHOUT_EFFECT = "without_effect", "Without effect"


NEEDS_A_PERSON = (
    Problem.REJECTED,
    Problem.CONFLICT,
    Problem.CHANGED_THERE,
    Problem.WITHOUT_EFFECT,
)


class Guard(models.TextChoices):
    """Where an account that is to lose access stands with the guard."""

    HELD = "held", "Waits for a decision"
    RELEASED = "released", "May lose access"


class Priority(models.IntegerChoices):
    LEAVER = 0
    NORMAL = 1


# Of an account, and of a group there.
STATES = [(state.value, state.value) for state in State]


class Account(models.Model):
    """One user in one app: what was last done, and whether it is due to be looked at again.

    The row is the queue (docs/decisions/0004): `due_at` says when, `generation` grows with every
    change, and a push clears `due_at` only if the generation is still the one it worked on.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="accounts")
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="accounts"
    )
    # Kept when the person is deleted.
    identifier = models.CharField("user name", max_length=150)
    identifier_key = NormalisedField(source="identifier", db_index=True)
    external_id = models.UUIDField(editable=False)
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
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    trigger = models.CharField("because of", max_length=20, choices=Trigger.choices, blank=True)
    actor = models.CharField("set off by", max_length=150, blank=True)
    # The writes that may have happened and of which nobody knows it (provisioning/doubt.py).
    intent = models.JSONField(default=dict, blank=True)
    # What was last sent for each mapped target.
    applied = models.JSONField(default=dict, blank=True)
    # Where the application is known to hold something else than what was sent: {target: [sent,
    # there, whether it is left so]} (provisioning/drift.py).
    seen = models.JSONField(default=dict, blank=True, editable=False)
    # Whether the person was meant to have the account when it was last worked on.
    granted = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField("failed attempts", default=0)
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    message = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)
    guard = models.CharField(max_length=20, choices=Guard.choices, blank=True)
    # Who allowed it to lose access, while that has not happened yet.
    released_by = models.CharField(max_length=150, blank=True)
    # Somebody decided to keep the account: it stays as it is for as long as the reason against it
    # is this one (access.Reason).
    kept_because = models.CharField(max_length=20, blank=True)
    deprovisioned_at = models.DateTimeField(null=True, blank=True)
    # Somebody decided that it is not managed here: no account is looked for, created or changed
    # until one is linked again, or managing it is taken up again (provisioning/ownership.py).
    forgotten_at = models.DateTimeField("not managed since", null=True, blank=True)
    # When the change was committed that it is due for; empty for a later look.
    marked_at = models.DateTimeField(null=True, blank=True)
    # What it was last worked on with: the person as they were then.
    checked_at = models.DateTimeField("last look", null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Whether the person should have it now: no column, but what queries that ask for it add
    # (access.with_wanted).
    wanted: bool

    class Meta:
        ordering = ["identifier_key"]
        constraints = [
            models.UniqueConstraint(fields=["app", "user"], name="one_account_a_user_and_app"),
            models.UniqueConstraint(
                fields=["app", "remote_id"], name="one_account_a_remote_id_and_app"
            ),
        ]
        indexes = [
            models.Index(
                fields=["app", "priority", "due_at"],
                name="accounts_due",
                condition=models.Q(due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.identifier} in {self.app}"

    @property
    def recorded(self) -> Recorded:
        """What the planner is told of the account."""
        return Recorded(
            state=State(self.state),
            has_remote=self.remote_id is not None,
            applied=self.applied,
            doubts=doubt.operations(self.intent),
            doubtful=doubt.paths(self.intent),
            deprovisioned_at=self.deprovisioned_at,
            kept=bool(self.kept_because),
            forgotten=self.forgotten_at is not None,
        )


class TakenValue(models.Model):
    """A value that belongs to one account of an app for good, or to nobody here.

    What a formula with unique() gives is written down before it is sent, and never given to
    another account. Without an account, it is somebody else's in the application itself.
    """

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="+")
    target = models.CharField(max_length=500)
    # The form in which values are compared (provisioning/uniqueness.py).
    key = models.CharField(max_length=400)
    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, related_name="taken_values"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["app", "target", "key"], name="one_owner_a_value_and_target"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.target} “{self.key}” in {self.app}"


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    RETRYING = "retrying", "Will be tried again"
    FAILED = "failed", "Needs you"
    SKIPPED = "skipped", "Not done"
    HELD = "held", "Waits for you"


EFFECT_LABELS: dict[Effect, str] = {
    Effect.VERIFIED: "Verified",
    Effect.ACCEPTED: "Accepted",
    Effect.WITHOUT: "Without effect",
}
OPERATION_LABELS: dict[Operation, str] = {
    Operation.CREATE: "Create account",
    Operation.ADOPT: "Adopt existing account",
    Operation.UPDATE: "Update account",
    Operation.DEACTIVATE: "Deactivate account",
    Operation.REACTIVATE: "Reactivate account",
    Operation.DELETE: "Delete account",
    Operation.RESOLVE: "Look account up",
    Operation.FORGET: "Stop managing account",
    Operation.CREATE_GROUP: "Create group",
    Operation.ADOPT_GROUP: "Adopt existing group",
    Operation.UPDATE_GROUP: "Update group",
    Operation.DELETE_GROUP: "Delete group",
    Operation.ADD_MEMBER: "Add to group",
    Operation.REMOVE_MEMBER: "Take out of group",
}
EVENT_OPERATIONS = [(key.value, label) for key, label in OPERATION_LABELS.items()]


# What an index of a few rows is for. A search says it as well: SQLite goes by the very words.
NOT_DONE = ~models.Q(outcome=Outcome.DONE.value)
NOT_VERIFIED = ~models.Q(effect=Effect.VERIFIED.value)
BY_SOMEBODY = ~models.Q(actor="")


class Event(models.Model):
    """One row of what was done, to whom, where, with what result. Written once, never changed."""

    at = models.DateTimeField()
    app = models.ForeignKey(App, on_delete=models.SET_NULL, null=True, related_name="+")
    app_name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    # The user name, or the name of the group.
    identifier = models.CharField(max_length=200)
    identifier_key = NormalisedField(source="identifier")
    operation = models.CharField(max_length=20, choices=EVENT_OPERATIONS)
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    # Of what the application accepted: whether its effect was seen. Empty for all else.
    effect = models.CharField(
        max_length=20,
        choices=[(key.value, label) for key, label in EFFECT_LABELS.items()],
        blank=True,
    )
    message = models.TextField()
    trigger = models.CharField(max_length=20, choices=Trigger.choices, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    duration_ms = models.PositiveIntegerField(default=0)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    # Whether a person had allowed it, so that it does not count against the guard's limit.
    approved_by = models.CharField(max_length=150, blank=True)
    correlation_id = models.CharField(max_length=32)

    # What programs are told of it, by the API and by webhooks.
    TOLD = (
        "id",
        "at",
        "app",
        "app_name",
        "user",
        "identifier",
        "operation",
        "outcome",
        "effect",
        "message",
        "trigger",
        "actor",
        "attempt",
        "duration_ms",
        "http_status",
        "approved_by",
        "correlation_id",
    )

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="events_by_time"),
            models.Index(fields=["app", "-at", "-id"], name="events_by_app"),
            # In an order that PostgreSQL can use for beginnings, whatever the language.
            models.Index(
                fields=["identifier_key", "-at", "-id"],
                opclasses=["varchar_pattern_ops", "timestamptz_ops", "int8_ops"],
                name="events_by_identifier",
            ),
            models.Index(fields=["user", "-at", "-id"], name="events_by_user"),
            models.Index(fields=["operation", "-at", "-id"], name="events_by_operation"),
            models.Index(fields=["trigger", "-at", "-id"], name="events_by_trigger"),
            models.Index(
                fields=["actor", "-at", "-id"], name="events_by_actor", condition=BY_SOMEBODY
            ),
            models.Index(
                fields=["outcome", "-at", "-id"], name="events_not_done", condition=NOT_DONE
            ),
            models.Index(
                fields=["app", "outcome", "-at", "-id"],
                name="events_not_done_by_app",
                condition=NOT_DONE,
            ),
            models.Index(
                fields=["effect", "-at", "-id"], name="events_not_verified", condition=NOT_VERIFIED
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()}: {self.identifier} in {self.app_name}"
