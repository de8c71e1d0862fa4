"""`manage.py certificate` and `remove-everywhere`: what they say, do, and end with."""

from collections.abc import Callable

import pytest
from django.core.management.base import CommandError

from iam.models import Group, Operator, User
from provisioning.models import App, Leaving
from tests.conftest import MakeApp
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim

Push = Callable[[], None]
REMOVE = ("remove-everywhere", "ann@example.org")
DO = (*REMOVE, "--reason", "Left.", "--by", "admin", "--yes")


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group, ann: User, push: Push) -> App:
    """Ann has an account."""
    app = make_app(faulty, group=sales)
    push()
    return app


def test_removing_says_what_would_happen_and_does_it_when_asked(
    app: App, ann: User, admin_user: Operator, push: Push
) -> None:
    status, said = give(*REMOVE, "--preview")
    assert status == 0
    assert "would be switched off and taken out of “Sales”" in said
    assert (
        "Zoom: Within seconds. The account “ann@example.org” would be switched off in Zoom" in said
    )
    assert not Leaving.objects.exists()
    assert give(*DO)[0] == 0
    assert Leaving.objects.get().by == "admin"
    status, said = give("certificate", "ANN@example.org")
    assert (status, "1 of 1 application is outstanding: Zoom." in said) == (3, True)
    push()
    status, said = give("certificate", "ann@example.org")
    assert (status, "All access of Ann Ash is removed" in said) == (0, True)
    assert "Zoom: Removed, verified. Account switched off on " in said
    assert "set off by admin" in said


def test_what_waits_is_told_by_the_exit_status(app: App, ann: User, admin_user: Operator) -> None:
    App.objects.update(paused=True)
    assert give(*REMOVE, "--preview")[0] == 3
    assert give(*DO)[0] == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("remove-everywhere", "nobody"), "There is nobody with the user name"),
        (REMOVE, "give with --by the name of an operator"),
        ((*REMOVE, "--by", "clerk", "--reason", "x", "--yes"), "give with --by the name"),
        ((*REMOVE, "--by", "admin", "--yes"), "give one with --reason"),
        ((*REMOVE, "--by", "admin", "--reason", "x"), "say --yes"),
        (("certificate", "nobody"), "There is nobody with the user name"),
    ],
)
def test_given_in_the_wrong_way_nothing_is_done(
    app: App, admin_user: Operator, arguments: tuple[str, ...], said: str
) -> None:
    Operator.objects.create_user("clerk", is_staff=True)
    with pytest.raises(CommandError, match=said) as wrong:
        give(*arguments)
    assert wrong.value.returncode == 2
    assert not Leaving.objects.exists()


def test_both_answer_programs(app: App, ann: User, admin_user: Operator, push: Push) -> None:
    (told,) = given(*DO)
    assert (told["person"], told["groups"]) == ("ann@example.org", ["Sales"])
    assert [(each["app"], each["operation"], each["outlook"]) for each in told["apps"]] == [
        ("Zoom", "deactivate", "at_once")
    ]
    assert "“Sales”" in told["undoing"]
    push()
    (told,) = given("certificate", "ann@example.org")
    assert told["complete"]
    assert [(each["app_name"], each["standing"]) for each in told["lines"]] == [
        ("Zoom", "verified")
    ]


def test_of_somebody_who_was_deleted_here_it_tells_too(app: App, ann: User, push: Push) -> None:
    ann.delete()
    push()
    status, said = give("certificate", "Ann@example.org")
    assert (status, said.startswith("All access of ann@example.org is removed")) == (0, True)
