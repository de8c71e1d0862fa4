"""`manage.py purge` removes old events a little at a time, and nothing else."""

from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from iam.models import KeptAnswer
from provisioning import retention
from provisioning.models import App, Event
from tests.support.commands import give, given


@pytest.fixture
def app(db: None) -> App:
    return App.objects.create(name="Zoom", connector="scim")


def events(count: int, *, days: int, app: App | None = None) -> None:
    at = timezone.now() - timedelta(days=days)
    Event.objects.bulk_create(
        Event(at=at, app=app, identifier=f"{days} days", message="Ok.") for _ in range(count)
    )


def left() -> list[tuple[str, int | None]]:
    return sorted(set(Event.objects.values_list("identifier", "app")), key=str)


def test_what_is_older_goes_and_the_rest_stays(app: App) -> None:
    events(1_200, days=31)
    events(3, days=29)
    assert given("purge", "--older-than", "30") == [{"older": 1_200, "removed": 1_200}]
    assert (Event.objects.count(), left()) == (3, [("29 days", None)])


def test_of_one_application_only_that_is_touched(app: App) -> None:
    events(1, days=31, app=app)
    events(1, days=31)
    assert give("purge", "--older-than", "30", "--app", "zoom")[0] == 0
    assert left() == [("31 days", None)]


def test_a_dry_run_says_how_many_and_removes_none(app: App) -> None:
    events(2, days=31)
    assert give("purge", "--older-than", "30", "--dry-run") == (
        0,
        "2 events would be removed. Nothing was.\n",
    )
    assert Event.objects.count() == 2


def test_the_oldest_go_first_and_it_stops_between_two_batches_when_it_is_asked_to(
    app: App,
) -> None:
    events(500, days=40)
    events(500, days=35)
    asked: list[int] = []
    old = retention.older(than=timedelta(days=30))
    assert retention.purge(old, stopped=lambda: bool(asked), told=asked.append) == 500
    assert left() == [("35 days", None)]


@pytest.mark.parametrize("days", ["6", "0", "-1", "36501"])
def test_what_the_guard_counts_is_never_removed(app: App, days: str) -> None:
    events(1, days=5)
    with pytest.raises(CommandError, match="from 7 to 36500") as failed:
        give("purge", f"--older-than={days}")
    assert failed.value.returncode == 2
    with pytest.raises(ValueError, match="7 days"):
        retention.older(than=timedelta(days=6))
    assert Event.objects.count() == 1


# ------------------------------------------------------------------------- answers of the API


def answers(count: int, *, hours: int) -> None:
    KeptAnswer.objects.bulk_create(
        KeptAnswer(caller="token:1", key=f"{hours}-{number}", request="x")
        for number in range(count)
    )
    at = timezone.now() - timedelta(hours=hours)
    KeptAnswer.objects.filter(key__startswith=f"{hours}-").update(created_at=at)


def test_answers_that_nobody_can_ask_for_again_go_and_the_others_stay(app: App) -> None:
    answers(1_100, hours=25)
    answers(2, hours=23)
    assert give("purge", "--older-than", "30", "--dry-run")[0] == 0
    assert give("purge", "--older-than", "30", "--app", "Zoom")[0] == 0
    assert KeptAnswer.objects.count() == 1_102
    assert give("purge", "--older-than", "30")[0] == 0
    assert sorted(KeptAnswer.objects.values_list("key", flat=True)) == ["23-0", "23-1"]
