"""People, the groups they belong to, and the operators who sign in here."""

import uuid
from typing import Any

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from iam import text
from iam.fields import NormalisedField


class Role(models.TextChoices):
    """What an operator may do: `iam.roles` says so for each model."""

    # Kept as Django's own mark, `is_superuser`.
    SUPERUSER = "superuser", "Superuser"
    PROVISIONING = "provisioning", "Provisioning administrator"
    HELP_DESK = "help_desk", "Help desk"
    AUDITOR = "auditor", "Auditor"


class Operator(AbstractUser):
    """Someone who signs in to this portal. Never provisioned anywhere."""

    role = models.CharField(
        max_length=20,
        blank=True,
        choices=[(role.value, role.label) for role in Role if role != Role.SUPERUSER],
    )
    password_is_temporary = models.BooleanField(
        default=False,
        editable=False,
        help_text="A one-time password: it must be changed before anything else can be done.",
    )

    class Meta:
        verbose_name = "operator"

    def set_password(self, raw_password: str | None) -> None:
        # A one-time password does not become one's own by being typed again.
        again = self.password_is_temporary and check_password(raw_password, self.password)
        super().set_password(raw_password)
        # Whoever issues a one-time password says so afterwards: see iam.operators.
        self.password_is_temporary = again


class Scope(models.TextChoices):
    """What a token may do; never more than the operator whose token it is."""

    READ = "read", "Read everything that its operator may see"
    PEOPLE = "people", "Change people, groups and who is in them"
    APPS = "apps", "Change applications, mappings and policies, and compare"
    ACCOUNTS = "accounts", "Push accounts, and decide about changes made there"
    HOLDS = "holds", "Decide about holds"
    WEBHOOKS = "webhooks", "Change webhooks, and send events to them again"


class ApiToken(models.Model):
    """Lets a program act for an operator through the API; only a hash of it is kept."""

    name = models.CharField(
        max_length=50, validators=[text.visible], help_text="What uses it: HR import"
    )
    owner = models.ForeignKey(
        Operator,
        on_delete=models.CASCADE,
        related_name="tokens",
        help_text="It may do what this operator may, and ends when the operator is switched off.",
    )
    scopes = models.JSONField(default=list)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    # Its first characters, by which it can be told from others.
    hint = models.CharField("begins with", max_length=10, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField("ends")
    last_used_at = models.DateTimeField("last used", null=True, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class KeptAnswer(models.Model):
    """What was answered to a POST with an Idempotency-Key, for the same request sent again."""

    # Who asked, and under which key.
    caller = models.CharField(max_length=40)
    key = models.CharField(max_length=200)
    # A hash: what was asked may hold a secret.
    request = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="one_answer_a_caller_and_key")
        ]

    def __str__(self) -> str:
        return f"{self.caller}: {self.key}"


class Source(models.TextChoices):
    PORTAL = "portal", "Added here"
    IMPORT = "import", "Imported"


class UserQuerySet(models.QuerySet["User"]):
    def update(self, **values: Any) -> int:
        """Leave the time of the change behind: this way of writing sends no signal.

        The routine check finds the people by it. `bulk_update` comes through here as well.
        """
        if values.keys() & {"username"}:
            raise TypeError("A user name is changed with save(), which keeps its comparable form.")
        return super().update(**{"changed_at": Now(), **values})


class User(models.Model):
    """A person whose accounts are managed here. Never signs in to this portal."""

    username = models.CharField(
        max_length=150,
        validators=[text.visible],
        help_text="What the person signs in with, often the e-mail address: ann@example.org",
    )
    username_key = NormalisedField(source="username", unique=True)
    first_name = models.CharField(max_length=150, blank=True, validators=[text.plain])
    last_name = models.CharField(max_length=150, blank=True, validators=[text.plain])
    email = models.EmailField("e-mail", blank=True, validators=[text.visible])
    display_name = models.CharField(max_length=300, blank=True, validators=[text.plain])
    phone = models.CharField(max_length=50, blank=True, validators=[text.plain])
    title = models.CharField("job title", max_length=200, blank=True, validators=[text.plain])
    department = models.CharField(max_length=200, blank=True, validators=[text.plain])
    manager = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    employee_id = models.CharField(
        "employee number", max_length=100, blank=True, validators=[text.plain]
    )
    locale = models.CharField(
        max_length=35, blank=True, validators=[text.plain], help_text="Language: en-GB, de"
    )
    timezone = models.CharField(
        "time zone", max_length=60, blank=True, validators=[text.plain], help_text="Europe/Paris"
    )
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="Switch off when the person leaves: access ends in every application at once.",
    )
    custom = models.JSONField(default=dict, blank=True, editable=False)
    external_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    source = models.CharField(
        max_length=20, choices=Source.choices, default=Source.PORTAL, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True, db_index=True)

    objects = UserQuerySet.as_manager()

    class Meta:
        ordering = ["username_key"]
        indexes = [models.Index(fields=["last_name", "first_name"])]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.username})" if self.full_name else self.username

    @property
    def full_name(self) -> str:
        return self.display_name or f"{self.first_name} {self.last_name}".strip()

    def clean(self) -> None:
        taken = User.objects.filter(username_key=text.normalise(self.username))
        if self.username and taken.exclude(pk=self.pk).exists():
            raise ValidationError(
                {"username": f"Someone already has the user name “{taken.get().username}”."}
            )
        if self.manager_id is not None and self.manager_id == self.pk:
            raise ValidationError({"manager": "Nobody can be their own manager."})


