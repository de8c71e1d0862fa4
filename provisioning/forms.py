"""The forms of an application: its connection and its features."""

import html
from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import model_to_dict
from django.http import QueryDict
from django.utils.html import strip_tags
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from provisioning import addresses, apps_setup, connectors, http
from provisioning.connectors.base import Connector, Setting
from provisioning.models import App
from provisioning.plan import Feature
from provisioning.wording import FEATURE_HELP, FEATURE_LABELS

SETTING = "setting_"
FEATURE = "feature_"
Path = tuple[str, ...]


class NewAppForm(forms.ModelForm):
    """The first step: which kind of application, and what people call it."""

    class Meta:
        model = App
        fields = ["connector", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["connector"]
        field.label = "Which application?"
        field.widget = Catalogue(choices=self._choices())

    def _choices(self) -> list[tuple[str, str]]:
        return [(slug, kind.label) for slug, kind in connectors.catalogue().items()]


class Catalogue(forms.RadioSelect):
    """One card for each connector."""

    template_name = "provisioning/widgets/catalogue.html"

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        option["description"] = connectors.catalogue()[value].description
        return option


class AppForm(forms.ModelForm):
    """The second step, with the connector's own fields. Secrets go in and never come out."""

    # Where the operator reaches this very page; empty where nobody knows.
    portal: str = ""
    # Where there is nobody to enter them, an app without its secrets is paused instead of refused.
    secrets_may_wait = False

    class Meta:
        model = App
        fields = [
            "name",
            "internal",
            "ca_certificate",
            "requests_per_second",
            "requests_at_once",
            "paused",
            "delete_after_days",
            "guard_count",
            "guard_percent",
            "drift",
            "compare_hours",
            "groups_to_push",
            "chosen_groups",
            "adopt_groups",
            "keep_events_days",
            "keep_evidence_days",
        ]
        widgets = {
            "ca_certificate": UnfoldAdminTextareaWidget(
                attrs={"rows": 3, "placeholder": "-----BEGIN CERTIFICATE-----"}
            )
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        app = self.instance
        for setting in app.kind.settings:
            if not setting.secret:
                held = app.settings.get(setting.key, setting.default)
                self.initial[f"{SETTING}{setting.key}"] = held
        for feature in app.kind.features:
            self.initial[f"{FEATURE}{feature}"] = feature in app.features

    def clean_ca_certificate(self) -> str:
        text = str(self.cleaned_data["ca_certificate"]).strip()
        try:
            http.tls(text)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for setting in self.instance.kind.settings:
            self._clean_setting(setting, cleaned)
        self._clean_features(cleaned)
        if not self.errors:
            self._clean_secrets(cleaned)
        return cleaned

    def _clean_setting(self, setting: Setting, cleaned: dict[str, Any]) -> None:
        name = f"{SETTING}{setting.key}"
        value = cleaned.get(name) or ""
        if not self._asked_for(setting, cleaned):
            # The field is hidden: what stands in it is neither judged nor taken over.
            self.errors.pop(name, None)
            cleaned[name] = self.initial.get(name, "")
        elif setting.secret:
            clean = apps_setup.clean_password if setting.as_typed else apps_setup.clean_secret
            cleaned[name] = self._tried(name, lambda: clean(value))
        elif not value and not setting.optional and name not in self.errors:
            self.add_error(name, f"{setting.label} is needed.")
        elif value and setting.is_url:
            internal = bool(cleaned.get("internal"))
            cleaned[name] = self._tried(name, lambda: self._elsewhere(value, internal=internal))

    def _elsewhere(self, typed: str, *, internal: bool) -> str:
        address = addresses.check_base_url(typed, internal=internal)
        if self.portal and addresses.origin(address) == addresses.origin(self.portal):
            raise ValueError(
                "This is the address of Gatehouse itself. Enter the one that the application shows "
                "on its own provisioning page."
            )
        return address

    def _tried(self, name: str, clean: Any) -> str:
        try:
            return str(clean())
        except ValueError as error:
            self.add_error(name, str(error))
            return ""

    def _clean_features(self, cleaned: dict[str, Any]) -> None:
        waits = bool(cleaned.get("delete_after_days"))
        deletes = cleaned.get(f"{FEATURE}{Feature.DELETE_USERS}")
        if deletes and waits and not cleaned.get(f"{FEATURE}{Feature.DEACTIVATE_USERS}"):
            self.add_error(
                f"{FEATURE}{Feature.DEACTIVATE_USERS}",
                "Accounts are deactivated first and deleted after the days below. Switch this on, "
                "or set “Delete after” to 0 to delete at once.",
            )

    def _clean_secrets(self, cleaned: dict[str, Any]) -> None:
        """A secret goes only to the server that it was entered for."""
        app = self.instance
        self.secrets = apps_setup.secrets_to_keep(app, self.new_settings(cleaned))
        self.awaited: list[Setting] = []
        for setting in app.kind.settings:
            name = f"{SETTING}{setting.key}"
            if not setting.secret:
                continue
            if cleaned[name]:
                self.secrets[setting.key] = cleaned[name]
            elif self._asked_for(setting, cleaned) and not self.secrets.get(setting.key):
                self._miss(setting, cleaned)

    def _miss(self, setting: Setting, cleaned: dict[str, Any]) -> None:
        if self.secrets_may_wait:
            self.awaited.append(setting)
            cleaned["paused"] = True
        else:
            moved = setting.key in self.instance.stored_secrets
            self.add_error(f"{SETTING}{setting.key}", _missing(setting, moved=moved))

    def _asked_for(self, setting: Setting, cleaned: dict[str, Any]) -> bool:
        if setting.when is None:
            return True
        key, value = setting.when
        return bool(cleaned.get(f"{SETTING}{key}") == value)

    def new_settings(self, cleaned: dict[str, Any]) -> dict[str, str]:
        return {
            setting.key: cleaned.get(f"{SETTING}{setting.key}") or ""
            for setting in self.instance.kind.settings
            if not setting.secret
        }

    def save(self, commit: bool = True) -> App:
        apps_setup.configure(
            self.instance,
            settings=self.new_settings(self.cleaned_data),
            secrets=self.secrets,
            features=[f for f in Feature if self.cleaned_data.get(f"{FEATURE}{f}")],
        )
        return super().save(commit)


def _missing(setting: Setting, *, moved: bool) -> str:
    if moved:
        return (
            f"The address now points to another server, so the stored {setting.label.lower()} was "
            "not taken along. Enter it again if that server is the right one."
        )
    return f"{setting.label} is needed."


def app_form(app: App, *, portal: str = "", secrets_may_wait: bool = False) -> type[AppForm]:
    """The form with the fields that the app's connector asks for."""
    fields: dict[str, forms.Field] = {
        f"{SETTING}{setting.key}": _setting_field(setting, stored=app.stored_secrets)
        for setting in app.kind.settings
    }
    for feature in app.kind.features:
        fields[f"{FEATURE}{feature}"] = forms.BooleanField(
            label=FEATURE_LABELS[feature],
            help_text=f"{FEATURE_HELP[feature]} {app.kind.feature_notes.get(feature, '')}".strip(),
            required=False,
            widget=UnfoldBooleanSwitchWidget,
        )
    told = {"portal": portal, "secrets_may_wait": secrets_may_wait}
    return type("AppForm", (AppForm,), {**fields, **told})


def filled_in(app: App, changes: Mapping[str, Any]) -> QueryDict:
    """The app's form as a browser would send it after these changes.

    They are by field, `settings` and `secrets` by their keys; `features` are all that are on.
    """
    now = model_to_dict(app, AppForm.Meta.fields)
    now |= {name: value for name, value in changes.items() if name in AppForm.Meta.fields}
    settings = {**app.settings, **changes.get("settings", {}), **changes.get("secrets", {})}
    now |= {f"{SETTING}{key}": value for key, value in settings.items()}
    now |= {f"{FEATURE}{each}": True for each in changes.get("features", app.features)}
    data = QueryDict(mutable=True)
    for name, value in now.items():
        if isinstance(value, list):
            data.setlist(name, [str(each.pk) for each in value])
        elif value is not None and value is not False:
            data[name] = "on" if value is True else str(value)
    return data


def refused(kind: type[Connector], changes: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What such changes have that no application of this kind has, with where it stands."""
    for name, secret in (("settings", False), ("secrets", True)):
        known = sorted(setting.key for setting in kind.settings if setting.secret is secret)
        for key in changes.get(name, {}):
            if key not in known:
                yield (
                    (name, key),
                    f"{kind.label} has none called so. Known are: {', '.join(known)}.",
                )
    if unable := [each for each in changes.get("features", []) if each not in kind.features]:
        can = ", ".join(feature.value for feature in kind.features)
        yield ("features",), f"{kind.label} cannot do “{unable[0]}”. It can do: {can}."


def place(app: App, name: str) -> Path:
    """Where a field of the form stands in such changes."""
    if name.startswith(SETTING):
        key = name.removeprefix(SETTING)
        secret = any(setting.secret for setting in app.kind.settings if setting.key == key)
        return ("secrets" if secret else "settings", key)
    return ("features",) if name.startswith(FEATURE) else (name,)


def said(errors: Mapping[str, Any]) -> dict[str, list[str]]:
    """The errors of a form as plain sentences: the pages mark a place in a formula with HTML."""
    return {
        name: [html.unescape(strip_tags(sentence)) for sentence in sentences]
        for name, sentences in errors.items()
    }


def _setting_field(setting: Setting, *, stored: frozenset[str]) -> forms.Field:
    common: dict[str, Any] = {
        "label": setting.label,
        "help_text": setting.help_text,
        "required": False,
    }
    if setting.choices:
        return forms.ChoiceField(
            choices=setting.choices, widget=UnfoldAdminRadioSelectWidget, **common
        )
    if setting.secret:
        hint = "Stored. Leave empty to keep it." if setting.key in stored else ""
        attrs = {"placeholder": hint, "autocomplete": "new-password"}
        return forms.CharField(
            max_length=20_000, widget=UnfoldAdminPasswordWidget(attrs=attrs), **common
        )
    return forms.CharField(max_length=3_000, widget=UnfoldAdminTextInputWidget, **common)
