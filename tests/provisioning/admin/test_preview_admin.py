"""What a mapping gives a person is shown before it is saved, and nothing happens by looking."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from iam.models import Operator, User
from provisioning.models import Account, App, Apply, Mapping, SourceKind, WhenEmpty
from tests.provisioning.admin import Page, _page, visit
from tests.support.faulty import FaultyScim

Push = Callable[[], None]


@pytest.fixture
def kind() -> str:
    return "zoom"


def preview(client: Client, app: App, **typed: str) -> Page:
    """Press the button on the app's page after these changes."""
    page = visit(client, "provisioning_app_change", app.pk)
    address = reverse("admin:provisioning_app_preview", args=[app.pk])
    assert f'formaction="{address}"' in page.html
    return _page(client, client.post(address, {**page.form, **typed}))


def lines(page: Page) -> dict[str, tuple[str, str]]:
    """Value and verdict by target."""
    return {line.target: (line.value, line.verdict) for line in page.context["lines"]}


def test_rows_are_shown_as_they_were_typed_and_stay_unsaved(
    admin_client: Client, faulty_app: App, ann: User, faulty: FaultyScim
) -> None:
    page = preview(
        admin_client,
        faulty_app,
        **{"mappings-2-source": ":expression", "mappings-2-source_text": "upper(first_name)"},
    )
    assert lines(page)["name.givenName"] == ("ANN", "Is filled in")
    assert lines(page)["active"] == ("true", "Is filled in")
    assert "has no account in Zoom yet. It would be created with this." in page.text
    assert "nothing has been saved or sent" in page.text
    assert faulty_app.mappings.get(target="name.givenName").source == "first_name"
    assert faulty.requests == []


def test_another_person_is_chosen_without_losing_what_was_typed(
    admin_client: Client, faulty_app: App, ann: User, bob: User
) -> None:
    page = preview(admin_client, faulty_app, **{"mappings-2-source": "last_name"})
    assert faulty_app.secrets["token"] not in page.html
    other = page.send(person="BOB")
    assert lines(other)["name.givenName"][0] == "Birch"
    assert "No policy gives Bob Birch (bob@example.org) an account in Zoom." in other.text
    assert "Nobody found" in page.send(person="nobody").text
    assert lines(page.send(chosen=str(ann.pk)))["name.givenName"][0] == "Ash"


def test_of_an_account_it_is_told_what_would_change(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    Mapping.objects.create(app=faulty_app, target="title", source="title")
    ann.title = "Boss"
    ann.save()
    push()
    assert "would stay as it is" in preview(admin_client, faulty_app).text
    User.objects.filter(pk=ann.pk).update(title="", first_name="Anna")
    more = {"nickName": {"apply": Apply.CREATE}, "userType": {"when_empty": WhenEmpty.LEAVE}}
    for target, options in more.items():
        Mapping.objects.create(app=faulty_app, target=target, source="title", **options)
    page = preview(admin_client, faulty_app)
    found = lines(page)
    assert found["name.givenName"] == ("Anna", "Changes from “Ann”")
    assert found["title"] == ("", "Is cleared, was “Boss”")
    assert found["userName"] == (ann.username, "Unchanged")
    assert found["nickName"] == ("", "Stays: filled in at creation")
    assert found["userType"] == ("", "Empty: stays as it is there")
    assert "2 values of the account of Anna Ash" in page.text


def test_a_row_that_is_marked_as_sensitive_shows_no_value(
    admin_client: Client, faulty_app: App, ann: User, push: Push
) -> None:
    Mapping.objects.create(app=faulty_app, target="title", source="title", sensitive=True)
    User.objects.update(title="canary-old")
    push()
    User.objects.update(title="canary-new", first_name="Anna")
    page = preview(admin_client, faulty_app)
    assert lines(page)["title"] == ("•••", "Changes from “•••”")
    assert lines(page)["name.givenName"] == ("Anna", "Changes from “Ann”")
    assert "canary" not in page.html


def test_what_has_no_value_or_cannot_be_saved_is_told_at_its_row(
    admin_client: Client, faulty_app: App, ann: User
) -> None:
    Mapping.objects.create(
        app=faulty_app, target="title", source="number(email)", kind=SourceKind.EXPRESSION
    )
    before = Account.objects.get().generation
    page = preview(
        admin_client,
        faulty_app,
        **{
            "mappings-2-target": "name..givenName",
            "mappings-3-source": ":expression",
            "mappings-3-source_text": "<b>(email)",
            "mappings-6-DELETE": "on",
        },
    )
    assert lines(page)["title"] == ("", "No value")
    assert "“ann@example.org” is not a number." in page.text
    assert "would be refused" in page.text
    refused = [(line.target, line.verdict) for line in page.context["refused"]]
    assert refused == [
        ("name..givenName", "Cannot be saved"),
        ("name.givenName", "Cannot be saved"),
    ]
    assert not [target for target in lines(page) if "organization" in target]
    assert "<b>(email)" not in page.html
    assert Account.objects.get().generation == before


@pytest.mark.parametrize("permission", ["view_app", "view_user"])
def test_only_who_may_see_apps_and_people_sees_it(
    client: Client, faulty_app: App, ann: User, permission: str
) -> None:
    operator = Operator.objects.create_user("olga", password="x", is_staff=True)
    operator.user_permissions.add(Permission.objects.get(codename=permission))
    client.force_login(operator)
    address = reverse("admin:provisioning_app_preview", args=[faulty_app.pk])
    assert client.get(address).status_code == 403
    operator.user_permissions.set(Permission.objects.filter(codename__in=["view_app", "view_user"]))
    assert client.get(address).status_code == 200
