"""A connector for a server that can be told to fail, and groups of people there."""

from collections.abc import Iterator

import pytest

from provisioning.connectors.scim import Scim
from tests.provisioning.connectors.calls import EXTERNAL, connected
from tests.support.faulty import FaultyScim


@pytest.fixture
def scim(faulty: FaultyScim) -> Iterator[Scim]:
    connector = connected(faulty.base_url, faulty.token)
    yield connector.asking(lambda: None)
    connector.close()


@pytest.fixture
def people(faulty: FaultyScim) -> list[str]:
    return [faulty.add(f"p{number}@example.org")["id"] for number in range(5)]


@pytest.fixture
def team(faulty: FaultyScim, people: list[str]) -> str:
    """A group with three people in it."""
    return str(faulty.groups.add("Sales", *people[:3], externalId=EXTERNAL)["id"])
