"""Apps, what they get mapped, who gets them, the accounts that follow, and what was done."""

from datetime import timedelta

from django.core.validators import MaxValueValidator
from django.db import models

from iam import text
from iam.fields import NormalisedField
from iam.models import Group, User
from provisioning import connectors, secrets
from provisioning.connectors.base import Connector
from provisioning.plan import Feature, Operation, Rules, State


def connector_choices() -> list[tuple[str, str]]:
    return [(slug, kind.label) for slug, kind in connectors.catalogue().items()]


class App(models.Model):
    """One application that accounts are kept in."""

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[text.visible],
        help_text="What people here call it: Zoom",
    )
    # Callable choices: a new connector needs no migration.
    connector = models.CharField("kind", max_length=50, choices=connector_choices)
    settings = models.JSONField(default=dict, blank=True, editable=False)
    sealed_secrets = models.TextField(blank=True, editable=False)
    features = models.JSONField(default=list, blank=True, editable=False)
    delete_after_days = models.PositiveSmallIntegerField(
        "delete after",
        default=30,
        validators=[MaxValueValidator(3650)],
        help_text="Days between deactivating an account and deleting it, so that a mistake can be "
        "undone. 0 deletes at once. Only used while “Delete users” is on.",
    )
    internal = models.BooleanField(
        "runs inside our network",
        default=False,
        help_text="Allows addresses inside your own network and plain http. Leave off for "
        "applications on the internet, such as Zoom.",
    )
    paused = models.BooleanField(
        default=False,
        help_text="Nothing is sent while this is on. What should change is remembered and sent "
        "when it is switched off.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> type[Connector]:
        return connectors.catalogue()[self.connector]

    @property
    def secrets(self) -> dict[str, str]:
        """The secrets in clear, for the connector only. Raises secrets.Unreadable."""
        return secrets.unseal(self.sealed_secrets)

    @property
    def stored_secrets(self) -> frozenset[str]:
        """Which secrets are stored; never what they are."""
        try:
            return frozenset(self.secrets)
        except secrets.Unreadable:
            return frozenset()

    @property
    def config(self) -> dict[str, str]:
        """Every setting of the connector, defaults filled in, secrets in clear."""
        defaults = {setting.key: setting.default for setting in self.kind.settings}
        return {**defaults, **self.settings, **self.secrets}

    @property
    def rules(self) -> Rules:
        return Rules(
            features={Feature(feature) for feature in self.features},
            delete_after=timedelta(days=self.delete_after_days),
        )


class Mapping(models.Model):
    """One row of an app's attribute mapping: what of the person goes where in the application."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="mappings")
    target = models.CharField("attribute in the application", max_length=500)
    source = models.CharField("comes from", max_length=100)
    position = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["app", "target"],
                name="one_mapping_a_target",
                violation_error_message="This attribute is already mapped in another row.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.target} ← {self.source}"


class LoginMethod(models.TextChoices):
    PASSWORD = "password", "Password"
    PASSWORD_MFA = "password_mfa", "Password and second factor"
    PASSWORDLESS = "passwordless", "Passwordless"
    EXTERNAL = "external", "External identity provider"


class Policy(models.Model):
    """Says that a group gets an app, and how its people sign in there."""

    name = models.CharField(max_length=200, unique=True, validators=[text.visible])
    app = models.ForeignKey(
        App,
        on_delete=models.CASCADE,
        related_name="policies",
        verbose_name="application",
        help_text="The application that the group gets.",
    )
    group = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        related_name="policies",
        help_text="Everyone in this group gets an account, now and later.",
    )
    login_method = models.CharField(
        max_length=20,
        choices=LoginMethod.choices,
        default=LoginMethod.PASSWORD,
        help_text="How these people sign in to the application. It is written down here; the "
        "application itself asks for it.",
    )
    enabled = models.BooleanField(
        default=True,
        help_text="Switched off, the policy gives nobody access: accounts that only it gave end.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(
                fields=["app", "group"],
                name="one_policy_an_app_and_group",
                violation_error_message="There is already a policy for this application and group.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Trigger(models.TextChoices):
    """What made an account due."""

    MEMBERSHIP = "membership", "Group membership"
    PERSON = "person", "Person changed"
    POLICY = "policy", "Policy changed"
    MAPPING = "mapping", "Mapping changed"
    APP = "app", "Application settings"
    MANUAL = "manual", "Push now"
    SWEEP = "sweep", "Routine check"


class Origin(models.TextChoices):
    CREATED = "created", "Created by Gatehouse"
    ADOPTED = "adopted", "Found and adopted"


class Problem(models.TextChoices):
    """Why an account is not as it should be, named by what happens next."""

    UNAVAILABLE = "unavailable", "Retrying"
    REJECTED = "rejected", "Refused"
    CONFLICT = "conflict", "Conflict"
    SWITCHED_OFF = "switched_off", "Switched off"


class Priority(models.IntegerChoices):
    LEAVER = 0
    NORMAL = 1


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
    remote_id = models.CharField(max_length=500, null=True, blank=True)  # noqa: DJ001 - unique
    origin = models.CharField(max_length=20, choices=Origin.choices, blank=True)
    state = models.CharField(
        max_length=20,
        choices=[(state.value, state.value) for state in State],
        default=State.ABSENT,
    )
    generation = models.PositiveIntegerField(default=1)
    done_generation = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    trigger = models.CharField(max_length=20, choices=Trigger.choices, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    # The write that is about to be sent, {"operation": …, "paths": […]}: while it stands here, the
    # answer has not come and nobody knows whether it happened.
    intent = models.JSONField(default=dict, blank=True)
    # What was last sent for each mapped target.
    applied = models.JSONField(default=dict, blank=True)
    # Whether the person was meant to have the account when it was last worked on.
    granted = models.BooleanField(default=False)
    attempts = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=20, choices=Problem.choices, blank=True)
    message = models.TextField(blank=True)
    deprovisioned_at = models.DateTimeField(null=True, blank=True)
    # What it was last worked on with: the person as they were then.
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

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


class Lane(models.Model):
    """The one place where an app's accounts are worked through; one owner at a time."""

    app = models.OneToOneField(App, on_delete=models.CASCADE, related_name="lane")
    owner = models.CharField(max_length=100, blank=True)
    # Grows with every change of owner: a result is recorded only under the token it began with.
    token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)
    problem_since = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Lane of {self.app}"


