"""Bad inputs that no other test is about, by their numbers, and that no number is missed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from iam.models import Group, User
from provisioning.models import App, Mapping, Problem, SourceKind
from tests.conftest import MakeApp, person
from tests.support import bad_inputs
from tests.support.faulty import FaultyScim, answer
from tests.support.looks import account, agree, happened

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


def test_bad_input_59_an_administrators_account_keeps_its_rights(
    app: App, ann: User, sales: Group, faulty: FaultyScim, push: Push
) -> None:
    rights = {"roles": [{"value": "admin", "primary": True}], "userType": "Administrator"}
    there = faulty.add(ann.username, **rights)
    push()
    assert happened(app)[0] == ("adopt", "done")
    faulty.on("PATCH", answer(400, {"detail": "Administrators cannot be switched off."}))
    faulty.on("PUT", answer(400, {"detail": "Administrators cannot be switched off."}))
    sales.users.remove(ann)
    push()
    now = faulty.stored[there["id"]]
    assert {name: now[name] for name in rights} == rights
    assert now["active"] is True
    assert account(app, ann).problem == Problem.REJECTED
    assert "Administrators cannot be switched off." in account(app, ann).message


@pytest.mark.parametrize("whole", [False, True], ids=["PATCH", "PUT"])
def test_bad_input_75_what_nobody_knows_is_neither_kept_here_nor_changed_there(
    app: App, ann: User, faulty: FaultyScim, push: Push, whole: bool
) -> None:
    unknown = {"urn:example:unknown:1.0:User": {"badge": 7, "doors": ["a"]}}
    there = faulty.add(ann.username, **unknown)
    if whole:
        faulty.on("PATCH", answer(501))
    push()
    ann.last_name = "Oak"
    ann.save()
    push()
    now = faulty.stored[there["id"]]
    assert now["name"]["familyName"] == "Oak"
    assert {name: now[name] for name in unknown} == unknown
    assert "unknown" not in str(account(app, ann).applied)
    agree(app, faulty)


# -------------------------------------------------------------------------------- the catalogue

# Protocol, meaning, people and set-up, files of people, then the portal's own pages and API; the
# others are about other parts.
NUMBERS = {*range(1, 112), 122, *range(128, 140)}
NOT_HERE = {95: "People have no first and last day: they are switched on and off."}


def test_every_number_of_the_catalogue_has_a_test(request: pytest.FixtureRequest) -> None:
    items = request.config.stash[bad_inputs.COLLECTED]
    tests = Path(__file__).parents[1]
    parts = ("iam", "provisioning", "reports")
    ours = {path for part in parts for path in (tests / part).rglob("test_*.py")}
    if ours - {item.path for item in items}:
        pytest.skip("Only a run of all tests tells.")
    named = set().union(*map(bad_inputs.numbers, items))
    assert NUMBERS - named == NOT_HERE.keys()
