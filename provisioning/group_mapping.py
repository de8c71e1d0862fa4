"""Turns a group into what an application should hold, by the rows of the app's group mapping."""

from collections.abc import Iterable
from dataclasses import dataclass

from iam.attributes import Attribute
from iam.models import Group
from provisioning.connectors.base import Connector
from provisioning.errors import Rejected
from provisioning.expressions.evaluation import evaluate
from provisioning.expressions.grammar import parse
from provisioning.expressions.values import EvaluationError, ExpressionError
from provisioning.models import Apply, Mapping, SourceKind, WhenEmpty
from provisioning.plan import Value

Desired = dict[str, Value | None]

# Everything that a row can be filled from.
CATALOGUE = (Attribute("name", "Name"), Attribute("description", "Description"))
_KEYS = frozenset(attribute.key for attribute in CATALOGUE)


@dataclass(frozen=True)
class _Source:
    """What a formula may ask about a group: its two attributes, and nothing about people."""

    group: Group

    def attribute(self, name: str) -> str | None:
        if name not in _KEYS:
            raise KeyError(name)
        found: str = getattr(self.group, name)
        return found or None

    def attribute_of_manager(self, name: str) -> str | None:
        raise EvaluationError("A group has no manager.")

    def is_member_of(self, group: str) -> bool:
        raise EvaluationError("Only a person is in a group.")


def render(
    rows: Iterable[Mapping], group: Group, *, kind: type[Connector], app: str, creating: bool
) -> Desired:
    """Every mapped target with the group's value, None where it is to be empty.

    Raises Rejected, before anything is sent, when a target that the application needs is empty or
    a row has no value for this group.
    """
    rows = [row for row in rows if creating or row.apply == Apply.ALWAYS]
    desired: Desired = {}
    for row in rows:
        found = _value(row, group, app)
        if found is not None or row.when_empty != WhenEmpty.LEAVE:
            desired[row.target] = found
    for target in kind.required_group_targets:
        if desired.get(target) is None and (creating or target in desired):
            raise Rejected(
                f"{app} needs “{target}” for a group, and the group mapping gives none for "
                f"“{group.name}”. Correct it under Apps > {app} > Group mapping."
            )
    return desired


def _value(row: Mapping, group: Group, app: str) -> Value | None:
    try:
        found = _found(row, _Source(group))
    except KeyError as error:
        raise Rejected(
            f"“{row.target}” is filled from “{error.args[0]}”, and groups have no such attribute. "
            f"Choose another one under Apps > {app} > Group mapping."
        ) from error
    except (ExpressionError, EvaluationError) as error:
        raise Rejected(
            f"The formula for “{row.target}” has no value for the group “{group.name}”: {error} "
            f"Correct it under Apps > {app} > Group mapping."
        ) from error
    if found is None and row.when_empty == WhenEmpty.DEFAULT:
        return row.default or None
    return found


def _found(row: Mapping, source: _Source) -> Value | None:
    match row.kind:
        case SourceKind.CONSTANT:
            return row.source
        case SourceKind.EXPRESSION:
            found = evaluate(parse(row.source), source)
            if isinstance(found, tuple):
                raise EvaluationError("It gives several values, and this takes one.")
            return found
        case _:
            return source.attribute(row.source)
