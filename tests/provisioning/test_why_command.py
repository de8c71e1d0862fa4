"""`manage.py why` tells what `why` found, in words and in JSON, and how it ended in its status."""

import pytest
from django.core.management import CommandError

from iam.models import Group, User
from provisioning.models import App
from tests.conftest import MakeApp
from tests.support.commands import give, given
from tests.support.faulty import FaultyScim


@pytest.fixture
def app(make_app: MakeApp, faulty: FaultyScim, sales: Group) -> App:
    return make_app(faulty, group=sales)


def test_it_answers_in_sentences_and_with_0(app: App, ann: User) -> None:
    status, said = give("why", "ANN@example.org", "zoom")
    assert status == 0
    assert "Ann Ash (ann@example.org) should have an account in Zoom." in said
    assert "userName = ann@example.org, from Username (sent last: nothing)" in said
    assert "active = yes, from Active" in said


def test_without_an_application_it_answers_for_each_in_json(
    app: App, make_app: MakeApp, faulty: FaultyScim, ann: User
) -> None:
    make_app(faulty, name="Slack")
    found = given("why", ann.username)
    assert [(each["app"], each["wanted"]) for each in found] == [("Slack", False), ("Zoom", True)]
    assert found[1]["ways"] == [{"policy": "Zoom for Sales", "enabled": True, "groups": ["Sales"]}]


def test_a_person_who_was_deleted_is_still_answered_for(app: App, ann: User) -> None:
    ann.delete()
    assert "The person was deleted here" in give("why", "ann@example.org")[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["an"], "Did you mean “ann@example.org”"),
        (["nobody"], "There is nobody with the user name “nobody”."),
        (["ann@example.org", "Slack"], "There is “Zoom”"),
    ],
)
def test_a_wrong_name_is_2_and_says_which_there_are(
    app: App, ann: User, arguments: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence) as failed:
        give("why", *arguments)
    assert failed.value.returncode == 2


def test_a_name_cannot_command_the_terminal(app: App, ann: User) -> None:
    User.objects.update(title="\x1b[2J")
    app.mappings.create(target="title", source="title")
    assert "\x1b" not in give("why", ann.username)[1]
