"""The vendors of the catalogue: a person's whole way with each, and what is special about some."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from iam.models import Group, User
from provisioning import apps_setup
from provisioning.connectors import catalogue
from provisioning.models import App
from provisioning.plan import Feature
from tests.conftest import MakeApp
from tests.provisioning.admin import visit
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import agree, happened
from tests.support.target import Target

Push = Callable[[], None]
VENDORS = sorted(set(catalogue()) - {"zoom", "scim"})
NEVER_DELETES = {"slack", "github_organization", "gitlab", "salesforce"}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_person_comes_changes_leaves_and_comes_back(
    make_app: MakeApp, target: Target, sales: Group, ann: User, push: Push, vendor: str
) -> None:
    app = make_app(target, kind=vendor, name=catalogue()[vendor].label, group=sales)
    push()
    (made,) = target.users()
    ann.first_name, ann.last_name = "Anna", "Ashdown"
    ann.email = "anna@example.org"
    ann.save()
    push()
    held = target.user(made["userName"]) if vendor != "miro" else target.users()[0]
    assert "Ashdown" in str(held)
    sales.users.remove(ann)
    push()
    assert target.active_names() == []
    sales.users.add(ann)
    push()
    assert [user["id"] for user in target.users() if user["active"]] == [made["id"]]
    assert happened(app) == [
        (operation, "done") for operation in ("create", "update", "deactivate", "reactivate")
    ]
    agree(app, target)


@pytest.mark.parametrize("vendor", VENDORS)
def test_deleting_is_offered_where_the_vendor_deletes(vendor: str) -> None:
    offered = Feature.DELETE_USERS in catalogue()[vendor].features
    assert offered is (vendor not in NEVER_DELETES)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_vendor_is_asked_at_a_rate(vendor: str) -> None:
    assert 0 < catalogue()[vendor].requests_per_second <= 5


def test_what_a_feature_does_there_stands_where_it_is_chosen(admin_client: Client) -> None:
    visit(admin_client, "provisioning_app_add").send(connector="github", name="GitHub")
    page = visit(admin_client, "provisioning_app_change", App.objects.get().pk)
    assert (
        "It cannot be undone. GitHub then deletes keys, repositories and the identity" in page.text
    )


def test_a_github_organization_is_never_sent_a_path(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    make_app(faulty, kind="github_organization", name="GitHub", group=sales)
    push()
    faulty.user(ann.username)["emails"].append({"type": "home", "value": "home@example.org"})
    faulty.requests.clear()
    ann.email = "anna@example.org"
    ann.save()
    push()
    sales.users.remove(ann)
    push()
    assert faulty.journal == ["GET /Users/…", "PATCH /Users/…", "PATCH /Users/…"]
    assert not [request for request in faulty.requests if b'"path"' in request.body]
    values = [mail["value"] for mail in faulty.user(ann.username)["emails"]]
    assert values == ["anna@example.org", "home@example.org"]


def test_a_github_organization_that_forgot_a_leaver_gets_a_new_account(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    make_app(faulty, kind="github_organization", name="GitHub", group=sales)
    push()
    sales.users.remove(ann)
    push()
    faulty.stored.clear()
    sales.users.add(ann)
    push()
    push()
    assert faulty.active_names() == [ann.username]


def test_gitlab_is_listed_where_it_does_not_search(
    make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push
) -> None:
    faulty.on("GET", answer(400, {"detail": "Unsupported filter"}), about="filter=userName")
    faulty.add("somebody@example.org")
    app = make_app(faulty, kind="gitlab", name="GitLab", group=sales)
    push()
    assert ann.username in faulty.names()
    assert App.objects.get(pk=app.pk).learned["search.userName"]["value"] == "listing"


def test_aws_is_asked_for_pages_of_fifty(make_app: MakeApp, faulty: FaultyScim) -> None:
    kind = catalogue()["aws_identity_center"]
    config = {"base_url": faulty.base_url, "token": faulty.token}
    connector = kind("AWS", config, internal=True)
    connector.list_accounts({"userName"}, position="")
    connector.close()
    assert parse_qs(urlsplit(faulty.requests[0].path).query)["count"] == ["50"]


@pytest.mark.parametrize(
    ("vendor", "asked"),
    [
        ("salesforce", ["/ServiceProviderConfigs"]),
        ("aws_identity_center", ["/ServiceProviderConfig"]),
        ("gitlab", []),
        ("slack", ["/ServiceProviderConfig", "/ServiceProviderConfigs"]),
    ],
)
def test_a_vendor_is_asked_for_its_description_where_it_has_one(
    make_app: MakeApp, faulty: FaultyScim, vendor: str, asked: list[str]
) -> None:
    app = make_app(faulty, kind=vendor)
    assert apps_setup.check_connection(app)[0]
    described = ["/ResourceTypes", "/Schemas"] if asked else []
    assert [request.path for request in faulty.requests[1:]] == [*asked, *described]
