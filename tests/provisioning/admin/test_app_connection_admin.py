"""Address and token of an application are judged when they are typed; a token never comes out."""

import pytest
from django.test import Client

from provisioning import apps_setup, secrets
from provisioning.models import App
from tests.provisioning.admin import Page, visit

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


# ----------------------------------------------------------------------------------- secrets


def test_a_stored_secret_is_on_no_page(admin_client: Client, chat: Page) -> None:
    app = App.objects.get()
    assert app.secrets == {"token": SECRET}
    assert chat.form["setting_token"] == ""
    assert "Stored. Leave empty to keep it." in chat.html
    for view, *args in (
        ("provisioning_app_change", app.pk),
        ("provisioning_app_history", app.pk),
        ("provisioning_app_delete", app.pk),
        ("provisioning_app_changelist",),
        ("index",),
    ):
        page = visit(admin_client, view, *args)
        assert SECRET not in page.html
        assert app.sealed_secrets not in page.html


def test_a_secret_is_not_sent_back_with_a_refused_form(chat: Page) -> None:
    page = chat.send(**{URL: "ftp://chat.example", "setting_token": "another-canary"})
    assert page.errors
    assert "another-canary" not in page.html
    assert SECRET not in page.html


def test_an_empty_secret_keeps_the_stored_one(chat: Page) -> None:
    chat.send(name="Talk", **{URL: "https://chat.example/other/path/"})
    app = App.objects.get()
    assert (app.name, app.secrets) == ("Talk", {"token": SECRET})
    assert app.settings[URL.removeprefix("setting_")] == "https://chat.example/other/path"


def test_a_new_secret_replaces_the_old_one(chat: Page) -> None:
    chat.send(setting_token="new-token")
    assert App.objects.get().secrets == {"token": "new-token"}


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example/scim/v2", "https://chat.example:8443/scim/v2", "http://chat.example"],
)
def test_a_secret_is_not_taken_along_to_another_server(chat: Page, elsewhere: str) -> None:
    page = chat.send(internal="on", **{URL: elsewhere})
    assert (
        "The address now points to another server, so the stored bearer token was not taken along. "
        "Enter it again if that server is the right one."
    ) in page.text
    assert App.objects.get().settings["base_url"] == PUBLIC[URL]
    page.send(internal="on", setting_token="for-the-other", **{URL: elsewhere})
    assert App.objects.get().secrets == {"token": "for-the-other"}


def test_a_changed_token_address_drops_the_client_secret(admin_client: Client) -> None:
    ids = {"setting_account_id": "a", "setting_client_id": "c", "setting_client_secret": SECRET}
    add(admin_client, "zoom").send(**ids)
    page = page_of(admin_client).send(setting_token_url="https://evil.example/token")
    assert "the stored client secret was not taken along" in page.text
    assert App.objects.get().settings["token_url"] == "https://zoom.us/oauth/token"


@pytest.mark.parametrize(
    ("pasted", "kept"),
    [
        ("Bearer abc123", "abc123"),
        ("bearer  abc123 ", "abc123"),
        ("  abc123\n", "abc123"),
        ('"abc123"', "abc123"),
        ("'Bearer abc123'", "abc123"),
        ('Bearer "abc123"', "abc123"),
    ],
)
def test_a_token_is_taken_out_of_what_was_copied_along(
    admin_client: Client, pasted: str, kept: str
) -> None:
    """bad-input-100"""
    add(admin_client, "scim").send(**{**PUBLIC, "setting_token": pasted})
    assert App.objects.get().secrets == {"token": kept}


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("abc\r\nX-Evil: 1", "Character 4 cannot be part of a token"),
        ("abc 123", "Character 4 cannot be part of a token"),
        ("abc\u200b123", "Character 4 cannot be part of a token"),
        ("tökén", "Character 2 cannot be part of a token"),
        ("x" * 10_240, "This is too long for a token. Copy the token alone."),
        ("x" * 65_536, "at most 20000 characters"),
        ("a\x00b", "Null characters are not allowed."),
        ("", "Bearer token is needed."),
        ('""', "Bearer token is needed."),
    ],
)
def test_what_cannot_be_a_token_is_refused(admin_client: Client, pasted: str, said: str) -> None:
    """bad-input-100 and bad-input-101"""
    page = add(admin_client, "scim").send(**{**PUBLIC, "setting_token": pasted})
    assert said in page.errors["setting_token"][0]
    assert said in page.text
    assert App.objects.get().sealed_secrets == ""


