"""Forms of the people's pages."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import escape
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from iam import text, tokens
from iam.models import ApiToken, GroupNesting, Membership, ProfileAttribute, Scope, User

# Keeps a custom attribute from clashing with a built-in field of the form.
PREFIX = "custom_"


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


class NestingForm(RowForm):
    """One row of the groups in a group."""

    class Meta:
        model = GroupNesting
        fields = ["parent", "child"]


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
