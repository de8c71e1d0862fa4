"""The configuration that is stored here, as a document; people and secrets are not part of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from iam import attributes
from iam.models import Group, ProfileAttribute
from iam.text import normalise
from provisioning.configuration.document import Document, Entry
from provisioning.configuration.shape import (
    APPS,
    ATTRIBUTES,
    FIELDS,
    GROUPS,
    NAMES,
    POLICIES,
    ROW_FIELDS,
    ROWS,
)
from provisioning.connectors.base import Connector, Setting
from provisioning.expressions.grammar import parse
from provisioning.expressions.tree import Expression
from provisioning.expressions.values import ExpressionError
from provisioning.models import App, Mapping, Policy, SourceKind


def everything() -> Document:
    """All there is, used or not, in a fixed number of queries."""
    apps = App.objects.prefetch_related("chosen_groups", "mappings").defer("sealed_secrets")
    policies = Policy.objects.select_related("app", "group")
    return Document(
        {
            ATTRIBUTES: _entries(ATTRIBUTES, ProfileAttribute.objects.all()),
            GROUPS: _entries(GROUPS, Group.objects.all()),
            APPS: {app.name: of_app(app) for app in sorted(apps, key=lambda app: app.name)},
            POLICIES: {
                policy.name: _values(policy, POLICIES)
                | {"app": policy.app.name, "group": policy.group.name}
                for policy in sorted(policies, key=lambda policy: policy.name)
            },
        }
    )


def exported(only: str = "") -> Document:
    """The apps, or just one, with their policies, and the groups and attributes that they name."""
    found = everything().sections
    apps = {name: entry for name, entry in found[APPS].items() if only in ("", name)}
    policies = {name: entry for name, entry in found[POLICIES].items() if entry["app"] in apps}
    groups = {normalise(name) for name in _groups(apps, policies)}
    keys = set(_attributes(apps))
    return Document(
        {
            ATTRIBUTES: {key: each for key, each in found[ATTRIBUTES].items() if key in keys},
            GROUPS: {n: each for n, each in found[GROUPS].items() if normalise(n) in groups},
            APPS: apps,
            POLICIES: policies,
        },
        only=only,
    )


def of_app(app: App) -> Entry:
    """An app with its rows. A setting that its sign-in method does not ask for is left out."""
    settings = settings_of(app.kind, app.settings)
    rows = app.mappings.all()
    return {
        **_values(app, APPS),
        "settings": {key: settings[key] for key in settings if asks_for(app.kind, key, settings)},
        "features": sorted(app.features),
        "chosen_groups": sorted(group.name for group in app.chosen_groups.all()),
        **{name: _rows(rows, name) for name in ROWS},
    }


def settings_of(kind: type[Connector], given: dict[str, str]) -> dict[str, str]:
    """Every setting but the secrets, with the connector's default where nothing was entered."""
    open_ones = (setting for setting in kind.settings if not setting.secret)
    return {each.key: given.get(each.key, each.default) for each in open_ones}


def asks_for(kind: type[Connector], key: str, settings: dict[str, str]) -> bool:
    """Whether the connector asks for this setting or secret, given the others."""
    setting = next(each for each in kind.settings if each.key == key)
    return setting.when is None or settings.get(setting.when[0]) == setting.when[1]


def secrets_of(kind: type[Connector], settings: dict[str, str]) -> list[Setting]:
    """What has to be entered on the app's page, as no file holds it."""
    return [each for each in kind.settings if each.secret and asks_for(kind, each.key, settings)]


def _entries(section: str, rows: Iterable[Any]) -> dict[str, Entry]:
    key = NAMES[section]
    found = {getattr(row, key): _values(row, section) for row in rows}
    return dict(sorted(found.items()))


def _values(row: Any, section: str) -> Entry:
    # What is not stored in the row itself is filled in by the caller.
    own = {field.name for field in row._meta.concrete_fields if not field.is_relation}
    return {name: getattr(row, name) if name in own else None for name in FIELDS[section]}


def _rows(rows: Iterable[Mapping], name: str) -> list[Entry]:
    theirs = (row for row in rows if row.resource == ROWS[name])
    return [{key: getattr(row, key) for key in ROW_FIELDS[name]} for row in theirs]


# --------------------------------------------------------------------------------- what is named


def _groups(apps: dict[str, Entry], policies: dict[str, Entry]) -> Iterator[str]:
    for policy in policies.values():
        yield policy["group"]
    for app in apps.values():
        yield from app["chosen_groups"]
    for formula in _formulas(apps):
        yield from (str(literal.value) for literal in formula.groups)


def _attributes(apps: dict[str, Entry]) -> Iterator[str]:
    named = [row["source"] for row in _all_rows(apps) if row["kind"] == SourceKind.ATTRIBUTE]
    named += [found.name for formula in _formulas(apps) for found in formula.attributes]
    for name in named:
        if name.startswith(attributes.CUSTOM):
            yield name.removeprefix(attributes.CUSTOM)


def _formulas(apps: dict[str, Entry]) -> Iterator[Expression]:
    for row in _all_rows(apps):
        if row["kind"] == SourceKind.EXPRESSION:
            try:
                yield parse(row["source"])
            except ExpressionError:
                # It names nothing that could be read. Its row says so where it is used.
                continue


def _all_rows(apps: dict[str, Entry]) -> Iterator[Entry]:
    for app in apps.values():
        for name in ROWS:
            yield from app[name]
