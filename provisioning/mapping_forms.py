"""The rows of an application's attribute mapping, as an administrator fills them in."""

from collections.abc import Callable, Sequence
from collections.abc import Mapping as Values
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from iam import attributes, text
from iam.models import Group
from provisioning import group_mapping, mapping
from provisioning.connectors.base import Connector
from provisioning.expressions.grammar import LONGEST, parse
from provisioning.expressions.tree import Expression
from provisioning.models import Apply, Mapping, Match, Resource, SourceKind, WhenEmpty

# Beside the keys of attributes, none of which begins with a colon.
_WRITTEN = {
    f":{kind.value}": (kind, kind.label) for kind in (SourceKind.CONSTANT, SourceKind.EXPRESSION)
}


_WRITTEN_HERE = [(key, label) for key, (_, label) in _WRITTEN.items()]


class Choice(forms.ChoiceField):
    """A choice of which one goes without saying, also where a row was sent without it."""

    def __init__(self, *, choices: Any, default: str, **options: Any) -> None:
        options.setdefault("widget", UnfoldAdminSelectWidget)
        super().__init__(choices=choices, required=False, **options)
        self.default = default

    def clean(self, value: Any) -> Any:
        return super().clean(value or self.default)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(initial, data or self.default)


class Order(Choice):
    """A number, or nothing."""

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        return int(found) if found else None


class ChoiceAndText(forms.MultiWidget):
    """A drop-down, and a text that is only shown where the choice needs one."""

    template_name = "provisioning/widgets/choice_and_text.html"

    def __init__(self, choices: Any, text: forms.Widget) -> None:
        super().__init__({"": UnfoldAdminSelectWidget(choices=choices), "text": text})

    def decompress(self, value: Any) -> list[Any]:
        return value or ["", ""]


class _WithText(forms.MultiValueField):
    """A choice and a text, cleaned to both."""

    def __init__(self, choice: forms.ChoiceField, text: forms.CharField, **options: Any) -> None:
        widget = ChoiceAndText(choice.choices, text.widget)
        super().__init__((choice, text), require_all_fields=False, widget=widget, **options)

    def compress(self, data_list: Sequence[str]) -> tuple[str, str]:
        choice, text = data_list or ("", "")
        return choice, text


class MappingForm(forms.ModelForm):
    """One mapping row; a wrong path or formula is shown with a mark under the character."""

    class Meta:
        model = Mapping
        fields = ["target", "source", "when_empty", "apply", "match", "sensitive"]
        widgets = {
            "target": UnfoldAdminTextInputWidget(
                attrs={"list": "known-targets", "spellcheck": "false"}
            )
        }

    # Set by `mapping_form`.
    kind: type[Connector]
    choices: list[tuple[str, Any]] = []
    resource = Resource.USER

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance
        row.resource = self.resource
        written = row.kind != SourceKind.ATTRIBUTE
        self.fields["source"] = _WithText(
            forms.ChoiceField(
                choices=_with_own(self.choices, "" if written else row.source), required=False
            ),
            _text(UnfoldAdminTextareaWidget(attrs={"rows": 2, "spellcheck": "false"}), LONGEST),
            label="comes from",
        )
        self.fields["when_empty"] = _WithText(
            Choice(choices=WhenEmpty.choices, default=WhenEmpty.CLEAR),
            _text(UnfoldAdminTextInputWidget(), 500),
            label="when empty",
            required=False,
            help_text="What to do in the application when the person has no value here.",
        )
        self.fields["apply"] = Choice(
            choices=Apply.choices,
            default=Apply.ALWAYS,
            label="filled in",
            help_text="“At creation” sets it once and then leaves it to the application.",
        )
        self.fields["match"] = Order(
            choices=[("", "No"), *Match.choices],
            default="",
            label="finds accounts",
            help_text="Whether an account that is there already is found by this value, and in "
            "which order. Where no row says so, by what the application needs first.",
        )
        self.initial["source"] = [f":{row.kind}", row.source] if written else [row.source, ""]
        self.initial["when_empty"] = [row.when_empty, row.default]

    @staticmethod
    def sources() -> list[tuple[str, Any]]:
        """What can be chosen, in its groups."""
        method, manager = mapping.LOGIN_METHOD, mapping.MANAGER_ACCOUNT
        return [
            ("", "Choose an attribute"),
            ("Profile attributes", [(found.key, found.label) for found in attributes.BUILT_IN]),
            ("Custom attributes", [(found.key, found.label) for found in attributes.custom()]),
            ("Sign-in", [(method.key, method.label)]),
            ("Reference", [(manager.key, manager.label)]),
            ("Written here", _WRITTEN_HERE),
        ]

    def canonical(self, target: str) -> str:
        """Raises ValueError."""
        return self.kind.target(target)

    def formula(self, written: str) -> str:
        """Raises ValidationError."""
        return _formula(written)

    def _get_validation_exclusions(self) -> set[str]:
        # Not on the page, but part of what makes two rows the same.
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"resource"}

    def clean_target(self) -> str:
        try:
            return self.canonical(self.cleaned_data["target"])
        except ValueError as error:
            raise _pointed(error, code="path") from error

    def clean_source(self) -> str:
        choice, written = self.cleaned_data["source"]
        if choice not in _WRITTEN:
            self.instance.kind = SourceKind.ATTRIBUTE
            if not choice:
                raise ValidationError("This field is required.", code="required")
            return choice
        kind, label = _WRITTEN[choice]
        self.instance.kind = kind
        if kind == SourceKind.EXPRESSION:
            return self.formula(written)
        if not written:
            raise ValidationError(f"Write the {label.lower()} below the choice.", code="required")
        text.plain(written)
        return written

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        target = cleaned.get("target")
        if target and self.instance.kind == SourceKind.EXPRESSION and cleaned.get("source"):
            self._refuse_list(target, cleaned["source"])
        refused = self.kind.cannot_match(cleaned["target"]) if cleaned.get("target") else ""
        if cleaned.get("match") and refused:
            self.add_error("match", f"{refused} Choose “No” here.")
        return cleaned

    def _refuse_list(self, target: str, formula: str) -> None:
        if self.kind.takes_list(target) is False:
            try:
                parse(formula).refuse_list()
            except ValueError as error:
                self.add_error("source", _pointed(error, code="formula"))

    def clean_when_empty(self) -> str:
        choice, written = self.cleaned_data["when_empty"]
        if choice == WhenEmpty.DEFAULT and not written:
            raise ValidationError("Write the text to use.", code="required")
        text.plain(written)
        self.instance.default = written if choice == WhenEmpty.DEFAULT else ""
        return choice or WhenEmpty.CLEAR


