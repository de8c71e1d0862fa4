"""What the SCIM connector makes of every kind of answer."""

import json
from typing import Any

import pytest

from provisioning.connectors.base import RemoteAccount
from provisioning.connectors.scim import Scim
from provisioning.errors import (
    AlreadyExists,
    ConnectorError,
    Misconfigured,
    NotFound,
    Promised,
    Rejected,
    Throttled,
    Unavailable,
)
from tests.provisioning.connectors.calls import (
    ANN,
    ON_ACCOUNT,
    SECRET,
    WRITES,
    Call,
    answering,
    calls,
    connected,
    create,
    find,
)
from tests.support.faulty import html
from tests.support.servers import RawServer, Reply, json_reply, send

# -------------------------------------------------------------------------- errors, by their status

ON_EVERYTHING = [
    (301, {}, Misconfigured, "does not send the token there"),
    (401, {"detail": "Bad."}, Misconfigured, "did not accept the token: “Bad.” Make a new one"),
    (403, {"detail": "No."}, Misconfigured, "does not allow this: “No.” Give the token"),
    (409, {"detail": "Taken."}, AlreadyExists, "already uses one of these values: “Taken.”"),
    (409, {"scimType": "uniqueness"}, AlreadyExists, "already uses"),
    (408, {}, Unavailable, "error 408"),
    (425, {}, Unavailable, "error 425"),
    (429, {}, Throttled, "asks for fewer requests"),
    (500, {"detail": "Oops."}, Unavailable, r"error 500\): “Oops.” Gatehouse tries again"),
    (502, {}, Unavailable, "error 502"),
    (503, {}, Unavailable, "error 503"),
    (599, {}, Unavailable, "error 599"),
]
ON_ONE_PERSON = [
    (400, {"detail": "Bad domain."}, Rejected, r"error 400\): “Bad domain.” Correct"),
    (400, {"scimType": "uniqueness"}, AlreadyExists, "already uses"),
    (400, {"scimType": "somethingNew", "detail": "Odd."}, Rejected, "“Odd.”"),
    (402, {}, Rejected, "error 402"),
    (412, {}, Rejected, "error 412"),
    (413, {}, Rejected, "error 413"),
    (422, {}, Rejected, "error 422"),
    (501, {}, Rejected, "error 501"),
]


def raised(call: Call, status: int, said: Any, **headers: str) -> ConnectorError:
    reply = Reply(
        status, json.dumps(said).encode(), {"Content-Type": "application/json", **headers}
    )
    with answering(reply) as (scim, _), pytest.raises(ConnectorError) as caught:
        call(scim)
    assert caught.value.http_status == status
    return caught.value


