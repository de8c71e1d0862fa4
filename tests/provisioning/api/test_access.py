"""Who may use the API, and for what: tokens, operators, and nobody else (bad inputs 134, 135)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, OperationalError
from django.test import Client

from iam import tokens
from iam.models import ApiToken, Operator, Scope, User
from provisioning.api import problems
from tests.provisioning.api import V1, Program, pointers, program

USERS = "/users/"


def granted(operator: Operator, *codenames: str) -> Operator:
    operator.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return operator


@pytest.fixture
def clerk(db: None) -> Operator:
    return Operator.objects.create_user("clerk", is_staff=True)


def _revoked(owner: Operator) -> None:
    tokens.revoke(ApiToken.objects.all())


def _switched_off(owner: Operator) -> None:
    Operator.objects.filter(pk=owner.pk).update(is_active=False)


def _no_staff(owner: Operator) -> None:
    Operator.objects.filter(pk=owner.pk).update(is_staff=False)


@pytest.mark.parametrize("end", [_revoked, _switched_off, _no_staff])
def test_bad_input_135_a_token_that_was_ended_is_refused_and_that_is_logged_without_it(
    chief: Operator, end: Callable[[Operator], None], caplog: pytest.LogCaptureFixture
) -> None:
    api = program(chief)
    assert api.get(USERS).status_code == 200
    end(chief)
    refused = api.get(USERS)
    assert (refused.status_code, pointers(refused)) == (401, [])
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="Gatehouse"'
    (line,) = [record.getMessage() for record in caplog.records if "was refused" in record.msg]
    assert "“test”" in line
    assert api.headers["Authorization"].split()[1] not in caplog.text


def test_bad_input_135_a_token_that_has_ended_is_refused(
    api: Program, later: Callable[..., None]
) -> None:
    later(hours=23)
    assert api.get(USERS).status_code == 200
    later(hours=2)
    refused = api.get(USERS)
    assert refused.status_code == 401
    assert "ended on" in refused.json()["detail"]


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer gh_x", "Basic Y2hpZWY6eA==", "Token {}", "{}", "Bearer {} {}"],
)
def test_bad_input_135_whatever_is_no_token_of_ours_is_refused(api: Program, header: str) -> None:
    secret = api.headers["Authorization"].split()[1]
    api.headers = {"Authorization": header.format(secret, secret)}
    assert api.get(USERS).status_code == 401


@pytest.mark.parametrize("name", ["token", "access_token", "api_key"])
def test_bad_input_135_a_token_in_the_address_is_never_taken(api: Program, name: str) -> None:
    secret = api.headers["Authorization"].split()[1]
    assert Program().get(USERS, **{name: secret}).status_code == 401
    # Not beside a header either.
    assert pointers(api.get(USERS, **{name: secret})) == [name]


def test_bad_input_135_a_token_can_do_no_more_than_its_scopes_and_its_operator(
    clerk: Operator,
) -> None:
    granted(clerk, "view_user", "add_user")
    assert program(clerk, Scope.PEOPLE).get(USERS).status_code == 403
    reads = program(clerk, Scope.READ)
    refused = reads.post(USERS, {"username": "eve"})
    assert (refused.status_code, "scope “people”" in refused.json()["detail"]) == (403, True)
    both = program(clerk)
    assert both.post(USERS, {"username": "eve"}).status_code == 201
    refused = both.delete(f"/users/{User.objects.get().pk}/")
    assert (refused.status_code, "“iam.delete_user”" in refused.json()["detail"]) == (403, True)
    assert both.get("/groups/").status_code == 403


def test_the_last_use_is_written_at_most_once_a_minute(
    api: Program, later: Callable[..., None]
) -> None:
    api.get(USERS)
    first = ApiToken.objects.get().last_used_at
    later(seconds=30)
    api.get(USERS)
    assert ApiToken.objects.get().last_used_at == first
    later(seconds=40)
    api.get(USERS)
    now = ApiToken.objects.get().last_used_at
    assert first is not None and now is not None and now > first


def test_only_a_hash_of_a_token_is_kept(api: Program) -> None:
    secret = api.headers["Authorization"].split()[1]
    (row,) = ApiToken.objects.values()
    assert secret not in str(row)
    assert secret.startswith(row["hint"]) and len(row["hint"]) == 7


def test_bad_input_134_an_operator_in_a_browser_reads_but_writes_only_with_the_csrf_token(
    chief: Operator,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(chief)
    page = client.get(V1 + USERS, headers={"Accept": "application/json"})
    assert page.status_code == 200
    body = '{"username": "eve"}'
    refused = client.post(V1 + USERS, body, "application/json")
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    client.get("/admin/password_change/")
    token = client.cookies["csrftoken"].value
    made = client.post(V1 + USERS, body, "application/json", headers={"X-CSRFToken": token})
    assert made.status_code == 201


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 201),
        ("application/json; charset=utf-8", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/xml", 415),
    ],
)
def test_bad_input_134_only_json_is_read(api: Program, content_type: str, status: int) -> None:
    answer = api.client.generic(
        "POST", V1 + USERS, '{"username": "eve"}', content_type, headers=api.headers
    )
    assert (answer.status_code, User.objects.exists()) == (status, status == 201)


@pytest.mark.parametrize("method", ["TRACE", "PUT", "OPTIONS", "CONNECT", "PROPFIND"])
def test_bad_input_134_other_methods_are_refused(api: Program, method: str) -> None:
    refused = api.send(method, USERS)
    assert (refused.status_code, pointers(refused)) == (405, [])
    assert "POST" in refused.headers["Allow"]


def test_bad_input_134_a_header_does_not_make_one_method_another(api: Program, ann: User) -> None:
    override = {"X_HTTP_Method_Override": "DELETE"}
    assert api.post(f"/users/{ann.pk}/", {}, **override).status_code == 405
    assert api.send("GET", f"/users/{ann.pk}/", **override).status_code == 200
    assert User.objects.exists()


def test_too_many_requests_in_a_minute_wait(
    api: Program, chief: Operator, settings: Any, later: Callable[..., None]
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    later(minutes=5)
    assert [api.get(USERS).status_code for _ in range(3)] == [200, 200, 429]
    refused = api.get(USERS)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert program(chief).get(USERS).status_code == 200
    later(minutes=1)
    assert api.get(USERS).status_code == 200


def test_a_failure_of_ours_is_told_without_its_inside(
    api: Program, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    # A setting that nobody can enter, for want of a bug.
    settings.API_REQUESTS_PER_MINUTE = "many"
    refused = api.get(USERS)
    assert (refused.status_code, pointers(refused)) == (500, [])
    assert "TypeError" not in refused.content.decode()
    assert "TypeError" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"), [(IntegrityError("x"), 409), (OperationalError("x"), 503)]
)
def test_what_the_database_refuses_is_told_without_its_inside(
    error: Exception, status: int
) -> None:
    response = problems.answer(error, {})
    assert (response.status_code, "x" in response.data["detail"].split()) == (status, False)
    assert ("Retry-After" in response) == (status == 503)


def test_an_address_that_is_not_there_is_a_problem_too(api: Program) -> None:
    for path in ("/nothing/", "/users/0/", f"/users/{'9' * 18}/", "/users/x/", "/users/1"):
        refused = api.get(path)
        assert (refused.status_code, pointers(refused)) == (404, []), path
    assert Program().get("/nothing/").status_code == 401
