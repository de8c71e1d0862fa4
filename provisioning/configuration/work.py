"""Writes the entries of a configuration by the forms and models that judge what the pages save."""

from collections.abc import Callable, Iterable
from collections.abc import Mapping as Values
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.core.exceptions import ValidationError
from django.forms.models import inlineformset_factory

from iam.models import Group, ProfileAttribute
from provisioning import apps_setup, losses, mapping_changes, wording
from provisioning.configuration.differences import Change, What
from provisioning.configuration.document import Document, Entry, Problem
from provisioning.configuration.shape import APPS, ATTRIBUTES, GROUPS, NAMES, POLICIES, ROWS
from provisioning.configuration.stored import asks_for, settings_of
from provisioning.connectors.base import Setting
from provisioning.forms import NewAppForm, Path, app_form, filled_in, place, refused, said
from provisioning.mapping_forms import GroupMappingForm, MappingForm, sent
from provisioning.mapping_formset import MappingFormSet
from provisioning.models import App, Mapping, Policy, Resource
from provisioning.plan import Feature, State

_FORMS = {Resource.USER: MappingForm, Resource.GROUP: GroupMappingForm}


@dataclass
class Work:
    """One configuration on its way into the database. Nothing of it is kept if it has problems."""

    document: Document
    portal: str = ""
    problems: list[Problem] = field(default_factory=list)
    # What happens beside what is counted, as sentences.
    notes: list[str] = field(default_factory=list)

    def do(self, changes: Iterable[Change]) -> None:
        """First what others need, and removals before what may take their place."""
        changes = list(changes)
        for section, model in ((ATTRIBUTES, ProfileAttribute), (GROUPS, Group)):
            for change in _of(changes, section):
                row = _row(model, change) or model(**{NAMES[section]: change.name})
                self._save(row, self._entry(change), section, change.name)
        for change in _of(changes, POLICIES, removed=True):
            Policy.objects.get(name=change.name).delete()
        for change in _of(changes, APPS, removed=True):
            app = App.objects.get(name=change.name)
            if app.accounts.filter(state=State.ACTIVE).exists():
                self.notes.append(losses.stay(app))
            app.delete()
        for change in _of(changes, APPS):
            self._app(change)
        for change in _of(changes, POLICIES):
            self._policy(change)

    def _entry(self, change: Change) -> Entry:
        return self.document.sections[change.section][change.name]

    def _wrong(self, message: str, *path: str | int) -> None:
        self.problems.append(self.document.problem(message, *path))

    def _wrong_fields(
        self,
        errors: Values[str, Iterable[str]],
        *path: str | int,
        named: Callable[[str], Path] = lambda name: (name,),
    ) -> None:
        """What a form or model complains about; `named` is where a field of it stands here."""
        for name, sentences in errors.items():
            field_path = () if name == "__all__" else named(name)
            for sentence in sentences:
                self._wrong(sentence, *path, *field_path)

    def _save(self, row: Any, values: Entry, *path: str) -> None:
        for name, value in values.items():
            setattr(row, name, value)
        try:
            row.full_clean()
        except ValidationError as error:
            self._wrong_fields(error.message_dict, *path)
        else:
            row.save()

    def _policy(self, change: Change) -> None:
        entry = dict(self._entry(change))
        row = _row(Policy, change) or Policy(name=change.name)
        for name, model in (("app", App), ("group", Group)):
            if name in entry:
                entry[name] = model.objects.filter(name=entry[name]).first()
            if entry.get(name, getattr(row, f"{name}_id")) is None:
                # There is none, or it could not be added: that is said elsewhere.
                return
        self._save(row, entry, POLICIES, change.name)

    # ------------------------------------------------------------------------------------- apps

    def _app(self, change: Change) -> None:
        entry = self._entry(change)
        app = _row(App, change) or self._new_app(change.name, entry)
        if app is None or not self._is_of_its_kind(app, entry):
            return
        is_new = change.what is What.ADD
        connects = is_new or any(field.name.split(".")[0] not in ROWS for field in change.fields)
        if self._fits(app, entry) and connects:
            self._connect(app, entry, is_new=is_new)
        for name in ROWS:
            if name in entry:
                self._map(app, name, entry[name], is_new=is_new)

    def _new_app(self, name: str, entry: Entry) -> App | None:
        form = NewAppForm({"name": name, "connector": entry.get("connector", "")})
        if form.is_valid():
            return apps_setup.create(form.save(commit=False))
        self._wrong_fields(said(form.errors), APPS, name)
        return None

    def _is_of_its_kind(self, app: App, entry: Entry) -> bool:
        if entry.get("connector", app.connector) != app.connector:
            self._wrong(
                f"{app} is of the kind “{app.connector}” here, which cannot be changed. Add "
                "another application for this.",
                *(APPS, app.name, "connector"),
            )
            return False
        return True

    def _fits(self, app: App, entry: Entry) -> bool:
        """Whether settings and features are among those that this kind asks for."""
        wrong = len(self.problems)
        self._refuse_settings(app, entry)
        return wrong == len(self.problems)

    def _refuse_settings(self, app: App, entry: Entry) -> None:
        """Secrets, what no application of this kind has, and what is not asked for."""
        given = entry.get("settings", {})
        secret = {setting.key for setting in app.kind.settings if setting.secret}
        settings = settings_of(app.kind, {**app.settings, **given})
        for key in secret.intersection(given):
            self._wrong(
                "This is a secret, which no file should hold. Delete the line, change the secret "
                f"if others have seen it, and enter it on the page of {app}.",
                *(APPS, app.name, "settings", key),
            )
        for path, sentence in refused(app.kind, entry):
            if path[-1] not in secret:
                self._wrong(sentence, APPS, app.name, *path)
        for key in settings.keys() & given.keys():
            if not asks_for(app.kind, key, settings):
                self._wrong(
                    "It is not asked for with these other settings. Delete the line.",
                    *(APPS, app.name, "settings", key),
                )

    def _connect(self, app: App, entry: Entry, *, is_new: bool) -> None:
        changes = {name: value for name, value in entry.items() if name not in ROWS}
        if "chosen_groups" in changes:
            groups = Group.objects.filter(name__in=changes["chosen_groups"])
            changes["chosen_groups"] = list(groups)
        if is_new:
            changes["paused"] = True
        was_paused = app.paused
        kind = app_form(app, portal=self.portal, secrets_may_wait=True)
        form = kind(filled_in(app, changes), instance=app)
        if not form.is_valid():
            self._wrong_fields(said(form.errors), APPS, app.name, named=partial(place, app))
            return
        apps_setup.complete(form.save())
        if is_new or form.awaited:
            self.notes.append(_paused(app, form.awaited, is_new=is_new, was_paused=was_paused))

    # ---------------------------------------------------------------------------------- mapping

    def _map(self, app: App, name: str, rows: list[Entry], *, is_new: bool) -> None:
        """All rows, by the form of all rows of the app's page."""
        formset, numbers = _formset(app, ROWS[name], rows)
        if not formset.is_valid():
            for number, form in zip(numbers, formset.forms, strict=True):
                self._wrong_fields(said(form.errors), APPS, app.name, name, number)
            for error in formset.non_form_errors():
                self._wrong(str(error), APPS, app.name, name)
            return
        if ROWS[name] == Resource.USER and not is_new:
            self._tell_effect(app, formset, numbers)
        formset.save()
        order = {row["target"]: position for position, row in enumerate(rows)}
        saved = [row for row in app.mappings.filter(resource=ROWS[name]) if row.target in order]
        moved = [row for row in saved if row.position != order[row.target]]
        for row in moved:
            row.position = order[row.target]
        Mapping.objects.bulk_update(moved, ["position"])

    def _tell_effect(self, app: App, formset: Any, numbers: list[int]) -> None:
        """What would change for people, as the app's page says it before saving."""
        forms = zip(numbers, formset.forms, strict=True)
        rows = [form.instance for number, form in forms if number != _GONE]
        if not formset.has_changed() or Feature.UPDATE_USERS not in app.rules.features:
            return
        effect = mapping_changes.of(rows, app=app)
        if effect.changes:
            self.notes.append(
                wording.many_changes(
                    app,
                    count=effect.changes,
                    accounts=effect.accounts,
                    looked_at=None if effect.is_exact else effect.looked_at,
                )
            )