@pytest.mark.parametrize(("status", "said", "error", "sentence"), ON_EVERYTHING)
@calls()
def test_what_stops_or_delays_any_request(
    call: Call, status: int, said: Any, error: type[ConnectorError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        raise raised(call, status, said)
    assert type(caught.value) is error


@pytest.mark.parametrize(("status", "said", "error", "sentence"), ON_ONE_PERSON)
@calls("find", *WRITES)
def test_what_is_refused_concerns_one_person(
    call: Call, status: int, said: Any, error: type[ConnectorError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        raise raised(call, status, said)
    assert type(caught.value) is error


@calls("update", "deactivate", "reactivate")
def test_404_for_an_account_means_that_it_is_gone(call: Call) -> None:
    error = raised(call, 404, {"detail": "Nope."})
    assert isinstance(error, NotFound)
    assert "does not know this account" in str(error)


@pytest.mark.parametrize("status", [404, 405])
@calls("check", "find", "create")
def test_no_page_for_users_means_a_wrong_address(call: Call, status: int) -> None:
    error = raised(call, status, {"detail": "Nope."})
    assert isinstance(error, Misconfigured)
    assert f"(it answered {status}). Check the SCIM Base URL" in str(error)


@calls(*ON_ACCOUNT)
def test_a_method_that_is_not_known_is_a_refusal(call: Call) -> None:
    assert isinstance(raised(call, 405, {}), Rejected)


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_check_that_is_refused_names_the_address_as_the_next_step(status: int) -> None:
    error = raised(Scim.check, status, {"detail": "Account has not enabled Single Sign-On."})
    assert isinstance(error, Misconfigured)
    assert "“Account has not enabled Single Sign-On.” Check the SCIM Base URL" in str(error)
    assert "the person's data" not in str(error)


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_is_asked_for_is_kept(status: int) -> None:
    error = raised(find, status, {}, **{"Retry-After": "17"})
    assert isinstance(error, Unavailable)
    assert error.retry_after == 17


def test_a_redirect_names_the_other_address() -> None:
    error = raised(find, 307, {}, Location="https://elsewhere.example/scim/Users")
    assert "https://elsewhere.example/scim/Users" in str(error)


@pytest.mark.parametrize(
    "said",
    [
        {"Errors": {"code": 401, "description": "invalid_authentication"}},
        {"code": 124, "message": "invalid_authentication"},
        {"status": 401, "detail": "invalid_authentication"},
        "invalid_authentication",
    ],
    ids=["Slack", "Zoom", "numeric status", "text"],
)
def test_the_words_of_the_application_are_found_in_every_form(said: Any) -> None:
    assert "“invalid_authentication”" in str(raised(find, 401, said))


@pytest.mark.parametrize("said", [None, [], {}, 7, True, {"detail": {"a": 1}}, {"detail": None}])
def test_an_error_body_of_any_shape_is_survived(said: Any) -> None:
    assert "refused it (error 400). Correct" in str(raised(find, 400, said))


# ----------------------------------------------------------------------------------- the secret


@pytest.mark.parametrize("status", [301, 400, 401, 403, 409, 429, 500])
@pytest.mark.parametrize("where", ["detail", "page", "Location"])
def test_a_token_that_the_application_repeats_is_in_no_message(where: str, status: int) -> None:
    detail = {"detail": f"Bad credentials: Bearer {SECRET}"} if where == "detail" else None
    page = f"<p>{SECRET}</p>" if where == "page" else ""
    reply = Reply(
        status,
        json.dumps(detail).encode() if detail else page.encode(),
        {"Location": f"https://elsewhere.example/?token={SECRET}"} if where == "Location" else {},
    )
    with answering(reply) as (scim, _), pytest.raises(ConnectorError) as caught:
        create(scim)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("before", range(490, 500, 3))
def test_nor_is_the_beginning_of_one_where_a_long_message_is_cut(before: int) -> None:
    said = str(raised(find, 400, {"detail": "x" * (before - 1) + " " + SECRET}))
    assert SECRET[:4] not in said


def test_a_page_for_a_list_is_quoted_without_the_token() -> None:
    reply = Reply(200, f"<html>{SECRET}</html>".encode(), {"Content-Type": "text/html"})
    with answering(reply) as (scim, _), pytest.raises(Unavailable) as caught:
        find(scim)
    assert "•••" in str(caught.value)
    assert SECRET not in str(caught.value)


# ---------------------------------------------------------------------------- answers to searches


def listing(**said: Any) -> Reply:
    return json_reply({"Resources": [], **said})


@pytest.mark.parametrize(
    "said",
    [
        {"totalResults": 0},
        {"totalResults": "0"},
        {"totalResults": 0.0},
        {"totalResults": 0, "Resources": None},
    ],
)
def test_nobody_is_found_in_every_way_in_which_none_is_written(said: dict[str, Any]) -> None:
    with answering(listing(**said)) as (scim, _):
        assert find(scim) == []


@pytest.mark.parametrize("total", [1, "1", 1.0])
def test_a_hit_counts_however_the_number_is_written(total: Any) -> None:
    hit = {"id": 7, "userName": ANN, "active": "False"}
    with answering(listing(totalResults=total, Resources=[hit])) as (scim, _):
        (found,) = find(scim)
    assert (found.remote_id, found.active) == ("7", False)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"totalResults": None},
        {"totalResults": "many"},
        {"totalResults": ""},
        {"totalResults": "-1"},
        {"totalResults": -1},
        {"totalResults": 0.5},
        {"totalResults": True},
        {"totalResults": []},
        {"totalResults": "9" * 5000},
        {"totalResults": "²"},
        {"totalResults": 0, "Resources": {"id": "7"}},
        {"totalResults": 1, "Resources": 7},
        {"totalResults": 1, "Resources": "nobody"},
    ],
)
def test_an_answer_that_is_no_list_never_means_that_nobody_is_there(said: dict[str, Any]) -> None:
    with answering(listing(**said)) as (scim, _), pytest.raises(Unavailable) as caught:
        find(scim)
    assert "answered a search with something else" in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        {"totalResults": 1, "Resources": None},
        {"totalResults": "3", "Resources": [{"id": "7", "userName": ANN}]},
        {"totalResults": 1, "Resources": [{"userName": ANN}]},
        {"totalResults": 0, "Resources": [{"userName": ANN}]},
        {"totalResults": 1, "Resources": [None]},
        {"totalResults": 1, "Resources": [["id"]]},
        {"totalResults": 1, "Resources": [{"id": "7"}]},
    ],
)
def test_a_list_that_does_not_fit_the_question_is_not_trusted(said: dict[str, Any]) -> None:
    # Everybody is listed then, with the same answer here, which proves nothing either.
    with answering(listing(**said)) as (scim, _), pytest.raises((Rejected, Unavailable)):
        find(scim)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(*html(200), {"Content-Type": "text/html"}),
        Reply(200, b"", {}),
        Reply(204),
        json_reply([]),
        json_reply("hello"),
        json_reply({"hello": "world"}),
    ],
    ids=["web page", "empty", "204", "list", "text", "another service"],
)
def test_what_is_no_scim_service_is_told_by_check_and_find(reply: Reply) -> None:
    with answering(reply) as (scim, _):
        with pytest.raises(Misconfigured, match="it is not a SCIM service"):
            scim.check()
        with pytest.raises(Unavailable):
            find(scim)


