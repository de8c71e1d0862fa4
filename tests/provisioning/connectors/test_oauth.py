"""Access tokens: fetched once, renewed in time, and never a loop or a leak when they fail."""

import base64
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.connectors.oauth import AccountCredentials
from provisioning.connectors.zoom import Zoom
from provisioning.errors import ConnectorError, Misconfigured, Unavailable
from provisioning.pace import Pace
from tests.support.servers import HttpServer, Reply, json_reply
from tests.support.vendors.base import held_to_its_rules
from tests.support.vendors.zoom import (
    ACCOUNT,
    CLIENT,
    CLIENT_SECRET,
    ZoomTenant,
)

FETCHED = "a-token-that-was-fetched"
BASIC = base64.b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()


@pytest.fixture
def tenant() -> Iterator[ZoomTenant]:
    with held_to_its_rules(ZoomTenant()) as tenant:
        yield tenant


@pytest.fixture
def zoom(tenant: ZoomTenant) -> Iterator[Zoom]:
    with connected(tenant.base_url, tenant.token_url) as connector:
        yield connector


@contextmanager
def connected(base_url: str, token_url: str) -> Iterator[Zoom]:
    config = {
        "auth": "oauth",
        "base_url": base_url,
        "token_url": token_url,
        "account_id": ACCOUNT,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
    }
    connector = Zoom("Zoom", config, internal=True, pace=Pace(1000))
    yield connector
    connector.close()


def credentials(server: HttpServer, **changed: str) -> AccountCredentials:
    options = {
        "token_url": f"{server.url}/oauth/token",
        "account_id": ACCOUNT,
        "client_id": CLIENT,
        "client_secret": CLIENT_SECRET,
    }
    return AccountCredentials("Zoom", internal=True, **{**options, **changed})


