"""Forms of the people's pages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import escape, format_html_join
from unfold.forms import PaginationInlineFormSet, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from iam import roles, text, tokens
from iam.models import (
    ApiToken,
    GroupNesting,
    Membership,
    ProfileAttribute,
    Role,
    Scope,
    User,
)

# Keeps a custom attribute from clashing with a built-in field of the form.
PREFIX = "custom_"
# So many digits fit into the keys of every database.
_LONGEST_KEY = 18


class UserForm(forms.ModelForm):
    """A person with the custom attributes that administrators defined."""

    class Meta:
        model = User
        fields = [
            "username",
            "is_active",
            "first_name",
            "last_name",
            "display_name",
            "email",
            "phone",
            "title",
            "department",
            "manager",
            "employee_id",
            "locale",
            "timezone",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for key in self._custom_keys():
            self.initial.setdefault(f"{PREFIX}{key}", self.instance.custom.get(key, ""))

    def save(self, commit: bool = True) -> User:
        kept = dict(self.instance.custom)
        for key in self._custom_keys():
            kept[key] = self.cleaned_data.get(f"{PREFIX}{key}", "")
        self.instance.custom = {key: value for key, value in kept.items() if value}
        return super().save(commit)

    def _custom_keys(self) -> list[str]:
        return [name.removeprefix(PREFIX) for name in self.fields if name.startswith(PREFIX)]


class _ShowsKeysOnly:
    """Shows what was chosen, and nothing of what cannot be a key.

    Django asks the database for whatever was sent, which fails there with an error of its own
    (5.2.19, measured 2026-11), before the form can say what is wrong.
    """

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        keys = [each for each in value if _can_be_a_key(str(each))]
        return super().optgroups(name, keys, attrs)  # type: ignore[misc]


class SearchField(_ShowsKeysOnly, AutocompleteSelect):
    """One object, looked for by its name."""


class SearchFieldForMany(_ShowsKeysOnly, AutocompleteSelectMultiple):
    """Several objects, looked for by their names."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        # Of several the form asks the database itself, and SQLite takes no larger number.
        return [each[:_LONGEST_KEY] for each in super().value_from_datadict(data, files, name)]


def _can_be_a_key(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _LONGEST_KEY


class RowForm(forms.ModelForm):
    """One row of what a group or a person has; refuses a second one like it."""

    def validate_unique(self) -> None:
        super().validate_unique()
        try:
            # Django leaves out the constraints that the page's own object is part of.
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error(None, error)


class MembershipForm(RowForm):
    """One row of the people in a group, or of the groups of a person."""

    class Meta:
        model = Membership
        fields = ["user", "group"]


class GroupsFormSet(PaginationInlineFormSet):
    """The groups of a person, of which the operator changes only those that are open to them."""

    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        # For the page, which shows no bin that would lead to a refusal.
        form.stays = form.instance.group_id in self._closed

    @cached_property
    def _closed(self) -> frozenset[int]:
        keys = [row.group_id for row in self.get_queryset()]
        return frozenset(roles.closed(self.request.user, keys).values_list("pk", flat=True))

    def clean(self) -> None:
        super().clean()
        changed = [form.instance for form in [*self.extra_forms, *self.deleted_forms]]
        keys = [each.group_id for each in changed if each.group_id]
        if refusal := roles.refusal(self.request.user, keys):
            raise ValidationError(refusal)


class NestingForm(RowForm):
    """One row of the groups in a group."""

    class Meta:
        model = GroupNesting
        fields = ["parent", "child"]


class _ChoosesRole(forms.ModelForm):
    """An operator's page, which says what each role may do."""

    role = forms.ChoiceField(
        choices=[("", "Choose one"), *Role.choices],
        widget=UnfoldAdminSelectWidget,
        help_text=format_html_join(
            "",
            "<strong>{}</strong>: {}<br>",
            [(r.label, told) for r, told in roles.SENTENCES.items()],
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What is kept of it is not yet the choice: a superuser's is empty.
        self.initial["role"] = roles.of(self.instance)

    def clean_role(self) -> str:
        chosen = Role(self.cleaned_data["role"])
        if chosen != Role.SUPERUSER and roles.is_last_superuser(self.instance):
            raise ValidationError("Make somebody else a superuser first: nobody else is one.")
        roles.give(self.instance, chosen)
        return self.instance.role

    def clean_is_active(self) -> bool:
        active: bool = self.cleaned_data["is_active"]
        if not active and roles.is_last_superuser(self.instance):
            raise ValidationError("Make somebody else a superuser first: nobody else is one.")
        return active


class OperatorForm(_ChoosesRole, UserChangeForm):
    """An operator who is there already."""


class NewOperatorForm(_ChoosesRole, UserCreationForm):
    """A new operator, with a first password."""


class TokenForm(forms.ModelForm):
    """A new API token: what it is for, what it may do, and until when."""

    allowed = forms.MultipleChoiceField(
        label="May",
        choices=Scope.choices,
        initial=[Scope.READ],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Tick only what the program needs. It can never do more than you can.",
    )

    class Meta:
        model = ApiToken
        fields = ["name", "expires_at"]
        help_texts = {"expires_at": f"At most {tokens.LONGEST.days} days from now."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expires_at" in self.fields:
            self.initial.setdefault("expires_at", timezone.now() + timedelta(days=90))

    def clean_expires_at(self) -> Any:
        moment, now = self.cleaned_data["expires_at"], timezone.now()
        if not now < moment <= now + tokens.LONGEST:
            raise ValidationError(
                f"Choose a day from now on, and at most {tokens.LONGEST.days} days from now."
            )
        return moment


def user_form() -> type[UserForm]:
    """The form with a field for each custom attribute there is now."""
    fields = {
        f"{PREFIX}{attribute.key}": forms.CharField(
            label=attribute.label,
            # Django takes the help text of a field for HTML.
            help_text=escape(attribute.help_text),
            required=False,
            max_length=1000,
            validators=[text.plain],
            widget=UnfoldAdminTextInputWidget,
        )
        for attribute in ProfileAttribute.objects.all()
    }
    return type("UserForm", (UserForm,), fields)
