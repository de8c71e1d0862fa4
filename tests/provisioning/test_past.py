"""Why somebody had an account at a moment in the past, from what was recorded by then."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core.management import CommandError
from django.test import Client
from django.utils import timezone

from iam import actor
from iam.models import Group, Operator, User
from provisioning import past
from provisioning.models import Account, App, Event, Evidence, Policy
from tests.provisioning.admin import visit
from tests.support.commands import give, given

Push = Callable[[], None]
Later = Callable[..., None]


@pytest.fixture
def kind() -> str:
    return "scim"


def told(app: App, moment: datetime, user: User) -> str:
    found = past.why_at(app, moment, user=user)
    return " ".join([*found.state, *found.reasons])


@pytest.fixture
def history(
    faulty_app: App, ann: User, sales: Group, push: Push, later: Later
) -> dict[str, datetime]:
    """Made, changed, switched off and on again, a day apart, and how it was in between."""
    moments = {"before": timezone.now()}
    later(days=1)
    Account.objects.update(due_at=timezone.now())
    push()
    for name, change in [
        ("made", lambda: setattr(ann, "last_name", "Oak") or ann.save()),
        ("changed", lambda: sales.users.remove(ann)),
        ("left", lambda: sales.users.add(ann)),
    ]:
        later(hours=12)
        moments[name] = timezone.now()
        later(hours=12)
        with actor.acting_as("olga"):
            change()
        push()
    later(hours=12)
    moments["back"] = timezone.now()
    return moments


def test_each_moment_is_answered_by_what_was_recorded_until_then(
    history: dict[str, datetime], faulty_app: App, ann: User
) -> None:
    answers = {name: told(faulty_app, moment, ann) for name, moment in history.items()}
    assert "Nothing is recorded of Ann Oak (ann@example.org) in Zoom" in answers["before"]
    way = "In the group “Sales”: the policy “Zoom for Sales” gives that group Zoom."
    assert "The account was there and switched on, since" in answers["made"]
    assert "the person should have an account in Zoom" in answers["made"] and way in answers["made"]
    assert "from “Ash” to “Oak”" in answers["changed"]
    assert "The account was there and switched off, since" in answers["left"]
    assert "should not have an account" in answers["left"]
    assert "Set off by: Group membership, by olga." in answers["left"]
    before, _, after = answers["left"].partition("it was given:")
    assert way not in before and way in after
    assert "The account was there and switched on, since" in answers["back"]


def test_the_values_are_those_of_then(
    history: dict[str, datetime], faulty_app: App, ann: User
) -> None:
    values = {
        name: past.why_at(faulty_app, moment, user=ann).values.get("name.familyName")
        for name, moment in history.items()
    }
    assert values == {
        "before": None,
        "made": "Ash",
        "changed": "Oak",
        "left": "Oak",
        "back": "Oak",
    }


def test_a_policy_that_is_renamed_since_is_told_as_it_was_then(
    history: dict[str, datetime], faulty_app: App, ann: User
) -> None:
    Policy.objects.update(name="Something else")
    assert "“Zoom for Sales”" in told(faulty_app, history["made"], ann)


def test_evidence_that_is_gone_is_said_so_and_nothing_is_guessed(
    history: dict[str, datetime], faulty_app: App, ann: User, later: Later
) -> None:
    later(days=40)
    Evidence.objects.all().delete()
    answer = told(faulty_app, history["left"], ann)
    assert "switched off" in answer and "kept for 30 days" in answer
    assert "should not have" not in answer
    Event.objects.all().delete()
    App.objects.update(keep_events_days=30)
    faulty_app.refresh_from_db()
    answer = told(faulty_app, history["left"], ann)
    assert "Nothing is recorded" in answer and "Rows of Zoom are kept for 30 days" in answer


def test_who_was_not_here_yet_is_said_so(faulty_app: App, ann: User, push: Push) -> None:
    push()
    answer = told(faulty_app, timezone.now() - timedelta(days=400), ann)
    assert "was added here only" in answer and "Zoom was added here only" in answer


def test_of_a_deleted_person_the_account_is_asked_about(
    faulty_app: App, ann: User, push: Push
) -> None:
    push()
    ann.delete()
    push()
    at = timezone.now().isoformat()
    (found,) = given("why", "ann@example.org", "--at", at)
    assert "switched off" in found["state"][0]
    assert "The person was deleted." in found["reasons"]


def test_the_command_answers_in_sentences_and_in_json(
    history: dict[str, datetime], ann: User
) -> None:
    at = history["left"].isoformat()
    status, said = give("why", ann.username, "zoom", "--at", at)
    assert status == 0
    assert "The account was there and switched off" in said
    assert "name.familyName = Oak" in said and "was created in Zoom" in said
    (found,) = given("why", ann.username, "zoom", "--at", at)
    assert found["values"]["name.familyName"] == "Oak"
    assert len(found["events"]) == 3


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("yesterday", "Write 2026-11-01T10:00"), ("2999-01-01", "has not come yet")],
)
def test_a_moment_that_is_none_is_2(faulty_app: App, ann: User, typed: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as failed:
        give("why", ann.username, "zoom", "--at", typed)
    assert failed.value.returncode == 2


def test_the_page_has_a_field_for_the_moment(
    client: Client,
    admin_user: Operator,
    history: dict[str, datetime],
    faulty_app: App,
    ann: User,
) -> None:
    client.force_login(admin_user)
    at = timezone.localtime(history["left"]).strftime("%Y-%m-%dT%H:%M")
    page = visit(client, "iam_user_why", ann.pk, app=faulty_app.pk, at=at)
    assert "The account was there and switched off" in page.text
    assert f'value="{at}"' in page.html
    wrong = visit(client, "iam_user_why", ann.pk, at="<b>soon")
    assert "is no date and time" in wrong.text and "<b>soon" not in wrong.html