# ----------------------------------------------------------------------------------- address


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("chat.example/scim", "must begin with https://"),
        ("ftp://chat.example", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("javascript:alert(1)", "must begin with https://"),
        ("http://chat.example", "Use https://"),
        ("https://me:secret@chat.example", "Leave out the user name and password"),
        ("https://chat.example/scim#top", "Leave out “?”, “#” and what follows"),
        ("https://chat.example/scim?a=1", "Leave out “?”, “#” and what follows"),
        ("https://chat .example", "holds a space, a backslash or an invisible character"),
        ("https://chat.example\\@evil.example", "holds a space, a backslash"),
        ("https://chat.\texample", "holds a space, a backslash or an invisible character"),
        ("https://chat.example/ä", "letters from a to z"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("https://chat.example:0", "The port must be a number from 1 to 65535"),
        ("https://chat.example:99999", "The port must be a number from 1 to 65535"),
        ("https://chat.example:22", "Use 443 or 8443"),
        ("https://[fe80::1%25eth0]/", "This is not an ordinary IP address."),
        ("https://[::1", "This is not a web address."),
        ("https://", "The address has no host name."),
        ("https://chat_.example-/", "is not a host name"),
        (f"https://chat.example/{'x' * 2_040}", "longer than 2,048 characters"),
        ("x" * 65_536, "at most 3000 characters"),
        ("", "SCIM Base URL is needed."),
        ("https://127.1", "This is not an ordinary IP address."),
        ("https://2130706433", "This is not an ordinary IP address."),
        ("https://0x7f.1", "This is not an ordinary IP address."),
        ("https://0177.0.0.1", "This is not an ordinary IP address."),
        ("https://①②⑦.⓪.⓪.①", "letters a to z only"),
        ("https://127.0.0.1", "switch on “Runs inside our network”"),
        ("https://10.0.0.5", "switch on “Runs inside our network”"),
        ("https://[::ffff:127.0.0.1]", "switch on “Runs inside our network”"),
        ("https://169.254.169.254", "at which no application can run"),
    ],
)
def test_a_wrong_address_is_refused_and_all_else_that_was_typed_stays(
    chat: Page, typed: str, said: str
) -> None:
    """bad-input-98 and bad-input-99"""
    page = chat.send_rows(
        {"target": "title", "source": "title"},
        name="Talk",
        delete_after_days="7",
        feature_delete_users="on",
        **{URL: typed},
    )
    (message,) = page.errors[URL]
    assert said in message
    assert said in page.text
    kept = {name: page.form[name] for name in ("name", "delete_after_days", "mappings-5-target")}
    assert kept == {"name": "Talk", "delete_after_days": "7", "mappings-5-target": "title"}
    assert page.form["feature_delete_users"] == "on"
    assert page.form[URL] == typed
    assert (App.objects.get().name, App.objects.get().mappings.of_people().count()) == ("Chat", 5)


@pytest.mark.parametrize("typed", ["http://testserver", "http://testserver:80/scim/v2"])
def test_the_portals_own_address_is_refused(chat: Page, typed: str) -> None:
    """bad-input-99"""
    assert "address of Gatehouse itself" in chat.send(internal="on", **{URL: typed}).errors[URL][0]
    elsewhere = "http://testserver:8000"
    assert URL not in chat.send(internal="on", **{URL: elsewhere}).errors


@pytest.mark.parametrize("typed", ["ftp://x", "https://me@x", "https://a:0", "https://a?b"])
def test_a_refused_address_comes_with_a_good_example(chat: Page, typed: str) -> None:
    assert "for example https://zoom.example/scim/v2" in chat.send(**{URL: typed}).text


def test_an_address_inside_the_network_cannot_be_the_clouds_own_service(chat: Page) -> None:
    page = chat.send(internal="on", **{URL: "http://169.254.169.254/latest"})
    assert "at which no application can run" in page.text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" https://chat.example/scim/v2/ ", "https://chat.example/scim/v2"),
        ("HTTPS://Chat.Example:443/Scim", "https://chat.example/Scim"),
        ("https://chat.example:8443", "https://chat.example:8443"),
    ],
)
def test_an_address_is_kept_in_its_normal_form(admin_client: Client, typed: str, kept: str) -> None:
    """bad-input-98"""
    add(admin_client, "scim").send(**{**PUBLIC, URL: typed})
    assert App.objects.get().settings["base_url"] == kept
