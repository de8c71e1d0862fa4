"""Which permissions a change needs: those that its own page asks for."""

from collections.abc import Callable, Iterable, Iterator

from django.db.models import Model

from provisioning.configuration.differences import Change, Difference, What
from provisioning.configuration.document import Problem
from provisioning.configuration.shape import MODELS, ROWS
from provisioning.models import Mapping

_WORDS = {What.ADD: "add", What.CHANGE: "change", What.REMOVE: "delete"}
# To read a configuration is to see all of these.
_READ: list[type[Model]] = [*MODELS.values(), Mapping]
TO_READ = [f"{each._meta.app_label}.view_{each._meta.model_name}" for each in _READ]


def refusals(changes: Iterable[Change], may: Callable[[str], bool]) -> Iterator[Problem]:
    """What whoever asks may not do by this file, as they may not on the pages."""
    for change in changes:
        for right in needed(change):
            if not may(right):
                said = f"You may not do this: you lack the permission “{right}”."
                yield Problem(said, (change.section, change.name))


def needed(change: Change) -> list[str]:
    """The permissions, each once."""
    meta = MODELS[change.section]._meta
    rows = [field for field in change.fields if field.name.split(".")[0] in ROWS]
    found = [f"provisioning.{_of_row(field)}_mapping" for field in rows]
    if change.what is not What.CHANGE or len(rows) < len(change.fields):
        found.insert(0, f"{meta.app_label}.{_WORDS[change.what]}_{meta.model_name}")
    return list(dict.fromkeys(found))


def _of_row(field: Difference) -> str:
    if isinstance(field.new, dict) and field.old is None:
        return "add"
    return "delete" if isinstance(field.old, dict) and field.new is None else "change"
