"""/healthz tells whoever watches whether everything works, and why not, even with no database."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.db import connections
from django.test import Client
from django.utils import timezone

from iam.models import Group, User
from provisioning import serving
from provisioning.heartbeat import Heartbeat
from provisioning.models import Account, App, Guard, Lane, Worker
from tests.conftest import MakeApp
from tests.support import portal
from tests.support.faulty import FaultyScim
from tests.support.threads import eventually

Later = Callable[..., None]


@pytest.fixture
def alive(db: None) -> None:
    """A worker was heard of just now."""
    Heartbeat("a-worker").beat()


@pytest.fixture
def database_away(db: None) -> Iterator[None]:
    """Where the database was there is nothing any more."""
    held = connections["default"]
    address = connections.databases["default"]
    before = dict(address)
    if held.vendor == "sqlite":
        address["NAME"] = "/nowhere/gatehouse.sqlite3"
    else:
        address["PORT"] = serving.free_port(0)
    del connections["default"]
    try:
        yield
    finally:
        connections["default"].close()
        address.update(before)
        connections["default"] = held


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


@pytest.fixture
def waiting(alive: None, app: App, ann: User) -> Account:
    """Ann's account, which has waited to be made for 16 minutes although nothing hinders."""
    Lane.objects.create(app=app)
    Account.objects.update(due_at=timezone.now() - timedelta(minutes=16))
    return Account.objects.get()


def asked(client: Client, **headers: str) -> tuple[int, dict[str, Any]]:
    response = client.get("/healthz", headers=headers)
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, response.json()


# --------------------------------------------------------------------------------------- well


def test_it_is_well_with_a_worker_and_nothing_due(client: Client, alive: None) -> None:
    status, told = asked(client)
    assert status == 200
    assert told.pop("worker")["seen_seconds_ago"] in range(5)
    assert told == {"status": "ok", "database": "ok", "oldest_due_seconds": 0, "problems": []}


def test_it_is_well_while_something_has_just_become_due(
    client: Client, alive: None, app: App, ann: User, later: Later
) -> None:
    later(seconds=50)
    status, told = asked(client)
    assert status == 200
    assert told["oldest_due_seconds"] in range(50, 60)


def test_what_is_for_later_is_not_due(client: Client, waiting: Account) -> None:
    Account.objects.update(due_at=timezone.now() + timedelta(days=30))
    assert asked(client)[1]["oldest_due_seconds"] == 0


# ------------------------------------------------------------------------------------- failing


def test_without_any_worker_it_fails_and_says_what_to_start(client: Client, db: None) -> None:
    status, told = asked(client)
    assert (status, told["status"]) == (503, "failing")
    assert told["worker"] == {"seen_seconds_ago": None}
    (problem,) = told["problems"]
    assert "No worker is running" in problem
    assert "manage.py worker" in problem


@pytest.mark.parametrize(("seconds", "status"), [(55, 200), (65, 503)])
def test_a_worker_that_falls_silent_is_missed_after_a_minute(
    client: Client, alive: None, later: Later, seconds: int, status: int
) -> None:
    later(seconds=seconds)
    assert asked(client)[0] == status


def test_one_of_two_workers_is_enough(client: Client, alive: None, later: Later) -> None:
    later(minutes=5)
    Heartbeat("another").beat()
    assert asked(client)[0] == 200


def test_what_waits_too_long_is_told(client: Client, waiting: Account) -> None:
    status, told = asked(client)
    assert status == 503
    assert told["oldest_due_seconds"] in range(960, 970)
    assert [problem[:19] for problem in told["problems"]] == ["A change has waited"]


def paused(account: Account) -> None:
    App.objects.update(paused=True)


def held(account: Account) -> None:
    Account.objects.update(guard=Guard.HELD)


def resting(account: Account) -> None:
    Lane.objects.update(paused_until=timezone.now() + timedelta(minutes=1))


def stopped_between_two_rests(account: Account) -> None:
    Lane.objects.update(problem="Zoom did not accept the token.")


def not_answering_between_two_rests(account: Account) -> None:
    Lane.objects.update(rests=1)


@pytest.mark.parametrize(
    "hindered", [paused, held, resting, stopped_between_two_rests, not_answering_between_two_rests]
)
def test_what_may_not_be_worked_on_is_nobodys_fault(
    client: Client, waiting: Account, hindered: Callable[[Account], None]
) -> None:
    hindered(waiting)
    status, told = asked(client)
    assert (status, told["oldest_due_seconds"]) == (200, 0)


# -------------------------------------------------------------------------------- no database


def test_without_the_database_it_says_so(client: Client, database_away: None) -> None:
    status, told = asked(client)
    assert status == 503
    assert told["database"] == "failing"
    assert told["worker"] == {"seen_seconds_ago": None}
    assert told["oldest_due_seconds"] is None
    assert "The database does not answer" in told["problems"][0]


def test_without_the_database_it_tells_somebody_who_is_signed_in_too(
    admin_client: Client, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("database_away")
    assert asked(admin_client)[0] == 503


# --------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize("host", ["10.1.2.3:8000", "localhost", "a-name-that-is-not-allowed"])
def test_a_probe_may_call_the_portal_what_it_likes(client: Client, alive: None, host: str) -> None:
    assert asked(client, host=host)[0] == 200


def test_a_probe_need_not_come_over_https(alive: None, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    client = Client()
    assert client.get("/admin/").status_code == 301
    assert asked(client)[0] == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_it_can_only_be_read(client: Client, alive: None, method: str) -> None:
    response = getattr(client, method)("/healthz")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_the_status_alone_can_be_asked_for(client: Client, alive: None) -> None:
    response = client.head("/healthz")
    assert (response.status_code, response.content) == (200, b"")


def test_an_answer_is_not_kept_and_is_guarded_like_a_page(client: Client, alive: None) -> None:
    headers = client.get("/healthz").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers


def test_a_stranger_learns_of_no_person_application_or_secret(
    client: Client, waiting: Account, faulty: FaultyScim
) -> None:
    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=1))
    told = client.get("/healthz").content.decode()
    assert "A change has waited" in told
    for secret in ("ann", "Zoom", faulty.token, faulty.base_url, "a-worker"):
        assert secret not in told


def test_it_asks_three_questions_however_much_there_is(
    client: Client, waiting: Account, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(3):
        asked(client)


# ------------------------------------------------------------------------------ a real portal


def test_a_portal_is_well_until_its_database_is_taken_away(tmp_path: Path) -> None:
    with portal.running(tmp_path) as running:

        def status() -> int:
            return requests.get(f"{running.address}/healthz", timeout=30).status_code

        assert eventually(lambda: status() == 200)
        assert requests.head(f"{running.address}/healthz", timeout=30).text == ""
        for file in tmp_path.glob("gatehouse.sqlite3*"):
            file.unlink()
        assert status() == 503
