"""Accounts that are there already are found by the attributes that the mapping says, in order."""

from collections.abc import Callable
from urllib.parse import unquote_plus

import pytest

from iam.models import Group, User
from provisioning.models import App, Mapping, Match, Problem
from tests.conftest import MakeApp
from tests.support.faulty import FaultyScim, answer, lose_answer
from tests.support.looks import account
from tests.support.target import ENTERPRISE_USER

Push = Callable[[], None]
MAIL = 'emails[type eq "work"].value'
NUMBER = f"{ENTERPRISE_USER}:employeeNumber"


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    """Finds accounts by the employee number, and then by the e-mail address."""
    app = make_app(faulty, group=sales)
    Mapping.objects.create(app=app, target=NUMBER, source="employee_id", match=Match.FIRST)
    mail = app.mappings.get(target=MAIL)
    mail.match = Match.SECOND
    mail.save()
    return app


@pytest.fixture
def numbered(ann: User) -> User:
    ann.employee_id = "007"
    ann.save()
    return ann


def asked(faulty: FaultyScim) -> list[str]:
    """What was searched for, in order."""
    queries = (unquote_plus(each.path).partition("filter=")[2] for each in faulty.requests)
    return [query for query in queries if query]


def with_number(number: str) -> dict[str, object]:
    return {ENTERPRISE_USER: {"employeeNumber": number}}


def test_an_account_is_found_by_the_second_attribute_and_gets_its_new_name(
    app: App, numbered: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add("a.ash", emails=[{"type": "home", "value": numbered.email.upper()}])
    push()
    assert faulty.names() == [numbered.username]
    assert asked(faulty) == [f'{NUMBER} eq "007"', f'emails.value eq "{numbered.email}"']


def test_the_first_attribute_that_finds_somebody_decides(
    app: App, numbered: User, faulty: FaultyScim, push: Push
) -> None:
    faulty.add("older", emails=[{"type": "work", "value": numbered.email}])
    right = faulty.add("newer", **with_number("007"))
    push()
    assert account(app, numbered).remote_id == right["id"]
    assert len(asked(faulty)) == 1


def test_an_attribute_that_the_person_has_not_is_left_out(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    push()
    assert asked(faulty) == [f'emails.value eq "{ann.email}"']
    assert faulty.journal == ["GET /Users", "POST /Users"]


def test_without_any_of_them_the_needed_attribute_is_asked_for(
    app: App, ann: User, faulty: FaultyScim, push: Push
) -> None:
    User.objects.filter(pk=ann.pk).update(email="")
    there = faulty.add(ann.username)
    push()
    assert asked(faulty) == [f'userName eq "{ann.username}"']
    assert account(app, ann).remote_id == there["id"]


def test_several_accounts_are_a_question_for_a_person(
    app: App, numbered: User, faulty: FaultyScim, push: Push
) -> None:
    for name in ("one", "two"):
        faulty.add(name, **with_number("007"))
    push()
    assert account(app, numbered).problem == Problem.CONFLICT
    assert faulty.writes == []


def test_where_one_attribute_cannot_be_searched_for_the_list_is_read(
    app: App, numbered: User, faulty: FaultyScim, push: Push
) -> None:
    refused = answer(400, {"scimType": "invalidFilter", "detail": "No."})
    faulty.on("GET", refused, about="employeeNumber")
    there = faulty.add("a.ash", **with_number("007"))
    push()
    assert account(app, numbered).remote_id == there["id"]
    app.refresh_from_db()
    assert app.learned[f"search.{NUMBER}"]["value"] == "listing"


@pytest.mark.parametrize("status", [400, 500, 503])
def test_nobody_is_created_while_one_of_the_questions_is_open(
    app: App, numbered: User, faulty: FaultyScim, push: Push, status: int
) -> None:
    faulty.on("GET", answer(status, {"detail": "Something is wrong."}), about="emails.value")
    push()
    assert faulty.writes == []
    assert account(app, numbered).problem


def test_a_create_whose_answer_was_lost_is_found_by_what_it_was_looked_for(
    app: App, numbered: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    App.objects.update(connector="zoom")  # keeps no id of ours
    faulty.on("POST", lose_answer, times=1)
    push()
    User.objects.filter(pk=numbered.pk).update(employee_id="008")
    later(minutes=5)
    push()
    (there,) = faulty.users()
    assert there[ENTERPRISE_USER]["employeeNumber"] == "008"
    assert account(app, numbered).origin == "created"


def test_a_stranger_with_the_same_name_is_not_taken_for_a_lost_create(
    app: App, numbered: User, faulty: FaultyScim, push: Push, later: Callable[..., None]
) -> None:
    App.objects.update(connector="zoom")
    stranger = faulty.add(numbered.username)
    faulty.on("POST", lose_answer, times=1)
    push()
    later(minutes=5)
    push()
    assert faulty.users() == [stranger]
    parked = account(app, numbered)
    assert parked.remote_id is None
    assert "another account uses one of these values" in parked.message
