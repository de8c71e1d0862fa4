"""“Save and test connection” says what was found, and if it is not good, what to do next."""

import datetime
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest
from cryptography.fernet import Fernet

from provisioning import apps_setup, secrets
from provisioning.models import App, Event, Lane
from tests.conftest import MakeApp
from tests.support.faulty import Fault, FaultyScim, answer, html
from tests.support.servers import (
    Authority,
    HttpServer,
    RawServer,
    Reply,
    json_reply,
    never_answer,
    reset,
)
from tests.support.vendors.base import held_to_its_rules
from tests.support.vendors.zoom import (
    ACCOUNT,
    CLIENT,
    CLIENT_SECRET,
    ZoomTenant,
)

TOKEN = "a-token-that-nobody-shows"
EMPTY = {"totalResults": 0}
AGAIN = "press “Save and test connection”"

Refused = Callable[..., str]


@pytest.fixture
def refused(make_app: MakeApp) -> Refused:
    """The sentence of a test that fails, for a server at this address."""

    def check(base_url: str, **changed: Any) -> str:
        app = make_app(SimpleNamespace(base_url=base_url, token=TOKEN))
        App.objects.filter(pk=app.pk).update(**changed)
        worked, sentence = apps_setup.check_connection(App.objects.get(pk=app.pk))
        assert not worked
        assert TOKEN not in sentence
        return sentence

    return check


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that the portal trusts, in the place of those of the whole web."""
    authority = Authority()
    trusted = authority.write(tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: trusted)
    return authority


@contextmanager
def secure(tls: ssl.SSLContext, host: str = "127.0.0.1") -> Iterator[str]:
    with HttpServer(lambda *_: json_reply(EMPTY), tls=tls) as server:
        yield f"https://{host}:{server.port}"
    assert server.requests == []


# ---------------------------------------------------------------------------------------- good


def test_reached_and_allowed_is_said_and_nothing_is_changed(
    faulty_app: App, faulty: FaultyScim
) -> None:
    answered = apps_setup.check_connection(faulty_app)
    assert answered == (True, "Connected: Zoom answered and accepted the credentials.")
    assert faulty.journal[0] == "GET /Users"
    assert faulty.writes == []
    assert faulty.users() == []
    assert not Event.objects.exists()


def test_a_portal_trusts_the_certificate_of_a_known_authority(
    make_app: MakeApp, authority: Authority
) -> None:
    tls = authority.server("127.0.0.1")
    with HttpServer(lambda *_: json_reply(EMPTY), tls=tls) as server:
        app = make_app(SimpleNamespace(base_url=server.url, token=TOKEN))
        assert apps_setup.check_connection(app)[0] is True


def test_zoom_is_reached_with_the_three_values_of_its_app(make_app: MakeApp) -> None:
    with held_to_its_rules(ZoomTenant()) as tenant:
        app = make_app(tenant, kind="zoom")
        app.settings |= {
            "auth": "oauth",
            "token_url": tenant.token_url,
            "account_id": ACCOUNT,
            "client_id": CLIENT,
        }
        apps_setup.configure(
            app, settings=app.settings, secrets={"client_secret": CLIENT_SECRET}, features=()
        )
        assert apps_setup.check_connection(app)[0] is True


def test_a_good_test_ends_the_rest_of_an_app(faulty_app: App) -> None:
    Lane.objects.create(app=faulty_app, problem="The token is wrong.")
    apps_setup.check_connection(faulty_app)
    assert Lane.objects.get().problem == ""


def test_a_bad_test_does_not_end_it(faulty_app: App, faulty: FaultyScim) -> None:
    Lane.objects.create(app=faulty_app, problem="The token is wrong.")
    faulty.token = "another"
    apps_setup.check_connection(faulty_app)
    assert Lane.objects.get().problem == "The token is wrong."


# ------------------------------------------------------------------- the application says no


@pytest.mark.parametrize(
    ("fault", "cause", "next_step"),
    [
        (answer(401, {"detail": "Bad."}), "did not accept the token: “Bad.”", "Make a new one"),
        (answer(403, {"detail": "No."}), "does not allow this: “No.”", "Give the token or its"),
        (answer(404), "There is no SCIM service at", "Check the SCIM Base URL"),
        (answer(405), "There is no SCIM service at", "Check the SCIM Base URL"),
        (answer(400, {"detail": "No SSO."}), "“No SSO.”", "Check the SCIM Base URL"),
        (answer(*html(200)), "is not a SCIM service", "Copy the SCIM Base URL again"),
        (answer(*html(404)), "There is no SCIM service at", "Check the SCIM Base URL"),
        (answer(200, {"hello": "world"}), "is not a SCIM service", "Copy the SCIM Base URL again"),
        (answer(200, [1]), "is not a SCIM service", "Copy the SCIM Base URL again"),
        (answer(200), "is not a SCIM service", "Copy the SCIM Base URL again"),
        (answer(302, Location="https://x.example/"), "redirects to https://x.example/", "enter it"),
        (answer(429), "asks for fewer requests", AGAIN),
        (answer(500), "has a problem on its side", AGAIN),
        (answer(200, b"{", Content_Type="application/json"), "cannot be read", AGAIN),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_what_the_application_answers_is_told_with_the_next_step(
    faulty: FaultyScim, refused: Refused, fault: Fault, cause: str, next_step: str
) -> None:
    faulty.on("GET", fault)
    sentence = refused(faulty.base_url)
    assert cause in sentence
    assert next_step in sentence
    # After an error of its own it is asked once more, without numbers that it may not take.
    assert len(faulty.requests) == (2 if "on its side" in cause else 1)


def test_a_token_that_is_wrong_is_told(faulty: FaultyScim, refused: Refused) -> None:
    faulty.token = "another"
    sentence = refused(faulty.base_url)
    assert "Zoom did not accept the token: “The token is not valid.”" in sentence
    assert "paste it under Apps > Zoom > Connection" in sentence


def test_a_path_that_is_wrong_is_told(faulty: FaultyScim, refused: Refused) -> None:
    sentence = refused(f"{faulty.base_url}/wrong")
    assert f"There is no SCIM service at {faulty.base_url}/wrong (it answered 404)" in sentence
    assert "often ends in /scim2 or /scim/v2" in sentence


# ------------------------------------------------------------------------- nobody is reached


def test_nobody_listening_is_told(refused: Refused) -> None:
    with HttpServer(lambda *_: Reply()) as gone:
        pass
    sentence = refused(gone.url)
    assert "127.0.0.1 refused the connection. Check that it is running, and the port." in sentence
    assert AGAIN in sentence


def test_a_name_that_does_not_exist_is_told(refused: Refused) -> None:
    sentence = refused("https://zoom.invalid/scim2")
    assert "The name zoom.invalid was not found. Check the address for typing errors" in sentence


@pytest.mark.timeout(30)
def test_a_server_that_never_answers_is_told(refused: Refused) -> None:
    """Takes ten seconds: so long is an answer waited for, and no setting makes that shorter."""
    with RawServer(never_answer) as server:
        sentence = refused(server.url)
    assert "127.0.0.1 did not answer within 10 seconds." in sentence
    assert AGAIN in sentence


def test_a_connection_that_breaks_is_told(refused: Refused) -> None:
    with RawServer(reset) as server:
        sentence = refused(server.url)
    assert "127.0.0.1 closed the connection without an answer." in sentence
    assert AGAIN in sentence


def test_an_address_inside_the_network_needs_the_switch(
    faulty: FaultyScim, refused: Refused
) -> None:
    sentence = refused("https://127.0.0.1/scim2", internal=False)
    assert "an address inside your own network" in sentence
    assert "switch on “Runs inside our network”" in sentence
    assert faulty.connections == 0


# ---------------------------------------------------------------------------- certificates, https


def test_a_certificate_of_an_unknown_authority_is_told(refused: Refused) -> None:
    tls = Authority().server("127.0.0.1")
    with secure(tls) as url:
        sentence = refused(url)
    assert "an authority that Gatehouse does not know" in sentence
    assert "under “Own certificate authority”" in sentence


def test_a_certificate_that_has_expired_is_told(refused: Refused, authority: Authority) -> None:
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    with secure(authority.server("127.0.0.1", not_after=yesterday)) as url:
        sentence = refused(url)
    assert "The certificate of 127.0.0.1 has expired. Ask the people who run it" in sentence


@pytest.mark.parametrize(
    ("host", "next_step"),
    [
        ("localhost", "is for another name. Check the address for typing errors"),
        ("127.0.0.1", "is for another address. Use the name in the certificate"),
    ],
)
def test_a_certificate_for_another_host_is_told(
    refused: Refused, authority: Authority, host: str, next_step: str
) -> None:
    with secure(authority.server("zoom.example"), host) as url:
        sentence = refused(url)
    assert f"The certificate of {host} {next_step}" in sentence


def test_https_at_a_port_that_speaks_http_is_told(faulty: FaultyScim, refused: Refused) -> None:
    sentence = refused(faulty.base_url.replace("http://", "https://"))
    assert "does not speak TLS 1.2 or newer at this port. Check the address" in sentence


def test_http_at_a_port_that_speaks_https_is_told(refused: Refused, authority: Authority) -> None:
    with secure(authority.server("127.0.0.1")) as url:
        sentence = refused(url.replace("https://", "http://"))
    assert "127.0.0.1 " in sentence
    assert f"check the address, and {AGAIN}" in sentence


def test_http_at_an_https_port_of_a_polite_server_is_told_in_its_words(
    faulty: FaultyScim, refused: Refused
) -> None:
    page = b"<html>The plain HTTP request was sent to HTTPS port</html>"
    faulty.on("GET", answer(400, page))
    sentence = refused(faulty.base_url)
    assert "The plain HTTP request was sent to HTTPS port" in sentence
    assert "Check the SCIM Base URL" in sentence


# -------------------------------------------------------------------------------- in the portal


def test_secrets_sealed_with_another_key_are_told_and_nothing_is_sent(
    faulty: FaultyScim, refused: Refused, settings: Any
) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    sealed = secrets.seal({"token": TOKEN})
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    sentence = refused(faulty.base_url, sealed_secrets=sealed)
    assert "Put the old key back into GATEHOUSE_ENCRYPTION_KEYS" in sentence
    assert "enter the token again" in sentence
    assert faulty.connections == 0


@pytest.mark.parametrize("kind", ["scim", "zoom"])
def test_an_app_that_nobody_has_filled_in_is_told_and_not_a_crash(db: None, kind: str) -> None:
    app = apps_setup.create(App(name="Crew", connector=kind))
    app.settings = dict.fromkeys(app.settings, "")
    worked, sentence = apps_setup.check_connection(app)
    assert not worked
    assert "The address must begin with https://" in sentence
