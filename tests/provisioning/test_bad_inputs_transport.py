"""Answers of a target that broke others, by their number in the catalogue.

Those that `http.Session` meets alone are in test_http.py, those of one vendor or form beside it.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iam.models import Group, User
from provisioning.connectors.scim import Scim
from provisioning.errors import ConnectorError, Misconfigured, Promised, Throttled, Unavailable
from provisioning.models import Account, App, Event, Problem
from provisioning.plan import State
from tests.provisioning.connectors.calls import (
    ANN,
    SECRET,
    WRITES,
    Call,
    answering,
    create,
    find,
)
from tests.support.faulty import FaultyScim, answer, effect_then, html
from tests.support.looks import account, agree
from tests.support.servers import Authority, HttpServer, Reply, json_reply

Push = Callable[[], None]
JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html"}
USER = {"id": "7", "userName": ANN, "active": True}
ELSEWHERE = {**USER, "meta": {"location": "https://other.example/Users/8"}}
GET = {"get": lambda scim: scim.get("7", set())}
update, deactivate, delete = (WRITES[name] for name in ("update", "deactivate", "delete"))


def failed(call: Call, reply: Reply) -> ConnectorError:
    with answering(reply) as (scim, server), pytest.raises(ConnectorError) as caught:
        call(scim)
    assert len(server.requests) == 1
    return caught.value


def number(which: int, *values: Any, about: str = "") -> Any:
    return pytest.param(*values, id=f"bad-input-{which} {about}".rstrip())


ANSWERS = [
    number(1, find, Reply(*html(502), HTML), Unavailable, "error 502.*Please sign in.*again by"),
    number(1, create, Reply(*html(502), HTML), Unavailable, "error 502", about="write"),
    number(2, find, Reply(*html(200), HTML), Unavailable, "something else than a list"),
    number(
        2, Scim.check, Reply(*html(200), HTML), Misconfigured, "not a SCIM service", about="test"
    ),
    number(2, update, Reply(*html(200), HTML), Unavailable, "A web page came back", about="write"),
    number(3, create, Reply(200), Unavailable, "did not say which id it has.*looks it up"),
    # Not by the address that is given: a search finds it just so, and trusts nobody's address.
    number(4, create, Reply(201, b"", {"Location": "/Users/7"}), Unavailable, "looks it up"),
    number(5, create, json_reply({"userName": ANN}, status=201), Unavailable, "looks it up"),
    number(8, create, Reply(202), Promised, "took it for later"),
    number(
        10, update, Reply(200, b'{"id": "7", "na', JSON), Unavailable, "cannot be read: it is inc"
    ),
    number(18, find, Reply(200, b"<?xml version='1.0'?><u/>", JSON), Unavailable, "cannot be read"),
    number(26, find, json_reply([USER]), Unavailable, "something else than a list", about="list"),
    number(26, find, json_reply(7), Unavailable, "something else than a list", about="number"),
    number(26, GET["get"], json_reply(None), Unavailable, "something else", about="null"),
    number(
        33,
        create,
        json_reply({"message": "REQUEST_LIMIT_EXCEEDED"}, status=500),
        Throttled,
        "fewer",
    ),
    number(38, find, json_reply({"totalResults": 0}, status=401), Misconfigured, "the token"),
    number(
        38, find, Reply(*html(403), HTML), Misconfigured, "not allow this.*Please sign", about="403"
    ),
]


@pytest.mark.parametrize(("call", "reply", "error", "sentence"), ANSWERS)
def test_an_answer_that_is_none_says_what_happened_and_what_comes_next(
    call: Call, reply: Reply, error: type[ConnectorError], sentence: str
) -> None:
    raised = failed(call, reply)
    assert type(raised) is error
    assert re.search(sentence, str(raised))
    assert SECRET not in str(raised)


@pytest.mark.parametrize(
    ("call", "reply"),
    [
        number(6, update, Reply(204), about="change"),
        number(6, deactivate, Reply(204), about="switch"),
        number(7, delete, json_reply(USER)),
        number(17, GET["get"], json_reply(USER, content_type="text/plain")),
        number(77, GET["get"], json_reply(ELSEWHERE), about="look"),
        number(77, update, json_reply(ELSEWHERE), about="change"),
    ],
)
def test_an_unusual_success_is_one(call: Call, reply: Reply) -> None:
    with answering(reply) as (scim, server):
        call(scim)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "where"),
    [
        number(34, 302, "https://other.example/scim/Users"),
        number(35, 301, "/scim/v2/Users", about="same host"),
        number(35, 307, "https://127.0.0.1/Users", about="https"),
        number(35, 308, "/Users/", about="slash"),
        number(36, 302, "/Users", about="loop"),
        number(36, 302, "file:///etc/passwd", about="file"),
    ],
)
def test_no_redirect_is_followed_and_the_address_is_suggested(status: int, where: str) -> None:
    raised = failed(find, Reply(status, b"", {"Location": where}))
    assert isinstance(raised, Misconfigured)
    assert f"redirects to {where}, and Gatehouse does not send the token there" in str(raised)


@pytest.mark.parametrize("status", [number(49, 414), number(49, 431, about="431")])
def test_a_search_that_is_too_long_is_replaced_by_the_list_for_this_one_account(
    status: int,
) -> None:
    def handle(method: str, path: str, *_: Any) -> Reply:
        if "filter=" in path:
            return Reply(status)
        return json_reply({"totalResults": 1, "Resources": [USER]} if "?" in path else USER)

    with HttpServer(handle) as server:
        scim = Scim("Crew", {"base_url": server.url, "token": SECRET}, internal=True)
        asking = scim.asking(lambda: None)
        assert [hit.remote_id for hit in find(asking)] == ["7"]
        assert asking.lessons == []


@pytest.mark.parametrize(
    ("days", "warned"), [number(41, 7, True), number(41, None, False, about="good for longer")]
)
def test_a_certificate_that_ends_soon_is_warned_of(days: int | None, warned: bool) -> None:
    authority, ends = Authority(), datetime.now(UTC) + timedelta(days=days or 0)
    tls = authority.server("127.0.0.1", not_after=ends if days else None)
    with HttpServer(lambda *_: json_reply({"totalResults": 0}), tls=tls) as server:
        scim = Scim(
            "Crew",
            {"base_url": server.url, "token": SECRET},
            internal=True,
            ca_certificate=authority.pem,
        )
        told = scim.check().partition("Its certificate ends on ")[2]
        assert told.startswith(f"{ends:%Y-%m-%d}. Ask the people") is warned
        assert bool(told) is warned
        assert [lesson.flag for lesson in scim.discover()] == (["certificate"] if warned else [])


# --------------------------------------------------------------------- what becomes of an account


@pytest.mark.parametrize(
    "remote_id",
    [
        number(24, "a\0b"),
        number(25, "a\ud800"),
        number(62, "x" * 2_000, about="2 KB"),
        number(62, "..", about="path"),
    ],
)
def test_an_id_that_cannot_be_kept_parks_this_account_and_no_other(
    faulty_app: App,
    ann: User,
    bob: User,
    sales: Group,
    faulty: FaultyScim,
    push: Push,
    remote_id: str,
) -> None:
    sales.users.add(bob)
    faulty.on("POST", answer(201, {"id": remote_id}), about=ann.username)
    push()
    assert account(faulty_app, ann).problem == Problem.REJECTED
    assert account(faulty_app, bob).state == State.ACTIVE
    assert Event.objects.filter(app=faulty_app).exclude(message="").exists()


@pytest.mark.parametrize("value", [number(24, "B\0ob"), number(25, "B\ud800ob")])
def test_a_value_that_cannot_be_kept_does_not_stop_an_adoption(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, value: str
) -> None:
    there = faulty.add(ann.username, name={"givenName": value})
    push()
    assert account(faulty_app, ann).remote_id == there["id"]
    assert faulty.user(ann.username)["name"]["givenName"] == ann.first_name
    agree(faulty_app, faulty)


@pytest.mark.parametrize(
    "fault",
    [
        number(3, effect_then(200)),
        number(4, effect_then(201, None, Location="/Users/7")),
        number(5, effect_then(201, {"userName": ANN})),
        number(8, effect_then(202)),
        number(9, effect_then(201, {}, Content_Length="99")),
        number(10, effect_then(201, b'{"id')),
    ],
)
def test_a_create_whose_answer_says_too_little_is_looked_up_and_never_made_twice(
    faulty_app: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    later: Callable[..., None],
    fault: Any,
) -> None:
    faulty.on("POST", fault)
    push()
    later(hours=1)
    push()
    assert account(faulty_app, ann).remote_id == faulty.user(ann.username)["id"]
    assert faulty.writes == ["POST /Users"]
    assert Account.objects.get().problem == ""
    agree(faulty_app, faulty)
