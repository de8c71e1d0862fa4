"""The way out: what it refuses to contact, to wait for, to read and to follow."""

import gzip
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from provisioning.addresses import check_base_url, origin
from provisioning.errors import ConnectorError, Misconfigured, Rejected, Throttled, Unavailable
from provisioning.http import (
    LIST_LIMIT,
    RESOURCE_LIMIT,
    Session,
    retry_after,
    segment,
)
from tests.support.servers import (
    Authority,
    Behaviour,
    HttpServer,
    RawServer,
    Reply,
    drip,
    json_reply,
    never_answer,
    pour,
    reset,
    send,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Dns = Callable[..., list[str]]


def reached(server: HttpServer | RawServer, **options: Any) -> Session:
    options = {"internal": True, "read_timeout": 2.0, "deadline": 3.0, **options}
    return Session(server.url, **options)


def answering(reply: Reply) -> HttpServer:
    return HttpServer(lambda *_: reply)


def failure(behaviour: Behaviour, **options: Any) -> Unavailable:
    """How a GET to a server that behaves like this fails."""
    with RawServer(behaviour) as server, pytest.raises(Unavailable) as caught:
        reached(server, **options).request("GET", "/Users/1")
    assert str(caught.value).startswith("127.0.0.1 ")
    assert str(caught.value).endswith("Gatehouse tries again by itself.")
    return caught.value


@pytest.fixture
def dns(monkeypatch: pytest.MonkeyPatch) -> Dns:
    """Make every name point to the given addresses; the list it returns fills with look-ups."""

    def point(*addresses: str, port: int = 9) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, *_: Any, **__: Any) -> list[Any]:
            asked.append(host)
            family = {4: socket.AF_INET, 6: socket.AF_INET6}
            return [
                (family[ip_address(it).version], socket.SOCK_STREAM, 6, "", (it, port))
                for it in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return point


@pytest.fixture
def blackhole() -> Iterator[int]:
    """A port that never accepts: its backlog is full, so the kernel drops every new greeting."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for caller in (first, second):
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


# What is sent and what comes back


def test_a_json_answer_is_parsed() -> None:
    with answering(json_reply({"id": "1"}, status=201)) as server:
        response = reached(server).request("GET", "/Users/1")

    assert (response.status, response.body, response.is_json) == (201, {"id": "1"}, True)
    assert response.headers["content-type"] == "application/json"
    assert 0 < response.seconds < 2


def test_path_parameters_and_headers_arrive_as_they_were_meant() -> None:
    with answering(json_reply({})) as server:
        reached(server).request(
            "GET",
            "/Users/" + segment("a/b&c d"),
            params={"filter": 'userName eq "a+b c@x.example"', "count": "1"},
            headers={"Accept": "application/scim+json"},
        )

    (request,) = server.requests
    assert request.path == (
        "/Users/a%2Fb%26c%20d?filter=userName%20eq%20%22a%2Bb%20c%40x.example%22&count=1"
    )
    assert request.headers["Accept"] == "application/scim+json"
    assert request.headers["User-Agent"].startswith("Gatehouse")


def test_json_and_form_bodies_say_what_they_are() -> None:
    with answering(json_reply({})) as server:
        session = reached(server)
        session.request("POST", "/a", json={"name": "Ä"})
        session.request("POST", "/b", json={}, headers={"content-type": "application/scim+json"})
        session.request("POST", "/c", form={"grant": "a b+c&d"})

    plain, scim, form = server.requests
    assert (plain.headers["Content-Type"], json.loads(plain.body)) == (
        "application/json",
        {"name": "Ä"},
    )
    assert scim.headers["Content-Type"] == "application/scim+json"
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form.body == b"grant=a%20b%2Bc%26d"


def test_a_full_address_is_taken_as_it_is() -> None:
    with answering(json_reply({})) as server:
        Session("http://127.0.0.1:9", internal=True).request("GET", f"{server.url}/next?page=2")

    assert server.requests[0].path == "/next?page=2"


def test_connections_are_used_again_by_many_threads_and_are_at_most_sixty_four() -> None:
    def slow(*_: Any) -> Reply:
        time.sleep(0.01)
        return json_reply({})

    with HttpServer(slow) as server, ThreadPoolExecutor(96) as pool:
        session = reached(server)
        list(pool.map(lambda _: session.request("GET", "/"), range(288)))

    assert len(server.requests) == 288
    assert server.connections <= 64


def test_an_empty_answer_has_no_body() -> None:
    with answering(Reply(204)) as server:
        response = reached(server).request("DELETE", "/Users/1")

    assert (response.body, response.is_json, response.text) == (None, False, "")


def test_of_a_web_page_only_the_beginning_is_kept() -> None:
    page = "<html>\n<h1>Bad\x00 gateway</h1>\u202e" + "x" * 5000
    with answering(Reply(502, page.encode(), {"Content-Type": "text/html"})) as server:
        response = reached(server).request("GET", "/")

    assert (response.body, response.is_json) == (None, False)
    assert response.text.startswith("<html> <h1>Bad gateway</h1>xxx")
    assert len(response.text) == 200


def test_json_is_recognised_without_its_content_type() -> None:
    """bad-input-17"""
    with answering(json_reply({"id": "1"}, content_type="text/plain")) as server:
        assert reached(server).request("GET", "/").body == {"id": "1"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_json_with_a_byte_order_mark_or_in_utf_16_is_understood(encoding: str) -> None:
    """bad-input-19"""
    body = '{"name": "Ä"}'.encode(encoding)
    with answering(Reply(200, body, {"Content-Type": "application/json"})) as server:
        assert reached(server).request("GET", "/").body == {"name": "Ä"}


BROKEN_JSON = [
    pytest.param(b'{"id": "1", "na', "incomplete", id="bad-input-10 cut short"),
    pytest.param(b"<?xml version='1.0'?><user/>", "incomplete", id="bad-input-18 XML"),
    pytest.param(b'{"n": NaN}', "NaN", id="bad-input-20 NaN"),
    pytest.param(b'{"n": -Infinity}', "Infinity", id="bad-input-20 Infinity"),
    pytest.param(b'{"n": 1e999}', "1e999", id="bad-input-20 too big for a float"),
    pytest.param(
        b'{"n": ' + b"1" * 5000 + b"}", "number that is too long", id="bad-input-23 5000 digits"
    ),
    pytest.param(b"[" * 65 + b"]" * 65, "nested", id="bad-input-22 one level too deep"),
    pytest.param(b"[" * 100_000 + b"]" * 100_000, "nested", id="bad-input-22 100000 levels"),
    pytest.param('{"name": "Ä"}'.encode("latin-1"), "UTF-8", id="bad-input-19 Latin-1"),
    pytest.param(b'{"id": "1", "id": "2"}', "two ids", id="bad-input-21 two ids"),
]


@pytest.mark.parametrize(("body", "why"), BROKEN_JSON)
def test_a_success_in_json_that_cannot_be_read_is_no_success(body: bytes, why: str) -> None:
    with (
        answering(Reply(201, body, {"Content-Type": "application/json"})) as server,
        pytest.raises(Unavailable, match=why) as caught,
    ):
        reached(server).request("POST", "/Users", json={})

    assert caught.value.http_status == 201


@pytest.mark.parametrize(("body", "why"), BROKEN_JSON)
def test_a_refusal_keeps_its_status_when_its_text_cannot_be_read(body: bytes, why: str) -> None:
    with answering(Reply(401, body, {"Content-Type": "application/json"})) as server:
        response = reached(server).request("GET", "/")

    assert (response.status, response.is_json) == (401, False)


def test_sixty_four_levels_and_a_name_given_twice_are_read() -> None:
    """bad-input-21 and bad-input-22"""
    deep = b"[" * 63 + b'{"a": 1, "a": 2}' + b"]" * 63
    with answering(Reply(200, deep)) as server:
        assert reached(server).request("GET", "/").is_json


# Nothing is sent behind the caller's back


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_answer_and_is_not_followed(status: int) -> None:
    """bad-input-34 and bad-input-35"""
    with answering(json_reply({})) as elsewhere:
        reply = Reply(status, headers={"Location": f"{elsewhere.url}/stolen"})
        with answering(reply) as server:
            response = reached(server).request(
                "GET", "/", headers={"Authorization": "Bearer token"}
            )

    assert (response.status, response.headers["location"]) == (status, f"{elsewhere.url}/stolen")
    assert elsewhere.connections == 0
    assert len(server.requests) == 1


def test_proxies_netrc_and_cookies_play_no_part(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password secret")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with answering(Reply(204, headers={"Set-Cookie": "session=1; Path=/"})) as server:
        session = reached(server)
        session.request("GET", "/")
        session.request("GET", "/")

    for request in server.requests:
        assert not {"Authorization", "Cookie"} & set(request.headers)


def test_before_write_is_asked_before_everything_but_a_get() -> None:
    asked: list[int] = []
    with answering(json_reply({})) as server:
        session = reached(server)
        for method in ("GET", "POST", "PATCH", "PUT", "DELETE"):
            session.request(method, "/", before_write=lambda: asked.append(len(server.requests)))

    assert asked == [1, 2, 3, 4]


def test_nothing_is_sent_when_before_write_refuses() -> None:
    def refuse() -> None:
        raise PermissionError("another worker has the lane")

    with answering(json_reply({})) as server, pytest.raises(PermissionError):
        reached(server).request("POST", "/", before_write=refuse)

    assert server.requests == []


@pytest.mark.parametrize("token", ["a\r\nX-Admin: 1", "a\nb", "tökän→"])
def test_a_token_that_cannot_be_sent_stops_the_app_and_is_not_quoted(token: str) -> None:
    with answering(json_reply({})) as server, pytest.raises(Misconfigured) as caught:
        reached(server).request("GET", "/", headers={"Authorization": token})

    assert "Enter the token again" in str(caught.value)
    assert token not in str(caught.value)
    assert caught.value.__suppress_context__
    assert server.requests == []


def test_half_a_character_is_the_fault_of_one_account_only() -> None:
    """bad-input-25"""
    session = Session("http://127.0.0.1:9", internal=True)
    with pytest.raises(Rejected):
        session.request("GET", "/Users", params={"filter": "\ud800"})
    with pytest.raises(Rejected):
        segment("\ud800")


@pytest.mark.parametrize("text", ["", ".", "..", "x" * 501])
def test_an_id_that_would_change_the_path_is_rejected(text: str) -> None:
    with pytest.raises(Rejected, match="Ask the people who run it"):
        segment(text)


# Time and size


def test_a_server_that_never_answers_is_given_up_after_the_read_timeout() -> None:
    """bad-input-15"""
    started = time.monotonic()
    error = failure(never_answer, read_timeout=0.2)

    assert time.monotonic() - started < 1
    assert "did not answer within 1 seconds" in str(error)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(b"HTTP/1.1 200 O", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX-Slow: ", id="header"),
        pytest.param(OK + b"Content-Length: 5000\r\n\r\n", id="body"),
        pytest.param(OK + b"\r\n", id="body without a length"),
        pytest.param(OK + b"Transfer-Encoding: chunked\r\n\r\nfff\r\n", id="chunk"),
    ],
)
def test_a_dripping_answer_cannot_outlive_the_deadline(start: bytes) -> None:
    """bad-input-14"""
    started = time.monotonic()
    error = failure(drip(start), read_timeout=0.3, deadline=0.4)

    assert 0.3 < time.monotonic() - started < 1
    assert "within 1 seconds" in str(error)


def test_a_dripping_answer_over_tls_cannot_outlive_the_deadline() -> None:
    """bad-input-14"""
    authority = Authority()
    behaviour = drip(OK + b"Content-Length: 5000\r\n\r\n")
    started = time.monotonic()
    with RawServer(behaviour, tls=authority.server("127.0.0.1")) as server:
        session = reached(server, ca_certificate=authority.pem, deadline=0.4)
        with pytest.raises(Unavailable, match="did not finish its answer"):
            session.request("GET", "/")

    assert time.monotonic() - started < 1


def test_a_host_that_does_not_accept_is_given_up_after_the_connect_timeout(blackhole: int) -> None:
    started = time.monotonic()
    session = Session(f"http://127.0.0.1:{blackhole}", internal=True, connect_timeout=0.1)
    with pytest.raises(Unavailable, match="did not accept a connection in time"):
        session.request("GET", "/")

    assert time.monotonic() - started < 1


def test_a_name_with_many_dead_addresses_cannot_outlive_the_deadline(
    blackhole: int, dns: Dns
) -> None:
    dns(*["127.0.0.1"] * 30, port=blackhole)
    started = time.monotonic()
    session = Session("http://zoom.example", internal=True, connect_timeout=0.1, deadline=0.3)
    with pytest.raises(Unavailable, match="did not accept a connection in time"):
        session.request("GET", "/")

    assert time.monotonic() - started < 1


def test_the_next_address_of_a_name_is_tried(dns: Dns) -> None:
    with answering(json_reply({})) as server:
        dns("::1", "127.0.0.1", port=server.port)
        assert Session("http://zoom.example", internal=True).request("GET", "/").status == 200


@pytest.mark.parametrize("limit", [RESOURCE_LIMIT, LIST_LIMIT])
def test_an_endless_answer_is_not_read_beyond_the_limit(limit: int) -> None:
    """bad-input-12"""
    left = threading.Event()

    def endless(connection: socket.socket) -> None:
        try:
            pour(OK + b"\r\n", b" " * 100_000)(connection)
        except OSError:
            left.set()

    with RawServer(endless) as server:
        session = reached(server)
        with pytest.raises(Unavailable) as caught:
            session.request("GET", "/", limit=limit)
        assert left.wait(1)

    assert f"an answer larger than {limit // 1_000_000} MB" in str(caught.value)
    assert caught.value.http_status == 200


def test_an_answer_of_exactly_the_limit_is_read() -> None:
    body = json.dumps("x" * (RESOURCE_LIMIT - 2)).encode()
    with answering(Reply(200, body)) as server:
        assert len(reached(server).request("GET", "/").body) == RESOURCE_LIMIT - 2


def test_a_compressed_answer_is_counted_as_it_unpacks() -> None:
    """bad-input-13"""
    bomb = gzip.compress(b" " * 50_000_000, compresslevel=1)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    with answering(Reply(200, bomb, headers)) as server:
        session = reached(server)
        tracemalloc.start()
        with pytest.raises(Unavailable, match="larger than 1 MB"):
            session.request("GET", "/")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 20_000_000


def test_a_compressed_answer_is_unpacked() -> None:
    with answering(Reply(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"})) as server:
        assert reached(server).request("GET", "/").body == {"a": 1}

    assert "gzip" in server.requests[0].headers["Accept-Encoding"]


def test_answers_that_were_too_large_do_not_use_up_the_pool() -> None:
    with answering(Reply(200, b" " * 200_000)) as server:
        session = reached(server)
        for _ in range(20):
            with pytest.raises(Unavailable):
                session.request("GET", "/", limit=1_000)
        assert session.request("GET", "/").status == 200


def test_a_body_does_not_wait_for_the_headers_to_be_acknowledged() -> None:
    with answering(json_reply({})) as server:
        session = reached(server)
        started = time.monotonic()
        for _ in range(25):
            session.request("POST", "/", json={})

    # With Nagle's algorithm on, every one of them takes 40 ms.
    assert time.monotonic() - started < 0.5


# Broken answers


@pytest.mark.parametrize(
    ("behaviour", "what"),
    [
        pytest.param(reset, "closed the connection without an answer", id="bad-input-16 reset"),
        pytest.param(send(b""), "closed the connection without an answer", id="closed"),
        pytest.param(send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "headers that", id="not HTTP"),
        pytest.param(
            send(OK + b"X: 1\r\n" * 101 + b"\r\n"), "too many", id="bad-input-27 101 headers"
        ),
        pytest.param(
            send(OK + b"X: " + b"1" * 100_000 + b"\r\n\r\n"), "too long", id="bad-input-27 100 KB"
        ),
        pytest.param(
            send(OK + b"Content-Length: 9\r\n\r\n{}"), "broke off", id="bad-input-9 cut short"
        ),
        pytest.param(
            send(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}"),
            "broke off",
            id="bad-input-11 bad chunk",
        ),
        pytest.param(
            send(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\n{}"),
            "broke off",
            id="bad-input-11 cut chunk",
        ),
        pytest.param(
            send(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
            "headers that",
            id="two lengths",
        ),
        pytest.param(
            send(OK + b"Content-Encoding: gzip\r\n\r\nnot gzip"), "unpacked", id="bad gzip"
        ),
    ],
)
def test_a_broken_answer_is_tried_again_later(behaviour: Behaviour, what: str) -> None:
    assert what in str(failure(behaviour))


def test_a_body_longer_than_announced_does_not_leak_into_the_next_answer() -> None:
    with HttpServer(lambda *_: Reply(200, b"{}{}", {"Content-Length": "2"})) as server:
        session = reached(server)
        assert session.request("GET", "/").body == {}
        assert session.request("GET", "/").body == {}


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{}",
    ],
    ids=["100", "103", "HTTP/1.0"],
)
def test_interim_and_old_fashioned_answers_are_understood(data: bytes) -> None:
    """bad-input-50"""
    with RawServer(send(data)) as server:
        response = reached(server).request("GET", "/")

    assert (response.status, response.body) == (200, {})


def test_a_refused_connection_is_tried_again_later() -> None:
    """bad-input-16"""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        session = Session(f"http://127.0.0.1:{unused.getsockname()[1]}", internal=True)
        with pytest.raises(Unavailable, match="127.0.0.1 refused the connection"):
            session.request("GET", "/")


def test_a_name_that_is_not_found_is_tried_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """bad-input-16"""

    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(Unavailable, match="The name zoom.example was not found"):
        Session("https://zoom.example").request("GET", "/")


# Certificates


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def certificate_problem(server: HttpServer, **options: Any) -> str:
    with pytest.raises(Misconfigured, match="Nothing was sent") as caught:
        reached(server, **options).request("GET", "/", headers={"Authorization": "Bearer token"})
    assert server.requests == []
    return str(caught.value)


def test_a_certificate_of_ones_own_authority_needs_to_be_given(authority: Authority) -> None:
    """bad-input-40"""
    with HttpServer(lambda *_: json_reply({}), tls=authority.server("127.0.0.1")) as server:
        assert "paste its certificate" in certificate_problem(server)
        session = reached(server, ca_certificate=authority.pem)
        assert session.request("GET", "/").status == 200


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    """bad-input-40"""
    tls = authority.server("127.0.0.1", not_after=datetime.now(UTC) - timedelta(days=1))
    with HttpServer(lambda *_: json_reply({}), tls=tls) as server:
        problem = certificate_problem(server, ca_certificate=authority.pem)

    assert "The certificate of 127.0.0.1 has expired" in problem


def test_the_certificate_of_another_host_is_refused(authority: Authority, dns: Dns) -> None:
    """bad-input-40"""
    with HttpServer(lambda *_: json_reply({}), tls=authority.server("zoom.example")) as server:
        trusted = {"ca_certificate": authority.pem}
        assert "is for another address" in certificate_problem(server, **trusted)
        dns("127.0.0.1", port=server.port)
        right, wrong = (
            Session(f"https://{host}.example", internal=True, **trusted)
            for host in ("zoom", "evil")
        )
        assert right.request("GET", "/").status == 200
        with pytest.raises(Misconfigured, match="certificate of evil.example is for another name"):
            wrong.request("GET", "/")


def test_a_port_without_tls_is_named_as_such() -> None:
    """bad-input-40"""
    with answering(json_reply({})) as server:
        server.url = server.url.replace("http:", "https:")
        assert "does not speak TLS" in certificate_problem(server)


@pytest.mark.parametrize("text", ["not a certificate", "-----BEGIN CERTIFICATE-----\nabc"])
def test_what_is_no_certificate_is_said_at_once(text: str) -> None:
    with pytest.raises(Misconfigured, match="Paste the whole text"):
        Session("https://zoom.example", ca_certificate=text)


# Which addresses are contacted

INSIDE = [
    *("10.0.0.5", "100.64.0.1", "127.0.0.1", "127.9.9.9", "172.16.0.1", "172.31.255.255"),
    *("192.168.1.1", "::1", "fc00::1", "fd12:3456::1", "::ffff:10.0.0.5"),
]
NEVER = [
    *("0.0.0.0", "0.1.2.3", "168.63.129.16", "169.254.169.254", "169.254.1.1", "192.0.0.192"),  # noqa: S104
    *("192.0.2.1", "192.88.99.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("239.255.255.255", "240.0.0.1", "255.255.255.255", "100.100.100.200", "::", "::127.0.0.1"),
    *("::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1"),
    *("2001:db8::1", "2002:7f00:1::", "fd00:ec2::254", "fd20:ce::254", "fe80::1", "fec0::1"),
    *("ff02::1",),
]
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8"]


def test_a_name_that_points_inside_is_refused_before_a_byte_is_sent(dns: Dns) -> None:
    """bad-input-42"""
    with answering(json_reply({})) as server:
        asked = dns("127.0.0.1", port=server.port)
        with pytest.raises(Misconfigured) as caught:
            Session("https://zoom.example").request("GET", "/")

    assert str(caught.value) == (
        "zoom.example points to 127.0.0.1, an address inside your own network. If this "
        "application really runs there, switch on “Runs inside our network”."
    )
    assert asked == ["zoom.example"]
    assert server.connections == 0


@pytest.mark.parametrize("address", INSIDE + NEVER)
def test_a_public_application_is_never_contacted_at(address: str, dns: Dns) -> None:
    """bad-input-99"""
    dns(address)
    with pytest.raises(Misconfigured, match="zoom.example points to "):
        Session("https://zoom.example", connect_timeout=0.05).request("GET", "/")


@pytest.mark.parametrize("address", NEVER)
def test_an_internal_application_is_never_contacted_at(address: str, dns: Dns) -> None:
    """bad-input-99"""
    dns(address)
    session = Session("https://zoom.example", internal=True, connect_timeout=0.05)
    with pytest.raises(Misconfigured, match="no application can run"):
        session.request("GET", "/")


@pytest.mark.parametrize("internal", [False, True])
def test_the_clouds_own_service_is_not_contacted_by_its_name(dns: Dns, internal: bool) -> None:
    """bad-input-99"""
    dns("169.254.169.254")
    name = check_base_url("https://metadata.google.internal", internal=internal)
    with pytest.raises(Misconfigured, match="no application can run"):
        Session(name, internal=internal, connect_timeout=0.05).request("GET", "/")


@pytest.mark.parametrize("address", INSIDE + PUBLIC)
def test_an_internal_application_may_be_at(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert check_base_url(f"https://{host}", internal=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_application_may_be_at(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert check_base_url(f"https://{host}", internal=False)


@pytest.mark.parametrize(
    "url",
    ["http://zoom.example/x", "https://zoom.example:22/", "https://a@zoom.example/", "https://[x/"],
)
def test_an_address_from_a_remote_answer_passes_the_same_checks(url: str, dns: Dns) -> None:
    asked = dns("127.0.0.1")
    with pytest.raises(Misconfigured):
        Session("https://zoom.example").request("GET", url)

    assert asked == []


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("https://zoom.example", "https://zoom.example"),
        ("  https://zoom.example/scim/v2//\n", "https://zoom.example/scim/v2"),
        ("HTTPS://Zoom.Example:443/SCIM", "https://zoom.example/SCIM"),
        ("https://zoom.example:8443", "https://zoom.example:8443"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://[2606:4700:0::1111]/", "https://[2606:4700::1111]"),
    ],
)
def test_a_good_address_is_normalised(text: str, normal: str) -> None:
    assert check_base_url(text, internal=False) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("http://scim.corp:80/", "http://scim.corp"),
        ("http://localhost:5000/scim", "http://localhost:5000/scim"),
        ("http://scim.corp:443", "http://scim.corp:443"),
        ("https://10.0.0.5:9443", "https://10.0.0.5:9443"),
    ],
)
def test_an_internal_application_may_use_http_and_any_port(text: str, normal: str) -> None:
    assert check_base_url(text, internal=True) == normal
    with pytest.raises(ValueError, match="inside your own network"):
        check_base_url(text, internal=False)


BAD_ADDRESSES = [
    ("", "begin with https://"),
    ("zoom.example/scim", "begin with https://"),
    ("zoom.example:443/scim", "begin with https://"),
    ("ftp://zoom.example", "begin with https://"),
    ("file:///etc/passwd", "begin with https://"),
    ("javascript:alert(1)", "begin with https://"),
    ("https://", "no host name"),
    ("https:///scim", "no host name"),
    ("https:zoom.example", "no host name"),
    ("https://:443", "no host name"),
    ("https://user:pass@zoom.example", "user name and password"),
    ("https://zoom.example@evil.example", "user name and password"),
    ("https://zoom.example/?a=1", "Leave out “?”"),
    ("https://zoom.example/#top", "Leave out “?”"),
    ("https://zoom.example/sc im", "a space, a backslash"),
    ("https://zoom.example\\@evil.example", "a space, a backslash"),
    ("https://zoom\t.example", "a space, a backslash"),
    ("https://zoom\x00.example", "a space, a backslash"),
    ("https://zoom\u200b.example", "a space, a backslash"),
    ("https://zoom.example:0", "port must be"),
    ("https://zoom.example:99999", "port must be"),
    ("https://zoom.example:https", "port must be"),
    ("https://[fe80::1%25eth0]", "ordinary IP address"),
    ("https://[::1", "not a web address"),
    ("https://bücher.example", "xn--bcher-kva.example"),
    ("https://①②⑦.⓪.⓪.①", "letters a to z"),
    ("https://zoom.example/bücher", "letters from a to z"),
    ("https://zoom..example", "not a host name"),
    ("https://-zoom.example", "not a host name"),
    ("https://zoom.%65xample", "not a host name"),
    ("https://127.1", "ordinary IP address"),
    ("https://2130706433", "ordinary IP address"),
    ("https://0x7f.1", "ordinary IP address"),
    ("https://0x7f000001", "ordinary IP address"),
    ("https://0177.0.0.1", "ordinary IP address"),
    ("https://zoom.example/" + "x" * 2028, "2,048"),
]


@pytest.mark.parametrize("internal", [False, True])
@pytest.mark.parametrize(("text", "reason"), BAD_ADDRESSES)
def test_a_bad_address_is_refused_with_a_reason(text: str, reason: str, internal: bool) -> None:
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        check_base_url(text, internal=internal)


def test_an_address_of_2048_characters_is_taken() -> None:
    assert check_base_url("https://zoom.example/" + "x" * 2027, internal=False)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Zoom.Example/scim", "https://zoom.example:443"),
        ("HTTP://zoom.example", "http://zoom.example:80"),
        ("https://zoom.example:8443/a?b", "https://zoom.example:8443"),
        ("https://[::1]:9/", "https://[::1]:9"),
        ("https://zoom.example.evil.example", "https://zoom.example.evil.example:443"),
    ],
)
def test_the_origin_always_names_the_port(url: str, expected: str) -> None:
    assert origin(url) == expected


@pytest.mark.parametrize("url", ["zoom.example", "ftp://zoom.example", "https://", "https://a:b"])
def test_what_is_not_a_web_address_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError):
        origin(url)


# Retry-After


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (" 7 ", 7.0),
        ("999999999", 86_400.0),
        ("9" * 5000, 86_400.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 30.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 30.0),
        ("Sun Nov  6 08:49:37 1994", 30.0),
        ("Sun, 06 Nov 1994 08:49:37 -0000", 30.0),
        ("Fri, 31 Dec 2099 23:59:59 GMT", 86_400.0),
        ("Sun, 06 Nov 1994 08:49:06 GMT", None),
        ("-5", None),
        ("1e9", None),
        ("1.5", None),
        ("٣", None),
        ("abc", None),
        ("", None),
        ("Mon, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(value: str, seconds: float | None) -> None:
    """bad-input-29 and bad-input-30"""
    now = datetime(1994, 11, 6, 8, 49, 7, tzinfo=UTC)

    assert retry_after({"Retry-After": value}, now=now) == seconds


def test_a_missing_retry_after_is_none() -> None:
    """bad-input-31"""
    assert retry_after({}) is None


def test_retry_after_is_found_in_an_answer_whatever_its_case() -> None:
    with answering(Reply(429, headers={"retry-after": "3"})) as server:
        assert retry_after(reached(server).request("GET", "/").headers) == 3.0


def test_a_failure_carries_what_the_caller_needs() -> None:
    error: ConnectorError = Throttled("Zoom is busy.", retry_after=3.0, http_status=429)

    assert (str(error), error.http_status) == ("Zoom is busy.", 429)
    assert isinstance(error, Unavailable)
    assert error.retry_after == 3.0