@pytest.mark.parametrize("total", [None, "many", -1])
def test_a_check_does_not_take_just_anything_for_a_list(total: Any) -> None:
    with answering(listing(totalResults=total)) as (scim, _), pytest.raises(Misconfigured):
        scim.check()


# ------------------------------------------------------------------------------ answers to writes


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("said", [{}, {"id": ""}, {"id": None}, {"userName": ANN}, [], "made", 7])
def test_a_new_account_without_an_id_must_be_looked_up(status: int, said: Any) -> None:
    with (
        answering(json_reply(said, status=status)) as (scim, _),
        pytest.raises(Unavailable) as error,
    ):
        create(scim)
    assert "did not say which id it has" in str(error.value)


@pytest.mark.parametrize("reply", [Reply(201), Reply(204)], ids=["empty 201", "204"])
def test_a_new_account_without_an_answer_must_be_looked_up(reply: Reply) -> None:
    with answering(reply) as (scim, _), pytest.raises(Unavailable):
        create(scim)


@pytest.mark.parametrize("status", [200, 201, 202])
@calls(*WRITES)
def test_a_web_page_is_no_answer_to_a_write(call: Call, status: int) -> None:
    reply = Reply(*html(status), {"Content-Type": "text/html"})
    with answering(reply) as (scim, _), pytest.raises(Unavailable) as caught:
        call(scim)
    assert "A web page came back" in str(caught.value)
    assert caught.value.http_status == status


@calls(*WRITES)
def test_half_an_answer_to_a_write_leaves_it_in_doubt(call: Call) -> None:
    """bad-input-9"""
    cut = (
        b'HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id'
    )
    with RawServer(send(cut)) as server, pytest.raises(Unavailable, match="broke off"):
        call(connected(server.url))


@pytest.mark.parametrize("reply", [Reply(204), Reply(200), json_reply({})], ids=str)
@calls(*ON_ACCOUNT)
def test_an_account_need_not_come_back_after_a_change(call: Call, reply: Reply) -> None:
    with answering(reply) as (scim, server):
        assert call(scim) is None
    assert len(server.requests) == 1


HELD = {"id": "7", "userName": ANN, "name": {"givenName": "Anna"}, "active": "False"}


@calls("update", "deactivate", "reactivate")
def test_an_account_that_comes_back_after_a_change_is_told(call: Call) -> None:
    with answering(json_reply(HELD)) as (scim, _):
        shown = call(scim)
    assert isinstance(shown, RemoteAccount)
    assert (shown.remote_id, shown.active, shown.tells_active) == ("7", False, True)


@pytest.mark.parametrize(
    "said", [HELD | {"id": "8"}, {"id": "7"}, {"Operations": [{"op": "replace"}]}, [HELD], "7"]
)
@calls("update", "deactivate", "reactivate")
def test_what_is_not_the_whole_account_proves_nothing(call: Call, said: Any) -> None:
    with answering(json_reply(said)) as (scim, _):
        assert call(scim) is None


@calls(*WRITES)
def test_8_what_is_taken_for_later_is_a_promise_whatever_it_shows(call: Call) -> None:
    with answering(json_reply(HELD, status=202)) as (scim, server):
        with pytest.raises(Promised, match="took it for later"):
            call(scim)
        assert len(server.requests) == 1