def failure(reply: Reply) -> ConnectorError:
    """How fetching a token from a service that answers like this fails."""
    with HttpServer(lambda *_: reply) as server, pytest.raises(ConnectorError) as caught:
        credentials(server).token()
    assert len(server.requests) == 1
    return caught.value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let the clock that does not stand still for anybody go on: `clock(3600)`."""
    real, ahead = time.monotonic, [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: real() + ahead[0])

    def go_on(seconds: float) -> None:
        ahead[0] += seconds

    return go_on


# ------------------------------------------------------------------------------------ fetching


def test_a_token_is_fetched_as_zoom_wants_it(tenant: ZoomTenant) -> None:
    token = credentials(tenant).token()
    (request,) = tenant.requests
    assert token == tenant.fetched[0]
    assert (request.method, urlsplit(request.path).path) == ("POST", "/oauth/token")
    query = parse_qs(urlsplit(request.path).query)
    assert query == {"grant_type": ["account_credentials"], "account_id": [ACCOUNT]}
    assert request.headers["Authorization"] == f"Basic {BASIC}"
    assert CLIENT_SECRET not in request.path


def test_an_account_id_cannot_change_the_question(tenant: ZoomTenant) -> None:
    with pytest.raises(Misconfigured):
        credentials(tenant, account_id="a&grant_type=other#é").token()
    query = parse_qs(urlsplit(tenant.requests[0].path).query)
    assert query["account_id"] == ["a&grant_type=other#é"]
    assert query["grant_type"] == ["account_credentials"]


def test_one_token_serves_many_requests(zoom: Zoom, tenant: ZoomTenant) -> None:
    for _ in range(20):
        zoom.check()
    assert tenant.journal == ["POST /oauth/token", *["GET /Users"] * 20]


def test_one_token_serves_many_threads(zoom: Zoom, tenant: ZoomTenant) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: zoom.check(), range(40)))
    assert len(tenant.fetched) == 1


def test_nothing_is_fetched_before_a_token_is_needed(zoom: Zoom, tenant: ZoomTenant) -> None:
    zoom.close()
    assert tenant.requests == []


# ------------------------------------------------------------------------------------ renewing


@pytest.mark.parametrize(
    ("life", "seconds", "fetched"),
    [
        (3600, 3290, 1),
        (3600, 3310, 2),
        ("3600", 3290, 1),
        ("900", 610, 2),
        (900.0, 610, 2),
        # Half of a short life, or every request would fetch another.
        (299, 140, 1),
        (299, 160, 2),
        (None, 3290, 1),
        (None, 3310, 2),
        ("soon", 3310, 2),
        (-5, 3290, 1),
        (True, 3290, 1),
    ],
)
def test_a_token_is_renewed_before_it_ends(
    clock: Callable[[float], None], life: Any, seconds: float, fetched: int
) -> None:
    told = {"access_token": "a", "expires_in": life}
    with HttpServer(lambda *_: json_reply(told)) as server:
        held = credentials(server)
        held.token()
        held.token()
        clock(seconds)
        held.token()
        assert len(server.requests) == fetched


def test_a_token_that_ended_early_is_renewed_once(zoom: Zoom, tenant: ZoomTenant) -> None:
    zoom.check()
    tenant.expire_tokens()
    assert "Connected" in zoom.check()
    assert len(tenant.fetched) == 2
    assert tenant.journal[-3:] == ["GET /Users", "POST /oauth/token", "GET /Users"]


def test_many_threads_with_a_token_that_ended_renew_it_once(zoom: Zoom, tenant: ZoomTenant) -> None:
    zoom.check()
    tenant.expire_tokens()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: zoom.check(), range(16)))
    assert len(tenant.fetched) == 2


def test_a_late_refusal_of_the_former_token_renews_nothing(tenant: ZoomTenant) -> None:
    held = credentials(tenant)
    former = held.token()
    held.refused(former)
    renewed = held.token()
    held.refused(former)
    assert held.token() == renewed != former
    assert len(tenant.fetched) == 2
    # Answers to the former one may still come in, and must not show it.
    assert {former, renewed} <= set(held.secrets)


def test_a_write_that_was_refused_for_its_token_is_repeated_with_the_new_one(
    zoom: Zoom, tenant: ZoomTenant
) -> None:
    zoom.check()
    tenant.expire_tokens()
    zoom.create({"userName": "ann@example.org"}, external_id="x")
    assert [user["userName"] for user in tenant.users()] == ["ann@example.org"]


def test_a_new_token_that_is_refused_too_is_not_a_loop() -> None:
    with serving(json_reply({"message": "Invalid access token."}, status=401)) as (zoom, server):
        with pytest.raises(Misconfigured) as caught:
            zoom.check()
        asked = [request.method for request in server.requests]
    assert asked == ["POST", "GET", "POST", "GET"]
    assert "activated and has the scope scim2:admin" in str(caught.value)
    assert "paste" not in str(caught.value)


def test_a_right_that_is_missing_renews_no_token() -> None:
    refusal = json_reply({"message": "Missing User:Edit."}, status=403)
    with serving(refusal) as (zoom, server):
        with pytest.raises(Misconfigured, match="does not allow this: “Missing User:Edit.”"):
            zoom.check()
        assert [request.method for request in server.requests] == ["POST", "GET"]


@contextmanager
def serving(reply: Reply, *, given: str = FETCHED) -> Iterator[Any]:
    """Zoom with a sign-in service in order and this answer to everything else."""

    def handle(method: str, path: str, *_: Any) -> Reply:
        return json_reply({"access_token": given}) if path.startswith("/oauth") else reply

    with HttpServer(handle) as server, connected(server.url, f"{server.url}/oauth/token") as zoom:
        yield zoom, server


# ------------------------------------------------------------------------- no token to be had


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "said",
    [
        {"error": "invalid_client"},
        {"reason": "invalid_client", "error": "x"},
        {"error": "invalid_client", "access_token": "a"},
    ],
)
def test_credentials_that_are_refused_say_which_to_copy_again(
    said: dict[str, str], status: int
) -> None:
    """bad-input-39"""
    error = failure(json_reply(said, status=status))
    assert isinstance(error, Misconfigured)
    assert "did not accept the account id, client id and client secret" in str(error)
    assert "(invalid_client)" in str(error)
    assert "Copy all three again" in str(error)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_sign_in_service_in_trouble_is_waited_for(status: int) -> None:
    error = failure(Reply(status, b"", {"Retry-After": "17"}))
    assert isinstance(error, Unavailable)
    assert (error.retry_after, error.http_status) == (17, status)
    assert f"sign-in service of Zoom has a problem (error {status})" in str(error)


def test_a_sign_in_service_that_is_down_is_waited_for(tenant: ZoomTenant) -> None:
    with HttpServer(lambda *_: Reply()) as gone:
        pass
    address = f"{gone.url}/oauth/token"
    with connected(tenant.base_url, address) as zoom, pytest.raises(Unavailable) as caught:
        zoom.check()
    assert "refused the connection" in str(caught.value)
    assert tenant.requests == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<!doctype html><html>Sign in</html>", {"Content-Type": "text/html"}),
        Reply(200),
        Reply(204),
        json_reply({}),
        json_reply([]),
        json_reply({"access_token": ""}),
        json_reply({"access_token": 7}),
        json_reply({"access_token": None, "expires_in": 3600}),
        Reply(302, b"", {"Location": "https://elsewhere.example"}),
        Reply(404, b"<html>Not found</html>"),
        json_reply({"error": "Not Found"}, status=404),
        Reply(405),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:24]!r}",
)
def test_what_is_no_sign_in_service_is_told_with_its_address(reply: Reply) -> None:
    error = failure(reply)
    assert isinstance(error, Misconfigured)
    assert f"it answered {reply.status}" in str(error)
    assert "/oauth/token, but it did not give out a token" in str(error)
    assert "Check the Token address under Apps > Zoom > Connection" in str(error)


@pytest.mark.parametrize("token", ["a\nb", "a\r\nX-Evil: 1", "☃"])
def test_a_token_that_no_request_can_carry_is_told_without_it(token: str) -> None:
    with serving(json_reply({"totalResults": 0}), given=token) as (zoom, server):
        with pytest.raises(Misconfigured) as caught:
            zoom.check()
        assert [request.method for request in server.requests] == ["POST"]
    assert token not in str(caught.value)


def test_an_address_that_is_none_is_told_and_not_a_crash(tenant: ZoomTenant) -> None:
    with connected(tenant.base_url, "") as zoom, pytest.raises(Misconfigured, match="https://"):
        zoom.check()


# --------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize("status", [200, 400, 401, 404])
@pytest.mark.parametrize("leak", [CLIENT_SECRET, BASIC, "x" * 490 + CLIENT_SECRET])
@pytest.mark.parametrize("where", ["reason", "error", "detail"])
def test_a_sign_in_service_that_repeats_the_secret_is_not_quoted(
    where: str, leak: str, status: int
) -> None:
    said = str(failure(json_reply({where: leak}, status=status)))
    assert CLIENT_SECRET[:8] not in said
    assert BASIC not in said


@pytest.mark.parametrize("status", [301, 400, 401, 403, 500])
@pytest.mark.parametrize("leak", [FETCHED, CLIENT_SECRET, BASIC])
def test_nor_is_zoom_itself(leak: str, status: int) -> None:
    reply = Reply(status, leak.encode(), {"Location": f"https://elsewhere.example/{leak}"})
    with serving(reply) as (zoom, _), pytest.raises(ConnectorError) as caught:
        zoom.create({"userName": "ann@example.org"}, external_id="x")
    assert leak not in str(caught.value)


def test_a_reason_is_told_in_one_visible_line() -> None:
    error = failure(json_reply({"error": "invalid\u202e\n\tclient"}, status=400))
    assert "(invalid client)" in str(error)
