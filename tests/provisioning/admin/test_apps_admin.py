"""An application is added, connected, tested and taken away on its page, without a secret shown."""

from collections.abc import Callable

import pytest
from django.test import Client

from iam.models import User
from provisioning import apps_setup, secrets
from provisioning.models import Account, App, Event
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.support.faulty import FaultyScim, answer, html
from tests.support.target import TOKEN

Push = Callable[[], None]

URL = "setting_base_url"
SECRET = "canary-8d1f2c"
PUBLIC = {URL: "https://chat.example/scim/v2", "setting_token": SECRET}


def add(client: Client, kind: str, name: str = "Chat") -> Page:
    """The first step; the page of the second."""
    return visit(client, "provisioning_app_add").send(connector=kind, name=name)


def page_of(client: Client, app: App | None = None) -> Page:
    return visit(client, "provisioning_app_change", (app or App.objects.get()).pk)


@pytest.fixture
def chat(admin_client: Client) -> Page:
    """The page of an application that is connected, with a stored token."""
    app = apps_setup.create(App(name="Chat", connector="scim"))
    app.settings |= {"base_url": PUBLIC[URL], "auth": "bearer"}
    app.sealed_secrets = secrets.seal({"token": SECRET})
    app.save()
    return page_of(admin_client, app)


# --------------------------------------------------------------------------------------- add


@pytest.mark.parametrize("kind", ["zoom", "scim"])
def test_an_application_is_chosen_from_the_catalogue_first(admin_client: Client, kind: str) -> None:
    page = add(admin_client, kind)
    assert "Chat is in the list. Now connect it" in page.text
    assert page.address == f"/admin/provisioning/app/{App.objects.get().pk}/change/"
    asked = {f"setting_{setting.key}" for setting in App.objects.get().kind.settings}
    assert asked <= {*page.form, "setting_auth"}


def test_the_catalogue_says_what_each_kind_is_for(admin_client: Client) -> None:
    text = visit(admin_client, "provisioning_app_add").text
    assert "Zoom Workplace accounts" in text
    assert "every application with a SCIM Base URL" in text


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"name": "Chat"}, "connector", "This field is required."),
        ({"name": "Chat", "connector": "no-such"}, "connector", "no-such is not one of"),
        ({"name": "", "connector": "zoom"}, "name", "This field is required."),
        ({"name": "Ch\u200bat", "connector": "zoom"}, "name", "(U+200B)"),
        ({"name": "x" * 101, "connector": "zoom"}, "name", "at most 100 characters"),
    ],
)
def test_a_wrong_first_step_is_refused(
    admin_client: Client, typed: dict[str, str], field: str, said: str
) -> None:
    page = visit(admin_client, "provisioning_app_add").send(**typed)
    assert said in page.errors[field][0]
    assert not App.objects.exists()


def test_a_name_is_used_once(admin_client: Client, chat: Page) -> None:
    page = add(admin_client, "zoom")
    assert "App with this Name already exists." in page.text
    assert App.objects.count() == 1


def test_at_the_start_everything_that_can_be_undone_is_on(admin_client: Client) -> None:
    page = add(admin_client, "zoom")
    on = {name for name in page.form if name.startswith("feature_")}
    assert on == {"feature_create_users", "feature_update_users", "feature_deactivate_users"}


# ------------------------------------------------------------------------- conditional fields


def test_only_the_fields_of_the_chosen_sign_in_method_are_needed(admin_client: Client) -> None:
    page = add(admin_client, "zoom")
    assert set(page.send().errors) == {"setting_account_id", "setting_client_id"}
    ids = {"setting_account_id": "a", "setting_client_id": "c"}
    assert set(page.send(**ids).errors) == {"setting_client_secret"}
    assert set(page.send(setting_auth="bearer").errors) == {"setting_token"}
    page.send(setting_auth="bearer", setting_token="abc")
    assert App.objects.get().secrets == {"token": "abc"}


def test_the_page_hides_the_fields_of_the_other_method(admin_client: Client) -> None:
    source = add(admin_client, "zoom").html
    assert "setting_auth == &#x27;oauth&#x27;" in source or "setting_auth == 'oauth'" in source


def test_what_stands_in_a_hidden_field_does_not_matter(admin_client: Client) -> None:
    page = add(admin_client, "zoom")
    page.send(
        setting_auth="bearer",
        setting_token="abc",
        setting_token_url="not an address",
        setting_client_secret="not a secret",
        setting_account_id="x" * 5_000,
    )
    app = App.objects.get()
    assert app.secrets == {"token": "abc"}
    assert app.settings["token_url"] == "https://zoom.us/oauth/token"


# ---------------------------------------------------------------------------------- features


def test_features_are_switched_one_by_one(chat: Page) -> None:
    chat.send(feature_update_users=None, feature_delete_users="on")
    assert App.objects.get().features == ["create_users", "deactivate_users", "delete_users"]


