"""Bad inputs about people and mappings that no other test is about, by their numbers."""

from collections.abc import Callable

import pytest

from iam.models import Group, User
from provisioning.models import App, Mapping, SourceKind
from tests.conftest import MakeApp, person
from tests.support.faulty import FaultyScim
from tests.support.looks import account, agree

Push = Callable[[], None]
NAMES = (
    "Zoe\u0308",
    "Zo\u00eb",
    "\U0001f469\u200d\U0001f4bb",
    "\u05e9\u05dc\u05d5\u05dd",
    "\u0e01\u0e33",
    "Łukasz",
    "{{7*7}} ${jndi:ldap://x} %s%n =1+1",
)


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def test_bad_inputs_79_82_and_96_names_arrive_byte_for_byte(
    app: App, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    people = [person(f"p{number}", first_name=each) for number, each in enumerate(NAMES)]
    sales.users.add(*people)
    push()
    there = [faulty.user(user.username)["name"]["givenName"] for user in people]
    assert there == list(NAMES)
    User.objects.filter(pk=people[0].pk).update(first_name=NAMES[1])
    people[0].refresh_from_db()
    people[0].save()
    push()
    assert faulty.user(people[0].username)["name"]["givenName"] == NAMES[1]
    agree(app, faulty)


def test_bad_input_84_a_value_that_a_formula_makes_too_long_parks_one_account(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    source = f"concat({', '.join(['custom.text'] * 5)})"
    Mapping.objects.create(app=app, target="nickName", kind=SourceKind.EXPRESSION, source=source)
    long = person("long", custom={"text": "x" * 1_000})
    sales.users.add(long)
    push()
    assert faulty.active_names() == [ann.username]
    assert "makes a text of more than 4,000 characters" in account(app, long).message