class Outcome(models.TextChoices):
    DONE = "done", "Done"
    RETRYING = "retrying", "Will be tried again"
    FAILED = "failed", "Needs you"
    SKIPPED = "skipped", "Not done"


OPERATION_LABELS: dict[Operation, str] = {
    Operation.CREATE: "Create account",
    Operation.ADOPT: "Adopt existing account",
    Operation.UPDATE: "Update account",
    Operation.DEACTIVATE: "Deactivate account",
    Operation.REACTIVATE: "Reactivate account",
    Operation.DELETE: "Delete account",
    Operation.RESOLVE: "Look account up",
}


class Event(models.Model):
    """One row of what was done, to whom, where, with what result. Written once, never changed."""

    at = models.DateTimeField()
    app = models.ForeignKey(App, on_delete=models.SET_NULL, null=True, related_name="+")
    app_name = models.CharField(max_length=100)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    identifier = models.CharField(max_length=150)
    identifier_key = NormalisedField(source="identifier")
    operation = models.CharField(
        max_length=20, choices=[(key.value, label) for key, label in OPERATION_LABELS.items()]
    )
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    message = models.TextField()
    trigger = models.CharField(max_length=20, choices=Trigger.choices, blank=True)
    actor = models.CharField(max_length=150, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    duration_ms = models.PositiveIntegerField(default=0)
    http_status = models.PositiveSmallIntegerField(null=True, blank=True)
    correlation_id = models.CharField(max_length=32)

    class Meta:
        ordering = ["-at", "-pk"]
        indexes = [
            models.Index(fields=["-at", "-id"], name="events_by_time"),
            models.Index(fields=["app", "-at", "-id"], name="events_by_app"),
            models.Index(fields=["identifier_key", "-at", "-id"], name="events_by_identifier"),
            models.Index(fields=["user", "-at", "-id"], name="events_by_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()}: {self.identifier} in {self.app_name}"
