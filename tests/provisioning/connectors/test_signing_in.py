"""As whom a SCIM application is asked: a token, a name with a password, or tokens that it makes."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import Client

from provisioning import apps_setup
from provisioning.connectors.scim import Scim
from provisioning.errors import Misconfigured, Unavailable
from provisioning.models import App
from tests.conftest import MakeApp
from tests.provisioning.admin import Page, visit
from tests.support.servers import HttpServer, Reply, json_reply

PASSWORD = "pass word: ü€"
CLIENT, CLIENT_SECRET = "a client", "s3cret/+:%"


class Tenant(HttpServer):
    """A SCIM service that makes tokens, and takes those that it still knows."""

    def __init__(self) -> None:
        super().__init__(self._serve)
        self.made: list[str] = []
        self.good: set[str] = set()
        self.lives: Any = 3600

    @property
    def journal(self) -> list[str]:
        return [f"{request.method} {request.path.partition('?')[0]}" for request in self.requests]

    def _serve(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if path == "/token":
            both = f"{CLIENT.replace(' ', '%20')}:s3cret%2F%2B%3A%25"
            if headers["Authorization"] != f"Basic {base64.b64encode(both.encode()).decode()}":
                return json_reply({"error": "invalid_client"}, status=401)
            self.made.append(f"token-{len(self.made)}")
            self.good = {self.made[-1]}
            return json_reply({"access_token": self.made[-1], "expires_in": self.lives})
        if headers["Authorization"].removeprefix("Bearer ") not in self.good:
            # Some services repeat what they were sent.
            return json_reply({"detail": f"wrong: {headers['Authorization']}"}, status=401)
        return json_reply({"totalResults": 0})


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    with Tenant() as tenant:
        yield tenant


Connected = Callable[..., Scim]


@pytest.fixture
def connected(tenant: Tenant) -> Iterator[Connected]:
    made: list[Scim] = []

    def connect(**config: str) -> Scim:
        made.append(Scim("Crew", {"base_url": tenant.url, **config}, internal=True))
        return made[-1]

    yield connect
    for connector in made:
        connector.close()


@pytest.fixture
def client_credentials(connected: Connected, tenant: Tenant) -> Scim:
    return connected(
        auth="oauth",
        token_url=f"{tenant.url}/token",
        client_id=CLIENT,
        client_secret=CLIENT_SECRET,
        scope="users:read users:write",
    )


# ------------------------------------------------------------------------------ name and password


def test_a_name_and_a_password_are_sent_as_basic(connected: Connected, tenant: Tenant) -> None:
    basic = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    tenant.good.add(f"Basic {basic}")
    connected(auth="basic", username="admin", password=PASSWORD).check()
    assert tenant.requests[0].headers["Authorization"] == f"Basic {basic}"


def test_a_refused_password_says_what_to_enter_and_shows_nothing(connected: Connected) -> None:
    with pytest.raises(Misconfigured, match="did not accept the user name and the password") as no:
        connected(auth="basic", username="admin", password=PASSWORD).check()
    assert PASSWORD not in str(no.value)
    assert base64.b64encode(f"admin:{PASSWORD}".encode()).decode() not in str(no.value)


def test_an_app_that_says_nothing_sends_its_token(connected: Connected, tenant: Tenant) -> None:
    tenant.good.add("t")
    connected(token="t").check()
    assert tenant.requests[0].headers["Authorization"] == "Bearer t"


# ------------------------------------------------------------------------------ client credentials


def test_a_token_is_fetched_as_the_rfc_has_it(client_credentials: Scim, tenant: Tenant) -> None:
    client_credentials.check()
    asked = tenant.requests[0]
    assert (asked.method, asked.path) == ("POST", "/token")
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["client_credentials"],
        "scope": ["users:read users:write"],
    }
    assert tenant.requests[1].headers["Authorization"] == "Bearer token-0"


def test_without_a_scope_none_is_sent(connected: Connected, tenant: Tenant) -> None:
    connected(
        auth="oauth",
        token_url=f"{tenant.url}/token",
        client_id=CLIENT,
        client_secret=CLIENT_SECRET,
    ).check()
    assert parse_qs(tenant.requests[0].body.decode()) == {"grant_type": ["client_credentials"]}


def test_one_token_serves_many_requests(client_credentials: Scim, tenant: Tenant) -> None:
    for _ in range(3):
        client_credentials.check()
    assert tenant.journal == ["POST /token", *["GET /Users"] * 3]


def test_a_refused_token_is_renewed_once(client_credentials: Scim, tenant: Tenant) -> None:
    client_credentials.check()
    tenant.good.clear()
    client_credentials.check()
    assert tenant.journal == [
        "POST /token",
        "GET /Users",
        "GET /Users",
        "POST /token",
        "GET /Users",
    ]


def test_a_token_that_is_never_accepted_is_told_and_not_shown(
    client_credentials: Scim, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant.good = frozenset()  # type: ignore[assignment]
    real = tenant._serve
    with HttpServer(
        lambda method, path, headers, body: (
            real(method, path, headers, body)
            if path == "/token"
            else json_reply({"detail": f"wrong: {headers['Authorization']}"}, status=401)
        )
    ) as server:
        config = {**client_credentials.config, "base_url": server.url}
        connector = Scim("Crew", config, internal=True)
        with pytest.raises(Misconfigured, match="token that it had just made itself") as no:
            connector.check()
        connector.close()
    assert len(server.requests) == 2
    assert not [token for token in tenant.made if token in str(no.value)]


def test_wrong_client_credentials_say_what_to_copy(connected: Connected, tenant: Tenant) -> None:
    connector = connected(
        auth="oauth", token_url=f"{tenant.url}/token", client_id=CLIENT, client_secret="wrong"
    )
    with pytest.raises(Misconfigured, match="did not accept the client id and client secret"):
        connector.check()
    assert tenant.journal == ["POST /token"]


def test_a_sign_in_service_with_a_problem_is_tried_again(connected: Connected) -> None:
    with HttpServer(lambda *_: Reply(503)) as down:
        connector = connected(auth="oauth", token_url=f"{down.url}/token", client_secret="s")
        with pytest.raises(Unavailable):
            connector.check()


# --------------------------------------------------------------------------------------- the form


@pytest.fixture
def page(admin_client: Client) -> Page:
    visit(admin_client, "provisioning_app_add").send(connector="scim", name="Crew")
    return visit(admin_client, "provisioning_app_change", App.objects.get().pk)


def test_a_password_is_kept_as_it_was_typed(page: Page) -> None:
    page.send(
        setting_base_url="https://crew.example/scim/v2",
        setting_auth="basic",
        setting_username="admin",
        setting_password=f"“{PASSWORD}” ",
    )
    app = App.objects.get()
    assert app.secrets == {"password": f"“{PASSWORD}”"}
    assert app.config["username"] == "admin"


def test_the_scope_may_stay_empty_and_nothing_else(page: Page) -> None:
    refused = page.send(setting_base_url="https://crew.example/scim/v2", setting_auth="oauth")
    assert set(refused.errors) == {
        "setting_token_url",
        "setting_client_id",
        "setting_client_secret",
    } or set(refused.errors) == {"setting_token_url", "setting_client_id"}
    refused.send(
        setting_token_url="https://crew.example/token",
        setting_client_id=CLIENT,
        setting_client_secret=CLIENT_SECRET,
    )
    app = App.objects.get()
    assert app.secrets == {"client_secret": CLIENT_SECRET}
    assert app.config["scope"] == ""


def test_a_client_secret_is_not_taken_along_to_another_sign_in_service(page: Page) -> None:
    page.send(
        setting_base_url="https://crew.example/scim/v2",
        setting_auth="oauth",
        setting_token_url="https://crew.example/token",
        setting_client_id=CLIENT,
        setting_client_secret=CLIENT_SECRET,
    )
    again = visit(page.client, "provisioning_app_change", App.objects.get().pk)
    refused = again.send(setting_token_url="https://evil.example/token")
    assert "the stored client secret was not taken along" in refused.text


def test_the_whole_way_with_client_credentials(make_app: MakeApp, tenant: Tenant) -> None:
    tenant.base_url, tenant.token = tenant.url, ""  # type: ignore[attr-defined]
    app = make_app(tenant)  # type: ignore[arg-type]
    apps_setup.configure(
        app,
        settings={
            "base_url": tenant.url,
            "auth": "oauth",
            "token_url": f"{tenant.url}/token",
            "client_id": CLIENT,
        },
        secrets={"client_secret": CLIENT_SECRET},
        features=(),
    )
    worked, sentence = apps_setup.check_connection(app)
    assert worked, sentence
    assert json.dumps(app.settings).find(CLIENT_SECRET) == -1
