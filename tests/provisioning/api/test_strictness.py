"""What the API does not understand it refuses and names (bad inputs 128, 130 to 133)."""

import json
from typing import Any

import pytest

from iam.models import Group, Membership, User
from tests.provisioning.api import V1, Program, pointers, program

USERS = "/users/"
FULL = {"username": "eve@example.org"}


@pytest.mark.parametrize(
    "query",
    [
        {"usrname": "ann"},
        {"is_active": "ture"},
        {"is_active": ""},
        {"group": "sales"},
        {"group": "9" * 40},
        {"ordering": "email"},
        {"format": "api"},
        {"username": ["ann", "bob"]},
        {"username": "a\x00"},
    ],
    ids=str,
)
def test_bad_inputs_128_and_131_a_parameter_that_is_not_understood_is_named(
    api: Program, ann: User, query: dict[str, Any]
) -> None:
    refused = api.get(USERS, **query)
    assert (refused.status_code, pointers(refused)) == (400, list(query))


@pytest.mark.parametrize("size", ["0", "-1", "1000000000", "201", "1e2", "", "²", "1.5"])
def test_bad_input_130_a_page_is_never_larger_than_200(api: Program, size: str) -> None:
    assert pointers(api.get(USERS, page_size=size)) == ["page_size"]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "%00", "W10", "WzFd", "Ww", "WyIxIiwgIjIiXQ", "WyJ4Il0", "e30", "W251bGxd", "A" * 999]
    + ["WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", "é"],
)
def test_bad_input_130_a_cursor_that_is_not_from_here_is_refused(api: Program, cursor: str) -> None:
    assert pointers(api.get(USERS, cursor=cursor)) == ["cursor"]


@pytest.mark.parametrize("path", ["/users/?group__name__regex=(a+)%2B$", "/users/?password=x"])
def test_bad_inputs_131_and_132_nothing_can_be_asked_for_that_is_not_listed(
    api: Program, path: str
) -> None:
    refused = api.get(path)
    assert refused.status_code == 400
    assert "Known are: cursor, email, group, is_active, page_size, username" in str(refused.json())


def test_bad_input_132_a_parameter_of_50_kilobytes_and_ten_thousand_ids_are_refused(
    api: Program,
) -> None:
    assert pointers(api.get(USERS, username="x" * 50_000)) == ["username"]
    assert pointers(api.get(USERS, group=",".join(map(str, range(10_000))))) == ["group"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("[]", "one JSON object"),
        ("null", "one JSON object"),
        ('{"username": "a"', "incomplete"),
        ('{"username": "a", "username": "b"}', "“username” twice"),
        ('{"custom": {"a": "1", "a": "2"}}', "“a” twice"),
        ('{"custom": ' * 1_000 + "1" + "}" * 1_000, "nested too deeply"),
        ('{"username": NaN}', "NaN"),
        (b'{"username": "\xff"}', "UTF-8"),
        ('{"username": "\\ud800"}', "half a character"),
    ],
    ids=range(9),
)
def test_bad_input_133_a_body_that_is_no_plain_object_is_refused(
    api: Program, body: str | bytes, told: str
) -> None:
    refused = api.post(USERS, body)
    assert (refused.status_code, pointers(refused)) == (400, [])
    assert told in refused.json()["detail"]
    assert not User.objects.exists()


def test_bad_input_133_a_body_of_more_than_a_megabyte_is_refused(api: Program) -> None:
    refused = api.post(USERS, '{"title": "' + "x" * 1_000_000 + '"}')
    assert (refused.status_code, refused.json()["title"]) == (413, "Request Entity Too Large")


@pytest.mark.parametrize(
    "wrong",
    [
        {"is_superuser": True},
        {"id": 7},
        {"source": "import"},
        {"is_active": "false"},
        {"is_active": 0},
        {"is_active": None},
        {"title": 5},
        {"title": ["x"]},
        {"manager": "1"},
        {"manager": True},
        {"manager": 10**30},
        {"manager": 999},
        {"custom": []},
        {"title": "a\x00b"},
        {"last_name": "x" * 151},
        {"username": "a\u200bb"},
    ],
    ids=str,
)
def test_bad_input_133_a_field_that_is_unknown_or_of_the_wrong_type_is_named(
    api: Program, ann: User, wrong: dict[str, Any]
) -> None:
    refused = api.post(USERS, {**FULL, **wrong})
    assert (refused.status_code, pointers(refused)) == (400, [f"#/{name}" for name in wrong])
    assert pointers(api.patch(f"/users/{ann.pk}/", wrong)) == [f"#/{name}" for name in wrong]
    assert User.objects.count() == 1


