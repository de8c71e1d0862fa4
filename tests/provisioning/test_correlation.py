"""One id leads from a row of the report to the requests it stands for, and to the log."""

from collections.abc import Callable
from typing import Any

import pytest

from iam.models import Group, User
from provisioning import apps_setup, correlation
from provisioning.models import App, Event
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim, answer, lose_answer
from tests.support.servers import HttpServer, Reply, json_reply

Push = Callable[[], None]


def ids(faulty: FaultyScim, about: str = "") -> set[str]:
    """The ids of the requests so far that hold this text."""
    return {
        sent.headers[correlation.HEADER]
        for sent in faulty.requests
        if about in f"{sent.path} {sent.body.decode()}"
    }


def told(user: User) -> list[str]:
    rows = Event.objects.filter(user=user).order_by("pk")
    return list(rows.values_list("correlation_id", flat=True))


# ------------------------------------------------------------------------------------- one job


def test_the_look_up_the_write_and_the_row_have_one_id(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert faulty.journal[-1] == "POST /Users"
    assert len(faulty.journal) >= 2
    (id_,) = ids(faulty)
    assert told(ann) == [id_]
    assert len(id_) == 32
    assert int(id_, 16)


def test_two_people_have_two(
    faulty_app: App, ann: User, bob: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    sales.users.add(bob)
    push()
    for person in (ann, bob):
        assert ids(faulty, about=person.username.split("@")[0]) == set(told(person))
    assert told(ann) != told(bob)


def test_a_second_attempt_has_another(
    faulty_app: App,
    ann: User,
    faulty: FaultyScim,
    push: Push,
    later: Callable[..., None],
) -> None:
    faulty.on("POST", lose_answer, times=1)
    push()
    faulty.requests.clear()
    later(minutes=5)
    push()
    first, second = told(ann)
    assert first != second
    assert ids(faulty) == {second}


def test_a_create_that_met_an_account_keeps_its_id_for_the_second_look(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.hidden.add(str(faulty.add(ann.username)["id"]))
    push()
    assert faulty.journal.index("POST /Users") < len(faulty.journal) - 1
    assert ids(faulty) == set(told(ann))


@pytest.mark.parametrize("status", [400, 403, 429, 500])
def test_a_failure_has_the_id_of_its_request(
    faulty_app: App, ann: User, faulty: FaultyScim, push: Push, status: int
) -> None:
    faulty.on("*", answer(status))
    push()
    assert set(told(ann)) == ids(faulty)


# ---------------------------------------------------------------------------------- beside jobs


def test_the_fetch_of_a_token_carries_the_id_of_the_job_that_needs_it(
    make_app: MakeApp, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    def give_token(method: str, path: str, headers: Any, body: bytes) -> Reply:
        return json_reply({"access_token": faulty.token, "expires_in": 3600})

    with HttpServer(give_token) as sign_in:
        app = make_app(faulty, kind="zoom", group=sales)
        credentials = {"account_id": "a", "client_id": "c", "token_url": sign_in.url}
        app.settings = {"base_url": faulty.base_url, "auth": "oauth", **credentials}
        apps_setup.configure(
            app, settings=app.settings, secrets={"client_secret": "secret"}, features=app.features
        )
        app.save()
        push()
        (asked,) = sign_in.requests
    assert [asked.headers[correlation.HEADER]] == told(ann)


def test_a_test_of_the_connection_has_an_id_too(faulty_app: App, faulty: FaultyScim) -> None:
    assert apps_setup.check_connection(faulty_app)[0]
    assert apps_setup.check_connection(faulty_app)[0]
    assert len(ids(faulty)) == 2


def test_after_a_job_its_id_is_forgotten() -> None:
    with pytest.raises(ZeroDivisionError), correlation.working_on({"correlation_id": "abc"}):
        assert correlation.current() == "abc"
        raise ZeroDivisionError
    assert correlation.current() != correlation.current()