def test_deleting_later_needs_deactivating_first(chat: Page) -> None:
    both = {"feature_delete_users": "on", "feature_deactivate_users": None}
    page = chat.send(**both)
    assert "Accounts are deactivated first and deleted after the days below." in page.text
    assert App.objects.get().features == ["create_users", "update_users", "deactivate_users"]
    page.send(**both, delete_after_days="0")
    assert App.objects.get().features == ["create_users", "update_users", "delete_users"]


@pytest.mark.parametrize("days", ["-1", "3651", "soon", "", "1e9", "9" * 30])
def test_a_wrong_number_of_days_is_refused(chat: Page, days: str) -> None:
    page = chat.send(delete_after_days=days)
    assert list(page.errors) == ["delete_after_days"]
    assert App.objects.get().delete_after_days == 30


# ------------------------------------------------------------------------------ test and push


@pytest.fixture
def shown(admin_client: Client, faulty_app: App, ann: User) -> Page:
    """The page of an app for a server that can be told to fail; ann is to get an account."""
    return page_of(admin_client, faulty_app)


def test_a_connection_that_works_is_said_with_the_next_step(
    admin_client: Client, make_app: MakeApp, faulty: FaultyScim
) -> None:
    page = page_of(admin_client, make_app(faulty)).send(button="_save_and_test")
    assert "add a policy that says who gets it" in page.text
    assert page.context["messages"] and "error" not in {
        message.level_tag for message in page.context["messages"]
    }
    assert faulty.writes == []


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"detail": "Gone."}, "did not accept the token"),
        (403, {"detail": "No."}, "does not allow this"),
        (500, {"detail": "Oh."}, "has a problem on its side (error 500)"),
        (429, None, "asks for fewer requests"),
        (404, None, "404"),
    ],
)
def test_a_connection_that_does_not_work_is_explained(
    shown: Page, faulty: FaultyScim, status: int, body: object, said: str
) -> None:
    faulty.on("*", answer(status, body))
    page = shown.send(button="_save_and_test")
    assert said in page.text
    assert TOKEN not in page.html
    assert App.objects.get().secrets == {"token": TOKEN}


def test_a_login_page_instead_of_an_answer_is_explained_and_shown_as_text(
    shown: Page, faulty: FaultyScim
) -> None:
    faulty.on("*", answer(200, b"<script>alert(1)</script>"))
    page = shown.send(button="_save_and_test")
    assert "<script>alert(1)" not in page.html
    faulty.heal()
    faulty.on("*", answer(*html(502)))
    assert "error 502" in shown.send(button="_save_and_test").text


def test_what_was_typed_is_saved_before_it_is_tried(shown: Page, faulty: FaultyScim) -> None:
    faulty.token = "fresh"
    page = shown.send(button="_save_and_test", setting_token="fresh")
    assert "Everything that waited is sent now." in page.text
    assert App.objects.get().secrets == {"token": "fresh"}


def test_a_refused_form_is_not_tried(shown: Page, faulty: FaultyScim) -> None:
    shown.send(button="_save_and_test", name="")
    assert faulty.requests == []


def test_an_application_that_cannot_be_reached_is_explained(
    admin_client: Client, make_app: MakeApp
) -> None:
    with FaultyScim() as server:
        app = make_app(server)
    page = page_of(admin_client, app).send(button="_save_and_test")
    assert [message.level_tag for message in page.context["messages"]][-1] == "error"


def test_push_now_brings_every_account_up_to_date(
    shown: Page, faulty: FaultyScim, ann: User, push: Push
) -> None:
    push()
    page = shown.send(button="_push_now")
    assert "1 account of Zoom is looked at again now." in page.text
    assert Account.objects.get().due_at is not None
    push()
    assert Account.objects.get().due_at is None


def test_a_stopped_application_says_so_on_its_page(
    admin_client: Client, faulty_app: App, faulty: FaultyScim, ann: User, push: Push
) -> None:
    faulty.token = "another"
    push()
    page = page_of(admin_client, faulty_app)
    assert "Zoom is stopped since" in page.text
    assert "did not accept the token" in page.text
    assert "Stopped" in visit(admin_client, "provisioning_app_changelist").text


def test_a_paused_application_says_so(shown: Page) -> None:
    shown.send(paused="on")
    text = page_of(shown.client).text
    assert "Zoom is paused." in text
    assert App.objects.get().paused


# ------------------------------------------------------------------------------------ delete


def test_deleting_says_first_that_the_accounts_stay(
    shown: Page, faulty: FaultyScim, ann: User, push: Push
) -> None:
    """bad-input-111"""
    push()
    app = App.objects.get()
    page = visit(shown.client, "provisioning_app_delete", app.pk)
    assert "1 account stays in Zoom as it is, and Gatehouse forgets it." in page.text
    assert "disable the policies of Zoom" in page.text
    page.send()
    push()
    assert faulty.active_names() == [ann.username]
    assert not App.objects.exists()
    assert Event.objects.get().app_name == "Zoom"
