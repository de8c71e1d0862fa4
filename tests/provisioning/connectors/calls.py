"""Every call that a SCIM connector answers, and servers that answer it in one way."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from provisioning.connectors.scim import Scim
from provisioning.plan import Change
from provisioning.scim.messages import ENTERPRISE_USER
from tests.support.servers import HttpServer, Reply

ANN = "ann@example.org"
MAIL = 'emails[type eq "work"].value'
ORGANIZATION = f"{ENTERPRISE_USER}:organization"
VALUES = {
    "userName": ANN,
    "active": True,
    "name.givenName": "Ann",
    MAIL: ANN,
    "title": None,
    ORGANIZATION: "Acme",
}
EXTERNAL = "6f1c1a52-0000-4000-8000-000000000001"
SECRET = "a-token-that-nobody-shows"

Call = Callable[[Scim], object]


def connected(url: str, token: str = SECRET) -> Scim:
    return Scim("Crew", {"base_url": url, "token": token}, internal=True)


@contextmanager
def answering(reply: Reply) -> Iterator[tuple[Scim, HttpServer]]:
    """A connector for a server that answers everything with this."""
    with HttpServer(lambda *_: reply) as server:
        connector = connected(server.url)
        yield connector, server
        connector.close()


def find(scim: Scim, *, made_by_us: bool = False) -> Any:
    return scim.find(VALUES, external_id=EXTERNAL, made_by_us=made_by_us)


def create(scim: Scim) -> Any:
    return scim.create(VALUES, external_id=EXTERNAL)


def update(scim: Scim, remote_id: str = "7") -> Any:
    return scim.update(
        remote_id, [Change("name.givenName", "Ann", "Anna")], held={"name.givenName"}
    )


READS: dict[str, Call] = {"check": Scim.check, "find": find}
WRITES: dict[str, Call] = {
    "create": create,
    "update": update,
    "deactivate": lambda scim: scim.deactivate("7"),
    "reactivate": lambda scim: scim.reactivate("7"),
    "delete": lambda scim: scim.delete("7"),
}
ON_ACCOUNT = [name for name in WRITES if name != "create"]


def calls(*names: str) -> pytest.MarkDecorator:
    table = READS | WRITES
    chosen = names or tuple(table)
    return pytest.mark.parametrize("call", [table[name] for name in chosen], ids=chosen)
