"""`manage.py purge` removes what is older than it is kept a little at a time, and nothing else."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError
from django.utils import timezone

from iam.models import KeptAnswer
from provisioning import retention
from provisioning.models import App, Event, Evidence, Leaving
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
    assert given("purge", "--older-than", "30") == [
        {"what": "events", "app": None, "older": 1_200, "removed": 1_200},
        {"what": "notes of a removal everywhere", "app": None, "older": 0, "removed": 0},
        {"what": "answers of the API", "app": None, "older": 0, "removed": 0},
    ]
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
        "2 events would be removed. Nothing was.\n"
        "0 notes of a removal everywhere would be removed. Nothing was.\n"
        "0 answers of the API would be removed. Nothing was.\n",
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


# ---------------------------------------------------------------- who was removed everywhere


def leavings(*days: int) -> None:
    now = timezone.now()
    Leaving.objects.bulk_create(
        Leaving(identifier=f"{each} days", at=now - timedelta(days=each), was_active=True)
        for each in days
    )


def noted() -> list[str]:
    return sorted(Leaving.objects.values_list("identifier", flat=True))


def test_who_was_removed_everywhere_goes_with_the_events_of_that_time(app: App) -> None:
    leavings(31, 29)
    assert give("purge", "--older-than", "30", "--app", "Zoom")[0] == 0
    assert noted() == ["29 days", "31 days"]
    assert give("purge", "--older-than", "30")[0] == 0
    assert noted() == ["29 days"]


def test_it_stays_while_any_application_keeps_events_of_that_time(app: App) -> None:
    leavings(101, 99)
    assert give("purge")[0] == 0
    App.objects.create(name="Chat", connector="scim", keep_events_days=30)
    assert give("purge")[0] == 0
    # The other application keeps its events until somebody removes them.
    assert noted() == ["101 days", "99 days"]
    App.objects.filter(pk=app.pk).update(keep_events_days=100)
    assert give("purge")[0] == 0
    assert noted() == ["99 days"]


def test_without_an_application_it_stays(db: None) -> None:
    leavings(4_000)
    assert give("purge")[0] == 0
    assert noted() == ["4000 days"]


# ------------------------------------------------------------------- what each application keeps


def with_evidence(count: int, *, days: int, app: App | None) -> None:
    events(count, days=days, app=app)
    told = Event.objects.filter(evidence=None, identifier=f"{days} days", app=app)
    Evidence.objects.bulk_create(Evidence(event=event) for event in told)


def kept() -> list[tuple[str, int | None]]:
    return sorted(set(Evidence.objects.values_list("event__identifier", "event__app")), key=str)


def test_without_a_number_of_days_each_application_s_own_count(app: App) -> None:
    chat = App.objects.create(
        name="Chat", connector="scim", keep_events_days=100, keep_evidence_days=60
    )
    for days in (101, 99, 61, 59, 31, 29):
        for each in (app, chat, None):
            with_evidence(1, days=days, app=each)
    said = given("purge")
    assert said == [
        {"what": "pieces of evidence", "app": None, "older": 13, "removed": 13},
        {"what": "events", "app": "Chat", "older": 1, "removed": 1},
        {"what": "notes of a removal everywhere", "app": None, "older": 0, "removed": 0},
        {"what": "answers of the API", "app": None, "older": 0, "removed": 0},
    ]
    assert kept() == sorted(
        [("29 days", app.pk), ("29 days", None)]
        + [(f"{days} days", chat.pk) for days in (29, 31, 59)],
        key=str,
    )
    assert Event.objects.count() == 17
    assert ("101 days", chat.pk) not in left()


def test_of_one_application_only_what_it_keeps_is_looked_at(app: App) -> None:
    chat = App.objects.create(name="Chat", connector="scim")
    for each in (app, chat, None):
        with_evidence(1, days=31, app=each)
    assert give("purge", "--app", "zoom", "--dry-run") == (
        0,
        "1 piece of evidence of Zoom would be removed. Nothing was.\n",
    )
    assert give("purge", "--app", "zoom")[0] == 0
    assert kept() == sorted([("31 days", chat.pk), ("31 days", None)], key=str)


def test_evidence_goes_with_its_event(app: App) -> None:
    with_evidence(3, days=40, app=app)
    assert give("purge", "--older-than", "30")[0] == 0
    assert not Evidence.objects.exists()


def test_more_evidence_than_one_batch_goes_and_what_is_younger_stays(app: App) -> None:
    with_evidence(1_200, days=31, app=app)
    with_evidence(2, days=29, app=app)
    asked: list[int] = []
    rows = retention.expired_evidence([app], deleted=False)
    assert retention.purge(rows, told=asked.append) == 1_200
    assert asked == [500, 1_000, 1_200]
    assert Evidence.objects.count() == 2


def test_no_application_can_be_told_to_keep_less_than_the_guard_counts(app: App) -> None:
    app.keep_events_days = 6
    with pytest.raises(ValidationError, match="greater than or equal to 7"):
        app.full_clean()
