"""Targets that take one spelling only, say “taken” in a way of their own, or are overtaken."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from provisioning.connectors.gitlab import GitLab
from provisioning.connectors.scim import Scim
from provisioning.connectors.zoom import Zoom
from provisioning.errors import AlreadyExists, Misconfigured, Rejected, Unavailable
from tests.provisioning.connectors.calls import (
    ANN,
    SECRET,
    Call,
    answering,
    calls,
    create,
    find,
    update,
)
from tests.support.faulty import html
from tests.support.servers import HttpServer, Reply, json_reply

USER = {"id": "7", "userName": ANN, "active": True, "meta": {"version": 'W/"1"'}}
Answer = Callable[[str, dict[str, Any], Mapping[str, str]], Reply]


@contextmanager
def target(
    said: Answer, kind: type[Scim] = Scim, **learned: str
) -> Iterator[tuple[Scim, HttpServer]]:
    """A connector for a server that answers the method, the body and the headers in this way."""

    def handle(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        return said(method, json.loads(body or "{}"), headers)

    with HttpServer(handle) as server:
        config = {"base_url": server.url, "token": SECRET, "auth": "bearer"}
        scim = kind("Crew", config, internal=True)
        yield scim.asking(lambda: None, learned=learned), server
        scim.close()


def refuse(said: str, status: int = 400) -> Reply:
    return json_reply({"detail": said}, status=status)


def lessons(scim: Scim) -> dict[str, str]:
    return {lesson.flag: lesson.value for lesson in scim.lessons}


# ----------------------------------------------------------------------------------- spelling


def entra_only(method: str, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
    """Takes “Replace” and "True", as a target that was tested with Entra alone."""
    for operation in body.get("Operations", []):
        if operation["op"] != operation["op"].capitalize():
            return refuse(f"Unknown op “{operation['op']}”.")
    switches = [body.get("active"), *(each.get("value") for each in body.get("Operations", []))]
    if any(isinstance(value, bool) for value in switches):
        return refuse("Cannot convert a boolean value to System.String.")
    return json_reply(USER, status=201 if method == "POST" else 200)


def test_a_target_that_was_tested_with_entra_alone_is_written_to_as_entra_does() -> None:
    with target(entra_only) as (scim, server):
        scim.deactivate("7")
        assert lessons(scim) == {"ops": "capital", "booleans": "text"}
        assert "Unknown op" in scim.lessons[0].evidence
        sent = [json.loads(request.body)["Operations"][0] for request in server.requests]
        assert [operation["op"] for operation in sent] == ["replace", "Replace", "Replace"]
        assert sent[-1]["value"] == "False"
        server.requests.clear()
        update(scim)
        create(scim)
        scim.reactivate("7")
    assert len(server.requests) == 3


def test_a_kind_may_begin_with_another_spelling() -> None:
    with target(entra_only, GitLab) as (scim, server):
        update(scim)
    assert len(server.requests) == 1


def test_what_is_refused_in_every_spelling_is_told_as_at_first_and_teaches_nothing() -> None:
    replies = iter([refuse("Bad op: too long."), refuse("Something else.")])
    with target(lambda *_: next(replies)) as (scim, _):
        with pytest.raises(Rejected, match="Bad op: too long"):
            update(scim)
        assert lessons(scim) == {}


def test_an_answer_that_is_lost_in_another_spelling_is_lost() -> None:
    replies = iter([refuse("Unknown op.")])
    with target(lambda *_: next(replies)) as (scim, _), pytest.raises(Unavailable):
        update(scim)


# -------------------------------------------------------------------------- whether it is taken


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param(409, {"scimType": "uniqueness"}, id="bad-input-51"),
        pytest.param(409, {"detail": "No."}, id="bad-input-52 409"),
        pytest.param(400, {"detail": "User already exists."}, id="bad-input-52 400"),
        pytest.param(400, {"detail": "E-mail has already been taken"}, id="bad-input-52 taken"),
        pytest.param(422, {"code": 1, "message": "Must be unique"}, id="bad-input-52 422"),
        pytest.param(500, {"detail": "Duplicate key"}, id="bad-input-52 500"),
        pytest.param(400, "Duplicate entry", id="bad-input-52 text"),
    ],
)
def test_that_an_account_is_there_already_is_understood(status: int, said: Any) -> None:
    with target(lambda *_: json_reply(said, status=status)) as (scim, _):
        with pytest.raises(AlreadyExists):
            create(scim)
        assert lessons(scim) == ({} if status == 409 else {"taken": str(status)})


@pytest.mark.parametrize("said", ["duplicate@example.org is no address.", "It does not exist."])
def test_a_word_in_a_value_does_not_make_it_taken(said: str) -> None:
    with target(lambda *_: refuse(said)) as (scim, _), pytest.raises(Rejected):
        create(scim)


def test_an_error_of_its_own_after_a_change_is_never_taken_for_a_taken_name() -> None:
    with target(lambda *_: refuse("Duplicate key", 500)) as (scim, _), pytest.raises(Unavailable):
        update(scim)


# --------------------------------------------------------------------------- who is not there


def test_404_to_a_search_means_nobody_at_zoom() -> None:
    with target(lambda *_: refuse("Not found.", 404), Zoom) as (scim, _):
        assert find(scim) == []
        with pytest.raises(Misconfigured):
            scim.check()
        with pytest.raises(Misconfigured):
            create(scim)


@pytest.mark.parametrize(
    ("kind", "reply"),
    [
        (Scim, refuse("Not found.", 404)),
        (Zoom, Reply(*html(404), {"Content-Type": "text/html"})),
        (Zoom, Reply(404)),
    ],
    ids=["another kind", "a web page", "nothing"],
)
def test_any_other_404_to_a_search_means_a_wrong_address(kind: type[Scim], reply: Reply) -> None:
    with target(lambda *_: reply, kind) as (scim, _), pytest.raises(Misconfigured):
        find(scim)


def test_400_to_a_search_at_zoom_never_means_nobody() -> None:
    said = "User ann not exist or not belong to this account."
    with (
        target(lambda *_: refuse(said), Zoom) as (scim, _),
        pytest.raises(Rejected, match="open invitation"),
    ):
        find(scim)


# ----------------------------------------------------------------------------- whether it is active


@pytest.mark.parametrize(
    ("told", "active"),
    [
        pytest.param(False, False, id="bad-input-72 false"),
        pytest.param("False", False, id="bad-input-72 False as text"),
        pytest.param("true", True, id="bad-input-72 true as text"),
        # No value and null mean the same (RFC 7643 2.5), and an account without it is in use.
        pytest.param(None, True, id="bad-input-72 null"),
    ],
)
def test_whether_an_account_is_active_is_read_in_every_form(told: Any, active: bool) -> None:
    with target(lambda *_: json_reply({**USER, "active": told})) as (scim, _):
        assert scim.get("7", set()).active is active


@pytest.mark.parametrize(
    "told", [0, 1, "no", "", [], "0"], ids=lambda told: f"bad-input-72 {told!r}"
)
def test_what_is_neither_yes_nor_no_is_not_guessed(told: Any) -> None:
    user = {**USER, "active": told}
    with (
        target(lambda *_: json_reply(user)) as (scim, _),
        pytest.raises(Rejected, match="neither yes nor no"),
    ):
        scim.get("7", set())
    listed = {"totalResults": 1, "Resources": [user]}
    with target(lambda *_: json_reply(listed)) as (scim, _):
        with pytest.raises(Rejected, match="neither yes nor no"):
            find(scim)
        page = scim.list_accounts(set(), position="")
        assert (page.accounts, page.returned) == ([], 1)


# ---------------------------------------------------------------------------------- overtaken


class Overtaken:
    """Refuses changes to an older version; somebody else makes so many changes meanwhile."""

    def __init__(self, others: int) -> None:
        self.others, self.version, self.versions = others, 1, list[str | None]()

    def __call__(self, method: str, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        if method == "GET":
            shown = {**USER, "meta": {"version": f'W/"{self.version}"'}}
            if self.others:
                self.others -= 1
                self.version += 1
            return json_reply(shown)
        self.versions.append(headers.get("If-Match"))
        if headers.get("If-Match") not in {None, f'W/"{self.version}"'}:
            return refuse("Changed meanwhile.", 412)
        return json_reply(USER)


@pytest.mark.parametrize("form", ["put", "patch_whole"])
def test_bad_input_46_a_change_that_was_overtaken_is_made_anew(form: str) -> None:
    server = Overtaken(others=2)
    with target(server, etag="yes", update=form) as (scim, _):
        update(scim)
    assert server.versions == ['W/"1"', 'W/"2"', 'W/"3"']


def test_bad_input_46_a_change_that_is_always_overtaken_is_given_up() -> None:
    server = Overtaken(others=99)
    with (
        target(server, etag="yes", update="put") as (scim, _),
        pytest.raises(Rejected, match="Changed meanwhile"),
    ):
        update(scim)
    assert len(server.versions) == 3


def test_bad_input_46_without_etags_no_version_is_named() -> None:
    server = Overtaken(others=0)
    with target(server, update="put") as (scim, _):
        update(scim)
    assert server.versions == [None]


# ------------------------------------------------------------------------------------- who asks


@calls()
def test_every_request_names_the_product_and_its_version(call: Call) -> None:
    with answering(json_reply({**USER, "totalResults": 0})) as (scim, server):
        call(scim)
    for request in server.requests:
        name, _, version = request.headers["User-Agent"].partition("/")
        assert name == "Gatehouse"
        assert version.split(".")[0].isdigit()


# --------------------------------------------------------------------------- what errors look like


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        pytest.param(
            Reply(400, b"<?xml version='1.0'?><e>no</e>", {"Content-Type": "application/json"}),
            "error 400",
            id="bad-input-18",
        ),
        pytest.param(json_reply([1], status=400), r"error 400\)\. Correct", id="bad-input-26 list"),
        pytest.param(json_reply(7, status=400), r"error 400\)\. Correct", id="bad-input-26 number"),
        pytest.param(json_reply(None, status=400), r"error 400\)\.", id="bad-input-26 null"),
        pytest.param(refuse("x" * 100_000), "“x{500}”", id="bad-input-78 long"),
        pytest.param(
            json_reply({"detail": "<script>alert(1)</script>\u202e\n\x1b[31m"}, status=400),
            r"“<script>alert\(1\)</script> \[31m”",
            id="bad-input-78 script",
        ),
        pytest.param(
            json_reply({"Errors": {"code": 400, "description": "no_nickname"}}, status=400),
            "“no_nickname”",
            id="Slack",
        ),
        pytest.param(
            json_reply(
                {"code": 300, "message": "Failed.", "errors": [{"field": "a", "message": "Long."}]},
                status=400,
            ),
            "“Failed. Long.”",
            id="Zoom",
        ),
        pytest.param(Reply(400, b"No such plan"), "“No such plan”", id="text"),
        pytest.param(json_reply({"error": "bad_plan"}, status=400), "“bad_plan”", id="error"),
        pytest.param(
            json_reply({"error": {"message": "Bad plan"}}, status=400), "“Bad plan”", id="in error"
        ),
    ],
)
def test_an_error_is_told_in_the_words_of_the_application(reply: Reply, sentence: str) -> None:
    with target(lambda *_: reply) as (scim, _), pytest.raises(Rejected, match=sentence):
        create(scim)
