"""The rows of an application's attribute mapping together: what no row can be judged by alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import CharField, Max
from django.db.models.functions import Cast
from django.forms.models import BaseInlineFormSet

from iam import fingerprint
from provisioning import mapping, mapping_changes, wording
from provisioning.models import Mapping
from provisioning.plan import Feature

# Per cent of an app's accounts that a change of its mapping may alter without a question.
_MANY = 50
_MADE_UP = (
    "Nobody can be found by a value that unique() makes up: it may be somebody else's there. "
    "Choose under “finds accounts” another row, such as the e-mail address."
)


@dataclass(frozen=True)
class Question:
    """What is asked before rows are saved that change many accounts; `token` stands for them."""

    sentence: str
    examples: list[str]
    token: str


class MappingFormSet(BaseInlineFormSet):
    """All rows together: two of them may not fill the same target.

    With `confirmed`, rows that would change many accounts are only right with the token of the
    question that was asked about just these rows.
    """

    def __init__(self, *args: Any, confirmed: str | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.confirmed = confirmed
        self.question: Question | None = None

    def save_existing_objects(self, commit: bool = True) -> list[Any]:
        # Two rows may exchange their targets, which cannot be written one after the other.
        moved = [form.instance.pk for form in self.initial_forms if "target" in form.changed_data]
        Mapping.objects.filter(pk__in=moved).update(target=Cast("pk", CharField()))
        return super().save_existing_objects(commit)

    def save_new(self, form: Any, commit: bool = True) -> Any:
        last = self.instance.mappings.aggregate(last=Max("position"))["last"]
        form.instance.position = 0 if last is None else last + 1
        return super().save_new(form, commit)

    def clean(self) -> None:
        seen: dict[str, int] = {}
        for row, form in enumerate(self.forms, start=1):
            target = form.cleaned_data.get("target") if hasattr(form, "cleaned_data") else None
            if not target or form.cleaned_data.get("DELETE"):
                continue
            if target in seen:
                form.add_error(
                    "target", f"Row {seen[target]} already fills “{target}”. Remove one of the two."
                )
            seen.setdefault(target, row)
            whole = target.partition("[")[0]
            if whole != target and whole in seen:
                form.add_error(
                    "target", f"Row {seen[whole]} fills all of “{whole}”. Remove one of the two."
                )
        self._clean_matching()
        super().clean()
        if self.confirmed is not None and self.instance.pk and not any(self.errors):
            self._ask_first()

    def _ask_first(self) -> None:
        """Say what would become of most accounts before, and not after, it has."""
        if not self.has_changed() or Feature.UPDATE_USERS not in self.instance.rules.features:
            return
        rows = [
            form.instance
            for form in self.forms
            if (form.instance.pk or form.has_changed()) and not form.cleaned_data.get("DELETE")
        ]
        effect = mapping_changes.of(rows, app=self.instance)
        most = max(self.instance.guard_count, effect.accounts * _MANY // 100)
        token = _token(rows)
        if effect.changes <= most or self.confirmed == token:
            return
        sentence = wording.many_changes(
            self.instance,
            count=effect.changes,
            accounts=effect.accounts,
            looked_at=None if effect.is_exact else effect.looked_at,
        )
        self.question = Question(sentence, effect.examples, token)
        raise ValidationError(f"{sentence} Look at the examples, and save once more.")

    def _clean_matching(self) -> None:
        """By what accounts are found: one row for each place, and no value that is made up."""
        kept = [
            form
            for form in self.forms
            if form.is_valid() and form.cleaned_data and not form.cleaned_data.get("DELETE")
        ]
        chosen = [form for form in kept if form.cleaned_data.get("match")]
        seen: dict[int, str] = {}
        for form in chosen:
            match, target = form.cleaned_data["match"], form.cleaned_data["target"]
            if match in seen:
                form.add_error("match", f"“{seen[match]}” has this place. Choose another one.")
            seen.setdefault(match, target)
        first = self.instance.kind.required_targets[0]
        for form in chosen or [each for each in kept if each.cleaned_data.get("target") == first]:
            if mapping.is_unique(form.instance):
                form.add_error("match" if chosen else "source", _MADE_UP)


def _token(rows: Sequence[Mapping]) -> str:
    told = [
        [row.target, row.kind, row.source, row.when_empty, row.default, row.apply] for row in rows
    ]
    return fingerprint.of(sorted(told))
