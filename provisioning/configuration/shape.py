"""What a configuration holds: which fields of which model, in which order, and what is left out.

Every field of the models is either here or under `LEFT_OUT`, with the reason.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.db import models

from iam.models import Group, ProfileAttribute
from provisioning.forms import AppForm
from provisioning.models import App, Mapping, Policy, Resource
from provisioning.plan import Feature

# The sections of a document, in the order in which they are written and applied.
ATTRIBUTES, GROUPS, APPS, POLICIES = "profile_attributes", "groups", "apps", "policies"
MODELS: dict[str, type[models.Model]] = {
    ATTRIBUTES: ProfileAttribute,
    GROUPS: Group,
    APPS: App,
    POLICIES: Policy,
}
# What one of a section is called in a sentence.
ONE = {
    ATTRIBUTES: "profile attribute",
    GROUPS: "group",
    APPS: "application",
    POLICIES: "policy",
}
# Where the mapping rows of an app stand.
ROWS = {"attribute_mapping": Resource.USER, "group_mapping": Resource.GROUP}

_NOT_CONFIGURATION = "The database gives it."
_TIME = "It tells when something was done, not how things should be."
LEFT_OUT: dict[type[models.Model], dict[str, str]] = {
    ProfileAttribute: {"id": _NOT_CONFIGURATION},
    Group: {
        "id": _NOT_CONFIGURATION,
        "name_key": "It follows from the name.",
        "users": "Who is in a group is no configuration.",
        "source": "It tells how the group came here.",
        "created_at": _TIME,
    },
    App: {
        "id": _NOT_CONFIGURATION,
        "sealed_secrets": "Secrets never come out; they are entered on the app's page.",
        "paused": "A file must not set anything going, nor stop it.",
        "learned": "It is found out anew, as it may be another system there.",
        "created_at": _TIME,
        "changed_at": _TIME,
    },
    Mapping: {
        "id": _NOT_CONFIGURATION,
        "app": "Rows stand at their application.",
        "resource": "Rows of groups stand apart.",
        "position": "Rows stand in their order.",
    },
    Policy: {"id": _NOT_CONFIGURATION, "created_at": _TIME},
}


class Kind(Enum):
    """What may stand in a place, as said to whoever wrote something else."""

    TEXT = "a text"
    FLAG = "true or false"
    WHOLE = "a whole number"
    NUMBER = "a number"
    TEXTS = "a list of texts"
    VALUES = "names and texts"


@dataclass(frozen=True)
class Field:
    """One field of a document; `choices` are all that may stand there, if there are any."""

    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    may_be_null: bool = False
    default: Any = ""


def _field(model: type[models.Model], name: str) -> Field:
    found: Any = model._meta.get_field(name)
    if name == "features":
        return Field(name, Kind.TEXTS, tuple(each.value for each in Feature))
    kinds = {
        models.BooleanField: Kind.FLAG,
        models.FloatField: Kind.NUMBER,
        models.IntegerField: Kind.WHOLE,
        models.ManyToManyField: Kind.TEXTS,
        models.JSONField: Kind.VALUES,
    }
    kind = next((kind for each, kind in kinds.items() if isinstance(found, each)), Kind.TEXT)
    choices = tuple(str(value) for value, _ in found.choices or ())
    default = None if found.null else found.get_default()
    return Field(name, kind, choices, found.null and kind is not Kind.TEXTS, default)


def _fields(model: type[models.Model], *names: str) -> dict[str, Field]:
    return {name: _field(model, name) for name in names}


# What the name of an entry is: the text before the colon.
NAMES = {ATTRIBUTES: "key", GROUPS: "name", APPS: "name", POLICIES: "name"}
# Everything that the form of an app asks for is configuration, unless it is left out above.
_OF_APP = [name for name in AppForm.Meta.fields if name not in {"name", *LEFT_OUT[App]}]
FIELDS: dict[str, dict[str, Field]] = {
    ATTRIBUTES: _fields(ProfileAttribute, "label", "help_text", "position"),
    GROUPS: _fields(Group, "description", "open_to_help_desk"),
    APPS: _fields(App, "connector", "settings", "features", *_OF_APP),
    POLICIES: _fields(Policy, "app", "group", "login_method", "enabled"),
}
_ROW = ("target", "kind", "source", "when_empty", "default", "apply")
ROW_FIELDS: dict[str, dict[str, Field]] = {
    "attribute_mapping": _fields(Mapping, *_ROW, "match", "sensitive"),
    # Only people are looked for by what is mapped, and have values to keep out of reports.
    "group_mapping": _fields(Mapping, *_ROW),
}
