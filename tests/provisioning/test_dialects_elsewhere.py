"""A person's whole way in a strict server that nobody here wrote, with parts of it switched off."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from iam.models import Group, User
from provisioning import apps_setup
from provisioning.models import App
from provisioning.plan import Feature
from tests.conftest import MakeApp, person
from tests.support.looks import account, agree, happened
from tests.support.target import Target, fresh_tenant, scim2_server

Push = Callable[[], None]
OFF = {"neither": {"patch", "filter"}, "no patch": {"patch"}, "no filter": {"filter"}}


def config(off: set[str]) -> str:
    features = {name: {"supported": name not in off} for name in ("patch", "filter")}
    unused = {name: {"supported": False} for name in ("changePassword", "sort", "etag")}
    features["filter"] |= {"maxResults": 1000}  # type: ignore[dict-item]
    return json.dumps(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            **features,
            **unused,
            "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
            "authenticationSchemes": [],
        }
    )


@pytest.fixture(scope="module", params=OFF, ids=lambda name: str(name).replace(" ", "-"))
def limited(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, set[str]]]:
    off = OFF[request.param]
    path: Path = tmp_path_factory.mktemp("scim") / "config.json"
    path.write_text(config(off))
    with scim2_server("--service-provider-config", str(path)) as url:
        yield url, off


@pytest.fixture
def tenant(limited: tuple[str, set[str]]) -> Iterator[Target]:
    tenant = fresh_tenant(limited[0])
    yield tenant
    tenant.close()


@pytest.fixture
def off(limited: tuple[str, set[str]]) -> set[str]:
    return limited[1]


@pytest.mark.parametrize("asked_first", [False, True], ids=["learned", "asked"])
def test_a_person_comes_changes_leaves_and_comes_back(
    make_app: MakeApp,
    tenant: Target,
    off: set[str],
    sales: Group,
    ann: User,
    push: Push,
    asked_first: bool,
) -> None:
    app = make_app(tenant, group=sales, features=tuple(Feature), delete_after_days=0)
    there = tenant.add("bea@example.org", nickName="Bea")
    sales.users.add(person("bea", first_name="Bea", last_name="Beech"))
    if asked_first:
        assert apps_setup.check_connection(app)[0]
    push()
    assert tenant.names() == ["ann@example.org", "bea@example.org"]
    assert tenant.user("bea@example.org")["id"] == there["id"]
    ann.first_name, ann.custom = "Anna", {}
    ann.email = "anna@example.org"
    ann.save()
    push()
    held = tenant.user(ann.username)
    assert held["name"] == {"givenName": "Anna", "familyName": "Ash"}
    assert [mail["value"] for mail in held["emails"]] == ["anna@example.org"]
    assert tenant.user("bea@example.org")["nickName"] == "Bea"
    App.objects.update(features=[Feature.CREATE_USERS, Feature.UPDATE_USERS, "deactivate_users"])
    sales.users.remove(ann)
    push()
    assert tenant.active_names() == ["bea@example.org"]
    sales.users.add(ann)
    push()
    assert ann.username in tenant.active_names()
    agree(app, tenant)
    assert {outcome for _, outcome in happened(app)} == {"done"}
    assert account(app, ann).problem == ""
    learned = App.objects.get(pk=app.pk).learned
    found = {flag.partition(".")[0]: lesson["value"] for flag, lesson in learned.items()}
    assert found.get("search", "filter") == ("listing" if "filter" in off else "filter")
    assert found.get("update", "patch") == ("put" if "patch" in off else "patch")
