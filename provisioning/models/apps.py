"""Applications, what they get mapped, and who gets them."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone

from iam import text
from iam.models import Group
from provisioning import connectors, secrets
from provisioning.connectors.base import Connector
from provisioning.plan import Feature, Rules
from provisioning.scim.dialect import DELETE, Deletion

# The guard counts the removals of the last day, and a person may want to know about the last weeks.
LEAST_EVENT_DAYS = 7
# Also of applications that were deleted.
EVIDENCE_DAYS = 30


def connector_choices() -> list[tuple[str, str]]:
    return [(slug, kind.label) for slug, kind in connectors.catalogue().items()]


class Drift(models.TextChoices):
    """What to do with an account that is not as it was left."""

    OVERWRITE = "overwrite", "Put it right"
    ACCEPT = "accept", "Leave it as it is"
    ASK = "ask", "Ask"


class GroupsToPush(models.TextChoices):
    """Which groups an app gets as groups, beside the accounts."""

    NONE = "none", "None"
    POLICIES = "policies", "Groups with a policy for this application"
    CHOSEN = "chosen", "Chosen groups"


class AppQuerySet(models.QuerySet["App"]):
    def update(self, **values: Any) -> int:
        """Leave the time of the change behind: the routine check finds the accounts by it."""
        return super().update(**{"changed_at": timezone.now(), **values})


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
    ca_certificate = models.TextField(
        "own certificate authority",
        blank=True,
        help_text="Only for an application whose certificate comes from an authority of your own: "
        "paste that authority's certificate, from -----BEGIN CERTIFICATE----- to the end.",
    )
    paused = models.BooleanField(
        default=False,
        help_text="Nothing is sent while this is on. What should change is remembered and sent "
        "when it is switched off.",
    )
    guard_count = models.PositiveIntegerField(
        "always allowed",
        default=10,
        help_text="So many accounts may lose access within 24 hours without anybody being asked.",
    )
    guard_percent = models.PositiveSmallIntegerField(
        "allowed share",
        default=5,
        validators=[MaxValueValidator(100)],
        help_text="Per cent of the application's accounts that may lose access within 24 hours, "
        "where that is more. Beyond it everything waits under Holds until somebody decides.",
    )
    requests_per_second = models.FloatField(
        "requests per second",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.1), MaxValueValidator(1000)],
        help_text="Never ask the application for more than this. Empty: what suits its kind.",
    )
    requests_at_once = models.PositiveSmallIntegerField(
        "requests at once",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(64)],
        help_text="How many may be on their way at the same time. More is faster where the "
        "application has very many people and permits it. Empty: what suits its kind.",
    )
    drift = models.CharField(
        "when somebody changed an account there",
        max_length=20,
        choices=Drift.choices,
        default=Drift.OVERWRITE,
        help_text="What to do when the comparison finds that an account is not as Gatehouse left "
        "it, or is missing.",
    )
    compare_hours = models.PositiveSmallIntegerField(
        "compare every",
        default=24,
        validators=[MaxValueValidator(24 * 31)],
        help_text="Hours between two comparisons of all accounts with the application itself. 0 "
        "compares only when somebody asks for it.",
    )
    groups_to_push = models.CharField(
        "groups to push",
        max_length=20,
        choices=GroupsToPush.choices,
        default=GroupsToPush.NONE,
        help_text="Which groups are kept in the application as groups, with those of their people "
        "who have an account there. One that is not pushed any more is deleted there if “Delete "
        "group” is on, and left as it is otherwise.",
    )
    chosen_groups = models.ManyToManyField(
        Group,
        blank=True,
        related_name="chosen_in",
        help_text="For “Chosen groups”: which ones. It gives nobody an account; policies do.",
    )
    adopt_groups = models.BooleanField(
        "adopt groups that are there already",
        default=False,
        help_text="Where the application has a group of the same name, Gatehouse takes it over and "
        "keeps its members right from then on. Members whom Gatehouse does not know stay in it. "
        "Off: such a group is a conflict, and somebody decides.",
    )
    keep_events_days = models.PositiveSmallIntegerField(
        "keep rows of the report for",
        null=True,
        blank=True,
        validators=[MinValueValidator(LEAST_EVENT_DAYS), MaxValueValidator(3650)],
        help_text="Days after which “manage.py purge” removes them. Empty: until they are removed "
        "by hand.",
    )
    keep_evidence_days = models.PositiveSmallIntegerField(
        "keep evidence for",
        default=EVIDENCE_DAYS,
        validators=[MaxValueValidator(3650)],
        help_text="Days after which “manage.py purge” removes from the report's rows what was sent "
        "and answered. 0 keeps none from now on.",
    )
    # What it was found to do: a flag of its dialect to {"value", "evidence", "at"}.
    learned = models.JSONField(default=dict, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)

    objects = AppQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> type[Connector]:
        return connectors.catalogue()[self.connector]

    @property
    def at_once(self) -> int:
        """How many requests may be on their way to it at the same time."""
        return self.requests_at_once or self.kind.concurrency

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
        deletion = self.learned.get(DELETE, {}).get("value", self.kind.dialect.delete)
        return Rules(
            features={Feature(feature) for feature in self.features},
            delete_after=timedelta(days=self.delete_after_days),
            removes=deletion == Deletion.REMOVES,
        )


class Resource(models.TextChoices):
    """What a mapping row is about."""

    USER = "user", "Person"
    GROUP = "group", "Group"


class MappingQuerySet(models.QuerySet["Mapping"]):
    """Those ways of writing that send no signal leave the time of the change at the app."""

    def of_people(self) -> "MappingQuerySet":
        """The rows of the attribute mapping."""
        return self.filter(resource=Resource.USER)

    def of_groups(self) -> "MappingQuerySet":
        """The rows of the group mapping."""
        return self.filter(resource=Resource.GROUP)

    def reading(self, word: str) -> "MappingQuerySet":
        """The rows of people whose attribute or formula has this word in it."""
        return self.of_people().exclude(kind=SourceKind.CONSTANT).filter(source__contains=word)

    @transaction.atomic
    def update(self, **values: Any) -> int:
        App.objects.filter(pk__in=self.order_by().values("app")).update()
        return super().update(**values)

    @transaction.atomic
    def bulk_create(self, objs: Iterable["Mapping"], *args: Any, **kwargs: Any) -> list["Mapping"]:
        created = super().bulk_create(objs, *args, **kwargs)
        App.objects.filter(pk__in={row.app_id for row in created}).update()
        return created


class SourceKind(models.TextChoices):
    """What the source of a mapping row is."""

    ATTRIBUTE = "attribute", "Attribute of the person"
    CONSTANT = "constant", "Fixed text"
    EXPRESSION = "expression", "Formula"


class WhenEmpty(models.TextChoices):
    """What becomes of a target when the person has no value for it."""

    CLEAR = "clear", "Clear it there"
    LEAVE = "leave", "Leave what is there"
    DEFAULT = "default", "Use this text"


class Apply(models.TextChoices):
    ALWAYS = "always", "Always"
    CREATE = "create", "At creation"


class Match(models.IntegerChoices):
    """In which order existing accounts are looked for by mapped targets."""

    FIRST = 1, "First"
    SECOND = 2, "Second"
    THIRD = 3, "Third"


class Mapping(models.Model):
    """One row of an app's mapping: what of the person or group goes where in the application."""

    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="mappings")
    resource = models.CharField(
        max_length=20, choices=Resource.choices, default=Resource.USER, editable=False
    )
    target = models.CharField("attribute in the application", max_length=500)
    kind = models.CharField(max_length=20, choices=SourceKind.choices, default=SourceKind.ATTRIBUTE)
    # The key of an attribute, the fixed text, or the formula.
    source = models.CharField("comes from", max_length=1_000)
    when_empty = models.CharField(
        "when empty", max_length=20, choices=WhenEmpty.choices, default=WhenEmpty.CLEAR
    )
    # What stands there instead of nothing, where `when_empty` says so.
    default = models.CharField(max_length=500, blank=True)
    apply = models.CharField(
        "filled in", max_length=20, choices=Apply.choices, default=Apply.ALWAYS
    )
    # Empty where accounts are not looked for by this target. Without any such row they are looked
    # for by the one that the connector names first.
    match = models.PositiveSmallIntegerField(
        "finds accounts", choices=Match.choices, null=True, blank=True
    )
    sensitive = models.BooleanField(
        "sensitive",
        default=False,
        help_text="Keeps this value out of the report, its evidence and comparisons from now on. "
        "Passwords are kept out in any case.",
    )
    position = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = MappingQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["app", "resource", "target"],
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
