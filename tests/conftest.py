"""The people, groups, applications and servers that the tests share."""

import datetime
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
import time_machine
from hypothesis import HealthCheck, settings

from iam.models import Group, User
from provisioning import apps_setup
from provisioning.models import App, Mapping, Policy
from provisioning.plan import Feature
from tests.settings import ON_POSTGRESQL
from tests.support import bad_inputs, needs
from tests.support.draining import drain_all
from tests.support.faulty import FaultyScim
from tests.support.receiver import Receiver
from tests.support.target import ENTERPRISE_USER, Target, fresh_tenant, scim2_server

# Nothing here is about time, and on a new machine hypothesis first makes tables of its own.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# Of a connector the database knows nothing: one is enough for the run on another database.
KINDS = ("scim",) if ON_POSTGRESQL else ("zoom", "scim")
ORGANIZATION = f"{ENTERPRISE_USER}:organization"
REVERSIBLE = (Feature.CREATE_USERS, Feature.UPDATE_USERS, Feature.DEACTIVATE_USERS)


class Server(Protocol):
    """What an app needs to know of the system it is for."""

    base_url: str
    token: str


MakeApp = Callable[..., App]


def pytest_xdist_auto_num_workers() -> int:
    """More than processors: much of the time a test waits for a process or a server."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_configure() -> None:
    needs.look()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    bad_inputs.remember(config, items)
    needs.choose(config, items)


# ------------------------------------------------------------------------------------- people


@pytest.fixture
def sales(db: None) -> Group:
    return Group.objects.create(name="Sales")


@pytest.fixture
def ann(sales: Group) -> User:
    """In the group."""
    ann = person("ann", first_name="Ann", last_name="Ash", custom={"custom_attribute_1": "Acme"})
    sales.users.add(ann)
    return ann


@pytest.fixture
def bob(db: None) -> User:
    """Not in the group."""
    return person("bob", first_name="Bob", last_name="Birch")


@pytest.fixture
def mallory(sales: Group) -> User:
    """In the group, and would like to be somebody else: filters, paths and pages in her names."""
    mallory = User.objects.create(
        username='mallory" or userName pr or "x@example.org',
        email="mallory@example.org",
        first_name="<script>alert(1)</script>",
        last_name='"],"active":true,"x":["',
    )
    sales.users.add(mallory)
    return mallory


def person(name: str, **attributes: Any) -> User:
    address = f"{name}@example.org"
    return User.objects.create(**{"username": address, "email": address, **attributes})


# ------------------------------------------------------------------------------------ servers


@pytest.fixture(scope="session")
def _scim2() -> Iterator[str]:
    with scim2_server() as url:
        yield url


@pytest.fixture
def target(_scim2: str) -> Iterator[Target]:
    """An empty tenant of scim2-server."""
    tenant = fresh_tenant(_scim2)
    yield tenant
    tenant.close()


@pytest.fixture
def faulty() -> Iterator[FaultyScim]:
    with FaultyScim() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A system that webhooks tell of events."""
    with Receiver() as server:
        yield server


# --------------------------------------------------------------------------------------- apps


@pytest.fixture
def make_app(db: None) -> MakeApp:
    """An app for a server; with `group`, that group gets it."""

    def make(
        server: Server,
        *,
        kind: str = "scim",
        name: str = "Zoom",
        features: tuple[Feature, ...] = REVERSIBLE,
        delete_after_days: int = 30,
        group: Group | None = None,
    ) -> App:
        app = apps_setup.create(
            App(
                name=name,
                connector=kind,
                internal=True,
                delete_after_days=delete_after_days,
                # Zoom's own five would be most of the run.
                requests_per_second=1000,
            )
        )
        by_token = {s.key: "bearer" for s in app.kind.settings if s.key == "auth"}
        settings = {"base_url": server.base_url, **by_token}
        apps_setup.configure(
            app, settings=settings, secrets={"token": server.token}, features=features
        )
        app.save()
        # The sixth row of the guide, which only Zoom's own mapping begins with.
        Mapping.objects.get_or_create(
            app=app, target=ORGANIZATION, defaults={"source": "custom.custom_attribute_1"}
        )
        if group is not None:
            Policy.objects.create(name=f"{name} for {group}", app=app, group=group)
        return app

    return make


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that uses this runs for Zoom and for any SCIM application."""
    return str(request.param)


@pytest.fixture
def app(make_app: MakeApp, target: Target, sales: Group, kind: str) -> App:
    """An app that the group gets, for scim2-server."""
    return make_app(target, kind=kind, group=sales)


@pytest.fixture
def faulty_app(make_app: MakeApp, faulty: FaultyScim, sales: Group, kind: str) -> App:
    """An app that the group gets, for a server that can be told to fail."""
    return make_app(faulty, kind=kind, group=sales)


# --------------------------------------------------------------------------------------- time


@pytest.fixture
def push() -> Callable[[], None]:
    """Do everything that is due now."""
    return drain_all


@pytest.fixture
def later() -> Iterator[Callable[..., None]]:
    """Let time pass: `later(minutes=5)`."""
    with time_machine.travel(datetime.datetime.now(datetime.UTC)) as traveller:
        yield lambda **span: traveller.shift(datetime.timedelta(**span))
