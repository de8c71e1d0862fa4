"""An app as it is first made, and how the secrets that are typed into it are treated."""

import pytest

from provisioning import apps_setup
from provisioning.connectors import catalogue
from provisioning.connectors.base import Constant, Formula
from provisioning.models import App
from provisioning.plan import Feature
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim
from tests.support.vendors.zoom import ACCOUNT, CLIENT, CLIENT_SECRET

ZOOM = "https://api.zoom.us/scim2"
TOKENS = "https://zoom.us/oauth/token"


@pytest.fixture
def zoom(db: None) -> App:
    """Zoom with Server-to-Server OAuth, as it is stored."""
    app = apps_setup.create(App(name="Zoom", connector="zoom"))
    apps_setup.configure(
        app,
        settings={
            "base_url": ZOOM,
            "token_url": TOKENS,
            "auth": "oauth",
            "account_id": ACCOUNT,
            "client_id": CLIENT,
        },
        secrets={"client_secret": CLIENT_SECRET, "token": ""},
        features={Feature.CREATE_USERS},
    )
    app.save()
    return App.objects.get(pk=app.pk)


# ------------------------------------------------------------------------------------ a new app


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_a_new_app_begins_with_its_connectors_mapping_and_defaults(db: None, kind: str) -> None:
    app = apps_setup.create(App(name="Crew", connector=kind))
    written = {"attribute": str, "constant": Constant, "expression": Formula}
    rows = app.mappings.of_people().values_list("target", "kind", "source")
    found = [(target, written[each](source)) for target, each, source in rows]
    assert found == list(app.kind.default_mappings)
    groups = app.mappings.of_groups().values_list("target", "source")
    assert list(groups) == list(app.kind.default_group_mappings)
    assert app.settings == {s.key: s.default for s in app.kind.settings if not s.secret}
    assert app.sealed_secrets == ""


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_a_new_app_does_only_what_can_be_undone(db: None, kind: str) -> None:
    app = apps_setup.create(App(name="Crew", connector=kind))
    assert Feature.DELETE_USERS not in app.rules.features
    assert Feature.DEACTIVATE_USERS in app.rules.features


def test_a_new_app_that_cannot_be_saved_leaves_nothing_behind(zoom: App) -> None:
    before = App.objects.count()
    with pytest.raises(Exception, match=r"(?i)unique"):
        apps_setup.create(App(name="Zoom", connector="scim"))
    assert App.objects.count() == before


def test_what_is_configured_is_what_the_connector_gets(zoom: App) -> None:
    assert zoom.config["client_secret"] == CLIENT_SECRET
    assert zoom.config["token_url"] == TOKENS
    assert zoom.stored_secrets == {"client_secret"}
    assert zoom.features == ["create_users"]


# ---------------------------------------------------------------- secrets stay with their server


@pytest.mark.parametrize(
    "base_url",
    [
        ZOOM,
        "https://api.zoom.us/scim2/",
        "https://api.zoom.us/scim",
        "https://api.zoom.us",
        "https://api.zoom.us:443/scim2",
        "https://API.zoom.us/scim2",
    ],
)
def test_the_same_server_keeps_the_secrets(zoom: App, base_url: str) -> None:
    kept = apps_setup.secrets_to_keep(zoom, {**zoom.settings, "base_url": base_url})
    assert kept == {"client_secret": CLIENT_SECRET}


@pytest.mark.parametrize(
    "address",
    [
        "https://api.zoom.us.evil.example/scim2",
        "https://evil.example/api.zoom.us/scim2",
        "https://zoom.us@evil.example/oauth/token",
        "https://api.zoom.us:8443/scim2",
        "http://api.zoom.us/scim2",
        "http://api.zoom.us:443/scim2",
        "https://zoom.us./oauth/token",
    ],
)
@pytest.mark.parametrize("key", ["base_url", "token_url"])
def test_another_server_does_not_get_them(zoom: App, key: str, address: str) -> None:
    assert apps_setup.secrets_to_keep(zoom, {**zoom.settings, key: address}) == {}


def test_the_two_servers_of_an_app_cannot_be_exchanged(zoom: App) -> None:
    swapped = {**zoom.settings, "base_url": TOKENS, "token_url": ZOOM}
    assert apps_setup.secrets_to_keep(zoom, swapped) == {}


def test_an_address_that_is_left_out_is_the_default_one(zoom: App) -> None:
    assert apps_setup.secrets_to_keep(zoom, {"auth": "oauth", "base_url": "", "token_url": ""})


def test_other_settings_have_no_bearing_on_the_secrets(zoom: App) -> None:
    changed = {**zoom.settings, "account_id": "another", "client_id": "another"}
    assert apps_setup.secrets_to_keep(zoom, changed) == {"client_secret": CLIENT_SECRET}


def test_secrets_that_cannot_be_read_are_not_kept(make_app: MakeApp, faulty: FaultyScim) -> None:
    app = make_app(faulty)
    app.sealed_secrets = "not what was sealed"
    assert apps_setup.secrets_to_keep(app, app.settings) == {}


# ------------------------------------------------------------------------------ a token as typed


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("abc", "abc"),
        ("", ""),
        ("   ", ""),
        ("  abc\r\n", "abc"),
        ("\tabc\t", "abc"),
        ("\u00a0abc\u00a0", "abc"),
        ('"abc"', "abc"),
        ("'abc'", "abc"),
        (' "abc" ', "abc"),
        ("Bearer abc", "abc"),
        ("Bearer ", ""),
        ("bearer   abc", "abc"),
        ("BEARER abc ", "abc"),
        ('"Bearer abc"', "abc"),
        ('Bearer "abc"', "abc"),
        ("bearerabc", "bearerabc"),
        ("a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        ('a"b', 'a"b'),
        ("x" * 8192, "x" * 8192),
    ],
)
def test_a_token_is_taken_as_it_was_meant(typed: str, meant: str) -> None:
    """bad-input-100"""
    assert apps_setup.clean_secret(typed) == meant


@pytest.mark.parametrize(
    ("typed", "position"),
    [
        ("ab c", 3),
        ("abc\ndef", 4),
        ("abc\r\nX-Evil: 1", 4),
        ("abc\x00", 4),
        ("abc\x7f", 4),
        ("ñbc", 1),
        ("“abc”", 1),
        ("ab\u200bc", 3),
        ("аbc", 1),
        ("Bearer ab c", 3),
        ("Authorization: Bearer abc", 15),
    ],
)
def test_what_can_be_no_token_is_refused_with_the_place(typed: str, position: int) -> None:
    """bad-input-100"""
    with pytest.raises(ValueError, match=rf"^Character {position} cannot") as caught:
        apps_setup.clean_secret(typed)
    assert "paste it again" in str(caught.value)
    assert "abc" not in str(caught.value)


def test_what_is_too_long_for_a_token_is_refused() -> None:
    with pytest.raises(ValueError, match="Copy the token alone"):
        apps_setup.clean_secret("x" * 8193)
