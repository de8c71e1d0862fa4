"""What the SCIM connector sends."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from provisioning.connectors.scim import Scim
from provisioning.errors import Rejected, Unavailable
from provisioning.plan import Change
from provisioning.scim.messages import CORE_USER, ENTERPRISE_USER, PATCH_OP
from tests.provisioning.connectors.calls import (
    ANN,
    EXTERNAL,
    MAIL,
    ORGANIZATION,
    SECRET,
    WRITES,
    Call,
    answering,
    calls,
    connected,
    create,
    find,
    update,
)
from tests.support.faulty import FaultyScim, answer, html
from tests.support.servers import Reply, Request, json_reply


@pytest.fixture
def scim(faulty: FaultyScim) -> Iterator[Scim]:
    connector = connected(faulty.base_url, faulty.token)
    yield connector
    connector.close()


def asked(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.path).query)


def body(request: Request) -> Any:
    return json.loads(request.body)


@calls()
def test_every_request_says_who_asks_and_what_it_takes(call: Call) -> None:
    reply = json_reply({"id": "7", "totalResults": 0}, status=200)
    with answering(reply) as (scim, server):
        call(scim)
    for request in server.requests:
        assert request.headers["Authorization"] == f"Bearer {SECRET}"
        assert request.headers["Accept"] == "application/scim+json"
        assert request.headers["User-Agent"].startswith("Gatehouse")
        content_type = "application/scim+json" if request.body else None
        assert request.headers.get("Content-Type") == content_type


def test_the_check_reads_one_user_and_changes_nothing(scim: Scim, faulty: FaultyScim) -> None:
    assert "Connected: Crew answered" in scim.check()
    (request,) = faulty.requests
    assert (request.method, urlsplit(request.path).path) == ("GET", "/Users")
    assert asked(request) == {"startIndex": ["1"], "count": ["1"]}


def test_a_person_is_looked_for_by_user_name(scim: Scim, faulty: FaultyScim) -> None:
    there = faulty.add("ANN@example.org", externalId="x", name={"givenName": "Ann"})
    (hit,) = find(scim)
    assert (hit.remote_id, hit.external_id, hit.active) == (there["id"], "x", True)
    assert hit.values["name.givenName"] == "Ann"
    assert [asked(request)["filter"] for request in faulty.requests] == [[f'userName eq "{ANN}"']]


def test_what_an_earlier_attempt_made_is_looked_for_by_our_own_id_first(
    scim: Scim, faulty: FaultyScim
) -> None:
    there = faulty.add("somebody@example.org", externalId=EXTERNAL)
    (hit,) = find(scim, made_by_us=True)
    assert hit.remote_id == there["id"]
    (request,) = faulty.requests
    assert asked(request)["filter"] == [f'externalId eq "{EXTERNAL}"']


def test_without_a_hit_for_our_id_the_user_name_is_tried(scim: Scim, faulty: FaultyScim) -> None:
    assert find(scim, made_by_us=True) == []
    filters = [asked(request)["filter"][0].split()[0] for request in faulty.requests]
    assert filters == ["externalId", "userName"]


@pytest.mark.parametrize("name", ['x" or userName pr or "', "a\\", "a+b&c=d#e@x", "Zoë/é"])
def test_a_user_name_cannot_change_the_question(scim: Scim, faulty: FaultyScim, name: str) -> None:
    there = faulty.add(name)
    faulty.add("innocent@example.org")
    (hit,) = scim.find({"userName": name}, external_id=EXTERNAL, made_by_us=False)
    assert hit.remote_id == there["id"]
    (text,) = asked(faulty.requests[0])["filter"]
    assert json.loads(text.removeprefix("userName eq ")) == name


def test_a_new_account_holds_every_value_and_our_id(scim: Scim, faulty: FaultyScim) -> None:
    made = create(scim)
    (request,) = faulty.requests
    assert (request.method, request.path) == ("POST", "/Users")
    assert body(request) == {
        "schemas": [CORE_USER, ENTERPRISE_USER],
        "externalId": EXTERNAL,
        "userName": ANN,
        "active": True,
        "name": {"givenName": "Ann"},
        "emails": [{"type": "work", "value": ANN, "primary": True}],
        ENTERPRISE_USER: {"organization": "Acme"},
    }
    assert made.remote_id == faulty.user(ANN)["id"]


def test_a_change_names_only_what_changes(scim: Scim, faulty: FaultyScim) -> None:
    there = faulty.add(ANN)
    changes = [
        Change("name.givenName", "Ann", "Anna"),
        Change(MAIL, None, "anna@example.org"),
        Change(ORGANIZATION, "Acme", None),
    ]
    scim.update(there["id"], changes, held={"name.givenName"})
    (request,) = faulty.requests
    assert (request.method, request.path) == ("PATCH", f"/Users/{there['id']}")
    mail = {"type": "work", "value": "anna@example.org"}
    assert body(request) == {
        "schemas": [PATCH_OP],
        "Operations": [
            {"op": "replace", "path": "name.givenName", "value": "Anna"},
            {"op": "add", "path": "emails", "value": [mail]},
            {"op": "remove", "path": ORGANIZATION},
        ],
    }


@pytest.mark.parametrize(("switch", "active"), [("deactivate", False), ("reactivate", True)])
def test_switching_an_account_touches_nothing_else(
    scim: Scim, faulty: FaultyScim, switch: str, active: bool
) -> None:
    there = faulty.add(ANN)
    {"deactivate": scim.deactivate, "reactivate": scim.reactivate}[switch](there["id"])
    (request,) = faulty.requests
    assert (request.method, request.path) == ("PATCH", f"/Users/{there['id']}")
    operation = {"op": "replace", "path": "active", "value": active}
    assert body(request) == {"schemas": [PATCH_OP], "Operations": [operation]}


def test_deleting_sends_no_body(scim: Scim, faulty: FaultyScim) -> None:
    there = faulty.add(ANN)
    scim.delete(there["id"])
    (request,) = faulty.requests
    assert (request.method, request.path) == ("DELETE", f"/Users/{there['id']}")
    assert request.body == b""
    assert faulty.users() == []


def test_deleting_what_is_gone_already_is_a_success(scim: Scim, faulty: FaultyScim) -> None:
    scim.delete("gone")
    assert faulty.writes == ["DELETE /Users/…"]


@pytest.mark.parametrize(
    ("remote_id", "sent"),
    [
        ("k&KdKr6", "k%26KdKr6"),
        ("a/b", "a%2Fb"),
        ("a b", "a%20b"),
        ("../../Groups/1?x#y", "..%2F..%2FGroups%2F1%3Fx%23y"),
        ("ann@example.org", "ann%40example.org"),
        ("100%", "100%25"),
        ("é", "%C3%A9"),
    ],
)
@calls("update", "deactivate", "delete")
def test_an_id_stays_one_segment_of_the_address(call: Call, remote_id: str, sent: str) -> None:
    """bad-input-62"""
    by_id = {
        WRITES["update"]: update,
        WRITES["deactivate"]: Scim.deactivate,
        WRITES["delete"]: Scim.delete,
    }
    with answering(Reply(204)) as (scim, server):
        by_id[call](scim, remote_id)
    (request,) = server.requests
    assert request.path == f"/Users/{sent}"


@pytest.mark.parametrize("remote_id", ["", ".", ".."])
def test_an_id_that_would_mean_another_page_is_not_sent(remote_id: str) -> None:
    """bad-input-62"""
    with answering(Reply(204)) as (scim, server), pytest.raises(Rejected, match="change the id"):
        scim.delete(remote_id)
    assert server.requests == []


@calls(*WRITES)
def test_right_before_a_write_the_owner_of_the_lane_is_asked(call: Call) -> None:
    def lost() -> None:
        raise TimeoutError("the lease is over")

    with answering(Reply(204)) as (scim, server), pytest.raises(TimeoutError):
        call(scim.asking(lost))
    assert server.requests == []


def test_a_fault_of_one_search_leaves_the_connection_good(scim: Scim, faulty: FaultyScim) -> None:
    faulty.on("GET", answer(*html(200)), times=1)
    with pytest.raises(Unavailable):
        find(scim)
    assert find(scim) == []
    assert faulty.connections == 1