@pytest.mark.parametrize("charset", ["latin-1", "utf-16", "x"])
def test_a_body_that_says_it_is_not_in_utf_8_is_refused(api: Program, charset: str) -> None:
    kind = f"application/json; charset={charset}"
    address, body = f"{V1}{USERS}", json.dumps(FULL)
    refused = api.client.generic("POST", address, body, kind, headers=api.headers)
    assert (refused.status_code, pointers(refused)) == (415, [])
    assert "JSON in UTF-8" in refused.json()["detail"]
    assert not User.objects.exists()


def test_a_body_in_utf_16_is_refused_and_one_that_begins_with_a_mark_is_not(api: Program) -> None:
    text = json.dumps(FULL)
    assert "UTF-8" in api.post(USERS, text.encode("utf-16")).json()["detail"]
    assert api.post(USERS, text.encode("utf-8-sig")).status_code == 201


@pytest.mark.parametrize("path", ["/api/", "/api/v2/users/", "/api/nowhere", "/api/v1/%0A"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_whatever_is_not_there_is_said_as_everything_else(
    api: Program, path: str, method: str
) -> None:
    refused = api.client.generic(method, path, "{}", "application/json", headers=api.headers)
    assert (refused.status_code, pointers(refused)) == (404, [])
    assert refused.json()["detail"] == "There is nothing at this address."


def test_the_address_without_its_last_slash_leads_on(api: Program) -> None:
    led = api.client.get("/api/v1", headers=api.headers)
    assert (led.status_code, led.headers["Location"]) == (301, "/api/v1/")


@pytest.mark.parametrize(
    ("method", "headers", "status", "told"),
    [
        ("PUT", {}, 405, "The header Allow says"),
        ("GET", {"Accept": "text/csv"}, 406, "Answers are JSON"),
        ("GET", {"Authorization": ""}, 401, "Authorization: Bearer"),
    ],
)
def test_what_can_be_done_about_it_is_said(
    api: Program, method: str, headers: dict[str, str], status: int, told: str
) -> None:
    sent = {**api.headers, **headers}
    refused = api.client.generic(method, f"{V1}{USERS}", headers=sent)
    assert (refused.status_code, pointers(refused)) == (status, [])
    assert told in refused.json()["detail"]


def test_the_sentence_begins_with_what_it_is_about_only_where_that_has_a_name(
    api: Program, ann: User
) -> None:
    one = api.patch(f"/users/{ann.pk}/", {"title": 5}).json()
    assert one["detail"] == "#/title: Give a text in quotes."
    whole = api.post("/memberships/bulk/", {}).json()
    assert whole["detail"].startswith("Name 1 to 1,000 memberships")
    assert whole["errors"][0]["pointer"] == "#"
    assert api.post(USERS, {"a": 1, "b": 2}).json()["detail"].endswith(" And 1 more error.")


# ---------------------------------------------------------------------------- Idempotency-Key


def test_a_request_that_is_sent_again_with_its_key_is_done_once(
    api: Program, chief: Any, later: Any
) -> None:
    first = api.post(USERS, FULL, Idempotency_Key="a")
    again = api.post(USERS, FULL, Idempotency_Key="a")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert (again.headers.get("Idempotency-Replayed"), User.objects.count()) == ("true", 1)
    other = api.post(USERS, {"username": "other"}, Idempotency_Key="a")
    assert (other.status_code, User.objects.count()) == (422, 1)
    later(hours=24, minutes=-1)
    assert "Idempotency-Replayed" in api.post(USERS, FULL, Idempotency_Key="a").headers
    later(minutes=2)
    api.headers = program(chief).headers
    assert api.post(USERS, {"username": "other"}, Idempotency_Key="a").status_code == 201


def test_what_was_refused_can_be_tried_again_under_the_same_key(api: Program, ann: User) -> None:
    taken = {"username": ann.username}
    assert api.post(USERS, taken, Idempotency_Key="a").status_code == 400
    ann.delete()
    assert api.post(USERS, taken, Idempotency_Key="a").status_code == 201


def test_a_key_is_its_callers_own(api: Program, chief: Any) -> None:
    api.post(USERS, FULL, Idempotency_Key="a")
    assert program(chief).post(USERS, FULL, Idempotency_Key="a").status_code == 400
    assert User.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 201, "é", "a\tb"])
def test_a_key_that_is_none_is_refused(api: Program, key: str) -> None:
    refused = api.post(USERS, FULL, Idempotency_Key=key)
    assert (refused.status_code, pointers(refused)) == (400, ["Idempotency-Key"])


def test_a_bulk_request_that_is_sent_again_puts_nobody_back(
    api: Program, ann: User, bob: User, sales: Group
) -> None:
    body = {"add": [{"user": bob.pk, "group": sales.pk}]}
    first = api.post("/memberships/bulk/", body, Idempotency_Key="a").json()
    Membership.objects.filter(user=bob).delete()
    assert api.post("/memberships/bulk/", body, Idempotency_Key="a").json() == first
    assert not Membership.objects.filter(user=bob).exists()
