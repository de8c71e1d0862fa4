"""Turns a person into what an application should hold, by the rows of the app's mapping."""

from collections.abc import Sequence

from iam import attributes
from iam.models import User
from provisioning.connectors.base import Connector
from provisioning.errors import Rejected
from provisioning.models import Mapping
from provisioning.plan import Value

Desired = dict[str, Value | None]


def render(rows: Sequence[Mapping], user: User, *, kind: type[Connector], app: str) -> Desired:
    """Every mapped target with the person's value, None where it is empty.

    Raises Rejected, before anything is sent, when a target that the application needs is empty or
    a row's attribute does not exist.
    """
    desired: Desired = {row.target: _value(row, user, app) for row in rows}
    sources = {row.target: row.source for row in rows}
    labels = {attribute.key: attribute.label for attribute in attributes.BUILT_IN}
    for target in kind.required_targets:
        if target not in sources:
            raise Rejected(
                f"{app} needs “{target}”, and no row of the attribute mapping fills it. "
                f"Add one under Apps > {app} > Attribute mapping."
            )
        if desired[target] is None:
            source = labels.get(sources[target], sources[target])
            raise Rejected(
                f"{app} needs “{target}”, which comes from {source}, and that is empty for "
                f"{user}. Fill it in on the person's page."
            )
    return desired


def _value(row: Mapping, user: User, app: str) -> Value | None:
    try:
        return attributes.value(user, row.source)
    except KeyError as error:
        raise Rejected(
            f"“{row.target}” is filled from “{row.source}”, and people have no such attribute. "
            f"Choose another one under Apps > {app} > Attribute mapping."
        ) from error