# The number of a row that the file does not have.
_GONE = -1


def _formset(app: App, resource: Resource, rows: list[Entry]) -> tuple[Any, list[int]]:
    """The rows as the page would send them, and for each the number of its row in the file."""
    form = type("MappingForm", (_FORMS[resource],), {"kind": app.kind})
    names = ["target", "source", "when_empty", "apply"]
    names += ["match"] if resource == Resource.USER else []
    kind = inlineformset_factory(App, Mapping, form=form, formset=MappingFormSet, fields=names)
    present = {row.target: row for row in app.mappings.filter(resource=resource)}
    numbers = {row["target"]: number for number, row in enumerate(rows)}
    order = [*present, *(target for target in numbers if target not in present)]
    data = {"rows-TOTAL_FORMS": str(len(order)), "rows-INITIAL_FORMS": str(len(present))}
    for index, target in enumerate(order):
        row = present.get(target) or Mapping(app=app, resource=resource)
        gone = target not in numbers
        told = sent(row, {} if gone else rows[numbers[target]])
        told |= {"id": str(row.pk)} if row.pk else {}
        told |= {"DELETE": "on"} if gone else {}
        data |= {f"rows-{index}-{key}": value for key, value in told.items()}
    queryset = app.mappings.filter(resource=resource)
    formset = kind(data, instance=app, prefix="rows", queryset=queryset)
    return formset, [numbers.get(target, _GONE) for target in order]


def _of(changes: list[Change], section: str, *, removed: bool = False) -> list[Change]:
    return [
        change
        for change in changes
        if change.section == section and (change.what is What.REMOVE) is removed
    ]


def _row(model: Any, change: Change) -> Any:
    return model.objects.filter(**{NAMES[change.section]: change.name}).first()


def _paused(app: App, awaited: list[Setting], *, is_new: bool, was_paused: bool) -> str:
    labels = ", ".join(setting.label for setting in awaited)
    enter = (
        f"Enter on its page: {labels}. Then switch" if labels else "Look at its page, and switch"
    )
    if is_new:
        return (
            f"{app} is added paused: nothing is sent before somebody has looked. {enter} “Paused” "
            "off."
        )
    state = "stays" if was_paused else "will be"
    return (
        f"{app} {state} paused, as a stored secret is missing or was meant for another server. "
        f"{enter} “Paused” off."
    )