class GroupMappingForm(MappingForm):
    """One row of the group mapping: it is filled from the group and knows nothing of people."""

    class Meta(MappingForm.Meta):
        widgets = {
            "target": UnfoldAdminTextInputWidget(
                attrs={"list": "known-group-targets", "spellcheck": "false"}
            )
        }

    resource = Resource.GROUP

    @staticmethod
    def sources() -> list[tuple[str, Any]]:
        own = [(found.key, found.label) for found in group_mapping.CATALOGUE]
        return [("", "Choose an attribute"), ("Of the group", own), ("Written here", _WRITTEN_HERE)]

    def canonical(self, target: str) -> str:
        return self.kind.group_target(target)

    def formula(self, written: str) -> str:
        known = [attribute.key for attribute in group_mapping.CATALOGUE]
        return _known_formula(written, lambda expression: (known, []))


def mapping_form(kind: type[Connector], resource: str) -> type[MappingForm]:
    """For all rows of an app of this kind: what can be chosen is read once for them."""
    base = GroupMappingForm if resource == Resource.GROUP else MappingForm
    return type(base.__name__, (base,), {"kind": kind, "choices": base.sources()})


def sent(row: Mapping, changes: Values[str, Any]) -> dict[str, str]:
    """The row after these changes as the page's form sends it.

    That is a choice, and a text beside it where it needs one.
    """
    names = ("target", "kind", "source", "when_empty", "default", "apply")
    now = {name: str(changes.get(name, getattr(row, name))) for name in names}
    match = changes.get("match", row.match)
    written = now["kind"] != SourceKind.ATTRIBUTE
    return {
        "target": now["target"],
        "source": f":{now['kind']}" if written else now["source"],
        "source_text": now["source"] if written else "",
        "when_empty": now["when_empty"],
        "when_empty_text": now["default"],
        "apply": now["apply"],
        "match": "" if match is None else str(match),
        **({"sensitive": "on"} if changes.get("sensitive", row.sensitive) else {}),
    }


def _text(widget: forms.Widget, longest: int) -> forms.CharField:
    return forms.CharField(required=False, max_length=longest, widget=widget)


def _formula(written: str) -> str:
    """The formula, if it can be worked out. Raises ValidationError."""
    return _known_formula(written, _known_of_people)


def _known_of_people(expression: Expression) -> tuple[list[str], list[str]]:
    groups = Group.objects.values_list("name", flat=True) if expression.groups else []
    return [attribute.key for attribute in mapping.catalogue()], list(groups)


def _known_formula(written: str, known: Callable[[Expression], tuple[list[str], list[str]]]) -> str:
    """The formula, if it is made of these attributes and groups."""
    # A browser sends two characters for a line break, and one is shown.
    written = written.replace("\r\n", "\n")
    try:
        expression = parse(written)
        attributes_known, groups_known = known(expression)
        expression.refuse_unknown(attributes=attributes_known, groups=groups_known)
    except ValueError as error:
        raise _pointed(error, code="formula") from error
    return written


def _pointed(error: ValueError, *, code: str) -> ValidationError:
    pointed = getattr(error, "pointed", str(error))
    return ValidationError(format_html('<span class="pointed">{}</span>', pointed), code=code)


def _with_own(choices: list[tuple[str, Any]], current: str) -> list[tuple[str, Any]]:
    """These, and what the row has now should it have been removed."""
    known = {key for _, group in choices if isinstance(group, list) for key, _ in group}
    if current in known | {""}:
        return choices
    return [*choices, ("Removed", [(current, f"{current} (not defined any more)")])]
