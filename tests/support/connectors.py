"""Connectors that misbehave, for what no server can do from outside."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from provisioning import connectors
from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.scim import Scim


@contextmanager
def in_catalogue(kind: type[Scim], slug: str) -> Iterator[str]:
    """Let apps be of this kind for a while."""
    connectors.catalogue()[slug] = kind
    yield slug
    del connectors.catalogue()[slug]


def interfering(after: Callable[[str], None]) -> type[Scim]:
    """A SCIM connector that calls `after` with the operation when a write has been answered.

    A single write goes out in the worker's own thread, so `after` may use the database.
    """

    class Interfering(Scim):
        def create(self, values: Any, *, external_id: str) -> RemoteAccount:
            made = super().create(values, external_id=external_id)
            after("create")
            return made

        def update(self, remote_id: str, changes: Any, *, held: Any) -> RemoteAccount | None:
            shown = super().update(remote_id, changes, held=held)
            after("update")
            return shown

        def deactivate(self, remote_id: str) -> RemoteAccount | None:
            shown = super().deactivate(remote_id)
            after("deactivate")
            return shown

    return Interfering


class Stumbling(Scim):
    """Fails with an error of the programmer's own for whoever is called Bob."""

    def create(self, values: Mapping[str, Any], *, external_id: str) -> RemoteAccount:
        if values["name.givenName"] == "Bob":
            raise ZeroDivisionError("a mistake in the connector")
        return super().create(values, external_id=external_id)


class Blind(Scim):
    """Fails with an error of the programmer's own whenever it is to look at an account."""

    def get(self, remote_id: str, targets: Any) -> RemoteAccount:
        raise ZeroDivisionError("a mistake in the connector")