class Group(models.Model):
    """People who belong together; policies say what they get."""

    name = models.CharField(max_length=200, validators=[text.visible])
    name_key = NormalisedField(source="name", unique=True)
    description = models.CharField(max_length=500, blank=True, validators=[text.plain])
    open_to_help_desk = models.BooleanField(
        "open to the help desk",
        default=False,
        help_text="Operators of the help desk may put people into this group and take them "
        "out, and so give and end all that it gives by itself and by the groups that hold it.",
    )
    users = models.ManyToManyField(
        User, through="Membership", through_fields=("group", "user"), related_name="groups"
    )
    source = models.CharField(
        max_length=20, choices=Source.choices, default=Source.PORTAL, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name_key"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        taken = Group.objects.filter(name_key=text.normalise(self.name))
        if self.name and taken.exclude(pk=self.pk).exists():
            raise ValidationError({"name": f"There is already a group “{taken.get().name}”."})


class Membership(models.Model):
    """One user in one group.

    Its own model because Django's automatic table sends no signal when a group or a user is
    deleted, and access would then stay behind (docs/decisions/0003).
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="memberships")
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=150, blank=True, editable=False)
    source = models.CharField(
        max_length=20, choices=Source.choices, default=Source.PORTAL, editable=False
    )

    class Meta:
        ordering = ["user__username_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "group"],
                name="one_membership_a_person_and_group",
                violation_error_message="This person is already in the group.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"


class GroupNesting(models.Model):
    """One group directly in another: whoever is in the child belongs to the parent too."""

    parent = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="nestings")
    child = models.ForeignKey(
        Group, on_delete=models.CASCADE, related_name="nested_in", verbose_name="group"
    )
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=150, blank=True, editable=False)

    class Meta:
        ordering = ["child__name_key"]
        constraints = [
            models.UniqueConstraint(
                fields=["parent", "child"],
                name="one_nesting_a_parent_and_child",
                violation_error_message="This group is already in the group.",
            ),
            models.CheckConstraint(
                condition=~models.Q(parent=models.F("child")),
                name="no_group_in_itself",
                violation_error_message="A group cannot hold itself.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.child} in {self.parent}"

    def clean(self) -> None:
        if self.parent_id is None or self.child_id is None:
            return
        # Not at the top: it asks these very models.
        from iam import nesting

        refusal = nesting.refusal(parent=self.parent_id, child=self.child_id)
        if refusal:
            raise ValidationError({"child": refusal})


class GroupPath(models.Model):
    """A way down from one group to another over one nesting or several; kept by `iam.nesting`."""

    # The nestings are bound to the groups; to look again for each path would double what it costs.
    ancestor = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        related_name="paths_down",
        db_index=False,
        db_constraint=False,
    )
    descendant = models.ForeignKey(
        Group,
        on_delete=models.CASCADE,
        related_name="paths_up",
        db_index=False,
        db_constraint=False,
    )
    # Whether there is a nesting for just this path.
    direct = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["descendant", "ancestor"],
                condition=models.Q(direct=True),
                name="direct_path",
            )
        ]
        constraints = [
            # Either way round, as both are asked for: who is below, and what is above.
            models.UniqueConstraint(fields=["ancestor", "descendant"], name="one_path_down"),
            models.UniqueConstraint(fields=["descendant", "ancestor"], name="one_path_up"),
        ]

    def __str__(self) -> str:
        return f"{self.descendant} somewhere in {self.ancestor}"


class ProfileAttribute(models.Model):
    """A custom field on every user, defined by administrators."""

    key = models.SlugField(
        max_length=50,
        unique=True,
        validators=[RegexValidator(r"^[a-z][a-z0-9_]*$", "Use small letters, digits and _ only.")],
        help_text="The name used inside: small letters, digits and _. It cannot be changed later.",
    )
    label = models.CharField(
        max_length=100,
        validators=[text.plain],
        help_text="What administrators see on a user's page.",
    )
    help_text = models.CharField(max_length=300, blank=True, validators=[text.plain])
    position = models.PositiveSmallIntegerField(default=0, help_text="Smaller numbers come first.")

    # Each is a field of every person's page, and one page cannot send any number of them.
    MOST = 200

    class Meta:
        ordering = ["position", "label"]

    def __str__(self) -> str:
        return self.label

    def clean(self) -> None:
        if self.pk is None and ProfileAttribute.objects.count() >= self.MOST:
            raise ValidationError(
                f"There are {self.MOST} profile attributes already, and a person's page has room "
                "for no more. Delete one that is not used any more, or use it for this."
            )
